"""After login one lands where one wanted to go; the session's end is told in time to put it off, without script."""
import re
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import screen
from client import PASSWORD, Client, Parent
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from test_story import arrive, click, log_in, type_into

IDLE_S, WARNING_S = 12, 4  # of the short sessions: a third of the time is the warning


def log_in_from(client, login="durand"):
    """Where the login form leads."""
    page = client.get("/connexion").page
    answer = client.post("/connexion", {"identifiant": login, "mot_de_passe": PASSWORD, "csrf": page.fields["csrf"]})
    assert answer.status == 303
    return answer


def set_cookies(answer):
    return {cookie.partition("=")[0]: cookie for cookie in answer.headers.get_all("Set-Cookie") or []}


def lose_session(stack, parent):
    """As after half an hour without a page."""
    for key in stack.redis("KEYS", "dp:session:*").split():
        stack.redis("DEL", key)
    return parent


# --- landing ----------------------------------------------------------------------------------------------------------

WANTED = ["/coordonnees", "/crediter", "/crediter?creance=1", "/historique?etat=valides&annee=2026", "/historique/connexions",
          "/historique/attestation?annee=2026", "/mes-donnees", "/session", "/mot-de-passe", "/paiement/dem20260101000000AAA"]


@pytest.mark.parametrize("path", WANTED)
def test_the_login_leads_where_one_wanted_to_go(stack, path):
    visitor = Client(stack)
    answer = visitor.get(path)
    assert (answer.status, answer.location) == (303, "/connexion")
    assert set_cookies(answer)["suite"] == f"suite={path}; Path=/; HttpOnly; SameSite=Lax; Max-Age=900"
    assert "Connectez-vous pour ouvrir la page demandée." in visitor.get("/connexion").text
    answer = log_in_from(visitor)
    assert answer.location == path
    assert "Max-Age=0" in set_cookies(answer)["suite"] and "suite" not in visitor.cookies
    assert visitor.get(path).status == (404 if "AAA" in path else 200)


@pytest.mark.parametrize("path, landing", [
    ("/historique/paiements.csv?annee=2026", "/historique"), ("/paiement/dem20260101000000AAA/recu.pdf", "/paiement/dem20260101000000AAA"),
    ("/accueil", "/accueil"), ("/", "/accueil"), ("/mes-donnees.zip", "/accueil"), ("/accueil?coordonnees=enregistrees", "/accueil"),
    ("/crediter?x=%0d%0aSet-Cookie:%20a=b", "/crediter"), ("/crediter?x=//evil.example", "/crediter"), ("/cr%65diter", "/accueil"),
    ("/historique?x=" + "a" * 3000, "/historique"), ("/mot-de-passe/" + "A" * 43, "/accueil"), ("/aide", "/accueil")],
    ids=lambda value: value[:40])
def test_files_and_other_addresses(stack, path, landing):
    visitor = Client(stack)
    visitor.get(path)
    assert log_in_from(visitor).location == landing


@pytest.mark.parametrize("value", [
    "//evil.example", "//evil.example/crediter", "/\\evil.example", "https://evil.example/", "/%2f/evil.example", "/crediter//evil.example",
    "/crediter%0d%0aX:y", "/crediter?x=%0d%0aX:y", "/deconnexion", "/connexion", "/nulle-part", "/mes-donnees.zip", "/mot-de-passe/" + "A" * 43,
    "!//evil.example", "!!/crediter", "javascript:alert(1)", "/paiement/..", "crediter", "", "!", "/crediter?x=" + "a" * 3000, "/@evil.example",
    "/crediter#//evil.example", "\u00e9"], ids=lambda value: value[:40])
def test_a_planted_address_leads_nowhere(stack, value):
    visitor = Client(stack)
    visitor.cookies["suite"] = value.encode().decode("latin-1")
    assert "page demandée" not in visitor.get("/connexion").text
    answer = log_in_from(visitor)
    assert answer.location == "/accueil" and "X" not in answer.headers


def test_the_last_wish_counts(stack):
    visitor = Client(stack)
    visitor.get("/crediter")
    visitor.get("/historique")
    assert visitor.cookies["suite"] == "/historique"
    visitor.get("/accueil")
    assert "suite" not in visitor.cookies


