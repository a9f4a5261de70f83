"""Instructions a request in user space, by callgrind: repeatable to some percent, whatever else the machine does.

Kept in tests/bench/instructions.txt, so that a change that makes a path dearer shows in review.
"""
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "script")]

import measure  # noqa: E402
from peers import empty_journal  # noqa: E402
from stack import http_ok, wait_for  # noqa: E402

WORKS = ("callback", "history", "login")
SECONDS, CONNECTIONS = 6, 16
START_TIMEOUT_S, STOP_TIMEOUT_S = 120, 120
FILE = HERE / "instructions.txt"


def control(pid, state):
    subprocess.run(["callgrind_control", "-i", state, str(pid)], check=True, capture_output=True)


def count(web, work):
    """One dp-server under callgrind, which counts while the load runs."""
    stack, out = web.stack, web.folder / "callgrind.out"
    child = stack.add("dp-server-0", ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}",
                                      stack.program("dp-server"), "--config", stack.config, "--instance", 0])
    wait_for("dp-server's start under callgrind", lambda: http_ok(f"http://127.0.0.1:{stack.ports['admin']}/readyz"), START_TIMEOUT_S)
    measure.load(web.driver, stack.ports["http"], web.requests[web.warming(work)], CONNECTIONS, 1)
    control(child.pid, "on")
    result = measure.load(web.driver, stack.ports["http"], web.requests[work], CONNECTIONS, SECONDS)
    control(child.pid, "off")
    stack.children.pop("dp-server-0").stop(timeout=STOP_TIMEOUT_S)
    stack.redis("DEL", "dp:events")
    empty_journal(stack)
    assert result["failed"] == 0, result
    total = max(map(int, re.findall(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)))
    return round(total / result["answered"], -2)


def compare(web):
    """Rows of work, kept count, count now; the file is written anew."""
    kept = dict(line.split() for line in FILE.read_text().splitlines()) if FILE.exists() else {}
    now = {work: count(web, work) for work in WORKS}
    FILE.write_text("".join(f"{work} {number:.0f}\n" for work, number in now.items()))
    return [(work, kept.get(work, "–"), f"{number:.0f}") for work, number in now.items()]
