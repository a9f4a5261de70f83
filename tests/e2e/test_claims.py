"""Claims that cannot be paid twice: two tabs, two parents, part payments, direct debit; and what each of them reads meanwhile."""
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from client import Parent, until

NBSP = "\N{NO-BREAK SPACE}"
ACCEPTED, REFUSED = "1234567890123456", "0000000000000000"
HELD = f"Un autre payeur règle cette créance{NBSP}: ne payez pas une seconde fois."
HELD_BY_ME = f"Votre paiement de cette créance est en cours{NBSP}: ne payez pas une seconde fois."


class Family:
    """A pupil of the demonstration school with two parents who live apart."""

    def __init__(self, stack):
        self.stack, self.key = stack, secrets.token_hex(5)
        self.account = self.insert("accounts (school_id, external_id, last_name, first_name, class_name)", "school_id, '{key}', 'Roy', 'Lou', '6e B'")
        self.parents = [self.parent(number, first) for number, first in enumerate(("Ariane", "Bastien"))]

    def insert(self, columns, values):
        table, values = columns.split(" ")[0], values.format(key=self.key)
        self.stack.sql(f"INSERT INTO {columns} SELECT {values} FROM users WHERE login = 'durand'")
        return self.stack.sql(f"SELECT MAX(id) FROM {table}")[0][0]

    def parent(self, number, first):
        login = f"roy{self.key}{number}"
        user = self.insert("users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email)",
                           f"school_id, '{login}', '{login}', 'PARENT', password_hash, FALSE, 'Roy-{first}', '{first}', '{login}@example.org'")
        self.stack.sql(f"INSERT INTO account_payers (account_id, user_id) VALUES ({self.account}, {user})")
        return Parent(self.stack, login).log_in()

    def claim(self, cents=15850, direct_debit=0):
        number = secrets.token_hex(5)
        return self.insert("claims (school_id, account_id, number, label, due_date, amount_cents, direct_debit)",
                           f"school_id, {self.account}, '{number}', 'Forfait {number}', '2027-01-31', {cents}, {direct_debit}")


@pytest.fixture
def family(stack):
    return Family(stack)


@pytest.fixture
def part_payment(stack):
    stack.sql("UPDATE schools SET part_payment_allowed = TRUE")
    yield
    stack.sql("UPDATE schools SET part_payment_allowed = FALSE")


def form(claim, amount="", **more):
    return {"type": "creance", "compte": "", "creance": claim, "montant": amount, "courriel": "parent@example.org", **more}


def recap(parent, claim, amount="", **more):
    return parent.credit(amount, **form(claim, **more) | {"montant": amount})


def press_pay(parent, reference):
    return parent.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form="/coordonnees")


def run_out(stack, claim):
    """An hour passes for this claim."""
    stack.sql(f"UPDATE claims SET reserved_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id = {claim}")


def reservation(stack, claim):
    return stack.sql(f"SELECT reserved_for, reserved_until > UTC_TIMESTAMP(6) FROM claims WHERE id = {claim}")[0]


def settle(parent, bank, reference):
    bank.open(parent.send(reference))
    bank.type_card(reference, ACCEPTED)
    parent.wait_for_state(reference, "AUTHORISED")


def wait_released(stack, claim):
    until("the claim is given back", lambda: reservation(stack, claim) == ["NULL", "NULL"])


def assert_not_sent(parent, reference):
    answer = press_pay(parent, reference)
    assert (answer.status, answer.location) == (303, f"/paiement/{reference}"), answer.text[:500]
    return parent.get(answer.location)


def clock(stack, claim, column):
    """Hours and minutes of Paris as pages write them."""
    at = stack.sql(f"SELECT DATE_FORMAT({column}, '%Y-%m-%d %H:%i') FROM claims c JOIN transactions t ON "
                   f"t.reference = c.reserved_for WHERE c.id = {claim}")[0][0]
    local = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=timezone.utc).astimezone(ZoneInfo("Europe/Paris"))
    return f"{local.hour}{NBSP}h{NBSP}{local.minute:02d}"


