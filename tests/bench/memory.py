"""Memory: dp-server while 64 connections are busy, and what an idle keep-alive connection costs it and others."""
import resource
import socket
import sys
import threading
import time
from types import SimpleNamespace

import measure
from peers import Fastify, Nginx, Ours
from web import CONNECTIONS

IDLE = (1, 100, 10_000)
SAMPLE_S, SETTLE_S, ANSWER_S = 0.1, 1, 30


class Watch(threading.Thread):
    """The highest PSS of a process tree while the block runs."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.over, self.peak_mib = pids, threading.Event(), 0

    def run(self):
        while not self.over.wait(SAMPLE_S):
            self.peak_mib = max(self.peak_mib, measure.pss_mib(self.pids))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def busy(web, seconds):
    """dp-server's peak under the calls of a whole turn, none of which a worker takes away."""
    peer = Ours(web.stack)
    with web.running(peer) as port, Watch(peer.pids) as watch:
        result = web.load(port, "callback", seconds)
        web.check_calls(result.answered)
    return SimpleNamespace(peak_mib=watch.peak_mib, calls=result.answered)


def ask(port, request):
    """A connection that had one answer and stays open."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
    connection.sendall(request)
    answer = b""
    while b"spcheckok" not in answer:
        answer += connection.recv(4096) or sys.exit(f"memory: an idle connection was closed: {answer!r}")
    return connection


def idle(web, peer):
    """MiB with so many idle connections, after a request each, and bytes for each beyond the first hundred."""
    calls = (call for call in web.requests["callback"].read_bytes().split(b"\0"))
    with web.running(peer) as port:
        connections, mib = [], []
        for count in IDLE:
            connections += [ask(port, next(calls)) for _ in range(count - len(connections))]
            time.sleep(SETTLE_S)
            mib.append(measure.pss_mib(peer.pids))
        if isinstance(peer, Ours):
            web.check_calls(len(connections))
        for connection in connections:
            connection.close()
    return SimpleNamespace(mib=mib, bytes_each=(mib[-1] - mib[-2]) * (1 << 20) / (IDLE[-1] - IDLE[-2]))


def compare(web, seconds):
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    assert files_max > IDLE[-1] + 500, f"{IDLE[-1]} connections need more files than the {files_max} that are allowed here"
    results = {"busy": busy(web, seconds)}
    print(f"memory: {CONNECTIONS} busy connections, {results['busy'].peak_mib:.1f} MiB", file=sys.stderr, flush=True)
    for peer in (Ours(web.stack), Nginx(), Fastify(web.environment)):
        results[peer.name] = idle(web, peer)
        print(f"memory: {peer.name}, {results[peer.name].bytes_each:.0f} bytes an idle connection", file=sys.stderr, flush=True)
    return results
