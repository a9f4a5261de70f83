"""The family at a glance, and one payment for several children and claims: balances with their dates, lines that come and go without a
script, four lines over three children from the home page to the bank, the ledger, the receipt and the mails; and what a large family costs."""
import re
import secrets
import urllib.parse
from html import unescape

import pytest
from client import PASSWORD, Parent, until
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from test_receipts import attachment, confirmation, text_of

LINES_MAX, STATEMENTS_MAX, PAGE_BYTES_MAX, HEAD_BYTES_MAX = 20, 4, 30_000, 720


def words(text):
    """What is read of a page or a mail: no tags, ordinary spaces."""
    text = re.sub(r"<(style|title)>.*?</\1>", " ", text, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).replace("\u00a0", " ").replace("\u202f", " ").split())


@pytest.fixture(scope="module")
def stack(module_stack):
    """Made-up ledger lines need a stack of their own: elsewhere each cent is asked for."""
    return module_stack


class Family:
    """A parent with children of the school, made in the database."""

    def __init__(self, stack, children, role="PARENT"):
        self.stack, self.login = stack, "f" + secrets.token_hex(6)
        stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email) "
                  f"SELECT school_id, '{self.login}', '{self.login}', '{role}', password_hash, FALSE, 'Petit', 'Aline', '{self.login}@example.org' "
                  "FROM users WHERE login = 'durand'")
        self.accounts = [self.account(first, class_name) for first, class_name in children]
        self.parent = Parent(stack, self.login).log_in()

    def account(self, first, class_name):
        key = secrets.token_hex(8)
        self.stack.sql("INSERT INTO accounts (school_id, external_id, last_name, first_name, class_name) "
                       f"SELECT school_id, '{key}', 'Petit', '{first}', '{class_name}' FROM users WHERE login = '{self.login}'")
        (account,), = self.stack.sql(f"SELECT id FROM accounts WHERE external_id = '{key}'")
        self.is_paid_by(account)
        return account

    def is_paid_by(self, account):
        self.stack.sql(f"INSERT INTO account_payers (account_id, user_id) SELECT {account}, id FROM users WHERE login = '{self.login}'")

    def claim(self, account, cents, due="2027-01-31", label="Demi-pension", direct_debit=0):
        number = secrets.token_hex(4)
        self.stack.sql("INSERT INTO claims (school_id, account_id, number, label, due_date, amount_cents, direct_debit) "
                       f"SELECT school_id, id, '{number}', '{label}', '{due}', {cents}, {direct_debit} FROM accounts WHERE id = {account}")
        return self.stack.sql(f"SELECT id FROM claims WHERE number = '{number}'")[0][0]

    def balance(self, account, cents, moment="UTC_TIMESTAMP(6) - INTERVAL 1 DAY"):
        self.stack.sql(f"UPDATE accounts SET balance_cents = {cents}, balance_at = {moment} WHERE id = {account}")

    def home(self):
        return self.parent.get("/accueil").text

    def of(self, account):
        """What the home page says of one account."""
        part = re.search(rf'<div class="card account"[^>]*"compte-{account}">.*?</div>', self.home(), re.S)
        return words(part.group())


@pytest.fixture
def family(stack):
    return Family(stack, (("Lou", "6e C"), ("Mia", "3e A"), ("Noé", "2nde 4")))


@pytest.fixture
def claims(family):
    """Four, in the order of their due dates, over three children."""
    lou, mia, noe = family.accounts
    return [family.claim(lou, 15850, "2026-10-31", "Lou trimestre"), family.claim(mia, 17280, "2027-01-30", "Mia trimestre"),
            family.claim(noe, 9990, "2027-01-31", "Noé trimestre"), family.claim(mia, 4500, "2027-02-15", "Mia voyage")]


# --- balances ----------------------------------------------------------------------------------------------------------


