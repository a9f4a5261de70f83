#!/usr/bin/python3
"""One run of the nemesis: a stack, families that pay, a bank that calls, faults that strike; then healing, and the checker.

    result = run(make_plan(seed), build)      result.violations is empty when every promise held

As a program it is the long run: seed after seed until enough callbacks and faults are reached or the time is over.
"""
import argparse
import collections
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
for folder in ("script", "tests/e2e", "tests/bank_simulator", "tests/fault"):
    sys.path.insert(0, str(ROOT / folder))

import client  # noqa: E402
from bank_driver import percentile  # noqa: E402
from checker import check, is_quiet  # noqa: E402
from explanations import Explanations  # noqa: E402
from fault_stack import LEASE_S, FaultStack, prepare_claims, wait_until  # noqa: E402
from faults import make_fault, set_bank_answers, set_mail_reply, start_program  # noqa: E402
from parents import Parents  # noqa: E402
from schedule import SERVERS, WORKERS, make_plan  # noqa: E402
from second_school import add_second_school  # noqa: E402
from truth import Truth  # noqa: E402

PAGE_TIMEOUT_S = 5
LIVENESS_S = 120
START_S = 60
CALLS_END_S = 60
DUMP_TIMEOUT_S = 30
GOOD_ENDS = {0, -9, -15}  # -15: told to end before it could listen for it
OPERATOR = """UPDATE mail_outbox SET status = 'PENDING', attempt = 0, next_attempt_at = UTC_TIMESTAMP(6) WHERE status = 'DEAD';
UPDATE mail_outbox SET next_attempt_at = UTC_TIMESTAMP(6) WHERE status = 'PENDING'"""


@dataclasses.dataclass
class Result:
    seed: int
    violations: list
    faults: collections.Counter
    failed_faults: list
    callbacks: int = 0
    answers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    acknowledged_calls: int = 0
    distinct_acknowledged: int = 0
    payments: int = 0
    paid: int = 0
    found_by_asking: int = 0
    mails: int = 0
    repeated_mails: list = dataclasses.field(default_factory=list)
    dead_mails_revived: int = 0
    dead_letters: int = 0
    callback_p99_ms: float = 0.0
    healed_in_s: float = 0.0
    missing: list = dataclasses.field(default_factory=list)


class Nemesis:
    """Applies the faults of a plan, each in a thread of its own, and writes down when each was in force."""

    def __init__(self, stack, plan):
        self.stack, self.plan = stack, plan
        self.done, self.failed = [], []  # (plan, wall clock at apply, wall clock at heal)
        self.locks = collections.defaultdict(threading.Lock)
        self.threads = []

    def run(self, begun):
        for fault in self.plan.faults:
            if fault.kind in self.stack.missing:
                continue
            time.sleep(max(0.0, begun + fault.at_s - time.monotonic()))
            thread = threading.Thread(target=self._strike, args=(fault,), daemon=True)
            thread.start()
            self.threads.append(thread)
        for thread in self.threads:
            thread.join()

    def _strike(self, plan):
        with self.locks["programs" if plan.target == "workers" else plan.target]:
            fault, applied = make_fault(self.stack, plan), time.time()
            try:
                fault.apply()
                time.sleep(plan.for_s)
            except Exception:  # noqa: BLE001  a store that is away refuses faults, too; the run goes on and tells
                self.failed.append((plan, traceback.format_exc(limit=-1)))
                return
            finally:
                self._heal(fault, plan)
            self.done.append((plan, applied, time.time()))

    def _heal(self, fault, plan):
        """What cannot be healed now is healed with everything at the end."""
        try:
            fault.heal()
        except Exception:  # noqa: BLE001
            self.failed.append((plan, traceback.format_exc(limit=-1)))


def heal_all(stack):
    """Every part runs, every line is open, disks are free, clocks right; an operator has revived what was given up."""
    for line in stack.proxies.values():
        line.heal()
    for folder in stack.mounted:
        stack.free_disk(folder.name)
    for name in stack.clocked:
        stack.set_clock(name, 0)
    set_mail_reply(stack, None)
    set_bank_answers(stack, "normal")
    for child in stack.children.values():
        if not child.wanted and child.name in ("redis", "mariadb"):
            child.start()
        if child.alive():
            child.send_signal(signal.SIGCONT)
    for name in WORKERS + SERVERS:
        start_program(stack, name)
    return wait_until(stack.database_answers, START_S) and wait_until(stack.redis_answers, START_S) and wait_until(
        lambda: stack.redis("CONFIG", "SET", "maxmemory", "0") == "OK", START_S)


def operate(stack):
    """What docs/operations.md tells an operator to do after an outage of the mail server; moves the clock of mails that wait."""
    dead = int(stack.sql("SELECT COUNT(*) FROM mail_outbox WHERE status = 'DEAD'")[0][0])
    stack.sql(OPERATOR)
    return dead


