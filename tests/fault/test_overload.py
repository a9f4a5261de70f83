"""Overload: a login storm and thousands of slow connections, against the real programs. What matters is what callbacks and pages do meanwhile.

Times are taken by load_driver, from outside, idle and under fire in turns of one run. A ratio says something only of a build as it
is deployed, so it is asserted only where OVERLOAD_S (seconds a turn) is set, as `script/test fault` does.
"""
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "script"))
sys.path.insert(0, str(ROOT / "tests/bank_simulator"))
sys.path.insert(0, str(ROOT / "tests/e2e"))

import spplus  # noqa: E402
from client import Client, Page, until  # noqa: E402
from stack import Stack, free_block, free_port  # noqa: E402

DRIVERS = Path(os.environ["DP_BUILD_DIR"]) / "tests"
TURN_S = int(os.environ.get("OVERLOAD_S", "3"))
MEASURED = "OVERLOAD_S" in os.environ
CALLS_PER_S, PAGES_PER_S, LOGINS_PER_S = (50, 20, 150) if MEASURED else (10, 5, 40)
RATIO_MAX = 5
SLOW = 4000
ADDRESSES = 200


def make_stack(listen="", **options):
    state = Path(tempfile.mkdtemp(prefix="dp-load-"))
    ports = {"http": free_port(), "admin": free_block(20), "bank": free_port(), "mail": free_port(), "smtp": free_port()}
    return Stack(state, os.environ["DP_BUILD_DIR"], ports, restart=False, config_extra={"listen_extra": listen}, **options)


@contextmanager
def running(**options):
    stack = make_stack(**options)
    try:
        stack.start()
        yield stack
    finally:
        codes = stack.stop()
    assert {name: code for name, code in codes.items() if name.startswith("dp-") and code != 0} == {}


def request(method, path, body="", headers=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: a", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def calls(count):
    """So many sealed calls, no two alike."""
    first = secrets.randbelow(9 * 10 ** 11)
    return [request("POST", "/banque/spplus", spplus.sealed([("siret", "00000000000001-01"), ("reference", "dem20260101000000aaa"),
                                                              ("montant", "15.50"), ("etat", "1"), ("refsfp", str(first + n))]))
            for n in range(count)]


def logins(stack, count):
    """Of people who do not exist: they cost a hash like the others, and the guard counts each of them alone."""
    visitor = Client(stack)
    csrf = visitor.get("/connexion").page.fields["csrf"]
    jar = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    tag = secrets.token_hex(4)
    headers = (f"Cookie: {jar}", "Content-Type: application/x-www-form-urlencoded")
    return [request("POST", "/connexion", urllib.parse.urlencode({"csrf": csrf, "identifiant": f"{tag}{n}", "mot_de_passe": "x"}), headers)
            for n in range(count)]


class Load:
    """One load_driver."""

    def __init__(self, stack, requests, rate, mark, addresses=ADDRESSES, seconds=TURN_S):
        path = stack.state / "tmp" / secrets.token_hex(8)
        path.write_bytes(b"".join(text.encode() + b"\0" for text in requests))
        self.process = subprocess.Popen([DRIVERS / "load_driver", *map(str, (stack.ports["http"], path, rate, seconds, addresses, mark))],
                                        stdout=subprocess.PIPE)

    def result(self):
        out, _ = self.process.communicate(timeout=TURN_S + 60)
        assert self.process.returncode == 0
        return json.loads(out)


def load_calls(stack):
    return Load(stack, calls(CALLS_PER_S * TURN_S), CALLS_PER_S, "spcheckok")


def load_pages(stack):
    return Load(stack, [request("GET", path) for path in ("/connexion", "/aide")], PAGES_PER_S, "</html>")


def cpu_s(stack, name):
    fields = Path(f"/proc/{stack.children[name].pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def turn(stack, storm):
    """Callbacks and pages at their rate, with or without a login storm. Returns what each driver saw."""
    servers = [name for name in stack.children if name.startswith("dp-server")]
    before = sum(cpu_s(stack, name) for name in servers)
    loads = {"calls": load_calls(stack), "pages": load_pages(stack)}
    if storm:
        loads["logins"] = Load(stack, logins(stack, LOGINS_PER_S * TURN_S), LOGINS_PER_S, "Retry-After")
    results = {name: load.result() for name, load in loads.items()}
    results["server_cpu_s"] = round(sum(cpu_s(stack, name) for name in servers) - before, 2)
    print("storm" if storm else "idle ", json.dumps(results), flush=True)
    return results


def test_a_login_storm_does_not_delay_callbacks():
    """Two servers: their hashes alone want both processors."""
    with running(servers=2, workers=0) as stack:
        turns = [turn(stack, storm) for storm in (False, True, False, True)]
    for result in turns:
        assert result["calls"]["marked"] == result["calls"]["sent"]
        assert result["pages"]["status_2xx"] == result["pages"]["sent"]
    storms = [result["logins"] for result in turns if "logins" in result]
    for storm in storms:
        assert storm["failed"] == 0
        assert storm["status_4xx"] + storm["status_5xx"] == storm["sent"] and storm["marked"] == storm["status_5xx"]
    if MEASURED:
        assert all(storm["status_5xx"] > 0 for storm in storms), "the hashes were not saturated"
        idle, under_fire = (min(result["calls"]["p99_us"] for result in turns[first::2]) for first in (0, 1))
        assert under_fire <= RATIO_MAX * idle
