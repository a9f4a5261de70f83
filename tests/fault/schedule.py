"""What happens in a run: which payments are made, what the bank says of them, which faults strike, and when. A pure function of the seed:
no clock, no process, no file is looked at, so that the same seed gives the same schedule wherever it runs.
"""
import dataclasses
import random

STOP_MIN_S, STOP_MEAN_S, STOP_MAX_S = 1.0, 2.0, 40.0
N_SERVERS, N_WORKERS = 2, 3
PARENTS = ("durand", "martin", "commensal", "durand2", "martin2")

# name: (weight, targets, whether it lasts). A fault that lasts is healed after its time; the others heal by themselves.
SERVERS = tuple(f"dp-server-{n}" for n in range(N_SERVERS))
WORKERS = tuple(f"dp-worker-{n}" for n in range(N_WORKERS))
STORES = ("redis", "mariadb")
LINES = ("redis", "mariadb", "smtp")
KINDS = {
    "kill": (30, SERVERS + WORKERS * 3 + ("redis", "mail-catcher"), False),
    "stop": (16, SERVERS + WORKERS * 2 + ("redis", "mariadb", "mail-catcher"), True),
    "terminate": (12, SERVERS * 2 + WORKERS * 2 + ("redis", "mail-catcher"), False),
    "kill-database": (2, ("mariadb",), False),
    "down": (3, STORES, True),
    "line-cut": (12, LINES, False),
    "line-reset": (12, LINES, False),
    "line-half-closed": (7, LINES, False),
    "line-delayed": (7, LINES, True),
    "line-black-hole": (6, LINES, True),
    "line-answers-lost": (9, LINES, True),
    "replay": (5, ("stream",), False),
    "kill-before-commit": (3, WORKERS, False),
    "kill-before-acknowledgement": (3, WORKERS, False),
    "redis-emptied": (2, ("redis",), False),
    "group-destroyed": (3, ("stream",), False),
    "redis-out-of-memory": (3, ("stream",), True),
    "mail-refused-for-now": (2, ("smtp-replies",), True),
    "mail-refused-for-good": (1, ("smtp-replies",), True),
    "mail-slow": (2, ("smtp-replies",), True),
    "mail-hangs": (2, ("smtp-replies",), True),
    "mail-dropped": (2, ("smtp-replies",), True),
    "mail-kept-and-dropped": (2, ("smtp-replies",), True),
    "bank-unreachable": (2, ("bank-answers",), True),
    "bank-slow": (1, ("bank-answers",), True),
    "bank-talks-nonsense": (1, ("bank-answers",), True),
    "clock": (4, (SERVERS[-1], WORKERS[-1]), True),
    "disk-full": (3, ("journal", "redis", "db"), True),
    "scale-workers": (1, ("workers",), True),
    "rolling-restart": (1, ("programs",), False),
}
PROXY_KINDS = {kind for kind in KINDS if kind.startswith("line-")}
CLOCK_JUMPS_S = (-3600, -61, 61, 3600, 86_400)
CLAIM_CENTS = 100_000


@dataclasses.dataclass(frozen=True)
class FaultPlan:
    at_s: float
    kind: str
    target: str
    for_s: float  # 0: heals by itself
    number: int   # the fault's own dice

    @property
    def end_s(self):
        return self.at_s + self.for_s


@dataclasses.dataclass(frozen=True)
class CallPlan:
    """One notification: `after_s` the payment was sent to the bank. `attempt` numbers the bank's own references."""
    after_s: float
    etat: str
    attempt: int = 1
    change: str = ""  # see bank_driver.make_raw
    post: bool = False


@dataclasses.dataclass(frozen=True)
class PaymentPlan:
    number: int
    at_s: float
    parent: str
    lines: tuple  # (which account, cents, whether for a claim) …
    policy: str
    retries: str  # none, systempay, stripe
    calls: tuple
    aged: bool    # its time at the bank is over at once

    def bank_ref(self, attempt):
        return f"{10_000_000 + 10 * self.number + attempt:08d}"


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    duration_s: float
    proxied: bool       # stores and mail behind proxies, or spoken to directly
    spare_journal: bool  # the journal's disk stays free: Redis may lose its data
    payments: tuple
    faults: tuple


# --- what the bank says ----------------------------------------------------------------------------------------------


def settle(dice):
    return [("1", 1), ("4", 1), ("10", 1)]


