"""The payment's own page: what is proven and since when, a payment left and taken up again, given up, and a problem reported."""
import re
import subprocess

import pytest
import screen
from client import Bank, Client, Mails, Parent, until
from conftest import finish, make_stack
from test_bank_calls import BOTH_MAILS, PAID_ONCE, ledger, outbox, reviews, settle
from test_hostile_text import MARKUP, assert_harmless

PHONE = 360
STATEMENTS_A_PAGE = 4
NOTE = "Mon compte est débité de 15,50 €, mais rien ne s'affiche."
NOT_YET = "pas encore"


@pytest.fixture
def left(stack, bank, durand):
    """A payment that stands at the bank's page, where nobody has typed a card."""
    bank.behave()
    reference = durand.credit()
    bank.open(durand.send(reference))
    return reference


def words(text):
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("&#39;", "'"))


def text_of(answer):
    return words(re.sub(r"<[^>]+>", " ", answer.text))


def proofs(parent, reference):
    """The list as pairs: what, and its time or what stands in its place."""
    found = re.search(r'<ol class="proofs">(.*?)</ol>', parent.get(f"/paiement/{reference}").text, re.S).group(1)
    pairs = []
    for item in found.split("<li>")[1:]:
        what, _, when = item.partition("<br>")
        time = re.search(r'<time datetime="([^"]+)"', when)
        pairs.append((words(re.sub(r"<[^>]+>", "", what)).strip(), time.group(1) if time else re.sub(r"<[^>]+>", "", when).strip()))
    return pairs


def is_time(text):
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00", text) is not None


def discard(parent, reference):
    return parent.submit(f"/paiement/{reference}/abandonner", {})


def report(parent, reference, message=NOTE):
    return parent.submit(f"/paiement/{reference}/probleme", {"message": message})


def history(stack, reference):
    return stack.sql("SELECT h.from_state, h.to_state, h.note FROM transaction_history h JOIN transactions t ON t.id = h.transaction_id "
                     f"WHERE t.reference = '{reference}' ORDER BY h.id")


def signs(stack, reference):
    return stack.sql("SELECT s.kind, s.number FROM payer_signs s JOIN transactions t ON t.id = s.transaction_id "
                     f"WHERE t.reference = '{reference}' ORDER BY s.kind, s.number")


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_proofs_and_their_times(stack, bank, durand, left):
    assert [(what, is_time(when) or when) for what, when in proofs(durand, left)] == [
        ("Demande faite", True), ("Envoi à la banque", True), ("Retour de votre navigateur (un simple signe, qui ne prouve rien)", NOT_YET),
        ("Message de la banque", NOT_YET)]
    bank.type_card(left, "1234567890123456")
    durand.wait_for_state(left, "AUTHORISED")
    assert durand.get(f"/retour-banque?reference={left}").location == f"/paiement/{left}"
    shown = proofs(durand, left)
    assert [what for what, _ in shown[3:]] == ["Message de la banque : paiement accepté",
                                               "Encaissement confirmé par la banque (en général quelques jours après son accord)"]
    assert is_time(shown[2][1]) and is_time(shown[3][1]) and shown[4][1] == NOT_YET
    bank.send(reference=left, etat="10")
    durand.wait_for_state(left, "SETTLED")
    assert [what for what, _ in proofs(durand, left)[3:]] == ["Message de la banque : paiement accepté", "Encaissement confirmé par la banque"]
    bank.send(reference=left, etat="20")
    durand.wait_for_state(left, "REVERSED")
    shown = proofs(durand, left)
    assert shown[-1][0] == "Message de la banque : paiement repris (rejet)" and all(is_time(when) for _, when in shown)


def test_a_refusal_before_an_acceptance_stays_visible(bank, durand):
    reference = durand.pay(bank, card="0000000000000000")
    durand.wait_for_state(reference, "DECLINED")
    bank.type_card(reference, "1234567890123456")
    durand.wait_for_state(reference, "AUTHORISED")
    assert [what for what, _ in proofs(durand, reference)[3:5]] == ["Message de la banque : paiement refusé", "Message de la banque : paiement accepté"]