def test_a_balance_is_the_schools_word_with_its_date(family):
    lou, mia, noe = family.accounts
    family.balance(lou, 2340, "'2026-11-27 23:00:00'")
    family.balance(mia, -123456, "'2026-07-01 16:30:00'")
    assert family.of(lou) == "Lou Petit 6e C Solde : 23,40 € au 28 novembre 2026, selon l'établissement Aucune créance à régler Créditer ce compte : Lou Petit"
    assert "Solde négatif : −1 234,56 € au 1er juillet 2026 à 18 h 30, selon l'établissement" in family.of(mia)
    assert "Solde" not in family.of(noe) and "€" not in family.of(noe)  # no number is made up


def test_what_was_paid_here_since_stands_apart(stack, bank, family):
    lou, mia, noe = family.accounts
    other = Family(stack, ())
    other.is_paid_by(lou)
    other.is_paid_by(mia)
    stranger = Family(stack, (("Zoé", "6e A"),))
    before = family.parent.pay(bank, "7", compte=lou)
    family.parent.wait_for_state(before, "AUTHORISED")
    for account in (lou, mia, noe):
        family.balance(account, 2340, "UTC_TIMESTAMP(6)")
    assert "payés ici" not in family.of(lou)
    mine = family.parent.pay(bank, "20", compte=lou, compte_2=noe, montant_2="5")
    theirs = other.parent.pay(bank, "30", compte=lou, compte_2=mia, montant_2="11,50")
    stranger.parent.wait_for_state(stranger.parent.pay(bank, "99", compte=stranger.accounts[0]), "AUTHORISED")
    family.parent.wait_for_state(mine, "AUTHORISED")
    other.parent.wait_for_state(theirs, "AUTHORISED")
    assert "Solde : 23,40 €" in family.of(lou) and "+ 50,00 € payés ici depuis, dont 30,00 € par un autre payeur" in family.of(lou)
    assert "+ 11,50 € payés ici depuis, par un autre payeur" in family.of(mia)
    assert "+ 5,00 € payés ici depuis Aucune" in family.of(noe)
    assert "+ 50,00 € payés ici depuis, dont 20,00 € par un autre payeur" in other.of(lou)
    for private in (other.login, theirs, "41,50"):  # neither who, nor which payment
        assert private not in family.home()
    assert family.parent.get(f"/paiement/{theirs}").status == 404


def test_a_payment_that_the_bank_takes_back_is_taken_off(bank, family):
    lou = family.accounts[0]
    family.balance(lou, 0, "UTC_TIMESTAMP(6)")
    reference = family.parent.pay(bank, "20", compte=lou)
    family.parent.wait_for_state(reference, "AUTHORISED")
    bank.send(reference=reference, etat="20")
    family.parent.wait_for_state(reference, "REVERSED")
    assert "+ 20,00 € payés ici depuis − 20,00 € depuis : un paiement fait ici a été rejeté ou remboursé" in family.of(lou)
    family.balance(lou, -2000, "UTC_TIMESTAMP(6)")
    assert "depuis" not in family.of(lou)


def test_money_in_suspense_is_not_on_the_account(stack, family):
    """A payment for a claim that was settled meanwhile: a human looks where it belongs."""
    lou = family.accounts[0]
    family.balance(lou, 100)
    reference = family.parent.credit("5", compte=lou)
    for book, shown in (("SUSPENSE", False), ("ACCOUNT", True)):
        stack.sql("INSERT INTO ledger_entries (contract_id, transaction_id, kind, leg, book, account_id, amount_cents, bank_ref, event_id) SELECT contract_id, "
                  f"id, 'PAYMENT', 1 + {shown}, '{book}', {lou}, -500, '{family.login}', REPEAT('x', 32) FROM transactions WHERE reference = '{reference}'")
        assert ("+ 5,00 € payés ici" in family.of(lou)) == shown


def test_a_commensal_is_no_pupil(stack):
    commensal = Family(stack, (("Aline", ""),), role="COMMENSAL")
    commensal.balance(commensal.accounts[0], 5700)
    text = words(commensal.home() + commensal.parent.get("/crediter").text)
    assert "Compte de cantine Aline Petit Solde : 57,00 €" in text and "élève" not in text and "enfant" not in text


