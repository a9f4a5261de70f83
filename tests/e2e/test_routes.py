"""Every address of the public port by who asks: logged out, logged in, another family; wrong method; bad token.

The table is compared with server/routes.c: an address without a line here is a fault.
"""
import re
from pathlib import Path

import pytest
from client import Client

ROUTES_C = Path(__file__).resolve().parent.parent.parent / "server/routes.c"
LOGIN = (303, "/connexion")
TOKEN = "A" * 43
FILES = ("/favicon.ico", "/robots.txt")  # the same for all, so they may be kept
STALE_TOKENS = (None, "", "A" * 43, "%C3%A9", "a" * 5000)

# address: methods, GET logged out, GET by its owner, GET by another family, POST logged out, is its POST a form of ours
ROUTES = {
    "/": ("GET, HEAD", LOGIN, (303, "/accueil"), (303, "/accueil"), None, False),
    "/connexion": ("GET, HEAD, POST", 200, (303, "/accueil"), (303, "/accueil"), 403, True),
    "/deconnexion": ("POST", None, None, None, LOGIN, True),
    "/mot-de-passe-oublie": ("GET, HEAD, POST", 200, 200, 200, 403, True),
    "/mot-de-passe": ("GET, HEAD, POST", LOGIN, 200, 200, LOGIN, True),
    "/mot-de-passe/{token}": ("GET, HEAD, POST", 410, 410, 410, 403, True),
    "/accueil": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/coordonnees": ("GET, HEAD, POST", LOGIN, 200, 200, LOGIN, True),
    "/crediter": ("GET, HEAD, POST", LOGIN, 200, 200, LOGIN, True),
    "/crediter?reference={reference}": ("GET, HEAD, POST", LOGIN, 200, 404, LOGIN, True),
    "/paiement/{reference}": ("GET, HEAD", LOGIN, 200, 404, None, False),
    "/paiement/{reference}/payer": ("POST", None, None, None, LOGIN, True),
    "/paiement/{reference}/abandonner": ("GET, HEAD, POST", LOGIN, 200, 404, LOGIN, True),
    "/paiement/{reference}/probleme": ("GET, HEAD, POST", LOGIN, 200, 404, LOGIN, True),
    "/paiement/{reference}/recu.pdf": ("GET, HEAD", LOGIN, 404, 404, None, False),  # not accepted: no receipt; test_receipts.py has one
    "/retour-banque": ("GET, HEAD, POST", 200, (303, "/historique"), (303, "/historique"), 200, False),
    "/historique": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/historique/paiements.csv": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/historique/attestation": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/historique/connexions": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/historique/connexions/deconnecter": ("POST", None, None, None, LOGIN, True),
    "/mes-donnees": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/mes-donnees.zip": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/session": ("GET, HEAD", LOGIN, 200, 200, None, False),
    "/session/{fichier}": ("GET, HEAD", 404, 404, 404, None, False),  # test_session.py has the sheets that exist
    "/accessibilite": ("GET, HEAD", 200, 200, 200, None, False),
    "/mentions-legales": ("GET, HEAD", 200, 200, 200, None, False),
    "/donnees-personnelles": ("GET, HEAD", 200, 200, 200, None, False),
    "/ecole/{fichier}": ("GET, HEAD", 404, 404, 404, None, False),
    "/aide": ("GET, HEAD", 200, 200, 200, None, False),
    "/banque/spplus": ("GET, HEAD, POST", 403, 403, 403, 403, False),
    "/statique/{fichier}": ("GET, HEAD", 404, 404, 404, None, False),
    "/favicon.ico": ("GET, HEAD", 200, 200, 200, None, False),
    "/robots.txt": ("GET, HEAD", 200, 200, 200, None, False),
    "/aliseIndexClient.php": ("GET, HEAD", (301, "/"), (301, "/"), (301, "/"), None, False),
    "/aliEncaissement.php": ("GET, HEAD", (301, "/crediter"), (301, "/crediter"), (301, "/crediter"), None, False),
    "/aliRecapEncaissement.php": ("GET, HEAD", (301, "/crediter"), (301, "/crediter"), (301, "/crediter"), None, False),
    "/aliConsultHisto.php": ("GET, HEAD", (301, "/historique"), (301, "/historique"), (301, "/historique"), None, False),
}
PATHS = sorted(ROUTES)


