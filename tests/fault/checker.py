"""The invariants I1–I11 of money, proved from the bank's own log against MariaDB, Redis, the journal and the mails caught.

    check(stack, read_truth(stack)) → a list of lines, each naming the invariant and the payment or call that breaks it; empty: all hold.

 I1  each payment accepted and acknowledged is one transaction of rank ≥ 3, of the same cents
 I2  … and is booked once, where its lines say, with one receipt
 I3  what the bank accepted is what stands as credit or in suspense, operation by operation and in sum
 I4  a paid payment has one mail to the parent and one to the bursar, sent and caught; a further copy is explained
 I5  no mail without its reason
 I6  nothing is credited that the bank did not say
 I7  each acknowledged call is in the inbox or a dead letter; stream, group and journals are empty
 I8  each step of a payment is one that its state machine has, said by the bank with that code
 I9  no call without a good seal was acknowledged or applied
 I10 no payment stays open past its end, nor unpaid while the bank has the money; no claim is kept for a payment that has ended
 I11 the ledger adds up to zero: each booking, each account, each claim
"""
import collections
import json

from client import Client
from tables import RANK, Tables, total
from truth import MONEY, Truth

CONFIRMATIONS = ("PARENT_CONFIRMATION", "BURSAR_CONFIRMATION")
# Codes of the bank that may lead into a state; None: the worker's own decision.
# By which code of the bank; "": by the payer, who gave it up; None: by time.
LED_BY = {"CANCELLED": {"12", ""}, "DECLINED": {"2", "5"}, "EXPIRED": {None}, "AUTHORISED": {"1"}, "CAPTURED": {"4"}, "SETTLED": {"10", "30"},
          "REVERSED": {"5", "11", "20"}, "REFUNDED": {"17"}}
MAY_FOLLOW = {"CANCELLED": {"CREATED", "PENDING"}, "DECLINED": {"PENDING", "CANCELLED"}, "EXPIRED": {"CREATED", "PENDING"},
              "AUTHORISED": {"PENDING", "CANCELLED", "DECLINED", "EXPIRED"},
              "CAPTURED": {"PENDING", "CANCELLED", "DECLINED", "EXPIRED", "AUTHORISED"},
              "SETTLED": {"PENDING", "CANCELLED", "DECLINED", "EXPIRED", "AUTHORISED", "CAPTURED"},
              "REVERSED": {"AUTHORISED", "CAPTURED", "SETTLED"}, "REFUNDED": {"AUTHORISED", "CAPTURED", "SETTLED"}}


class Evidence:
    """All that is looked at, read once."""

    def __init__(self, stack, truth):
        self.stack, self.truth, self.tables = stack, truth, Tables(stack)
        self.by_id = {**truth.words, **{event: call for call in truth.calls.values() for event in call.ids}}
        self.mails = read_mails(stack)
        self.money_of = collections.defaultdict(list)  # acknowledged calls that say money, by the bank's reference
        self.crediting = collections.defaultdict(set)  # bank references under which a payment was accepted
        self.said = collections.defaultdict(set)       # the same of every call made, answered or not
        for call in truth.calls.values():
            if call.credits:
                self.said[call.reference].add(call.bank_ref)
            if call.is_money and call.acknowledged:
                self.money_of[call.bank_ref].append(call)
                if call.exact and not self.is_dead(call):
                    self.crediting[call.reference].add(call.bank_ref)
        for word in truth.words.values():
            if word.credits:
                self.said[word.reference].add(word.bank_ref)
        # The bank itself contradicts itself about these: other payments, other amounts.
        self.clouded = {ref for ref, calls in self.money_of.items()
                        if len({call.reference for call in calls}) > 1 or not all(call.exact for call in calls)}

    def is_applied(self, call):
        return any(event in self.tables.applied for event in call.ids)

    def is_dead(self, call):
        return not self.is_applied(call) and any(event in self.tables.dead_letters for event in call.ids)


