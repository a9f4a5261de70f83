#include "worker/mail_content.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/french.h"
#include "common/payment_state.h"
#include "templates/mail_views.h"
#include "templates/templates.h"
#include "worker/alarm.h"

/* Where one mail's content is put together. */
struct content {
    const struct outbox_mail *mail;
    const struct config *config;
    struct db *db;
    const struct mail_extras *extras;
    struct arena *arena;
    struct buf text, html;
    struct str subject, reply_to;
};

/* What STATEMENT_MAIL_PAYMENT and STATEMENT_MAIL_LINES say of a payment, ready to read. */
struct payment_texts {
    struct str reference, amount, comment, parent_name, parent_email, bank_ref, school_name, bursar_email;
    struct str paid_at, created_at, sent_at, receipt;
    struct str waiting; /* more than its claims still took: in suspense; empty: nothing */
    enum payment_state state;
    bool is_claim;
    const struct payment_line_view *lines;
    unsigned n_lines;
};

static struct str full_name(struct arena *arena, struct str first, struct str last)
{
    return first.len ? arena_printf(arena, "%.*s %.*s", STR_ARG(first), STR_ARG(last)) : last;
}

static struct str moment(struct arena *arena, const struct db_result *row, size_t col)
{
    return db_is_null(row, 0, col) ? STR_NULL : french_datetime(arena, db_int(row, 0, col));
}

static struct str receipt_text(struct arena *arena, const struct db_result *row, size_t year, size_t number)
{
    if (db_is_null(row, 0, number))
        return STR_NULL;
    return arena_printf(arena, "%lld-%06lld", (long long)db_int(row, 0, year), (long long)db_int(row, 0, number));
}

static int load_lines(struct content *content, struct payment_texts *payment)
{
    enum { LAST, FIRST, CLASS, CLAIM_NUMBER, CLAIM_LABEL, AMOUNT, WAITING };
    struct db_value id = DB_INT(content->mail->transaction_id);
    struct db_result rows;
    int err = db_run(content->db, STATEMENT_MAIL_LINES, &id, 1, content->arena, &rows);
    if (err)
        return err;
    struct payment_line_view *lines = ARENA_ARRAY(content->arena, rows.n_rows, struct payment_line_view);
    int64_t waiting_cents = 0;
    for (size_t i = 0; i < rows.n_rows; i++) {
        bool claim = !db_is_null(&rows, i, CLAIM_NUMBER);
        lines[i] = (struct payment_line_view){
            .last_name = db_text(&rows, i, LAST),
            .first_name = db_text(&rows, i, FIRST),
            .class_name = db_text(&rows, i, CLASS),
            .unassigned_claim = payment->is_claim && !claim,
            .amount = french_money(content->arena, db_int(&rows, i, AMOUNT)),
        };
        if (!db_is_null(&rows, i, WAITING))
            waiting_cents += db_int(&rows, i, WAITING);
        if (claim)
            lines[i].claim =
                french_claim(content->arena, db_text(&rows, i, CLAIM_NUMBER), db_text(&rows, i, CLAIM_LABEL));
    }
    payment->lines = lines;
    payment->n_lines = (unsigned)rows.n_rows;
    if (waiting_cents > 0)
        payment->waiting = french_money(content->arena, waiting_cents);
    return 0;
}

