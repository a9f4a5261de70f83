"""Callbacks and pages: dp-server and its peers in turns, the same load from outside."""
import concurrent.futures
import contextlib
import hashlib
import secrets
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "bank_simulator"), str(HERE.parent / "e2e")]

import history_page  # noqa: E402
import measure  # noqa: E402
import proof  # noqa: E402
import spplus  # noqa: E402
from client import Parent  # noqa: E402
from peers import STREAM, Fastify, Nginx, Ours, Php  # noqa: E402

CONNECTIONS = 64
RATE = 1000
BROWSERS, BROWSED_RATE = 32, 200  # families that ask for a page as soon as they have the last one, and the bank's calls meanwhile
WARM_S = 2
CALLS, WARM_CALLS = 500_000, 200_000  # more than any turn sends: no call is seen twice
SEALED = {"siret": "00000000000001-01", "langue": "FR", "devise": "978", "taxe": "0.00", "validite": "31/12/2026", "moyen": "CBS",
          "modalite": "1x", "email": "parent@example.org", "version": "1"}


def request(method, path, body="", headers=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *headers]
    if method == "POST":
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def write_requests(path, requests):
    path.write_bytes(b"\0".join(text.encode() for text in requests) + b"\0")
    return path


def write_calls(path, count):
    first = secrets.randbelow(9 * 10 ** 7)
    fields = list(SEALED.items())

    def call(n):
        reference = f"dem20260901{first + n:09d}"
        return spplus.sealed([fields[0], ("reference", reference), *fields[1:3], ("montant", "158.50"), *fields[3:],
                              ("etat", "1"), ("refsfp", f"{first + n:08d}")])
    return write_requests(path, (request("POST", "/banque/spplus", call(n)) for n in range(count)))


def session_name(cookie):
    import base64
    return "dp:session:" + hashlib.sha256(base64.urlsafe_b64decode(cookie + "=")).hexdigest()


class Web:
    """The stack with its data, the peers and what they are asked."""

    def __init__(self, stack, drivers):
        self.stack, self.driver = stack, drivers / "http_load"
        self.folder = stack.state / "bench"
        self.folder.mkdir(exist_ok=True)
        server = stack.start_server(0)
        self.cookie = Parent(stack, "durand").log_in().cookies["session"]
        self.requests = {
            "callback": write_calls(self.folder / "calls", CALLS),
            "callback, warming up": write_calls(self.folder / "warm-calls", WARM_CALLS),
            "history": write_requests(self.folder / "history", [self.get("/historique")]),
            "login": write_requests(self.folder / "login", [request("GET", "/connexion")]),
        }
        self.environment = self.make_environment()
        stack.children.pop("dp-server-0").stop()
        del server

    def get(self, path):
        return request("GET", path, headers=[f"Cookie: session={self.cookie}"])

    def make_environment(self):
        """What the peers know: where the stores are, and our page with holes."""
        assert self.stack.redis("EXISTS", session_name(self.cookie)) == "1"
        return {"BENCH_KEY": spplus.WORKING_KEY.hex(), "BENCH_STREAM": STREAM, "BENCH_REDIS": str(self.stack.redis_socket),
                "BENCH_DB": str(self.stack.db_socket), **history_page.environment(self.page(self.stack.ports["http"]), self.folder)}

    def page(self, port):
        """The history as a server shows it."""
        answer = urllib.request.Request(f"http://127.0.0.1:{port}/historique", headers={"Cookie": f"session={self.cookie}"})
        with urllib.request.urlopen(answer) as page:
            return page.read().decode()

    def check_pages(self, peers):
        """All of them do the same work: nginx alone does none."""
        pages = {}
        for peer in peers:
            if type(peer) is not Nginx:
                try:
                    pages[peer.name] = self.page(peer.start())
                finally:
                    peer.stop()
        ours, *_ = pages.values()
        for name, theirs in pages.items():
            history_page.check(name, ours, theirs)

    def peers(self, work):
        if work == "login":
            return [Ours(self.stack), Nginx("<!DOCTYPE html>" + "x" * 4000)]
        if work == "browsing":
            return [Ours(self.stack), Fastify(self.environment), Php(self.environment)]
        return [Ours(self.stack), Fastify(self.environment), Php(self.environment), Nginx()]

    def stores(self):
        return [self.stack.children["mariadb"].pid, self.stack.children["redis"].pid]

    @contextlib.contextmanager
    def running(self, peer):
        """Its port; what it wrote into the stream is gone afterwards."""
        try:
            yield peer.start()
        finally:
            peer.stop()
            self.stack.redis("DEL", "dp:events", STREAM)

    def warming(self, work):
        """Whose requests come before those that are measured: calls that were seen before are cheaper."""
        name = f"{work}, warming up"
        return name if name in self.requests else work

    def load(self, port, work, seconds, rate=None, connections=CONNECTIONS):
        result = SimpleNamespace(**measure.load(self.driver, port, self.requests[work], connections, seconds, rate))
        assert result.failed == 0 and result.status_2xx == result.answered > 0, (work, result)
        return result

    def check_calls(self, acknowledged, loads=1):
        """At the end of a load each connection may have a call under way."""
        proof.check_calls(self.stack, acknowledged, loads * CONNECTIONS)

    def turn(self, peer, work, seconds, rate=None):
        """One peer under one load; its stores' and its own processor time."""
        with self.running(peer) as port:
            warm = self.load(port, self.warming(work), WARM_S, rate)
            before = measure.cpu_s(peer.pids), measure.cpu_s(self.stores()), peer.count_flushes()
            result = self.load(port, work, seconds, rate)
            after = measure.cpu_s(peer.pids), measure.cpu_s(self.stores()), peer.count_flushes()
            result.web_cpu = (after[0] - before[0]) * 10_000 / result.answered
            result.store_cpu = (after[1] - before[1]) * 10_000 / result.answered
            result.pss_mib = measure.pss_mib(peer.pids)
            result.flushes = after[2] - before[2]
            if work == "callback" and isinstance(peer, Ours):
                self.check_calls(warm.answered + result.answered, loads=2)
        return result

    def browse(self, peer, seconds):
        """One peer under calls of the bank at a fixed rate while families browse as fast as they can."""
        with self.running(peer) as port, concurrent.futures.ThreadPoolExecutor(1) as pool:
            warm = self.load(port, self.warming("callback"), WARM_S, BROWSED_RATE)
            pages = pool.submit(self.load, port, "history", seconds + 2 * WARM_S, connections=BROWSERS)
            time.sleep(WARM_S)
            result = self.load(port, "callback", seconds, BROWSED_RATE)
            result.pages = pages.result()
            if isinstance(peer, Ours):
                self.check_calls(warm.answered + result.answered, loads=2)
        return result

    def in_turns(self, work, turns, measure_one):
        """A B C, A B C …: {peer's name: [result of each turn]}."""
        peers = self.peers(work)
        if work == "history":
            self.check_pages(peers)
        results = {peer.name: [] for peer in peers}
        for n in range(turns):
            for peer in peers:
                result = measure_one(peer)
                results[peer.name].append(result)
                print(f"{work} {n + 1}/{turns} {peer.name}: {result.per_second:.0f}/s, p99 {result.p99_us} µs, at most {result.max_us} µs",
                      file=sys.stderr, flush=True)
        return results

    def compare(self, work, turns, seconds, rate=None):
        return self.in_turns(work, turns, lambda peer: self.turn(peer, work, seconds, rate))

    def compare_browsing(self, turns, seconds):
        return self.in_turns("browsing", turns, lambda peer: self.browse(peer, seconds))
