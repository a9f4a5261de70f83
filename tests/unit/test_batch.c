/* batch: what events do to payments, decided without a database, by a bank that says what the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/err.h"
#include "worker/batch_decide.c"

enum { ENTRIES = 4, LINES = 2 };

/* What the bank says, and the school it says it of. */
struct scene {
    struct batch batch;
    struct contract contract;
    struct gateway gateway;
    struct batch_entry entries[ENTRIES];
    struct batch_payment payment;
    struct batch_line lines[LINES];
    struct batch_claim claim;
};

static struct gateway_judgement judgements[ENTRIES];

/* The raw call is the number of its judgement. */
static struct gateway_judgement judge_scripted(const struct gateway_contract *contract, struct str sent, struct str raw,
                                               struct arena *arena_)
{
    (void)contract;
    (void)sent;
    (void)arena_;
    return judgements[raw.ptr[0] - '0'];
}

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.gateway = {.name = "scripted", .judge = judge_scripted}};
    scene->contract = (struct contract){.bank = {.id = 7, .gateway = &scene->gateway}, .school_id = 3};
    scene->claim = (struct batch_claim){21, 10000, 0};
    scene->lines[0] = (struct batch_line){11, &scene->claim, 10000};
    scene->lines[1] = (struct batch_line){12, NULL, 500};
    scene->payment = (struct batch_payment){
        .id = 5,
        .school_id = 3,
        .user_id = 4711,
        .sent = STR("as sent"),
        .reference = STR("ref"),
        .email = STR("parent@example.org"),
        .bursar_email = STR("bursar@example.org"),
        .facts = {.state = PAYMENT_PENDING, .amount_cents = 10500, .currency = STR("978"), .contract_id = 7},
        .lines = scene->lines,
        .n_lines = LINES,
    };
    batch_init(&scene->batch, NULL, 0);
    scene->batch.entries = scene->entries;
    *BATCH_ADD(&scene->batch, &scene->batch.payments) = scene->payment;
    *BATCH_ADD(&scene->batch, &scene->batch.claims) = scene->claim;
    scene->lines[0].claim = &scene->batch.claims.items[0];
}

static void bank_says(struct scene *scene, enum payment_report_kind kind, int64_t amount_cents, const char *bank_ref)
{
    static const char *const raws[ENTRIES] = {"0", "1", "2", "3"};
    size_t i = scene->batch.n_entries++;
    judgements[i] = (struct gateway_judgement){
        .shape_ok = true,
        .bank_code = STR("1"),
        .report = {.kind = kind,
                   .amount_cents = amount_cents,
                   .currency = STR("978"),
                   .contract_id = 7,
                   .bank_ref = str_from(bank_ref)},
    };
    scene->entries[i] = (struct batch_entry){
        .event = {.kind = EVENT_BANK_NOTIFICATION, .raw = str_from(raws[i]), .id = {(uint8_t)(i + 1)}},
        .reference = STR("ref"),
        .contract = &scene->contract,
        .seal = GATEWAY_SEAL_GOOD,
    };
}

static int64_t sum_of(const struct scene *scene, const char *kind)
{
    int64_t sum_cents = 0;
    for (size_t i = 0; i < scene->batch.plan.legs.count; i++) {
        if (strcmp(scene->batch.plan.legs.items[i].kind, kind) == 0)
            sum_cents += scene->batch.plan.legs.items[i].amount_cents;
    }
    return sum_cents;
}

