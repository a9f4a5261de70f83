"""What slows an attacker down and lets everybody else through: delays at the login, limits that hold over two servers,
and the login history with the end of the other sessions."""
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Client, Mails, forget_failures

HOME, NEIGHBOUR, ELSEWHERE = "192.0.2.1", "192.0.2.200", "198.51.100.1"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"


@pytest.fixture(scope="module")
def guarded():
    """Two servers behind a proxy: the tests say where a request comes from."""
    from conftest import finish, make_stack

    stack = make_stack(restart=False, servers=2, config_extra={
        "listen_extra": "trusted_proxies = 127.0.0.1\nrate_per_second = 1000\nrate_burst = 10000"})
    try:
        stack.start()
    except BaseException:
        stack.stop()
        raise
    yield stack
    finish(stack)


@pytest.fixture(autouse=True)
def forget(request):
    if "guarded" in request.fixturenames:
        forget_failures(request.getfixturevalue("guarded"))


def set_counters(stack, *fields):
    """As if there had been so many failures, or the delay ended then."""
    script = "for _, key in ipairs(redis.call('KEYS', 'dp:login:*')) do redis.call('HSET', key, unpack(ARGV)) end return 0"
    stack.redis("EVAL", script, "0", *fields)


def attempt(stack, login, password="wrong-password", address=HOME, agent=FIREFOX):
    client = Client(stack)
    headers = {"X-Forwarded-For": address, "User-Agent": agent}
    csrf = client.get("/connexion", **headers).page.fields["csrf"]
    answer = client.post("/connexion", {"identifiant": login, "mot_de_passe": password, "csrf": csrf}, **headers)
    answer.client = client
    return answer


def log_in(stack, login, **where):
    answer = attempt(stack, login, "demo-cantine-2026", **where)
    assert answer.status == 303, answer.text
    return answer.client


def wait_of(answer):
    assert answer.status == 429
    wait = int(answer.headers["Retry-After"])
    assert f"attendez {wait} seconde" in answer.text.replace("\u00a0", " ")
    return wait


def servers_that_logged(stack, text):
    return sum(text in (stack.state / f"log/dp-server-{n}.log").read_text() for n in range(stack.n_servers))


def test_the_first_three_failures_cost_nothing_then_1_2_4_seconds(guarded):
    started = time.monotonic()
    for _ in range(3):
        assert attempt(guarded, "durand").status == 422
    for seconds in (1, 2, 4):
        assert attempt(guarded, "durand").status == 422
        asked = time.monotonic()
        assert wait_of(attempt(guarded, "durand")) == seconds
        # The right password is not looked at either; nothing tells it from a wrong one.
        assert wait_of(attempt(guarded, "durand", "demo-cantine-2026")) <= seconds
        time.sleep(max(0, asked + seconds - time.monotonic()))
    log_in(guarded, "durand")
    assert time.monotonic() - started < 15
    assert servers_that_logged(guarded, "/connexion") == 2


def test_a_refused_attempt_keeps_the_login_and_is_quick(guarded):
    attempt(guarded, "durand")
    set_counters(guarded, "n", "8")
    attempt(guarded, "durand")
    started = time.monotonic()
    answer = attempt(guarded, "durand")
    assert 30 <= wait_of(answer) <= 32 and time.monotonic() - started < 1
    assert answer.page.fields["identifiant"] == "durand" and 'href="#mot_de_passe"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store" and "wrong-password" not in answer.text


def at_once(stack, password, count=30):
    """The statuses of so many logins that come together."""
    client = Client(stack)
    csrf = client.get("/connexion").page.fields["csrf"]
    fields = {"identifiant": "durand", "mot_de_passe": password, "csrf": csrf}
    with ThreadPoolExecutor(count) as threads:
        copies = [copy_of(client) for _ in range(count)]
        return [answer.status for answer in threads.map(lambda one: one.post("/connexion", fields, **{"X-Forwarded-For": HOME}), copies)]


def copy_of(client):
    copy = Client(client.stack)
    copy.cookies = dict(client.cookies)
    return copy


