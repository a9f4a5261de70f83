"""The bank never calls: it is asked, and what it says is booked as a call would be. Times are moved in the database."""
import json
import subprocess
import time
import urllib.request

import pytest
from client import TIMEOUT_S, Bank, Mails, Parent, until
from conftest import finish, make_stack
from test_bank_calls import BOTH_MAILS, PAID_ONCE, ledger, outbox, reviews, settle

POLLS_S = 2  # several turns of a worker that looks every 100 ms
BANK_TIMEOUT_MS = 1500


@pytest.fixture(scope="module")
def asking():
    """Two workers, which look for questions all the time."""
    stack = make_stack(restart=False, workers=2, config_extra={
        "listen_extra": "rate_per_second = 1000\nrate_burst = 10000",
        "worker_extra": f"bank_poll_ms = 100\nbank_timeout_ms = {BANK_TIMEOUT_MS}"})
    try:
        stack.start()
    except BaseException:
        stack.stop()
        raise
    yield stack
    finish(stack)


@pytest.fixture
def bank(asking):
    return Bank(asking)


@pytest.fixture
def durand(asking):
    return Parent(asking, "durand").log_in()


def queries(bank, reference):
    return [query for query in bank._call("GET", "/api/queries") if query["reference"] == reference]


def later(stack, reference, hours):
    """The payment was sent so much earlier, and its next question is due."""
    stack.sql(f"UPDATE transactions SET sent_at = sent_at - INTERVAL {hours} HOUR, expires_at = expires_at - INTERVAL {hours} HOUR "
              f"WHERE reference = '{reference}'; UPDATE bank_queries q JOIN transactions t ON t.id = q.transaction_id "
              f"SET q.next_at = UTC_TIMESTAMP(6), q.outcome = '' WHERE t.reference = '{reference}' AND q.next_at IS NOT NULL")


def five_minutes_later(stack, reference):
    stack.sql(f"UPDATE transactions SET sent_at = sent_at - INTERVAL 5 MINUTE WHERE reference = '{reference}'")


def outcome(stack, reference):
    rows = stack.sql("SELECT q.outcome FROM bank_queries q JOIN transactions t ON t.id = q.transaction_id "
                     f"WHERE t.reference = '{reference}'")
    return rows[0][0] if rows else None


def wait_for_outcome(stack, reference, name):
    until(f"the bank's answer about {reference} is {name}", lambda: outcome(stack, reference) == name)


def count(stack, name):
    """Of both workers."""
    total = 0
    for instance in range(2):
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports['admin'] + 10 + instance}/metrics", timeout=TIMEOUT_S) as answer:
            lines = answer.read().decode().splitlines()
        total += sum(int(line.split()[-1]) for line in lines if line.startswith(f'dp_worker_bank_queries_total{{outcome="{name}"}}'))
    return total


def test_a_paid_payment_that_the_bank_never_called_about(asking, bank, durand):
    bank.behave(mode="none")
    reference = durand.pay(bank)
    five_minutes_later(asking, reference)
    durand.wait_for_state(reference, "AUTHORISED")
    assert ledger(asking, reference) == PAID_ONCE and outbox(asking, reference) == BOTH_MAILS
    mails = Mails(asking)
    mails.wait_for(reference, 2)
    assert [query["sealed"] for query in queries(bank, reference)] == [True]
    # The call comes after all.
    for etat in ("1", "1", "4"):
        assert bank.send(reference=reference, etat=etat)["answer"] == "spcheckok"
    settle(asking)
    durand.wait_for_state(reference, "CAPTURED")
    assert ledger(asking, reference) == PAID_ONCE and outbox(asking, reference) == BOTH_MAILS and reviews(asking, reference) == []
    assert len(mails.about(reference)) == 2
    until("it is counted", lambda: count(asking, "reported") >= 1)


def test_a_refusal_that_the_bank_never_called_about(asking, bank, durand):
    bank.behave(mode="none")
    reference = durand.pay(bank, card="0000000000000000")
    five_minutes_later(asking, reference)
    durand.wait_for_state(reference, "DECLINED")
    bank.type_card(reference, "1234567890123456")
    later(asking, reference, 0)
    durand.wait_for_state(reference, "AUTHORISED")
    assert ledger(asking, reference) == PAID_ONCE and reviews(asking, reference) == []


def test_an_abandoned_payment(asking, bank, durand):
    bank.behave(mode="none")
    reference = durand.credit()
    bank.open(durand.send(reference))
    bank.abandon(reference)
    five_minutes_later(asking, reference)
    durand.wait_for_state(reference, "CANCELLED")


