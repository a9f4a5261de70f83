"""Every field of every form with what nobody types: refused or kept, never a fault of the server, and nothing half written.

FIELDS says for each field which of the VALUES are taken; all others are refused. The wire's faults (twice the same name,
broken escapes, too much) are refused for every field alike.
"""
import html
import secrets
import urllib.parse

import pytest
from client import Client, Parent, forget_failures

TOO_LARGE = "9223372036854775808"
BROKEN = ("{0}=a&{0}=b", "{0}=%zz", "{0}=%", "{0}=%4", "{0}=%00", "{0}=%ff", "{0}=%c0%80", "{0}=%ed%a0%80", "{0}[%ff]=a", "=a", "&&")
VALUES = {"missing": None, "empty": "", "blank": " \t ", "long": "x" * 10_000, "too large": TOO_LARGE, "negative": "-1",
          "unknown": "inconnu", "invisible": "ab\u200bc", "turned": "\u202eabc", "sql": "' OR 1=1; -- ", "markup": "\"><b>", "control": "a\x01b"}
LINES = ("", *(f"_{n}" for n in range(2, 21)))
NEW_PASSWORD = "girafe-bleue-42-volante"
NONE, ABSENT = (), ("missing", "empty", "blank")
SHORT = (*ABSENT, "negative", "unknown", "invisible", "sql", "markup")

# field: what of VALUES is taken
CONTACT = {"nom": ("too large", "negative", "unknown", "invisible", "sql", "markup"), "prenom": (*SHORT, "too large"),
           "adresse1": (*SHORT, "too large"), "adresse2": (*SHORT, "too large"),
           "code_postal": (*ABSENT, "negative", "unknown", "invisible", "markup"), "ville": (*SHORT, "too large"),
           "telephone": (*ABSENT, "too large"), "courriel": NONE}
CREDIT = {"type": NONE, "compte": NONE, "montant": NONE, "courriel": NONE, "commentaires": (*SHORT, "too large"), "jeton": tuple(VALUES)}
HISTORY = {"compte": ("missing", "empty"), "annee": ("missing", "empty"), "etat": ("missing", "empty"), "avant": ("missing", "empty")}


def rows(stack):
    return stack.sql("SELECT COUNT(*) FROM transactions UNION ALL SELECT COUNT(*) FROM transaction_lines") + stack.sql("CHECKSUM TABLE users")


def encoded(fields):
    return urllib.parse.urlencode({name: value for name, value in fields.items() if value is not None})


def kept(answer, value):
    return value.strip().replace("\x01", "\ufffd") in html.unescape(answer.text)


@pytest.fixture(scope="module")
def ids(stack, second_school):
    """Accounts and claims: durand's own, another family's, another school's."""
    stack.sql("INSERT INTO claims (school_id, account_id, number, label, amount_cents) SELECT school_id, id, CONCAT('F', id), 'champ', 4200 FROM accounts")
    found = {}
    for login in ("durand", "martin", "durand2"):
        found[login] = stack.sql("SELECT a.id, c.id FROM users u JOIN account_payers p ON p.user_id = u.id JOIN accounts a ON a.id = p.account_id "
                                 f"JOIN claims c ON c.account_id = a.id AND c.number LIKE 'F%' WHERE u.login = '{login}' ORDER BY a.id")[0]
    yield found
    stack.sql("UPDATE claims SET settled_cents = amount_cents WHERE number LIKE 'F%'")


@pytest.fixture(autouse=True)
def the_server_lives(stack):
    server = stack.children["dp-server-0"]
    pid = server.pid
    yield
    assert server.alive() and server.pid == pid and Client(stack).get("/connexion").status == 200