static int load_payment(struct content *content, struct payment_texts *ret)
{
    enum {
        REFERENCE,
        AMOUNT,
        IS_CLAIM,
        COMMENT,
        EMAIL,
        BANK_REF,
        ACCEPTED,
        CREATED,
        SENT,
        STATE,
        SCHOOL,
        BURSAR,
        FIRST,
        LAST,
        YEAR,
        NUMBER
    };
    struct arena *arena = content->arena;
    struct db_value id = DB_INT(content->mail->transaction_id);
    struct db_result row;
    int err = db_run(content->db, STATEMENT_MAIL_PAYMENT, &id, 1, arena, &row);
    if (err || row.n_rows == 0)
        return err ? err : ERR_NOT_FOUND;
    *ret = (struct payment_texts){
        .reference = db_text(&row, 0, REFERENCE),
        .amount = french_money(arena, db_int(&row, 0, AMOUNT)),
        .comment = db_text(&row, 0, COMMENT),
        .parent_name = full_name(arena, db_text(&row, 0, FIRST), db_text(&row, 0, LAST)),
        .parent_email = db_text(&row, 0, EMAIL),
        .bank_ref = db_text(&row, 0, BANK_REF),
        .school_name = db_text(&row, 0, SCHOOL),
        .bursar_email = db_text(&row, 0, BURSAR),
        .paid_at = moment(arena, &row, ACCEPTED),
        .created_at = moment(arena, &row, CREATED),
        .sent_at = moment(arena, &row, SENT),
        .receipt = receipt_text(arena, &row, YEAR, NUMBER),
        .is_claim = db_int(&row, 0, IS_CLAIM) != 0,
    };
    err = payment_state_from_name(db_text(&row, 0, STATE), &ret->state);
    return err ? err : load_lines(content, ret);
}

static int write_parent_confirmation(struct content *content)
{
    struct payment_texts payment;
    int err = load_payment(content, &payment);
    if (err)
        return err;
    struct str url =
        arena_printf(content->arena, "%s/paiement/%.*s", content->config->site.base_url, STR_ARG(payment.reference));
    struct parent_confirmation_view view = {
        .school_name = payment.school_name,
        .parent_name = payment.parent_name,
        .reference = payment.reference,
        .receipt = payment.receipt,
        .receipt_attached = content->extras->receipt_attached,
        .paid_at = payment.paid_at,
        .amount = payment.amount,
        .is_claim = payment.is_claim,
        .lines = payment.lines,
        .n_lines = payment.n_lines,
        .waiting = payment.waiting,
        .several_lines = payment.n_lines > 1,
        .comment = payment.comment,
        .payment_url = {url},
        .payment_url_text = url,
    };
    content->subject = arena_printf(content->arena, "Paiement validé\u00a0: %.*s, référence %.*s",
                                    STR_ARG(payment.amount), STR_ARG(payment.reference));
    content->reply_to = payment.bursar_email;
    template_mail_parent_confirmation_text(&content->text, &view);
    template_mail_parent_confirmation_html(&content->html, &view);
    return 0;
}

static int write_bursar_confirmation(struct content *content)
{
    struct payment_texts payment;
    int err = load_payment(content, &payment);
    if (err)
        return err;
    struct bursar_confirmation_view view = {
        .school_name = payment.school_name,
        .parent_name = payment.parent_name,
        .parent_email = payment.parent_email,
        .reference = payment.reference,
        .bank_reference = payment.bank_ref,
        .receipt = payment.receipt,
        .paid_at = payment.paid_at,
        .amount = payment.amount,
        .is_claim = payment.is_claim,
        .lines = payment.lines,
        .n_lines = payment.n_lines,
        .waiting = payment.waiting,
        .several_lines = payment.n_lines > 1,
        .comment = payment.comment,
    };
    content->subject = arena_printf(content->arena, "Paiement reçu\u00a0: %.*s, %.*s, référence %.*s",
                                    STR_ARG(payment.amount), STR_ARG(payment.parent_name), STR_ARG(payment.reference));
    template_mail_bursar_confirmation_text(&content->text, &view);
    template_mail_bursar_confirmation_html(&content->html, &view);
    return 0;
}

static int write_bursar_reversal(struct content *content)
{
    struct payment_texts payment;
    int err = load_payment(content, &payment);
    if (err)
        return err;
    struct bursar_reversal_view view = {
        .school_name = payment.school_name,
        .parent_name = payment.parent_name,
        .parent_email = payment.parent_email,
        .reference = payment.reference,
        .bank_reference = payment.bank_ref,
        .receipt = payment.receipt,
        .paid_at = payment.paid_at,
        .reversed_at = french_datetime(content->arena, content->mail->created_us),
        .amount = payment.amount,
        .lines = payment.lines,
        .n_lines = payment.n_lines,
        .several_lines = payment.n_lines > 1,
    };
    content->subject = arena_printf(content->arena, "Paiement rejeté par la banque\u00a0: %.*s, référence %.*s",
                                    STR_ARG(payment.amount), STR_ARG(payment.reference));
    template_mail_bursar_reversal_text(&content->text, &view);
    template_mail_bursar_reversal_html(&content->html, &view);
    return 0;
}