static void credited(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
    batch_decide(&scene.batch);
    const struct batch_plan *plan = &scene.batch.plan;
    assert_int_equal(scene.entries[0].verdict, VERDICT_CREDITED);
    assert_int_equal(plan->changes.count, 1);
    assert_int_equal(plan->changes.items[0].before.state, PAYMENT_PENDING);
    assert_int_equal(plan->changes.items[0].after.state, PAYMENT_AUTHORISED);
    assert_true(plan->changes.items[0].accepted && !plan->changes.items[0].review);
    assert_int_equal(plan->legs.count, 3);
    assert_int_equal(plan->legs.items[0].amount_cents, 10500);
    assert_int_equal(plan->legs.items[1].amount_cents, -10000);
    assert_int_equal(plan->legs.items[2].amount_cents, -500);
    assert_int_equal(plan->mails.count, 2);
    assert_int_equal(plan->credits.count, 1);
    assert_int_equal(plan->history.count, 1);
    assert_int_equal(plan->reviews.count, 0);
    batch_done(&scene.batch);
}

/* One batch does what the entries would have done alone: accepted, refunded in part, reversed too late. */
static void one_after_the_other(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
    bank_says(&scene, REPORT_REFUNDED, 700, "36628282");
    bank_says(&scene, REPORT_REVERSED, 10500, "36628282");
    batch_decide(&scene.batch);
    assert_int_equal(scene.entries[0].verdict, VERDICT_CREDITED);
    assert_int_equal(scene.entries[1].verdict, VERDICT_UNCHANGED);
    assert_int_equal(scene.entries[2].verdict, VERDICT_REFUNDED);
    assert_int_equal(scene.entries[3].verdict, VERDICT_REVIEW);
    assert_int_equal(sum_of(&scene, "PAYMENT"), 0);
    assert_int_equal(sum_of(&scene, "REFUND"), 0);
    assert_int_equal(scene.batch.claims.items[0].settled_cents, 9800); /* the top-up first, then 2,00 € of the claim */
    assert_int_equal(scene.batch.plan.account_moves.count, 2);
    assert_int_equal(scene.batch.plan.account_moves.items[0].amount_cents, 9800);
    assert_int_equal(scene.batch.plan.account_moves.items[1].amount_cents, 0);
    batch_done(&scene.batch);
}

/* The same bank reference: another payment's, an orphan's, one in this batch. */
static void bank_reference_known(void **state)
{
    static const struct {
        const char *what;
        bool known, is_payment;
        int64_t transaction_id;
        enum batch_verdict verdict;
        enum review_reason review;
    } cases[] = {
        {"new", false, false, 0, VERDICT_CREDITED, REVIEW_NONE},
        {"of another payment", true, true, 99, VERDICT_REVIEW, REVIEW_BANK_REF_REUSED},
        {"of an orphan", true, false, 0, VERDICT_CREDITED, REVIEW_BANK_REF_REUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_init(&scene);
        if (cases[i].known)
            *BATCH_ADD(&scene.batch, &scene.batch.bank_refs) =
                (struct batch_bank_ref){7, STR("36628282"), cases[i].is_payment, cases[i].transaction_id};
        bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
        batch_decide(&scene.batch);
        const struct batch_plan *plan = &scene.batch.plan;
        enum review_reason review = plan->reviews.count ? plan->reviews.items[0].reason : REVIEW_NONE;
        if (scene.entries[0].verdict != cases[i].verdict || review != cases[i].review)
            fail_msg("%s: %s, %s", cases[i].what, batch_verdict_name(scene.entries[0].verdict),
                     review_reason_name(review));
        batch_done(&scene.batch);
    }
}

/* A good seal of the wrong shape moves nothing, whatever it says. */
static void wrong_shape(void **state)
{
    static const enum payment_report_kind kinds[] = {REPORT_ACCEPTED, REPORT_SETTLED,  REPORT_CANCELLED,
                                                     REPORT_REFUSED,  REPORT_REVERSED, REPORT_REFUNDED};
    static const int64_t amounts[] = {10500, 10499};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
        struct scene scene;
        scene_init(&scene);
        bank_says(&scene, kinds[i / 2], amounts[i % 2], "36628282");
        judgements[0].shape_ok = false;
        judgements[0].shape_fault = "forme";
        batch_decide(&scene.batch);
        assert_int_equal(scene.entries[0].verdict, VERDICT_REVIEW);
        assert_int_equal(scene.batch.plan.reviews.items[0].reason, REVIEW_BAD_SHAPE);
        assert_int_equal(scene.batch.plan.legs.count, 0);
        assert_int_equal(scene.batch.plan.changes.items[0].after.state, PAYMENT_PENDING);
        batch_done(&scene.batch);
    }
}