# --- told, and refused -------------------------------------------------------------------------------------------------


def test_the_second_parent_is_told_and_cannot_pay(stack, family):
    first, second = family.parents
    claim = family.claim()
    early = recap(second, claim)  # both have their recaps before either pays
    reference = recap(first, claim)
    assert HELD not in second.get(f"/paiement/{early}").text
    first.send(reference)
    assert reservation(stack, claim) == [reference, "1"]

    pages = {"recap": assert_not_sent(second, early), "home": second.get("/accueil"), "form": second.get("/crediter")}
    since, last = clock(stack, claim, "t.sent_at"), clock(stack, claim, "c.reserved_until")
    for name, page in pages.items():
        assert HELD in page.text and f"à {since}, se termine par carte, sur le site de la banque" in page.text, name
        assert f"réservée jusqu'à {last} au plus tard" in page.text, name
        for secret in (reference, "Ariane", first.login):
            assert secret not in page.text, (name, secret)
    assert "/payer" not in pages["recap"].text and f"/crediter?reference={early}" in pages["recap"].text
    assert f"/crediter?creance={claim}" not in pages["home"].text
    assert claim not in pages["form"].page.options.get("creance", [])
    assert stack.sql(f"SELECT state, sent_at FROM transactions WHERE reference = '{early}'") == [["CREATED", "NULL"]]

    answer = second.submit("/crediter", form(claim))
    assert answer.status == 422 and "Un autre payeur règle cette créance par carte" in answer.text and last in answer.text
    assert answer.page.fields["creance"] == claim, "else the browser sends the same form as “autre créance”"
    changed = second.get(f"/crediter?reference={early}").page
    assert changed.fields["creance"] == claim
    modified = second.submit(f"/crediter?reference={early}", {"type": "avance", "compte": family.account, "montant": "20",
                                                              "courriel": "a@example.org"})
    assert modified.status == 303 and second.send(modified.location.removeprefix("/paiement/"))


def test_two_tabs_of_one_parent(stack, family):
    parent, claim = family.parents[0], family.claim()
    tabs = [recap(parent, claim) for _ in range(2)]
    address = parent.send(tabs[0])
    for page in (assert_not_sent(parent, tabs[1]), parent.get("/accueil"), parent.get("/crediter")):
        assert HELD_BY_ME in page.text and f'<a href="/paiement/{tabs[0]}">Reprendre ou voir ce paiement</a>' in page.text
    answer = parent.submit("/crediter", form(claim))
    assert answer.status == 422 and "Un autre de vos paiements règle cette créance" in answer.text
    assert parent.send(tabs[0]) == address, "and the first goes on"


def test_a_payment_that_is_resumed_keeps_its_reservation(stack, family):
    parent, claim = family.parents[0], family.claim()
    reference = recap(parent, claim)
    address = parent.send(reference)
    ends = f"SELECT reserved_until FROM claims WHERE id = {claim}"
    before = stack.sql(ends)
    assert parent.send(reference) == address and stack.sql(ends) == before, "others were told its end"
    run_out(stack, claim)
    assert parent.send(reference) == address and reservation(stack, claim) == [reference, "1"], "nobody else wanted it"


def test_a_payment_whose_claim_went_to_another_is_not_resumed(stack, family, bank):
    first, second = family.parents
    claim = family.claim()
    late, next_one = recap(first, claim), recap(second, claim)
    first.send(late)
    run_out(stack, claim)
    bank.open(second.send(next_one))
    page = assert_not_sent(first, late)
    assert HELD in page.text and "Ce paiement ne peut plus être repris" in page.text and "/payer" not in page.text
    assert next_one not in page.text and reservation(stack, claim) == [next_one, "1"]
    bank.type_card(next_one, ACCEPTED)
    second.wait_for_state(next_one, "AUTHORISED")
    page = assert_not_sent(first, late)
    assert "déjà réglée par un autre payeur" in page.text and first.state(late) == "PENDING"