static const char *reason_text(struct str name)
{
    for (int i = 0; i < REVIEW_REASON_COUNT; i++) {
        if (str_eq_text(name, review_reason_name((enum review_reason)i)))
            return review_reason_text((enum review_reason)i);
    }
    return "";
}

/* A quotation: each line of its own. */
static void split_message(struct str message, struct bursar_report_view *view, struct arena *arena)
{
    struct text_view *lines = ARENA_ARRAY(arena, message.len + 1, struct text_view);
    while (message.ptr)
        lines[view->n_message_lines++].text = str_cut(message, '\n', &message);
    view->message_lines = lines;
}

/* Written by a parent, answered to the parent. */
static int write_bursar_report(struct content *content, struct str message, struct str reported_at)
{
    struct payment_texts payment;
    int err = load_payment(content, &payment);
    if (err)
        return err;
    struct bursar_report_view view = {
        .school_name = payment.school_name,
        .review_id = content->mail->review_id,
        .reported_at = reported_at,
        .parent_name = payment.parent_name,
        .parent_email = payment.parent_email,
        .reference = payment.reference,
        .state_label = str_from(payment_state_label(payment.state)),
        .amount = payment.amount,
        .is_claim = payment.is_claim,
        .lines = payment.lines,
        .n_lines = payment.n_lines,
        .several_lines = payment.n_lines > 1,
        .comment = payment.comment,
        .created_at = payment.created_at,
        .sent_at = payment.sent_at,
        .paid_at = payment.paid_at,
        .bank_reference = payment.bank_ref,
        .receipt = payment.receipt,
    };
    split_message(message, &view, content->arena);
    content->subject = arena_printf(content->arena, "Problème signalé par un parent\u00a0: référence %.*s",
                                    STR_ARG(payment.reference));
    content->reply_to = payment.parent_email;
    template_mail_bursar_report_text(&content->text, &view);
    template_mail_bursar_report_html(&content->html, &view);
    return 0;
}

static int write_bursar_review(struct content *content)
{
    enum { ID, REASON, DETAIL, AMOUNT, CREATED, REFERENCE, SCHOOL, FIRST, LAST };
    struct arena *arena = content->arena;
    struct db_value id = DB_INT(content->mail->review_id);
    struct db_result row;
    int err = db_run(content->db, STATEMENT_MAIL_REVIEW, &id, 1, arena, &row);
    if (err || row.n_rows == 0)
        return err ? err : ERR_NOT_FOUND;
    if (str_eq_text(db_text(&row, 0, REASON), review_reason_name(REVIEW_PARENT_REPORT)))
        return write_bursar_report(content, db_text(&row, 0, DETAIL), moment(arena, &row, CREATED));
    struct bursar_review_view view = {
        .school_name = db_text(&row, 0, SCHOOL),
        .review_id = db_int(&row, 0, ID),
        .what = str_from(reason_text(db_text(&row, 0, REASON))),
        .detail = db_text(&row, 0, DETAIL),
        .reference = db_text(&row, 0, REFERENCE),
        .amount = db_is_null(&row, 0, AMOUNT) ? STR_NULL : french_money(arena, db_int(&row, 0, AMOUNT)),
        .parent_name = full_name(arena, db_text(&row, 0, FIRST), db_text(&row, 0, LAST)),
        .received_at = moment(arena, &row, CREATED),
    };
    content->subject =
        arena_printf(arena, "À vérifier\u00a0: message de la banque, dossier n°\u00a0%lld", (long long)view.review_id);
    template_mail_bursar_review_text(&content->text, &view);
    template_mail_bursar_review_html(&content->html, &view);
    return 0;
}

struct user_texts {
    struct str login, name, email, school_name, asked_at;
};

