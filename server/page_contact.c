/* Modifier mes coordonnées. */
#include "common/mail_address.h"
#include "server/notice.h"
#include "server/page.h"
#include "server/pages.h"

/* The fields in their order on the page and in SQL_CONTACT_CHANGE. */
static const struct contact_field {
    const char *name;
    const char *label;
    enum user_column column;
    size_t length_max; /* characters: the column's width */
    bool required;
    const char *missing;
    size_t view; /* offset of its struct field_view */
} fields[] = {
    {"nom", "Nom", USER_LAST_NAME, 80, true, "Indiquez votre nom.", offsetof(struct contact_view, nom)},
    {"prenom", "Prénom", USER_FIRST_NAME, 80, false, NULL, offsetof(struct contact_view, prenom)},
    {"adresse1", "Adresse", USER_ADDRESS1, 120, false, NULL, offsetof(struct contact_view, adresse1)},
    {"adresse2", "Complément d'adresse", USER_ADDRESS2, 120, false, NULL, offsetof(struct contact_view, adresse2)},
    {"code_postal", "Code postal", USER_POSTCODE, 10, false, NULL, offsetof(struct contact_view, code_postal)},
    {"ville", "Ville", USER_CITY, 80, false, NULL, offsetof(struct contact_view, ville)},
    {"telephone", "Téléphone", USER_PHONE, 20, false, NULL, offsetof(struct contact_view, telephone)},
    {"courriel", "Courriel", USER_EMAIL, MAIL_ADDRESS_MAX, true,
     "Indiquez votre courriel : les confirmations de paiement y sont envoyées.",
     offsetof(struct contact_view, courriel)},
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static struct field_view *field_of(struct contact_view *view, const struct contact_field *field)
{
    return (struct field_view *)((char *)view + field->view);
}

static bool is_phone(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!digit && !strchr("+ .-()/", text.ptr[i]))
            return false;
        digits += digit;
    }
    return text.len == 0 || digits >= 6;
}

static struct str judge(struct arena *arena, const struct contact_field *field, struct str value)
{
    if (field->required && value.len == 0)
        return str_from(field->missing);
    if (str_utf8_length(value) > field->length_max)
        return arena_printf(arena, "%s\u00a0: %zu\u00a0caractères au plus.", field->label, field->length_max);
    if (str_has_control(value, ""))
        return arena_printf(arena, "%s\u00a0: des caractères invisibles s'y trouvent, retapez ce champ.", field->label);
    if (field->column == USER_EMAIL && !mail_address_is_valid(value))
        return STR("Ce courriel n'est pas valable : écrivez par exemple prenom.nom@exemple.fr.");
    if (field->column == USER_PHONE && !is_phone(value))
        return STR("Ce numéro ne se lit pas : écrivez par exemple 04\u00a042\u00a000\u00a000\u00a000.");
    return STR_NULL;
}

static void show_form(struct page *page, unsigned status, struct contact_view *view)
{
    struct response *response = page_response(page, status);
    view->page = page->view;
    template_page_contact(&response->body, view);
    page_send(page, response);
}

/* The old address is told: a thief who changes it must not go unnoticed. */
static void changed(struct page *page)
{
    struct str old_email = page_user_text(page, USER_EMAIL);

    if (!str_eq_nocase(old_email, page_field(page, "courriel")))
        notice_email_changed(page->app, page_user_text(page, USER_LOGIN), old_email);
    page_redirect(page, STR("/accueil?coordonnees=enregistrees"));
}

static void submit(struct page *page)
{
    struct contact_view view = {0};
    struct db_value values[N_FIELDS + 2];

    for (unsigned i = 0; i < N_FIELDS; i++) {
        struct field_view *field = field_of(&view, &fields[i]);
        field->value = page_field(page, fields[i].name);
        field->error = judge(page->arena, &fields[i], field->value);
        if (field->error.len > 0)
            page_error(page, fields[i].name, field->error);
        values[i] = DB_S(field->value);
    }
    if (page->view.n_errors > 0) {
        show_form(page, 422, &view);
        return;
    }
    values[N_FIELDS] = DB_I(page->session->user_id);
    values[N_FIELDS + 1] = DB_I(page->session->school_id);
    page_add_step(page, SQL_CONTACT_CHANGE, DB_ANY_COUNT, values, N_FIELDS + 2);
    page_query(page, changed);
}

static void opened(struct page *page)
{
    struct contact_view view = {0};

    if (page_is_post(page)) {
        submit(page);
        return;
    }
    for (unsigned i = 0; i < N_FIELDS; i++)
        field_of(&view, &fields[i])->value = page_user_text(page, fields[i].column);
    show_form(page, 200, &view);
}

void page_contact(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Modifier mes coordonnées", opened);
}
