"""Mes données: all that is kept of a person, whole and nothing else, as JSON in a zip."""
import concurrent.futures
import io
import json
import re
import time
import zipfile
from pathlib import Path

import pytest
from client import Client, Parent

STAT_TICKS = 100  # of /proc/PID/stat, a second
HOSTILE = "\"};{'\\ </script>\u00e9\u20ac\U0001f600\u202e\u0001\n\t"
SECTIONS = ["site", "fait_le", "personne", "comptes", "creances", "connexions", "courriels", "demandes_mot_de_passe", "signalements", "paiements"]
# Columns whose values are nobody's to take away: hashes, tokens, sealed requests.
SECRETS = (("users", "password_hash"), ("transactions", "bank_request"), ("transactions", "form_token"), ("password_tokens", "HEX(token_hash)"))


def download(parent):
    answer = parent.get("/mes-donnees.zip")
    assert answer.status == 200, answer.text[:1000]
    return zipfile.ZipFile(io.BytesIO(answer.body))


def data_of(parent):
    return json.loads(download(parent).read("donnees.json").decode("utf-8"))


def owner(login):
    return f"(SELECT id FROM users WHERE login = '{login}')"


def count(stack, rest):
    return int(stack.sql(f"SELECT COUNT(*) FROM {rest}")[0][0])


@pytest.fixture(scope="module")
def payer(stack):
    """A parent of two children, one of them shared with another payer; payments in all ways, mails, requests for a password."""
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email, phone) "
              "SELECT school_id, CONCAT('md-', n.name), n.name, role, password_hash, FALSE, CONCAT('Nom-', n.name), 'Zoé', CONCAT(n.name, '@example.org'), "
              "'06 12 34 56 78' FROM users, (SELECT 'donnees' AS name UNION SELECT 'autrepayeur') n WHERE login = 'martin';"
              "INSERT INTO accounts (school_id, external_id, last_name, first_name, class_name) SELECT school_id, CONCAT('md-', s.seq), 'Nom', "
              "CONCAT('Enfant', s.seq), '6e A' FROM users, seq_1_to_3 s WHERE login = 'donnees';"
              "INSERT INTO account_payers (user_id, account_id) SELECT u.id, a.id FROM users u JOIN accounts a ON a.external_id IN ('md-1', 'md-2') "
              "WHERE u.login = 'donnees' UNION SELECT u.id, a.id FROM users u JOIN accounts a ON a.external_id IN ('md-2', 'md-3') "
              "WHERE u.login = 'autrepayeur';"
              "INSERT INTO claims (school_id, account_id, number, label, due_date, amount_cents) SELECT school_id, id, CONCAT('avis-', external_id), "
              "'Forfait', '2026-12-31', 15850 FROM accounts WHERE external_id LIKE 'md-%'")
    return Parent(stack, "donnees").log_in()


@pytest.fixture(scope="module")
def paid(stack, payer):
    """The same, after a payment that was modified and made, one that was left, and a lost password."""
    from client import Bank, Mails
    bank, mails = Bank(stack), Mails(stack)
    bank.behave()
    claim, account = stack.sql("SELECT c.id, c.account_id FROM claims c WHERE c.number = 'avis-md-2'")[0]
    first = payer.credit("10", compte=account, commentaires="Première version")
    form = payer.get(f"/crediter?reference={first}").page.fields
    reference = payer.post(f"/crediter?reference={first}", {**form, "type": "creance", "compte": account, "creance": claim, "montant": "158,50",
                                                           "commentaires": HOSTILE.replace("\u0001", "").replace("\u202e", "")}).location.split("/")[-1]
    bank.open(payer.send(reference))
    bank.type_card(reference, "1234567890123456")
    payer.wait_for_state(reference, "AUTHORISED")
    left = payer.credit("3,21", compte=account)
    mails.wait_for(reference, 2)
    visitor = Client(stack)
    visitor.submit("/mot-de-passe-oublie", {"identifiant": "donnees"})
    mails.wait_for("/mot-de-passe/", 1)
    return reference, left


@pytest.fixture(scope="module")
def other(stack, paid):
    """The other payer of the same account has paid too, and everything of theirs bears a mark."""
    other = Parent(stack, "autrepayeur").log_in()
    reference = other.credit("77,77", commentaires="SECRET-DE-L-AUTRE")
    return other, reference


