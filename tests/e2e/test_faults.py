"""What dies while money moves. Each test has a stack of its own."""
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import spplus
from client import Bank, Client, Mails, Parent, until


def assert_paid_once(stack, reference):
    until("the server is ready again", lambda: Client(stack, stack.ports["admin"]).get("/readyz").status == 200)
    parent = Parent(stack, "durand").log_in()
    parent.wait_for_state(reference, "AUTHORISED", timeout=60)
    assert stack.sql("SELECT l.kind, COUNT(*), SUM(l.amount_cents) FROM ledger_entries l JOIN transactions t ON t.id = l.transaction_id "
                     f"WHERE t.reference = '{reference}' GROUP BY l.kind") == [["PAYMENT", "2", "0"]]
    assert len(Mails(stack).wait_for(reference, 2, timeout=60)) == 2
    time.sleep(1)
    assert len(Mails(stack).about(reference)) == 2


def sent_to_bank(stack):
    parent, bank = Parent(stack, "durand").log_in(), Bank(stack)
    reference = parent.credit()
    bank.open(parent.send(reference))
    return parent, bank, reference


def test_redis_down_during_a_callback(own_stack):
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"})
    _, bank, reference = sent_to_bank(stack)
    stack.children.pop("redis").stop()
    bank.type_card(reference, "1234567890123456")
    assert [call["answer"] for call in bank.calls(reference)] == ["spcheckok"]
    assert Client(stack).get("/connexion").status in (200, 503)
    stack.start_redis()
    assert_paid_once(stack, reference)


def test_redis_comes_back_empty(own_stack):
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"}, workers=0)
    _, bank, reference = sent_to_bank(stack)
    bank.type_card(reference, "1234567890123456")
    assert stack.redis("XLEN", "dp:events") == "1"
    stack.redis("FLUSHALL")
    stack.start_worker(0)
    assert_paid_once(stack, reference)


def journal_records(stack):
    metrics = Client(stack, stack.ports["admin"]).get("/metrics").text
    return next(int(line.split()[1]) for line in metrics.splitlines() if line.startswith("dp_journal_records "))


def take_call_away(stack):
    """A payment's reference, and the fields of the bank's call about it that stood in the stream."""
    _, bank, reference = sent_to_bank(stack)
    bank.type_card(reference, "1234567890123456")
    _, *words = stack.redis("XRANGE", "dp:events", "-", "+").split("\n")
    stack.redis("FLUSHALL")
    return reference, dict(zip(words[::2], words[1::2]))


def test_other_events_hide_no_call(own_stack):
    """Somebody who writes to Redis takes the call away and leaves others under its id; the journal has the call."""
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"}, workers=0)
    reference, call = take_call_away(stack)
    ident, raw = call["id"], call["raw"]
    head = ("XADD", "dp:events", "*", "v", "1", "id", ident, "at", "2026-11-23T06:10:00Z", "kind")
    unsealed, seal = raw.split("&hmac=")
    stack.redis(*head, "password_changed", "login", "nobody")
    for forged in (unsealed, f"{unsealed}&hmac={'0' * len(seal)}"):
        stack.redis(*head, "bank_notification", "gateway", "spplus", "raw", forged)
    stack.redis(*head, "bank_notification", "gateway", "spplus", "raw", unsealed, "unverified", "1")
    stack.start_worker(0)
    assert_paid_once(stack, reference)
    assert stack.sql(f"SELECT kind, of_bank, verdict FROM inbox WHERE event_id = UNHEX('{ident}') ORDER BY id") == [
        ["password_changed", "0", "notice"], ["bank_notification", "1", "credited"]]
    until("the journal lets it go", lambda: journal_records(stack) == 0, timeout=30)


def test_a_letter_of_another_content_keeps_a_call_in_the_journal(own_stack):
    """Whoever reads the letters is shown what they hold, and that is not the call."""
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"}, workers=0)
    reference, call = take_call_away(stack)
    stack.sql("INSERT INTO dead_letters (stream_id, event_id, kind, same_as, fields, reason, failures) VALUES "
              f"('1-1', '{call['id']}', 'bank_notification', REPEAT('0', 64), '', 'forged', 5)")
    stack.start_worker(0)
    assert_paid_once(stack, reference)


def test_database_and_redis_down_during_a_callback(own_stack):
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"})
    _, bank, reference = sent_to_bank(stack)
    stack.children.pop("redis").stop()
    stack.children.pop("mariadb").stop()
    bank.type_card(reference, "1234567890123456")
    assert [call["answer"] for call in bank.calls(reference)] == ["spcheckok"]
    assert Client(stack).get("/accueil").status in (303, 503)
    stack.start_database()
    stack.start_redis()
    assert_paid_once(stack, reference)