@pytest.fixture
def hostile(stack, ids):
    """A parent whose data is put back after the test, and the token of his forms."""
    names = "last_name, first_name, address1, address2, postcode, city, phone, email"
    stack.sql(f"CREATE TABLE IF NOT EXISTS users_before AS SELECT id, {names} FROM users WHERE login = 'durand'")
    parent = Parent(stack, "durand").log_in()
    parent.csrf = parent.get("/coordonnees").page.fields["csrf"]
    yield parent
    stack.sql(f"UPDATE users u JOIN users_before b ON b.id = u.id SET {', '.join(f'u.{n} = b.{n}' for n in names.split(', '))}; DROP TABLE users_before")


def check(stack, send, field, taken, valid, success, shown):
    """Each of VALUES in one field, the other fields valid. `shown`: whether a refused value is kept in the form."""
    for name, value in VALUES.items():
        before = rows(stack)
        answer = send({**valid, field: value})
        assert answer.status == (success if name in taken else 422), (field, name, answer.status, answer.text[:3000])
        if name in taken:
            continue
        assert rows(stack) == before, (field, name)
        assert f'href="#{field}' in answer.text, (field, name)
        if shown and value:
            assert kept(answer, value), (field, name)
    array = send({**{k: v for k, v in valid.items() if k != field}, f"{field}[]": "1", f"{field}[0]": "1"})
    assert array.status == (success if "missing" in taken else 422), field
    padded = f"  {valid.get(field, '')}\t "
    return send({**valid, field: padded})


# --- the wire: the same for all ---------------------------------------------------------------------------------------

FORMS = {"/connexion": ("csrf", "identifiant", "mot_de_passe"), "/mot-de-passe-oublie": ("csrf", "identifiant"),
         "/mot-de-passe": ("csrf", "mot_de_passe", "confirmation"), "/mot-de-passe/" + "A" * 43: ("csrf", "mot_de_passe", "confirmation"),
         "/coordonnees": ("csrf", *CONTACT), "/deconnexion": ("csrf",), "/historique/connexions/deconnecter": ("csrf",),
         "/crediter": ("csrf", *CREDIT, *(name + line for line in LINES[1:] for name in ("compte", "creance", "montant"))),
         "/paiement/dem20260101000000aaa/payer": ("csrf", "moyen", "moyen.x")}
QUERIES = {"/historique": HISTORY, "/historique/paiements.csv": HISTORY, "/historique/connexions": ("avant", "appareils"),
           "/crediter": ("creance", "reference"), "/connexion": ("session", "mot-de-passe"), "/mes-donnees": ("fichier",)}


@pytest.mark.parametrize("path", FORMS)
def test_broken_forms(stack, hostile, path):
    before = rows(stack)
    for field in FORMS[path]:
        for broken in BROKEN:
            assert hostile.request("POST", path, broken.format(field)).status == 400, (field, broken)
        answer = hostile.request("POST", path, f"{field}=" + "x" * 70_000)
        assert answer.status == 413 and answer.headers["Content-Type"].startswith("text/html"), field
    assert hostile.request("POST", path, "&".join(f"f{n}=1" for n in range(200))).status == 400
    for token in ("", "x", TOO_LARGE, "\u200b", "a" * 10_000):
        assert hostile.post(path, {"csrf": token}).status == 403
    assert rows(stack) == before and hostile.get("/accueil").status == 200


@pytest.mark.parametrize("path", QUERIES)
def test_broken_queries(hostile, path):
    for field in QUERIES[path]:
        for broken in BROKEN:
            client = Client(hostile.stack) if path == "/connexion" else hostile
            assert client.get(f"{path}?{broken.format(field)}").status == 400, (field, broken)
        assert hostile.get(f"{path}?{field}=" + "x" * 70_000).status in (414, 431)


# --- the forms --------------------------------------------------------------------------------------------------------