def test_the_file_and_its_parts(payer, paid):
    answer = payer.get("/mes-donnees.zip")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mes-donnees-demi-pension.zip"'
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
    files = zipfile.ZipFile(io.BytesIO(answer.body))
    assert files.namelist() == ["LISEZ-MOI.txt", "donnees.json"] and files.testzip() is None
    explained = files.read("LISEZ-MOI.txt").decode("utf-8")
    data = json.loads(files.read("donnees.json"))
    assert list(data) == SECTIONS
    for name in SECTIONS:
        assert f"\n{name}" in explained or f"{name}\n" in explained, name
    assert explained.startswith("MES DONNÉES") and "CE QUI N'EST PAS DANS CE FICHIER" in explained


def test_all_that_is_kept_is_there(stack, payer, paid):
    reference, left = paid
    data, me = data_of(payer), owner("donnees")
    person, = data["personne"]
    kept = stack.sql("SELECT login, role, external_id, last_name, first_name, address1, address2, postcode, city, phone, email FROM users "
                     "WHERE login = 'donnees'")[0]
    assert [person[name] for name in ("identifiant", "role", "numero", "nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone",
                                      "courriel")] == kept
    assert person["mot_de_passe_a_changer"] is False and person["etablissement"] == "Lycée de démonstration"
    assert [account["numero"] for account in data["comptes"]] == ["md-1", "md-2"]
    assert [claim["numero"] for claim in data["creances"]] == ["avis-md-1", "avis-md-2"]
    assert data["creances"][1]["regle_centimes"] == 15850
    assert len(data["connexions"]) == count(stack, f"login_history WHERE user_id = {me}") > 0
    assert len(data["courriels"]) == count(stack, f"mail_outbox WHERE user_id = {me}") == 1
    assert data["courriels"][0]["genre"] == "PASSWORD_RESET" and data["courriels"][0]["adresse"] == "donnees@example.org"
    assert len(data["demandes_mot_de_passe"]) == count(stack, f"password_tokens WHERE user_id = {me}") == 1
    payments = {payment["reference"]: payment for payment in data["paiements"]}
    assert set(payments) == {reference, left} and len(payments) == count(stack, f"transactions WHERE user_id = {me}")


def test_a_payment_is_whole(stack, payer, paid):
    payment = next(payment for payment in data_of(payer)["paiements"] if payment["reference"] == paid[0])
    mine = f"transaction_id = (SELECT id FROM transactions WHERE reference = '{paid[0]}')"
    assert (payment["etat"], payment["type"], payment["montant_centimes"], payment["devise"]) == ("AUTHORISED", "CLAIM", 15850, "978")
    assert payment["commentaires"] == stack.sql(f"SELECT comment FROM transactions WHERE reference = '{paid[0]}'")[0][0].replace("\\n", "\n").replace(
        "\\t", "\t").replace("\\\\", "\\")
    year, number = stack.sql(f"SELECT year, number FROM receipts WHERE {mine}")[0]
    assert payment["recu"] == f"{year}-{int(number):06d}" and payment["recu_adresse"] == f"{stack.url}/paiement/{paid[0]}/recu.pdf"
    assert [(line["version"], line["montant_centimes"]) for line in payment["lignes"]] == [(1, 1000), (2, 15850)] and payment["version"] == 2
    assert len(payment["lignes"]) == count(stack, f"transaction_lines WHERE {mine}") and payment["lignes"][1]["creance_numero"] == "avis-md-2"
    assert [(row["avant"], row["apres"], row["code_banque"]) for row in payment["historique"]] == [("PENDING", "AUTHORISED", "1")]
    assert len(payment["historique"]) == count(stack, f"transaction_history WHERE {mine}")
    assert [mail["genre"] for mail in payment["courriels"]] == ["PARENT_CONFIRMATION"] and payment["courriels"][0]["adresse"] == "parent@example.org"
    assert payment["cree_le"].endswith("Z") and payment["accepte_le"] >= payment["envoye_a_la_banque_le"] >= payment["cree_le"]
    assert payer.get(payment["recu_adresse"].removeprefix(stack.url)).status in (200, 303)


