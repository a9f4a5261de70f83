"""Bank calls for payments that wait for them, from call to committed rows: dp-worker and its peers in turns, and a long backlog."""
import collections
import hashlib
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "bank_simulator"), str(HERE.parent / "e2e"), str(HERE.parent.parent / "script")]

import booked  # noqa: E402
import measure  # noqa: E402
import spplus  # noqa: E402
from client import until  # noqa: E402
from consumers import BullMQ, Bulk, Node, Redis, Worker  # noqa: E402
from family import number  # noqa: E402
from peers import STREAM  # noqa: E402

SCHOOLS = 200
EVENTS = 20_000  # a turn
TIMEOUT_S = 300
SLOWEST_PER_S = 2000  # a backlog that goes slower is given up
PORTION = 100_000  # calls made at once
SENT = [("siret", "00000000000001-01"), ("reference", None), ("langue", "FR"), ("devise", "978"), ("montant", "15.50"), ("taxe", "0.00"),
        ("validite", "31/12/2099"), ("moyen", "CBS"), ("modalite", "1x"), ("email", "p@example.org"), ("version", "1")]

MAKE_SCHOOLS = """
INSERT INTO schools (uai, name, kind, bursar_email) SELECT CONCAT('BENCH', seq), CONCAT('Collège ', seq), 'COLLEGE', 'g@example.org'
    FROM seq_1_to_{schools};
INSERT INTO school_contracts (school_id, contract_id) SELECT id, 1 FROM schools WHERE uai LIKE 'BENCH%';
INSERT INTO users (school_id, external_id, login, role, password_hash, last_name, first_name, email)
    SELECT id, 'payer', CONCAT('payer', id), 'PARENT', 'x', 'Payeur', 'Camille', 'p@example.org' FROM schools WHERE uai LIKE 'BENCH%';
INSERT INTO accounts (school_id, external_id, last_name, first_name)
    SELECT s.id, CONCAT('a', seq), 'Élève', seq FROM schools s JOIN seq_1_to_50 WHERE s.uai LIKE 'BENCH%';
CREATE OR REPLACE DATABASE bench CHARACTER SET ascii COLLATE ascii_bin;
CREATE TABLE bench.calls (reference CHAR(20) PRIMARY KEY, bank_ref VARCHAR(40), event_id BINARY(32) UNIQUE, raw TEXT, request TEXT);
"""
# Payment n belongs to school n modulo all of them, and to one of its accounts.
MAKE_PAYMENTS = """
SET SESSION foreign_key_checks = 0, unique_checks = 0;
SET @before = (SELECT COALESCE(MAX(id), 0) FROM transactions);
CREATE TEMPORARY TABLE given (n BIGINT PRIMARY KEY, bank_ref VARCHAR(40), event_id CHAR(64), raw TEXT, request TEXT) CHARACTER SET ascii;
LOAD DATA LOCAL INFILE '{file}' INTO TABLE given FIELDS TERMINATED BY '\\t';
INSERT INTO bench.calls SELECT CONCAT('e', LPAD(n, 19, '0')), bank_ref, UNHEX(event_id), raw, request FROM given;
CREATE TEMPORARY TABLE places (n BIGINT PRIMARY KEY, school_id BIGINT, user_id BIGINT, account_id BIGINT);
INSERT INTO places SELECT ROW_NUMBER() OVER (ORDER BY u.school_id) - 1, u.school_id, u.id, MIN(a.id) FROM users u
    JOIN accounts a ON a.school_id = u.school_id WHERE u.login LIKE 'payer%' GROUP BY u.school_id, u.id;
INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email, sent_at, bank_request, expires_at)
    SELECT CONCAT('e', LPAD(g.n, 19, '0')), p.school_id, p.user_id, 1, 'ADVANCE', 'CREATED', 1550, 'p@example.org', UTC_TIMESTAMP(6),
        g.request, '2100-01-01' FROM given g JOIN places p ON p.n = g.n % {schools} ORDER BY g.n;
INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents)
    SELECT t.id, 1, 1, p.account_id + t.id % 50, t.amount_cents FROM transactions t JOIN places p ON p.user_id = t.user_id
    WHERE t.id > @before;
UPDATE transactions SET state = 'PENDING' WHERE id > @before;
"""

# What earlier turns left to the mailer and the janitor is done: it is not what is measured.
SETTLE = """
UPDATE mail_outbox SET status = 'SENT' WHERE status = 'PENDING';
INSERT INTO receipt_files (transaction_id, sha256, bytes) SELECT r.transaction_id, UNHEX(SHA2('', 256)), '' FROM receipts r
    LEFT JOIN receipt_files f ON f.transaction_id = r.transaction_id WHERE r.transaction_id > {settled} AND f.transaction_id IS NULL;
"""

UNPURGED = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'innodb_history_list_length'"
UNPURGED_MAX = 100

Event = collections.namedtuple("Event", "id, raw")