@pytest.fixture(scope="module")
def people(stack):
    """Logged out, the owner of a payment, another family; and the payment's reference."""
    from client import Parent
    owner, other = Parent(stack, "durand").log_in(), Parent(stack, "martin").log_in()
    return Client(stack), owner, other, owner.credit("12,34")


def address(pattern, reference):
    return pattern.replace("{reference}", reference).replace("{token}", TOKEN).replace("{fichier}", "site.css")


def outcome(answer):
    return (answer.status, answer.location) if answer.location else answer.status


def test_the_table_is_complete():
    served = set(re.findall(r'^    \{"(/[^"]*)"', ROUTES_C.read_text(), re.M))
    assert served == {path.split("?")[0] for path in ROUTES}


@pytest.mark.parametrize("path", PATHS)
def test_who_may_get_it(people, path):
    nobody, owner, other, reference = people
    _, logged_out, owned, foreign, _, _ = ROUTES[path]
    for client, expected in ((nobody, logged_out), (owner, owned), (other, foreign)):
        answer = client.get(address(path, reference))
        if expected is None:
            assert answer.status == 405
            continue
        assert outcome(answer) == expected, client
        head = client.request("HEAD", address(path, reference))
        assert (outcome(head), head.body) == (expected, b"")
        assert answer.headers["Cache-Control"] == ("no-cache" if path in FILES else "no-store")
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PATHS)
def test_methods_that_it_does_not_take(people, path):
    methods, reference = ROUTES[path][0], people[3]
    for client in people[:3]:
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - set(methods.split(", ")):
            answer = client.request(method, address(path, reference), "" if method == "POST" else None)
            assert (answer.status, answer.headers["Allow"]) == (405, methods), method
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", [path for path in PATHS if "POST" in ROUTES[path][0]])
def test_posts_without_a_login(people, path):
    answer = Client(people[0].stack).post(address(path, people[3]), {"reference": people[3]})
    assert outcome(answer) == ROUTES[path][4]


@pytest.mark.parametrize("path", [path for path in PATHS if ROUTES[path][5]])
def test_posts_with_a_token_that_is_not_theirs(people, path):
    _, owner, other, reference = people
    foreign = other.get("/coordonnees").page.fields["csrf"]
    before = owner.stack.sql("SELECT state, reference FROM transactions ORDER BY id")
    for token in (*STALE_TOKENS, foreign):
        body = "moyen=CBS" + ("" if token is None else f"&csrf={token}")
        assert owner.request("POST", address(path, reference), body).status == 403
    own = owner.get("/coordonnees").page.fields["csrf"]  # in the address it would stand in logs and referrers
    assert owner.request("POST", f"{address(path, reference)}{'&' if '?' in path else '?'}csrf={own}", "x=y").status == 403
    assert owner.stack.sql("SELECT state, reference FROM transactions ORDER BY id") == before
    assert owner.get("/accueil").status == 200


def test_posts_to_another_familys_objects(people):
    _, owner, other, reference = people
    token = other.get("/coordonnees").page.fields["csrf"]
    for path in ("/paiement/{reference}/payer", "/paiement/{reference}/abandonner", "/paiement/{reference}/probleme", "/crediter?reference={reference}"):
        answer = other.post(address(path, reference), {"csrf": token, "moyen": "CBS", "type": "avance", "montant": "5", "message": "x" * 20})
        assert answer.status == 404 and reference not in answer.text and "12,34" not in answer.text
    assert owner.state(reference) == "CREATED"


@pytest.mark.parametrize("path", ["/nulle-part", "//connexion", "/connexion/", "/paiement/", "/paiement//payer", "/statique/../connexion",
                                  "/%2e%2e/", "/paiement/%00", "/paiement/%2F%2Fevil.example", "/paiement/%0d%0aX:y", "/connexion%", "/CONNEXION",
                                  "/mot-de-passe/a/b", "/accueil;x", "/paiement/" + "a" * 3000], ids=lambda path: path[:30])
