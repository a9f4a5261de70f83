"""The benchmarks: our programs and what others would pick for the same work, in turns, as a table of ratios.

usage: bench.py [--turns N] [--seconds S] [--write] [WORK…]      WORK: callback, rate, history, login, worker, instructions; without: all

Turns of S seconds go A B C, A B C …; a ratio is taken turn by turn, and its median and range are printed. The main cost is
processor time of the web tier's process tree, which holds where rates do not. --write puts the tables into docs/performance.md.
"""
import argparse
import datetime
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "script"), str(HERE)]

import instructions  # noqa: E402
import measure  # noqa: E402
from events import Events  # noqa: E402
from family import fill  # noqa: E402
from stack import Stack, free_block, free_port  # noqa: E402
from web import RATE, Web  # noqa: E402

LIMITS = "connections_per_address_max = 20000\nconnections_max = 20000\nrate_per_second = 100000\nrate_burst = 1000000\n" \
         "requests_per_connection_max = 1000000\nkeep_alive_timeout_ms = 600000"
FAMILIES, PAYMENTS = 5_000, 100_000
TITLES = {"callback": "Callback, 64 connections", "rate": f"Callback at {RATE}/s", "history": "History page, 64 connections",
          "login": "Login page, 64 connections", "worker": "Worker: bank calls to committed rows",
          "instructions": "Instructions a request, user space"}
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- measured: {} -->", "<!-- end -->"


def make_stack(build):
    state = Path(os.environ["DP_STATE_DIR"]) / "bench"
    shutil.rmtree(state, ignore_errors=True)
    ports = {"http": free_port(), "admin": free_block(20), "bank": free_port(), "mail": free_port(), "smtp": free_port()}
    return Stack(state, build, ports, servers=0, workers=0, restart=False,
                 config_extra={"listen_extra": LIMITS, "journal_extra": "size_max_mib = 8192", "worker_extra": "mail_poll_ms = 60000"})


def ratio_text(ours, theirs):
    return measure.spread(measure.ratios(ours, theirs))


def table(results):
    """One row a peer, ours first; the last two columns are ours divided by theirs."""
    ours, *_ = results.values()
    lines = ["| | req/s | p50 ms | p99 ms | web CPU-s/10k | stores CPU-s/10k | PSS MiB | CPU, ours to theirs | rate, ours to theirs |",
             "|---|---|---|---|---|---|---|---|---|"]
    for name, turns in results.items():
        of = lambda field, scale=1: [getattr(turn, field) * scale for turn in turns]  # noqa: E731
        compared = ["", ""] if turns is ours else [
            ratio_text([turn.web_cpu for turn in ours], of("web_cpu")),
            ratio_text([turn.per_second for turn in ours], of("per_second"))]
        lines.append("| " + " | ".join([
            name, f"{measure.median(of('per_second')):.0f}", f"{measure.median(of('p50_us', 1e-3)):.2f}",
            f"{measure.median(of('p99_us', 1e-3)):.2f}", measure.spread(of("web_cpu"), 3), f"{measure.median(of('store_cpu')):.2f}",
            f"{measure.median(of('pss_mib')):.1f}", *compared]) + " |")
    return "\n".join(lines)


def worker_table(results):
    ours, *_ = results.values()
    lines = ["| | events/s | own CPU-s/10k | stores CPU-s/10k | PSS MiB | rate, ours to theirs |", "|---|---|---|---|---|---|"]
    for name, turns in results.items():
        of = lambda field: [getattr(turn, field) for turn in turns]  # noqa: E731
        lines.append(f"| {name} | {measure.spread(of('per_second'), 0)} | {measure.spread(of('own_cpu'))} | "
                     f"{measure.spread(of('store_cpu'))} | {measure.median(of('pss_mib')):.1f} | "
                     f"{'' if turns is ours else ratio_text([turn.per_second for turn in ours], of('per_second'))} |")
    return "\n".join(lines)


def instruction_table(rows):
    return "\n".join(["| | kept before | now |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)])


def run(stack, drivers, works, options):
    """Each work's name and table."""
    web = Web(stack, drivers) if set(works) - {"worker"} else None
    for work in works:
        if work == "worker":
            yield work, worker_table(Events(stack).compare(options.turns))
        elif work == "instructions":
            yield work, instruction_table(instructions.compare(web))
        else:
            rate = RATE if work == "rate" else None
            yield work, table(web.compare("callback" if work == "rate" else work, options.turns, options.seconds, rate))


def write_section(work, text):
    """Between its marks in the document, so that what people write around it stays."""
    before, found, rest = DOCUMENT.read_text().partition(BEGIN.format(work))
    _, _, after = rest.partition(END)
    assert found, f"docs/performance.md has no mark for {work}"
    DOCUMENT.write_text(f"{before}{BEGIN.format(work)}\n{text}\n{END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", choices=[*TITLES, []], metavar="WORK")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    build = Path(os.environ["DP_BUILD_DIR"]) / "release"
    stack = make_stack(build)
    where = f"{datetime.date.today()}, {measure.machine()}; {options.turns} turns of {options.seconds:g} s"
    print(where, flush=True)
    try:
        stack.start()
        fill(stack, FAMILIES, PAYMENTS)
        for work, text in run(stack, build / "tests", options.works or list(TITLES), options):
            print(f"\n{TITLES[work]}\n\n{text}", flush=True)
            if options.write:
                write_section(work, f"{where}\n\n{text}")
    finally:
        stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
