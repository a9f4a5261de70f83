"""Bank calls for payments that wait for them, from call to committed rows: dp-worker and its peers in turns."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "bank_simulator"), str(HERE.parent / "e2e"), str(HERE.parent.parent / "script")]

import measure  # noqa: E402
import spplus  # noqa: E402
from client import until  # noqa: E402
from family import number  # noqa: E402
from peers import STREAM  # noqa: E402
from stack import Child  # noqa: E402

SCHOOLS = 200
EVENTS = 20_000  # a turn
TIMEOUT_S = 300
SENT = [("siret", "00000000000001-01"), ("reference", None), ("langue", "FR"), ("devise", "978"), ("montant", "15.50"), ("taxe", "0.00"),
        ("validite", "31/12/2099"), ("moyen", "CBS"), ("modalite", "1x"), ("email", "p@example.org"), ("version", "1")]
ROWS = ("inbox", "transaction_history", "ledger_entries", "mail_outbox", "receipts")

MAKE_SCHOOLS = """
INSERT INTO schools (uai, name, kind, bursar_email) SELECT CONCAT('BENCH', seq), CONCAT('Collège ', seq), 'COLLEGE', 'g@example.org'
    FROM seq_1_to_{schools};
INSERT INTO school_contracts (school_id, contract_id) SELECT id, 1 FROM schools WHERE uai LIKE 'BENCH%';
INSERT INTO users (school_id, external_id, login, role, password_hash, last_name, first_name, email)
    SELECT id, 'payer', CONCAT('payer', id), 'PARENT', 'x', 'Payeur', 'Camille', 'p@example.org' FROM schools WHERE uai LIKE 'BENCH%';
INSERT INTO accounts (school_id, external_id, last_name, first_name)
    SELECT s.id, CONCAT('a', seq), 'Élève', seq FROM schools s JOIN seq_1_to_50 WHERE s.uai LIKE 'BENCH%';
"""
# Payment n belongs to school n modulo all of them, and to one of its accounts.
MAKE_PAYMENTS = """
SET SESSION foreign_key_checks = 0, unique_checks = 0;
CREATE TEMPORARY TABLE given (n BIGINT PRIMARY KEY, request TEXT CHARACTER SET ascii);
LOAD DATA LOCAL INFILE '{file}' INTO TABLE given FIELDS TERMINATED BY '\\t';
CREATE TEMPORARY TABLE places (n BIGINT PRIMARY KEY, school_id BIGINT, user_id BIGINT, account_id BIGINT);
INSERT INTO places SELECT ROW_NUMBER() OVER (ORDER BY u.school_id) - 1, u.school_id, u.id, MIN(a.id) FROM users u
    JOIN accounts a ON a.school_id = u.school_id WHERE u.login LIKE 'payer%' GROUP BY u.school_id, u.id;
INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email, sent_at, bank_request, expires_at)
    SELECT CONCAT('e', LPAD(g.n, 19, '0')), p.school_id, p.user_id, 1, 'ADVANCE', 'CREATED', 1550, 'p@example.org', UTC_TIMESTAMP(6),
        g.request, '2100-01-01' FROM given g JOIN places p ON p.n = g.n % {schools} ORDER BY g.n;
INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents)
    SELECT t.id, 1, 1, p.account_id + t.id % 50, t.amount_cents FROM transactions t JOIN places p ON p.user_id = t.user_id
    WHERE t.state = 'CREATED';
UPDATE transactions SET state = 'PENDING' WHERE state = 'CREATED';
"""

# What earlier turns left to the mailer and the janitor is done: it is not what is measured.
SETTLE = """
UPDATE mail_outbox SET status = 'SENT' WHERE status = 'PENDING';
INSERT INTO receipt_files (transaction_id, sha256, bytes) SELECT r.transaction_id, UNHEX(SHA2('', 256)), '' FROM receipts r
    LEFT JOIN receipt_files f ON f.transaction_id = r.transaction_id WHERE f.transaction_id IS NULL;
"""


def raw_call(n):
    """The bank's acceptance of payment n, and the request that it answers."""
    fields = [(name, value or f"e{n:019d}") for name, value in SENT]
    return spplus.sealed([*fields, ("etat", "1"), ("refsfp", f"{n:08d}")]), spplus.sealed(fields)


def event_id(raw):
    import hashlib
    return hashlib.sha256(b"spplus\0" + raw[:raw.rindex("&hmac=")].encode()).hexdigest()


class Consumer:
    """One contestant: `processes` of it share the load."""

    def __init__(self, name, processes=1):
        self.name, self.processes, self.children = name, processes, []

    @property
    def pids(self):
        return [child.pid for child in self.children]

    def signal(self, number):
        for pid in self.pids:
            os.kill(pid, number)

    def stop(self):
        for child in self.children:
            child.kill()
        self.children = []


class Worker(Consumer):
    stream = "dp:events"

    def __init__(self, stack, processes=1):
        super().__init__("dp-worker" if processes == 1 else f"dp-worker × {processes}", processes)
        self.stack = stack

    def start(self):
        self.children = [self.stack.start_worker(n) for n in range(self.processes)]

    def stop(self):
        for n in range(self.processes):
            self.stack.children.pop(f"dp-worker-{n}").stop(timeout=30)
        self.children = []