/* What cannot be a key or a text of the database becomes one that can. */
static void unfit_bank_reference(void **state)
{
    static const char *const refs[] = {"", "12345678901234567890123456789012345678901", "caf\xe9", "a\nb"};
    (void)state;
    for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
        struct scene scene;
        scene_init(&scene);
        bank_says(&scene, REPORT_ACCEPTED, 9999, refs[i]); /* another amount: suspense */
        batch_decide(&scene.batch);
        const struct plan_leg *leg = &scene.batch.plan.legs.items[0];
        assert_int_equal(scene.entries[0].verdict, VERDICT_SUSPENSE);
        assert_true(str_starts_with(leg->bank_ref, STR("event:")) && leg->bank_ref.len <= BATCH_BANK_REF_MAX);
        assert_true(str_is_utf8(str_from(scene.batch.plan.reviews.items[0].detail)));
        batch_done(&scene.batch);
    }
}

static void not_believed(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628283");
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628284");
    scene.entries[0].seal = GATEWAY_SEAL_BAD;
    scene.entries[1].contract = NULL;
    scene.entries[2].repeated = true;
    batch_decide(&scene.batch);
    assert_int_equal(scene.entries[0].verdict, VERDICT_BAD_SEAL);
    assert_int_equal(scene.entries[1].verdict, VERDICT_UNVERIFIABLE);
    assert_int_equal(scene.entries[2].verdict, VERDICT_REPEATED);
    assert_int_equal(scene.batch.plan.legs.count + scene.batch.plan.changes.count + scene.batch.plan.history.count, 0);
    assert_int_equal(scene.batch.plan.reviews.count, 2);
    assert_int_equal(scene.batch.plan.reviews.items[0].school_id, 0);
    batch_done(&scene.batch);
}

/* A call that nobody could check bears the id of its bytes with their seal, any other one without. */
static void own_ids(void **state)
{
    static const struct {
        bool unverified, of_all_bytes, without_seal;
        int err;
    } cases[] = {
        {false, false, false, 0},          {false, true, false, ERR_INVALID}, {true, true, false, 0},
        {true, false, false, ERR_INVALID}, {false, true, true, ERR_INVALID},  {true, true, true, ERR_INVALID},
    };
    struct str sealed = STR("siret=1&reference=r&hmac=00"), unsealed = STR("siret=1&reference=r");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str raw = cases[i].without_seal ? unsealed : sealed;
        struct event event = {
            .kind = EVENT_BANK_NOTIFICATION, .gateway = STR("spplus"), .raw = raw, .ip = STR("192.0.2.7")};
        struct event read;
        struct arena arena;
        size_t n_fields;
        arena_init(&arena, 64 * 1024);
        event.unverified = cases[i].unverified;
        event_id_for_bank(event.gateway, cases[i].of_all_bytes ? raw : unsealed, event.id);
        const struct str *fields = event_to_fields(&event, &arena, &n_fields);
        const struct stream_entry entry = {STR("1-1"), fields, n_fields, 1};
        assert_int_equal(batch_read_event(&entry, &read), cases[i].err);
        arena_done(&arena);
    }
}

static void payer_says(struct scene *scene, enum event_kind kind, const char *reference, const char *user)
{
    size_t i = scene->batch.n_entries++;
    scene->entries[i] = (struct batch_entry){
        .event = {.kind = kind,
                  .id = {(uint8_t)(i + 1)},
                  .reference = str_from(reference),
                  .user = str_from(user),
                  .message = STR("Débité, rien reçu")},
        .reference = str_from(reference),
    };
}