def test_login(stack, ids):
    client = Client(stack)
    valid = {"identifiant": "durand", "mot_de_passe": "demo-cantine-2026", "csrf": client.get("/connexion").page.fields["csrf"]}

    def send(fields):
        forget_failures(stack)
        client.cookies.pop("session", None)
        return client.request("POST", "/connexion", encoded(fields))

    assert check(stack, send, "identifiant", NONE, valid, 303, True).status == 303
    for name, value in VALUES.items():
        answer = send({**valid, "mot_de_passe": value})
        assert answer.status == 422 and 'class="error"' in answer.text and kept(answer, "durand"), name
        assert not value or len(value) < 5 or not kept(answer, value)
    assert send({**valid, "mot_de_passe": " demo-cantine-2026"}).status == 422
    forget_failures(stack)


def test_forgotten(stack, ids):
    client = Client(stack)
    valid = {"identifiant": "personne-du-tout", "csrf": client.get("/mot-de-passe-oublie").page.fields["csrf"]}

    def send(fields):
        return client.request("POST", "/mot-de-passe-oublie", encoded(fields))

    taken = ("too large", "negative", "unknown", "invisible", "sql", "markup")
    assert check(stack, send, "identifiant", taken, valid, 200, True).status == 200


@pytest.mark.parametrize("field", ["mot_de_passe", "confirmation"])
def test_passwords(stack, hostile, field):
    token = secrets.token_urlsafe(32)
    stack.sql(f"INSERT INTO password_tokens (user_id, token_hash, expires_at) SELECT id, UNHEX(SHA2('{token}', 256)), "
              "UTC_TIMESTAMP(6) + INTERVAL 10 MINUTE FROM users WHERE login = 'durand'")
    for path in ("/mot-de-passe", f"/mot-de-passe/{token}"):
        before = rows(stack)
        for name, value in {**VALUES, "padded": f" {NEW_PASSWORD}"}.items():
            fields = {"csrf": hostile.csrf, "mot_de_passe": NEW_PASSWORD, "confirmation": NEW_PASSWORD, field: value}
            answer = hostile.request("POST", path, encoded(fields))
            assert answer.status == 422 and 'href="#' in answer.text and NEW_PASSWORD not in answer.text, (path, name)
        assert rows(stack) == before
    stack.sql("DELETE FROM password_tokens")


def test_password_links_that_are_none(hostile):
    for token in ("x", "A" * 42, "A" * 44, TOO_LARGE, "-1", "%E2%80%8B", "'%20OR%201=1", "A" * 10_000):
        assert hostile.get(f"/mot-de-passe/{token}").status in (404, 410, 414, 431), token


@pytest.mark.parametrize("field", CONTACT)
def test_contact(stack, hostile, field):
    def send(fields):
        return hostile.request("POST", "/coordonnees", encoded(fields))

    fields = hostile.get("/coordonnees").page.fields
    padded = check(stack, send, field, CONTACT[field], {name: fields[name] for name in ("csrf", *CONTACT)}, 303, True)
    assert padded.status == 303
    assert hostile.get("/coordonnees").page.fields[field] == fields[field]


@pytest.mark.parametrize("field", CREDIT)
def test_credit(stack, hostile, ids, field):
    valid = {"csrf": hostile.csrf, "type": "avance", "compte": ids["durand"][0], "montant": "5", "courriel": "a@example.org", "commentaires": "x"}

    def send(fields):
        return hostile.request("POST", "/crediter", encoded(fields))

    padded = check(stack, send, field, CREDIT[field], valid, 303, field in ("montant", "courriel"))
    assert padded.status == (422 if field == "type" else 303)


def foreign(ids, field):
    column = 1 if field == "creance" else 0
    return (ids["martin"][column], ids["durand2"][column], "0", TOO_LARGE, "-1", "1e3", "0x1", "' OR 1=1; -- ", "\u200b1", "9" * 10_000)