static int load_user(struct content *content, struct user_texts *ret)
{
    enum { LOGIN, FIRST, LAST, EMAIL, SCHOOL, BURSAR, CREATED };
    struct db_value id = DB_INT(content->mail->id);
    struct db_result row;
    int err = db_run(content->db, STATEMENT_MAIL_USER, &id, 1, content->arena, &row);
    if (err || row.n_rows == 0)
        return err ? err : ERR_NOT_FOUND;
    *ret = (struct user_texts){
        .login = db_text(&row, 0, LOGIN),
        .name = full_name(content->arena, db_text(&row, 0, FIRST), db_text(&row, 0, LAST)),
        .email = db_text(&row, 0, EMAIL),
        .school_name = db_text(&row, 0, SCHOOL),
        .asked_at = moment(content->arena, &row, CREATED),
    };
    content->reply_to = db_text(&row, 0, BURSAR);
    return 0;
}

static int write_password_reset(struct content *content)
{
    struct user_texts user;
    int err = load_user(content, &user);
    if (err)
        return err;
    struct str url = arena_printf(content->arena, "%s/mot-de-passe/%.*s", content->config->site.base_url,
                                  STR_ARG(content->extras->token));
    struct password_reset_view view = {
        .school_name = user.school_name,
        .user_name = user.name,
        .login = user.login,
        .reset_url = {url},
        .reset_url_text = url,
        .valid_until = french_datetime(content->arena, clock_now_us() + MAIL_TOKEN_VALID_S * CLOCK_SECOND_US),
    };
    content->subject = STR("Choisir un nouveau mot de passe");
    template_mail_password_reset_text(&content->text, &view);
    template_mail_password_reset_html(&content->html, &view);
    return 0;
}

static int write_password_changed(struct content *content)
{
    struct user_texts user;
    int err = load_user(content, &user);
    if (err)
        return err;
    struct password_changed_view view = {user.school_name, user.name, user.login, user.asked_at};
    content->subject = STR("Votre mot de passe a été changé");
    template_mail_password_changed_text(&content->text, &view);
    template_mail_password_changed_html(&content->html, &view);
    return 0;
}

/* "jean.durand@exemple.fr" → "j…@exemple.fr": enough to recognise, not to read. */
static struct str masked(struct arena *arena, struct str email)
{
    ptrdiff_t at = str_find(email, '@');
    if (at < 1)
        return STR_NULL;
    return arena_printf(arena, "%c…%.*s", email.ptr[0], (int)(email.len - (size_t)at), email.ptr + at);
}

static int write_email_changed(struct content *content)
{
    struct user_texts user;
    int err = load_user(content, &user);
    if (err)
        return err;
    struct email_changed_view view = {user.school_name, user.name, masked(content->arena, user.email), user.asked_at};
    content->subject = STR("Votre adresse de courriel a été changée");
    template_mail_email_changed_text(&content->text, &view);
    template_mail_email_changed_html(&content->html, &view);
    return 0;
}

/* Commands stand one a line. */
static void split_commands(struct operator_alarm_view *view, const char *commands, struct arena *arena)
{
    enum { COMMANDS_MAX = 8 };
    struct command_view *lines = ARENA_ARRAY(arena, COMMANDS_MAX, struct command_view);
    struct str rest = str_from(commands);
    while (rest.len && view->n_commands < COMMANDS_MAX)
        lines[view->n_commands++].command = str_cut(rest, '\n', &rest);
    view->commands = lines;
}

static struct str alarm_sentence(const struct alarm_text *text, int64_t count, struct arena *arena)
{
    struct str before, after = STR_NULL;
    ptrdiff_t at = str_find(str_from(text->what_many), '%');
    if (count == 1 || at < 0)
        return str_from(count == 1 ? text->what_one : text->what_many);
    before = str_slice(text->what_many, (size_t)at);
    after = str_from(text->what_many + at + 1);
    return arena_printf(arena, "%.*s%lld%.*s", STR_ARG(before), (long long)count, STR_ARG(after));
}

