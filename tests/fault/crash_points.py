#!/usr/bin/python3
"""Crash points, systematically: each named point of dp-server and dp-worker (common/crash_point.h), occurrence by occurrence. The program
is armed, a scenario drives it through the point, it dies there by SIGKILL, is started again, and everything must come out right.

    DP_CRASH_BUILD_DIR=build/crash tests/fault/crash_points.py                       every point, every occurrence
    DP_CRASH_BUILD_DIR=build/crash tests/fault/crash_points.py worker/committed:3    these only
    … --part 1/2                                                                     every second point, to share the work

After each kill the payments of the round are looked at, after each point's last one the whole checker speaks.
"""
import argparse
import re
import sys
import time
from itertools import groupby

import crash_scenarios as scenario
from crash_drill import ROOT, Drill, build_directory, died_there

REACH_S = 90


def times(count):
    return list(range(1, count + 1))


MANY, SOME, FEW, FIRST = times(25), times(12), times(4), [1] * 5  # FIRST: passed once a start, so tried again with other money under way

# Where each point is passed, and which of its occurrences are tried.
PLAN = {
    **dict.fromkeys(("server/call_received", "server/call_verified", "server/journal_before_write", "server/journal_written",
                     "server/journal_synced", "server/call_in_journal", "server/stream_before_add", "server/stream_add_asked",
                     "server/call_in_stream", "server/call_before_answer", "server/call_answered"), (scenario.calls, MANY)),
    "server/call_repeated": (scenario.repeats, SOME),
    **dict.fromkeys(("server/db_before_commit", "server/db_commit_asked", "server/db_committed"), (scenario.pages, MANY)),
    **dict.fromkeys(("server/payment_stored", "server/payment_shown", "server/payment_before_sent", "server/payment_sent",
                     "server/payment_at_bank"), (scenario.pages, SOME)),
    **dict.fromkeys(("server/segment_created", "server/segment_synced", "server/segment_sealed"), (scenario.long_calls, FEW)),
    **dict.fromkeys(("server/directory_made", "server/directory_owned", "server/contracts_written", "server/contracts_synced",
                     "server/contracts_renamed"), (scenario.after_a_kill, FIRST)),
    **dict.fromkeys(("server/directory_adopted", "server/segment_loaded"), (scenario.three_journals, [1, 2, 3, 1, 2, 3])),
    **dict.fromkeys(("server/keeper_due_read", "server/keeper_inbox_read"), (scenario.due_and_unknown, FIRST)),
    **dict.fromkeys(("server/keeper_before_push", "server/keeper_pushed"), (scenario.due_and_unknown, SOME)),
    "server/journal_release": (scenario.due_and_applied, SOME),
    **dict.fromkeys(("server/segment_before_remove", "server/segment_removed"), (scenario.due_and_applied, FIRST)),
    "server/drain_step": (scenario.server_is_stopped, times(10)),
    **dict.fromkeys(("server/journal_quiesced", "server/journal_stopped", "server/directory_before_close"),
                    (scenario.server_is_stopped, FIRST)),
    **dict.fromkeys(("worker/entries_read", "worker/batch_verified", "worker/facts_loaded", "worker/batch_decided", "worker/begun",
                     "worker/inbox_written", "worker/change_written", "worker/claims_moved", "worker/claims_released",
                     "worker/accounts_moved", "worker/ledger_written", "worker/history_written", "worker/reviews_written",
                     "worker/mails_written", "worker/receipts_counted", "worker/receipts_written", "worker/before_commit",
                     "worker/committed", "worker/before_ack", "worker/acknowledged", "worker/mail_locked", "worker/mail_leased",
                     "worker/mail_claimed", "worker/mail_composed", "worker/mail_data_begun", "worker/mail_dot_sent",
                     "worker/mail_before_sent", "worker/mail_settled", "worker/receipt_file_kept"), (scenario.traffic, MANY)),
    "worker/entries_claimed": (scenario.ghost, SOME),
    "worker/failure_charged": (scenario.poison, SOME),
    **dict.fromkeys(("worker/before_bury", "worker/buried"), (scenario.poison, FEW)),
    "worker/group_created": (scenario.lost_group, FEW),
    "worker/consumer_removed": (scenario.old_consumers, [1, 2]),
    "worker/stream_trimmed": (scenario.expiry, FIRST),
    "worker/expiry_step": (scenario.expiry, [1, 2, 3, 1, 2, 3]),
    **dict.fromkeys(("worker/expiry_before_commit", "worker/expiry_committed"), (scenario.expiry, FIRST)),
    **dict.fromkeys(("worker/question_leased", "worker/question_claimed", "worker/bank_answered", "worker/answer_applied",
                     "worker/question_settled"), (scenario.silent_bank, SOME)),
    "worker/reset_written": (scenario.resets, SOME),
    "worker/token_made": (scenario.resets, SOME),
    "worker/token_voided": (scenario.refused_resets, FEW),
    "worker/mail_before_failed": (scenario.refused_mails, SOME),
    "worker/mail_released": (scenario.slow_mails, FEW),
    "worker/notice_written": (scenario.notices, SOME),
    "worker/question_added": (scenario.given_up, SOME),
    **dict.fromkeys(("worker/drain_begun", "worker/consumer_stopped", "worker/drained"), (scenario.worker_is_stopped, FIRST)),
}


