"""Confirmations that wait in the outbox, from row to a mail server that takes everything at once, and to SENT: dp-worker and a peer in turns."""
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "bank_simulator"), str(HERE.parent / "e2e"), str(HERE.parent.parent / "script")]

import measure  # noqa: E402
import proof  # noqa: E402
import spplus  # noqa: E402
from client import until  # noqa: E402
from family import number  # noqa: E402
from stack import Child, free_port, port_is_free  # noqa: E402

MAILS = 4_000  # a turn
TIMEOUT_S, LOOK_S, START_S = 300, 0.02, 2
# To bursars: without an attachment. Each payment has one, so each turn takes payments that had none.
ADD = """
INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient)
    SELECT 'BURSAR_CONFIRMATION', t.school_id, t.id, 'bursar@example.org' FROM transactions t
    LEFT JOIN mail_outbox o ON o.confirmation_of = t.id AND o.kind = 'BURSAR_CONFIRMATION'
    WHERE t.reference LIKE 'b0%' AND t.accepted_at IS NOT NULL AND o.id IS NULL ORDER BY t.id LIMIT {count}
"""


class Worker:
    name = "dp-worker"

    def __init__(self, stack):
        self.stack = stack

    def start(self, smtp_port):
        self.before = self.stack.ports["smtp"], self.stack.extra["worker_extra"]
        self.configure(smtp_port, "mail_poll_ms = 10")
        self.child = self.stack.start_worker(0)

    def configure(self, smtp_port, worker_extra):
        self.stack.ports["smtp"], self.stack.extra["worker_extra"] = smtp_port, worker_extra
        self.stack.prepare()

    def stop(self):
        self.stack.children.pop("dp-worker-0").stop(timeout=30)
        self.configure(*self.before)


class Nodemailer:
    name = "nodemailer, 5 connections"

    def __init__(self, stack, folder):
        self.stack, self.folder = stack, folder

    def start(self, smtp_port):
        environment = {"BENCH_SMTP": str(smtp_port), "BENCH_DB": str(self.stack.db_socket), "BENCH_REDIS": str(self.stack.redis_socket),
                       "BENCH_KEY": spplus.WORKING_KEY.hex(), "NODE_ENV": "production"}
        self.child = Child("mailer", ["node", str(HERE / "peers/node/mailer.js")], self.folder / "mailer.log", environment, False)
        self.child.start()
        time.sleep(START_S)

    def stop(self):
        self.child.kill()


class Mails:
    def __init__(self, stack, drivers):
        self.stack, self.driver = stack, drivers / "smtp_sink"
        self.folder = stack.state / "bench"
        self.folder.mkdir(exist_ok=True)
        self.taken = self.folder / "mails"

    def start_sink(self):
        """A fresh mail server, and a fresh file of what it took."""
        self.taken.unlink(missing_ok=True)
        port = free_port()
        sink = Child("sink", [str(self.driver), str(port), str(self.taken)], self.folder / "sink.log", restart=False)
        sink.start()
        until("the mail server listens", lambda: not port_is_free(port))
        return sink, port

    def send(self, mailer, count):
        """All rows come at once; the clock stops when the last is marked."""
        first = number(self.stack, "SELECT COALESCE(MAX(id), 0) + 1 FROM mail_outbox")
        unsent = f"SELECT COUNT(*) FROM mail_outbox WHERE id >= {first} AND status <> 'SENT'"
        pids = [mailer.child.pid], [self.stack.children["mariadb"].pid]
        self.stack.sql(ADD.format(count=count))
        cpu, began = [measure.cpu_s(some) for some in pids], time.monotonic()
        while self.taken.read_bytes().count(b"\n") < count:
            assert time.monotonic() < began + TIMEOUT_S, self.taken
            time.sleep(LOOK_S)
        until("all are marked", lambda: number(self.stack, unsent) == 0)
        took_s = time.monotonic() - began
        own_cpu, store_cpu = ((measure.cpu_s(some) - before) * 10_000 / count for some, before in zip(pids, cpu))
        proof.check_mails(self.stack, self.taken, first)
        return SimpleNamespace(per_second=count / took_s, own_cpu=own_cpu, store_cpu=store_cpu, pss_mib=measure.pss_mib(pids[0]))

    def turn(self, mailer, count):
        sink, port = self.start_sink()
        mailer.start(port)
        try:
            return self.send(mailer, count)
        finally:
            mailer.stop()
            sink.kill()

    def compare(self, turns, count=MAILS):
        """{name: [result of each turn]}, ours first."""
        self.stack.sql("UPDATE mail_outbox SET status = 'SENT' WHERE status <> 'SENT'")
        mailers = [Worker(self.stack), Nodemailer(self.stack, self.folder)]
        results = {mailer.name: [] for mailer in mailers}
        for n in range(turns):
            for mailer in mailers:
                result = self.turn(mailer, count)
                results[mailer.name].append(result)
                print(f"mail {n + 1}/{turns} {mailer.name}: {result.per_second:.0f} mails/s, {result.own_cpu:.3f} + "
                      f"{result.store_cpu:.3f} CPU-s/10k", file=sys.stderr, flush=True)
        return results
