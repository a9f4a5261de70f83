#include "server/school_file.h"

#include "common/err.h"
#include "common/log.h"
#include "server/page.h"
#include "server/static_files.h"

enum { HASH_LEN = 32 };

/* Columns of SQL_SCHOOL_FILE. */
enum { FILE_KIND, FILE_BYTES };

struct look_up {
    struct request *request; /* holds one reference */
    struct str hash, kind;   /* of the address: "3f9a…", "png" */
    struct db_value param;
    struct db_step step;
    struct db_run run;
};

static const char *content_type(struct str kind)
{
    if (str_eq_text(kind, "css"))
        return "text/css; charset=utf-8";
    return str_eq_text(kind, "png") ? "image/png" : str_eq_text(kind, "webp") ? "image/webp" : NULL;
}

static bool is_hash(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr("0123456789abcdef", text.ptr[i]))
            return false;
    }
    return text.len == HASH_LEN;
}

static void send_file(const struct look_up *look_up, unsigned status, struct str bytes)
{
    struct request *request = look_up->request;
    struct response *response = response_new(request, status);

    response->cache = RESPONSE_IMMUTABLE;
    response_header(response, "ETag", arena_printf(&request->arena, "\"%.*s\"", STR_ARG(look_up->hash)));
    if (status == 200) {
        response->content_type = content_type(look_up->kind);
        buf_append(&response->body, bytes);
    }
    response_send(response);
}

static void loaded(struct db_run *run, int err)
{
    struct look_up *look_up = run->data;
    const struct db_result *result = run->results;

    if (err) {
        log_warn("school_file_failed", LOG_ERR(err), LOG_REQUEST(look_up->request->id));
        page_draw_error(look_up->request, 503, NULL);
    } else if (result->n_rows == 0 || !str_eq(db_row(result, 0)[FILE_KIND].text, look_up->kind)) {
        page_draw_error(look_up->request, 404, NULL);
    } else {
        send_file(look_up, 200, db_row(result, 0)[FILE_BYTES].text);
    }
    request_unref(look_up->request);
}

static void start(struct look_up *look_up)
{
    struct app *app = look_up->request->app;

    request_ref(look_up->request);
    look_up->param = DB_S(look_up->hash);
    look_up->step = (struct db_step){.statement = SQL_SCHOOL_FILE, .params = &look_up->param, .expect = DB_ANY_COUNT};
    look_up->run = (struct db_run){
        .arena = &look_up->request->arena,
        .steps = &look_up->step,
        .n_steps = 1,
        .done = loaded,
        .data = look_up,
    };
    db_pool_run(app->db, &look_up->run);
}

void school_file_get(struct request *request)
{
    struct look_up *look_up = ARENA_NEW(&request->arena, struct look_up);

    look_up->request = request;
    look_up->hash = str_cut(request->params[0], '.', &look_up->kind);
    if (!is_hash(look_up->hash) || !content_type(look_up->kind))
        page_draw_error(request, 404, NULL);
    else if (static_files_etag_matches(request, arena_printf(&request->arena, "\"%.*s\"", STR_ARG(look_up->hash))))
        send_file(look_up, 304, STR_NULL);
    else
        start(look_up);
}