def test_what_was_paid_is_found_by_its_key(stack, family):
    lou = family.accounts[0]
    family.balance(lou, 0)
    stack.sql("INSERT INTO ledger_entries (contract_id, kind, leg, book, account_id, amount_cents, bank_ref, event_id, booked_at) "
              f"SELECT c.id, 'PAYMENT', 1, 'ACCOUNT', {lou}, -100, CONCAT('{family.login}', s.seq), REPEAT('x', 32), '2020-01-01' "
              "FROM (SELECT MIN(id) AS id FROM bank_contracts) c, seq_1_to_2000 s; ANALYZE TABLE ledger_entries")
    plan = stack.sql(f"EXPLAIN SELECT SUM(c.amount_cents) FROM accounts a LEFT JOIN account_credits c ON c.account_id = a.id "
                     f"AND c.booked_at >= a.balance_at WHERE a.id = {lou}")
    (ledger,) = [row for row in plan if row[2] == "l"]
    assert ledger[5] == "account_since" and ledger[3] in ("ref", "range"), plan
    assert "payés ici" not in family.of(lou)


# --- from the home page to the form ------------------------------------------------------------------------------------


def chosen(page):
    """The lines of a form as (account, claim, amount)."""
    return [tuple(page.fields.get(name + ("" if n == 1 else f"_{n}"), "") for name in ("compte", "creance", "montant"))
            for n in range(1, LINES_MAX + 1) if f"montant{'' if n == 1 else f'_{n}'}" in page.fields]


def test_the_claims_stand_under_their_child(family, claims):
    lou, mia, noe = family.accounts
    family.claim(noe, 2000, label="Abonnement", direct_debit=1)
    home = words(family.home())
    assert "À régler : 476,20 € en tout, pour 4 créances. Tout régler" in home
    assert "Lou trimestre" in family.of(lou) and "158,50 € Échéance dépassée : 31 octobre 2026" in family.of(lou)
    assert re.search("Mia trimestre.*172,80 € À régler avant le 30 janvier 2027 Mia voyage.*45,00 €", family.of(mia))
    assert "Noé trimestre" in family.of(noe) and "réglée par prélèvement" in family.of(noe)
    assert len(re.findall('type="checkbox" name="creance"', family.home())) == 4


def test_one_claim_needs_no_box(family):
    family.claim(family.accounts[0], 15850)
    assert 'name="creance"' not in family.home() and "cochées" not in family.home() and ">Régler 158,50" in family.home().replace("\u00a0", " ")


def focused(browser, name):
    """Asked of the page itself: an element of the page before is gone."""
    until(f"the focus on {name}", lambda: browser.execute_script("return document.activeElement.getAttribute('name')") == name)


def test_claims_that_are_ticked_fill_the_form(browser, stack, family, claims):
    browser.get(stack.url + "/connexion")
    browser.delete_all_cookies()
    browser.get(stack.url + "/connexion")
    browser.find_element(By.NAME, "identifiant").send_keys(family.login)
    browser.find_element(By.NAME, "mot_de_passe").send_keys(PASSWORD, Keys.ENTER)
    until("the home page", lambda: browser.current_url.endswith("/accueil"))
    for claim in (claims[3], claims[0]):
        browser.find_element(By.CSS_SELECTOR, f"input[value='{claim}']").click()
    browser.find_element(By.XPATH, "//button[contains(., 'cochées')]").click()
    until("the form", lambda: browser.current_url.startswith(stack.url + "/crediter?"))
    assert "Total : 203,50" in words(browser.page_source)
    browser.find_element(By.XPATH, "(//button[@name='retirer'])[1]").click()
    until("the form without it", lambda: "Ligne 1 retirée" in browser.page_source)
    assert browser.find_element(By.ID, "type-creance").is_selected()
    focused(browser, "compte")
    browser.find_element(By.NAME, "ajouter").click()
    focused(browser, "compte_2")  # where one goes on
    Select(browser.find_element(By.NAME, "compte_2")).select_by_value(family.accounts[0])
    Select(browser.find_element(By.NAME, "creance_2")).select_by_value(claims[0])
    email = browser.find_element(By.NAME, "courriel")
    email.clear()
    email.send_keys("aline@example.org", Keys.ENTER)  # Continuer, though other buttons stand above it
    until("the recap", lambda: "/paiement/" in browser.current_url)
    assert "203,50" in words(browser.page_source)


