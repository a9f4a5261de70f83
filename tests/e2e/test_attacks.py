"""Attacks on sessions, forms, connections and the bank's address; and what must hold while parts hang or the program ends."""
import concurrent.futures
import hashlib
import http.client
import os
import resource
import secrets
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest
import spplus
from client import Client, Parent, forget_failures, until
from conftest import finish, make_stack

NEW_PASSWORD = "girafe-bleue-42-volante"
CALL = [("siret", "00000000000001-01"), ("reference", "dem20260101000000aaa"), ("montant", "15.50")]


def login_form(client, login, password):
    csrf = client.get("/connexion").page.fields["csrf"]
    return {"identifiant": login, "mot_de_passe": password, "csrf": csrf}


def forget_failures(stack):
    """Failed logins are counted by name and network; the tests share both."""
    stack.redis("EVAL", "for _, k in ipairs(redis.call('KEYS', 'dp:login:*')) do redis.call('DEL', k) end return 0", "0")


def call(**changes):
    """A well-sealed call of the bank, different from every other."""
    fields = [(name, changes.get(name, value)) for name, value in CALL]
    return spplus.sealed(fields + [("etat", "1"), ("refsfp", str(10 ** 7 + secrets.randbelow(9 * 10 ** 7))), *changes.get("more", [])])


def ask_bank_path(stack, raw, timeout=5):
    """The answer's status and text, or None if the connection was closed without one."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports["http"], timeout=timeout)
    try:
        connection.request("POST", "/banque/spplus", raw)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return None
    finally:
        connection.close()


def head_and_body(method, path, fields, cookies):
    body = urllib.parse.urlencode(fields) if fields else ""
    jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return (f"{method} {path} HTTP/1.1\r\nHost: a\r\nCookie: {jar}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def send_and_reset(port, data):
    """Sends and is gone at once, with a reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sendall(data)


@pytest.fixture
def commensal(stack):
    """The third login; its password is put back after the test."""
    stored = stack.sql("SELECT password_hash FROM users WHERE login = 'commensal'")[0][0]
    yield Parent(stack, "commensal")
    stack.sql(f"UPDATE users SET password_hash = '{stored}' WHERE login = 'commensal'")
    stack.sql("DELETE FROM password_tokens")


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_chosen_by_somebody_else_is_never_taken(stack):
    planted = Client(stack)
    planted.cookies = {"session": "A" * 43, "visite": "B" * 22}
    form = login_form(planted, "durand", "demo-cantine-2026")
    assert planted.post("/connexion", form).status == 303
    assert planted.cookies["session"] != "A" * 43
    thief = Client(stack)
    thief.cookies = {"session": "A" * 43}
    assert thief.get("/accueil").location == "/connexion?session=expiree"


def test_a_second_login_has_another_session(stack, durand):
    first = durand.cookies["session"]
    durand.cookies.pop("session")
    assert durand.log_in().cookies["session"] != first


def test_logging_out_ends_the_session_itself(stack, durand):
    kept = dict(durand.cookies)
    assert durand.submit("/deconnexion", {}, form="/coordonnees").location == "/connexion?session=fermee"
    durand.cookies = kept
    assert durand.get("/accueil").status == 303


@pytest.mark.parametrize("cookie", ["", "x", "A" * 42, "A" * 43, "=" * 43, '"' + "A" * 43 + '"', "A" * 4000, "%00", "../../x", "é"])
def test_cookies_that_are_no_session(stack, cookie):
    client = Client(stack)
    client.cookies = {"session": cookie.encode().decode("latin-1")}
    assert client.get("/accueil").status == 303
    assert client.get("/aide").status == 200


def test_changing_the_password_ends_the_other_sessions(stack, commensal):
    other, thief = Parent(stack, "commensal").log_in(), Client(stack)
    commensal.log_in()
    thief.cookies = dict(commensal.cookies)
    answer = commensal.submit("/mot-de-passe", {"mot_de_passe_actuel": commensal.password, "mot_de_passe": NEW_PASSWORD, "confirmation": NEW_PASSWORD})
    assert (answer.status, answer.location) == (303, "/accueil?mot-de-passe=enregistre")
    assert commensal.get("/accueil").status == 200
    assert other.get("/accueil").status == 303 and thief.get("/accueil").status == 303


