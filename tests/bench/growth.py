"""The history page as the database grows: with more payments of others, of the family itself, and further back in its pages.

What MariaDB reaches for is counted as well as timed: a count does not depend on what else the machine does. The families' rows lie between
those of the others, as they come in time, so that each is on a page of its own."""
import base64
import hashlib
import secrets
import sys
import time
from types import SimpleNamespace

import measure
from family import number
from web import CONNECTIONS, request, session_name, write_requests

SIZES = (1_000, 100_000, 10_000_000)
FAMILIES = {"small": 10, "usual": 60, "large": 1_000, "huge": 100_000}
PAGE_ROWS, FAR_PAGE = 15, 50
CHUNK = 250_000
OTHERS = 100_000  # at most; the others' payments are spread over them
SECONDS = 3
# What a server of this size has; all sizes are measured with it.
SETTINGS = {"innodb_buffer_pool_size": 3 << 30, "innodb_log_file_size": 1 << 30, "innodb_flush_log_at_trx_commit": 0}

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
INSERT INTO transactions (id, reference, school_id, user_id, contract_id, kind, state, amount_cents, email, created_at, sent_at, bank_ref, accepted_at)
    SELECT {id}, CONCAT('g', LPAD({id}, 19, '0')), 1, {user}, 1, 'ADVANCE', IF({id} % 10, 'SETTLED', 'DECLINED'), 900, 'p@example.org', {at}, {at},
        LPAD({id}, 8, '0'), IF({id} % 10, {at}, NULL)
    FROM seq_1_to_{count};
"""
PAYERS = "(SELECT user_id, MIN(account_id) first, MAX(account_id) last FROM account_payers GROUP BY user_id) p"


def grouped(count):
    return f"{count:,}".replace(",", " ")


class Growth:
    def __init__(self, web, largest, say=print):
        self.web, self.stack, self.say = web, web.stack, say
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
        self.stack.sql("ANALYZE TABLE transactions, transaction_lines, receipts, users, accounts, account_payers")

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

    def page(self, name, page=1):
        """One server under the load of one page."""
        path = "/historique" if page == 1 else f"/historique?avant={self.key_of_page(name, page)}"
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
        assert result["failed"] == 0 and result["status_2xx"] == result["answered"] > 0, result
        web, stores, reads = ((b - a) / result["answered"] for a, b in zip(before, after))
        self.say(f"growth: {name}, page {page}: {web * 1e4:.2f} + {stores * 1e4:.2f} CPU-s/10k, {reads:.0f} rows", file=sys.stderr, flush=True)
        return SimpleNamespace(cpu=(web + stores) * 10_000, reads=reads)

    def compare(self):
        """[(what, result)], the usual family among the fewest payments first. The stack's own payments go."""
        self.stack.sql("; ".join(f"SET GLOBAL {name} = {value}" for name, value in SETTINGS.items()))
        self.stack.sql("SET foreign_key_checks = 0; TRUNCATE transaction_lines; TRUNCATE receipts; TRUNCATE transactions")
        self.users = {name: self.add_users(name, 1) for name in self.families}
        self.others, self.have = self.add_users("others", OTHERS), dict.fromkeys(self.families, 0)
        results = []
        for size in self.sizes:
            self.grow(size)
            results.append((f"{grouped(size)} payments in all: family with {self.have['usual']}", self.page("usual")))
        for name in self.families:
            results.append((f"family with {grouped(self.have[name])}", self.page(name)))
        for name in [name for name in self.families if self.have[name] > PAGE_ROWS * FAR_PAGE]:
            results.append((f"family with {grouped(self.have[name])}, page {FAR_PAGE}", self.page(name, FAR_PAGE)))
        return results


def table(results):
    """Everything beside the usual family among the fewest payments."""
    _, first = results[0]
    lines = ["| | CPU-s/10k, web and stores | to the first | rows reached for | to the first |", "|---|---|---|---|---|"]
    lines += [f"| {what} | {one.cpu:.2f} | {one.cpu / first.cpu:.2f} | {one.reads:.0f} | "
              f"{one.reads / first.reads:.2f} |" for what, one in results]
    return "\n".join(lines)
