"""The benchmarks: our programs and what others would pick for the same work, in turns, as a table of ratios.

usage: bench.py [--turns N] [--seconds S] [--backlog N] [--payments N] [--write] [WORK…]
WORK: callback, rate, browsing, history, login, worker, backlog, mail, memory, limits, growth, instructions; without: all. What is under way is
said on standard error; at the end stands which bars are reached.

Turns of S seconds go A B C, A B C …; a ratio is taken turn by turn, and its median and range are printed. The main cost is
processor time of the web tier's process tree, which holds where rates do not. --write puts the tables into docs/performance.md;
the table of bars only when all works were run.
"""
import argparse
import datetime
import functools
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(path) for path in (ROOT / "script", HERE, ROOT / "tests/bank_simulator")]

import bars  # noqa: E402
import growth  # noqa: E402
import instructions  # noqa: E402
import limits  # noqa: E402
import measure  # noqa: E402
import memory  # noqa: E402
import report  # noqa: E402
from events import Events  # noqa: E402
from family import fill  # noqa: E402
from mails import Mails  # noqa: E402
from stack import Stack, free_block, free_port  # noqa: E402
from web import BROWSED_RATE, BROWSERS, RATE, Web  # noqa: E402

LIMITS = "connections_per_address_max = 20000\nconnections_max = 20000\nrate_per_second = 100000\nrate_burst = 1000000\n" \
         "requests_per_connection_max = 1000000\nkeep_alive_timeout_ms = 600000"
# As deploy/mariadb/demi-pension.cnf advises for a machine that has the memory; for all contestants.
DATABASE = ("--innodb-log-file-size=1G", "--innodb-buffer-pool-size=4G")
FAMILIES, PAYMENTS = 5_000, 100_000
TITLES = {"callback": "Callback, 64 connections", "rate": f"Callback at {RATE}/s",
          "browsing": f"Callback at {BROWSED_RATE}/s while {BROWSERS} families browse", "history": "History page, 64 connections",
          "login": "Login page, 64 connections", "worker": "Worker: bank calls to committed rows", "backlog": "Worker: a long backlog",
          "instructions": "Instructions a request, user space", "mail": "Mails without attachment to a local server",
          "memory": "Memory", "limits": "Limits of this machine", "growth": "Growth of the database"}
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- measured: {} -->", "<!-- end -->"


def make_stack(build):
    state = Path(os.environ["DP_STATE_DIR"]) / "bench"
    shutil.rmtree(state, ignore_errors=True)
    ports = {"http": free_port(), "admin": free_block(20), "bank": free_port(), "mail": free_port(), "smtp": free_port()}
    return Stack(state, build, ports, servers=0, workers=0, restart=False, database_options=DATABASE,
                 config_extra={"listen_extra": LIMITS, "journal_extra": "size_max_mib = 8192", "worker_extra": "mail_poll_ms = 60000"})


class Works:
    """Each work by its name: measured, and as a table. What several of them need is made once."""

    def __init__(self, stack, drivers, options):
        self.stack, self.drivers, self.options = stack, drivers, options

    @functools.cached_property
    def web(self):
        return Web(self.stack, self.drivers)

    @functools.cached_property
    def events(self):
        return Events(self.stack, self.drivers)

    def compare_web(self, work, rate=None):
        return self.web.compare(work, self.options.turns, self.options.seconds, rate)

    def run(self, work):
        measures = {
            "callback": (lambda: self.compare_web("callback"), report.callback),
            "rate": (lambda: self.compare_web("callback", RATE), report.web),
            "browsing": (lambda: self.web.compare_browsing(self.options.turns, self.options.seconds), report.browsing),
            "history": (lambda: self.compare_web("history"), report.web),
            "login": (lambda: self.compare_web("login"), report.web),
            "instructions": (lambda: instructions.compare(self.web), report.instructions),
            "worker": (lambda: self.events.compare(self.options.turns), report.worker),
            "backlog": (lambda: self.events.backlog(self.options.backlog), report.backlog),
            "mail": (lambda: Mails(self.stack, self.drivers).compare(self.options.turns), report.mail),
            "memory": (lambda: memory.compare(self.web, self.options.seconds), report.memory),
            "limits": (lambda: limits.compare(self.stack, self.options.turns), report.limits),
            "growth": (lambda: growth.Growth(self.web, self.events, self.options.payments).compare(), growth.table),
        }
        measure_it, show = measures[work]
        results = measure_it()
        return results, show(results)


def write_section(work, text):
    """Between its marks in the document, so that what people write around it stays."""
    before, found, rest = DOCUMENT.read_text().partition(BEGIN.format(work))
    _, _, after = rest.partition(END)
    assert found, f"docs/performance.md has no mark for {work}"
    DOCUMENT.write_text(f"{before}{BEGIN.format(work)}\n{text}\n{END}{after}")


def tell(work, title, text, write):
    print(f"\n{title}\n\n{text}", flush=True)
    if write:
        write_section(work, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", choices=[*TITLES, []], metavar="WORK")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--payments", type=int, default=growth.SIZES[-1], help="how far growth goes: 10 M take some 10 minutes and 6 GB")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="events that wait")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    build = Path(os.environ["DP_BUILD_DIR"]) / "release"
    stack = make_stack(build)
    where = f"{datetime.date.today()}, {measure.machine()}; {options.turns} turns of {options.seconds:g} s"
    try:
        stack.start()
        fill(stack, FAMILIES, PAYMENTS)
        works, measured = Works(stack, build / "tests", options), {}
        for work in options.works or TITLES:
            measured[work], text = works.run(work)
            tell(work, TITLES[work], f"{where}\n\n{text}", options.write)
        tell("bars", "Bars", f"{where}\n\n{bars.table(measured)}", options.write and not options.works)
    finally:
        stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