def test_settled_meanwhile(stack, family, bank):
    first, second = family.parents
    claim = family.claim()
    recaps = [recap(parent, claim) for parent in (first, second)]
    paid = recap(first, claim)
    settle(first, bank, paid)
    own, other = (assert_not_sent(parent, reference).text for parent, reference in zip((first, second), recaps))
    assert f'déjà réglée par un paiement que vous avez fait. <a href="/paiement/{paid}">' in own
    assert "déjà réglée par un autre payeur" in other and paid not in other


def test_direct_debit_is_shown_and_not_payable(stack, family):
    parent = family.parents[0]
    claim, turned = family.claim(direct_debit=1), family.claim()
    why = f"réglée par prélèvement{NBSP}: elle ne se paie pas par carte"
    reference = recap(parent, turned)
    stack.sql(f"UPDATE claims SET direct_debit = TRUE WHERE id = {turned}")
    for page in (parent.get("/accueil"), parent.get("/crediter")):
        assert page.text.count(why) == 2
        assert f"creance={claim}" not in page.text and claim not in page.page.options.get("creance", [])
    answer = parent.submit("/crediter", form(claim))
    assert answer.status == 422 and f"par prélèvement{NBSP}: elle ne se paie pas par carte." in answer.text
    assert why in assert_not_sent(parent, reference).text


def test_one_of_several_claims_is_taken(stack, family):
    first, second = family.parents
    claims = [family.claim() for _ in range(3)]
    several = recap(first, claims[0], creance_2=claims[1], montant_2="", creance_3=claims[2], montant_3="")
    second.send(recap(second, claims[1]))
    page = assert_not_sent(first, several)
    assert page.text.count(HELD) == 1
    assert [reservation(stack, claim)[0] for claim in (claims[0], claims[2])] == ["NULL", "NULL"], "nothing is kept for it"
    assert stack.sql(f"SELECT state, bank_request FROM transactions WHERE reference = '{several}'") == [["CREATED", "NULL"]]
    run_out(stack, claims[1])
    first.send(several)
    assert [reservation(stack, claim) for claim in claims] == [[several, "1"]] * 3


def test_many_press_pay_at_once_and_one_goes_to_the_bank(stack, family):
    claims = [family.claim() for _ in range(2)]
    payments = []
    for number in range(16):
        parent = Parent(stack, family.parents[number % 2].login)
        parent.cookies = dict(family.parents[number % 2].cookies)
        one, two = claims if number % 4 < 2 else claims[::-1]  # in both orders: locks that cross
        payments.append((parent, recap(parent, one, creance_2=two, montant_2="")))
    csrf = {parent: parent.get("/coordonnees").page.fields["csrf"] for parent, _ in payments}
    start = threading.Barrier(len(payments))

    def press(payment):
        parent, reference = payment
        start.wait()
        return parent.post(f"/paiement/{reference}/payer", {"csrf": csrf[parent], "moyen": "CBS"})

    with ThreadPoolExecutor(len(payments)) as pool:
        answers = list(pool.map(press, payments))
    assert {answer.status for answer in answers} == {303}
    sent = [reference for (_, reference), answer in zip(payments, answers) if "init.do?" in answer.location]
    assert len(sent) == 1 and [reservation(stack, claim) for claim in claims] == [[sent[0], "1"]] * 2
    states = stack.sql(f"SELECT state, COUNT(*) FROM transactions WHERE reference IN ({', '.join(repr(ref) for _, ref in payments)}) GROUP BY state")
    assert sorted(states) == [["CREATED", "15"], ["PENDING", "1"]]


# --- given back --------------------------------------------------------------------------------------------------------