def ends_of_programs(stack):
    """A program that ended by itself, or by its own fault."""
    for name, child in stack.children.items():
        bad = [code for code in child.exit_codes if code not in GOOD_ENDS]
        if bad and name.startswith("dp-"):
            log = child.log.read_text(errors="replace")
            said = re.findall(r".*(?:[Aa]ssert|level=fatal|Sanitizer).*", log)[-3:]
            yield f"END {name} ended with {bad}: {said or log[-500:]}"


def start_stack(plan, build, **options):
    stack = FaultStack(build, proxied=plan.proxied, **options)
    try:
        stack.give_clocks((SERVERS[-1], WORKERS[-1]))
        stack.start()
        add_second_school(stack)
        prepare_claims(stack)
    except BaseException:
        stack.destroy()
        raise
    return stack


def play(stack, plan):
    """The faults and the payments; returns the nemesis and the parents when both are over."""
    claims = {account: claim for account, claim in stack.sql("SELECT account_id, id FROM claims WHERE number LIKE 'M%'")}
    nemesis, parents = Nemesis(stack, plan), Parents(stack, plan, stack.driver, claims)
    set_bank_answers(stack, "normal")
    stack.driver.start()
    begun = time.monotonic()
    parents.start(begun)
    nemesis.run(begun)
    parents.join()
    return nemesis, parents


def find_violations(stack, nemesis, result):
    violations = [] if heal_all(stack) else ["LIVE the stores did not come back"]
    if violations:
        return violations
    if not stack.driver.wait_idle(CALLS_END_S):
        violations.append(f"LIVE {stack.driver.open_orders} calls of the bank are not made")
    healed = time.monotonic()
    truth = Truth.read(*stack.truth_logs)

    def all_is_done():
        result.dead_mails_revived += operate(stack)
        return is_quiet(stack, truth)

    if not wait_until(all_is_done, LIVENESS_S):
        violations.append(f"LIVE not everything was applied, acknowledged and mailed {LIVENESS_S} s after healing")
    result.healed_in_s = time.monotonic() - healed
    explanations = Explanations(nemesis.done, LEASE_S)
    violations += check(stack, truth, explain=explanations.explain)
    violations += ends_of_programs(stack)
    measure(stack, truth, explanations, result)
    return violations


def measure(stack, truth, explanations, result):
    result.callbacks, result.answers = truth.made, truth.answers
    result.distinct_acknowledged = len(truth.acknowledged)
    result.acknowledged_calls = sum(call.acknowledged for call in truth.acknowledged)
    result.paid = int(stack.sql("SELECT COUNT(*) FROM transactions WHERE bank_ref IS NOT NULL")[0][0])
    result.found_by_asking = int(stack.sql("SELECT COUNT(*) FROM inbox WHERE kind = 'bank_answer' AND verdict = 'credited'")[0][0])
    result.mails = int(stack.sql("SELECT COUNT(*) FROM mail_outbox")[0][0])
    result.dead_letters = int(stack.sql("SELECT COUNT(*) FROM dead_letters")[0][0])
    result.repeated_mails = explanations.told
    result.callback_p99_ms = percentile([ms for _, ms, status, _ in stack.driver.answers if status], 0.99)


def run(plan, build, keep_on_failure=None):
    """`keep_on_failure`: a folder to which the logs of a run with violations are moved."""
    client.TIMEOUT_S = PAGE_TIMEOUT_S
    stack = start_stack(plan, build)
    try:
        nemesis, parents = play(stack, plan)
        result = Result(plan.seed, [], collections.Counter(fault.kind for fault, _, _ in nemesis.done), nemesis.failed,
                        payments=parents.paid, missing=stack.missing)
        result.violations = find_violations(stack, nemesis, result)
        if not result.violations:
            codes = {name: code for name, code in stack.stop().items() if name.startswith("dp-") and code not in GOOD_ENDS}
            result.violations += [f"END {name} ended with {code}" for name, code in codes.items()]
        if result.violations and keep_on_failure:
            keep(stack, nemesis, result, Path(keep_on_failure) / f"seed-{plan.seed}")
        return result
    finally:
        stack.driver.stop()
        stack.destroy()


def keep(stack, nemesis, result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*stack.truth_logs, *(stack.state / "log").iterdir()]:
        (folder / path.name).write_bytes(path.read_bytes())
    lines = [f"{applied:.3f} {healed:.3f} {plan.kind} {plan.target}" for plan, applied, healed in nemesis.done]
    (folder / "faults").write_text("\n".join(lines) + "\n")
    (folder / "violations").write_text("\n".join(result.violations) + "\n")
    with open(folder / "dump.sql", "wb") as dump:
        subprocess.run(["mariadb-dump", "--no-defaults", f"--socket={stack.db_socket}", "-uroot", "--hex-blob", "demi_pension"], stdout=dump,
                       timeout=DUMP_TIMEOUT_S, check=False)


