#include "server/notice.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

static void journalled(void *data, int err)
{
    (void)data;
    if (err)
        log_error("notice_not_journalled", LOG_ERR(err));
}

static void pushed(void *data, int err)
{
    (void)data;
    if (err)
        log_warn("notice_not_pushed", LOG_ERR(err));
}

static void keep(struct app *app, struct event *event)
{
    event_id_random(event->id);
    event->at_us = clock_now_us();
    journal_append(app->journal, event, journalled, NULL);
    event_queue_push(app->events, event, 0, pushed, NULL);
}

void notice_password_changed(struct app *app, struct str login)
{
    struct event event = {.kind = EVENT_PASSWORD_CHANGED, .login = login};
    keep(app, &event);
}

void notice_payment_discarded(struct app *app, struct str reference, struct str user)
{
    struct event event = {.kind = EVENT_PAYMENT_DISCARDED, .reference = reference, .user = user};
    keep(app, &event);
}

void notice_problem_reported(struct app *app, struct str reference, struct str user, struct str message)
{
    struct event event = {.kind = EVENT_PROBLEM_REPORTED, .reference = reference, .user = user, .message = message};
    keep(app, &event);
}

void notice_email_changed(struct app *app, struct str login, struct str old_email)
{
    struct event event = {.kind = EVENT_EMAIL_CHANGED, .login = login, .email = old_email};
    if (old_email.len > 0)
        keep(app, &event);
}
