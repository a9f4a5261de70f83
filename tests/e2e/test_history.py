"""Consulter mon historique: choices, pages, the file for spreadsheets, and what it costs with years of payments."""
import os
import re
import subprocess
from pathlib import Path

import pytest
from client import Parent

ROW = re.compile(r'/paiement/(\w+)')


@pytest.fixture(scope="module")
def veteran(stack):
    """A parent with 3 000 payments over three school years, for one account, in all states."""
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email) "
              "SELECT school_id, 'veteran', 'veteran', role, password_hash, FALSE, '=Vétéran', 'Zoé', 'zoe@example.org' FROM users WHERE login = 'martin'")
    stack.sql("INSERT INTO accounts (school_id, external_id, last_name, first_name) SELECT school_id, CONCAT('veteran-', s.seq), '=SOMME(A1)', "
              "CONCAT('Enfant', s.seq) FROM users, seq_1_to_2 s WHERE login = 'veteran'")
    stack.sql("INSERT INTO account_payers (user_id, account_id) SELECT u.id, a.id FROM users u JOIN accounts a ON a.external_id LIKE 'veteran-%' "
              "WHERE u.login = 'veteran'")
    # in one transaction: the worker expires what is CREATED and old, and lines may then no longer be written
    stack.sql("START TRANSACTION;"
              "INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email, created_at) "
              "SELECT CONCAT('vet', LPAD(s.seq, 17, '0')), u.school_id, u.id, c.contract_id, 'ADVANCE', "
              "s.seq, 'zoe@example.org', '2023-09-01 00:00:00' + INTERVAL s.seq * 8 HOUR "
              "FROM seq_1_to_3000 s, users u JOIN school_contracts c ON c.school_id = u.school_id WHERE u.login = 'veteran';"
              "INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents) "
              "SELECT t.id, 1, 1, (SELECT MIN(id) FROM accounts WHERE external_id LIKE 'veteran-%') + t.amount_cents % 2, t.amount_cents "
              "FROM transactions t WHERE t.reference LIKE 'vet%';"
              "UPDATE transactions SET state = ELT(1 + amount_cents % 10, 'CREATED', 'PENDING', 'CANCELLED', 'DECLINED', 'EXPIRED', "
              "'AUTHORISED', 'CAPTURED', 'SETTLED', 'REVERSED', 'REFUNDED') WHERE reference LIKE 'vet%'; COMMIT")
    return Parent(stack, "veteran").log_in()


def references(answer):
    return [reference for reference in dict.fromkeys(ROW.findall(answer.text)) if reference.startswith("vet")]


def walk(parent, path):
    """All references of a history, page by page."""
    seen = []
    while path:
        answer = parent.get(path)
        assert answer.status == 200
        seen += references(answer)
        older = re.search(r'href="(/historique\?[^"]*avant=[^"]*)"', answer.text)
        path = older.group(1).replace("&amp;", "&") if older else None
    return seen


def test_every_payment_once_and_in_order(veteran):
    seen = walk(veteran, "/historique")
    assert len(seen) == 3000 and seen == sorted(seen, reverse=True)


def test_choices_are_kept_from_page_to_page(stack, veteran):
    account = [value for value in veteran.get("/historique").page.options["compte"] if value][0]
    chosen = walk(veteran, f"/historique?compte={account}&etat=valides&annee=2024")
    expected = [row[0] for row in stack.sql(
        "SELECT t.reference FROM transactions t JOIN transaction_lines l ON l.transaction_id = t.id WHERE t.reference LIKE 'vet%' "
        f"AND l.account_id = {account} AND t.state IN ('AUTHORISED', 'CAPTURED', 'SETTLED') AND t.created_at >= '2024-08-31 22:00:00' "
        "AND t.created_at < '2025-08-31 22:00:00' ORDER BY t.created_at DESC")]
    assert chosen == expected and len(chosen) > 100


def test_a_choice_without_payments_says_so(veteran):
    answer = veteran.get("/historique?annee=2010")
    assert "Aucun paiement ne correspond" in answer.text and answer.status == 200
    assert veteran.get("/historique?etat=n-importe").status == 400


def test_the_file_for_spreadsheets(veteran):
    answer = veteran.get("/historique/paiements.csv?annee=2024")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8" and "attachment" in answer.headers["Content-Disposition"]
    lines = answer.body.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Date;Heure;Référence;Compte;Type;Montant;État;Reçu" and lines[-1] == ""
    assert len(lines) - 2 == len(walk(veteran, "/historique?annee=2024"))
    date, hour, reference, account, kind, amount, label, receipt = lines[1].split(";")
    assert re.fullmatch(r"\d\d/\d\d/\d{4}", date) and re.fullmatch(r"\d\d:\d\d", hour) and re.fullmatch(r"\d+,\d\d", amount)
    assert len(veteran.get("/historique/paiements.csv").body.decode().split("\r\n")) == 3002


