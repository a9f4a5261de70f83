"""Receipts: what the file says and how it is tagged, by other people's programs; mailed, downloaded, refused to others, reversed;
1 000 payments over three workers numbered without gap or double; and what a year's certificate adds up."""
import concurrent.futures
import email
import email.policy
import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
import spplus
from client import Bank, Client, Mails, Parent, until

FILE_MAX = 30_000
N_SERIES, N_SERIES_WORKERS, N_SENDERS, SERIES_S = 1000, 3, 8, 60


def tool(*argv, data=b""):
    done = subprocess.run(argv, input=data, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout.decode()


def text_of(pdf):
    return " ".join(tool("pdftotext", "-layout", "-", "-", data=pdf).split())


def structure_of(folder, pdf):
    (folder / "a.pdf").write_bytes(pdf)
    return tool("pdfinfo", "-struct-text", folder / "a.pdf")


def attachment(mail):
    """The one file of a mail."""
    message = email.message_from_string(mail["raw"], policy=email.policy.default)
    assert message.get_content_type() == "multipart/mixed"
    texts, file = message.iter_parts()
    assert texts.get_content_type() == "multipart/alternative" and not message.get_boundary().startswith(texts.get_boundary())
    assert [part.get_content_type() for part in texts.iter_parts()] == ["text/plain", "text/html"]
    assert file.get_content_type() == "application/pdf" and file.get_content_disposition() == "attachment"
    return file.get_filename(), file.get_content()


def confirmation(mails, reference):
    until(f"the parent's mail about {reference}", lambda: [mail for mail in mails.about(reference) if "Paiement validé" in mail["subject"]])
    (mail,) = [mail for mail in mails.about(reference) if "Paiement validé" in mail["subject"]]
    return mail


# --- the file itself ---------------------------------------------------------------------------------------------------


def sample(kind):
    program = Path(os.environ["DP_BUILD_DIR"]) / "tests/print_receipt"
    done = subprocess.run([program, kind], capture_output=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.parametrize("kind", ["plain", "long", "hostile"])
def test_a_receipt_is_sound_and_always_the_same(kind, tmp_path):
    pdf = sample(kind)
    assert pdf == sample(kind)
    (tmp_path / "a.pdf").write_bytes(pdf)
    assert "No syntax or stream encoding errors" in tool("qpdf", "--check", tmp_path / "a.pdf")
    facts = tool("pdfinfo", "-isodates", tmp_path / "a.pdf")
    for fact in ("Tagged: yes", "Title: Reçu n° 2026-000123", "CreationDate: 2026-03-29T", "(A4)", "JavaScript: no"):
        assert fact in " ".join(facts.replace("\u00a0", " ").split()), fact
    catalog = tool("qpdf", "--json=1", "--json-key=objects", tmp_path / "a.pdf")
    assert '"/Lang": "u:fr-FR"' in catalog or '"/Lang": "fr-FR"' in catalog
    assert '"/DisplayDocTitle": true' in catalog
    assert len(pdf) <= (FILE_MAX if kind == "plain" else 2 * FILE_MAX)


def test_what_a_receipt_says(tmp_path):
    text = text_of(sample("plain")).replace("\u00a0", " ")
    for words in ("Lycée Jean-Monnet", "Lycée, Aix-en-Provence", "Reçu n° 2026-000123", "Jean Durand", "29 mars 2026 à 10 h 42", "Carte bancaire",
                  "dem20260329104212K7P", "36628282", "Julia Durand (3e B)", "Créance : n° 150509, Forfait demi-pension", "158,50 €", "Charlie Durand (6e A)",
                  "198,50 €", "cent quatre-vingt-dix-huit euros et cinquante centimes", "n'est plus valable"):
        assert words in text, words
    structure = structure_of(tmp_path, sample("plain"))
    assert re.findall(r"^ *(Document|H1|H2|L|Table)\b", structure, re.M) == ["Document", "H1", "L", "H2", "Table"]
    assert structure.count("TH\n") == 3 and structure.count("TD\n") == 9


def test_many_lines_take_several_pages(tmp_path):
    pdf = sample("long")
    (tmp_path / "a.pdf").write_bytes(pdf)
    pages = int(re.search(r"Pages: +(\d+)", tool("pdfinfo", tmp_path / "a.pdf")).group(1))
    text = text_of(pdf).replace("\u00a0", " ")
    assert pages >= 3 and text.count("99 999,99 €") + text.count("99\u202f999,99 €") == 20
    assert text.count("Reçu n° 2026-000123 (suite)") == pages - 1 or text.count("(suite)") == pages - 2
    assert structure_of(tmp_path, pdf).count("TH\n") == 3 * (text.count("(suite)") + 1)  # headings again on each page


def test_hostile_names_stay_names():
    text = text_of(sample("hostile"))
    assert "€ 00,1 <script>" in text  # not turned around, not markup
    assert not re.search("[\u2066-\u2069\u202e\x1b\x00]", text)
    assert "0,01 €" in text and "999,99 €" in text and "mille euros" in text


# --- in the product ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paid(stack):
    """Durand's accepted payment of two lines: reference, parent, file name and bytes as mailed."""
    bank, parent = Bank(stack), Parent(stack, "durand").log_in()
    bank.behave()
    first, second = parent.accounts()[:2]
    reference = parent.pay(bank, "80", compte=first, compte_2=second, montant_2="1,21")
    parent.wait_for_state(reference, "AUTHORISED")
    return (reference, parent, *attachment(confirmation(Mails(stack), reference)))


def test_the_parents_mail_has_it(paid, mails):
    reference, _, name, pdf = paid
    number = re.fullmatch(r"recu-(\d{4}-\d{6})\.pdf", name).group(1)
    text = text_of(pdf).replace("\u00a0", " ")
    for words in (f"Reçu n° {number}", reference, "81,21 €", "quatre-vingt-un euros et vingt et un centimes", "80,00 €", "1,21 €", "Julia Durand"):
        assert words in text, words
    mail = confirmation(mails, reference)
    assert "Votre reçu est joint à ce message (fichier PDF)" in mail["text"] and "Votre reçu est joint" in mail["html"]
    (bursar,) = [mail for mail in mails.wait_for(reference, 2) if "Paiement reçu" in mail["subject"]]
    assert "application/pdf" not in bursar["raw"]


def test_its_owner_downloads_the_same_file(paid):
    reference, parent, name, pdf = paid
    answer = parent.get(f"/paiement/{reference}/recu.pdf")
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "application/pdf", pdf)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
    head = parent.request("HEAD", f"/paiement/{reference}/recu.pdf")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(pdf)))