def test_the_return_is_recorded_once_and_for_its_owner_only(stack, durand, martin, left):
    prepared = durand.credit("13")
    before = stack.sql("SELECT state, updated_at FROM transactions WHERE reference IN ('%s', '%s')" % (left, prepared))
    for client in (Client(stack), martin):
        client.get(f"/retour-banque?reference={left}")
    durand.get(f"/retour-banque?reference={prepared}")  # was never sent
    durand.get("/retour-banque?reference=dem20260101000000AAA")
    assert signs(stack, left) == signs(stack, prepared) == []
    for _ in range(3):
        answer = durand.get(f"/retour-banque?reference={left}")
        assert (answer.status, answer.location) == (303, f"/paiement/{left}") and "Set-Cookie" not in answer.headers
    assert signs(stack, left) == [["RETURN", "1"]]
    assert stack.sql("SELECT state, updated_at FROM transactions WHERE reference IN ('%s', '%s')" % (left, prepared)) == before


def test_the_return_works_where_it_cannot_be_recorded(stack, durand, left):
    stack.sql("ALTER TABLE payer_signs RENAME TO payer_signs_away")
    try:
        assert durand.get(f"/retour-banque?reference={left}").location == f"/paiement/{left}"
    finally:
        stack.sql("ALTER TABLE payer_signs_away RENAME TO payer_signs")


def test_the_return_without_a_session_on_a_phone(stack, durand, left, browser):
    browser.get(stack.url)
    browser.delete_all_cookies()
    screen.show(browser, f"{stack.url}/retour-banque?reference={left}", width=PHONE)
    text = browser.find_element("tag name", "main").text.replace("\u00a0", " ")
    assert "Ne payez pas une seconde fois." in text and left not in browser.page_source and "Durand" not in browser.page_source
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE
    assert browser.get_cookies() == [] and signs(stack, left) == []
    screen.forget(browser)


def test_a_payment_that_waits_for_long_says_until_when(stack, durand, left):
    assert "tarde" not in durand.get(f"/paiement/{left}").text
    stack.sql(f"UPDATE transactions SET sent_at = sent_at - INTERVAL 2 HOUR WHERE reference = '{left}'")
    answer = durand.get(f"/paiement/{left}")
    assert "La réponse de la banque tarde" in answer.text and "Refresh" not in answer.headers
    assert re.search(r"nous posons nous-mêmes la question à la banque, à plusieurs reprises, jusqu'au \d", text_of(answer))
    assert "ne payez pas une seconde fois" in text_of(answer)


def test_pages_stay_within_their_statements(stack, durand, left):
    prepared = durand.credit("14")
    report(durand, left)
    settle(stack)
    stack.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON")
    for path, most in ((f"/paiement/{left}", STATEMENTS_A_PAGE), (f"/paiement/{prepared}", STATEMENTS_A_PAGE),
                       (f"/paiement/{left}/abandonner", 2), (f"/paiement/{left}/probleme", 3), ("/accueil", STATEMENTS_A_PAGE)):
        before = executed(stack)
        assert durand.get(path).status == 200
        assert 2 <= executed(stack) - before <= most, path
    stack.sql("SET GLOBAL general_log = OFF")


def executed(stack):
    """What the server's connections have had executed, by the general log."""
    return int(stack.sql("SELECT COUNT(*) FROM mysql.general_log WHERE command_type = 'Execute' AND user_host LIKE 'dp\\_server%'")[0][0])


# --- left, taken up again, given up -----------------------------------------------------------------------------------


def test_left_resumed_discarded_and_accepted_all_the_same(stack, bank, durand, left):
    home = durand.get("/accueil")
    assert f'href="/paiement/{left}/abandonner"' in home.text and "Voir ou reprendre ce paiement" in home.text
    bank.open(durand.send(left))  # the same signed request
    question = durand.get(f"/paiement/{left}/abandonner")
    assert "N'abandonnez que si vous n'avez pas validé votre carte." in text_of(question)
    assert durand.state(left) == "PENDING"  # asking changes nothing
    answer = discard(durand, left)
    assert (answer.status, answer.location) == (303, f"/paiement/{left}")
    durand.wait_for_state(left, "CANCELLED")
    assert history(stack, left) == [["PENDING", "CANCELLED", "abandonné par le payeur"]]
    page = durand.get(f"/paiement/{left}")
    assert "Vous avez abandonné ce paiement." in text_of(page) and "Payer à nouveau" in page.text
    assert "Nous continuons d'interroger la banque" in text_of(page)
    assert proofs(durand, left)[-1][0] == "Abandon à votre demande" and f"/paiement/{left}/abandonner" not in durand.get("/accueil").text
    assert discard_posted(durand, left).location == f"/paiement/{left}"  # again: nothing
    settle(stack)
    assert len(history(stack, left)) == 1 and outbox(stack, left) == []
    bank.type_card(left, "1234567890123456")  # in another tab, all the same
    durand.wait_for_state(left, "AUTHORISED")
    assert ledger(stack, left) == PAID_ONCE and outbox(stack, left) == BOTH_MAILS and reviews(stack, left) == []
    Mails(stack).wait_for(left, 2)
    assert [what for what, _ in proofs(durand, left)[3:5]] == ["Abandon à votre demande", "Message de la banque : paiement accepté"]