def test_all_claims_or_some_in_one_line_each(family, claims):
    lou, mia, noe = family.accounts
    due = [(lou, claims[0], "158,50"), (mia, claims[1], "172,80"), (noe, claims[2], "99,90"), (mia, claims[3], "45,00")]
    for query, expected in ((f"creance={claims[2]}", [due[2]]), (f"creance={claims[3]}&creance={claims[0]}&creance={claims[3]}", [due[0], due[3]]),
                            ("tout=oui", due), ("&".join(f"creance={claim}" for claim in claims), due)):
        answer = family.parent.get(f"/crediter?{query}")
        assert chosen(answer.page) == expected and answer.page.fields["type"] == "creance", query
    assert "Total : 476,20 €" in words(answer.text)
    for bad in ("creance=x&creance=1", f"creance={claims[0]}&creance=", "creance=1&creance=%zz", "compte=1&compte=1"):
        assert family.parent.get(f"/crediter?{bad}").status == 400, bad


def test_claims_that_cannot_be_paid_are_said(stack, family, claims, martin):
    debit, foreign = family.claim(family.accounts[0], 900, direct_debit=1), stack.sql("SELECT MIN(id) FROM claims WHERE number = '150731'")[0][0]
    stack.sql(f"UPDATE claims SET settled_cents = amount_cents WHERE id = {claims[1]}")
    answer = family.parent.get(f"/crediter?creance={claims[0]}&creance={claims[1]}&creance={debit}&creance={foreign}")
    assert "3 créances choisies ne sont pas reprises" in words(answer.text) and [line[1] for line in chosen(answer.page)] == [claims[0]]
    assert "150731" not in answer.text
    assert "Une créance choisie n'est pas reprise" in words(family.parent.get(f"/crediter?creance={claims[1]}").text)
    assert "Aucune créance n'était cochée" in words(family.parent.get("/crediter?cochees=oui").text)


def test_more_than_twenty_are_said_in_words(family):
    ids = [family.claim(family.accounts[n % 3], 1000 + n, f"2027-01-{n + 1:02d}") for n in range(23)]
    for query in ("tout=oui", "&".join(f"creance={claim}" for claim in reversed(ids))):
        answer = family.parent.get(f"/crediter?{query}")
        assert [line[1] for line in chosen(answer.page)] == ids[:LINES_MAX]
        assert "Un paiement règle 20 créances au plus. Les plus urgentes sont reprises ici ; il en reste 3, à régler ensuite" in words(answer.text)
    home = words(family.home())
    assert "Régler les 20 premières Un paiement règle 20 créances au plus" in home and home.count("Non affichées ici : 1,") == 3
    assert len(re.findall('type="checkbox" name="creance"', family.home())) == LINES_MAX
    fields = {name: value for name, value in answer.page.fields.items() if name != "retirer"}
    assert family.parent.post("/crediter", fields).status == 303


# --- lines that come and go --------------------------------------------------------------------------------------------


def payments(stack):
    return stack.sql("SELECT COUNT(*) FROM transactions UNION ALL SELECT COUNT(*) FROM transaction_lines")


def press(parent, page, button, value="ligne", path="/crediter", **changes):
    fields = {name: text for name, text in page.fields.items() if name not in ("ajouter", "retirer")}
    before = payments(parent.stack)
    answer = parent.post(path, {**fields, **changes, button: value})
    assert answer.status == 200 and payments(parent.stack) == before
    return answer