def test_no_secret_and_nothing_of_others(stack, payer, paid, other, second_school):
    text = download(payer).read("donnees.json").decode("utf-8")
    for table, column in SECRETS:
        for (value,) in stack.sql(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL AND {column} <> ''"):
            assert value.lower() not in text.lower(), (table, column)
    assert "hmac" not in text and "$argon2" not in text
    for mark in ("SECRET-DE-L-AUTRE", other[1], "autrepayeur", "7777", "md-3", "Enfant3", "durand", "gestionnaire@", "0130000B"):
        assert mark not in text, mark
    theirs = data_of(other[0])
    assert [payment["reference"] for payment in theirs["paiements"]] == [other[1]] and paid[0] not in json.dumps(theirs)
    # a person of another school whom somebody made a payer of these accounts sees nothing of them
    stack.sql("INSERT INTO account_payers (user_id, account_id) SELECT u.id, a.id FROM users u, accounts a WHERE u.login = 'durand2' AND "
              "a.external_id LIKE 'md-%'")
    try:
        stranger = data_of(Parent(stack, "durand2").log_in())
    finally:
        stack.sql("DELETE p FROM account_payers p JOIN users u ON u.id = p.user_id JOIN accounts a ON a.id = p.account_id WHERE u.login = 'durand2' "
                  "AND a.external_id LIKE 'md-%'")
    assert "md-" not in json.dumps(stranger["comptes"]) + json.dumps(stranger["creances"]) and stranger["personne"][0]["uai"] == "0130000B"
    assert len(stranger["comptes"]) == 2


def test_hostile_texts_are_only_texts(stack, payer, paid):
    quoted = HOSTILE.replace("\\", "\\\\").replace("'", "''")
    stack.sql(f"UPDATE users SET first_name = '{quoted}' WHERE login = 'donnees';"
              f"INSERT INTO login_history (user_id, success, address, user_agent) SELECT id, FALSE, '::1', '{quoted}' FROM users WHERE login = 'donnees';"
              f"UPDATE accounts SET first_name = '{quoted}' WHERE external_id = 'md-1'; UPDATE claims SET label = '{quoted}' WHERE number = 'avis-md-1'")
    data = data_of(payer)
    assert data["personne"][0]["prenom"] == data["comptes"][0]["prenom"] == data["creances"][0]["libelle"] == HOSTILE
    assert data["connexions"][-1]["navigateur"] == HOSTILE
    stack.sql("UPDATE users SET first_name = 'Zoé' WHERE login = 'donnees'")


def test_the_page_says_what_and_links_why(payer, stack):
    page = payer.get("/mes-donnees")
    assert 'href="/mes-donnees.zip"' in page.text and 'href="/donnees-personnelles"' in page.text
    for path in ("/donnees-personnelles", "/coordonnees", "/aide"):
        assert 'href="/mes-donnees"' in payer.get(path).text, path
    assert "trop volumineux" in payer.get("/mes-donnees?fichier=trop-lourd").text and "trop volumineux" not in page.text
    assert Client(stack).get("/mes-donnees.zip").location == "/connexion"


# --- much of it -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def veteran(stack):
    """Three children, 40 claims, 2 000 payments with two lines and three states each, and a year of connections."""
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, email) SELECT school_id, "
              "'ancien', 'ancien', role, password_hash, FALSE, 'Ancien', 'ancien@example.org' FROM users WHERE login = 'martin';"
              "INSERT INTO accounts (school_id, external_id, last_name, first_name) SELECT school_id, CONCAT('ancien-', s.seq), 'Ancien', "
              "CONCAT('Enfant', s.seq) FROM users, seq_1_to_3 s WHERE login = 'ancien';"
              f"INSERT INTO account_payers (user_id, account_id) SELECT {owner('ancien')}, id FROM accounts WHERE external_id LIKE 'ancien-%';"
              "INSERT INTO claims (school_id, account_id, number, label, amount_cents) SELECT school_id, id, CONCAT(external_id, '/', s.seq), "
              "'Forfait', 1000 FROM accounts, seq_1_to_14 s WHERE external_id LIKE 'ancien-%' AND (s.seq < 14 OR external_id = 'ancien-1');"
              f"INSERT INTO login_history (user_id, success, address, user_agent) SELECT {owner('ancien')}, TRUE, '::1', REPEAT('x', 100) FROM seq_1_to_400")
    add_payments(stack, 1, 2000)
    return Parent(stack, "ancien").log_in()