/* Only what is open, only by its payer: everything else is noted and does nothing. */
static void discards(void **state)
{
    static const struct {
        const char *what, *reference, *user;
        enum payment_state from, to;
        enum batch_verdict verdict;
        size_t n_questions;
    } cases[] = {
        {"before the bank", "ref", "4711", PAYMENT_CREATED, PAYMENT_CANCELLED, VERDICT_CHANGED, 0},
        {"at the bank", "ref", "4711", PAYMENT_PENDING, PAYMENT_CANCELLED, VERDICT_CHANGED, 1},
        {"accepted", "ref", "4711", PAYMENT_AUTHORISED, PAYMENT_AUTHORISED, VERDICT_UNCHANGED, 0},
        {"refused", "ref", "4711", PAYMENT_DECLINED, PAYMENT_DECLINED, VERDICT_UNCHANGED, 0},
        {"discarded", "ref", "4711", PAYMENT_CANCELLED, PAYMENT_CANCELLED, VERDICT_UNCHANGED, 0},
        {"expired", "ref", "4711", PAYMENT_EXPIRED, PAYMENT_EXPIRED, VERDICT_UNCHANGED, 0},
        {"somebody else's", "ref", "4712", PAYMENT_PENDING, PAYMENT_PENDING, VERDICT_UNCHANGED, 0},
        {"nobody's", "ref", "durand", PAYMENT_PENDING, PAYMENT_PENDING, VERDICT_UNCHANGED, 0},
        {"unknown", "reg", "4711", PAYMENT_PENDING, PAYMENT_PENDING, VERDICT_UNCHANGED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_init(&scene);
        scene.batch.payments.items[0].facts.state = cases[i].from;
        payer_says(&scene, EVENT_PAYMENT_DISCARDED, cases[i].reference, cases[i].user);
        batch_decide(&scene.batch);
        const struct batch_plan *plan = &scene.batch.plan;
        size_t n = cases[i].from != cases[i].to;
        if (scene.entries[0].verdict != cases[i].verdict || scene.batch.payments.items[0].facts.state != cases[i].to ||
            plan->changes.count != n || plan->history.count != n || plan->claim_moves.count != n ||
            plan->questions.count != cases[i].n_questions || plan->reviews.count + plan->mails.count > 0)
            fail_msg("%s: %s", cases[i].what, batch_verdict_name(scene.entries[0].verdict));
        if (n == 1) {
            assert_true(plan->claim_moves.items[0].release_only);
            assert_string_equal(plan->history.items[0].note, "abandonné par le payeur");
        }
        batch_done(&scene.batch);
    }
}

/* Twice, then accepted all the same: credited once. */
static void discarded_then_accepted(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    payer_says(&scene, EVENT_PAYMENT_DISCARDED, "ref", "4711");
    payer_says(&scene, EVENT_PAYMENT_DISCARDED, "ref", "4711");
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
    payer_says(&scene, EVENT_PAYMENT_DISCARDED, "ref", "4711");
    batch_decide(&scene.batch);
    const struct batch_plan *plan = &scene.batch.plan;
    assert_int_equal(scene.entries[0].verdict, VERDICT_CHANGED);
    assert_int_equal(scene.entries[1].verdict, VERDICT_UNCHANGED);
    assert_int_equal(scene.entries[2].verdict, VERDICT_CREDITED);
    assert_int_equal(scene.entries[3].verdict, VERDICT_UNCHANGED);
    assert_int_equal(plan->changes.count, 2);
    assert_int_equal(plan->changes.items[1].before.state, PAYMENT_CANCELLED);
    assert_int_equal(plan->changes.items[1].after.state, PAYMENT_AUTHORISED);
    assert_int_equal(plan->mails.count, 2);
    assert_int_equal(plan->credits.count, 1);
    batch_done(&scene.batch);
}

/* What the bank says of a payment that ended before it was sent is what it says of one that was never sent. */
static void discarded_unsent_then_accepted(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene);
    scene.batch.payments.items[0].facts.state = PAYMENT_CREATED;
    scene.batch.payments.items[0].sent = STR_NULL;
    payer_says(&scene, EVENT_PAYMENT_DISCARDED, "ref", "4711");
    bank_says(&scene, REPORT_ACCEPTED, 10500, "36628282");
    judgements[1].shape_ok = false;
    batch_decide(&scene.batch);
    assert_int_equal(scene.entries[1].verdict, VERDICT_SUSPENSE);
    assert_int_equal(scene.batch.plan.reviews.items[0].reason, REVIEW_NEVER_SENT);
    assert_int_equal(scene.batch.payments.items[0].facts.state, PAYMENT_CANCELLED);
    assert_int_equal(sum_of(&scene, "ORPHAN"), 0);
    assert_int_equal(scene.batch.plan.legs.count, 2);
    batch_done(&scene.batch);
}