def read_mails(stack):
    """What the catcher kept, synced, before it said 250: lists of copies by Message-ID."""
    caught = collections.defaultdict(list)
    with open(stack.mail_log, encoding="utf-8") as log:
        for line in log:
            mail = json.loads(line)
            caught[mail["message_id"].strip("<>")].append(mail)
    return caught


# --- payments --------------------------------------------------------------------------------------------------------


def places(found):
    """Cents for each account and claim: where money is to go, and where it went (suspense counts for its claim)."""
    cents = collections.Counter()
    for row in found:
        cents[(row.account_id, row.claim_id)] += abs(int(row.amount_cents))
    return cents


def check_acceptances(evidence):
    for reference, refs in evidence.crediting.items():
        row = evidence.tables.by_reference.get(reference)
        if row is None:
            yield f"I1 {reference} was accepted and there is no such payment"
        elif refs - evidence.clouded and RANK[row.state] < 3:
            yield f"I1 {reference} was accepted ({sorted(refs)}) and is {row.state}"
    for row in evidence.tables.transactions:
        if RANK[row.state] < 3:
            continue
        asked = {call.cents for ref in evidence.said[row.reference] for call in evidence.money_of.get(ref, ())
                 if call.exact and call.reference == row.reference}
        if asked - {int(row.amount_cents)}:
            yield f"I1 {row.reference} has {row.amount_cents} cents, the bank took {asked}"


def check_bookings(evidence):
    for row in evidence.tables.transactions:
        legs = evidence.tables.legs_of[row.id]
        booked = [leg for leg in legs if leg.kind == "PAYMENT"]
        if (RANK[row.state] >= 3) != bool(booked):
            yield f"I2 {row.reference} is {row.state} with {len(booked)} payment legs"
        if booked:
            yield from check_booking(evidence, row, booked, legs)
        held = -total(leg for leg in legs if leg.book != "BANK")
        refunded = -total(leg for leg in legs if leg.kind == "REFUND" and leg.book == "BANK")
        expected = {"REVERSED": 0, "REFUNDED": int(row.amount_cents) - refunded}.get(row.state, int(row.amount_cents) if booked else 0)
        if held != expected or (row.state == "REFUNDED") != (refunded > 0):
            yield f"I2 {row.reference} is {row.state} and holds {held} instead of {expected}, refunded {refunded}"


def check_booking(evidence, row, booked, legs):
    bank_legs = [leg for leg in booked if leg.book == "BANK"]
    if [(leg.bank_ref, int(leg.amount_cents)) for leg in bank_legs] != [(row.bank_ref, int(row.amount_cents))]:
        yield f"I2 {row.reference} of {row.amount_cents}, {row.bank_ref}, was booked as {bank_legs}"
    if {(leg.contract_id, leg.school_id) for leg in legs} != {(row.contract_id, row.school_id)}:
        yield f"I2 {row.reference} was booked for another school or contract"
    if places(leg for leg in booked if leg.book != "BANK") != places(evidence.tables.lines_of[row.id]):
        yield f"I2 {row.reference} was credited elsewhere than its lines say"


def check_receipts(evidence):
    tables = evidence.tables
    credited = sorted(row.id for row in tables.transactions if RANK[row.state] >= 3)
    if sorted(receipt.transaction_id for receipt in tables.receipts) != credited:
        yield "I2 receipts and credited payments are not the same"
    numbers = collections.defaultdict(list)
    for receipt in tables.receipts:
        numbers[(receipt.school_id, receipt.year)].append(int(receipt.number))
    counters = {(counter.school_id, counter.year): int(counter.last_number) for counter in tables.counters}
    for key, given in numbers.items():
        if sorted(given) != list(range(1, counters.get(key, 0) + 1)):
            yield f"I2 receipts of {key} are {sorted(given)}, counted to {counters.get(key)}"


