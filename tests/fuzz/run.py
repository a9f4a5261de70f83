"""Runs the fuzz targets, each for DP_FUZZ_RUNS runs or DP_FUZZ_SECONDS seconds, whichever ends first, and prints a table.

usage: run.py BUILD_DIR [--keep] [TARGET…]      without targets: all of them

Exits with 1 when a target found something; the input that shows it stands in BUILD_DIR/findings. --keep adds to the
corpora what reached new code, merged to the fewest files.
"""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
RUNS = int(os.environ.get("DP_FUZZ_RUNS", 10_000_000))
SECONDS = int(os.environ.get("DP_FUZZ_SECONDS", 600))
JOBS = int(os.environ.get("DP_FUZZ_JOBS", os.cpu_count() or 1))
INPUT_SECONDS_MAX = 10  # one input may take; more is a finding
MEMORY = pathlib.Path("/dev/shm")  # new inputs come and go by the thousand; on a busy disk a run would wait for them
LENGTH_MAX = 512
LENGTHS_MAX = {"config": 1024, "import_school": 1024, "password": 24, "colour": 8, "template_render": 128}


@dataclasses.dataclass
class Result:
    target: str
    runs: int
    per_second: int
    edges: int
    inputs: int
    finding: str


def last_number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def fuzz(build, target, keep):
    """One target from its corpus; new inputs go to a folder of their own."""
    corpus = HERE / "corpus" / target
    findings = build / "findings"
    findings.mkdir(exist_ok=True)
    dictionary = HERE / f"{target}.dict"
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as fresh:
        command = [build / f"fuzz_{target}", f"-runs={RUNS}", f"-max_total_time={SECONDS}", "-print_final_stats=1",
                   f"-max_len={LENGTHS_MAX.get(target, LENGTH_MAX)}", f"-timeout={INPUT_SECONDS_MAX}",
                   f"-artifact_prefix={findings}/{target}-", "-verbosity=1", "-reload=0", fresh, corpus]
        command += [f"-dict={dictionary}"] if dictionary.exists() else []
        log = build / f"{target}.log"
        with log.open("wb") as stderr:  # to be looked at while it runs
            code = subprocess.run(command, cwd=HERE.parent.parent, stdout=subprocess.DEVNULL, stderr=stderr, check=False).returncode
        if keep and code == 0:
            merge(build, target, fresh)
    said = log.read_text(errors="replace")
    return Result(target, last_number(r"stat::number_of_executed_units: (\d+)", said),
                  last_number(r"stat::average_exec_per_sec: +(\d+)", said), last_number(r"cov: (\d+)", said),
                  len(list(corpus.iterdir())), what_was_found(code, said))


def what_was_found(code, said):
    """The line that says it: the property that does not hold, or the sanitizer's summary."""
    if code == 0:
        return ""
    lines = re.findall(r"^.*(?:does not hold|runtime error|ERROR: |event=).*$", said, re.MULTILINE)
    return lines[0].strip() if lines else f"exit {code}"


def merge(build, target, fresh):
    """Only what reaches new code: how often it is reached would add hundreds of files."""
    subprocess.run([build / f"fuzz_{target}", "-merge=1", "-use_counters=0", HERE / "corpus" / target, fresh], check=True, capture_output=True)


def print_table(results):
    width = max(len(result.target) for result in results)
    print(f"{'target':{width}} {'runs':>12} {'exec/s':>8} {'edges':>6} {'inputs':>6}  finding")
    for result in sorted(results, key=lambda result: result.target):
        print(f"{result.target:{width}} {result.runs:12,} {result.per_second:8,} {result.edges:6} {result.inputs:6}  "
              f"{result.finding or '-'}")


def main(arguments):
    keep = "--keep" in arguments
    names = [argument for argument in arguments if argument != "--keep"]
    if not names or names[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    build, wanted = pathlib.Path(names[0]), names[1:]
    known = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))
    unknown = set(wanted) - set(known)
    if unknown:
        print(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    shutil.rmtree(build / "findings", ignore_errors=True)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda target: fuzz(build, target, keep), wanted or known))
    print_table(results)
    return 1 if any(result.finding for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