# --- the long run ----------------------------------------------------------------------------------------------------


class Summary:
    def __init__(self, folder):
        self.folder, self.results = Path(folder), []
        self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, result):
        self.results.append(result)
        (self.folder / "summary.json").write_text(json.dumps([as_json(each) for each in self.results], indent=1))
        (self.folder / "summary.md").write_text(self.markdown())

    def total(self, name):
        return sum(getattr(result, name) for result in self.results)

    @property
    def faults(self):
        return sum((result.faults for result in self.results), collections.Counter())

    @property
    def violations(self):
        return [(result.seed, line) for result in self.results for line in result.violations]

    def count(self, *invariants):
        return sum(line.startswith(invariants) for _, line in self.violations)

    def markdown(self):
        repeated = [mail for result in self.results for mail in result.repeated_mails]
        because = collections.Counter(reason for mail in repeated for reason in mail["because"])
        lines = ["| measure | count |", "|---|---|",
                 f"| seeds | {len(self.results)} ({', '.join(str(result.seed) for result in self.results)}) |",
                 f"| callbacks made | {self.total('callbacks')} |", f"| … acknowledged | {self.total('acknowledged_calls')} |",
                 f"| distinct ones acknowledged | {self.total('distinct_acknowledged')} |", f"| payments credited | {self.total('paid')} |",
                 f"| … never called about, found by asking | {self.total('found_by_asking')} |",
                 f"| faults injected | {sum(self.faults.values())} |", f"| acknowledged payments lost | {self.count('I1 ', 'I3 ', 'I7 ')} |",
                 f"| duplicate or wrong bookings | {self.count('I2 ', 'I6 ', 'I11 ')} |", f"| mails to send | {self.total('mails')} |",
                 f"| mails lost or without reason | {self.count('I4 ', 'I5 ')} |", f"| mails repeated, each explained | {len(repeated)} |",
                 f"| mails given up and revived by the operator | {self.total('dead_mails_revived')} |",
                 f"| dead letters | {self.total('dead_letters')} |", f"| violations | {len(self.violations)} |",
                 f"| longest healing | {max(result.healed_in_s for result in self.results):.1f} s |", "", "| fault | times |", "|---|---|"]
        lines += [f"| {kind} | {count} |" for kind, count in sorted(self.faults.items())]
        lines += ["", "| a mail was repeated because of | times |", "|---|---|", *(f"| {reason} | {n} |" for reason, n in because.most_common())]
        lines += [f"* seed {seed}: {line}" for seed, line in self.violations]
        missing = sorted({name for result in self.results for name in result.missing})
        lines += [f"**NOT DONE on this machine: {name}**" for name in missing]
        return "\n".join(lines) + "\n"


def as_json(result):
    return {**dataclasses.asdict(result), "faults": dict(result.faults), "answers": {str(key): n for key, n in result.answers.items()},
            "failed_faults": [f"{plan.kind} {plan.target}" for plan, _ in result.failed_faults]}


def report(result):
    state = "all holds" if not result.violations else f"{len(result.violations)} VIOLATIONS"
    print(f"DP_SEED={result.seed}: {result.callbacks} callbacks, {sum(result.faults.values())} faults, {result.paid} paid, "
          f"p99 {result.callback_p99_ms:.0f} ms, healed in {result.healed_in_s:.0f} s, {state}", flush=True)
    for line in result.violations:
        print(f"    {line}", flush=True)
    for name in result.missing:
        print(f"    NOT DONE on this machine: {name}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="a build without sanitizers, with assertions")
    parser.add_argument("--results", required=True, help="folder of summary.json, summary.md, and the logs of failing seeds")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--callbacks", type=int, default=100_000)
    parser.add_argument("--faults", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=90, help="of each seed")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("DP_SEED", 1)), help="the first one")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of every finally
    summary, seed, end = Summary(arguments.results), arguments.seed, time.monotonic() + 60 * arguments.minutes

    def is_enough():
        return summary.total("callbacks") >= arguments.callbacks and sum(summary.faults.values()) >= arguments.faults

    while not is_enough() and time.monotonic() < end:
        result = run(make_plan(seed, arguments.seconds), arguments.build, keep_on_failure=arguments.results)
        summary.add(result)
        report(result)
        seed += 1
    print(summary.markdown())
    if not is_enough():
        print(f"the time was over before {arguments.callbacks} callbacks and {arguments.faults} faults", file=sys.stderr)
    return 0 if is_enough() and not summary.violations else 1


if __name__ == "__main__":
    sys.exit(main())
