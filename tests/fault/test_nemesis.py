"""A smoke of the nemesis: some seeds, among them each one that ever showed a fault. The long run is nemesis.py itself (script/test fault)."""
import dataclasses
import os

import pytest
from nemesis import report, run
from schedule import KINDS, POLICIES, make_plan

pytestmark = pytest.mark.smoke
SMOKE_S = 15
# Seeds that once failed: {seed: what it showed}. They are run as they failed, for as long.
REGRESSIONS = {}


def seeds():
    if "DP_SEED" in os.environ:
        return [(int(os.environ["DP_SEED"]), float(os.environ.get("DP_FAULT_SECONDS", SMOKE_S)))]
    return [(seed, SMOKE_S) for seed in (11, 12)] + list(REGRESSIONS)


@pytest.mark.parametrize("seed, seconds", seeds())
def test_nothing_is_lost_or_doubled(build, results, seed, seconds):
    print(f"DP_SEED={seed} DP_FAULT_SECONDS={seconds}")
    result = run(make_plan(seed, seconds, calls_per_payment=10), build, keep_on_failure=results)
    report(result)
    assert not result.violations, "\n".join(result.violations)
    assert result.callbacks > 50 and result.paid > 3 and sum(result.faults.values()) > 10


def test_a_seed_is_a_schedule():
    plans = [make_plan(seed) for seed in (1, 1, 2)]
    assert dataclasses.asdict(plans[0]) == dataclasses.asdict(plans[1]) != dataclasses.asdict(plans[2])


def test_every_fault_and_every_policy_is_drawn():
    plans = [make_plan(seed, calls_per_payment=1) for seed in range(30)]
    assert {fault.kind for plan in plans for fault in plan.faults} == set(KINDS)
    assert {payment.policy for plan in plans for payment in plan.payments} == set(POLICIES)
    assert {fault.target for plan in plans for fault in plan.faults} == {target for _, targets, _ in KINDS.values() for target in targets}


def test_the_last_copy_is_never_destroyed():
    for plan in (make_plan(seed, payments_per_s=0.1) for seed in range(100)):
        kinds = {(fault.kind, fault.target) for fault in plan.faults}
        assert not {("redis-emptied", "redis"), ("disk-full", "journal")} <= kinds
