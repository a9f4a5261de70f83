"""Pages and the worker as the database grows: with more payments of others, of the family itself, and further back in its pages.

What MariaDB reaches for is counted as well as timed: a count does not depend on what else the machine does. The families' rows lie between
those of the others, as they come in time, so that each is on a page of its own."""
import base64
import hashlib
import secrets
import sys
import time
from types import SimpleNamespace

import measure
from consumers import Worker
from family import number
from web import CONNECTIONS, request, session_name, write_requests

SIZES = (1_000, 100_000, 10_000_000)
FAMILIES = {"small": 10, "usual": 60, "large": 1_000, "huge": 100_000}
PAGE_ROWS, FAR_PAGE = 15, 50
CHUNK = 250_000
OTHERS = 100_000  # at most; the others' payments are spread over them
SECONDS = 3
WORKER_TURNS = 3
# What a parent looks at beside the history; of a payment, its last one.
PAGES = ("/accueil", "/crediter", "/coordonnees", "/paiement/{reference}", "/historique/attestation", "/historique/connexions", "/mes-donnees")
# What a server of this size has; all sizes are measured with it.
SETTINGS = {"innodb_buffer_pool_size": 3 << 30, "innodb_log_file_size": 1 << 30}
EMPTY = "SET foreign_key_checks = 0; UPDATE accounts SET paid_cents = 0; " + "; ".join(f"TRUNCATE {table}" for table in (
    "transactions", "transaction_lines", "receipts", "receipt_files", "receipt_counters", "ledger_entries", "transaction_history", "inbox",
    "mail_outbox", "bench.calls"))

USERS = """
SET SESSION foreign_key_checks = 0, unique_checks = 0;
INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email)
    SELECT 1, CONCAT('{name}-', seq), CONCAT('{name}', seq), 'PARENT', 'x', FALSE, CONCAT('{name}', seq), 'Camille', 'p@example.org'
    FROM seq_1_to_{count};
INSERT INTO accounts (school_id, external_id, last_name, first_name, class_name)
    SELECT u.school_id, CONCAT(u.external_id, '-', s.seq), u.last_name, CONCAT('Dominique ', s.seq), '3e B' FROM users u, seq_1_to_2 s
    WHERE u.external_id LIKE '{name}-%';
INSERT INTO account_payers (account_id, user_id)
    SELECT a.id, u.id FROM users u JOIN seq_1_to_2 s JOIN accounts a ON a.school_id = u.school_id AND a.external_id = CONCAT(u.external_id, '-', s.seq)
    WHERE u.external_id LIKE '{name}-%';
"""
# Lines come first: once a payment has left CREATED it takes none, and this way each row is written once.
PAYMENTS = """
SET SESSION foreign_key_checks = 0, unique_checks = 0;
INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents)
    SELECT {id}, 1, 1, p.first, 600 + IF({id} % 4, 300, 0) FROM seq_1_to_{count} JOIN {payers} ON p.user_id = {user};
INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents)
    SELECT {id}, 1, 2, p.last, 300 FROM seq_1_to_{count} JOIN {payers} ON p.user_id = {user} WHERE {id} % 4 = 0;
INSERT INTO receipts (transaction_id, school_id, year, number) SELECT {id}, 1, 2023, {id} FROM seq_1_to_{count} WHERE {id} % 10;
INSERT INTO receipt_files (transaction_id, sha256, bytes) SELECT {id}, REPEAT('x', 32), '' FROM seq_1_to_{count} WHERE {id} % 10;
INSERT INTO transactions (id, reference, school_id, user_id, contract_id, kind, state, amount_cents, email, created_at, sent_at, bank_ref, accepted_at)
    SELECT {id}, CONCAT('g', LPAD({id}, 19, '0')), 1, {user}, 1, 'ADVANCE', IF({id} % 10, 'SETTLED', 'DECLINED'), 900, 'p@example.org', {at}, {at},
        LPAD({id}, 8, '0'), IF({id} % 10, {at}, NULL)
    FROM seq_1_to_{count};
"""
PAYERS = "(SELECT user_id, MIN(account_id) first, MAX(account_id) last FROM account_payers GROUP BY user_id) p"