def add_payments(stack, first, last, comment="'Merci !'"):
    chosen = f"t.reference BETWEEN 'anc{first:017d}' AND 'anc{last:017d}'"
    # in one transaction: the worker expires what is CREATED and old, and lines may then no longer be written
    stack.sql("START TRANSACTION; INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email, comment, created_at) "
              "SELECT CONCAT('anc', LPAD(s.seq, 17, '0')), u.school_id, u.id, c.contract_id, 'ADVANCE', 2000, 'ancien@example.org', "
              f"{comment}, '2020-09-01' + INTERVAL s.seq DIV 2 HOUR FROM seq_{first}_to_{last} s, users u JOIN school_contracts c "
              "ON c.school_id = u.school_id WHERE u.login = 'ancien';"
              "INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents) SELECT t.id, 1, s.seq, "
              f"(SELECT MIN(id) FROM accounts WHERE external_id LIKE 'ancien-%'), 1000 FROM transactions t, seq_1_to_2 s WHERE {chosen};"
              "INSERT INTO transaction_history (transaction_id, from_state, to_state, note) SELECT t.id, 'PENDING', 'SETTLED', '' FROM transactions t, "
              f"seq_1_to_3 s WHERE {chosen}; UPDATE transactions t SET state = 'SETTLED' WHERE {chosen}; COMMIT")


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / STAT_TICKS


def test_two_thousand_payments_are_quick_and_few_statements(stack, veteran):
    def statements():
        """Of this server alone: each of these runs is one statement."""
        return int(re.search(r"^dp_db_runs_total (\d+)$", Client(stack, stack.ports["admin"]).get("/metrics").text, re.M).group(1))

    programs, costs, spent = [stack.children[name].pid for name in ("dp-server-0", "mariadb")], [], []
    for _ in range(4):  # the journal's keeper asks now and then: the least is the download's own
        before, began = statements(), [cpu_s(pid) for pid in programs]
        data = data_of(veteran)
        costs.append(statements() - before)
        spent.append(sum(cpu_s(pid) for pid in programs) - sum(began))
    print("statements", costs, "CPU seconds", spent)
    assert min(costs) < 5, costs
    assert min(spent) < 1, spent  # with sanitizers
    references = [payment["reference"] for payment in data["paiements"]]
    assert references == sorted(references) and len(set(references)) == len(references) == 2000
    assert all(len(payment["lignes"]) == 2 and len(payment["historique"]) == 3 for payment in data["paiements"])
    assert len(data["creances"]) == 40 and len(data["connexions"]) == 400 + count(stack, f"login_history WHERE user_id = {owner('ancien')} AND user_agent = ''")


def test_only_so_many_at_once(veteran):
    def one(_):
        return veteran.get("/mes-donnees.zip").status

    time.sleep(10)  # what the tests before have taken of the rate
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(one, range(8)))
    assert set(statuses) == {200, 503}
    assert one(0) == 200
    statuses = [one(0) for _ in range(30)]
    assert 429 in statuses and set(statuses) <= {200, 429}
    assert veteran.get("/mes-donnees").status == 200


def test_pieces_fit_together_and_too_much_is_said(stack, veteran):
    """More rows than one question gives; then more than the file may hold."""
    stack.sql(f"INSERT INTO login_history (user_id, success, address, user_agent) SELECT {owner('ancien')}, TRUE, '::1', '' FROM seq_1_to_3000")
    add_payments(stack, 2001, 4100)
    time.sleep(3)
    data = data_of(veteran)
    assert len({payment["reference"] for payment in data["paiements"]}) == len(data["paiements"]) == 4100
    assert len(data["connexions"]) == count(stack, f"login_history WHERE user_id = {owner('ancien')}") > 3400
    assert len(data["creances"]) == 40
    add_payments(stack, 4101, 9000, comment="REPEAT('€', 900)")
    time.sleep(2)
    answer = veteran.get("/mes-donnees.zip")
    assert (answer.status, answer.location) == (303, "/mes-donnees?fichier=trop-lourd")
    assert "gestionnaire" in veteran.get(answer.location).text
    stack.sql(f"DELETE FROM login_history WHERE user_id = {owner('ancien')}")
