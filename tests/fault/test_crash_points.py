"""Each crash point of the sources is passed, dies where it is told to, and everything comes right afterwards (see crash_points.py)."""
import subprocess

import crash_points
import pytest
from crash_drill import build_directory

# One of each place where something is half done: call, journal, stream, page, decision, booking, acknowledgement, mail.
SMOKE = [("server/call_verified", 2), ("server/journal_written", 3), ("server/stream_before_add", 1), ("server/call_before_answer", 4),
         ("server/db_commit_asked", 1), ("server/directory_owned", 1), ("worker/inbox_written", 2), ("worker/receipts_written", 1),
         ("worker/before_commit", 3), ("worker/committed", 2), ("worker/acknowledged", 2), ("worker/entries_claimed", 1),
         ("worker/mail_claimed", 1), ("worker/mail_dot_sent", 2), ("worker/mail_before_sent", 1), ("worker/expiry_step", 2)]


@pytest.mark.smoke
def test_the_plan_has_every_point_of_the_sources():
    assert crash_points.points_of_sources() == sorted(crash_points.PLAN)


@pytest.mark.smoke
def test_some_points_are_survived():
    assert crash_points.run(SMOKE) == []


@pytest.mark.smoke
def test_programs_with_crash_points_cannot_be_installed(tmp_path):
    done = subprocess.run(["cmake", "--install", build_directory(), "--prefix", tmp_path / "usr"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "DP_CRASH_POINTS" in done.stderr
    assert not (tmp_path / "usr").exists()


@pytest.mark.smoke
def test_an_unknown_point_is_refused():
    for order in ("worker/no_such_point:1", "worker/committed", "worker/committed:0", "server/call_received:1"):
        done = subprocess.run([f"{build_directory()}/worker/dp-worker", "--config", "/dev/null"], env={"DP_CRASH_POINT": order},
                              capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "no such point" in done.stderr


@pytest.mark.parametrize("point", crash_points.PLAN)
def test_every_occurrence_is_survived(point):
    kills = [(point, occurrence) for occurrence in crash_points.PLAN[point][1]]
    assert crash_points.run(kills, crash_points.report) == []
