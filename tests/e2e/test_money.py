"""Money under disorder: many payments, the bank's reports in any order and any number, workers killed and Redis restarted
meanwhile. Afterwards a checker proves from the tables, and from what the bank was answered, that no cent was lost,
doubled or put on the wrong account.

A run is described by its seed: DP_SEED=… repeats its payments and reports (not the timing of the processes).
"""
import collections
import hashlib
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import spplus
from client import Bank, Mails, Parent, until
from second_school import OTHER_MERCHANT, add_second_school

N_PAYMENTS, N_WORKERS, N_SENDERS, CHAOS_S, QUIET_S = 25, 3, 8, 3, 90
RANK = {"CREATED": 0, "PENDING": 1, "CANCELLED": 2, "DECLINED": 2, "EXPIRED": 2, "AUTHORISED": 3, "CAPTURED": 4, "SETTLED": 5,
        "REVERSED": 6, "REFUNDED": 7}
MONEY = ("1", "4", "10", "30")


def event_id(raw):
    """The contract's: SHA-256 of the gateway, NUL, and the call without its seal."""
    unsealed = "&".join(pair for pair in raw.split("&") if not pair.startswith("hmac="))
    return hashlib.sha256(b"spplus\0" + unsealed.encode()).hexdigest()


def cents(montant):
    return round(float(montant) * 100)


# --- what happens ----------------------------------------------------------------------------------------------------


class Payment:
    def __init__(self, number, reference, amount_cents):
        self.number, self.reference, self.amount_cents = number, reference, amount_cents
        self.request = None  # as sent to the bank; None: never sent

    def bank_ref(self, attempt):
        return f"{10_000_000 + 10 * self.number + attempt:08d}"


class Report:
    """One call of the bank. `honest`: exactly what was asked for comes back, under a bank reference of this payment's own."""

    def __init__(self, payment, etat, bank_ref, changes=None, honest=True, resplit=False):
        self.payment, self.etat, self.bank_ref, self.resplit = payment, etat, bank_ref, resplit
        self.honest = honest and not changes and not resplit
        request = payment.request or ("siret=00000000000001-01&reference=%s&langue=FR&devise=978&montant=%.2f&taxe=0.00"
                                      % (payment.reference, payment.amount_cents / 100))
        self.raw = spplus.call(request, etat, bank_ref, changes)
        if resplit:
            self.raw = spplus.resplit(spplus.call(request, "12", bank_ref))
        self.id = event_id(self.raw)
        self.acknowledged = False

    @property
    def values(self):
        return dict(spplus.pairs(self.raw))

    @property
    def credits(self):
        return self.honest and self.etat in MONEY and self.payment.request is not None


def add_claims(stack):
    """Of 20,00 € each on every account, wanted by several payments at once."""
    stack.sql("UPDATE schools SET part_payment_allowed = TRUE; INSERT INTO claims (school_id, account_id, number, label, amount_cents) "
              "SELECT school_id, id, CONCAT('M', id), 'avis', 2000 FROM accounts")
    return {account: claim for account, claim in stack.sql("SELECT account_id, id FROM claims WHERE number LIKE 'M%'")}


def make_payments(stack, dice):
    claims = add_claims(stack)
    bank = Bank(stack)
    parents = [Parent(stack, login).log_in() for login in ("durand", "martin", "commensal", "durand2", "martin2")]
    accounts = {parent: parent.accounts() for parent in parents}
    payments = []
    for number in range(N_PAYMENTS):
        parent = dice.choice(parents)
        amounts = [dice.randrange(100, 1000) for _ in range(dice.choice((1, 1, 2)))]
        kind = dice.choice(("avance", "creance", "imputer"))
        fields, wanted = {"type": "avance" if kind == "avance" else "creance"}, set()
        for index, amount in enumerate(amounts):
            account, suffix = dice.choice(accounts[parent]), "" if index == 0 else f"_{index + 1}"
            fields.update({f"compte{suffix}": account, f"montant{suffix}": f"{amount // 100},{amount % 100:02d}"})
            if kind == "creance" and account not in wanted:
                fields[f"creance{suffix}"] = claims[account]
                wanted.add(account)
        payment = Payment(number, parent.credit(**{**fields, "amount": fields.pop("montant")}), sum(amounts))
        if dice.random() < 0.85:
            address = parent.send(payment.reference)
            bank.open(address)
            payment.request = address.split("?", 1)[1]
        payments.append(payment)
    return payments


