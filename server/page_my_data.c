/* Mes données: what is kept of the person, in words, and all of it as a zip. */
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "server/archive.h"
#include "server/my_data.h"
#include "server/page.h"
#include "server/pages.h"
#include "templates/assets.h"

static void page_opened(struct page *page)
{
    struct my_data_view view = {
        .page = page->view,
        .too_large = str_eq(form_get(&page->form, "fichier"), STR("trop-lourd")),
        .bursar_phone = page_user_text(page, USER_BURSAR_PHONE),
        .bursar_email = page_user_text(page, USER_BURSAR_EMAIL),
    };
    struct response *response = page_response(page, 200);

    template_page_my_data(&response->body, &view);
    page_send(page, response);
}

void page_my_data(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Mes données", page_opened);
}

/* --- the file ------------------------------------------------------------------------------------------------------
 */

/* Rows of a piece, and what the answers of one may take in memory. DOWNLOADS_MAX at once in a process. */
enum { PIECE_ROWS = DB_ROWS_MAX, PIECE_BYTES_MAX = 2 * MY_DATA_BYTES_MAX, DOWNLOADS_MAX = 2 };

struct download {
    struct page *page; /* borrowed; waits for this */
    struct my_data data;
    struct arena arena; /* of one piece's rows */
    struct db_step step;
    struct db_value params[16];
    struct db_run run;
    page_cb loaded;
    uv_work_t work;
    struct buf zip; /* the thread's until it is done */
    int err;
};

static void finish(struct download *download)
{
    download->page->app->n_downloads--;
    my_data_done(&download->data);
    arena_done(&download->arena);
    buf_done(&download->zip);
}

static void fail(struct page *page, int err)
{
    finish(page->state);
    if (err == ERR_TOO_LARGE)
        page_redirect(page, STR("/mes-donnees?fichier=trop-lourd"));
    else
        page_fail_err(page, err);
}

static void send_zip(struct page *page)
{
    struct download *download = page->state;
    struct response *response = page_response(page, 200);

    response->content_type = "application/zip";
    response_header(response, "Content-Disposition", STR("attachment; filename=\"mes-donnees-demi-pension.zip\""));
    buf_append(&response->body, buf_str(&download->zip));
    finish(download);
    page_send(page, response);
}

static void packed(uv_work_t *work, int status)
{
    struct page *page = work->data;
    struct download *download = page->state;
    int err = status ? ERR_CANCELLED : download->err;

    if (err)
        fail(page, err);
    else
        send_zip(page);
}

static struct str explanation(void)
{
    for (unsigned i = 0; i < n_assets; i++) {
        if (str_eq_text(STR("lisez-moi.txt"), assets[i].name))
            return assets[i].bytes;
    }
    log_fatal("asset_missing", LOG_STR("name", "lisez-moi.txt"));
}

/* On a thread of libuv's, which nothing else of this program waits for. */
static void pack(uv_work_t *work)
{
    struct page *page = work->data;
    struct download *download = page->state;
    const struct archive_file files[] = {
        {"LISEZ-MOI.txt", explanation()},
        {"donnees.json", buf_str(&download->data.json)},
    };

    download->err = archive_pack(files, 2, &download->zip);
}

static void start_packing(struct page *page)
{
    struct download *download = page->state;

    my_data_finish(&download->data);
    if (!buf_ok(&download->data.json)) {
        fail(page, ERR_TOO_LARGE);
        return;
    }
    download->work.data = page;
    if (uv_queue_work(page->app->loop, &download->work, pack, packed) != 0)
        log_fatal("work_refused");
}

/* --- reading: piece by piece, each from the last one's key on --- */

static void piece_loaded(struct db_run *run, int err)
{
    struct page *page = run->data;
    struct download *download = page->state;

    if (err)
        fail(page, err);
    else
        download->loaded(page);
}