def test_the_journal_waits_for_redis_without_asking_the_database_on_and_on(own_stack):
    """More calls than a round takes, none of which can be released or pushed."""
    stack = own_stack(workers=0, config_extra={"journal_extra": "resend_after_s = 1",
                                               "listen_extra": "rate_per_second = 1000\nrate_burst = 10000"})
    stack.children.pop("redis").stop()
    calls = [spplus.sealed([("siret", "00000000000001-01"), ("reference", f"dem20260101000000a{n}"), ("montant", "15.50"), ("etat", "1"),
                            ("refsfp", str(10_000_000 + n))]) for n in range(10, 60)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda raw: Client(stack).request("POST", "/banque/spplus", raw).text, calls))
    assert answers == ["spcheckok"] * len(calls)

    def asked():
        return int(stack.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")[0][1])

    time.sleep(7)  # all are due, and a round has seen them
    before = asked()
    time.sleep(4)
    assert asked() - before < 10
    stack.start_redis()
    until("all are in the stream", lambda: int(stack.redis("XLEN", "dp:events")) >= len(calls))


def test_server_killed_after_its_answer_while_redis_was_down(own_stack):
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"})
    _, bank, reference = sent_to_bank(stack)
    stack.children.pop("redis").stop()
    bank.type_card(reference, "1234567890123456")
    assert [call["answer"] for call in bank.calls(reference)] == ["spcheckok"]
    stack.children.pop("dp-server-0").kill()
    stack.start_redis()
    stack.start_server(0)
    assert_paid_once(stack, reference)


def test_worker_killed_between_commit_and_ack(own_stack):
    """The database is held until Redis is gone: the worker commits, and there is nobody to take its XACK."""
    # A short lease: the mailer may hold the mails when the worker is killed.
    stack = own_stack(workers=0, config_extra={"worker_extra": "lease_s = 5"})
    _, bank, reference = sent_to_bank(stack)
    bank.type_card(reference, "1234567890123456")
    lock = subprocess.Popen(["mariadb", "--no-defaults", f"--socket={stack.db_socket}", "-uroot", "demi_pension"], stdin=subprocess.PIPE)
    lock.stdin.write(b"LOCK TABLES inbox WRITE;\nSELECT SLEEP(0);\n")
    lock.stdin.flush()
    until("the lock", lambda: "inbox" in str(stack.sql("SHOW OPEN TABLES IN demi_pension WHERE In_use > 0")))
    worker = stack.start_worker(0)
    until("the entry is delivered", lambda: stack.redis("XPENDING", "dp:events", "workers").startswith("1"))
    time.sleep(0.5)
    stack.children.pop("redis").kill()
    lock.communicate(b"UNLOCK TABLES;\n")
    until("the commit", lambda: stack.sql("SELECT COUNT(*) FROM inbox")[0][0] == "1")
    worker.kill()
    stack.children.pop("dp-worker-0")
    stack.start_redis()
    assert stack.redis("XPENDING", "dp:events", "workers").startswith("1")
    stack.start_worker(0)
    assert_paid_once(stack, reference)
    until("the entry is acknowledged", lambda: stack.redis("XPENDING", "dp:events", "workers").startswith("0"), timeout=60)


def test_pages_say_503_without_the_database_and_come_back(own_stack):
    stack = own_stack()
    parent = Parent(stack, "durand").log_in()
    stack.children.pop("mariadb").stop()
    answer = parent.get("/accueil")
    assert answer.status == 503 and answer.headers["Retry-After"] and "minute" in answer.text
    stack.start_database()
    until("the page is back", lambda: parent.get("/accueil").status == 200)


def test_a_notice_survives_an_empty_redis(own_stack):
    stack = own_stack(config_extra={"journal_extra": "resend_after_s = 2"}, workers=0)
    parent = Parent(stack, "durand").log_in()
    page = parent.get("/coordonnees").page
    fields = {name: page.fields[name] for name in ("nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone", "courriel")}
    assert parent.submit("/coordonnees", {**fields, "courriel": "neuf@example.org"}).status == 303
    until("the event", lambda: stack.redis("XLEN", "dp:events") == "1")
    stack.redis("FLUSHALL")
    stack.start_worker(0)
    until("the notice", lambda: [mail for mail in Mails(stack).all() if mail["to"] == [fields["courriel"]]], timeout=60)
    until("the journal lets it go", lambda: journal_records(stack) == 0, timeout=30)


def test_mail_is_tried_again(own_stack):
    stack = own_stack(config_extra={"mail_extra": "timeout_ms = 2000"})
    _, bank, reference = sent_to_bank(stack)
    import json
    import urllib.request
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{stack.ports['mail']}/api/behaviour",
                                                  json.dumps({"replies": ["451 4.3.0 later"]}).encode(), method="PUT"), timeout=5).close()
    bank.type_card(reference, "1234567890123456")
    assert_paid_once(stack, reference)


def test_two_servers_and_three_workers(own_stack):
    stack = own_stack(servers=2, workers=3)
    bank = Bank(stack)
    bank.behave(mode="twice", method="POST")
    parents = [Parent(stack, login).log_in() for login in ("durand", "martin", "commensal")]
    references = [(parent, parent.pay(bank, f"{n},00")) for n in range(5, 15) for parent in parents]
    for parent, reference in references:
        parent.wait_for_state(reference, "AUTHORISED")
    assert stack.sql("SELECT COUNT(*), SUM(amount_cents) FROM ledger_entries") == [[str(2 * len(references)), "0"]]
    until("every mail is sent", lambda: stack.sql("SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'")[0][0] == "0", timeout=60)
    sent = [mail for mail in Mails(stack).all()]
    assert len(sent) == 2 * len(references)
    served = [Client(stack, stack.ports["admin"] + n).get("/metrics").text for n in range(2)]
    assert all('dp_http_requests_total{class="2xx"}' in text for text in served)
    receipts = [int(row[0]) for row in stack.sql("SELECT number FROM receipts ORDER BY number")]
    assert receipts == list(range(1, len(references) + 1))
