#include "server/user_agent.h"

#include <string.h>

struct mark {
    const char *text; /* compared with case */
    const char *name;
};

/* Every browser also names those it wants to be taken for: the first match counts, so imitators stand above what they
 * imitate. */
static const struct mark browsers[] = {
    {"bot", NULL}, /* robots and tools quote browsers, too */
    {"Bot", NULL},
    {"HeadlessChrome", NULL},
    {"EdgA/", "Edge"},
    {"EdgiOS/", "Edge"},
    {"Edg/", "Edge"},
    {"Edge/", "Edge"},
    {"OPR/", "Opera"},
    {"OPT/", "Opera"},
    {"OPiOS/", "Opera"},
    {"Opera", "Opera"},
    {"SamsungBrowser/", "Samsung Internet"},
    {"HuaweiBrowser/", "Huawei Browser"},
    {"MiuiBrowser/", "Mi Browser"},
    {"Vivaldi/", "Vivaldi"},
    {"YaBrowser/", "Yandex"},
    {"DuckDuckGo/", "DuckDuckGo"},
    {"Ddg/", "DuckDuckGo"},
    {"Ecosia", "Ecosia"},
    {"QwantMobile/", "Qwant"},
    {"Qwant", "Qwant"},
    {"FxiOS/", "Firefox"},
    {"Firefox/", "Firefox"},
    {"CriOS/", "Chrome"},
    {"Chromium/", "Chromium"},
    {"Chrome/", "Chrome"},
    {"MSIE ", "Internet Explorer"},
    {"Trident/", "Internet Explorer"},
    {"Epiphany/", "Epiphany"},
    {"Android", "Navigateur"},
    {"Safari/", "Safari"},
};

static const struct mark systems[] = {
    {"Windows Phone", "Windows Phone"},
    {"iPhone", "iPhone"},
    {"iPad", "iPad"},
    {"iPod", "iPod"},
    {"Android", "Android"},
    {"CrOS", "ChromeOS"},
    {"Windows", "Windows"},
    {"Macintosh", "Mac"}, /* an iPad that asks for full pages says so, too */
    {"Linux", "Linux"},
    {"FreeBSD", "FreeBSD"},
    {"OpenBSD", "OpenBSD"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *find_name(const struct mark *marks, size_t n_marks, struct str user_agent)
{
    for (size_t i = 0; i < n_marks; i++) {
        if (memmem(user_agent.ptr, user_agent.len, marks[i].text, strlen(marks[i].text)))
            return marks[i].name;
    }
    return NULL;
}

struct str user_agent_describe(struct arena *arena, struct str user_agent)
{
    const char *browser = NULL, *system = NULL;

    if (user_agent.len > 0) {
        browser = find_name(browsers, COUNT(browsers), user_agent);
        system = find_name(systems, COUNT(systems), user_agent);
    }
    if (!browser)
        browser = "Navigateur inconnu";
    return system ? arena_printf(arena, "%s sur %s", browser, system) : str_from(browser);
}