def test_lines_keep_what_was_typed(family, claims):
    lou, mia, noe = family.accounts
    typed = {"type": "avance", "compte": lou, "montant": "quinze <b>", "courriel": "pas-une-adresse", "commentaires": "Bonjour\nà vous"}
    page = press(family.parent, family.parent.get("/crediter").page, "ajouter", **typed).page
    assert chosen(page) == [(lou, "", "quinze <b>"), ("", "", "")]
    assert page.fields["type"] == "avance" and page.fields["courriel"] == "pas-une-adresse" and "Bonjour\nà vous</textarea>" in page.html
    assert 'class="error"' not in page.html and "Total" not in page.html  # nobody has handed it in, and the sum is not known
    page = press(family.parent, page, "ajouter", montant="15", compte_2=mia, montant_2="7,5").page
    assert "Total : 22,50 €" in words(page.html)
    page = press(family.parent, page, "retirer", value="1", compte_3=noe, montant_3="1").page
    assert chosen(page) == [(mia, "", "7,5"), (noe, "", "1")] and "Ligne 1 retirée." in page.html and "Total : 8,50 €" in words(page.html)
    page = press(family.parent, page, "retirer", value="2").page
    assert chosen(page) == [(mia, "", "7,5")] and "retirer" not in page.html
    page = press(family.parent, page, "retirer", value="1").page  # no button says it; nothing is lost but the line
    assert chosen(page) == [(mia, "", "")]
    for value in ("", "0", "21", "x", "9223372036854775808"):
        assert chosen(press(family.parent, page, "retirer", value=value).page) == [(mia, "", "")]


def test_twenty_lines_are_the_most(stack, family):
    page = family.parent.get("/crediter").page
    for n in range(2, LINES_MAX + 1):
        assert 'name="ajouter"' in page.html
        page = press(family.parent, page, "ajouter", **({"type": "avance"} if n == 2 else {})).page
        assert len(chosen(page)) == n
    assert 'name="ajouter"' not in page.html and "20 lignes au plus" in words(page.html)
    full = press(family.parent, page, "ajouter").page
    assert len(chosen(full)) == LINES_MAX and "Aucune ligne n'est ajoutée : un paiement en compte 20 au plus" in words(full.html)
    lines = {}
    for n in range(1, LINES_MAX + 1):
        lines.update({"compte" + (f"_{n}" if n > 1 else ""): family.accounts[n % 3], "montant" + (f"_{n}" if n > 1 else ""): str(n)})
    fields = {**{name: value for name, value in full.fields.items() if name not in ("ajouter", "retirer")}, **lines}
    reference = family.parent.post("/crediter", fields).location.removeprefix("/paiement/")
    assert stack.sql("SELECT COUNT(*), SUM(l.amount_cents), t.amount_cents FROM transactions t JOIN transaction_lines l ON l.transaction_id = t.id "
                     f"WHERE t.reference = '{reference}'") == [["20", "21000", "21000"]]


def test_lines_without_claims_keep_their_accounts(family, claims):
    """The claims taken out again, the accounts stay: a claim that the school attributes, or a payment in advance."""
    fields = {name: value for name, value in family.parent.get("/crediter?tout=oui").page.fields.items() if name != "retirer"}
    emptied = {**fields, **{name: "" for name in fields if name.startswith("creance")}}
    recap = words(family.parent.get(family.parent.post("/crediter", emptied).location).text)
    assert recap.count("Créance à imputer par l'établissement") == 4 and "476,20 €" in recap
    recap = words(family.parent.get(family.parent.post("/crediter", {**fields, "type": "avance"}).location).text)
    assert recap.count("Paiement d'avance 1") + recap.count("Paiement d'avance 9") + recap.count("Paiement d'avance 4") == 4 and "trimestre" not in recap


def test_lines_of_a_stored_payment_are_modified(family, claims):
    fields = {name: value for name, value in family.parent.get("/crediter?tout=oui").page.fields.items() if name != "retirer"}
    address = "/crediter?reference=" + family.parent.post("/crediter", fields).location.removeprefix("/paiement/")
    page = family.parent.get(address).page
    assert [line[1] for line in chosen(page)] == claims and "Total : 476,20 €" in words(page.html)
    page = press(family.parent, page, "retirer", value="3", path=address).page
    assert f'action="{address}"' in page.html and [line[1] for line in chosen(page)] == [claims[0], claims[1], claims[3]]
    answer = family.parent.post(address, {name: value for name, value in page.fields.items() if name not in ("ajouter", "retirer")})
    assert "376,30 €" in words(family.parent.get(answer.location).text)