def check_operations(evidence):
    """Each operation of the bank, known by its merchant and its own reference, is booked once, as it was announced."""
    booked = collections.defaultdict(list)
    for leg in evidence.tables.ledger:
        if leg.leg == "0" and leg.kind in ("PAYMENT", "ORPHAN"):
            booked[leg.bank_ref].append(leg)
    accepted = credited = 0
    for ref, calls in evidence.money_of.items():
        live = [call for call in calls if not evidence.is_dead(call)]
        amounts = [int(leg.amount_cents) for leg in booked.get(ref, ())]
        if ref in evidence.clouded:
            if any(call.readable for call in live) and not amounts:
                yield f"I3 operation {ref} of {live[0].reference} is neither credited nor in suspense"
            continue
        if live:
            accepted, credited = accepted + live[0].cents, credited + sum(amounts)
            if amounts != [live[0].cents]:
                yield f"I3 operation {ref} of {live[0].reference}, {live[0].cents} cents, was booked as {amounts}"
    if accepted != credited:
        yield f"I3 the bank accepted {accepted} cents, {credited} are credited or in suspense"


def check_phantoms(evidence, reconciled):
    for row in evidence.tables.transactions:
        if RANK[row.state] >= 3 and row.bank_ref not in evidence.said[row.reference] and row.reference not in reconciled:
            yield f"I6 {row.reference} is {row.state} under {row.bank_ref}, which the bank never said"
    for leg in evidence.tables.ledger:
        call = evidence.by_id.get(leg.event)
        if call is None and leg.transaction_id not in reconciled:
            yield f"I6 {leg.kind} of {leg.bank_ref} was booked by no call of the bank"
        elif call and call.etat == "99":
            yield f"I6 {leg.kind} of {leg.bank_ref} was booked by a test payment"
        elif call and leg.kind == "PAYMENT" and not call.credits:
            yield f"I6 {call.reference} was credited by {call.raw}"
        elif call and leg.leg == "0" and leg.kind != "REVERSAL" and abs(int(leg.amount_cents)) != call.cents:
            yield f"I6 {leg.kind} of {leg.bank_ref} is of {leg.amount_cents} cents, the bank said {call.cents}"


# --- mails -----------------------------------------------------------------------------------------------------------


def message_id(mail):
    return f"outbox.{mail.id}.{mail.kind}@demi-pension.example"


def check_outbox(evidence):
    tables = evidence.tables
    count = collections.Counter((mail.transaction_id, mail.kind) for mail in tables.outbox)
    for row in tables.transactions:
        reversed_once = any(leg.kind == "REVERSAL" for leg in tables.legs_of[row.id])
        wanted = {**{kind: RANK[row.state] >= 3 for kind in CONFIRMATIONS}, "BURSAR_REVERSAL": reversed_once}
        for kind, due in wanted.items():
            if count[(row.id, kind)] != int(due):
                yield f"{'I4' if due else 'I5'} {row.reference} is {row.state} with {count[(row.id, kind)]} mails {kind}"
    reviewed = collections.Counter(mail.review_id for mail in tables.outbox if mail.review_id)
    for review in tables.reviews:
        if reviewed.pop(review.id, 0) != 1 and review.reason != "UNVERIFIABLE":
            yield f"I4 review {review.id} ({review.reason}) has not one mail"
    for stray in reviewed:
        yield f"I5 a mail about review {stray}, which is none"


def check_mails(evidence, explain):
    """`explain(copies)` says why a mail was caught more than once, or None."""
    wanted = {message_id(mail): mail for mail in evidence.tables.outbox}
    for name, mail in wanted.items():
        copies = evidence.mails.get(name, [])
        if mail.status != "SENT":
            yield f"I4 mail {name} is {mail.status}"
        elif not copies:
            yield f"I4 mail {name} is marked SENT and was never caught"
        if any(copy["to"] != [mail.recipient] for copy in copies):
            yield f"I4 mail {name} went to {[copy['to'] for copy in copies]}"
        if len({copy["digest"] for copy in copies}) > 1:
            yield f"I4 mail {name} changed when it was repeated"
        if len(copies) > 1 and not explain(copies):
            yield f"I4 mail {name} was caught {len(copies)} times without a kill or a time-out"
    for name in evidence.mails.keys() - wanted.keys():
        yield f"I5 mail {name} was caught and nobody wanted it"