def test_names_cannot_be_formulas(stack, veteran):
    account = [value for value in veteran.get("/historique").page.options["compte"] if value][0]
    stack.sql(f"UPDATE accounts SET first_name = '=cmd', last_name = '\"x\"' WHERE id = {account}")
    text = veteran.get(f"/historique/paiements.csv?compte={account}&annee=2024").body.decode("utf-8-sig")
    assert ';"\'=cmd ""x""";' in text and ";=cmd" not in text


def test_no_page_costs_more_than_five_statements(stack, veteran):
    def statements():
        return int(stack.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")[0][1])

    # the journal's keeper and the contracts ask now and then: the least of a few tries is the page's own
    older = re.search(r'href="(/historique\?avant=[^"]*)"', veteran.get("/historique").text).group(1)
    for path in ("/accueil", "/crediter", "/historique", older, "/historique/connexions", "/coordonnees", "/paiement/vet00000000000003000",
                 "/aide"):
        costs = []
        for _ in range(4):
            before = statements()
            assert veteran.get(path).status == 200
            costs.append(statements() - before)
        assert min(costs) < 5, (path, costs)


def pages_of(parent):
    """The addresses of the history, page by page."""
    paths = ["/historique"]
    while True:
        older = re.search(r'href="(/historique\?[^"]*avant=[^"]*)"', parent.get(paths[-1]).text)
        if not older:
            return paths
        paths.append(older.group(1).replace("&amp;", "&"))


def rows_read(stack, parent, path):
    """How often the database reached for a row while it drew the page: the least of several tries, others read too."""
    def reads():
        return sum(int(value) for name, value in stack.sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'") if name != "Handler_read_rnd_deleted")

    costs = []
    for _ in range(6):
        before = reads()
        assert parent.get(path).status == 200
        costs.append(reads() - before)
    return min(costs)


def test_the_fiftieth_page_costs_what_the_first_costs(stack, veteran):
    paths = pages_of(veteran)
    assert len(paths) > 60
    first, fiftieth = (rows_read(stack, veteran, path) for path in (paths[0], paths[49]))
    assert 50 < first < 150 and first / 1.3 <= fiftieth <= 1.3 * first, (first, fiftieth)


GROWING = ("transactions", "transaction_lines", "ledger_entries", "inbox", "login_history", "claims", "accounts", "users", "password_tokens",
           "mail_outbox", "transaction_history", "payer_signs", "review_items")
BY_KEY = ("const", "eq_ref", "ref", "range", "index_merge", "ref_or_null")
ALIAS = re.compile(r"(?:FROM|JOIN|UPDATE) (\w+)(?: AS)? (\w+)?")
NOT_AN_ALIAS = ("WHERE", "ON", "SET", "JOIN", "LEFT", "ORDER")


@pytest.fixture(scope="module")
def years(stack, veteran):
    """As much of the other tables as there is after years; statistics as MariaDB keeps them."""
    owner = "(SELECT id FROM users WHERE login = 'veteran')"
    stack.sql("INSERT INTO claims (school_id, account_id, number, label, amount_cents) SELECT a.school_id, a.id, CONCAT('vet-', a.id, '-', s.seq), 'avis', 1000 "
              "FROM accounts a, seq_1_to_20 s WHERE a.external_id LIKE 'veteran-%'")
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name) SELECT u.school_id, "
              "CONCAT('crowd-', s.seq), CONCAT('crowd', s.seq), u.role, u.password_hash, FALSE, 'Foule' FROM users u, seq_1_to_2000 s WHERE u.login = 'martin';"
              "INSERT INTO accounts (school_id, external_id, last_name, first_name) SELECT school_id, external_id, 'Foule', 'Léa' FROM users WHERE login LIKE 'crowd%';"
              "INSERT INTO account_payers (user_id, account_id) SELECT u.id, a.id FROM users u JOIN accounts a ON a.external_id = u.external_id AND "
              "a.school_id = u.school_id WHERE u.login LIKE 'crowd%';"
              "INSERT INTO claims (school_id, account_id, number, label, amount_cents) SELECT school_id, id, external_id, 'avis', 1000 FROM accounts "
              "WHERE external_id LIKE 'crowd-%'")
    # in one transaction: the worker expires what is CREATED and old, and lines may then no longer be written
    stack.sql("START TRANSACTION;"
              "INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email, created_at) SELECT "
              "CONCAT('crw', LPAD(u.id * 10 + s.seq, 17, '0')), u.school_id, u.id, c.contract_id, 'ADVANCE', 100, 'a@example.org', "
              "'2024-09-01' + INTERVAL u.id HOUR FROM users u JOIN school_contracts c ON c.school_id = u.school_id, seq_1_to_5 s WHERE u.login LIKE 'crowd%';"
              "INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents) SELECT t.id, 1, 1, p.account_id, 100 "
              "FROM transactions t JOIN account_payers p ON p.user_id = t.user_id WHERE t.reference LIKE 'crw%';"
              "UPDATE transactions SET state = 'SETTLED' WHERE reference LIKE 'crw%'; COMMIT")
    of_crowd = "FROM transactions WHERE reference LIKE 'crw%'"
    stack.sql(f"INSERT INTO transaction_history (transaction_id, from_state, to_state, bank_code) SELECT id, 'PENDING', 'SETTLED', '10' {of_crowd};"
              f"INSERT INTO payer_signs (transaction_id, kind) SELECT id, 'RETURN' {of_crowd};"
              f"INSERT INTO review_items (transaction_id, reason, resolved_at) SELECT id, 'PARENT_REPORT', UTC_TIMESTAMP(6) {of_crowd}")
    stack.sql(f"INSERT INTO login_history (user_id, success, address, user_agent) SELECT u.id, TRUE, '::1', '' FROM users u, seq_1_to_5 s WHERE u.login "
              f"LIKE 'crowd%'; INSERT INTO login_history (user_id, success, address, user_agent) SELECT {owner}, TRUE, '::1', '' FROM seq_1_to_200")
    stack.sql("INSERT INTO inbox (event_id, kind, verdict, payload, received_at) SELECT UNHEX(SHA2(seq, 256)), 'bank_notification', 'applied', '', "
              "UTC_TIMESTAMP(6) FROM seq_1_to_3000;"
              "INSERT INTO password_tokens (token_hash, user_id, expires_at) SELECT UNHEX(SHA2(login, 256)), id, UTC_TIMESTAMP(6) + INTERVAL 1 DAY FROM users")
    stack.sql("INSERT INTO ledger_entries (contract_id, transaction_id, kind, leg, book, account_id, claim_id, amount_cents, bank_ref, event_id) SELECT "
              "t.contract_id, t.id, 'PAYMENT', 1, 'CLAIM', c.account_id, c.id, -100, t.reference, UNHEX(SHA2(t.id, 256)) FROM transactions t JOIN "
              "account_payers p ON p.user_id = t.user_id JOIN claims c ON c.account_id = p.account_id WHERE t.reference LIKE 'crw%'")
    stack.sql("INSERT INTO mail_outbox (kind, school_id, user_id, recipient, status) SELECT 'PASSWORD_CHANGED', school_id, id, 'a@example.org', 'SENT' "
              "FROM users, seq_1_to_3 WHERE login LIKE 'crowd%';"
              "INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient, status) SELECT 'PARENT_CONFIRMATION', school_id, id, 'a@example.org', "
              "'SENT' FROM transactions WHERE reference LIKE 'crw%';"
              "INSERT INTO transaction_history (transaction_id, from_state, to_state) SELECT id, 'PENDING', 'SETTLED' FROM transactions "
              "WHERE reference LIKE 'crw%'")
    stack.sql(f"ANALYZE TABLE {', '.join(GROWING)}, account_payers, receipts")
    yield
    stack.sql("DELETE FROM password_tokens; DELETE FROM review_items WHERE detail = '' AND resolution = '' AND resolved_at IS NOT NULL")
    stack.sql("DELETE FROM inbox WHERE kind = 'bank_notification' AND payload = ''")
    stack.sql("DELETE FROM ledger_entries WHERE bank_ref LIKE 'crw%'")