def test_guesses_that_come_together_tell_no_more_than_one_after_another(guarded):
    started = time.monotonic()
    statuses = at_once(guarded, "wrong-password")
    allowed = 4 + sum(time.monotonic() - started >= seconds for seconds in (1, 3, 7, 15))
    assert 4 <= statuses.count(422) <= allowed and set(statuses) == {422, 429}
    forget_failures(guarded)
    assert set(at_once(guarded, "demo-cantine-2026")) == {303}


def test_a_success_clears_the_counter(guarded):
    for _ in range(3):
        for _ in range(3):
            assert attempt(guarded, "martin").status == 422
        log_in(guarded, "martin")


def test_an_unknown_login_gets_the_same_answers(guarded):
    def answers(login):
        given = [attempt(guarded, login) for _ in range(5)]
        return [(answer.status, answer.headers.get("Retry-After"),
                 re.sub(r'name="csrf" value="[^"]*"', "", answer.text.replace(login, "LOGIN"))) for answer in given]

    assert answers("durand") == answers("nobody")


def test_other_spellings_of_a_login_share_its_counter(guarded):
    for spelling in ("durand", "DURAND", " Durand "):
        assert attempt(guarded, spelling).status == 422
    # What the database's collation would take for the same login is none.
    for spelling in ("dürand", "du\u00adrand", "ｄurand", "du\x01rand"):
        assert attempt(guarded, spelling, "demo-cantine-2026").status == 422
    assert attempt(guarded, "dUrAnD").status == 422
    assert wait_of(attempt(guarded, "durand")) == 1


def test_another_network_is_not_affected(guarded):
    for _ in range(4):
        attempt(guarded, "durand")
    assert attempt(guarded, "durand", address=NEIGHBOUR).status == 429
    log_in(guarded, "durand", address=ELSEWHERE)
    assert attempt(guarded, "martin").status == 422
    # The success elsewhere has not helped the attacker.
    time.sleep(1)
    assert attempt(guarded, "durand").status == 422
    assert wait_of(attempt(guarded, "durand")) == 2


def test_a_new_password_by_mail_ends_the_delay(guarded):
    for _ in range(4):
        attempt(guarded, "commensal")
    assert attempt(guarded, "commensal").status == 429
    client = Client(guarded)
    assert client.submit("/mot-de-passe-oublie", {"identifiant": "commensal"}).status == 200
    mail = Mails(guarded).wait_for("/mot-de-passe/", 1)[0]
    path = re.search(r"/mot-de-passe/[\w-]{43}", mail["text"]).group()
    fields = {"mot_de_passe": "demo-cantine-2026", "confirmation": "demo-cantine-2026", "csrf": client.get(path).page.fields["csrf"]}
    set_counters(guarded, "n", "12", "until", "9000000000000000")
    assert attempt(guarded, "commensal").status == 429
    assert client.post(path, fields, **{"X-Forwarded-For": HOME}).status == 303
    log_in(guarded, "commensal")


def test_without_redis_nobody_logs_in_and_nobody_is_told_to_wait(own_stack):
    stack = own_stack(workers=0)
    client = Client(stack)
    csrf = client.get("/connexion").page.fields["csrf"]
    stack.children["redis"].stop()
    assert client.get("/connexion").status == 200 and client.get("/aide").status == 200
    for _ in range(5):
        answer = client.post("/connexion", {"identifiant": "durand", "mot_de_passe": "wrong-password", "csrf": csrf})
        assert answer.status == 503