def test_pages_lead_to_it(paid):
    reference, parent, name, pdf = paid
    page = parent.get(f"/paiement/{reference}").text.replace("\u00a0", " ")
    assert f'<a href="/paiement/{reference}/recu.pdf">Télécharger le reçu (PDF, {-(-len(pdf) // 1000)} ko)</a>' in page
    assert "quatre-vingt-un euros et vingt et un centimes" in page
    history = parent.get("/historique").text
    assert f'<a href="/paiement/{reference}/recu.pdf">{name[5:-4]} (PDF)</a>' in history


def test_nobody_else_gets_it(paid, stack, martin, second_school):
    reference = paid[0]
    for other in (martin, Parent(stack, "durand2").log_in()):
        answer = other.get(f"/paiement/{reference}/recu.pdf")
        assert answer.status == 404 and b"%PDF" not in answer.body
    assert Client(stack).get(f"/paiement/{reference}/recu.pdf").location == "/connexion"
    for path in ("/paiement/x/recu.pdf", f"/paiement/{reference}/recu.PDF", f"/paiement/{reference}/recu.pdf/", "/paiement/%00/recu.pdf"):
        assert paid[1].get(path).status == 404


def test_before_it_is_made_the_page_says_so(paid, stack):
    reference, parent, _, pdf = paid
    row = f"transaction_id = (SELECT id FROM transactions WHERE reference = '{reference}')"
    stack.sql(f"CREATE TABLE kept AS SELECT transaction_id, sha256, bytes, made_at FROM receipt_files WHERE {row}; DELETE FROM receipt_files WHERE {row}")
    try:
        answer = parent.get(f"/paiement/{reference}/recu.pdf")
        assert (answer.status, answer.location) == (303, f"/paiement/{reference}")
        page = parent.get(answer.location).text
        assert "est en préparation" in page and "recu.pdf" not in page
    finally:
        stack.sql("INSERT INTO receipt_files (transaction_id, sha256, bytes, made_at) SELECT * FROM kept; DROP TABLE kept")
    assert parent.get(f"/paiement/{reference}/recu.pdf").body == pdf