@pytest.mark.parametrize("line", LINES)
def test_lines(stack, hostile, ids, line):
    """Accounts and claims that are not theirs, on each of the twenty lines."""
    account, claim = ids["durand"]
    valid = {"csrf": hostile.csrf, "type": "creance", "courriel": "a@example.org", "compte": account, "montant": "5"}
    before = rows(stack)
    for field in ("compte", "creance"):
        for value in foreign(ids, field):
            answer = hostile.post("/crediter", {**valid, "compte" + line: account, "montant" + line: "42", field + line: value})
            assert answer.status == 422 and f'href="#{field}' in answer.text, (field, value)
    for value in (TOO_LARGE, "-1", "0", "1,234", "1e3", "NaN", "٣", "9" * 10_000):
        answer = hostile.post("/crediter", {**valid, "compte" + line: account, "montant" + line: value})
        assert answer.status == 422 and 'href="#montant' in answer.text and kept(answer, value), value
    assert rows(stack) == before
    padded = {**valid, "compte" + line: f" {account} ", "montant" + line: " 42 ", "creance" + line: f"\t{claim} "}
    assert hostile.post("/crediter", padded).status == 303


def test_lines_beyond_the_twentieth_are_none(stack, hostile, ids):
    valid = {"csrf": hostile.csrf, "type": "avance", "courriel": "a@example.org", "compte": ids["durand"][0], "montant": "5"}
    for name in ("compte_21", "compte_1", "compte_02", "compte_-1", "compte_" + TOO_LARGE, "compte[2]"):
        location = hostile.post("/crediter", {**valid, name: ids["martin"][0]}).location
        lines = stack.sql(f"SELECT COUNT(*) FROM transaction_lines l JOIN transactions t ON t.id = l.transaction_id WHERE t.reference = '{location[10:]}'")
        assert lines == [["1"]], name


def test_means(stack, hostile):
    reference = hostile.credit("5")
    for name, value in {**VALUES, "padded": " CBS", "list": "CBS,CBS", "case": "cbs"}.items():
        if name not in ("missing", "empty"):
            assert hostile.post(f"/paiement/{reference}/payer", {"csrf": hostile.csrf, "moyen": value}).status == 400, name
    assert hostile.state(reference) == "CREATED"
    assert "init.do" in hostile.post(f"/paiement/{reference}/payer", {"csrf": hostile.csrf, "moyen[]": "x", "moyen": ""}).location


@pytest.mark.parametrize("path", ["/historique", "/historique/paiements.csv"])
def test_history_choices(hostile, ids, path):
    for field, taken in HISTORY.items():
        for name, value in VALUES.items():
            answer = hostile.get(f"{path}?{encoded({field: value})}")
            assert answer.status == (200 if name in taken else 414 if name == "long" else 400), (field, name)
        assert hostile.get(f"{path}?{field}[]=1").status == 200
    for value in (ids["martin"][0], ids["durand2"][0]):
        answer = hostile.get(f"{path}?compte={value}")
        assert answer.status == 200 and "/paiement/" not in answer.text
    for late in (f"annee={2**63 - 1}", f"avant={2**63 - 1}.1", "avant=1.", "avant=.1", "avant=1.2.3", f"avant=1.{2**63}", "annee=0000"):
        assert hostile.get(f"{path}?{late}").status in (200, 400), late


def test_login_history_choices(hostile):
    for name, value in VALUES.items():
        refused = 414 if name == "long" else 400
        assert hostile.get(f"/historique/connexions?{encoded({'avant': value})}").status == (200 if name in ("missing", "empty") else refused), name
        assert hostile.get(f"/historique/connexions?{encoded({'appareils': value})}").status == (414 if name == "long" else 200), name


def test_what_the_bank_may_send_back(stack, hostile):
    before = rows(stack)
    for body in (*(broken.format("reference") for broken in BROKEN), *(encoded({"reference": value}) for value in VALUES.values())):
        for answer in (hostile.request("POST", "/retour-banque", body), hostile.get(f"/retour-banque?{body[:1000]}")):
            assert answer.status == 303 and (answer.location == "/historique" or answer.location[10:] in (TOO_LARGE, "inconnu", "a", "b")), body
        assert Client(stack).request("POST", "/retour-banque", body).status == 200
    assert hostile.request("POST", "/retour-banque", "reference=" + "x" * 70_000).status == 413
    assert rows(stack) == before