def test_the_limit_of_pages_holds_over_two_servers(own_stack):
    burst = 40
    stack = own_stack(servers=2, workers=0, config_extra={
        "listen_extra": f"trusted_proxies = 127.0.0.1\nrate_per_second = 1\nrate_burst = {burst}"})

    def get_many(address, path, count):
        client = Client(stack)
        return [client.get(path, **{"X-Forwarded-For": address}) for _ in range(count)]

    started = time.monotonic()
    answers = get_many(HOME, "/aide", 3 * burst)
    passed = sum(answer.status == 200 for answer in answers)
    assert burst <= passed <= burst + 1 + time.monotonic() - started
    assert {answer.status for answer in answers} == {200, 429} and "Retry-After" in answers[-1].headers
    assert servers_that_logged(stack, "/aide") == 2
    assert get_many(NEIGHBOUR, "/aide", 1)[0].status == 200
    style = re.search(r"/statique/site\.[0-9a-f]{16}\.css", answers[0].text).group()
    assert {answer.status for answer in get_many(HOME, style, burst)} == {200}
    assert {answer.status for answer in get_many(HOME, "/banque/spplus?hmac=00", burst)} == {403}
    # One server is enough for its own limit when nobody can be asked.
    stack.children["redis"].stop()
    assert 1 <= sum(answer.status == 200 for answer in get_many(ELSEWHERE, "/aide", 4 * burst)) <= 2 * burst + 6


# --- the login history -------------------------------------------------------------------------------------------------


def rows(page):
    cells = re.findall(r'<td role="cell" data-label="(?:Résultat|Adresse|Navigateur)"[^>]*>(.*?)</td>', page.text)
    cells = [re.sub(r"<[^>]*>", "", cell) for cell in cells]
    return [tuple(cells[i:i + 3]) for i in range(0, len(cells), 3)]


def test_the_login_history_tells_in_words(guarded):
    guarded.sql("DELETE FROM login_history")
    log_in(guarded, "martin", address="2001:db8:12:34::1", agent=SAFARI)
    attempt(guarded, "martin", address=ELSEWHERE, agent="<script>alert(1)</script>")
    attempt(guarded, "durand")
    page = log_in(guarded, "martin").get("/historique/connexions", **{"X-Forwarded-For": HOME})
    assert page.status == 200
    assert rows(page) == [("Réussie", "192.0.2.…", "Firefox sur Windows"),
                          ("Mot de passe refusé", "198.51.100.…", "Navigateur inconnu"),
                          ("Réussie", "2001:db8:12:…", "Safari sur iPhone")]
    for part in (HOME, ELSEWHERE, "Mozilla", "alert"):
        assert part not in page.text


def test_the_login_history_is_followed_by_key(guarded):
    guarded.sql("DELETE FROM login_history")
    guarded.sql("INSERT INTO login_history (user_id, at, success, address) SELECT u.id, '2026-01-01 00:00:00' + INTERVAL (s.seq DIV 3) SECOND, "
                "1, CONCAT('10.0.', s.seq, '.1') FROM users u, seq_0_to_59 s WHERE u.login = 'martin'")
    client = log_in(guarded, "martin")
    shown, path = [], "/historique/connexions"
    while path:
        page = client.get(path, **{"X-Forwarded-For": HOME})
        shown += [address for _, address, _ in rows(page)]
        assert len(rows(page)) <= 25
        older = re.search(r'href="(/historique/connexions\?avant=[\d.]+)"', page.text)
        path = older.group(1) if older else None
    assert shown == ["192.0.2.…"] + [f"10.0.{n}.…" for n in range(59, -1, -1)]
    for key in ("1", "x.1", "1.x", "99999999999999999999.1", "."):
        assert client.get(f"/historique/connexions?avant={key}").status == 400


def test_the_other_devices_are_logged_out(guarded):
    mine, other, third = (log_in(guarded, "martin") for _ in range(3))
    stranger = log_in(guarded, "durand")
    assert other.get("/accueil").status == third.get("/accueil").status == 200
    assert mine.post("/historique/connexions/deconnecter", {"csrf": "x"}).status == 403
    assert other.get("/accueil").status == 200
    assert mine.get("/historique/connexions/deconnecter").status == 405
    answer = mine.submit("/historique/connexions/deconnecter", {}, form="/historique/connexions")
    assert answer.status == 303 and answer.location.startswith("/historique/connexions?")
    page = mine.get(answer.location)
    assert page.status == 200 and "Vos autres appareils sont déconnectés." in page.text
    for client in (other, third):
        assert client.get("/accueil").location == "/connexion?session=expiree"
    assert stranger.get("/accueil").status == 200
    assert Client(guarded).post("/historique/connexions/deconnecter", {}).location == "/connexion"