class Node(Consumer):
    stream = STREAM

    def __init__(self, name, manner, environment, folder):
        super().__init__(name)
        self.manner, self.folder = manner, folder
        self.environment = {**environment, "BENCH_MANNER": manner, "NODE_ENV": "production"}

    def start(self):
        child = Child(self.manner, ["node", str(HERE / "peers/node/worker.js")], self.folder / f"{self.manner}.log", self.environment, False)
        child.start()
        self.children = [child]
        time.sleep(2)


class Events:
    def __init__(self, stack):
        self.stack = stack
        self.folder = stack.state / "bench"
        self.folder.mkdir(exist_ok=True)
        stack.sql(MAKE_SCHOOLS.format(schools=SCHOOLS))
        self.made = 0
        self.environment = {"BENCH_KEY": spplus.WORKING_KEY.hex(), "BENCH_STREAM": STREAM, "BENCH_REDIS": str(stack.redis_socket),
                            "BENCH_DB": str(stack.db_socket)}

    def consumers(self):
        return [Worker(self.stack), Worker(self.stack, 2),
                Node("Node, set-based, 100 at once", "set", self.environment, self.folder),
                Node("Node, one transaction an event, 16 at once", "single", self.environment, self.folder),
                Node("BullMQ, 16 at once", "bullmq", self.environment, self.folder)]

    def make_payments(self, count):
        """Payments that wait for the bank, and its calls: [(id, raw)]."""
        calls = [raw_call(n) for n in range(self.made, self.made + count)]
        path = self.folder / "given"
        path.write_text("".join(f"{self.made + i}\t{request}\n" for i, (_, request) in enumerate(calls)))
        self.stack.sql(MAKE_PAYMENTS.format(file=path, schools=SCHOOLS))
        self.made += count
        return [(event_id(raw), raw) for raw, _ in calls]

    def enqueue(self, consumer, events):
        if isinstance(consumer, Node) and consumer.manner == "bullmq":
            path = self.folder / "jobs"
            path.write_text("".join(f"{ident} {raw}\n" for ident, raw in events))
            subprocess.run(["node", HERE / "peers/node/enqueue.js", path], check=True, env={**os.environ, **self.environment})
            return
        lines = []
        for ident, raw in events:
            words = ["XADD", consumer.stream, "*", "v", "1", "id", ident, "kind", "bank_notification", "at", "2026-09-01T18:00:00Z",
                     "gateway", "spplus", "raw", raw, "ip", "127.0.0.1"]
            lines.append(f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words))
        subprocess.run(["redis-cli", "-s", self.stack.redis_socket, "--pipe"], input="".join(lines).encode(), check=True,
                       capture_output=True)

    def rows(self):
        return {table: number(self.stack, f"SELECT COUNT(*) FROM {table}") for table in ROWS}

    def turn(self, consumer, count=EVENTS):
        """All of them wait when the consumer is let go; the clock stops when the last is committed."""
        events = self.make_payments(count)
        self.stack.sql(SETTLE)
        before = self.rows()
        if not isinstance(consumer, Worker):
            self.stack.redis("XGROUP", "CREATE", consumer.stream, "workers", "0", "MKSTREAM")
        consumer.start()
        try:
            consumer.signal(signal.SIGSTOP)
            self.enqueue(consumer, events)
            stores = [self.stack.children["mariadb"].pid, self.stack.children["redis"].pid]
            cpu, began = (measure.cpu_s(consumer.pids), measure.cpu_s(stores)), time.monotonic()
            consumer.signal(signal.SIGCONT)
            last = "SELECT COUNT(*) FROM transactions WHERE state = 'PENDING' AND reference LIKE 'e0%'"
            until("all are committed", lambda: number(self.stack, last) == 0, timeout=TIMEOUT_S)
            took_s = time.monotonic() - began
            result = SimpleNamespace(
                per_second=count / took_s, own_cpu=(measure.cpu_s(consumer.pids) - cpu[0]) * 10_000 / count,
                store_cpu=(measure.cpu_s(stores) - cpu[1]) * 10_000 / count, pss_mib=measure.pss_mib(consumer.pids))
        finally:
            consumer.stop()
            self.stack.redis("DEL", "dp:events", STREAM)
        made = {table: after - before[table] for table, after in self.rows().items()}
        assert made == {"inbox": count, "transaction_history": count, "ledger_entries": 2 * count, "mail_outbox": 2 * count,
                        "receipts": count}, (consumer.name, made)
        return result

    def compare(self, turns):
        consumers = self.consumers()
        results = {consumer.name: [] for consumer in consumers}
        for n in range(turns):
            for consumer in consumers:
                result = self.turn(consumer)
                results[consumer.name].append(result)
                print(f"worker {n + 1}/{turns} {consumer.name}: {result.per_second:.0f} events/s, {result.own_cpu:.3f} + "
                      f"{result.store_cpu:.3f} CPU-s/10k", file=sys.stderr, flush=True)
        return results
