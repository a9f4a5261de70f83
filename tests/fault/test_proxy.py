"""Each misbehaviour of the proxy, seen from both ends of a connection through it."""
import socket
import threading
import time

import pytest
from proxy import ANSWERS_LOST, BLACK_HOLE, Proxy

pytestmark = pytest.mark.smoke
TIMEOUT_S = 20
SILENCE_S = 0.3


class Echo:
    """A server that answers what it heard, and remembers it."""

    def __init__(self, address):
        self.heard, self.listener = b"", socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.listener.bind(address if isinstance(address, str) else ("127.0.0.1", 0))
        self.listener.listen()
        self.address = address if isinstance(address, str) else self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            while chunk := peer.recv(1000):
                self.heard += chunk
                peer.sendall(chunk)
        except OSError:
            pass
        peer.close()


@pytest.fixture(params=["unix", "tcp"])
def ends(request, tmp_path):
    """The echo, the proxy, and a way to connect."""
    is_unix = request.param == "unix"
    echo = Echo(str(tmp_path / "echo")) if is_unix else Echo(0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = str(tmp_path / "front") if is_unix else probe.getsockname()[1]
    proxy = Proxy(listen, echo.address)
    proxy.start()

    def connect():
        client = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
        client.settimeout(TIMEOUT_S)
        client.connect(listen if is_unix else ("127.0.0.1", listen))
        return client

    yield echo, proxy, connect
    proxy.close()
    echo.listener.close()


def say(client, text):
    client.sendall(text)
    return client.recv(1000)


def ends_at_once(client):
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def is_silent(client):
    client.settimeout(SILENCE_S)
    try:
        client.recv(1000)
    except TimeoutError:
        client.settimeout(TIMEOUT_S)
        return True
    return False


def test_it_passes_on(ends):
    assert say(ends[2](), b"hello") == b"hello"


@pytest.mark.parametrize("act", [Proxy.cut, Proxy.reset])
def test_a_line_is_cut_and_the_next_one_is_good(ends, act):
    _, proxy, connect = ends
    client = connect()
    assert say(client, b"one") == b"one"
    act(proxy)
    assert ends_at_once(client)
    assert say(connect(), b"two") == b"two"


def test_half_of_a_line_is_closed(ends):
    echo, proxy, connect = ends
    client = connect()
    assert say(client, b"one") == b"one"
    proxy.half_close()
    assert client.recv(1000) == b""
    client.sendall(b"two")
    deadline = time.monotonic() + TIMEOUT_S
    while echo.heard != b"onetwo" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert echo.heard == b"onetwo"


def test_answers_are_lost_what_was_asked_is_done(ends):
    echo, proxy, connect = ends
    client = connect()
    proxy.swallow(ANSWERS_LOST)
    client.sendall(b"pay")
    assert is_silent(client) and echo.heard == b"pay"
    proxy.heal()
    assert ends_at_once(client)  # it never goes on behind a gap


def test_a_black_hole_swallows_both_ways(ends):
    echo, proxy, connect = ends
    client = connect()
    proxy.swallow(BLACK_HOLE)
    client.sendall(b"pay")
    assert is_silent(client) and echo.heard == b""
    proxy.heal()
    assert ends_at_once(client)
    assert say(connect(), b"again") == b"again"


def test_a_delay_delays(ends):
    _, proxy, connect = ends
    client, begun = connect(), time.monotonic()
    proxy.delay(0.2)
    assert say(client, b"slow") == b"slow"
    assert time.monotonic() - begun >= 0.4  # there and back


def test_nobody_behind_it_is_an_end(tmp_path):
    proxy = Proxy(str(tmp_path / "front"), str(tmp_path / "nobody"))
    proxy.start()
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(tmp_path / "front"))
    client.settimeout(TIMEOUT_S)
    assert ends_at_once(client)
    proxy.close()