def call_of(n):
    """The bank's acceptance of payment n, and the request that it answers."""
    fields = [(name, value or f"e{n:019d}") for name, value in SENT]
    bank_ref = f"{n:08d}"
    raw = spplus.sealed([*fields, ("etat", "1"), ("refsfp", bank_ref)])
    ident = hashlib.sha256(b"spplus\0" + raw[:raw.rindex("&hmac=")].encode()).hexdigest()
    return Event(ident, raw), bank_ref, spplus.sealed(fields)


class Events:
    def __init__(self, stack, programs):
        self.stack, self.programs = stack, programs
        self.folder = stack.state / "bench"
        self.folder.mkdir(exist_ok=True)
        stack.sql(MAKE_SCHOOLS.format(schools=SCHOOLS))
        self.made = self.settled = 0

    def consumers(self):
        environment = {"BENCH_KEY": spplus.WORKING_KEY.hex(), "BENCH_STREAM": STREAM, "BENCH_REDIS": str(self.stack.redis_socket),
                       "BENCH_DB": str(self.stack.db_socket)}
        return [*(Worker(self.stack, n) for n in (1, 2, 4)), *(Worker(self.stack, n, consumers=1) for n in (1, 2)),
                *(Bulk(self.stack, self.programs / "bulk_limit", n) for n in (1, 2)),
                Node("Node, set-based, 100 at once", self.stack, "set", environment),
                Node("Node, one transaction an event, 16 at once", self.stack, "single", environment),
                BullMQ("BullMQ, 16 at once", self.stack, "bullmq", environment)]

    def make_payments(self, count):
        """Payments that wait for the bank, and its calls."""
        events = []
        for first in range(self.made, self.made + count, PORTION):
            calls = [(n, *call_of(n)) for n in range(first, min(first + PORTION, self.made + count))]
            path = self.folder / "given"
            path.write_text("".join(f"{n}\t{ref}\t{event.id}\t{event.raw}\t{request}\n" for n, event, ref, request in calls))
            self.stack.sql(MAKE_PAYMENTS.format(file=path, schools=SCHOOLS))
            events += [event for _, event, _, _ in calls]
        self.made += count
        return events

    def run(self, consumer, count, watch):
        """All of them wait when the consumer is let go; `watch(redis)` returns when the last is committed."""
        self.stack.sql(SETTLE.format(settled=self.settled))
        self.settled = number(self.stack, "SELECT COALESCE(MAX(id), 0) FROM transactions")
        events = self.make_payments(count)
        until("nothing is left to purge", lambda: number(self.stack, UNPURGED) < UNPURGED_MAX, timeout=TIMEOUT_S)
        self.stack.redis("DEL", consumer.stream)
        consumer.start()
        redis, catcher = Redis(self.stack.redis_socket), self.stack.children["mail-catcher"]
        catcher.send_signal(signal.SIGSTOP)  # sending the mails is another work's measure: a long run would begin with it
        try:
            consumer.signal(signal.SIGSTOP)
            consumer.enqueue(events)
            stores = [self.stack.children["mariadb"].pid, self.stack.children["redis"].pid]
            cpu, began = (measure.cpu_s(consumer.pids), measure.cpu_s(stores)), time.monotonic()
            consumer.signal(signal.SIGCONT)
            watched = watch(redis)
            took_s = time.monotonic() - began
            return SimpleNamespace(
                per_second=count / took_s, own_cpu=(measure.cpu_s(consumer.pids) - cpu[0]) * 10_000 / count,
                store_cpu=(measure.cpu_s(stores) - cpu[1]) * 10_000 / count, watched=watched)
        finally:
            redis.close()
            consumer.stop()
            catcher.send_signal(signal.SIGCONT)

    def check(self):
        found = booked.check(self.stack)
        assert not found, "\n".join(found)

    def turn(self, consumer, count=EVENTS):
        def until_done(redis):
            deadline, pss = time.monotonic() + TIMEOUT_S, 0
            while consumer.left(redis):
                assert time.monotonic() < deadline, consumer.name
                pss = measure.pss_mib(consumer.pids)
                time.sleep(0.05)
            return pss
        result = self.run(consumer, count, until_done)
        result.pss_mib = result.watched
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
        self.check()
        return results

    def backlog(self, count):
        """`count` events wait: how fast each tenth of them goes, and what the worker holds meanwhile."""
        worker = Worker(self.stack)
        tenths = [SimpleNamespace(per_second=0, pss_mib=0) for _ in range(10)]

        def by_tenths(redis):
            deadline, began, done = time.monotonic() + count / SLOWEST_PER_S, time.monotonic(), 0
            for n, tenth in enumerate(tenths, 1):
                while count - worker.left(redis) < count * n // 10:
                    assert time.monotonic() < deadline, "backlog"
                    tenth.pss_mib = max(tenth.pss_mib, measure.pss_mib(worker.pids))
                    time.sleep(0.05)
                now, now_done = time.monotonic(), count - worker.left(redis)
                tenth.per_second = (now_done - done) / (now - began)
                began, done = now, now_done
        result = self.run(worker, count, by_tenths)
        self.check()
        return result, tenths