def test_a_payment_taken_back(stack, bank, durand, mails):
    reference = durand.pay(bank, "31")
    _, pdf = attachment(confirmation(mails, reference))
    bank.send(reference=reference, etat="20")
    durand.wait_for_state(reference, "REVERSED")
    page = durand.get(f"/paiement/{reference}").text.replace("\u00a0", " ")
    assert "<strong>Ce reçu n'est plus valable :</strong>" in page and "Télécharger le reçu annulé (PDF" in page
    assert durand.get(f"/paiement/{reference}/recu.pdf").body == pdf  # what was given out is not rewritten
    assert f"{reference}/recu.pdf" not in durand.get("/historique").text


def test_a_hostile_payer(stack, bank, martin, mails):
    stack.sql("UPDATE users SET last_name = '\u202e)00,0 €( \U0001f955\U0001d11e <b>', first_name = REPEAT('É', 80) WHERE login = 'martin'")
    try:
        reference = martin.pay(bank, "12")
        name, pdf = attachment(confirmation(mails, reference))
    finally:
        stack.sql("UPDATE users SET last_name = 'Martin', first_name = 'Paul' WHERE login = 'martin'")
    assert re.fullmatch(r"recu-\d{4}-\d{6}\.pdf", name)
    text = text_of(pdf)
    assert "douze euros" in text and "\u202e" not in text and "<b>" in text


# --- a series ----------------------------------------------------------------------------------------------------------


def add_series(stack):
    """Payments of one family, each at the bank. Returns the bank's call about each."""
    parent = Parent(stack, "durand").log_in()
    parent.send(model := parent.credit("10,00"))
    ((request,),) = stack.sql(f"SELECT bank_request FROM transactions WHERE reference = '{model}'")
    references = [f"{model[:15]}{number:05d}" for number in range(N_SERIES)]
    copied = "school_id, user_id, contract_id, kind, amount_cents, currency, email, created_at"
    sent = "sent_at, valid_until, expires_at"
    values = ", ".join(f"('{reference}')" for reference in references)
    stack.sql(f"CREATE TABLE series (reference CHAR(20)); INSERT INTO series VALUES {values}; START TRANSACTION;"
              f"INSERT INTO transactions (reference, {copied}) SELECT s.reference, {copied} FROM series s, transactions t WHERE t.reference = '{model}';"
              "INSERT INTO transaction_lines SELECT n.id, 1, l.position, l.account_id, l.claim_id, l.amount_cents FROM series s JOIN transactions n ON "
              f"n.reference = s.reference, transaction_lines l JOIN transactions t ON t.id = l.transaction_id WHERE t.reference = '{model}';"
              f"UPDATE transactions n JOIN series s ON s.reference = n.reference, (SELECT {sent}, bank_request FROM transactions WHERE reference = '{model}') t "
              "SET n.state = 'PENDING', n.sent_at = t.sent_at, n.valid_until = t.valid_until, n.expires_at = t.expires_at, "
              f"n.bank_request = REPLACE(t.bank_request, '{model}', n.reference); COMMIT; DROP TABLE series")
    return [spplus.call(request.replace(model, reference), "1", f"{10_000_000 + number}") for number, reference in enumerate(references)]


