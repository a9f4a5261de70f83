"""The checker of the checker: each thing that could go wrong with money is put into the evidence of a run that was right, and must be named.

One small run of the real programs gives the evidence; the tables are changed in memory, the bank's log as it would stand on disk.
"""
import copy
import json

import pytest
import spplus
from bank_driver import make_raw
from checker import Evidence, check_evidence, is_quiet, message_id, read_truth
from client import Bank, Parent, until
from fault_stack import FaultStack
from truth import ACKNOWLEDGED, Call

pytestmark = pytest.mark.smoke
PAYMENTS = {"1": "accepted", "2": "refused", "11": "reversed", None: "open"}


@pytest.fixture(scope="module")
def story(request, build):
    """The evidence, and the references by what became of them."""
    stack = FaultStack(build, proxied=False, disks=False, servers=1, workers=1)
    request.addfinalizer(stack.destroy)
    stack.start()
    parent, bank, names = Parent(stack, "durand").log_in(), Bank(stack), {}
    for number, (etat, name) in enumerate(PAYMENTS.items()):
        reference = names[name] = parent.credit(f"{10 + number},00")
        bank.open(parent.send(reference))
        for code in {"11": ("1", "11"), None: ()}.get(etat, (etat,)):
            bank.send(reference=reference, etat=code, refsfp=f"{36_000_000 + number}")
    request_of_open = next(payment["request"] for payment in bank._call("GET", "/api/payments") if payment["reference"] == names["open"])
    bank.send(raw=make_raw(request_of_open, "1", "37000001", "reference"))
    assert bank.send(raw=make_raw(request_of_open, "1", "37000002", "seal"))["status"] == 403
    until("all is quiet", lambda: is_quiet(stack, read_truth(stack)), 90)
    return Evidence(stack, read_truth(stack)), names


@pytest.fixture
def evidence(story):
    """A copy to be spoilt."""
    evidence, _ = story
    stack, evidence.stack = evidence.stack, None
    spoilt = copy.deepcopy(evidence)
    evidence.stack = spoilt.stack = stack
    return spoilt


def row_of(evidence, story, name):
    return evidence.tables.by_reference[story[1][name]]


def replace(rows, old, **changes):
    rows[rows.index(old)] = new = old._replace(**changes)
    return new


def set_state(evidence, story, name, state):
    row = row_of(evidence, story, name)
    evidence.tables.by_reference[row.reference] = replace(evidence.tables.transactions, row, state=state)


def payment_legs(evidence, story, name="accepted"):
    row = row_of(evidence, story, name)
    return row, [leg for leg in evidence.tables.legs_of[row.id] if leg.kind == "PAYMENT"]


def drop_legs(evidence, story):
    row, legs = payment_legs(evidence, story)
    evidence.tables.ledger = [leg for leg in evidence.tables.ledger if leg not in legs]
    evidence.tables.legs_of[row.id] = []


def book_twice(evidence, story):
    row, legs = payment_legs(evidence, story)
    evidence.tables.ledger += legs
    evidence.tables.legs_of[row.id] = legs + legs


def lose_a_cent(evidence, story):
    row, legs = payment_legs(evidence, story)
    changed = replace(evidence.tables.ledger, legs[1], amount_cents=str(int(legs[1].amount_cents) + 1))
    evidence.tables.legs_of[row.id] = [legs[0], changed]


def credit_elsewhere(evidence, story):
    row, legs = payment_legs(evidence, story)
    other = next(account.id for account in evidence.tables.accounts if account.id != legs[1].account_id)
    evidence.tables.legs_of[row.id] = [legs[0], legs[1]._replace(account_id=other)]


def forget_receipt(evidence, story):
    evidence.tables.receipts.pop()


def drop_orphan(evidence, story):
    evidence.tables.ledger = [leg for leg in evidence.tables.ledger if leg.kind != "ORPHAN"]


def book_other_amount(evidence, story):
    for leg in [leg for leg in evidence.tables.ledger if leg.kind == "PAYMENT"]:
        replace(evidence.tables.ledger, leg, amount_cents=str(2 * int(leg.amount_cents)))


def mail(evidence, story, kind, name="accepted"):
    row = row_of(evidence, story, name)
    return next(mail for mail in evidence.tables.outbox if (mail.transaction_id, mail.kind) == (row.id, kind))


def forget_mail(evidence, story):
    evidence.tables.outbox.remove(mail(evidence, story, "PARENT_CONFIRMATION"))


def leave_mail_unsent(evidence, story):
    replace(evidence.tables.outbox, mail(evidence, story, "BURSAR_CONFIRMATION"), status="SENDING")


def lose_mail(evidence, story):
    del evidence.mails[message_id(mail(evidence, story, "PARENT_CONFIRMATION"))]


def repeat_mail(evidence, story):
    evidence.mails[message_id(mail(evidence, story, "PARENT_CONFIRMATION"))] *= 2