POLICIES = {  # (etat, the bank's reference, change) in the order they are sent
    "none": lambda dice: [],
    "silent": lambda dice: [],  # accepted at the bank, which never calls
    "one": lambda dice: [("1", 1)],
    "tenfold": lambda dice: [("1", 1)] * 10,
    "at-once": lambda dice: [("1", 1)] * 10,
    "refused": lambda dice: [("2", 1)],
    "abandoned": lambda dice: [("12", 1)],
    "refused-then-accepted": lambda dice: [("2", 1), ("1", 2)],
    "accepted-before-refused": lambda dice: [("1", 2), ("2", 1)],
    "abandoned-then-accepted": lambda dice: [("12", 1), ("1", 2)],
    "accepted-before-abandoned": lambda dice: [("1", 2), ("12", 1)],
    "settled": settle,
    "settled-in-any-order": lambda dice: dice.sample(settle(dice), 3),
    "late": lambda dice: [("1", 1)],
    "wrong-amount": lambda dice: [("1", 1, "amount")] + [("1", 2)] * dice.randrange(2),
    "unknown-reference": lambda dice: [("1", 1, "reference")],
    "bad-seal": lambda dice: [("1", 1, "seal")] + [("2", 2)] * dice.randrange(2),
    "resplit": lambda dice: [("12", 1), ("1", 1, "resplit")],
    "two-references": lambda dice: [("1", 1), ("1", 2)],
    "reversed": lambda dice: [("1", 1), (dice.choice(("11", "20", "5")), 1)],
    "refunded": lambda dice: [("1", 1), ("15", 1), ("17", 1)],
    "test-code": lambda dice: [("99", 1)],
}
WEIGHTS = {"none": 2, "silent": 2, "one": 6, "tenfold": 6, "at-once": 6, "settled": 6, "settled-in-any-order": 6, "refused-then-accepted": 4,
           "accepted-before-refused": 4, "two-references": 2}


def make_calls(dice, policy, calls_per_payment, left_s):
    reports = POLICIES[policy](dice)
    spread_s = 0.0 if policy in ("at-once", "tenfold") else dice.choice((0.05, 0.5, 3.0))
    start_s = dice.uniform(left_s / 2, left_s) if policy == "late" else dice.expovariate(2.0)
    firsts = [CallPlan(start_s + index * spread_s, *report, post=dice.random() < 0.5) for index, report in enumerate(reports)]
    # A bank that repeats itself: soon, or until the end of the run.
    repeats_max = max(0, 2 * calls_per_payment - 2 * len(firsts))
    again = [dataclasses.replace(dice.choice(firsts), after_s=start_s + dice.choice((dice.expovariate(1.0), dice.uniform(0, left_s))))
             for _ in range(dice.randrange(repeats_max + 1) if firsts else 0)]
    return tuple(sorted([*firsts, *again], key=lambda call: call.after_s))


def make_payment(dice, number, at_s, duration_s, calls_per_payment):
    policy = dice.choices(list(POLICIES), [WEIGHTS.get(name, 1) for name in POLICIES])[0]
    kind = dice.choice(("advance", "claim"))
    lines = tuple((dice.randrange(1000), dice.randrange(100, 3000), kind == "claim" and index == 0)
                  for index in range(dice.choice((1, 1, 1, 2, 3))))
    return PaymentPlan(number, at_s, dice.choice(PARENTS), lines, policy, dice.choice(("none", "systempay", "stripe")),
                       make_calls(dice, policy, calls_per_payment, duration_s - at_s),
                       aged=policy in ("none", "silent") or dice.random() < 0.05)


# --- what fails ------------------------------------------------------------------------------------------------------


def is_allowed(kind, target, proxied, spare_journal):
    """Two sole copies are never destroyed at once: what only Redis has while the journal's disk is full may not be wiped there."""
    if kind in PROXY_KINDS and not proxied:
        return False
    if kind == "disk-full" and target == "journal":
        return not spare_journal
    return kind != "redis-emptied" or spare_journal


def make_fault(dice, at_s, proxied, spare_journal):
    while True:
        kind = dice.choices(list(KINDS), [weight for weight, _, _ in KINDS.values()])[0]
        _, targets, lasts = KINDS[kind]
        target = dice.choice(targets)
        if is_allowed(kind, target, proxied, spare_journal):
            break
    for_s = min(STOP_MIN_S + dice.expovariate(1 / STOP_MEAN_S), STOP_MAX_S) if lasts else 0.0
    if lasts and dice.random() < 0.01:
        for_s = dice.uniform(10.0, STOP_MAX_S)
    return FaultPlan(round(at_s, 3), kind, target, round(for_s, 3), dice.randrange(10**6))


def make_faults(dice, duration_s, faults_per_s, proxied, spare_journal):
    """At random moments; a target that is still suffering is left alone until it is healed."""
    faults, busy_until, at_s = [], {}, 0.0
    while True:
        at_s += dice.expovariate(faults_per_s)
        if at_s >= duration_s:
            return tuple(faults)
        fault = make_fault(dice, at_s, proxied, spare_journal)
        if busy_until.get(fault.target, 0.0) <= fault.at_s:
            faults.append(fault)
            busy_until[fault.target] = fault.end_s


def make_plan(seed, duration_s=90.0, faults_per_s=2.4, payments_per_s=3.0, calls_per_payment=26):
    dice = random.Random(seed)
    proxied, spare_journal = dice.random() < 0.7, dice.random() < 0.6
    n_payments = int(duration_s * payments_per_s)
    starts = sorted(dice.uniform(0, duration_s * 0.9) for _ in range(n_payments))
    payments = tuple(make_payment(dice, number, at_s, duration_s, calls_per_payment) for number, at_s in enumerate(starts))
    return Plan(seed, duration_s, proxied, spare_journal, payments,
                make_faults(random.Random(seed + 1), duration_s, faults_per_s, proxied, spare_journal))