def test_a_wrong_password_does_not_lose_the_way(stack):
    visitor = Client(stack)
    visitor.get("/historique")
    answer = visitor.submit("/connexion", {"identifiant": "quelqu-un-d-autre", "mot_de_passe": "x"})
    assert answer.status == 422 and "Connectez-vous pour ouvrir la page demandée." in answer.text
    assert log_in_from(visitor).location == "/historique"


def test_what_was_typed_when_the_session_had_ended_is_said_to_be_lost(stack):
    parent = Parent(stack, "durand").log_in()
    page = parent.get("/crediter").page
    before = stack.sql("SELECT COUNT(*) FROM transactions")
    lose_session(stack, parent)
    answer = parent.post("/crediter", {"csrf": page.fields["csrf"], "type": "avance", "montant": "15"})
    assert (answer.status, answer.location) == (303, "/connexion?session=expiree")
    text = parent.get(answer.location).text
    assert "Votre session avait expiré\u00a0: ce que vous veniez d'envoyer n'a pas été enregistré et n'a déclenché aucun paiement." in text
    assert text.count('role="status"') == 1 and stack.sql("SELECT COUNT(*) FROM transactions") == before
    assert log_in_from(parent).location == "/crediter"


def test_a_payment_sent_when_the_session_had_ended_is_found_again(stack):
    parent = Parent(stack, "durand").log_in()
    reference = parent.credit("8,88")
    lose_session(stack, parent)
    parent.post(f"/paiement/{reference}/payer", {"moyen": "CBS", "csrf": "x"})
    assert log_in_from(parent).location == f"/paiement/{reference}"
    assert parent.state(reference) == "CREATED"


def test_an_expired_page_says_where_the_login_leads(stack):
    parent = Parent(stack, "durand").log_in()
    lose_session(stack, parent)
    text = parent.get(parent.get("/historique").location).text
    assert "après un temps sans activité. Connectez-vous de nouveau\u00a0: vous retrouverez la page demandée." in text
    assert "n'a pas été enregistré" not in text


def test_a_first_password_comes_before_the_page(stack):
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, email) SELECT school_id, "
              "'nouvelle', 'nouvelle', role, password_hash, TRUE, 'Nouvelle', 'n@example.org' FROM users WHERE login = 'martin'")
    visitor = Client(stack)
    visitor.get("/historique?annee=2026")
    assert log_in_from(visitor, "nouvelle").location == "/mot-de-passe"
    assert visitor.cookies["suite"] == "/historique?annee=2026"
    mine = {"mot_de_passe": "trois tasses de chocolat", "confirmation": "trois tasses de chocolat"}
    answer = visitor.submit("/mot-de-passe", mine)
    assert answer.location == "/historique?annee=2026&mot-de-passe=enregistre" and "suite" not in visitor.cookies
    assert "Votre nouveau mot de passe est enregistré." in visitor.get(answer.location).text
    # the page of the password itself is not asked for twice
    stack.sql("UPDATE users SET must_change_password = TRUE WHERE login = 'nouvelle'")
    visitor = Client(stack)
    visitor.get("/mot-de-passe")
    page = visitor.get("/connexion").page
    visitor.post("/connexion", {"identifiant": "nouvelle", "mot_de_passe": mine["mot_de_passe"], "csrf": page.fields["csrf"]})
    other = {"mot_de_passe": "quatre tasses de chocolat", "confirmation": "quatre tasses de chocolat"}
    assert visitor.submit("/mot-de-passe", other).location == "/accueil?mot-de-passe=enregistre"


def test_logging_out_forgets(stack, durand):
    durand.cookies["suite"] = "/historique"
    answer = durand.submit("/deconnexion", {}, form="/coordonnees")
    assert "Max-Age=0" in set_cookies(answer)["suite"] and "suite" not in durand.cookies


# --- the end of the session -------------------------------------------------------------------------------------------