def change_mail(evidence, story):
    copies = evidence.mails[message_id(mail(evidence, story, "PARENT_CONFIRMATION"))]
    copies.append({**copies[0], "digest": "other"})


def number_mail_otherwise(evidence, story):
    copies = evidence.mails.pop(message_id(mail(evidence, story, "PARENT_CONFIRMATION")))
    evidence.mails["outbox.4711.pid@demi-pension.example"] = copies


def mail_the_unpaid(evidence, story):
    row = row_of(evidence, story, "refused")
    evidence.tables.outbox.append(mail(evidence, story, "PARENT_CONFIRMATION")._replace(id="9999", transaction_id=row.id))


def credit_the_refused(evidence, story):
    set_state(evidence, story, "refused", "AUTHORISED")


def forget_credit(evidence, story):
    set_state(evidence, story, "accepted", "PENDING")


def credit_other_ref(evidence, story):
    row = row_of(evidence, story, "accepted")
    evidence.tables.by_reference[row.reference] = replace(evidence.tables.transactions, row, bank_ref="39999999")


def lose_call(evidence, story):
    lost = next(call for call in evidence.truth.acknowledged if call.etat == "2")
    evidence.tables.applied -= set(lost.ids)


def apply_unknown(evidence, story):
    evidence.tables.applied.add("00" * 32)


def apply_twice(evidence, story):
    evidence.tables.history.append(next(line for line in evidence.tables.history if line.event))


def jump_state(evidence, story):
    row = row_of(evidence, story, "reversed")
    walk = evidence.tables.walks[row.id]
    walk[-1] = walk[-1]._replace(to_state="AUTHORISED", from_state="REVERSED")


def change_state_without_history(evidence, story):
    set_state(evidence, story, "accepted", "SETTLED")


def acknowledge_bad_seal(evidence, story):
    entry = {"raw": next(call.raw for call in evidence.truth.calls.values() if not call.sealed), "status": 200, "answer": ACKNOWLEDGED}
    evidence.truth.add(json.loads(json.dumps(entry)))


def forget_open(evidence, story):
    row = row_of(evidence, story, "open")
    replace(evidence.tables.transactions, row, overdue="1")


def forget_to_ask(evidence, story):
    """The bank has the money of what was refused here."""
    row = row_of(evidence, story, "refused")
    evidence.truth.add({"result": row.reference, "etat": "1", "refsfp": "38000000"})


def keep_claim(evidence, story):
    """For a payment that is over."""
    replace(evidence.tables.claims, evidence.tables.claims[0], reserved_for=row_of(evidence, story, "refused").reference)


def lose_total(evidence, story):
    account = next(account for account in evidence.tables.accounts if account.paid_cents != "0")
    replace(evidence.tables.accounts, account, paid_cents="0")


PLANTED = [
    ("I1", forget_credit), ("I2", drop_legs), ("I2", book_twice), ("I2", lose_a_cent), ("I2", credit_elsewhere), ("I2", forget_receipt),
    ("I3", drop_orphan), ("I3", book_other_amount), ("I4", forget_mail), ("I4", leave_mail_unsent), ("I4", lose_mail), ("I4", repeat_mail),
    ("I4", change_mail), ("I4", number_mail_otherwise), ("I5", number_mail_otherwise), ("I5", mail_the_unpaid), ("I6", credit_the_refused),
    ("I6", credit_other_ref), ("I6", book_other_amount), ("I7", lose_call), ("I7", apply_unknown), ("I7", apply_twice), ("I8", jump_state),
    ("I8", change_state_without_history), ("I9", acknowledge_bad_seal), ("I10", forget_open), ("I10", forget_to_ask), ("I10", keep_claim), ("I11", book_twice), ("I11", lose_a_cent),
    ("I11", lose_total),
]


def test_a_right_run_is_right(story):
    assert check_evidence(story[0]) == []


@pytest.mark.parametrize("invariant, spoil", PLANTED, ids=[f"{name}-{spoil.__name__}" for name, spoil in PLANTED])
def test_what_is_planted_is_named(evidence, story, invariant, spoil):
    spoil(evidence, story)
    named = check_evidence(evidence)
    assert [line for line in named if line.startswith(invariant + " ")], named


def test_an_explained_copy_is_no_fault(evidence, story):
    repeat_mail(evidence, story)
    assert check_evidence(evidence, explain=lambda copies: "a worker was killed") == []


def test_a_forgery_is_never_exact(story):
    request = next(iter(story[0].truth.requests.values()))
    abandoned = spplus.call(request, "12", "36628282")
    forged = Call(spplus.resplit(abandoned), story[0].truth.requests)
    assert (forged.sealed, forged.etat, forged.is_money, forged.credits) == (True, "1", True, False)
    assert Call(spplus.call(request, "1", "36628282"), story[0].truth.requests).credits