def test_a_password_changed_behind_the_servers_back_ends_the_sessions(stack, commensal):
    commensal.log_in()
    stack.sql("UPDATE users SET password_hash = CONCAT(password_hash, 'x') WHERE login = 'commensal'")
    assert commensal.get("/accueil").location == "/connexion?session=expiree"


def test_a_login_under_way_while_the_password_changes_opens_nothing(stack, commensal):
    form = login_form(commensal, "commensal", commensal.password)
    lock = subprocess.Popen(["mariadb", "--no-defaults", f"--socket={stack.db_socket}", "-uroot", "demi_pension"], stdin=subprocess.PIPE)
    lock.stdin.write(b"LOCK TABLES login_history WRITE;\n")
    lock.stdin.flush()
    until("the lock", lambda: stack.sql("SHOW OPEN TABLES IN demi_pension LIKE 'login_history'")[0][2] == "1")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(commensal.post, "/connexion", form)
        until("the old password was found good", lambda: "login_history" in str(stack.sql("SHOW FULL PROCESSLIST")))
        stack.sql("UPDATE users SET password_hash = CONCAT(password_hash, 'x') WHERE login = 'commensal'")
        lock.communicate(b"UNLOCK TABLES;\n")
        answer.result()
    assert commensal.get("/accueil").status == 303


# --- passwords --------------------------------------------------------------------------------------------------------


def make_link(stack, login, minutes=30):
    token = secrets.token_urlsafe(32)
    stack.sql("INSERT INTO password_tokens (token_hash, user_id, expires_at) SELECT "
              f"UNHEX('{hashlib.sha256(token.encode()).hexdigest()}'), id, UTC_TIMESTAMP(6) + INTERVAL {minutes} MINUTE FROM users WHERE login = '{login}'")
    return f"/mot-de-passe/{token}"


def test_a_password_link_works_once_however_many_press_at_once(stack, commensal):
    commensal.log_in()
    link, older = make_link(stack, "commensal"), make_link(stack, "commensal")
    clients = [Client(stack) for _ in range(4)]
    forms = [{"csrf": client.get(link).page.fields["csrf"], "mot_de_passe": NEW_PASSWORD, "confirmation": NEW_PASSWORD} for client in clients]
    assert Client(stack).get(link).status == 200  # opening it uses nothing up
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = sorted(pool.map(lambda pair: pair[0].post(link, pair[1]).status, zip(clients, forms)))
    assert answers == [303, 410, 410, 410]
    assert clients[0].post(link, forms[0]).status == 410 and Client(stack).get(link).status == 410
    assert Client(stack).get(older).status == 410, "a link in another mail still opens the account"
    assert commensal.get("/accueil").status == 303


def test_changing_the_password_voids_the_links(stack, commensal):
    link = make_link(stack, "commensal")
    commensal.log_in().submit("/mot-de-passe", {"mot_de_passe_actuel": commensal.password, "mot_de_passe": NEW_PASSWORD, "confirmation": NEW_PASSWORD})
    assert Client(stack).get(link).status == 410


def test_links_that_open_nothing(stack, commensal):
    assert Client(stack).get(make_link(stack, "commensal", minutes=-1)).status == 410
    for token in ("A", "A" * 42, "A" * 44, "%00", "A" * 42 + "%3d", "'%20OR%201=1--"):
        assert Client(stack).get("/mot-de-passe/" + token).status in (404, 410)


def test_an_unknown_login_takes_as_long_as_a_known_one(stack):
    def seconds(login):
        client = Client(stack)
        form = login_form(client, login, "wrong-password")
        forget_failures(stack)
        start = time.monotonic()
        assert client.post("/connexion", form).status == 422
        return time.monotonic() - start

    known, unknown = [], []
    for _ in range(9):
        forget_failures(stack)
        known.append(seconds("durand"))
        unknown.append(seconds("nobody"))
    forget_failures(stack)
    assert 0.5 < statistics.median(unknown) / statistics.median(known) < 2