def test_still_under_way_is_asked_again(asking, bank, durand):
    bank.behave(mode="none", query="open")
    reference = durand.pay(bank)
    five_minutes_later(asking, reference)
    wait_for_outcome(asking, reference, "open")
    time.sleep(POLLS_S)
    assert len(queries(bank, reference)) == 1  # its next time has not come
    assert durand.state(reference) == "PENDING"
    bank.behave(mode="none")
    later(asking, reference, 0)
    durand.wait_for_state(reference, "AUTHORISED")


def test_nobody_at_the_bank_expires_without_trouble(asking, bank, durand):
    bank.behave(mode="none")
    reference = durand.credit()
    bank.open(durand.send(reference))
    asking.sql(f"UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) WHERE reference = '{reference}'")
    durand.wait_for_state(reference, "EXPIRED")
    assert reviews(asking, reference) == [] and outcome(asking, reference) == "unknown"
    assert "Payer à nouveau" in durand.get(f"/paiement/{reference}").text


@pytest.mark.parametrize("query, name", [("down", "failed"), ("slow", "failed"), ("garbage", "unclear")])
def test_a_bank_that_cannot_tell_leaves_a_task(asking, bank, durand, query, name):
    bank.behave(mode="none", query=query)
    reference = durand.pay(bank)
    five_minutes_later(asking, reference)
    wait_for_outcome(asking, reference, name)
    # Calls about other payments are taken and booked meanwhile.
    bank.behave(query=query)
    other = durand.pay(bank)
    durand.wait_for_state(other, "AUTHORISED")
    later(asking, reference, 30)
    durand.wait_for_state(reference, "EXPIRED", timeout=30)
    assert reviews(asking, reference) == ["BANK_SILENT"] and outbox(asking, reference) == ["BURSAR_REVIEW"]
    mail = Mails(asking).wait_for(reference, 1)[0]
    assert "La banque n'a jamais dit" in mail["text"].replace("\n", " ").replace("\u2019", "'")
    assert "ne payez pas une seconde fois" in durand.get(f"/paiement/{reference}").text
    # The call, should it come at last, is worth what it always is.
    assert bank.send(reference=reference, etat="1")["answer"] == "spcheckok"
    durand.wait_for_state(reference, "AUTHORISED")
    assert ledger(asking, reference) == PAID_ONCE


def test_two_workers_never_ask_at_once(asking, bank, durand):
    bank.behave(mode="none", query="slow")
    reference = durand.pay(bank)
    five_minutes_later(asking, reference)
    for turn in range(3):
        until("the next question is answered", lambda: len(queries(bank, reference)) > turn and queries(bank, reference)[-1]["ended"])
        wait_for_outcome(asking, reference, "failed")
        later(asking, reference, 0)
    until("the fourth question is answered", lambda: len(queries(bank, reference)) > 3 and queries(bank, reference)[-1]["ended"])
    asked = queries(bank, reference)
    assert all(before["ended"] <= after["begun"] for before, after in zip(asked, asked[1:])), json.dumps(asked)


class RowLock:
    """Somebody else holds a payment's row."""

    def __init__(self, stack, reference):
        self.client = subprocess.Popen(["mariadb", "--no-defaults", f"--socket={stack.db_socket}", "-uroot", "--batch", "--unbuffered",
                                        "--skip-column-names", "demi_pension"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.say(f"BEGIN; SELECT reference FROM transactions WHERE reference = '{reference}' FOR UPDATE;")
        assert self.client.stdout.readline().strip() == reference

    def say(self, text):
        self.client.stdin.write(text + "\n")
        self.client.stdin.flush()

    def release(self):
        self.client.communicate("ROLLBACK;\n", timeout=TIMEOUT_S)


def test_killed_between_answer_and_commit(asking, bank, durand):
    """The booking waits for the payment's row; the workers die with the answer in their hands."""
    bank.behave(mode="none")
    reference = durand.pay(bank)
    payment = asking.sql(f"SELECT id FROM transactions WHERE reference = '{reference}'")[0][0]
    asking.sql(f"INSERT INTO bank_queries (transaction_id, next_at) VALUES ({payment}, UTC_TIMESTAMP(6) + INTERVAL 1 HOUR)")
    lock = RowLock(asking, reference)
    asking.sql(f"UPDATE bank_queries SET next_at = UTC_TIMESTAMP(6) WHERE transaction_id = {payment}")
    until("the bank has answered", lambda: queries(bank, reference) and queries(bank, reference)[-1]["ended"])
    for instance in range(2):
        asking.children[f"dp-worker-{instance}"].kill()
    lock.release()
    assert durand.state(reference) == "PENDING" and ledger(asking, reference) == []
    n_asked = len(queries(bank, reference))
    for instance in range(2):
        asking.start_worker(instance)
    time.sleep(POLLS_S)
    assert len(queries(bank, reference)) == n_asked  # the claim of the dead
    later(asking, reference, 0)
    durand.wait_for_state(reference, "AUTHORISED")
    assert ledger(asking, reference) == PAID_ONCE and outbox(asking, reference) == BOTH_MAILS