def reports_on(payment, payments, dice):
    """Some of what a bank may say, in an order that it may choose."""
    own, second = payment.bank_ref(1), payment.bank_ref(2)
    possible = [
        *[Report(payment, "1", own)] * 3,
        *[Report(payment, etat, own) for etat in ("4", "10", "30", "2", "5", "12", "11", "20", "15", "16", "17", "99", "0", "21")],
        *[Report(payment, etat, second) for etat in ("1", "4", "10", "2", "5", "12", "20", "17")],
        Report(payment, "17", own, {"montant": f"{payment.amount_cents / 300:.2f}"}),
        Report(payment, "1", dice.choice((own, second)), {"montant": "1.00" if payment.amount_cents != 100 else "2.00"}),
        Report(payment, "1", own, {"devise": "840"}),
        Report(payment, "1", own, {"siret": OTHER_MERCHANT}),
        Report(payment, "1", payment.bank_ref(3), {"reference": "xyz20200101000000aaa"}),
        Report(payment, "1", dice.choice(payments).bank_ref(1), honest=False),
        Report(payment, "1", own, resplit=True),
    ]
    chosen = dice.sample(possible, dice.randrange(1, 8)) + [Report(payment, "1", own)] * dice.randrange(2)
    return [report for report in chosen for _ in range(dice.choice((1, 1, 1, 2, 3)))]


def send(stack, report, dice):
    method = dice.choice(("GET", "POST"))
    answer = Bank(stack).send(raw=report.raw, method=method)
    assert "spcheckok" in answer["answer"], f"a sealed call was not acknowledged: {answer}"
    report.acknowledged = True


REPLAY = """local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 20)
if #newest > 0 then redis.call('XADD', KEYS[1], '*', unpack(newest[1 + ARGV[1] % #newest][2])) end"""


class Watch:
    """Kills, restarts and replays while the reports come in, and sees that no state goes back."""

    def __init__(self, stack, with_redis, seed):
        self.stack, self.with_redis, self.dice = stack, with_redis, random.Random(seed)
        self.ranks, self.faults = {}, []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        acts = [self.kill_worker, self.kill_before_commit, self.kill_before_acknowledgement, self.replay, self.replay]
        if self.with_redis:
            acts.append(self.kill_redis)
        while not self.ending.wait(self.dice.uniform(0, 0.3)):
            if self.stack.redis_answers():
                self.dice.choice(acts)()
            self.look()

    def kill_worker(self):
        self.stack.children[f"dp-worker-{self.dice.randrange(N_WORKERS)}"].send_signal(signal.SIGKILL)

    def kill_before_commit(self):
        """What the workers have read meanwhile is decided, and waits to be written."""
        lock = threading.Thread(target=self.stack.sql, args=("LOCK TABLES inbox WRITE; SELECT SLEEP(0.4)",))
        lock.start()
        time.sleep(0.3)
        self.kill_worker()
        lock.join()

    def kill_before_acknowledgement(self):
        """Redis takes no command that writes: batches under way are committed, and cannot be acknowledged."""
        self.stack.redis("CLIENT", "PAUSE", "300", "WRITE")
        time.sleep(0.2)
        self.kill_worker()

    def kill_redis(self):
        self.stack.children["redis"].send_signal(self.dice.choice((signal.SIGKILL, signal.SIGTERM)))

    def replay(self):
        """An event again, as dp-server's journal sends it when it does not know better."""
        self.stack.redis("EVAL", REPLAY, "1", "dp:events", str(self.dice.randrange(1000)))

    def look(self):
        for reference, state in self.stack.sql("SELECT reference, state FROM transactions"):
            if RANK[state] < self.ranks.get(reference, 0):
                self.faults.append(f"{reference} went back to {state}")
            self.ranks[reference] = max(RANK[state], self.ranks.get(reference, 0))
        if self.stack.sql("SELECT COALESCE(SUM(amount_cents), 0) FROM ledger_entries") != [["0"]]:
            self.faults.append("the ledger does not balance")


