"""What disk, Redis and MariaDB can do on this machine when nobody asks for more: what the other tables are to be held against."""
import csv
import os
import re
import sys
import time

import spplus
from stack import run

FSYNC_S, RECORD_BYTES = 2, 512
STREAM = "bench:limit"
XADD = {"alone": (1, 1, 10_000), "50 clients": (50, 1, 100_000), "50 clients, pipelined by 16": (50, 16, 200_000)}
COMMITS = {1: 3_000, 8: 12_000, 32: 24_000}
TOOK = re.compile(r"Average number of seconds to run all queries: ([\d.]+)")


def fsyncs(folder):
    """Appends of a journal's record, each synced, one after the other."""
    path, count = folder / "synced", 0
    with open(path, "wb", buffering=0) as file:
        ends = time.monotonic() + FSYNC_S
        while time.monotonic() < ends:
            file.write(b"x" * RECORD_BYTES)
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count / FSYNC_S


def xadds(stack, clients, pipelined, count):
    """Entries of the size of a bank's call, `appendfsync always`."""
    raw = spplus.sealed([("siret", "00000000000001-01"), ("reference", "dem20260901000000000"), ("montant", "158.50"), ("etat", "1")])
    fields = ["v", "1", "id", "0" * 64, "kind", "bank_notification", "at", "2026-09-01T18:00:00Z", "gateway", "spplus", "raw", raw,
              "ip", "127.0.0.1"]
    done = run(["redis-benchmark", "-s", stack.redis_socket, "-c", clients, "-P", pipelined, "-n", count, "--csv", "XADD", STREAM, "*", *fields])
    stack.redis("DEL", STREAM)
    return float(list(csv.reader(done.stdout.splitlines()))[-1][1])


def commits(stack, connections, count):
    """One row each, in a schema of its own that is dropped again."""
    done = run(["mariadb-slap", "--no-defaults", f"--socket={stack.db_socket}", "--user=root", "--create-schema=bench_limit",
                "--create=CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(64)) ENGINE = InnoDB",
                "--query=INSERT INTO t (text) VALUES ('the bank has called')", f"--concurrency={connections}",
                f"--number-of-queries={count}"])
    return count / float(TOOK.search(done.stdout)[1])


def look(stack):
    yield "fdatasync of 512 appended bytes", fsyncs(stack.state)
    for name, (clients, pipelined, count) in XADD.items():
        yield f"XADD, everything synced, {name}", xadds(stack, clients, pipelined, count)
    for connections, count in COMMITS.items():
        yield f"MariaDB, one row a commit, {connections} connection{'s' * (connections > 1)}", commits(stack, connections, count)


def compare(stack, turns):
    """{what: [rate of each turn]}"""
    results = {}
    for n in range(turns):
        for name, rate in look(stack):
            results.setdefault(name, []).append(rate)
            print(f"limits {n + 1}/{turns} {name}: {rate:.0f}/s", file=sys.stderr, flush=True)
    return results