LIST = re.compile(r"(\w+) IN \(\*\)")
TEXTS = ("event_id", "reference", "bank_ref", "same_as")


def values_of_list(found):
    return f"{found[1]} IN ('x', 'y')" if found[1] in TEXTS else f"{found[1]} IN (1, 2)"


def reading(program):
    """The program's statements that look for rows, as EXPLAIN takes them."""
    printer = Path(os.environ["DP_BUILD_DIR"]) / f"tests/print_statements_{program}"
    lines = subprocess.run([printer], capture_output=True, text=True, check=True).stdout.splitlines()
    lines = [LIST.sub(values_of_list, line) for line in lines if "information_schema" not in line and "schema_migrations" not in line]
    return [line for line in lines if re.match("SELECT .* FROM |UPDATE |DELETE |INSERT .* SELECT .* FROM (?!open_transactions)", line)]


def values_for(stack, statement):
    """The veteran's own values, by what stands before the question mark."""
    user, school, account, reference, token, claim = stack.sql(
        "SELECT u.id, u.school_id, p.account_id, MAX(t.reference), HEX(k.token_hash), (SELECT MAX(c.id) FROM claims c WHERE c.account_id = p.account_id) "
        "FROM users u JOIN account_payers p ON p.user_id = u.id "
        "JOIN transactions t ON t.user_id = u.id LEFT JOIN password_tokens k ON k.user_id = u.id WHERE u.login = 'veteran' GROUP BY u.id")[0]
    known = (("u.id = ", user), ("user_id = ", user), ("school_id = ", school), ("login = ", "'veteran'"), ("account_id = ", account),
             ("reference = ", f"'{reference}'"), ("token_hash = ", f"x'{token}'"), ("c.id = ", claim), ("created_at >= ", "'1970-01-01'"), ("created_at < ", "'2024-09-01'"),
             ("created_at <= ", "'2024-09-01'"), ("created_at = ", "'2024-09-01'"), ("at < ", "'2099-01-01'"), ("at <= ", "'2099-01-01'"),
             ("at = ", "'2099-01-01'"), ("LIMIT ", "26"), (" id = ", user), ("= ", "'x'"))
    done, *parts = statement.split("?")
    for number, part in enumerate(parts):
        listed = f"UNHEX(SHA2({number}, 256))" if done.endswith(("(", ", ")) else "1"
        done += next((value for ending, value in known if done.endswith(ending)), listed) + part
    return done