def discard_posted(parent, reference):
    """Where the form is not shown any more."""
    return parent.post(f"/paiement/{reference}/abandonner", {"csrf": parent.get("/coordonnees").page.fields["csrf"]})


def test_until_the_worker_has_spoken_the_page_says_so(own_stack):
    stack = own_stack()
    bank, durand = Bank(stack), Parent(stack, "durand").log_in()
    prepared, sent = durand.credit("12"), durand.credit("13")
    bank.open(durand.send(sent))
    stack.children["dp-worker-0"].stop()
    for reference, state in ((prepared, "CREATED"), (sent, "PENDING")):
        discard(durand, reference)
        page = durand.get(f"/paiement/{reference}")
        assert page.headers["Refresh"] == "2" and page.page.states == [[state, "En attente de paiement"]]
        assert "Votre demande d'abandon est en cours d'enregistrement." in text_of(page) and "Payer" not in page.text.split("<main")[1]
        assert "Retourner sur le site" not in page.text
        assert durand.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form="/coordonnees").location == f"/paiement/{reference}"
        assert stack.sql(f"SELECT state FROM transactions WHERE reference = '{reference}'") == [[state]]
        told = stack.redis("XLEN", "dp:events")
        assert discard_posted(durand, reference).location == durand.get(f"/paiement/{reference}/abandonner").location == f"/paiement/{reference}"
        assert stack.redis("XLEN", "dp:events") == told  # once is enough
        stopped = durand.get(f"/paiement/{reference}?actualisation=non")
        assert "Refresh" not in stopped.headers
        stack.sql(f"UPDATE payer_signs s JOIN transactions t ON t.id = s.transaction_id SET s.at = s.at - INTERVAL 10 MINUTE WHERE t.reference = '{reference}'")
    for reference, state in ((prepared, "CREATED"), (sent, "PENDING")):  # however late, a worker will end it: at the bank it has no place
        page = durand.get(f"/paiement/{reference}")
        assert "Nous n'avons pas encore pu l'enregistrer" in text_of(page) and f"/paiement/{reference}/abandonner" in page.text
        assert ("rien n'a été débité" in text_of(page)) == (reference == prepared) and f"/paiement/{reference}/payer" not in page.text
        assert durand.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form="/coordonnees").location == f"/paiement/{reference}"
        assert stack.sql(f"SELECT state FROM transactions WHERE reference = '{reference}'") == [[state]]
    assert durand.get(f"/crediter?reference={prepared}").location == f"/paiement/{prepared}"
    stack.start_worker(0)
    for reference in (prepared, sent):
        durand.wait_for_state(reference, "CANCELLED")


def test_a_payment_left_before_the_bank(stack, martin):
    durand = martin  # who has none at the bank: three are shown at home, those first
    reference = durand.credit("12")
    assert f'href="/paiement/{reference}/abandonner"' in durand.get(f"/paiement/{reference}").text
    assert "sans aller jusqu'à la banque" in text_of(durand.get("/accueil"))
    discard(durand, reference)
    durand.wait_for_state(reference, "CANCELLED")
    page = durand.get(f"/paiement/{reference}")
    assert "avant de l'envoyer à la banque" in text_of(page) and ("Envoi à la banque", "jamais") in proofs(durand, reference)
    assert durand.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form="/coordonnees").location == f"/paiement/{reference}"


def test_discarding_releases_the_claim(stack, durand):
    account = durand.accounts()[0]
    stack.sql(f"INSERT INTO claims (school_id, account_id, number, label, amount_cents) SELECT school_id, id, 'truth-1', 'Avis', 4200 FROM accounts "
              f"WHERE id = {account}")
    claim = stack.sql("SELECT id FROM claims WHERE number = 'truth-1'")[0][0]
    reference = durand.credit("", type="creance", compte=account, creance=claim)
    durand.send(reference)
    stack.sql(f"UPDATE claims SET reserved_for = '{reference}', reserved_until = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE id = {claim}")
    discard(durand, reference)
    durand.wait_for_state(reference, "CANCELLED")
    assert stack.sql(f"SELECT reserved_for, reserved_until FROM claims WHERE id = {claim}") == [["NULL", "NULL"]]