def test_addresses_that_do_not_exist(people, path):
    nobody, owner, _, _ = people
    assert owner.get(path).status == 404
    assert nobody.get(path).status in (404, 303)


def test_robots_read_only_what_is_for_all(people):
    lines = people[0].get("/robots.txt").text.splitlines()
    assert lines == ["User-agent: *", "Allow: /aide$", "Allow: /connexion$", "Disallow: /"]


def test_the_icon_is_one(people):
    answer = people[0].get("/favicon.ico")
    assert answer.headers["Content-Type"] == "image/x-icon" and answer.body[:4] == b"\0\0\1\0"


# --- another school ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stranger(stack, second_school):
    from client import Parent
    return Parent(stack, "durand2").log_in()


@pytest.mark.parametrize("path", PATHS)
def test_another_school_is_another_family(people, stranger, path):
    reference, foreign = people[3], ROUTES[path][3]
    answer = stranger.get(address(path, reference))
    assert outcome(answer) == foreign if foreign else answer.status == 405
    if "{reference}" not in path:
        return
    assert "12,34" not in answer.text and "Julia" not in answer.text
    if "POST" in ROUTES[path][0]:
        token = stranger.get("/coordonnees").page.fields["csrf"]
        answer = stranger.post(address(path, reference), {"csrf": token, "moyen": "CBS", "type": "avance", "montant": "5"})
        assert answer.status == 404 and reference not in answer.text
        assert people[1].state(reference) == "CREATED"


def test_another_schools_accounts_and_claims_cannot_be_paid(people, stranger):
    stack, owner = stranger.stack, people[1]
    (claim, account), = stack.sql("SELECT c.id, c.account_id FROM claims c JOIN schools s ON s.id = c.school_id WHERE s.uai = '0130000A' "
                                  "AND c.number = '150509'")
    assert account in owner.accounts() and account not in stranger.accounts()
    before = stack.sql("SELECT COUNT(*) FROM transactions")
    base = {"csrf": stranger.get("/coordonnees").page.fields["csrf"], "courriel": "a@example.org"}
    for fields in ({"type": "avance", "compte": account, "montant": "5"}, {"type": "creance", "compte": account, "creance": claim},
                   {"type": "creance", "creance": claim}, {"type": "creance", "compte": stranger.accounts()[0], "creance": claim}):
        assert stranger.post("/crediter", {**base, **fields}).status == 422, fields
    assert stack.sql("SELECT COUNT(*) FROM transactions") == before
    # even if somebody wrote into the tables that the account is theirs: what is another school's stays it
    stack.sql(f"INSERT INTO account_payers (user_id, account_id) SELECT id, {account} FROM users WHERE login = 'durand2'")
    try:
        assert account not in stranger.accounts()
        assert stranger.post("/crediter", {**base, "type": "avance", "compte": account, "montant": "5"}).status == 422
        assert stranger.post("/crediter", {**base, "type": "creance", "creance": claim}).status == 422
    finally:
        stack.sql(f"DELETE p FROM account_payers p JOIN users u ON u.id = p.user_id WHERE u.login = 'durand2' AND p.account_id = {account}")
    assert stack.sql("SELECT COUNT(*) FROM transactions") == before


def test_another_school_sees_nothing(people, stranger):
    reference = people[3]
    (account,), = stranger.stack.sql("SELECT a.id FROM accounts a JOIN schools s ON s.id = a.school_id WHERE s.uai = '0130000A' LIMIT 1")
    for path in ("/accueil", "/historique", f"/historique?compte={account}", "/historique/paiements.csv", f"/historique/paiements.csv?compte={account}",
                 "/historique/connexions", "/crediter"):
        answer = stranger.get(path)
        assert reference not in answer.text and "12,34" not in answer.text, path
        assert account not in answer.page.options.get("compte", []), path