def plans(stack, program):
    """(statement, table that grows, EXPLAIN's row) for each time that a statement reads one."""
    for statement in reading(program):
        names = {alias if alias and alias not in NOT_AN_ALIAS else table: table for table, alias in ALIAS.findall(statement)}
        for row in stack.sql("EXPLAIN " + values_for(stack, statement)):
            table = names.get(row[2], row[2])
            if table in GROWING:
                yield statement, table, row


def test_no_page_reads_a_whole_table(stack, years):
    used = set()
    for statement, table, row in plans(stack, "server"):
        _, _, _, access, _, key, _, _, _, extra = row
        used.add(table)
        assert access in BY_KEY and key != "NULL", (statement, row)
        assert "Using filesort" not in extra or table != "transactions" or "t.created_at <= ?" not in statement, (statement, row)
    assert used >= {"transactions", "transaction_lines", "ledger_entries", "inbox", "login_history", "claims", "accounts", "users", "password_tokens",
                    "mail_outbox", "transaction_history", "payer_signs", "review_items"}


# dp-admin status says how many calls were ever applied.
COUNTS_ALL = "(SELECT COUNT(*) FROM inbox)"


@pytest.mark.parametrize("program", ["worker", "admin"])
def test_nor_do_the_other_programs(stack, years, program):
    """Sorted is at most what a list of values has narrowed."""
    seen = 0
    for statement, table, row in plans(stack, program):
        _, _, _, access, _, key, _, _, _, extra = row
        seen += 1
        if table == "inbox" and access == "index" and COUNTS_ALL in statement:
            continue
        assert access in BY_KEY and key != "NULL", (statement, row)
        assert "Using filesort" not in extra or " IN (" in statement, (statement, row)
    assert seen > 12


def test_a_payment_of_many_lines_has_them_all(stack, durand):
    """Two lines come with the payment; more of them are asked for again."""
    children = [row[0] for row in stack.sql("SELECT p.account_id FROM account_payers p JOIN users u ON u.id = p.user_id WHERE u.login = 'durand' ORDER BY 1")]
    for number, lines in enumerate(((300,), (300, 200), (300, 200, 100), ()), 1):
        reference, amount = f"lines{number:015d}", sum(lines) or 600
        values = "; ".join(f"INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents) SELECT id, 1, {at}, "
                           f"{children[at % 2]}, {cents} FROM transactions WHERE reference = '{reference}'" for at, cents in enumerate(lines, 1))
        stack.sql("INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email) SELECT "
                  f"'{reference}', u.school_id, u.id, c.contract_id, 'ADVANCE', {amount}, 'a@example.org' FROM users u JOIN school_contracts c "
                  f"ON c.school_id = u.school_id WHERE u.login = 'durand'; {values}")
        row = durand.get("/historique").text.partition(f"/paiement/{reference}")[2].partition("</tr>")[0]
        sums = [sum(lines[1::2]), sum(lines[::2])]  # of the first child, and of the second, who comes first
        parts = re.findall(r"\w+\u00a0: (\d+),00\u00a0€<br>", row)
        assert parts == ([] if len(lines) < 2 else [str(sums[1] // 100), str(sums[0] // 100)]), row
        assert (">Charlie Durand</td>" in row or ">Julia Durand</td>" in row) == (len(lines) == 1)
        assert 'data-label="Compte"></td>' in row or lines
    stack.sql("DELETE l FROM transaction_lines l JOIN transactions t ON t.id = l.transaction_id WHERE t.reference LIKE 'lines%'; "
              "DELETE FROM transactions WHERE reference LIKE 'lines%'")