def test_buttons_need_the_forms_token(family):
    for button in ("ajouter", "retirer"):
        assert family.parent.post("/crediter", {button: "1"}).status == 403


def test_a_total_that_is_too_high_is_said_at_the_total(family):
    lou, mia, _ = family.accounts
    answer = family.parent.submit("/crediter", {"type": "avance", "compte": lou, "montant": "6000", "compte_2": mia, "montant_2": "6000", "courriel": "a@b.fr"})
    assert answer.status == 422 and 'href="#total"' in answer.text and 'id="total"' in answer.text and "Ligne 1 : Le montant" not in words(answer.text)


# --- one payment of four lines over three children ---------------------------------------------------------------------


def test_four_lines_over_three_children(stack, bank, mails, family, claims):
    parent, (lou, mia, noe) = family.parent, family.accounts
    fields = {name: value for name, value in parent.get("/crediter?tout=oui").page.fields.items() if name != "retirer"}
    answer = parent.post("/crediter", {**fields, "courriel": "aline@example.org"})
    reference = answer.location.removeprefix("/paiement/")
    expected = [("Lou Petit (6e C)", "Lou trimestre", "158,50 €"), ("Mia Petit (3e A)", "Mia trimestre", "172,80 €"),
                ("Noé Petit (2nde 4)", "Noé trimestre", "99,90 €"), ("Mia Petit (3e A)", "Mia voyage", "45,00 €")]

    def lists_them(text, pattern):
        found = [re.search(pattern.format(*(re.escape(part) for part in line)), text) for line in expected]
        assert all(found) and [f.start() for f in found] == sorted(f.start() for f in found), (pattern, text)

    recap = words(parent.get(answer.location).text)
    lists_them(recap, "{0} Créance : n° [0-9a-f]+, {1} {2}")
    assert "Régler des créances" in recap and "Montant total de la transaction 476,20 €" in recap and "Payer 476,20 €" in recap
    address = parent.send(reference)
    assert urllib.parse.parse_qs(address.partition("?")[2])["montant"] == ["476.20"]  # one card payment
    bank.open(address)
    bank.type_card(reference, "1234567890123456")
    parent.wait_for_state(reference, "AUTHORISED")
    page = words(parent.get(f"/paiement/{reference}").text)
    lists_them(page, "{0} Créance : n° [0-9a-f]+, {1} {2}")
    assert "quatre cent soixante-seize euros et vingt centimes" in page
    assert stack.sql("SELECT l.leg, l.book, COALESCE(l.account_id, 0), COALESCE(l.claim_id, 0), l.amount_cents FROM ledger_entries l JOIN transactions t "
                     f"ON t.id = l.transaction_id WHERE t.reference = '{reference}' ORDER BY l.leg") == [
        ["0", "BANK", "0", "0", "47620"], ["1", "CLAIM", lou, claims[0], "-15850"], ["2", "CLAIM", mia, claims[1], "-17280"],
        ["3", "CLAIM", noe, claims[2], "-9990"], ["4", "CLAIM", mia, claims[3], "-4500"]]
    assert stack.sql(f"SELECT COUNT(*) FROM claims WHERE id IN ({','.join(claims)}) AND settled_cents = amount_cents") == [["4"]]
    assert stack.sql(f"SELECT COUNT(*) FROM receipts r JOIN transactions t ON t.id = r.transaction_id WHERE t.reference = '{reference}'") == [["1"]]
    mail = confirmation(mails, reference)
    _, pdf = attachment(mail)
    receipt = text_of(pdf).replace("\u00a0", " ").replace("\u202f", " ")
    lists_them(receipt, "{0} +Créance : n° [0-9a-f]+, {1} +{2}")
    assert "Total 476,20 €" in receipt and "Règlement de créances" in receipt
    until("both mails", lambda: len(mails.about(reference)) == 2)
    for mail in mails.about(reference):
        for body in (mail["text"], mail["html"]):
            lists_them(words(body), "{0} : {2} Créance : n° [0-9a-f]+, {1}")
            assert "Total : 476,20 €" in words(body) and "règlement de créances" in body
    history = words(parent.get("/historique").text)
    assert "Lou : 158,50 € Mia : 217,80 € Noé : 99,90 € 476,20 € Paiement validé" in history
    assert "Aucune créance à régler" in family.of(lou) and "Tout régler" not in family.home()


