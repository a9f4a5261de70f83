#!/usr/bin/env python3
"""The checker of the checker: plants a bug in the product's sources, builds the simulator with it, and asks that it is
caught. A checker that has caught no planted bug proves nothing.

Each bug is a table of edits: file, the exact old text (which must stand there once, so that no bug rots), the new text.
Only the changed files are compiled; they are linked before the archive of all others and so take their place.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARIES = ["libuv", "libsodium", "libcrypto", "inih", "gmime-3.0"]
VIOLATION = 3  # the simulator's exit code
SCHEMA = "schema/001_foundation.sql"
INBOX_KEY = ("schema/010_inbox_of_bank.sql", ",\n    ADD UNIQUE KEY event (event_id, of_bank)", "")

BUGS = {
    # --- reading the stream and acknowledging it
    "acknowledged in the stream before the commit": [
        ("worker/consumer.c",
         "    int err = runner_run(&consumer->runner, entries->items, entries->count, outcomes);\n",
         "    for (size_t i = 0; i < entries->count; i++)\n"
         "        done[i] = entries->items[i].id;\n"
         "    stream_ack(consumer->stream, done, entries->count);\n"
         "    int err = runner_run(&consumer->runner, entries->items, entries->count, outcomes);\n")],
    "group created from the stream's end": [
        ("worker/stream_call.c", 'EVENT_STREAM, EVENT_GROUP, "0", "MKSTREAM"', 'EVENT_STREAM, EVENT_GROUP, "$", "MKSTREAM"')],
    "missing group not made again": [
        ("worker/stream_call.c", "        err = create_group(stream);\n", "        err = err ? ERR_UNAVAILABLE : create_group(stream);\n")],
    "stream trimmed by length": [
        ("worker/stream_tend.c", '"XTRIM", EVENT_STREAM, "MINID", bound_text', '"XTRIM", EVENT_STREAM, "MAXLEN", "1"')],
    "own pending entries not read again": [
        ("worker/consumer.c", "    consumer->own_read = false;\n", "    consumer->own_read = true;\n")],
    "nobody takes over a dead worker's entries": [
        ("worker/reaper.c", "round < REAPER_ROUNDS_MAX", "round < 0")],
    "entry that fails acknowledged without a dead letter": [
        ("worker/runner.c",
         "return failures < POISON_FAILURES_MAX ? 0 : bury(runner, entry, reason, failures, outcome);",
         "*outcome = RUNNER_ACK;\n    return 0;")],
    "dead letter acknowledged before it is committed": [
        ("worker/runner.c",
         "    while (is_of_database(err = poison_bury(runner->db, entry, reason, failures))) {\n",
         "    *outcome = RUNNER_ACK;\n    return 0;\n"
         "    while (is_of_database(err = poison_bury(runner->db, entry, reason, failures))) {\n")],
    "crash of a worker not charged": [
        ("worker/poison.c", "return entry->deliveries >= POISON_SUSPECT_DELIVERIES;", "return entry->deliveries < 0;")],
    # --- the database
    "inbox without its key": [
        INBOX_KEY],
    "repeats in one batch not seen, inbox without its key": [
        ("worker/batch.c", "entry->repeated = !entry->parse_err && !entry->unready && !lookup_add(", "entry->repeated = false && !lookup_add("),
        INBOX_KEY],
    "repeats in one batch not seen": [
        ("worker/batch.c", "entry->repeated = !entry->parse_err && !entry->unready && !lookup_add(", "entry->repeated = false && !lookup_add(")],
    "payment changed whatever its state": [
        ("worker/statements.c", "currency = ? AND state = ? AND bank_ref <=> ?", "currency = ? AND ? <> '' AND bank_ref <=> ?")],
    "payment locked instead of keys and conditions": [
        ("worker/statements.c",
         "contract_id = ? AND amount_cents = ? AND currency = ? AND state = ? AND bank_ref <=> ? AND \"\n              \"refund_open = ?",
         "contract_id = ? AND amount_cents = ? AND currency = ? AND ? <> '' AND COALESCE(?, '') <> '-' AND \"\n              \"? >= 0"),
        INBOX_KEY,
        (SCHEMA, "    UNIQUE KEY once_per_bank_ref (contract_id, bank_ref, kind, leg),\n", ""),
        (SCHEMA, "    UNIQUE KEY one_payment (payment_transaction_id, leg),\n", "")],
    "only a deadlock is tried again": [
        ("worker/runner.c", "return err == ERR_BUSY || err == ERR_UNAVAILABLE;", "return err == ERR_BUSY;")],
    "lost COMMIT taken for done": [
        ("worker/apply.c", "        err = db_commit(db);\n", "        (void)db_commit(db);\n")],
    "ledger written before the transaction": [
        ("worker/apply.c", "    int err = db_begin(db);\n", "    write_ledger(&apply);\n    int err = db_begin(db);\n")],
    "history forgotten": [
        ("worker/apply.c", "    int err = write_rows(apply, STATEMENT_HISTORY_ADD, &rows, true);\n", "    int err = 0;\n")],
    "receipt numbers with gaps": [
        ("worker/receipts.c", "counters[2 * school + 1].number - n;", "counters[2 * school + 1].number - n + 1;")],
    "review without a mail": [
        ("worker/apply.c", "    return err ? err : write_review_mails(apply);", "    return err;")],
    # --- deciding
    "rank may go down": [
        ("common/payment_state.c", "if (to == STAY || states[to].rank < states[from].rank)", "if (to == STAY)")],
    "code 99 credits": [
        ("common/gateway/spplus_judge.c", '{"99", REPORT_TEST}', '{"99", REPORT_ACCEPTED}')],
    "copy with a bad seal takes the genuine call's place": [
        ("worker/batch.c", "bool whole = entry->event.unverified || entry->seal != GATEWAY_SEAL_GOOD;", "bool whole = entry->event.unverified;")],
    "seal not checked by the worker": [
        ("worker/batch.c", "entry->seal = gateway->verify(&entry->contract->bank, &call);",
         "entry->seal = GATEWAY_SEAL_GOOD;")],
    "junk under a genuine id believed": [
        ("worker/batch.c", "    return call.has_seal && memcmp(id, event->id, EVENT_ID_LEN) == 0;\n", "    return true;\n")],
    "copy without a seal takes the genuine call's place": [
        ("worker/batch.c", "    return call.has_seal && memcmp(", "    return memcmp(")],
    "event of another kind takes a call's place": [
        ("worker/facts.c", "batch_entry_is_of_bank(entry) == of_bank && ", "")],
    "event of another kind takes a call's place in a batch": [
        ("worker/batch.c", "batch_entry_is_of_bank(entry) ? &of_bank : &others;", "&of_bank;"),
        ("worker/batch.c", "struct lookup of_bank = {0}, others = {0};", "struct lookup of_bank = {0};")],
    "event of another kind keeps a call out of the inbox": [
        ("schema/010_inbox_of_bank.sql", "(event_id, of_bank)", "(event_id)")],
    "journal lets go what only another kind of event is known for": [
        ("server/journal_keeper.c", "(is_letter || (cells[1].number == IS_OF_BANK) == event_is_of_bank(event)) &&\n            ", "")],
    "unverified call refused its own id": [
        ("worker/batch.c", "event->unverified ? event->raw : call.unsealed", "call.unsealed")],
    "seal cut in another way credits": [
        ("common/gateway/spplus_judge.c", "return spplus_is_bank_ref(bank_ref->value, bank_ref_len) ? NULL : fault_bank_ref;",
         "return bank_ref_len ? NULL : fault_bank_ref;")],
    "amount not compared": [
        ("common/payment_state.c", "    return report->amount_cents == facts->amount_cents;\n", "    return true;\n")],
    "amount of the never sent compared": [
        ("common/payment_state.c", "facts->state != PAYMENT_CREATED && !amount_fits", "!amount_fits")],
    "cents as float": [
        ("common/money.c", "    return join(euros, cents, ret_cents);\n}\n\nstatic uint64_t magnitude",
         "    *ret_cents = (int64_t)(((float)euros + (float)cents / 100) * 100);\n    return 0;\n}\n\nstatic uint64_t magnitude")],
    "second card credited to nobody": [
        ("common/payment_state.c", "{MONEY, ACCEPTED, OTHER, STAY, SUSPENSE, REVIEW_SECOND_ACCEPTANCE}",
         "{MONEY, ACCEPTED, OTHER, STAY, 0, REVIEW_SECOND_ACCEPTANCE}")],
    "reused bank reference booked again": [
        ("worker/batch_decide.c", "else if (step->decision.suspense && (paid || orphan))", "else if (step->decision.suspense && paid && orphan)")],
    "refund booked twice": [
        ("common/payment_state.c", "{KIND(REFUNDED), IN(REVERSED) | IN(REFUNDED), SAME, STAY, CLOSE_REFUND, REVIEW_REVERSAL_UNMATCHED}",
         "{KIND(REFUNDED), IN(REVERSED) | IN(REFUNDED), SAME, STAY, REFUND | CLOSE_REFUND, REVIEW_REVERSAL_UNMATCHED}")],
    "another card's refusal reverses": [
        ("common/payment_state.c", "{KIND(REFUSED_LATER) | KIND(REVERSED), PAID, SAME,", "{KIND(REFUSED_LATER) | KIND(REVERSED), PAID, ANY_REF,")],
    "overpaid claim not to suspense": [
        ("worker/ledger.c", "line->amount_cents < owed_cents ? line->amount_cents : owed_cents;", "line->amount_cents;")],
    "reversal leaves the claim settled": [
        ("worker/ledger.c", "        move_claim(booking, claim, -amount_cents);\n", "        (void)claim;\n")],
    "given up by anybody": [
        ("worker/batch_decide.c", "|| user_id != payment->user_id)", "|| user_id < 0)")],
    "money of what was given up unsent in no book": [
        ("worker/batch_decide.c", "    if (ended_unsent)\n        facts.state = PAYMENT_CREATED;\n", "")],
    # --- mails
    "Message-ID with a process number": [
        ("worker/mail_compose.c", '"outbox.%lld.%.*s@%.*s", (long long)outbox_id,', '"outbox.%lld.%d.%.*s@%.*s", (long long)outbox_id, (int)getpid(),'),
        ("worker/mail_compose.c", "#include <gmime/gmime.h>\n", "#include <gmime/gmime.h>\n#include <unistd.h>\n")],
    "lease without an attempt": [
        ("worker/statements.c", "status = 'SENDING', attempt = attempt + 1, lease_until", "status = 'SENDING', lease_until")],
    "mail called sent before it is": [
        ("worker/mailer.c", "        if (ret->message)\n            return true;\n",
         "        outbox_mark_sent(portion->mailer->db, &portion->mails[portion->at], &portion->arena);\n        if (ret->message)\n            return true;\n")],
    "mail given up at the first failure": [
        ("worker/mailer.c", "attempt->outcome == SMTP_REFUSED || mail->attempt >= attempts_max)\n        return", "attempt->outcome != SMTP_SENT)\n        return")],
    "abandoned mail never claimed again": [
        ("worker/outbox.c", "db_run(db, STATEMENT_OUTBOX_ABANDONED,", "db_run(db, STATEMENT_OUTBOX_DUE,")],
    "confirmation also for what is refused": [
        ("worker/batch_decide.c", "    if (payment->facts.state == PAYMENT_CANCELLED || payment->facts.state == PAYMENT_DECLINED)\n        release_claims(step);\n",
         "    if (payment->facts.state == PAYMENT_DECLINED)\n        add_mail(step, \"PARENT_CONFIRMATION\", payment->email);\n")],
    # --- the callback and the journal
    "bad seal acknowledged": [
        ("server/bank_callback.c", 'refuse(call, "bad seal");', "keep(call);")],
    "acknowledged before the journal is synced": [
        ("server/call_keeping.c", "    if (keeping->journal == KEEPER_KEPT)\n", "    if (keeping->journal != KEEPER_FAILED)\n")],
    "failed journal, and Redis may forget": [
        ("server/call_keeping.c", "keeping->stream == KEEPER_KEPT && keeping->stream_is_durable", "keeping->stream == KEEPER_KEPT")],
    "acknowledged with neither journal nor stream": [
        ("server/call_keeping.c", "? CALL_ACKNOWLEDGE : CALL_ABANDON;", "? CALL_ACKNOWLEDGE : CALL_ACKNOWLEDGE;")],
    "hanging disk waited for without end": [
        ("server/call_keeping.c", "if (!keeping->due && (", "if (("),
        ("server/journal_append.c", "    append->deadline_ms = clock_monotonic_ms() + JOURNAL_APPEND_TIMEOUT_MS;\n",
         "    append->deadline_ms = clock_monotonic_ms() + 100 * JOURNAL_APPEND_TIMEOUT_MS;\n")],
    "replica's answer not read": [
        ("server/event_queue.c", "if (!err && (reply->type != REDIS_REPLY_INTEGER || reply->integer < queue->wait_replicas))", "if (!err && !reply)")],
    "journal released without a look at the inbox": [
        ("server/journal_keeper.c", "if (err == 0 && is_known(&run->results[0], &keeper->events[i], keeper->digests[i])) {", "if (err == 0) {")],
    "journal sends nothing again": [
        ("server/journal_keeper.c", "} else if (event_queue_is_ready(keeper->app->events)) {", "} else if (keeper->closing) {")],
    "journal never reads again what its index had no room for": [
        ("server/journal_backlog.c", "    if (backlog->loading || !segment ||", "    if (!backlog->loading || !segment ||")],
    "journal forgets what it has read again": [
        ("server/journal_backlog.c", "        journal_index_add(journal->index, segment, &loaded->scan.records[i], turn_ms);", "        (void)turn_ms;")],
    "journal of a dead server not adopted": [
        ("server/journal_writer.c", "        if (journal_dir_is_name(entry->d_name))\n", "        if (!journal_dir_is_name(entry->d_name))\n")],
    "record believed after a failed sync": [
        ("server/journal_writer.c", "    if (err != 0)\n        return err;\n    uv_mutex_lock(&writer->lock);\n    writer->syncs++;",
         "    uv_mutex_lock(&writer->lock);\n    writer->syncs++;")],
    "repeated call answered from memory, not kept": [
        ("server/bank_callback.c", "    CRASH_POINT(\"server/call_verified\");\n",
         "    seen_calls_insert(call->app->seen, call->event.id, clock_monotonic_ms());\n")],
}


def apply_edits(edits, scratch):
    """Writes the changed files below `scratch`; returns their paths in the repository."""
    changed = []
    for path, old, new in edits:
        source = scratch / path if path in changed else ROOT / path
        text = source.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{path}: stands there {text.count(old)} times instead of once: {old!r}")
        target = scratch / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(old, new))
        if path not in changed:
            changed.append(path)
    return changed


def compile_command(commands, path):
    for command in commands:
        if command["file"] == str(ROOT / path) and "simulator_parts.dir" in command["command"]:
            return shlex.split(command["command"])
    raise ValueError(f"{path} is no part of the simulator")


def build(args, commands, changed, scratch):
    objects = []
    for path in changed:
        words = compile_command(commands, path)
        output = scratch / (path + ".o")
        words[words.index("-o") + 1] = str(output)
        words[words.index(str(ROOT / path))] = str(scratch / path)
        subprocess.run([*words, "-O1", "-w"], check=True)
        objects.append(output)
    libraries = subprocess.run(["pkg-config", "--libs", *LIBRARIES], check=True, capture_output=True, text=True)
    binary = scratch / "simulator"
    subprocess.run([args.compiler, *objects, *args.main, args.archive, *args.link, *libraries.stdout.split(), "-o", binary],
                   check=True)
    return binary


def run(args, commands, name):
    scratch = args.scratch / re.sub(r"\W+", "_", name)
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        changed = apply_edits(BUGS[name], scratch)
        sources = [path for path in changed if path.endswith(".c")]
        schema = ROOT / "schema"
        if any(path.startswith("schema/") for path in changed):
            for path in schema.glob("*.sql"):
                if not (scratch / "schema" / path.name).exists():
                    shutil.copy(path, scratch / "schema")
            schema = scratch / "schema"
        binary = build(args, commands, sources, scratch) if sources else args.simulator
        done = subprocess.run([binary, "--schedules", str(args.schedules), "--seed", str(args.seed), "--schema", schema],
                              capture_output=True, text=True, timeout=args.timeout)
    except (ValueError, subprocess.SubprocessError) as error:
        return name, False, str(error)
    last = done.stderr.strip().split("\n")[-1]
    found = re.search(r"violated (\w+), seed (\d+): (.*)", last)
    if done.returncode != VIOLATION or not found:
        return name, False, f"not caught within {args.schedules} schedules ({last or done.stdout.strip()})"
    return name, True, f"{int(found[2]) - args.seed + 1:5} {found[1]:6} {found[3]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--commands", required=True, help="compile_commands.json")
    parser.add_argument("--simulator", required=True, help="the one without bugs")
    parser.add_argument("--archive", required=True, help="its parts")
    parser.add_argument("--main", nargs="+", required=True, help="the object of main()")
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    parser.add_argument("--schedules", type=int, default=10000, help="at most for each bug")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=120, help="seconds for each bug")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="a regular expression")
    parser.add_argument("link", nargs="*", help="options for the linker")
    args = parser.parse_args()
    commands = json.loads(pathlib.Path(args.commands).read_text())
    names = [name for name in BUGS if not args.only or re.search(args.only, name)]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(lambda name: run(args, commands, name), names))
    for name, caught, text in results:
        print(f"{'caught' if caught else 'MISSED'}  {name:55} {text}")
    missed = [name for name, caught, _ in results if not caught]
    print(f"{len(results) - len(missed)} of {len(results)} planted bugs caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