# --- calls and queues ------------------------------------------------------------------------------------------------


def check_calls(evidence):
    tables = evidence.tables
    for call in evidence.truth.acknowledged:
        if not evidence.is_applied(call) and not evidence.is_dead(call):
            yield f"I7 {call.reference} etat {call.etat} {call.bank_ref} was acknowledged {call.acknowledged} times and is nowhere"
    for event in tables.applied - evidence.by_id.keys():
        yield f"I7 event {event} was applied and never made"
    for event, times in collections.Counter(line.event for line in tables.history if line.event).items():
        if times > 1:
            yield f"I7 event {event} was applied {times} times"
    for call in evidence.truth.calls.values():
        if call.acknowledged and not call.sealed:
            yield f"I9 {call.raw} was acknowledged without a good seal"
        if not call.sealed and any(row.verdict not in ("bad_seal", "unverifiable") for row in tables.inbox if row.event in call.ids):
            yield f"I9 {call.raw} was applied without a good seal"


def queue_state(stack):
    """What is still under way: {"pending": …, "lag": …, "journal records": …, "journals without a server": …}."""
    groups = stack.redis("XINFO", "GROUPS", "dp:events").splitlines()
    group = dict(zip(groups[::2], groups[1::2]))
    records = [metric(stack, name, "dp_journal_records") for name in stack.children if name.startswith("dp-server-")]
    journals = [path for path in (stack.state / "journal").iterdir() if path.is_dir() and path.name != "corrupt"]
    undelivered = stack.redis("XRANGE", "dp:events", f"({group.get('last-delivered-id', '0-0')}", "+", "COUNT", "1")
    return {"pending": int(group.get("pending", 0)), "lag": int(bool(undelivered)), "journal records": sum(records),
            "journals without a server": max(0, len(journals) - len(records))}


def metric(stack, child, name):
    port = stack.ports["admin"] + int(child.rsplit("-", 1)[1])
    for line in Client(stack, port).get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return int(float(line.split()[1]))
    raise AssertionError(f"{child} has no metric {name}")


def left_over(stack, may_stay):
    return {name: count for name, count in queue_state(stack).items() if count and name not in may_stay}


def check_queues(evidence, may_stay):
    for name, count in left_over(evidence.stack, may_stay).items():
        yield f"I7 {count} {name} are left"


# --- states and the ledger -------------------------------------------------------------------------------------------


def code_of(evidence, step):
    """Answers to questions have words of their own."""
    return evidence.truth.words[step.event].etat if step.event in evidence.truth.words else step.bank_code


def check_histories(evidence):
    """Of the steps that change a state: a report that changes nothing may be written down just after one that does."""
    for row in evidence.tables.transactions:
        at = None
        for step in evidence.tables.walks[row.id]:
            if step.from_state == step.to_state:
                continue
            if at is not None and step.from_state != at:
                yield f"I8 {row.reference} was {at}, and goes on from {step.from_state}"
            if RANK[step.to_state] < RANK[step.from_state] or step.from_state not in MAY_FOLLOW.get(step.to_state, ()):
                yield f"I8 {row.reference} went from {step.from_state} to {step.to_state}"
            if (code_of(evidence, step) if step.event else None) not in LED_BY.get(step.to_state, ()):
                yield f"I8 {row.reference} became {step.to_state} by code {step.bank_code!r}"
            at = step.to_state
        if at != row.state and (at is not None or row.state not in ("CREATED", "PENDING")):
            yield f"I8 {row.reference} is {row.state}, its history ends as {at}"