def test_top_ups_for_several_children(bank, family):
    lou, mia, noe = family.accounts
    reference = family.parent.pay(bank, "10", compte=lou, compte_2=mia, montant_2="20", compte_3=noe, montant_3="30,5")
    family.parent.wait_for_state(reference, "AUTHORISED")
    page = words(family.parent.get(f"/paiement/{reference}").text)
    assert re.search(r"Lou Petit \(6e C\) Paiement d'avance 10,00 € Mia Petit \(3e A\) Paiement d'avance 20,00 € Noé Petit \(2nde 4\) Paiement d'avance 30,50 €", page)


# --- what a large family costs -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(stack):
    """Three children, forty claims, two thousand payments."""
    family = Family(stack, (("Lou", "6e C"), ("Mia", "3e A"), ("Noé", "2nde 4")))
    for n in range(40):
        family.claim(family.accounts[n % 3], 4250 + n, f"2027-{n // 28 + 1:02d}-{n % 28 + 1:02d}", f"Demi-pension, mois {n + 1}")
    for account in family.accounts:
        family.balance(account, 2340, "'2024-11-01'")
    mine = f"t.reference LIKE 'big%' AND u.login = '{family.login}'"
    stack.sql("START TRANSACTION; INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email, created_at, accepted_at, "
              "bank_ref) SELECT CONCAT('big', LPAD(s.seq, 17, '0')), u.school_id, u.id, c.contract_id, 'ADVANCE', 300, u.email, "
              "'2023-09-01' + INTERVAL s.seq * 6 HOUR, '2023-09-01' + INTERVAL s.seq * 6 HOUR, CONCAT('big', s.seq) "
              f"FROM users u JOIN school_contracts c ON c.school_id = u.school_id, seq_1_to_2000 s WHERE u.login = '{family.login}';"
              "INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents) SELECT t.id, 1, "
              "ROW_NUMBER() OVER (PARTITION BY t.id ORDER BY p.account_id), p.account_id, 100 FROM transactions t JOIN users u ON u.id = t.user_id "
              f"JOIN account_payers p ON p.user_id = u.id WHERE {mine};"
              f"UPDATE transactions t JOIN users u ON u.id = t.user_id SET t.state = 'SETTLED' WHERE {mine}; COMMIT;"
              "INSERT INTO ledger_entries (contract_id, transaction_id, kind, leg, book, account_id, amount_cents, bank_ref, event_id, booked_at) SELECT "
              "t.contract_id, t.id, 'PAYMENT', l.position, 'ACCOUNT', l.account_id, -100, t.bank_ref, REPEAT('x', 32), t.accepted_at FROM transactions t "
              f"JOIN users u ON u.id = t.user_id JOIN transaction_lines l ON l.transaction_id = t.id WHERE {mine};"
              "INSERT INTO receipts (transaction_id, school_id, year, number) SELECT t.id, t.school_id, YEAR(t.created_at), "
              f"500000 + t.id FROM transactions t JOIN users u ON u.id = t.user_id WHERE {mine};"
              f"INSERT INTO login_history (user_id, success, address, user_agent) SELECT u.id, TRUE, '::1', '' FROM users u, seq_1_to_200 s WHERE "
              f"u.login = '{family.login}'; ANALYZE TABLE transactions, transaction_lines, ledger_entries, claims, accounts")
    family.created = family.parent.credit("5")
    return family


