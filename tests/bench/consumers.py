"""Who books bank calls: dp-worker, its peers, and MariaDB alone. Each is started for one turn and ended after it."""
import os
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

from peers import STREAM  # noqa: E402
from stack import Child  # noqa: E402


def add_entries(stack, stream, events):
    """The events as dp-server adds them to its stream."""
    lines = []
    for event in events:
        words = ["XADD", stream, "*", "v", "1", "id", event.id, "kind", "bank_notification", "at", "2026-09-01T18:00:00Z",
                 "gateway", "spplus", "raw", event.raw, "ip", "127.0.0.1"]
        lines.append(f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words))
    subprocess.run(["redis-cli", "-s", stack.redis_socket, "--pipe"], input="".join(lines).encode(), check=True, capture_output=True)


class Redis:
    """Asks for little and often: a client started for each question would cost more than what is measured."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))

    def ask(self, command):
        self.socket.sendall(command.encode() + b"\r\n")
        return self.socket.recv(4096)

    def close(self):
        self.socket.close()


class Consumer:
    """One contestant: `processes` of it share the load. What it consumes waits until it is let go."""

    def __init__(self, name, stack, processes=1):
        self.name, self.stack, self.processes, self.children = name, stack, processes, []

    @property
    def pids(self):
        return [child.pid for child in self.children]

    def signal(self, number):
        for pid in self.pids:
            os.kill(pid, number)

    def enqueue(self, events):
        add_entries(self.stack, self.stream, events)

    def left(self, redis):
        """Entries that are not acknowledged: what is, is committed."""
        words = redis.ask(f"XINFO GROUPS {self.stream}").split(b"\r\n")
        count = {name: words[words.index(name) + 1] for name in (b"pending", b"lag")}
        return sum(int(value[1:]) for value in count.values())

    def stop(self):
        for child in self.children:
            child.kill()
        self.children = []
        self.stack.redis("DEL", self.stream)


class Worker(Consumer):
    stream = "dp:events"

    def __init__(self, stack, processes=1, consumers=None):
        name = "dp-worker" if processes == 1 else f"dp-worker × {processes}"
        super().__init__(f"{name}, one consumer each" if consumers else name, stack, processes)
        self.config = stack.config
        if consumers:
            self.config = stack.state / f"consumers-{consumers}.conf"
            self.config.write_text(stack.config.read_text().replace("[worker]\n", f"[worker]\nconsumers = {consumers}\n"))

    def start(self):
        self.children = [self.stack.start_worker(n, self.config) for n in range(self.processes)]

    def stop(self):
        for n in range(self.processes):
            self.stack.children.pop(f"dp-worker-{n}").stop(timeout=30)
        self.children = []
        self.stack.redis("DEL", self.stream)


class Node(Consumer):
    """A worker of peers/node; `manner` is set-based, single or BullMQ."""

    stream = STREAM

    def __init__(self, name, stack, manner, environment):
        super().__init__(name, stack)
        self.manner = manner
        self.environment = {**environment, "BENCH_MANNER": manner, "NODE_ENV": "production"}

    def start(self):
        self.stack.redis("XGROUP", "CREATE", self.stream, "workers", "0", "MKSTREAM")
        log = self.stack.state / f"bench/{self.manner}.log"
        child = Child(self.manner, ["node", str(HERE / "peers/node/worker.js")], log, self.environment, False)
        child.start()
        self.children = [child]
        time.sleep(2)


class BullMQ(Node):
    def enqueue(self, events):
        path = self.stack.state / "bench/jobs"
        path.write_text("".join(f"{event.id} {event.raw}\n" for event in events))
        subprocess.run(["node", HERE / "peers/node/enqueue.js", path], check=True, env={**os.environ, **self.environment})

    def left(self, redis):
        return sum(int(redis.ask(f"LLEN bull:bench:{state}")[1:]) for state in ("wait", "active"))


class Bulk(Consumer):
    """The same rows straight into MariaDB, 500 payments a transaction."""

    stream = STREAM  # of which nothing is read

    ROWS = """SELECT t.id, t.school_id, l.account_id, t.amount_cents, c.bank_ref, LOWER(HEX(c.event_id)), t.email, s.bursar_email, c.raw
        FROM bench.calls c JOIN transactions t ON t.reference = c.reference JOIN transaction_lines l ON l.transaction_id = t.id
        JOIN schools s ON s.id = t.school_id WHERE t.state = 'PENDING' ORDER BY t.id"""

    def __init__(self, stack, program, connections):
        super().__init__(f"bulk limit of MariaDB, {connections} connection{'s' if connections > 1 else ''}", stack)
        self.program, self.connections = program, connections
        self.path = stack.state / "bench/rows"

    def start(self):
        self.path.unlink(missing_ok=True)
        child = Child("bulk", [str(word) for word in (self.program, self.stack.db_socket, self.path, 500, self.connections)],
                      self.stack.state / "bench/bulk.log", restart=False)
        child.start()
        self.children = [child]

    def enqueue(self, _events):
        rows = "\n".join("\t".join(row) for row in self.stack.sql(self.ROWS))
        partial = self.path.with_suffix(".part")
        partial.write_text(rows + "\n")
        partial.rename(self.path)

    def left(self, _redis):
        assert self.children[0].alive(), self.children[0].log.read_text()
        return int(self.path.exists())

    def stop(self):
        for child in self.children:
            child.kill()
        self.children = []