def test_what_ends_without_money_gives_the_claim_back(stack, family, bank):
    first, second = family.parents
    claim = family.claim()
    for end in (lambda reference: bank.type_card(reference, REFUSED), bank.abandon,
                lambda reference: stack.sql(f"UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) WHERE reference = '{reference}'; "
                                            "INSERT INTO bank_queries (transaction_id, outcome) SELECT id, 'unknown' FROM transactions "
                                            f"WHERE reference = '{reference}'")):
        reference = recap(first, claim)
        bank.open(first.send(reference))
        assert HELD in second.get("/accueil").text
        end(reference)
        wait_released(stack, claim)
        assert first.state(reference) in ("DECLINED", "CANCELLED", "EXPIRED")
        assert HELD not in second.get("/accueil").text
    second.send(recap(second, claim))


# --- part payments -----------------------------------------------------------------------------------------------------


def test_part_payments_to_the_last_cent(stack, family, bank, part_payment):
    first, second = family.parents
    claim = family.claim(15850)
    too_much = recap(second, claim, "50,01")
    for parent, amount, rest in ((first, "58,50", 10000), (second, "50", 5000)):
        reference = recap(parent, claim, amount)
        settle(parent, bank, reference)
        assert stack.sql(f"SELECT amount_cents - settled_cents, reserved_for FROM claims WHERE id = {claim}") == [[str(rest), "NULL"]]
    assert f"Déjà réglé par un autre payeur{NBSP}: 58,50{NBSP}€" in second.get("/accueil").text
    assert f"Déjà réglé par un autre payeur{NBSP}: 50,00{NBSP}€" in first.get("/accueil").text

    answer = first.submit("/crediter", form(claim, "50,01"))
    assert answer.status == 422 and f"Il ne reste que 50,00{NBSP}€" in answer.text
    page = assert_not_sent(second, too_much)
    assert f"Il ne reste que 50,00{NBSP}€ à régler sur cette créance" in page.text and "/payer" not in page.text
    last = recap(first, claim)  # what remains
    settle(first, bank, last)
    assert stack.sql(f"SELECT settled_cents FROM claims WHERE id = {claim}") == [["15850"]]
    assert stack.sql("SELECT COUNT(*) FROM ledger_entries e JOIN transactions t ON t.id = e.transaction_id "
                     f"WHERE e.claim_id = {claim} AND e.book = 'SUSPENSE'") == [["0"]]
    assert first.submit("/crediter", form(claim)).status == 422
    home = second.get("/accueil").text
    assert "Montant réglé par un autre payeur le" in home and f"{NBSP}: 108,50{NBSP}€. Il ne reste rien à payer." in home and f"/crediter?creance={claim}" not in home


# --- both, all the same ------------------------------------------------------------------------------------------------


