#include "server/card_brands.h"

#include "common/log.h"
#include "templates/assets.h"

static const struct {
    const char *code, *label, *image;
} brands[] = {
    {"CBS", "Carte Bleue, Visa ou Mastercard", "carte-bancaire.svg"},
    {"AMX", "American Express", "carte-amex.svg"},
    {"AUR", "Carte Aurore", "carte-autre.svg"},
};

static struct str asset_path(const char *name)
{
    for (unsigned i = 0; i < n_assets; i++) {
        if (strcmp(assets[i].name, name) == 0)
            return str_from(assets[i].path);
    }
    log_fatal("missing_asset", LOG_STR("name", name));
}

unsigned card_brands_list(struct str means, struct card_brand_view out[CARD_BRANDS_MAX])
{
    unsigned n = 0;
    for (size_t i = 0; i < sizeof brands / sizeof brands[0] && n < CARD_BRANDS_MAX; i++) {
        if (card_brands_has(means, str_from(brands[i].code)))
            out[n++] = (struct card_brand_view){
                .code = str_from(brands[i].code),
                .label = str_from(brands[i].label),
                .image = {asset_path(brands[i].image)},
            };
    }
    return n;
}

bool card_brands_has(struct str means, struct str code)
{
    while (means.len > 0) {
        if (str_eq(str_trim(str_cut(means, ',', &means)), code) && code.len > 0)
            return true;
    }
    return false;
}
