"""What the bank may do to us: refuse, repeat, reorder, contradict; and what somebody may do in its name."""
import re
import shutil
import time

import pytest
import spplus
from client import Bank, Parent, until
from conftest import ROOT
from second_school import add_second_school


def ledger(stack, reference):
    return stack.sql("SELECT l.kind, l.book, l.amount_cents FROM ledger_entries l JOIN transactions t ON t.id = l.transaction_id "
                     f"WHERE t.reference = '{reference}' ORDER BY l.kind, l.leg")


def outbox(stack, reference):
    return sorted(row[0] for row in stack.sql("SELECT m.kind FROM mail_outbox m JOIN transactions t ON t.id = m.transaction_id "
                                              f"WHERE t.reference = '{reference}'"))


def reviews(stack, reference):
    return [row[0] for row in stack.sql("SELECT r.reason FROM review_items r JOIN transactions t ON t.id = r.transaction_id "
                                        f"WHERE t.reference = '{reference}' ORDER BY r.id")]


def settle(stack):
    """Waits until every event in the stream was applied."""
    until("the stream is empty", lambda: stack.redis("XPENDING", "dp:events", "workers").splitlines()[0] == "0"
          and "lag\n0" in stack.redis("XINFO", "GROUPS", "dp:events"))


PAID_ONCE = [["PAYMENT", "BANK", "1550"], ["PAYMENT", "ACCOUNT", "-1550"]]
RELOAD_GAP_S = 5.5  # contracts.c asks the database at most every five seconds
BOTH_MAILS = ["BURSAR_CONFIRMATION", "PARENT_CONFIRMATION"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_accepted_card_is_booked_once(stack, bank, durand, method):
    bank.behave(method=method)
    reference = durand.pay(bank)
    durand.wait_for_state(reference, "AUTHORISED")
    assert ledger(stack, reference) == PAID_ONCE
    assert outbox(stack, reference) == BOTH_MAILS
    assert [call["answer"] for call in bank.calls(reference)] == ["spcheckok"]


@pytest.mark.parametrize("mode, final", [("twice", "AUTHORISED"), ("ten_at_once", "AUTHORISED"), ("captured", "CAPTURED"),
                                         ("settled", "SETTLED"), ("reordered", "SETTLED"), ("late", "AUTHORISED")])
def test_repeats_and_any_order_end_as_one_payment(stack, bank, durand, mode, final):
    bank.behave(mode=mode, delay_ms=700)
    reference = durand.pay(bank)
    durand.wait_for_state(reference, final)
    settle(stack)
    assert durand.state(reference) == final
    assert ledger(stack, reference) == PAID_ONCE
    assert outbox(stack, reference) == BOTH_MAILS
    assert all(call["answer"] == "spcheckok" for call in bank.calls(reference))


def test_refused_then_accepted_on_a_second_card_is_paid(stack, bank, durand):
    reference = durand.pay(bank, card="0000000000000000")
    durand.wait_for_state(reference, "DECLINED")
    assert ledger(stack, reference) == []
    bank.type_card(reference, "1234567890123456")
    durand.wait_for_state(reference, "AUTHORISED")
    assert ledger(stack, reference) == PAID_ONCE


def test_an_abandoned_payment_is_shown_as_such(stack, bank, durand):
    reference = durand.credit()
    bank.open(durand.send(reference))
    bank.abandon(reference)
    durand.wait_for_state(reference, "CANCELLED")
    assert ledger(stack, reference) == [] and outbox(stack, reference) == []


def test_a_wrong_amount_is_kept_and_flagged_but_not_credited(stack, bank, durand):
    bank.behave(mode="wrong_amount")
    reference = durand.pay(bank)
    settle(stack)
    assert durand.state(reference) == "PENDING"
    assert [row for row in ledger(stack, reference) if row[1] == "ACCOUNT"] == []
    assert len(reviews(stack, reference)) == 1
    assert [call["answer"] for call in bank.calls(reference)] == ["spcheckok"]


def test_a_wrong_seal_is_refused_and_not_queued(stack, bank, durand):
    before = stack.redis("XLEN", "dp:events")
    bank.behave(mode="wrong_seal")
    reference = durand.pay(bank)
    call = bank.calls(reference)[0]
    assert call["status"] == 403 and "spcheckok" not in call["answer"]
    assert stack.redis("XLEN", "dp:events") == before
    assert durand.state(reference) == "PENDING"


def test_a_resplit_seal_credits_nothing(stack, bank, durand):
    bank.behave(mode="resplit")
    reference = durand.pay(bank)
    settle(stack)
    assert durand.state(reference) == "PENDING"
    assert [row for row in ledger(stack, reference) if row[1] == "ACCOUNT"] == []
    assert reviews(stack, reference) == ["BAD_SHAPE"]


def test_a_resplit_seal_through_the_mail_address_credits_nothing(stack, bank, durand):
    """The parent types an address that ends in digits and moves them into etat and refsfp."""
    reference = durand.credit(courriel="durand@example1.org")
    address = durand.send(reference)
    bank.open(address)
    request = address.split("?", 1)[1]
    abandoned = spplus.call(request, "12", "36628282")
    fields = spplus.pairs(abandoned)
    values = dict(fields)
    assert values["version"] == "1"
    # … version=1 & etat=12 & refsfp=… → version= & etat=1 & refsfp=12…: the same bytes in a row
    moved = {"version": "", "etat": "1", "refsfp": "12" + values["refsfp"][:0] + values["refsfp"]}
    forged = "&".join(f"{name}={moved.get(name, value)}" for name, value in fields)
    assert bank.send(raw=forged)["answer"] == "spcheckok"
    settle(stack)
    assert durand.state(reference) == "PENDING"
    assert [row for row in ledger(stack, reference) if row[1] == "ACCOUNT"] == []
    assert reviews(stack, reference) == ["BAD_SHAPE"]


def test_a_key_of_this_minute_is_known_to_server_and_worker(own_stack, monkeypatch):
    stack = own_stack()
    parent, bank, folder = Parent(stack, "durand").log_in(), Bank(stack), stack.state / "new-key"
    reference = parent.credit()
    request = parent.send(reference).split("?", 1)[1]
    shutil.copytree(ROOT / "schema/demo", folder)
    school = (folder / "school.ini").read_text(encoding="utf-8")
    (folder / "school.ini").write_text(re.sub(r"(?m)^key = .*$", "key = " + "5a" * 20, school), encoding="utf-8")
    stack.admin("import", folder)
    monkeypatch.setattr(spplus, "WORKING_KEY", b"\x5a" * 20)
    until("the call is taken", lambda: bank.send(raw=spplus.call(request, "1", "36628282"))["answer"] == "spcheckok", timeout=10)
    parent.wait_for_state(reference, "AUTHORISED")


def test_an_unknown_reference_is_kept_for_a_human(stack, bank, durand):
    bank.behave(mode="unknown_reference")
    durand.pay(bank)
    settle(stack)
    until("a review item", lambda: stack.sql("SELECT COUNT(*) FROM review_items WHERE reason = 'UNKNOWN_REFERENCE'")[0][0] != "0")


def test_a_test_payment_never_credits(stack, bank, durand):
    bank.behave(mode="test_code")
    reference = durand.pay(bank)
    settle(stack)
    assert durand.state(reference) == "PENDING" and ledger(stack, reference) == []


def test_a_second_acceptance_goes_to_suspense(stack, bank, durand, mails):
    reference = durand.pay(bank)
    durand.wait_for_state(reference, "AUTHORISED")
    assert bank.send(reference=reference, etat="1", refsfp="99999998")["answer"] == "spcheckok"
    settle(stack)
    assert reviews(stack, reference) == ["SECOND_ACCEPTANCE"]
    assert sorted(map(tuple, ledger(stack, reference))) == sorted(
        [*map(tuple, PAID_ONCE), ("ORPHAN", "BANK", "1550"), ("ORPHAN", "SUSPENSE", "-1550")])
    assert outbox(stack, reference).count("PARENT_CONFIRMATION") == 1


def test_a_later_unpaid_reverses_and_tells_the_bursar(stack, bank, durand):
    reference = durand.pay(bank)
    durand.wait_for_state(reference, "AUTHORISED")
    bank.send(reference=reference, etat="20")
    durand.wait_for_state(reference, "REVERSED")
    assert sum(int(row[2]) for row in ledger(stack, reference) if row[1] == "ACCOUNT") == 0
    assert "BURSAR_REVERSAL" in outbox(stack, reference)


def test_a_late_refusal_of_another_attempt_changes_nothing(stack, bank, durand):
    reference = durand.pay(bank)
    durand.wait_for_state(reference, "AUTHORISED")
    bank.send(reference=reference, etat="5", refsfp="00000001")
    bank.send(reference=reference, etat="12", refsfp="00000002")
    settle(stack)
    assert durand.state(reference) == "AUTHORISED"
    assert ledger(stack, reference) == PAID_ONCE


def test_the_ledger_balances_and_every_mail_leaves(stack, mails):
    settle(stack)
    assert stack.sql("SELECT COALESCE(SUM(amount_cents), 0) FROM ledger_entries")[0][0] == "0"
    until("the outbox is sent", lambda: stack.sql("SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'")[0][0] == "0")
    numbers = [int(row[0]) for row in stack.sql("SELECT number FROM receipts ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))
    ids = [mail["message_id"] for mail in mails.all()]
    assert len(ids) == len(set(ids))


REVIEWED = "ne payez pas une seconde fois"


def test_a_payment_that_the_school_checks_says_so(stack, bank, durand):
    reference = durand.pay(bank, card="0000000000000000")
    durand.wait_for_state(reference, "DECLINED")
    assert "Payer à nouveau" in durand.get(f"/paiement/{reference}").text
    stack.sql(f"UPDATE transactions SET review = TRUE WHERE reference = '{reference}'; INSERT INTO review_items (transaction_id, reason) "
              f"SELECT id, 'TEST_PAYMENT' FROM transactions WHERE reference = '{reference}'")
    text = durand.get(f"/paiement/{reference}").text
    assert REVIEWED in text and "Payer à nouveau" not in text
    (item,), = stack.sql(f"SELECT r.id FROM review_items r JOIN transactions t ON t.id = r.transaction_id WHERE t.reference = '{reference}'")
    stack.admin("review", "resolve", item, "--reason", "vu")
    text = durand.get(f"/paiement/{reference}").text
    assert REVIEWED not in text and "Payer à nouveau" in text


@pytest.mark.parametrize("looks_first", [True, False])
def test_a_school_imported_a_moment_ago_is_paid_at_once(own_stack, looks_first):
    """Long before the server's next look at the contracts, a minute later; but not in the seconds after its last one."""
    stack = own_stack()
    time.sleep(RELOAD_GAP_S)
    add_second_school(stack)
    parent = Parent(stack, "durand2").log_in()
    reference = parent.credit()
    if looks_first:
        page = parent.get(f"/paiement/{reference}")
        assert "moyen" in page.text and str(stack.ports["bank"]) in page.headers["Content-Security-Policy"]
    csrf = parent.get("/coordonnees").page.fields["csrf"]
    assert "init.do?" in parent.post(f"/paiement/{reference}/payer", {"csrf": csrf, "moyen": "CBS"}).location
