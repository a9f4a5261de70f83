"""Money under disorder: many payments, the bank's reports in any order and any number, workers killed and Redis restarted
meanwhile. Afterwards a checker proves from the tables, and from what the bank was answered, that no cent was lost,
doubled or put on the wrong account.

A run is described by its seed: DP_SEED=… repeats its payments and reports (not the timing of the processes).
"""
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import spplus
from checker import check, is_quiet, read_truth
from client import Bank, Parent, let_reservations_run_out, until
from second_school import OTHER_MERCHANT, add_second_school
from tables import RANK

N_PAYMENTS, N_WORKERS, N_SENDERS, CHAOS_S, QUIET_S = 25, 3, 8, 3, 90


# --- what happens ----------------------------------------------------------------------------------------------------


class Payment:
    def __init__(self, number, reference, amount_cents):
        self.number, self.reference, self.amount_cents = number, reference, amount_cents
        self.request = None  # as sent to the bank; None: never sent

    def bank_ref(self, attempt):
        return f"{10_000_000 + 10 * self.number + attempt:08d}"


class Report:
    """One call of the bank."""

    def __init__(self, payment, etat, bank_ref, changes=None, resplit=False):
        request = payment.request or ("siret=00000000000001-01&reference=%s&langue=FR&devise=978&montant=%.2f&taxe=0.00"
                                      % (payment.reference, payment.amount_cents / 100))
        self.raw = spplus.resplit(spplus.call(request, "12", bank_ref)) if resplit else spplus.call(request, etat, bank_ref, changes)


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
        let_reservations_run_out(stack)  # so that the bank can take several for one claim
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
        Report(payment, "1", dice.choice(payments).bank_ref(1)),
        Report(payment, "1", own, resplit=True),
    ]
    chosen = dice.sample(possible, dice.randrange(1, 8)) + [Report(payment, "1", own)] * dice.randrange(2)
    return [report for report in chosen for _ in range(dice.choice((1, 1, 1, 2, 3)))]


def send(stack, report, dice):
    method = dice.choice(("GET", "POST"))
    answer = Bank(stack).send(raw=report.raw, method=method)
    assert "spcheckok" in answer["answer"], f"a sealed call was not acknowledged: {answer}"


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


def wait_until_quiet(stack, truth, may_stay):
    try:
        until("everything is applied, acknowledged and mailed", lambda: is_quiet(stack, truth, may_stay), QUIET_S)
    except AssertionError as error:
        return [str(error)]
    return []


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
    truth = read_truth(stack)
    may_stay = () if with_redis else ("journal records",)  # it asks the inbox about what is due only
    # Workers are killed all the time: a repeated mail needs no other reason here. tests/fault/ asks which kill it was.
    faults = watch.faults + wait_until_quiet(stack, truth, may_stay)
    faults += check(stack, truth, explain=lambda copies: "a worker was killed", may_stay=may_stay)
    print(f"{len(payments)} payments, {len(reports)} reports, {stack.sql('SELECT verdict, COUNT(*) FROM inbox GROUP BY verdict')}")
    assert not faults, f"DP_SEED={seed}\n" + "\n".join(faults)