/* For a human, and no doubt about the money; three a day, whoever writes to the stream. */
static void reports(void **state)
{
    static const struct {
        const char *what, *user, *message;
        unsigned n_before;
        size_t n_reviews;
    } cases[] = {
        {"first", "4711", "Débité, rien reçu", 0, 1},  {"third", "4711", "Débité, rien reçu", 2, 1},
        {"fourth", "4711", "Débité, rien reçu", 3, 0}, {"somebody else's", "1", "Débité, rien reçu", 0, 0},
        {"no text", "4711", "D\xe9 rien", 0, 0},       {"for a terminal", "4711", "Rien\x1b[2J", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_init(&scene);
        scene.batch.payments.items[0].n_reports = cases[i].n_before;
        payer_says(&scene, EVENT_PROBLEM_REPORTED, "ref", cases[i].user);
        scene.entries[0].event.message = str_from(cases[i].message);
        batch_decide(&scene.batch);
        const struct batch_plan *plan = &scene.batch.plan;
        if (plan->reviews.count != cases[i].n_reviews || plan->changes.count + plan->history.count > 0)
            fail_msg("%s: %s", cases[i].what, batch_verdict_name(scene.entries[0].verdict));
        if (plan->reviews.count) {
            assert_int_equal(plan->reviews.items[0].reason, REVIEW_PARENT_REPORT);
            assert_string_equal(plan->reviews.items[0].detail, cases[i].message);
            assert_int_equal(plan->reviews.items[0].transaction_id, 5);
        }
        batch_done(&scene.batch);
    }
}

static void long_report(void **state)
{
    char message[EVENT_MESSAGE_CHARS_MAX + 2];
    struct scene scene;
    (void)state;
    memset(message, 'x', sizeof message);
    scene_init(&scene);
    payer_says(&scene, EVENT_PROBLEM_REPORTED, "ref", "4711");
    payer_says(&scene, EVENT_PROBLEM_REPORTED, "ref", "4711");
    scene.entries[0].event.message = str_slice(message, EVENT_MESSAGE_CHARS_MAX + 1);
    scene.entries[1].event.message = str_slice(message, EVENT_MESSAGE_CHARS_MAX);
    batch_decide(&scene.batch);
    assert_int_equal(scene.entries[0].verdict, VERDICT_UNCHANGED);
    assert_int_equal(scene.entries[1].verdict, VERDICT_REVIEW);
    batch_done(&scene.batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credited),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(bank_reference_known),
        cmocka_unit_test(wrong_shape),
        cmocka_unit_test(unfit_bank_reference),
        cmocka_unit_test(not_believed),
        cmocka_unit_test(own_ids),
        cmocka_unit_test(discards),
        cmocka_unit_test(discarded_then_accepted),
        cmocka_unit_test(reports),
        cmocka_unit_test(long_report),
        cmocka_unit_test(discarded_unsent_then_accepted),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