# --- what a browser's address may say ---------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["//evil.example", "https://evil.example", "%0d%0aSet-Cookie:x=y", "..%2f..%2fconnexion", "\\\\evil.example", "%ff",
                                       "dem20260101000000aaa%0a"])
def test_the_return_from_the_bank_leads_nowhere_else(durand, reference):
    answer = durand.get(f"/retour-banque?reference={reference}")
    assert answer.location == "/historique" and "Set-Cookie" not in answer.headers


def test_a_forwarding_header_of_anybody_is_not_believed(stack):
    client = Client(stack)
    form = login_form(client, "durand", "wrong-password")
    forget_failures(stack)
    for name, value in (("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("X-Real-IP", "203.0.113.9")):
        forget_failures(stack)
        assert client.post("/connexion", form, **{name: value}).status == 422
    forget_failures(stack)
    assert "203.0.113.9" not in str(stack.sql("SELECT DISTINCT address FROM login_history"))


SMUGGLED = b"GET /aide HTTP/1.1\r\nHost: a\r\n\r\n"
SMUGGLING = [
    b"Content-Length: 5\r\nContent-Length: 0", b"Content-Length: 0, 5", b"Content-Length: +0", b"Content-Length: -1", b"Content-Length: 0x0",
    b"Content-Length : 0", b"Content-Length: 18446744073709551616", b"Content-Length:\r\n 0", b"Transfer-Encoding: chunked\r\nContent-Length: 0",
    b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Transfer-Encoding : chunked", b"Transfer-Encoding: \x0bchunked",
    b"X: a\rTransfer-Encoding: chunked", b"X: a\nTransfer-Encoding: chunked", b"X: \x00", b" X: a", b"X", b": a", b"Host: b", b"X\xff: a",
]


@pytest.mark.parametrize("head", SMUGGLING)
def test_a_request_in_a_request_is_never_answered(stack, head):
    request = b"POST /banque/spplus HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n" + SMUGGLED
    with socket.create_connection(("127.0.0.1", stack.ports["http"]), timeout=5) as peer:
        peer.sendall(request)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), answer[:100]
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("body", [b"5\r\nabcde\r\n0\r\nX: y\r\n\r\n", b"5;a=b\r\nabcde\r\n0\r\n\r\n", b"5\nabcde\n0\n\n", b"-5\r\nabcde\r\n0\r\n\r\n",
                                  b"0x5\r\nabcde\r\n0\r\n\r\n", b"ffffffffffffffff1\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n"])
def test_bodies_in_odd_chunks(stack, body):
    with socket.create_connection(("127.0.0.1", stack.ports["http"]), timeout=5) as peer:
        peer.sendall(b"POST /banque/spplus HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body + SMUGGLED)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1


# --- the bank's address -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["", "x", "&" * 70, "hmac=" + "0" * 40, "=" * 100, "siret=00000000000001-01", "%00%ff", "a" * 9000,
                                 "&".join(f"a{n}=1" for n in range(1000)), call() + "0", call() + "&hmac=" + "0" * 40, call().replace("etat=1", "etat=2"),
                                 call().split("&hmac")[0]])
def test_calls_without_a_good_seal_leave_nothing(stack, raw):
    before = stack.redis("XLEN", "dp:events")
    assert ask_bank_path(stack, raw)[0] == 403
    assert stack.redis("XLEN", "dp:events") == before


def test_the_banks_address_knows_no_cookies(stack, durand):
    answer = durand.request("POST", "/banque/spplus", call())
    assert (answer.status, answer.text) == (200, "spcheckok") and "Set-Cookie" not in answer.headers


# --- connections that go away -----------------------------------------------------------------------------------------