/* A row of alarms, as both of its mails need it. */
static int load_alarm(struct content *content, struct db_result *ret_row, enum alarm_kind *ret_kind)
{
    struct db_value id = DB_INT(content->mail->alarm_id);
    int err = db_run(content->db, STATEMENT_MAIL_ALARM, &id, 1, content->arena, ret_row);
    if (err || ret_row->n_rows == 0)
        return err ? err : ERR_NOT_FOUND;
    return alarm_kind_from_name(db_text(ret_row, 0, 0), ret_kind);
}

enum { ALARM_COUNT = 1, ALARM_DETAIL, ALARM_RAISED, ALARM_ENDED };

static int write_operator_alarm(struct content *content)
{
    struct db_result row;
    enum alarm_kind kind;
    int err = load_alarm(content, &row, &kind);
    if (err)
        return err;
    const struct alarm_text *text = alarm_text(kind);
    struct operator_alarm_view view = {
        .school_name = STR("Exploitation"),
        .site = str_from(content->config->site.base_url),
        .what = alarm_sentence(text, db_int(&row, 0, ALARM_COUNT), content->arena),
        .detail = db_text(&row, 0, ALARM_DETAIL),
        .raised_at = moment(content->arena, &row, ALARM_RAISED),
        .meaning = str_from(text->meaning),
        .reminds = alarm_reminds(kind),
    };
    split_commands(&view, text->commands, content->arena);
    content->subject = arena_printf(content->arena, "Alerte\u00a0: %s", text->subject);
    template_mail_operator_alarm_text(&content->text, &view);
    template_mail_operator_alarm_html(&content->html, &view);
    return 0;
}

static int write_operator_alarm_ended(struct content *content)
{
    struct db_result row;
    enum alarm_kind kind;
    int err = load_alarm(content, &row, &kind);
    if (err)
        return err;
    struct operator_alarm_ended_view view = {
        .school_name = STR("Exploitation"),
        .site = str_from(content->config->site.base_url),
        .raised_at = moment(content->arena, &row, ALARM_RAISED),
        .ended_at = moment(content->arena, &row, ALARM_ENDED),
    };
    content->subject = STR("Fin d'alerte\u00a0: la banque appelle de nouveau");
    template_mail_operator_alarm_ended_text(&content->text, &view);
    template_mail_operator_alarm_ended_html(&content->html, &view);
    return 0;
}

static int write_kind(struct content *content)
{
    static const struct {
        const char *kind;
        int (*write)(struct content *);
    } writers[] = {
        {"PARENT_CONFIRMATION", write_parent_confirmation},
        {"BURSAR_CONFIRMATION", write_bursar_confirmation},
        {"BURSAR_REVIEW", write_bursar_review},
        {"BURSAR_REVERSAL", write_bursar_reversal},
        {"PASSWORD_RESET", write_password_reset},
        {"PASSWORD_CHANGED", write_password_changed},
        {"EMAIL_CHANGED", write_email_changed},
        {"OPERATOR_ALARM", write_operator_alarm},
        {"OPERATOR_ALARM_ENDED", write_operator_alarm_ended},
    };
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        if (str_eq_text(content->mail->kind, writers[i].kind))
            return writers[i].write(content);
    }
    return ERR_NOT_FOUND;
}

int mail_content_load(const struct outbox_mail *mail, const struct config *config, struct db *db,
                      const struct mail_extras *extras, struct arena *arena, struct mail_content *ret)
{
    struct content content = {.mail = mail, .config = config, .db = db, .extras = extras, .arena = arena};
    buf_init(&content.text, MAIL_BODY_MAX);
    buf_init(&content.html, MAIL_BODY_MAX);
    int err = write_kind(&content);
    if (!err && (!buf_ok(&content.text) || !buf_ok(&content.html)))
        err = ERR_TOO_LARGE;
    if (!err)
        *ret = (struct mail_content){content.subject, arena_str(arena, buf_str(&content.text)),
                                     arena_str(arena, buf_str(&content.html)), content.reply_to};
    buf_done(&content.text);
    buf_done(&content.html);
    return err;
}
