#include "server/my_data.h"

#include <assert.h>

static const char *const names[MY_DATA_SECTIONS] = {
    [MY_DATA_PERSON] = "personne",      [MY_DATA_ACCOUNTS] = "comptes",
    [MY_DATA_CLAIMS] = "creances",      [MY_DATA_LOGINS] = "connexions",
    [MY_DATA_MAILS] = "courriels",      [MY_DATA_PASSWORD_REQUESTS] = "demandes_mot_de_passe",
    [MY_DATA_REPORTS] = "signalements", [MY_DATA_PAYMENTS] = "paiements",
};

static void begin_section(struct my_data *data)
{
    buf_printf(&data->json, ",\n\"%s\": [", names[data->section]);
    data->n_rows = 0;
}

static void end_section(struct my_data *data)
{
    buf_append(&data->json, data->n_rows > 0 ? STR("\n]") : STR("]"));
}

void my_data_init(struct my_data *data, const char *site, const char *made_at)
{
    *data = (struct my_data){.section = MY_DATA_PERSON};
    buf_init(&data->json, MY_DATA_BYTES_MAX);
    buf_printf(&data->json, "{\n\"site\": \"%s\",\n\"fait_le\": \"%s\"", site, made_at);
    begin_section(data);
}

void my_data_done(struct my_data *data)
{
    buf_done(&data->json);
}

static void go_to(struct my_data *data, enum my_data_section section)
{
    assert(section >= data->section);
    while (data->section < section) {
        end_section(data);
        if (++data->section < MY_DATA_SECTIONS)
            begin_section(data);
    }
}

void my_data_add(struct my_data *data, enum my_data_section section, struct str object)
{
    go_to(data, section);
    buf_append(&data->json, data->n_rows++ > 0 ? STR(",\n  ") : STR("\n  "));
    buf_append(&data->json, object);
}

void my_data_finish(struct my_data *data)
{
    go_to(data, MY_DATA_SECTIONS);
    buf_append(&data->json, STR("\n}\n"));
}
