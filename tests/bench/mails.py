"""Confirmations that wait in the outbox, from row to a mail server that takes everything at once, and to SENT."""
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent.parent / "script")]

import measure  # noqa: E402
import proof  # noqa: E402
from client import until  # noqa: E402
from family import number  # noqa: E402
from stack import Child, free_port, port_is_free  # noqa: E402

MAILS = 4_000  # a turn
TIMEOUT_S, LOOK_S = 300, 0.02
# To bursars: without an attachment. Each payment has one, so each turn takes payments that had none.
ADD = """
INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient)
    SELECT 'BURSAR_CONFIRMATION', t.school_id, t.id, 'bursar@example.org' FROM transactions t
    LEFT JOIN mail_outbox o ON o.confirmation_of = t.id AND o.kind = 'BURSAR_CONFIRMATION'
    WHERE t.reference LIKE 'b0%' AND t.accepted_at IS NOT NULL AND o.id IS NULL ORDER BY t.id LIMIT {count}
"""


class Mails:
    def __init__(self, stack, drivers):
        self.stack, self.sink = stack, drivers / "smtp_sink"
        self.folder = stack.state / "bench"
        self.folder.mkdir(exist_ok=True)

    def start_sink(self, turn):
        """A fresh server, and the file of what it took."""
        taken = self.folder / f"mails-{turn}"
        taken.unlink(missing_ok=True)
        child = Child("sink", [str(self.sink), str(self.port), str(taken)], self.folder / "sink.log", restart=False)
        child.start()
        until("the sink listens", lambda: not port_is_free(self.port))
        return child, taken

    def send(self, worker, taken, count):
        """All rows come at once; the clock stops when the last is marked."""
        last = number(self.stack, "SELECT COALESCE(MAX(id), 0) FROM mail_outbox")
        stores = [self.stack.children["mariadb"].pid]
        cpu = measure.cpu_s([worker.pid]), measure.cpu_s(stores)
        self.stack.sql(ADD.format(count=count))
        began = time.monotonic()
        while len(taken.read_bytes().splitlines()) < count:
            assert time.monotonic() < began + TIMEOUT_S, (taken, count)
            time.sleep(LOOK_S)
        until("all are marked", lambda: number(self.stack, f"SELECT COUNT(*) FROM mail_outbox WHERE id > {last} AND status <> 'SENT'") == 0)
        took_s = time.monotonic() - began
        proof.check_mails(self.stack, taken, last + 1)
        return SimpleNamespace(per_second=count / took_s, own_cpu=(measure.cpu_s([worker.pid]) - cpu[0]) * 10_000 / count,
                               store_cpu=(measure.cpu_s(stores) - cpu[1]) * 10_000 / count, pss_mib=measure.pss_mib([worker.pid]))

    def turn(self, n, count):
        sink, taken = self.start_sink(n)
        worker = self.stack.start_worker(0)
        try:
            until("the sink's file", taken.exists)
            return self.send(worker, taken, count)
        finally:
            self.stack.children.pop("dp-worker-0").stop(timeout=30)
            sink.kill()

    def compare(self, turns, count=MAILS):
        settings = self.stack.ports["smtp"], self.stack.extra["worker_extra"]
        self.port = self.stack.ports["smtp"] = free_port()
        self.stack.extra["worker_extra"] = "mail_poll_ms = 10"
        self.stack.prepare()
        self.stack.sql("UPDATE mail_outbox SET status = 'SENT' WHERE status <> 'SENT'")
        results = []
        for n in range(turns):
            results.append(self.turn(n, count))
            print(f"mail {n + 1}/{turns} dp-worker: {results[-1].per_second:.0f} mails/s, {results[-1].own_cpu:.3f} + "
                  f"{results[-1].store_cpu:.3f} CPU-s/10k", file=sys.stderr, flush=True)
        self.stack.ports["smtp"], self.stack.extra["worker_extra"] = settings
        self.stack.prepare()
        return {"dp-worker": results}