static void load_piece(struct page *page, enum statement statement, page_cb loaded)
{
    struct download *download = page->state;

    download->loaded = loaded;
    download->step = (struct db_step){.statement = statement, .params = download->params, .expect = DB_ANY_COUNT};
    download->run = (struct db_run){
        .arena = &download->arena,
        .steps = &download->step,
        .n_steps = 1,
        .done = piece_loaded,
        .data = page,
    };
    arena_done(&download->arena);
    db_pool_run(page->app->db, &download->run);
}

static void load_payments(struct page *page, int64_t after_us, int64_t after_id);

static void payments_loaded(struct page *page)
{
    struct download *download = page->state;
    const struct db_result *result = download->run.results;

    for (unsigned i = 0; i < result->n_rows; i++)
        my_data_add(&download->data, MY_DATA_PAYMENTS, db_row(result, i)[MY_PAYMENT_JSON].text);
    if (result->n_rows < PIECE_ROWS || !buf_ok(&download->data.json)) {
        start_packing(page);
        return;
    }
    const struct db_value *last = db_row(result, result->n_rows - 1);
    load_payments(page, last[MY_PAYMENT_CREATED_AT].number, last[MY_PAYMENT_ID].number);
}

static void load_payments(struct page *page, int64_t after_us, int64_t after_id)
{
    struct download *download = page->state;
    const struct db_value params[] = {
        DB_S(str_from(page->app->config->site.base_url)),
        PAGE_OWNER(page),
        DB_I(after_us),
        DB_I(after_us),
        DB_I(after_us),
        DB_I(after_id),
        DB_I(PIECE_ROWS),
    };

    memcpy(download->params, params, sizeof params);
    load_piece(page, SQL_MY_PAYMENTS, payments_loaded);
}

static void load_rest(struct page *page, int64_t section, int64_t after_id);

static void rest_loaded(struct page *page)
{
    struct download *download = page->state;
    const struct db_result *result = download->run.results;

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = db_row(result, i);
        my_data_add(&download->data, (enum my_data_section)row[MY_DATA_SECTION].number, row[MY_DATA_JSON].text);
    }
    if (result->n_rows < PIECE_ROWS || !buf_ok(&download->data.json)) {
        load_payments(page, 0, 0);
        return;
    }
    const struct db_value *last = db_row(result, result->n_rows - 1);
    load_rest(page, last[MY_DATA_SECTION].number, last[MY_DATA_ID].number);
}

static void load_rest(struct page *page, int64_t section, int64_t after_id)
{
    struct download *download = page->state;
    const struct db_value user = DB_I(page->session->user_id);
    const struct db_value params[] = {
        PAGE_OWNER(page), PAGE_OWNER(page), PAGE_OWNER(page), user,           PAGE_OWNER(page), user,
        PAGE_OWNER(page), DB_I(section),    DB_I(section),    DB_I(after_id), DB_I(PIECE_ROWS),
    };

    memcpy(download->params, params, sizeof params);
    load_piece(page, SQL_MY_DATA, rest_loaded);
}

static void start(struct page *page)
{
    struct download *download = ARENA_NEW(page->arena, struct download);
    char now[CLOCK_RFC3339_SIZE];

    page->state = download;
    page->app->n_downloads++;
    download->page = page;
    clock_to_rfc3339(clock_now_us(), now);
    my_data_init(&download->data, page->app->config->site.base_url, now);
    arena_init(&download->arena, PIECE_BYTES_MAX);
    buf_init(&download->zip, RESPONSE_BODY_MAX);
    load_rest(page, MY_DATA_PERSON, 0);
}

static void zip_opened(struct page *page)
{
    struct app *app = page->app;

    if (!rate_limit_take(app->download_rates, page->request->address, clock_monotonic_ms()))
        page_fail(page, 429);
    else if (app->n_downloads >= DOWNLOADS_MAX)
        page_fail(page, 503);
    else
        start(page);
}

void page_my_data_zip(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Mes données", zip_opened);
}