PAGES = ("/accueil", "/coordonnees", "/crediter", "/crediter?tout=oui", "/crediter?creance={claim}", "/crediter?reference={created}", "/mot-de-passe",
         "/paiement/{created}", "/paiement/{settled}", "/retour-banque", "/historique", "/historique?compte={account}&etat=valides&annee=2023",
         "/historique/paiements.csv", "/historique/attestation?annee=2024", "/historique/connexions", "/aide", "/accessibilite", "/mentions-legales",
         "/donnees-personnelles", "/session", "/mes-donnees", "/mes-donnees.zip", "/paiement/{created}/abandonner", "/paiement/{settled}/probleme")
FILES = (".csv", ".zip")
OWN_BUSINESS = re.compile("journal_reports|FROM inbox|FROM bank_contracts|FROM school_files")  # of the process, not of a page; and files


def statements_of(stack, action):
    """What dp-server asked MariaDB during `action`."""
    stack.sql("SET GLOBAL log_output = 'TABLE'; TRUNCATE mysql.general_log; SET GLOBAL general_log = ON")
    try:
        result = action()
    finally:
        stack.sql("SET GLOBAL general_log = OFF")
    rows = stack.sql("SELECT REPLACE(REPLACE(CONVERT(argument USING utf8mb4), '\\n', ' '), '\\t', ' ') FROM mysql.general_log "
                     "WHERE command_type IN ('Execute', 'Query') AND user_host LIKE '%dp_server%'")
    return result, [statement for (statement,) in rows if not OWN_BUSINESS.search(statement)]


def filled_in(stack, large, path):
    claim, = stack.sql(f"SELECT MIN(id) FROM claims WHERE account_id = {large.accounts[0]}")[0]
    settled, = stack.sql(f"SELECT MAX(t.reference) FROM transactions t JOIN users u ON u.id = t.user_id WHERE u.login = '{large.login}' AND "
                         "t.state = 'SETTLED'")[0]
    return path.format(claim=claim, created=large.created, settled=settled, account=large.accounts[0])


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_the_database_much_or_is_heavy(stack, large, path):
    address = filled_in(stack, large, path)
    answer, statements = statements_of(stack, lambda: large.parent.get(address))
    assert answer.status in (200, 303), answer.text[:2000]
    # The file of all payments is read piece by piece: 500 of them hold a connection for a moment only.
    assert len(statements) <= (STATEMENTS_MAX if ".csv" not in path else 1 + 2001 // 500 + 1), "\n".join(statements)
    if path != "/retour-banque":  # an old page's statements prove that the log is read
        assert statements and "FROM users" in statements[0]
    if not path.endswith(FILES):
        assets = [large.parent.get(file) for file in sorted(set(re.findall(r'"(/(?:statique|ecole|session)/[^"]+)"', answer.text)))]
        weight = sum(len(one.body) + HEAD_BYTES_MAX for one in (answer, *assets))
        assert weight < PAGE_BYTES_MAX, weight


def test_the_pages_of_routes_c_are_all_there(stack):
    from test_routes import ROUTES
    pages = {path.partition("?")[0].replace("{created}", "{reference}").replace("{settled}", "{reference}") for path in PAGES}
    logged_in = {path.partition("?")[0] for path, (methods, _, owner, *_) in ROUTES.items()
                 if methods and "GET" in methods and (owner == 200 or path == "/retour-banque")}
    others = {"/mot-de-passe-oublie", "/favicon.ico", "/robots.txt"}
    assert logged_in - others <= pages, logged_in - others - pages


def test_a_large_family_at_a_glance(large):
    home = words(large.home())
    assert "À régler : 1 707,80 € en tout, pour 40 créances. Régler les 20 premières" in home
    assert re.search(r"\+ [\d ]+,00 € payés ici depuis", large.of(large.accounts[0]))


def test_a_year_of_many_payments_is_told_by_month(large):
    year = words(large.parent.get("/historique/attestation?annee=2024").text)
    assert "Par mois Mois Paiements Montant janvier 124 372,00 € février 116 348,00 € mars 124" in year and "4 392,00 €" in year
    assert "Par paiement" not in year and "La liste des paiements, un par un, se télécharge" in year