def expire_some(stack, payments, dice):
    """Made old, so that the worker writes EXPIRED before, between or after the reports."""
    for payment in dice.sample(payments, len(payments) // 5):
        stack.sql("UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, "
                  f"created_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR WHERE reference = '{payment.reference}'")


def play(stack, payments, reports, dice, watch):
    expire_some(stack, payments, dice)
    pauses = [dice.expovariate(1.0) * CHAOS_S * N_SENDERS / len(reports) for _ in reports]

    def send_after(pause, report, seed):
        time.sleep(pause)
        send(stack, report, random.Random(seed))

    watch.thread.start()
    try:
        with ThreadPoolExecutor(N_SENDERS) as pool:
            for future in [pool.submit(send_after, pause, report, dice.random()) for pause, report in zip(pauses, reports)]:
                future.result()
    finally:
        watch.ending.set()
        watch.thread.join()
    watch.look()


def wait_until_quiet(stack, reports):
    """Everything that can still happen has happened; what has not, the checker will name."""
    wanted = {report.id for report in reports}

    def quiet():
        if not stack.redis_answers():
            return False
        applied = {row[0] for row in stack.sql("SELECT LOWER(HEX(event_id)) FROM inbox")}
        unsent = stack.sql("SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'")
        return wanted <= applied and unsent == [["0"]] and stack.redis("XPENDING", "dp:events", "workers").splitlines()[0] == "0"

    try:
        until("everything is applied, acknowledged and mailed", quiet, QUIET_S)
    except AssertionError as error:
        return [str(error)]
    return []


# --- the checker -----------------------------------------------------------------------------------------------------


class Tables:
    def __init__(self, stack):
        def rows(names, tables):
            fields = [name.split(" AS ")[-1].split(".")[-1] for name in names.split(", ")]
            row = collections.namedtuple("row", fields)
            return [row(*(None if value == "NULL" else value for value in line)) for line in stack.sql(f"SELECT {names} FROM {tables}")]

        self.transactions = rows("id, reference, school_id, contract_id, state, amount_cents, bank_ref, email", "transactions")
        self.ledger = rows("school_id, contract_id, transaction_id, kind, leg, book, account_id, claim_id, amount_cents, bank_ref, "
                           "LOWER(HEX(event_id)) AS event", "ledger_entries")
        self.lines = rows("l.transaction_id, l.account_id, l.claim_id, l.amount_cents",
                          "transaction_lines l JOIN transactions t ON t.id = l.transaction_id AND t.revision = l.revision")
        self.inbox = rows("LOWER(HEX(event_id)) AS event, verdict", "inbox")
        self.accounts = rows("id, paid_cents", "accounts")
        self.claims = rows("id, amount_cents, settled_cents", "claims")
        self.receipts = rows("transaction_id, school_id, year, number", "receipts")
        self.counters = rows("school_id, year, last_number", "receipt_counters")
        self.outbox = rows("id, kind, transaction_id, review_id, status", "mail_outbox")
        self.reviews = rows("id, transaction_id, LOWER(HEX(event_id)) AS event, reason", "review_items")
        self.history = rows("transaction_id, from_state, to_state, LOWER(HEX(event_id)) AS event", "transaction_history ORDER BY id")
        self.dead_letters = rows("event_id, reason", "dead_letters")
        self.legs_of = collections.defaultdict(list)
        for leg in self.ledger:
            if leg.kind != "ORPHAN":
                self.legs_of[leg.transaction_id].append(leg)


def total(legs):
    return sum(int(leg.amount_cents) for leg in legs)


def check_ledger(tables, reports):
    by_event = {report.id: report for report in reports}
    groups = collections.defaultdict(list)
    for leg in tables.ledger:
        groups[(leg.contract_id, leg.bank_ref, leg.kind)].append(leg)
    for key, legs in groups.items():
        if total(legs):
            yield f"{key} adds up to {total(legs)}"
        if sorted(int(leg.leg) for leg in legs) != list(range(len(legs))):
            yield f"{key} has legs {[leg.leg for leg in legs]}"
        if len({leg.event for leg in legs}) > 1:
            yield f"{key} was booked by several events"
        report = by_event.get(legs[0].event)
        announced = cents(report.values["montant"]) if report else None
        if key[2] in ("PAYMENT", "ORPHAN", "REFUND") and abs(int(legs[0].amount_cents)) != announced:
            yield f"{key} booked {legs[0].amount_cents}, the bank said {announced}"
    for account in tables.accounts:
        booked = total(leg for leg in tables.ledger if leg.account_id == account.id and leg.book in ("ACCOUNT", "CLAIM"))
        if int(account.paid_cents) != -booked:
            yield f"account {account.id} has {account.paid_cents}, the ledger {-booked}"
    for claim in tables.claims:
        booked = total(leg for leg in tables.ledger if leg.claim_id == claim.id and leg.book == "CLAIM")
        if int(claim.settled_cents) != -booked or not 0 <= -booked <= int(claim.amount_cents):
            yield f"claim {claim.id} has {claim.settled_cents} of {claim.amount_cents}, the ledger {-booked}"


def places(rows):
    """Cents for each account and claim: where money is to go, and where it went (suspense counts for its claim)."""
    found = collections.Counter()
    for row in rows:
        found[(row.account_id, row.claim_id)] += abs(int(row.amount_cents))
    return found


def check_payment(tables, row, payment, reports):
    legs = tables.legs_of[row.id]
    booked = [leg for leg in legs if leg.kind == "PAYMENT"]
    crediting = {report.bank_ref for report in reports if report.credits and report.payment is payment}
    if (RANK[row.state] >= 3) != bool(booked):
        yield f"{row.reference} is {row.state} with {len(booked)} payment legs"
    if booked and not payment.request:
        yield f"{row.reference} was never sent, and is credited"
    if booked and (booked[0].bank_ref != row.bank_ref or int(booked[0].amount_cents) != int(row.amount_cents)):
        yield f"{row.reference} of {row.amount_cents}, {row.bank_ref}, was booked as {booked[0]}"
    if booked and {(leg.contract_id, leg.school_id) for leg in legs} != {(row.contract_id, row.school_id)}:
        yield f"{row.reference} was booked for another school or contract"
    if booked and places(leg for leg in booked if leg.book != "BANK") != places(line for line in tables.lines if line.transaction_id == row.id):
        yield f"{row.reference} was credited elsewhere than its lines say"
    held = -total(leg for leg in legs if leg.book != "BANK")
    refunded = -total(leg for leg in legs if leg.kind == "REFUND" and leg.book == "BANK")
    expected = {"REVERSED": 0, "REFUNDED": int(row.amount_cents) - refunded}.get(row.state, int(row.amount_cents) if booked else 0)
    if held != expected or (row.state == "REFUNDED") != (refunded > 0):
        yield f"{row.reference} is {row.state} and holds {held} instead of {expected}, refunded {refunded}"
    return bool(booked), crediting


def check_payments(tables, payments, reports):
    by_reference = {payment.reference: payment for payment in payments}
    shared = {report.bank_ref for report in reports if not report.honest and report.etat in MONEY and report.acknowledged}
    for row in tables.transactions:
        payment = by_reference[row.reference]
        booked, crediting = yield from check_payment(tables, row, payment, reports)
        if crediting - shared and not booked:
            yield f"{row.reference} was accepted ({crediting}) and is {row.state}"
        if not crediting and booked and row.bank_ref not in shared:
            yield f"{row.reference} was never accepted and is {row.state}"
        walked = [(line.from_state, line.to_state) for line in tables.history
                  if line.transaction_id == row.id and line.from_state != line.to_state]
        if any(before[1] != after[0] for before, after in zip(walked, walked[1:])) or (walked and walked[-1][1] != row.state):
            yield f"{row.reference} is {row.state} after {walked}"
        if any(RANK[before] > RANK[after] for before, after in walked):
            yield f"{row.reference} went back: {walked}"


def check_receipts(tables):
    credited = sorted(row.id for row in tables.transactions if RANK[row.state] >= 3)
    if sorted(receipt.transaction_id for receipt in tables.receipts) != credited:
        yield "receipts and credited payments are not the same"
    numbers = collections.defaultdict(list)
    for receipt in tables.receipts:
        numbers[(receipt.school_id, receipt.year)].append(int(receipt.number))
    counters = {(counter.school_id, counter.year): int(counter.last_number) for counter in tables.counters}
    for key, given in numbers.items():
        if sorted(given) != list(range(1, counters.get(key, 0) + 1)):
            yield f"receipts of {key} are {sorted(given)}, counted to {counters.get(key)}"


def check_mails(stack, tables):
    count = collections.Counter((mail.transaction_id, mail.kind) for mail in tables.outbox)
    for row in tables.transactions:
        reversed_once = any(leg.kind == "REVERSAL" for leg in tables.legs_of[row.id])
        wanted = {"PARENT_CONFIRMATION": RANK[row.state] >= 3, "BURSAR_CONFIRMATION": RANK[row.state] >= 3, "BURSAR_REVERSAL": reversed_once}
        for kind, due in wanted.items():
            if count[(row.id, kind)] != int(due):
                yield f"{row.reference} is {row.state} with {count[(row.id, kind)]} mails {kind}"
    if sorted(mail.review_id for mail in tables.outbox if mail.review_id) != sorted(review.id for review in tables.reviews):
        yield "reviews and their mails are not the same"
    if any(mail.status != "SENT" for mail in tables.outbox):
        yield f"not sent: {[mail for mail in tables.outbox if mail.status != 'SENT']}"
    caught = collections.defaultdict(set)
    for mail in Mails(stack).all():
        caught[mail["message_id"]].add((mail["subject"], mail["text"], tuple(mail["to"])))
    if len(caught) != len(tables.outbox) or any(len(texts) > 1 for texts in caught.values()):
        yield f"{len(caught)} mails were caught of {len(tables.outbox)}, or one changed when it was repeated"


def check_reports(stack, tables, reports):
    applied = [row.event for row in tables.inbox]
    acknowledged = {report.id for report in reports if report.acknowledged}
    if set(applied) != acknowledged:
        yield f"{len(acknowledged - set(applied))} acknowledged events are not applied, {len(set(applied) - acknowledged)} others are"
    for event, times in collections.Counter(line.event for line in tables.history if line.event).items():
        if times > 1:
            yield f"event {event} was applied {times} times"
    reviewed = {review.event for review in tables.reviews}
    booked = {(leg.kind, leg.bank_ref) for leg in tables.ledger}
    for report in {report.id: report for report in reports}.values():
        ref = report.values["refsfp"]
        may_be_forged = report.resplit or not report.payment.request
        if (report.values["etat"] in MONEY and not booked & {("PAYMENT", ref), ("ORPHAN", ref)}
                and not (may_be_forged and report.id in reviewed)):
            yield f"{report.raw} is neither credited nor in suspense"
        if not report.honest and report.id in {leg.event for leg in tables.ledger if leg.kind == "PAYMENT"} and len(ref) != 8:
            yield f"a forgery was credited: {report.raw}"
        if report.etat == "99" and report.id in {leg.event for leg in tables.ledger}:
            yield f"a test payment was booked: {report.raw}"
    pending = stack.redis("XPENDING", "dp:events", "workers").splitlines()
    if pending[0] != "0":
        yield f"still pending: {pending}"
    if tables.dead_letters and {letter.event_id for letter in tables.dead_letters} - set(applied):
        yield f"dead letters: {tables.dead_letters}"


def check(stack, payments, reports):
    tables = Tables(stack)
    return [*check_ledger(tables, reports), *check_payments(tables, payments, reports), *check_receipts(tables),
            *check_mails(stack, tables), *check_reports(stack, tables, reports)]


# --- the test --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_redis, resend_after_s", [(False, 3600), (True, 2)], ids=["workers-die", "workers-and-redis-die"])
def test_no_cent_is_lost_or_doubled(own_stack, with_redis, resend_after_s):
    """While only workers die the stream alone must lose nothing: the journal, which would heal it, is kept out."""
    seed = int(os.environ.get("DP_SEED") or random.SystemRandom().randrange(10**6))
    print(f"DP_SEED={seed}")
    dice = random.Random(seed)
    stack = own_stack(servers=0, workers=N_WORKERS, restart=True, config_extra={
        "listen_extra": "rate_per_second = 1000\nrate_burst = 10000", "journal_extra": f"resend_after_s = {resend_after_s}",
        "worker_extra": "claim_idle_ms = 700\nlease_s = 4\nbatch_max = 20"})
    add_second_school(stack)
    stack.start_server(0)
    payments = make_payments(stack, dice)
    reports = [report for payment in payments for report in reports_on(payment, payments, dice)]
    dice.shuffle(reports)
    watch = Watch(stack, with_redis, seed)
    play(stack, payments, reports, dice, watch)
    faults = watch.faults + wait_until_quiet(stack, reports) + check(stack, payments, reports)
    verdicts = collections.Counter(row.verdict for row in Tables(stack).inbox)
    print(f"{len(payments)} payments, {len(reports)} reports, {dict(verdicts)}")
    assert not faults, f"DP_SEED={seed}\n" + "\n".join(faults)
