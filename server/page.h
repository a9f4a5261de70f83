/* page: one parent's page from request to HTML. Opens the session, loads the person, reads the form, checks the hidden
 * token, then hands over to the page's own function; runs its SQL; draws every error the same way.
 *
 * A page does one thing at a time, so its continuation and its SQL run are members and nothing is allocated per step.
 */
#ifndef DP_SERVER_PAGE_H
#define DP_SERVER_PAGE_H

#include "server/app.h"
#include "server/form.h"
#include "server/login_guard.h"
#include "server/request.h"
#include "server/response.h"
#include "server/statements.h"
#include "server/wanted.h"
#include "templates/templates.h"

enum { PAGE_STEPS_MAX = 24 };

enum page_access {
    PAGE_PUBLIC,      /* anybody; the person is loaded when logged in */
    PAGE_LOGGED_IN,   /* else 303 to /connexion; a person who must change the password is sent there first */
    PAGE_PASSWORD,    /* logged in, also while the password must be changed */
    PAGE_BANK_RETURN, /* anybody; what the bank's page sent is read if it can be, and no token is asked */
};

struct page;
typedef void (*page_cb)(struct page *page);

struct page {
    struct request *request; /* holds one reference */
    struct app *app;
    struct arena *arena; /* the request's */
    enum page_access access;
    const char *repeated;            /* a field that the query may hold several times; "": none */
    struct str cookie;               /* of the session, or the anonymous one; STR_NULL when there is none */
    struct session *session;         /* NULL when logged out */
    unsigned n_awaited;              /* answers of Redis that opening waits for */
    int session_err;                 /* what looking up the session gave */
    bool is_over_rate;               /* this client asks too much of all servers together */
    enum statement opening;          /* the statement that finds the person */
    const struct db_result *opened;  /* its rows; NULL when logged out */
    const struct db_value *user;     /* the first of them, columns of SQL_USER_PAGE; NULL when logged out */
    struct form form;                /* the body of a POST, else the query */
    struct str new_visitor;          /* anonymous cookie to be set with the answer; STR_NULL: none */
    struct page_view view;           /* head and header, filled */
    struct field_error_view *errors; /* room for PAGE_ERRORS_MAX, made at the first error */
    void *state;                     /* the page's own */

    page_cb handler;  /* the page's own function, once the page is open */
    page_cb next;     /* continuation of what is under way */
    page_cb conflict; /* continuation for ERR_CONFLICT, or NULL */
    struct db_step steps[PAGE_STEPS_MAX];
    unsigned n_steps;
    struct db_run run;
};

/* Opens a page: `next` is called once the client's limit across all servers allows it, the person is known and the form
 * is good; every other outcome is answered here (303, 400, 403, 429, 503 …). */
void page_open(struct request *request, enum page_access access, const char *title, page_cb next);
/* The same for a page whose first statement brings more than the person: SQL_USER_HISTORY. */
void page_open_with(struct request *request, enum page_access access, const char *title, enum statement opening,
                    page_cb next);
/* The same for a page whose query may hold the field `repeated` several times. */
void page_open_repeated(struct request *request, enum page_access access, const char *title, const char *repeated,
                        page_cb next);

/* --- SQL -----------------------------------------------------------------------------------------------------------
 */

/* Adds a step; parameters are copied. */
void page_add_step(struct page *page, enum statement statement, int64_t expect, const struct db_value *params,
                   unsigned n_params);
#define page_step(page, statement, expect, ...)                                          \
    page_add_step((page), (statement), (expect), (const struct db_value[]){__VA_ARGS__}, \
                  sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
/* Runs the steps and calls `next`; errors are answered (503 or 500). */
void page_query(struct page *page, page_cb next);
/* The same as one SQL transaction; `conflict` is called when nothing was changed because a key or an expected count
 * said no. */
void page_change(struct page *page, page_cb next, page_cb conflict);
/* The same as page_query() within `within_ms`, and `next` is called whatever came of it, errors are only logged: for
 * what is worth less than the answer. There are no results then. */
void page_try(struct page *page, unsigned within_ms, page_cb next);
const struct db_result *page_result(const struct page *page, unsigned step);
const struct db_value *db_row(const struct db_result *result, unsigned row);

/* The logged-in person's ids as parameters: user, then school. */
#define PAGE_OWNER(page) DB_I((page)->session->user_id), DB_I((page)->session->school_id)

/* --- answers -------------------------------------------------------------------------------------------------------
 */

/* A page of the given status; render it into ->body, then page_send(). */
struct response *page_response(struct page *page, unsigned status);
void page_send(struct page *page, struct response *response);
void page_redirect(struct page *page, struct str location);
/* The error page with the status's title and advice. */
void page_fail(struct page *page, unsigned status);
/* For a dependency's ERR_ code: 503 where trying again helps, else 500. */
void page_fail_err(struct page *page, int err);
/* Without a page (the router's own answers). `allow` is 405's. */
void page_draw_error(struct request *request, unsigned status, const char *allow);

/* --- cookies (page_cookies.c) --------------------------------------------------------------------------------------
 */

struct str page_session_cookie(const struct page *page);
void page_set_session(struct page *page, struct response *response, const struct session *session);
void page_clear_session(struct page *page, struct response *response);
/* For a form that is shown to logged-out visitors: gives the browser a random cookie, unless it has one, and the form
 * its token. */
void page_bind_visitor(struct page *page);
struct str page_visitor_cookie(const struct page *page);
/* The cookie that page_bind_visitor() made, if it made one. */
void page_set_visitor(struct page *page, struct response *response);
/* Keeps what this request was after for a quarter of an hour, so that the login leads there. */
void page_keep_wanted(struct page *page, struct response *response);
struct wanted page_wanted(const struct page *page);
void page_forget_wanted(struct page *page, struct response *response);

/* --- the session's end (page_session.c) ----------------------------------------------------------------------------
 */

/* What the page tells of it: a warning that its style sheet shows in time. In the page's arena. */
const struct session_end_view *page_session_end(const struct page *page);

/* --- forms ---------------------------------------------------------------------------------------------------------
 */

/* Notes a wrong field for the summary at the top; `field` is its name and id, and is kept. At most PAGE_ERRORS_MAX are
 * kept. */
enum { PAGE_ERRORS_MAX = 24 };
void page_error(struct page *page, const char *field, struct str message);
/* The field's value, white space at both ends removed; empty when absent. */
struct str page_field(const struct page *page, const char *name);
struct str page_user_text(const struct page *page, enum user_column column);
int64_t page_user_number(const struct page *page, enum user_column column);
/* Makes the login guard's attempt ready for this login and the network that the request came from. */
void page_init_attempt(const struct page *page, struct login_attempt *attempt, struct str login);
/* True for a POST. */
bool page_is_post(const struct page *page);

#endif