def clock(text):
    """Seconds until the warning and until the end, as a page's sheets say them."""
    (soon, over), = re.findall(r'href="/session/(\d+)-(\d+)\.css"', text) or [(1500, 1800)]  # what site.css says
    return int(soon), int(over)


def test_the_usual_half_hour_needs_no_sheet(durand):
    text = durand.get("/accueil").text
    css = durand.get(re.search(r'href="(/statique/site\.\w+\.css)"', text).group(1)).text
    assert "--soon:1500s;--over:1800s}" in css and "/session/" not in text


def test_every_page_of_somebody_carries_its_warning(durand, stack):
    for path in ("/accueil", "/crediter", "/historique", "/aide", "/session", "/mes-donnees", "/nulle-part"):
        text = durand.get(path).text
        if path == "/nulle-part":  # drawn without a look at the session
            assert "/session" not in text
            continue
        assert clock(text) == (1500, 1800) and "Votre session se termine dans 5 minutes environ." in text
        assert re.search(r'<div class="session" aria-live="assertive">', text) and '<a class="button" href="/session" target="_blank"' in text
    assert "/session" not in Client(stack).get("/aide").text.replace("#session", "")


def test_the_sheet_is_the_same_for_all_and_closed_to_others(stack):
    answer = Client(stack).get("/session/1500-1800.css")
    assert answer.text == ":root{--soon:1500s;--over:1800s}\n" and answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"] and "Set-Cookie" not in answer.headers
    for name in ("1500-1800", "1500-1800.js", "1500.css", "-1.css", "a-b.css", "1500-1800-1.css", "1500-99999999.css", "1500-1800.css.css",
                 "1e3-2.css", "%20-1.css", "1}-1.css"):
        assert Client(stack).get(f"/session/{name}").status == 404, name


def test_the_longest_life_of_a_session_is_said(stack):
    parent = Parent(stack, "durand").log_in()
    text = parent.get("/session").text
    assert "Vous êtes reconnecté" in text and "au plus tard jusqu'<time datetime=" in text
    age(stack, 60)
    text = parent.get("/session").text
    ends = datetime.now(ZoneInfo("Europe/Paris")) + timedelta(minutes=30)
    told = datetime.fromisoformat(re.search(r"dure maintenant <strong>jusqu'<time datetime=\"([^\"]+)\">", text).group(1))
    assert abs(told - ends) < timedelta(seconds=20) and f"{told.hour}\u00a0h\u00a0{told.minute:02d}</time>" in text
    assert "Vous restez connecté" in text and "Vous pouvez fermer cet onglet et continuer" in text and "prolonge la session de 30\u00a0minutes" in text
    age(stack, 12 * 3600 - 60 - 900)  # a quarter of an hour is left
    soon, over = clock(parent.get("/accueil").text)
    assert over - soon == 300 and 800 < over <= 900
    assert "ne peut plus être prolongée" in parent.get("/accueil").text and "Rester connecté" not in parent.get("/accueil").text
    assert "Votre session se termine bientôt" in parent.get("/session").text
    age(stack, 900)
    assert parent.get("/session").location == "/connexion?session=expiree"


def age(stack, seconds):
    """All sessions are so much older."""
    stack.redis("EVAL", "for _, key in ipairs(redis.call('KEYS', 'dp:session:*')) do redis.call('HINCRBY', key, 'created', "
                        "-ARGV[1] * 1000000) end return 0", "0", str(seconds))


@pytest.fixture(scope="module")
def short(request):
    """A stack whose sessions end after a few seconds."""
    from conftest import finish, make_stack
    stack = make_stack(restart=False, workers=0, config_extra={"security_extra": f"session_idle_s = {IDLE_S}"})
    stack.start()
    yield stack
    finish(stack)


def phase(browser):
    """(warning, end, the link can be reached) as they are seen."""
    return tuple(browser.find_element(By.CSS_SELECTOR, selector).is_displayed() for selector in (".soon", ".over", ".soon a"))


HIDDEN, SOON, OVER = (False, False, False), (True, False, True), (False, True, False)


def wait_for_phase(browser, expected, seconds):
    WebDriverWait(browser, seconds, 0.1).until(lambda b: phase(b) == expected)