def grouped(count):
    return f"{count:,}".replace(",", " ")


class Growth:
    def __init__(self, web, events, largest, say=print):
        self.web, self.events, self.stack, self.say = web, events, web.stack, say
        self.sizes = [size for size in SIZES if size < largest] + [largest]
        self.families = {name: size for name, size in FAMILIES.items() if size < largest}

    def add_users(self, name, count):
        """The first of them; their numbers follow each other."""
        self.stack.sql(USERS.format(name=name, count=count))
        return number(self.stack, f"SELECT MIN(id) FROM users WHERE external_id LIKE '{name}-%'")

    def add_payments(self, count, user):
        """`user` is SQL that says whose each is, of {id}; a payment a second from where the last ones ended."""
        first = number(self.stack, "SELECT COALESCE(MAX(id), 0) FROM transactions") + 1
        sql = {"id": f"({first - 1} + seq)", "count": count, "payers": PAYERS, "at": f"('2015-09-01' + INTERVAL {first} + seq SECOND)"}
        self.stack.sql(PAYMENTS.format(user=user.format(**sql), **sql))

    def grow(self, size):
        """The others' payments up to `size` in all; what the measured families lack of theirs comes with them, bit by bit."""
        self.stack.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        while (there := number(self.stack, "SELECT COUNT(*) FROM transactions")) < size:
            count = min(CHUNK, size - there)
            share = count / (size - there)
            for name, wanted in self.families.items():
                missing = min(wanted, size // 10) - self.have[name]
                part = missing if share == 1 else int(missing * share)
                if part > 0:
                    self.add_payments(part, str(self.users[name]))
                    self.have[name] += part
                    count -= part
            if count > 0:
                self.add_payments(count, f"{self.others} + {{id}} % {OTHERS}")
            self.say(f"growth: {there + CHUNK if share < 1 else size} payments", file=sys.stderr, flush=True)
        self.events.settled = number(self.stack, "SELECT COALESCE(MAX(id), 0) FROM transactions")
        self.stack.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1; "
                       "ANALYZE TABLE transactions, transaction_lines, receipts, users, accounts, account_payers")

    def log_in(self, user):
        """A session as dp-server makes one, without the hashing; its cookie."""
        raw = secrets.token_bytes(32)
        cookie = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        mark = hashlib.sha256(b"x").hexdigest()[:16]
        self.stack.redis("HSET", session_name(cookie), "user", user, "school", 1, "created", time.time_ns() // 1000, "change", 0, "password", mark)
        self.stack.redis("EXPIRE", session_name(cookie), 3600)
        return cookie

    def key_of_page(self, name, page):
        """What the link to that page of the history says."""
        at, last = self.stack.sql(
            f"SELECT CAST(UNIX_TIMESTAMP(created_at) * 1000000 AS INT), id FROM transactions WHERE user_id = {self.users[name]} "
            f"ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET {PAGE_ROWS * (page - 1) - 1}")[0]
        return f"{at}.{last}"

    def reads(self):
        return sum(int(value) for name, value in self.stack.sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'") if name != "Handler_read_rnd_deleted")

    def history(self, name, page=1):
        return self.page(name, "/historique" if page == 1 else f"/historique?avant={self.key_of_page(name, page)}")

    def last_reference(self, name):
        return self.stack.sql(f"SELECT reference FROM transactions WHERE user_id = {self.users[name]} ORDER BY id DESC LIMIT 1")[0][0]

    def page(self, name, path):
        """One server under the load of one page."""
        file = write_requests(self.web.folder / "growth", [request("GET", path, headers=[f"Cookie: session={self.log_in(self.users[name])}"])])
        peer = self.web.peers("history")[0]
        port = peer.start()
        try:
            measure.load(self.web.driver, port, file, CONNECTIONS, 1)
            before = measure.cpu_s(peer.pids), measure.cpu_s(self.web.stores()), self.reads()
            result = measure.load(self.web.driver, port, file, CONNECTIONS, SECONDS)
            after = measure.cpu_s(peer.pids), measure.cpu_s(self.web.stores()), self.reads()
        finally:
            peer.stop()
        assert result["failed"] == 0 and result["status_2xx"] == result["answered"] > 0, (path, result)
        web, stores, reads = ((b - a) / result["answered"] for a, b in zip(before, after))
        self.say(f"growth: {name}, {path}: {web * 1e4:.2f} + {stores * 1e4:.2f} CPU-s/10k, {reads:.0f} rows", file=sys.stderr, flush=True)
        return SimpleNamespace(cpu=(web + stores) * 10_000, reads=reads)

    def worker(self):
        turns = [self.events.turn(Worker(self.stack)) for _ in range(WORKER_TURNS)]
        for turn in turns:
            self.say(f"growth: worker {turn.per_second:.0f} events/s, {turn.own_cpu:.3f} + {turn.store_cpu:.3f} CPU-s/10k", file=sys.stderr, flush=True)
        return turns

    def compare(self):
        """The usual family's pages and the worker at each size, then what families of other sizes cost. The stack's own payments go."""
        self.stack.sql("; ".join(f"SET GLOBAL {name} = {value}" for name, value in SETTINGS.items()))
        self.stack.sql(EMPTY)
        self.users = {name: self.add_users(name, 1) for name in self.families}
        self.others, self.have = self.add_users("others", OTHERS), dict.fromkeys(self.families, 0)
        results = SimpleNamespace(sizes=self.sizes, history=[], pages={path: [] for path in PAGES}, worker=[])
        for size in self.sizes:
            self.grow(size)
            results.history.append((f"{grouped(size)} payments in all: family with {self.have['usual']}", self.history("usual")))
            for path, costs in results.pages.items():
                costs.append(self.page("usual", path.format(reference=self.last_reference("usual"))))
            results.worker.append(self.worker())
        for name in self.families:
            results.history.append((f"family with {grouped(self.have[name])}", self.history(name)))
        for name in [name for name in self.families if self.have[name] > PAGE_ROWS * FAR_PAGE]:
            results.history.append((f"family with {grouped(self.have[name])}, page {FAR_PAGE}", self.history(name, FAR_PAGE)))
        self.events.check()
        return results


def dearest(results):
    """The greatest ratio of a page's cost to that of the same page among the fewest payments."""
    first = results.history[0][1].cpu
    return max([page.cpu / first for _, page in results.history] + [one.cpu / costs[0].cpu for costs in results.pages.values() for one in costs])


def table(results):
    """Everything beside the usual family among the fewest payments."""
    _, first = results.history[0]
    sizes = [grouped(size) for size in results.sizes]
    lines = ["| history | CPU-s/10k, web and stores | to the first | rows reached for | to the first |", "|---|---|---|---|---|"]
    lines += [f"| {what} | {one.cpu:.2f} | {one.cpu / first.cpu:.2f} | {one.reads:.0f} | "
              f"{one.reads / first.reads:.2f} |" for what, one in results.history]
    lines += ["", f"| other pages, CPU-s/10k with payments in all: | {' | '.join(sizes)} | last to first | rows reached for |", "|---" * (len(sizes) + 3) + "|"]
    lines += [f"| `{path}` | {' | '.join(f'{one.cpu:.2f}' for one in costs)} | {costs[-1].cpu / costs[0].cpu:.2f} | "
              f"{' · '.join(f'{one.reads:.0f}' for one in costs)} |" for path, costs in results.pages.items()]
    lines += ["", f"| worker, with payments in all: | {' | '.join(sizes)} | last to first |", "|---" * (len(sizes) + 2) + "|"]
    for what, field, digits in (("events/s", "per_second", 0), ("stores CPU-s/10k", "store_cpu", 2)):
        values = [measure.median([getattr(turn, field) for turn in turns]) for turns in results.worker]
        lines.append(f"| {what} | {' | '.join(f'{value:.{digits}f}' for value in values)} | {values[-1] / values[0]:.2f} |")
    return "\n".join(lines)