def test_clients_that_leave_in_the_middle(stack, durand):
    csrf = durand.get("/crediter").page.fields["csrf"]
    visitor = Client(stack)
    requests = [
        head_and_body("POST", "/connexion", login_form(visitor, "durand", "demo-cantine-2026"), visitor.cookies),
        head_and_body("POST", "/crediter", {"csrf": csrf, "type": "avance", "compte": durand.accounts()[0], "montant": "5,00",
                                            "courriel": "a@example.org"}, durand.cookies),
        head_and_body("GET", "/historique", None, durand.cookies),
        head_and_body("POST", "/mot-de-passe-oublie", login_form(visitor, "x", ""), visitor.cookies),
        *(f"GET /banque/spplus?{raw} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for raw in (call(), call(siret="1"), "x")),
    ]
    pid = stack.children["dp-server-0"].pid
    for data in requests:
        for length in {1, 20, len(data) // 2, len(data) - 1, len(data)}:
            send_and_reset(stack.ports["http"], data[:length])
        send_and_reset(stack.ports["http"], data * 3)
    assert durand.get("/accueil").status == 200
    assert stack.children["dp-server-0"].pid == pid and stack.children["dp-server-0"].alive()


def test_the_largest_form_is_drawn_or_refused(stack, commensal):
    """Twenty lines, two hundred claims with the longest labels, every character of them escaped."""
    account, school = stack.sql("SELECT p.account_id, u.school_id FROM users u JOIN account_payers p ON p.user_id = u.id WHERE u.login = 'commensal'")[0]
    stack.sql("INSERT INTO claims (school_id, account_id, number, label, amount_cents) "
              f"SELECT {school}, {account}, CONCAT('big-', seq), REPEAT('<', 160), 100 FROM seq_1_to_200")
    try:
        commensal.log_in()
        fields = {"csrf": commensal.get("/coordonnees").page.fields["csrf"], "type": "creance", "commentaires": "<" * 11000}
        for n in range(1, 21):
            suffix = "" if n == 1 else f"_{n}"
            fields |= {"compte" + suffix: account, "creance" + suffix: "1", "montant" + suffix: "'" * 300}
        assert commensal.post("/crediter", fields).status in (422, 500)
        assert commensal.get("/accueil").status == 200
        assert stack.children["dp-server-0"].alive()
    finally:
        stack.sql("DELETE FROM claims WHERE number LIKE 'big-%'")


# --- parts that hang, and the end of the program ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd_stack():
    """Without a worker: what the server sent stays in the stream. Each test leaves the server running."""
    stack = make_stack(restart=False, workers=0,
                       config_extra={"listen_extra": "rate_burst = 10000\nconnections_per_address_max = 500"})
    try:
        stack.start()
        yield stack
    finally:
        finish(stack)


def await_end(stack):
    """The server ends by itself; another one takes its place."""
    assert stack.children["dp-server-0"].process.wait(20) == 0
    stack.start_server(0)


def test_more_logins_than_can_be_hashed(crowd_stack):
    stack = crowd_stack
    visitor = Client(stack)
    form = login_form(visitor, "durand", "wrong-password")
    peers = [socket.create_connection(("127.0.0.1", stack.ports["http"]), timeout=20) for _ in range(140)]
    for n, peer in enumerate(peers):
        peer.sendall(head_and_body("POST", "/connexion", {**form, "identifiant": f"nobody{n}"}, visitor.cookies))
    codes = [int(peer.recv(4096).split()[1]) for peer in peers]
    for peer in peers:
        peer.close()
    assert 503 in codes and set(codes) <= {422, 429, 503}
    forget_failures(stack)
    assert Parent(stack, "durand").log_in().get("/accueil").status == 200


def test_a_journal_that_cannot_write(crowd_stack):
    """Acknowledged by a Redis that forgets nothing, and by nobody else."""
    stack = crowd_stack
    server = stack.children["dp-server-0"]
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        raw = call()
        assert ask_bank_path(stack, raw) == (200, "spcheckok")
        assert raw in stack.redis("XRANGE", "dp:events", "-", "+")
        stack.children["redis"].send_signal(signal.SIGSTOP)
        start = time.monotonic()
        assert ask_bank_path(stack, call()) is None
        assert time.monotonic() - start < 3
    finally:
        stack.children["redis"].send_signal(signal.SIGCONT)
    assert server.alive()
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until("the journal writes again", lambda: ask_bank_path(stack, call()) == (200, "spcheckok")
          and "dp_journal_failing 0" in Client(stack, stack.ports["admin"]).get("/metrics").text)


def test_the_end_of_the_program_waits_for_handlers_without_a_client(crowd_stack):
    """The database hangs; clients ask and go away; the program is told to end; the database goes on."""
    stack = crowd_stack
    server, parent, visitor = stack.children["dp-server-0"], Parent(stack, "durand").log_in(), Client(stack)
    login = head_and_body("POST", "/connexion", login_form(visitor, "durand", "demo-cantine-2026"), visitor.cookies)
    stopped = threading.Event()

    def watch():
        while not stopped.is_set():
            for path in ("/readyz", "/metrics"):
                try:
                    Client(stack, stack.ports["admin"]).get(path)
                except OSError:
                    pass

    forget_failures(stack)
    stack.children["mariadb"].send_signal(signal.SIGSTOP)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for _ in range(3):
        send_and_reset(stack.ports["http"], login)
        send_and_reset(stack.ports["http"], head_and_body("GET", "/accueil", None, parent.cookies))
        send_and_reset(stack.ports["http"], f"GET /banque/spplus?{call(siret='2')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    until("all of them were read", lambda: '"database":' in Client(stack, stack.ports["admin"]).get("/readyz").text)
    time.sleep(0.3)
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(0.5)
    stack.children["mariadb"].send_signal(signal.SIGCONT)
    try:
        await_end(stack)
    finally:
        stopped.set()
        watcher.join()


def test_no_request_is_cut_when_the_program_ends(crowd_stack):
    stack = crowd_stack
    visitor = Client(stack)
    form = login_form(visitor, "", "demo-cantine-2026")
    logins = [head_and_body("POST", "/connexion", {**form, "identifiant": login}, visitor.cookies) for login in ("durand", "martin", "commensal")]
    raw = f"GET /banque/spplus?{call()} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    peers = [socket.create_connection(("127.0.0.1", stack.ports["http"]), timeout=20) for _ in range(18)]
    forget_failures(stack)
    for n, peer in enumerate(peers):
        peer.sendall(raw if n % 2 else logins[n // 2 % 3])
    for _ in range(2):  # whoever is told twice drains all the same
        os.kill(stack.children["dp-server-0"].pid, signal.SIGTERM)
        time.sleep(0.01)
    answers = [peer.recv(4096) for peer in peers]
    assert [int(answer.split()[1]) for answer in answers] == [303, 200] * 9
    # what was answered before the signal did not say "close" yet, but its connection ends as well
    assert all(peer.recv(4096) == b"" for peer in peers)
    await_end(stack)


def test_calls_for_a_contract_whose_key_cannot_be_opened_are_kept(crowd_stack):
    """Nobody can judge them here: the worker does. A forgery among them does not stand in the genuine call's place."""
    stack, raw = crowd_stack, call()
    forged = raw[:-1] + ("0" if raw[-1] != "0" else "1")

    def restart(sealed_key):
        assert stack.children.pop("dp-server-0").stop() == 0
        stack.sql(f"UPDATE bank_contracts SET sealed_key = UNHEX('{sealed_key}')")
        stack.start_server(0)

    stored = stack.sql("SELECT HEX(sealed_key) FROM bank_contracts")[0][0]
    before = int(stack.redis("XLEN", "dp:events"))
    restart("00" * 64)
    try:
        assert ask_bank_path(stack, forged) == ask_bank_path(stack, raw) == (200, "spcheckok")
        assert ask_bank_path(stack, raw.partition("&hmac=")[0])[0] == 403  # no bank sends such a one, and it has the genuine call's id
        assert int(stack.redis("XLEN", "dp:events")) == before + 2
        assert ask_bank_path(stack, raw.replace("00000000000001-01", "00000000000009-09"))[0] == 403
    finally:
        restart(stored)
    assert ask_bank_path(stack, raw) == (200, "spcheckok")
    assert ask_bank_path(stack, forged)[0] == 403
    entries = stack.redis("XRANGE", "dp:events", "-", "+")
    assert int(stack.redis("XLEN", "dp:events")) == before + 3 and raw in entries and forged in entries