def points_of_sources():
    return sorted(point for folder in ("server", "worker") for source in (ROOT / folder).glob("*.c")
                  for point in re.findall(r'CRASH_POINT\("([a-z_/]+)"\)', source.read_text(encoding="utf-8")))


def strike(drill, point, occurrence):
    """One kill, seen to its end."""
    happening = PLAN[point][0](drill, occurrence)
    next(happening)
    child = drill.arm(point, occurrence)
    deadline = time.monotonic() + REACH_S
    try:
        while child.alive():
            assert time.monotonic() < deadline, f"{point}:{occurrence} was not reached within {REACH_S} s"
            assert next(happening, happening) is not happening, f"{point}:{occurrence} is never reached by {PLAN[point][0].__name__}"
    finally:
        happening.close()
    assert died_there(child, point, occurrence), f"{child.name} did not die at {point}:{occurrence}: see {child.log}"
    drill.kill_times.append(time.time())
    drill.settle()


def run(kills, on_kill=lambda point, occurrence, seconds: None):
    """Each (point, occurrence) on one stack; the whole checker at the end. Returns what is wrong."""
    drill = Drill(build_directory())
    try:
        drill.start()
        for point, occurrence in kills:
            begun = time.monotonic()
            try:
                strike(drill, point, occurrence)
            except Exception as error:
                raise AssertionError(f"{point}:{occurrence}: {error}\nlogs: {drill.stack.state}/log") from error
            on_kill(point, occurrence, time.monotonic() - begun)
        faults = drill.check_all()
    except BaseException:
        drill.stack.stop()
        raise
    return faults + drill.finish()


def all_kills():
    return [(point, occurrence) for point, (_, occurrences) in PLAN.items() for occurrence in occurrences]


def report(point, occurrence, seconds):
    print(f"  {point}:{occurrence} {seconds:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", nargs="*", metavar="point[:occurrence]")
    parser.add_argument("--part", default="1/1", help="K/N: the points K, K+N, K+2N …")
    arguments = parser.parse_args()
    first, step = (int(number) for number in arguments.part.split("/"))
    chosen = [(point, found) for point, found in ((kill[0], list(kills)) for kill, kills in groupby(all_kills(), key=lambda kill: kill[:1]))]
    wanted = {tuple((kill + ":").split(":")[:2]) for kill in arguments.kills}
    n_kills, faults, begun = 0, [], time.monotonic()
    for point, kills in chosen[first - 1::step]:
        if wanted:
            kills = [kill for kill in kills if (point, "") in wanted or (point, str(kill[1])) in wanted]
        if not kills:
            continue
        found = run(kills, report)
        n_kills += len(kills)
        faults += found
        print(f"{point}: {len(kills)} kills, {'survived' if not found else found}; {n_kills} in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{n_kills} kills, {len(faults)} faults", *faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