def test_the_bank_takes_both(stack, family, bank, mails):
    """The first one's hour is over before the card is typed; meanwhile the second pays."""
    first, second = family.parents
    claim = family.claim()
    references = [recap(parent, claim) for parent in family.parents]
    for parent, reference in zip(family.parents, references):
        run_out(stack, claim)
        bank.open(parent.send(reference))
    for parent, reference in zip(family.parents, references):
        bank.type_card(reference, ACCEPTED)
        parent.wait_for_state(reference, "AUTHORISED")
    books = [stack.sql("SELECT e.book, e.amount_cents FROM ledger_entries e JOIN transactions t ON t.id = e.transaction_id WHERE "
                       f"t.reference = '{reference}' ORDER BY e.leg") for reference in references]
    assert books == [[["BANK", "15850"], ["CLAIM", "-15850"]], [["BANK", "15850"], ["SUSPENSE", "-15850"]]]
    assert stack.sql(f"SELECT settled_cents, reserved_for FROM claims WHERE id = {claim}") == [["15850", "NULL"]]
    assert stack.sql("SELECT r.reason, r.amount_cents, t.reference, t.review FROM review_items r JOIN transactions t ON t.id = r.transaction_id "
                     f"WHERE t.reference IN {tuple(references)}") == [["CLAIM_OVERPAID", "15850", references[1], "1"]]

    pages = [parent.get(f"/paiement/{reference}").text for parent, reference in zip(family.parents, references)]
    checks = "L'établissement vérifie ce paiement avec la banque. Vous n'avez rien à faire"
    excess = f"158,50{NBSP}€ de ce paiement dépassent ce qui restait dû"
    assert all("Paiement validé" in page for page in pages)
    for text in (checks, excess, "l'imputera autrement ou vous la remboursera"):
        assert text not in pages[0] and text in pages[1], text
    home = second.get("/accueil").text
    assert "Montant réglé par un autre payeur le" in home and f"{NBSP}: 158,50{NBSP}€. Il ne reste rien à payer." in home
    assert "réglé par un autre payeur" not in first.get("/accueil").text

    assert len(mails.wait_for(references[0], 2)) == 2
    told = mails.wait_for(references[1], 3)
    assert len(told) == 3
    review, = [mail for mail in told if f"dossier n°{NBSP}" in mail["text"]]
    assert review["to"][0] == stack.sql("SELECT bursar_email FROM schools ORDER BY id LIMIT 1")[0][0]
    for text in ("dépasse ce qui restait dû sur la créance", f"158,50{NBSP}€", "Roy-Bastien", references[1]):
        assert text in review["text"].replace("\N{NARROW NO-BREAK SPACE}", NBSP), text
    confirmations = [mail for mail in told if mail is not review]
    assert len(confirmations) == 2 and all(excess in mail["text"] and excess in mail["html"].replace("<strong>", "") for mail in confirmations)
    assert not any("dépassent ce qui restait dû" in mail["text"] for mail in mails.about(references[0]))
    for mail in told:
        if second.login in mail["to"][0] or "parent@" in mail["to"][0]:
            assert references[0] not in mail["text"] and "Ariane" not in mail["text"]


# --- each sees own payments --------------------------------------------------------------------------------------------


def test_each_payer_sees_own_payments_only(stack, family, bank):
    first, second = family.parents
    reference = recap(first, family.claim(15850))
    settle(first, bank, reference)
    until("the receipt", lambda: first.get(f"/paiement/{reference}/recu.pdf").status == 200)
    number = stack.sql(f"SELECT LPAD(r.number, 6, '0') FROM receipts r JOIN transactions t ON t.id = r.transaction_id WHERE t.reference = '{reference}'")[0][0]
    for path in ("/historique", "/historique/paiements.csv", f"/historique?compte={family.account}", "/historique/attestation"):
        mine, others = first.get(path).text, second.get(path).text
        assert reference in mine, path
        for secret in (reference, number, "Ariane", "158,50"):
            assert secret not in others, (path, secret)
    for path in (f"/paiement/{reference}", f"/paiement/{reference}/recu.pdf", f"/crediter?reference={reference}"):
        assert second.get(path).status == 404, path
    assert press_pay(second, reference).status == 404
    home = second.get("/accueil").text
    assert "Réglées par un autre payeur" in home and reference not in home and "Ariane" not in home


def test_what_was_settled_long_ago_or_taken_back_is_not_listed(stack, family, bank):
    first, second = family.parents
    for claim, change in ((family.claim(1100), "UPDATE ledger_entries SET booked_at = booked_at - INTERVAL 61 DAY WHERE claim_id = {}"),
                          (family.claim(1200), None)):
        reference = recap(first, claim)
        settle(first, bank, reference)
        assert "réglé par un autre payeur" in second.get("/accueil").text
        if change:
            stack.sql(change.format(claim))
        else:
            bank.send(reference=reference, etat="20")
            first.wait_for_state(reference, "REVERSED")
        assert "réglé par un autre payeur" not in second.get("/accueil").text
    assert f"/crediter?creance={claim}" in second.get("/accueil").text, "it is owed again"