def test_the_bank_is_asked_about_what_was_given_up(stack, durand):
    """Also when that was within the three minutes after which the first question is due."""
    bank = Bank(stack)
    bank.behave(mode="none")
    reference = durand.pay(bank)
    discard(durand, reference)
    durand.wait_for_state(reference, "CANCELLED")
    due = stack.sql("SELECT TIMESTAMPDIFF(SECOND, t.sent_at, q.next_at) FROM bank_queries q JOIN transactions t ON t.id = q.transaction_id "
                    f"WHERE t.reference = '{reference}'")
    assert due == [["180"]]
    stack.sql(f"UPDATE bank_queries q JOIN transactions t ON t.id = q.transaction_id SET q.next_at = UTC_TIMESTAMP(6) WHERE t.reference = '{reference}'")
    durand.wait_for_state(reference, "AUTHORISED", timeout=40)
    assert ledger(stack, reference) == PAID_ONCE and outbox(stack, reference) == BOTH_MAILS


def test_what_has_ended_cannot_be_discarded(stack, bank, durand):
    reference = durand.pay(bank)
    durand.wait_for_state(reference, "AUTHORISED")
    assert durand.get(f"/paiement/{reference}/abandonner").location == f"/paiement/{reference}"
    assert discard_posted(durand, reference).status == 303 and signs(stack, reference) == []


def push(stack, **fields):
    words = [word for pair in {"v": "1", "at": "2026-11-23T06:10:00Z", **fields}.items() for word in pair]
    stack.redis("XADD", "dp:events", "*", *words)


def test_forged_events_do_little(stack, bank, durand, left):
    user, other = (stack.sql(f"SELECT id FROM users WHERE login = '{login}'")[0][0] for login in ("durand", "martin"))
    paid = durand.pay(bank)
    durand.wait_for_state(paid, "AUTHORISED")
    push(stack, id="ab" * 32, kind="payment_discarded", reference=left, user=other)
    push(stack, id="ac" * 32, kind="payment_discarded", reference=paid, user=user)
    push(stack, id="ad" * 32, kind="problem_reported", reference=left, user=other, message="x" * 20)
    push(stack, id="ae" * 32, kind="problem_reported", reference=left, user=user, message="x" * 2000)
    for number in range(5):
        push(stack, id=f"{number:064x}", kind="problem_reported", reference=left, user=user, message="Rappelez-moi vite !")
    settle(stack)
    assert (durand.state(left), durand.state(paid)) == ("PENDING", "AUTHORISED")
    assert reviews(stack, left) == ["PARENT_REPORT"] * 3 and reviews(stack, paid) == []
    assert stack.sql("SELECT verdict FROM inbox WHERE event_id = UNHEX(REPEAT('ab', 32))") == [["unchanged"]]


# --- problems ---------------------------------------------------------------------------------------------------------


def test_a_problem_is_reported(stack, bank, durand, mails):
    reference = durand.pay(bank, commentaires="Pour la sortie")
    durand.wait_for_state(reference, "AUTHORISED")
    mails.wait_for(reference, 2)
    form = durand.get(f"/paiement/{reference}/probleme")
    assert form.status == 200 and "Ce qui sera envoyé au gestionnaire" in form.text
    answer = report(durand, reference, NOTE + "\r\nQue dois-je faire ?")
    assert (answer.status, answer.location) == (303, f"/paiement/{reference}")
    until("the page says so", lambda: "Problème signalé le" in durand.get(f"/paiement/{reference}").text)
    assert "en cours de transmission" not in durand.get(f"/paiement/{reference}").text
    mail = until("the bursar's mail", lambda: [m for m in mails.about(reference) if "Problème signalé" in m["subject"]])[0]
    assert "gestionnaire" in mail["to"][0] and "Reply-To: parent@example.org" in mail["raw"]
    (bank_ref, receipt), = stack.sql("SELECT t.bank_ref, CONCAT(r.year, '-', LPAD(r.number, 6, '0')) FROM transactions t JOIN receipts r ON "
                                     f"r.transaction_id = t.id WHERE t.reference = '{reference}'")
    for part in (reference, "Paiement validé", "15,50 €", bank_ref, receipt, "parent@example.org", "Durand", "Pour la sortie",
                 f"> {NOTE}", "> Que dois-je faire ?"):
        assert words(part) in words(mail["text"]), (part, mail["text"])
    # No doubt about the money comes of it.
    assert stack.sql(f"SELECT review, state FROM transactions WHERE reference = '{reference}'") == [["0", "AUTHORISED"]]
    assert reviews(stack, reference) == ["PARENT_REPORT"]
    number = stack.sql(f"SELECT r.id FROM review_items r JOIN transactions t ON t.id = r.transaction_id WHERE t.reference = '{reference}'")[0][0]
    for arguments in (("list",), ("show", number)):
        shown = subprocess.run([stack.program("dp-admin"), "--config", str(stack.config), "review", *arguments], capture_output=True, text=True)
        assert shown.returncode == 0 and "PARENT_REPORT" in shown.stdout and NOTE in words(shown.stdout), shown