def check_open_payments(evidence):
    """What the bank accepted and never called about is found by asking, or is a human's task."""
    tables = evidence.tables
    accepted = {word.reference for word in evidence.truth.words.values() if word.credits}
    reviewed = {review.transaction_id for review in tables.reviews}
    for row in tables.transactions:
        if row.state == "PENDING" and row.overdue == "1":
            yield f"I10 {row.reference} is PENDING past its end"
        if RANK[row.state] == 2 and row.reference in accepted and row.id not in reviewed:
            yield f"I10 {row.reference} is {row.state}, the bank has the money and nobody was told"
    for claim in tables.claims:
        if claim.reserved_for and tables.by_reference[claim.reserved_for].state != "PENDING":
            yield f"I10 claim {claim.id} is kept for {claim.reserved_for}, which is {tables.by_reference[claim.reserved_for].state}"


def check_ledger(evidence):
    tables = evidence.tables
    groups = collections.defaultdict(list)
    for leg in tables.ledger:
        groups[(tables.contracts[leg.contract_id], leg.bank_ref, leg.kind)].append(leg)
    for key, legs in groups.items():
        if total(legs):
            yield f"I11 {key} adds up to {total(legs)}"
        if sorted(int(leg.leg) for leg in legs) != list(range(len(legs))):
            yield f"I11 {key} has legs {[leg.leg for leg in legs]}"
        if len({leg.event for leg in legs}) > 1:
            yield f"I11 {key} was booked by several events"
    on_account, on_claim = collections.Counter(), collections.Counter()
    for leg in tables.ledger:
        if leg.book in ("ACCOUNT", "CLAIM"):
            on_account[leg.account_id] -= int(leg.amount_cents)
        if leg.book == "CLAIM":
            on_claim[leg.claim_id] -= int(leg.amount_cents)
    for account in tables.accounts:
        if int(account.paid_cents) != on_account[account.id]:
            yield f"I11 account {account.id} has {account.paid_cents}, the ledger {on_account[account.id]}"
    for claim in tables.claims:
        if int(claim.settled_cents) != on_claim[claim.id] or not 0 <= on_claim[claim.id] <= int(claim.amount_cents):
            yield f"I11 claim {claim.id} has {claim.settled_cents} of {claim.amount_cents}, the ledger {on_claim[claim.id]}"


# --- all -------------------------------------------------------------------------------------------------------------


def unexplained(_copies):
    return None


def check(stack, truth, **options):
    return check_evidence(Evidence(stack, truth), **options)


def check_evidence(evidence, explain=unexplained, reconciled=frozenset(), may_stay=(), further=()):
    """`explain`: see check_mails. `reconciled`: references and transaction ids credited by the bank's own inquiry instead of a call.
    `may_stay`: names of queue_state() that need not be 0. `further`: functions of the evidence that yield violations."""
    return [*check_acceptances(evidence), *check_bookings(evidence), *check_receipts(evidence), *check_operations(evidence),
            *check_phantoms(evidence, reconciled), *check_outbox(evidence), *check_mails(evidence, explain), *check_calls(evidence),
            *check_queues(evidence, may_stay), *check_histories(evidence), *check_open_payments(evidence), *check_ledger(evidence),
            *(line for function in further for line in function(evidence))]


def read_truth(stack):
    return Truth.read(stack.bank_log)


def is_quiet(stack, truth, may_stay=()):
    """Everything that can still happen has happened. Safe to call while stores are away."""
    if not stack.redis_answers() or not stack.database_answers():
        return False
    applied = {row[0] for row in stack.sql("SELECT LOWER(HEX(event_id)) FROM inbox UNION SELECT LOWER(event_id) FROM dead_letters")}
    unsent = stack.sql("SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'") != [["0"]]
    overdue = stack.sql("SELECT COUNT(*) FROM transactions WHERE state = 'PENDING' AND expires_at < UTC_TIMESTAMP(6)") != [["0"]]
    return not unsent and not overdue and all(applied.intersection(call.ids) for call in truth.acknowledged) and not left_over(
        stack, may_stay)
