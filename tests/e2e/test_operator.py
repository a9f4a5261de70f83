"""What the operator is told and what dp-admin does about it: dead letters, given-up mails, the comparison, alarms."""
import hashlib
import json
import subprocess
import time
from datetime import datetime, timezone

import pytest

import spplus
from client import Bank, Client, Mails, Parent, until

OK, FAILED, USAGE = 0, 1, 2
OPERATOR = "exploitation@example.org"


@pytest.fixture
def site(own_stack, monkeypatch):
    """A stack whose operator has an address and whose workers take entries over quickly."""
    import stack as stack_module

    monkeypatch.setattr(stack_module, "CONFIG", stack_module.CONFIG.replace("[site]\n", f"[site]\noperator_email = {OPERATOR}\n"))

    def start(**options):
        return own_stack(**{"config_extra": {"worker_extra": "claim_idle_ms = 300"}, **options})

    return start


def admin(stack, *arguments):
    argv = [stack.program("dp-admin"), "--config", str(stack.config), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


def alarms(stack):
    return [row[0] for row in stack.sql("SELECT kind FROM alarms WHERE ended_at IS NULL ORDER BY kind")]


def to_operator(stack):
    return [mail for mail in Mails(stack).all() if OPERATOR in mail["to"]]


def entry_of(raw):
    """The stream's fields of a bank's call, as dp-server writes them."""
    unsealed = raw[:raw.rindex("&hmac=")]
    event_id = hashlib.sha256(b"spplus\0" + unsealed.encode()).hexdigest()
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return event_id, ["v", "1", "id", event_id, "kind", "bank_notification", "at", at, "gateway", "spplus", "raw", raw]


def foreign_call(number):
    return spplus.sealed([("siret", "00000000000001-01"), ("reference", f"dem20260101000000{number}"), ("montant", "15.50"),
                          ("etat", "1"), ("refsfp", str(10_000_000 + number))])


def test_a_payment_that_cannot_be_booked_comes_back_from_the_dead(site):
    """A receipt that is there already stops one payment; the operator hears of it, mends it, and the parent is credited once."""
    stack = site()
    parent, bank = Parent(stack, "durand").log_in(), Bank(stack)
    reference = parent.credit()
    bank.open(parent.send(reference))
    stack.sql("INSERT INTO receipts (transaction_id, school_id, year, number) SELECT id, school_id, 1999, 1 FROM transactions"
              f" WHERE reference = '{reference}'")
    bank.type_card(reference, spplus.CARD_ACCEPTED)
    assert [call["answer"] for call in bank.calls(reference)] == ["spcheckok"]
    until("the dead letter", lambda: stack.sql("SELECT id FROM dead_letters"), timeout=60)
    mail, = until("the alarm's mail", lambda: to_operator(stack), timeout=60)
    assert mail["subject"] == "Alerte\u00a0: message de la banque non enregistré" and "dp-admin dead-letters list" in mail["text"]
    assert "DEAD_LETTERS" in json.loads(admin(stack, "status", "--json").stdout)["alarms"]
    assert "ALARM DEAD_LETTERS (1)" in admin(stack, "status").stdout

    letter, = json.loads(admin(stack, "dead-letters", "list", "--json").stdout)
    assert letter["reference"] == reference and letter["state"] == "open" and letter["kind"] == "bank_notification"
    number = letter["id"]
    shown = json.loads(admin(stack, "dead-letters", "show", number, "--json").stdout)
    assert (shown["merchant"], shown["bank_code"], shown["failures"], shown["verdict"]) == ("00000000000001-01", "1", 5, None)
    assert shown["amount"].endswith("€") and shown["entry"] == "well-formed" and "1062" in shown["reason"]
    for secret in ("hmac", "urlretour", dict(spplus.pairs(bank.calls(reference)[0]["raw"]))["hmac"]):
        assert secret not in admin(stack, "dead-letters", "show", number).stdout

    # The cause is still there: retried in vain, it is the same letter, not a second one.
    assert admin(stack, "dead-letters", "retry", number, "--reason", "un essai").returncode == OK
    until("the second burial", lambda: stack.sql("SELECT burials FROM dead_letters") == [["2"]], timeout=60)
    assert stack.sql("SELECT retried_at IS NULL FROM dead_letters") == [["1"]]

    stack.sql("DELETE FROM receipts WHERE year = 1999")
    done = admin(stack, "dead-letters", "retry", "--all", "--reason", "reçu de 1999 retiré")
    assert done.returncode == OK and f"{number} sent again" in done.stdout and "1 of 1" in done.stdout
    assert admin(stack, "dead-letters", "retry", "--all").returncode == OK  # sent twice, or applied by now: harmless
    parent.wait_for_state(reference, "AUTHORISED", timeout=60)
    until("the letter's end", lambda: admin(stack, "dead-letters", "list").stdout == "0 open\n")
    assert stack.sql("SELECT l.kind, COUNT(*), SUM(l.amount_cents) FROM ledger_entries l JOIN transactions t ON t.id = l.transaction_id "
                     f"WHERE t.reference = '{reference}' GROUP BY l.kind") == [["PAYMENT", "2", "0"]]
    assert len(Mails(stack).wait_for(reference, 2)) == 2
    shown = admin(stack, "dead-letters", "show", number).stdout
    assert "state            applied" in shown and "verdict          credited" in shown and f"applied_to       {reference}" in shown
    assert "dead-letters retry" in shown and "reçu de 1999 retiré" in shown
    assert admin(stack, "dead-letters", "retry", number).returncode == FAILED
    until("the alarm's end", lambda: not alarms(stack))
    assert len(to_operator(stack)) == 1


def test_the_comparison_brings_back_what_redis_forgot(site):
    """An entry that somebody acknowledged without applying it."""
    stack = site(workers=0)
    stack.sql("UPDATE worker_tasks SET finished_at = UTC_TIMESTAMP(6)")  # tonight's is done
    done = admin(stack, "compare", "--wait", 1)
    assert done.returncode == FAILED and "is one running?" in done.stderr
    stack.sql("UPDATE worker_tasks SET requested_at = NULL")
    hour_ago = int(time.time() * 1000) - 3_600_000
    event_id, fields = entry_of(foreign_call(101))
    stack.redis("XADD", "dp:events", f"{hour_ago}-1", *fields)
    stack.redis("XGROUP", "CREATE", "dp:events", "workers", "$")
    stack.start_worker(0)

    done = admin(stack, "compare", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == FAILED and "checked 1 of at most 1" in done.stderr
    assert (result["checked"], result["missing"], result["resent"], result["waiting"]) == (1, 1, 1, 0)
    until("the event in the inbox", lambda: stack.sql(f"SELECT verdict FROM inbox WHERE event_id = X'{event_id}'"))
    until("the alarm", lambda: alarms(stack) == ["EVENTS_MISSING"])
    mail, = until("its mail", lambda: to_operator(stack))
    assert "comparaison de la nuit" in mail["subject"] and "dp-admin compare" in mail["text"]

    done = admin(stack, "compare")
    assert done.returncode == OK and "Every event older than ten minutes is in the database" in done.stdout
    until("the alarm's end", lambda: not alarms(stack))
    worker = Client(stack, stack.ports["admin"] + 10)
    until("the metrics", lambda: "\ndp_events_missing 0\n" in worker.get("/metrics").text)
    assert stack.sql("SELECT action, COUNT(*) FROM operator_log GROUP BY action") == [["compare", "3"]]


def test_given_up_mails_are_told_of_and_tried_again(site):
    stack = site()
    stack.sql("INSERT INTO mail_outbox (kind, user_id, recipient, status, attempt, last_error) SELECT 'PASSWORD_CHANGED', id, email,"
              " 'DEAD', 16, '451 plus tard' FROM users WHERE login = 'durand'")
    mail, = until("the alarm's mail", lambda: to_operator(stack), timeout=60)
    assert mail["subject"] == "Alerte\u00a0: courriels abandonnés" and "Un courriel a été abandonné" in mail["text"]
    listed, = json.loads(admin(stack, "mails", "list", "--json").stdout)
    assert (listed["status"], listed["attempt"], listed["last_error"]) == ("DEAD", 16, "451 plus tard")
    assert admin(stack, "mails", "retry", "--all", "--reason", "le serveur est revenu").stdout == "1 to be tried again\n"
    Mails(stack).wait_for("Votre mot de passe a été changé", 1)
    until("the alarm's end", lambda: not alarms(stack))


def test_the_journal_reports_to_the_database(site):
    stack = site(workers=0)
    until("a report", lambda: stack.sql("SELECT records, oldest_at FROM journal_reports") == [["0", "NULL"]])
    server = Client(stack, stack.ports["admin"])
    assert '"journal_late":false' in server.get("/readyz").text and "\ndp_journal_late 0\n" in server.get("/metrics").text


def test_a_silence_of_the_bank(site):
    """Ten families have paid, the bank says nothing; then it calls again."""
    stack = site(workers=0)
    parent, bank = Parent(stack, "durand").log_in(), Bank(stack)
    reference = parent.credit()
    bank.open(parent.send(reference))
    stack.sql("INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email, sent_at, expires_at)"
              " SELECT CONCAT('dem20260101000000s', n), school_id, user_id, contract_id, kind, 'PENDING', 100, email,"
              " UTC_TIMESTAMP(6) - INTERVAL 20 MINUTE, UTC_TIMESTAMP(6) + INTERVAL 1 DAY FROM transactions JOIN (SELECT seq AS n FROM"
              f" seq_10_to_19) numbers WHERE reference = '{reference}'")
    stack.start_worker(0)
    mail, = until("the alarm's mail", lambda: to_operator(stack), timeout=60)
    assert mail["subject"] == "Alerte\u00a0: la banque n'appelle plus" and "sans réponse\u00a0: 10." in mail["text"]
    assert "Dernier appel\u00a0: aucun." in mail["text"] and "revient une fois par jour" not in mail["text"]
    bank.type_card(reference, spplus.CARD_ACCEPTED)
    until("the good news", lambda: len(to_operator(stack)) == 2, timeout=120)
    assert to_operator(stack)[1]["subject"] == "Fin d'alerte\u00a0: la banque appelle de nouveau"
    assert alarms(stack) == []