def is_told(browser, text):
    """Whether a screen reader finds it on the page."""
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return any(text in node.get("name", {}).get("value", "") for node in nodes if not node["ignored"])


def focus_round(browser):
    """What the keyboard reaches, by text."""
    return browser.execute_script(
        "return [...document.querySelectorAll('a[href], button, input')].filter(e => { e.focus(); return document.activeElement === e })"
        ".map(e => e.textContent || e.type)")


def test_the_warning_comes_in_time_and_the_session_is_put_off(browser, short):
    log_in(browser, short)
    browser.get(short.url + "/coordonnees")
    start = time.monotonic()
    type_into(browser, "ville", "Saint-Rémy")
    assert phase(browser) == HIDDEN
    assert not any("Rester" in text or text == "checkbox" for text in focus_round(browser))
    assert is_told(browser, "Modifier mes coordonnées") and not is_told(browser, "Votre session")
    wait_for_phase(browser, SOON, IDLE_S)
    assert IDLE_S - WARNING_S - 1 < time.monotonic() - start < IDLE_S - WARNING_S + 1.5
    assert any("Rester" in text for text in focus_round(browser)) and "checkbox" in focus_round(browser)
    assert is_told(browser, "Votre session se termine") and not is_told(browser, "Votre session est terminée")
    banner = browser.find_element(By.CSS_SELECTOR, ".session")
    assert banner.get_attribute("aria-live") == "assertive" and "se termine dans moins d'une minute" in banner.text

    first, = browser.window_handles
    browser.find_element(By.PARTIAL_LINK_TEXT, "Rester connecté").click()
    WebDriverWait(browser, 10).until(lambda b: len(b.window_handles) == 2)
    browser.switch_to.window(next(handle for handle in browser.window_handles if handle != first))
    arrive(browser, short.url + "/session")
    assert "Votre session dure" in browser.find_element(By.TAG_NAME, "main").text
    browser.close()
    browser.switch_to.window(first)

    # the warning is put away for the time that was won, and what was typed is still there and can be sent
    click(browser, ".session label")
    assert phase(browser) == HIDDEN
    assert browser.find_element(By.NAME, "ville").get_attribute("value") == "Saint-Rémy"
    time.sleep(max(0, start + IDLE_S + 1 - time.monotonic()))
    assert phase(browser) == HIDDEN
    wait_for_phase(browser, SOON, IDLE_S)
    click(browser, "main form button[type=submit]")
    arrive(browser, short.url + "/accueil")
    assert short.sql("SELECT city FROM users WHERE login = 'durand'") == [["Saint-Rémy"]]


def test_after_the_end_one_is_told_to_copy_what_was_typed(browser, short):
    log_in(browser, short)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]})
    browser.get(short.url + "/coordonnees")
    try:
        wait_for_phase(browser, SOON, IDLE_S)  # reduced motion does not suppress it
        wait_for_phase(browser, OVER, IDLE_S)
        assert is_told(browser, "Votre session est terminée") and not is_told(browser, "Votre session se termine")
        assert "Copiez ce que vous avez écrit avant de continuer." in browser.find_element(By.CSS_SELECTOR, ".session").text
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert phase(browser) == HIDDEN
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        time.sleep(1.5)
        click(browser, "main form button[type=submit]")
        arrive(browser, short.url + "/connexion?session=expiree")
        assert "n'a pas été enregistré" in browser.find_element(By.TAG_NAME, "main").text
        type_into(browser, "identifiant", "durand")
        type_into(browser, "mot_de_passe", PASSWORD)
        click(browser, "main button[type=submit]")
        arrive(browser, short.url + "/coordonnees")
    finally:
        screen.forget(browser)


def test_any_page_extends_the_session(short):
    parent = Parent(short, "martin").log_in()
    end = time.monotonic() + IDLE_S + 4
    while time.monotonic() < end:
        assert parent.get("/session").status == 200
        time.sleep(IDLE_S / 3)
    time.sleep(IDLE_S + 1)
    assert parent.get("/session").location == "/connexion?session=expiree"
    assert log_in_from(parent, "martin").location == "/session"