@pytest.mark.parametrize("message, why", [("", "Écrivez ce qui ne va pas"), ("court", "trop court"), ("x" * 1001, "dépasse 1"),
                                          ("un message\x0b invisible", "invisibles")])
def test_a_message_that_cannot_be_sent(stack, durand, left, message, why):
    answer = report(durand, left, message)
    assert answer.status == 422 and why in text_of(answer) and 'href="#message"' in answer.text and 'aria-invalid="true"' in answer.text
    assert message.partition("\x0b")[0] in answer.text and signs(stack, left) == []


def test_three_reports_a_day(stack, durand, left):
    for number in range(3):
        assert report(durand, left, f"Rien ne s'affiche, message {number}").status == 303
    until("all have arrived", lambda: reviews(stack, left) == ["PARENT_REPORT"] * 3)
    assert "Laissez-lui le temps de répondre." in text_of(durand.get(f"/paiement/{left}/probleme"))
    token = durand.get("/coordonnees").page.fields["csrf"]
    answer = durand.post(f"/paiement/{left}/probleme", {"csrf": token, "message": "Encore un message"})
    assert answer.status == 422 and "Laissez-lui le temps" in text_of(answer)
    settle(stack)
    assert len(reviews(stack, left)) == 3 and len(signs(stack, left)) == 3
    stack.sql(f"UPDATE payer_signs s JOIN transactions t ON t.id = s.transaction_id SET s.at = s.at - INTERVAL 25 HOUR WHERE t.reference = '{left}'")
    stack.sql(f"UPDATE review_items r JOIN transactions t ON t.id = r.transaction_id SET r.created_at = r.created_at - INTERVAL 25 HOUR "
              f"WHERE t.reference = '{left}'")
    assert report(durand, left, "Le lendemain, toujours rien").status == 303
    until("a new day", lambda: len(reviews(stack, left)) == 4)


def test_hostile_words_in_a_report(stack, durand, mails, left):
    hostile = f"{MARKUP}\r\n.\r\nBcc: thief@evil.example\r\n\U0001f955 {{{{page.csrf}}}}"
    assert report(durand, left, hostile).status == 303
    mail = until("the bursar's mail", lambda: [m for m in mails.about(left) if "Problème signalé" in m["subject"]])[0]
    assert "<script" not in mail["html"] and "&lt;script&gt;" in mail["html"] and "thief" not in str(mail["to"])
    assert "> Bcc: thief@evil.example" in mail["text"].replace("\r", "") and "\U0001f955" in mail["text"]
    assert_harmless(durand.get(f"/paiement/{left}"))


def test_a_report_does_not_stop_paying_again(stack, bank, durand):
    reference = durand.pay(bank, card="0000000000000000")
    durand.wait_for_state(reference, "DECLINED")
    report(durand, reference)
    until("it has arrived", lambda: reviews(stack, reference) == ["PARENT_REPORT"])
    page = durand.get(f"/paiement/{reference}")
    assert "Payer à nouveau" in page.text and "vérifie ce paiement" not in page.text


@pytest.mark.parametrize("path", ["abandonner", "probleme"])
def test_other_peoples_payments(stack, martin, durand, left, path):
    token = martin.get("/coordonnees").page.fields["csrf"]
    assert martin.get(f"/paiement/{left}/{path}").status == 404
    assert martin.post(f"/paiement/{left}/{path}", {"csrf": token, "message": NOTE}).status == 404
    own = durand.get("/coordonnees").page.fields["csrf"]
    assert durand.post(f"/paiement/{left}/{path}", {"csrf": token, "message": NOTE}).status == 403
    assert durand.post(f"/paiement/{left}/{path}?csrf={own}", {"message": NOTE}).status == 403
    settle(stack)
    assert durand.state(left) == "PENDING" and signs(stack, left) == [] and reviews(stack, left) == []