def worker_credits(stack, instance):
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports['admin'] + 10 + instance}/metrics", timeout=20) as answer:
        return int(re.search(r'events_total\{verdict="credited"\} (\d+)', answer.read().decode()).group(1))


def test_a_series_of_receipts_has_no_gap_and_no_double(own_stack):
    """1 000 payments over three workers, one of which is killed meanwhile."""
    stack = own_stack(workers=N_SERIES_WORKERS, restart=True, config_extra={"worker_extra": "claim_idle_ms = 700\nlease_s = 4\nbatch_max = 20"})
    calls = add_series(stack)
    with concurrent.futures.ThreadPoolExecutor(N_SENDERS) as pool:
        answers = pool.map(lambda raw: Client(stack).request("POST", "/banque/spplus", raw), calls)
        stack.children["dp-worker-0"].send_signal(signal.SIGKILL)
        assert all("spcheckok" in answer.text for answer in answers)
    until("all are accepted", lambda: stack.sql("SELECT COUNT(*) FROM transactions WHERE state = 'AUTHORISED'") == [[str(N_SERIES)]], SERIES_S)
    numbers = [int(number) for (number,) in stack.sql("SELECT number FROM receipts ORDER BY number")]
    assert numbers == list(range(1, N_SERIES + 1))
    assert stack.sql("SELECT last_number FROM receipt_counters") == [[str(N_SERIES)]]
    assert stack.sql("SELECT COUNT(*), COUNT(DISTINCT transaction_id) FROM receipts") == [[str(N_SERIES)] * 2]
    assert sum(worker_credits(stack, instance) > 0 for instance in (1, 2)) == 2


# --- a year ------------------------------------------------------------------------------------------------------------


def test_the_certificate_of_a_year(stack, bank):
    login = "commensal"
    parent = Parent(stack, login).log_in()
    year = stack.sql("SELECT YEAR(CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', '+01:00'))")[0][0]
    kept, taken_back, refused = parent.pay(bank, "1000,01"), parent.pay(bank, "7"), parent.pay(bank, "5", card="0000000000000000")
    for reference, state in ((kept, "AUTHORISED"), (taken_back, "AUTHORISED"), (refused, "DECLINED")):
        parent.wait_for_state(reference, state)
    bank.send(reference=taken_back, etat="20")
    parent.wait_for_state(taken_back, "REVERSED")
    ((cents,),) = stack.sql("SELECT SUM(t.amount_cents) FROM transactions t JOIN users u ON u.id = t.user_id JOIN receipts r ON r.transaction_id = t.id "
                            f"WHERE u.login = '{login}' AND t.state IN ('AUTHORISED', 'CAPTURED', 'SETTLED') AND r.year = {year}")
    for path in ("/historique/attestation", f"/historique/attestation?annee={year}"):
        answer = parent.get(path)
        text = answer.text.replace("\u00a0", " ").replace("\u202f", " ")
        euros = f"{int(cents) // 100:,}".replace(",", " ") + f",{int(cents) % 100:02d} €"
        assert answer.status == 200 and f'<p class="amount">{euros}</p>' in text and "soit mille" in text
        assert kept in text and taken_back not in text and refused not in text
    before = parent.get(f"/historique/attestation?annee={int(year) - 1}")
    assert before.status == 200 and "Aucun paiement" in before.text and kept not in before.text
    for wrong in ("x", "0", "20266", "-1", "2026%00"):
        assert parent.get(f"/historique/attestation?annee={wrong}").status == 400


def test_a_certificate_counts_own_payments_only(paid, stack, martin):
    answer = martin.get("/historique/attestation")
    assert answer.status == 200 and paid[0] not in answer.text and "Julia" not in answer.text
