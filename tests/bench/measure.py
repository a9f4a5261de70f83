"""What a measurement is made of: processor time and memory of process trees, one load from outside, turns and their medians."""
import json
import os
import statistics
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all its descendants that live now."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def cpu_s(pids):
    """User and system time of process trees so far, with that of children that ended and were waited for."""
    ticks = 0
    for pid in {one for root in pids for one in tree(root)}:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS


def pss_mib(pids):
    """Proportional set size: shared pages are counted once, divided among those who share them."""
    kib = 0
    for pid in {one for root in pids for one in tree(root)}:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        kib += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return kib / 1024


def load(driver, port, requests, connections, seconds, rate=None):
    """One http_load; what it prints, as a dictionary."""
    argv = [driver, port, requests, connections, seconds, *([rate] if rate else [])]
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=True, timeout=seconds + 60)
    return json.loads(done.stdout)


def median(values):
    return statistics.median(values)


def spread(values, digits=2):
    """Median and range, as the tables show them: "0.14 [0.13..0.15]"."""
    return f"{median(values):.{digits}f} [{min(values):.{digits}f}..{max(values):.{digits}f}]"


def ratios(ours, theirs):
    """Turn by turn, since neighbours in time had the same noise."""
    return [a / b for a, b in zip(ours, theirs) if b]


def machine():
    """One line on what it was measured on."""
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown processor")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // (1 << 20)
    return f"{os.cpu_count()} processors ({model}), {memory} GiB, Linux {os.uname().release}"
