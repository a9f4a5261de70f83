"""dp-admin against a real MariaDB: schema, rights, import, passwords, reviews."""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import urllib.parse
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "script"))
from stack import Stack, free_port, run  # noqa: E402

BUILD = Path(os.environ.get("DP_BUILD_DIR", ROOT / "build"))
OK, FAILED, USAGE = 0, 1, 2


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    state = tmp_path_factory.mktemp("admin")
    ports = {name: free_port() for name in ("http", "admin", "bank", "mail", "smtp")}
    stack = Stack(state, BUILD, ports)
    stack.prepare()
    stack.start_database()
    stack.admin("secrets", state / "secrets")
    stack.admin("migrate")
    yield stack
    stack.stop()


def admin(stack, *arguments, stdin=None):
    argv = [stack.program("dp-admin"), "--config", str(stack.config), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, input=stdin, check=False, timeout=60)


def sql_as(stack, program, statement):
    """What the database answers to the server's or the worker's own user: None, or the number of the error."""
    password = (stack.state / f"secrets/db-{program}").read_text().strip()
    done = subprocess.run(["mariadb", "--no-defaults", f"--socket={stack.db_socket}", f"-udp_{program}", "demi_pension", "-e",
                           statement], capture_output=True, text=True, check=False, env={**os.environ, "MYSQL_PWD": password})
    return None if done.returncode == 0 else int(done.stderr.split("ERROR ")[1].split()[0])


# --- command line ------------------------------------------------------------------------------------------------------


def test_usage(stack):
    program = stack.program("dp-admin")
    for argv, status, says in [
        ([program], USAGE, "usage: dp-admin"),
        ([program, "migrate"], USAGE, "--config FILE is missing"),
        ([program, "--config", "/nonexistent", "migrate"], USAGE, "/nonexistent:0: cannot be opened"),
        ([program, "--config", str(stack.config), "nonsense"], USAGE, 'there is no command "nonsense"'),
        ([program, "--config", str(stack.config), "migrate", "now"], USAGE, 'unexpected argument "now"'),
    ]:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == status and says in done.stderr, argv
    assert run([program, "--help"]).stdout.startswith("usage: dp-admin --config FILE COMMAND")
    for command in ("secrets", "migrate", "import", "user", "school", "review", "dead-letters", "mails", "journals", "compare", "status"):
        assert f"dp-admin --config FILE {command}" in run([program, command, "--help"]).stdout


def test_secrets_are_private_and_kept(stack, tmp_path):
    folder = tmp_path / "secrets"
    run([stack.program("dp-admin"), "secrets", folder])
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert sorted(files) == ["db-server", "db-worker", "master-key"]
    assert len(bytes.fromhex(files["master-key"])) == 32 and len(files["db-server"].strip()) == 40
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    again = run([stack.program("dp-admin"), "secrets", folder])
    assert "kept" in again.stdout and files == {path.name: path.read_text() for path in folder.iterdir()}
    assert run([stack.program("dp-admin"), "secrets", "/proc/nowhere"], check=False).returncode == FAILED


# --- migrate -----------------------------------------------------------------------------------------------------------


def test_migrate_again_changes_nothing(stack):
    before = stack.sql("SELECT * FROM schema_migrations ORDER BY name")
    assert [row[0] for row in before][:1] == ["001_foundation.sql"] and all(row[4] != "NULL" for row in before)
    done = admin(stack, "migrate")
    assert done.returncode == OK and "applied" not in done.stdout
    assert stack.sql("SELECT * FROM schema_migrations ORDER BY name") == before


def test_a_changed_schema_file_is_refused(stack):
    (was,), = stack.sql("SELECT sha256 FROM schema_migrations WHERE name = '001_foundation.sql'")
    stack.sql("UPDATE schema_migrations SET sha256 = REPEAT('0', 64) WHERE name = '001_foundation.sql'")
    try:
        done = admin(stack, "migrate")
        assert done.returncode == FAILED and "schema/001_foundation.sql was changed after it was applied" in done.stderr
    finally:
        stack.sql(f"UPDATE schema_migrations SET sha256 = '{was}' WHERE name = '001_foundation.sql'")


def test_an_interrupted_file_continues(stack):
    (count,), = stack.sql("SELECT statements_done FROM schema_migrations WHERE name = '001_foundation.sql'")
    stack.sql("DROP TRIGGER transaction_lines_fixed; UPDATE schema_migrations SET finished_at = NULL,"
              " statements_done = statements_done - 1 WHERE name = '001_foundation.sql'")
    done = admin(stack, "migrate")
    assert done.returncode == OK and "schema/001_foundation.sql applied" in done.stdout
    assert stack.sql("SELECT statements_done FROM schema_migrations WHERE name = '001_foundation.sql'") == [[count]]
    assert "transaction_lines_fixed" in [row[0] for row in stack.sql("SHOW TRIGGERS")]


def test_a_failing_statement_is_named(stack):
    stack.sql("UPDATE schema_migrations SET finished_at = NULL, statements_done = 3 WHERE name = '001_foundation.sql'")
    try:
        done = admin(stack, "migrate")
        assert done.returncode == FAILED
        assert "schema/001_foundation.sql, statement 4: Table 'users' already exists (MariaDB 1050)" in done.stderr
    finally:
        stack.sql("UPDATE schema_migrations SET finished_at = NOW(6) WHERE name = '001_foundation.sql'")


def test_no_database(stack, tmp_path):
    text = stack.config.read_text().replace(str(stack.db_socket), "/nonexistent/db.sock")
    (tmp_path / "dp.conf").write_text(text)
    done = run([stack.program("dp-admin"), "--config", tmp_path / "dp.conf", "migrate"], check=False)
    assert done.returncode == FAILED and "no connection to MariaDB at /nonexistent/db.sock as root" in done.stderr


def test_passwords_follow_their_files(stack):
    secret = stack.state / "secrets/db-server"
    old = secret.read_text()
    try:
        secret.write_text("it's \\ a new one\n")
        assert sql_as(stack, "server", "SELECT 1") == 1045
        assert admin(stack, "migrate").returncode == OK
        assert sql_as(stack, "server", "SELECT 1") is None
        secret.unlink()
        done = admin(stack, "migrate")
        assert done.returncode == FAILED and "secrets/db-server: the password of the database user dp_server" in done.stderr
    finally:
        secret.write_text(old)
        stack.admin("migrate")


def test_rights_come_back(stack):
    stack.sql("GRANT UPDATE ON demi_pension.ledger_entries TO dp_server@localhost; DROP USER dp_worker@localhost")
    assert admin(stack, "migrate").returncode == OK
    assert sql_as(stack, "server", "UPDATE ledger_entries SET amount_cents = 1") == 1142
    assert sql_as(stack, "worker", "SELECT COUNT(*) FROM ledger_entries") is None


BEFORE_009 = """
ALTER TABLE inbox DROP KEY event, DROP COLUMN of_bank, DROP PRIMARY KEY, DROP COLUMN id, ADD PRIMARY KEY (event_id);
ALTER TABLE dead_letters DROP COLUMN of_bank;
DELETE FROM schema_migrations WHERE name >= '009';
"""
ROW = "INSERT INTO inbox (event_id, kind, verdict, payload, received_at) VALUES (UNHEX(REPEAT('{}', 32)), '{}', 'credited', '{}', NOW(6))"


def test_the_inbox_is_written_anew_with_its_rows(own_stack):
    stack = own_stack(servers=0, workers=0)
    stack.sql(BEFORE_009 + "; ".join((ROW.format("cc", "bank_notification", "a"), ROW.format("aa", "password_changed", ""),
                                      ROW.format("bb", "bank_answer", "b")))
              + "; INSERT INTO dead_letters (stream_id, event_id, kind, same_as, fields, reason, failures) VALUES "
              f"('1-1', '', 'bank_notification', REPEAT('0', 64), '{CALL}', '', 5), ('1-2', '', '', REPEAT('1', 64), 'a=b', '', 5),"
                "('1-3', '', '', REPEAT('2', 64), '%', '', 5), ('1-4', '', '', REPEAT('3', 64), 'a=b', '', 5)")
    done = admin(stack, "migrate")
    assert done.returncode == OK and "009_inbox_order.sql applied" in done.stdout and "010_inbox_of_bank.sql applied" in done.stdout
    assert stack.sql("SELECT LEFT(HEX(event_id), 2), kind, payload, of_bank FROM inbox ORDER BY event_id") == [
        ["AA", "password_changed", "", "0"], ["BB", "bank_answer", "b", "1"], ["CC", "bank_notification", "a", "1"]]
    letters = stack.sql("SELECT of_bank, same_as FROM dead_letters ORDER BY id")
    assert [row[0] for row in letters] == ["1", "0", "0", "0"]
    # Known by what they say from now on: an event by all of it, the rest by its text. One open letter of each stands for the others.
    assert letters[3][1] == "3" * 64
    assert [row[1] for row in letters[1:3]] == [hashlib.sha256(b"entry\0" + text).hexdigest() for text in (b"a=b", b"%")]
    said = ("v", "1", "id", "ab" * 32, "kind", "bank_notification", "at", "1970-01-01T00:00:00.000000Z", "gateway", "spplus", "raw",
            urllib.parse.unquote(CALL.rpartition("raw=")[2]))
    assert letters[0][1] == hashlib.sha256(b"event\0" + b"".join(struct.pack("<I", len(text)) + text.encode() for text in said)).hexdigest()
    stack.sql("UPDATE schema_migrations SET finished_at = NULL, statements_done = 0 WHERE name = '010_inbox_of_bank.sql'")
    done = admin(stack, "migrate")  # it was cut off before it could note what it had done
    assert done.returncode == OK and "010_inbox_of_bank.sql applied" in done.stdout, done.stderr
    stack.sql(ROW.format("aa", "bank_notification", "c"))
    assert stack.sql("SELECT payload FROM inbox ORDER BY id DESC LIMIT 1") == [["c"]]
    assert sql_as(stack, "worker", ROW.format("cc", "bank_answer", "")) == 1062
    assert sql_as(stack, "worker", ROW.format("cc", "password_changed", "")) is None


# --- rights ------------------------------------------------------------------------------------------------------------

PAYMENT = """
    INSERT IGNORE INTO schools (id, uai, name, kind, bursar_email) VALUES (900, '0139999Z', 'Test', 'LYCEE', 'g@example.org');
    INSERT IGNORE INTO bank_contracts (id, gateway, merchant_id, payment_url, sealed_key) VALUES (900, 'spplus', 'x', 'y', 'z');
    INSERT IGNORE INTO users (id, school_id, external_id, login, role, password_hash, last_name)
        VALUES (900, 900, 'p', 'rights', 'PARENT', '!', 'Test');
    INSERT IGNORE INTO accounts (id, school_id, external_id, last_name, first_name) VALUES (900, 900, 'a', 'Test', 'Test');
    INSERT IGNORE INTO claims (id, school_id, account_id, number, label, amount_cents) VALUES (900, 900, 900, 'n', 'l', 100);
    INSERT IGNORE INTO transactions (id, reference, school_id, user_id, contract_id, kind, state, amount_cents, email)
        VALUES (900, 'created', 900, 900, 900, 'ADVANCE', 'CREATED', 100, 'a@example.org'),
               (901, 'authorised', 900, 900, 900, 'ADVANCE', 'AUTHORISED', 100, 'a@example.org');
"""
DENIED, DENIED_COLUMN, CHECK_OPTION = 1142, 1143, 1369


@pytest.mark.parametrize("statement, error", [
    ("SELECT COUNT(*) FROM users", None),
    ("SELECT COUNT(event_id) FROM inbox", None),
    ("INSERT INTO open_transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email)"
     " VALUES ('byserver', 900, 900, 900, 'ADVANCE', 100, 'a@example.org')", None),
    ("INSERT INTO transaction_lines VALUES (900, 1, 1, 900, NULL, 100)", None),
    ("UPDATE open_transactions SET state = 'PENDING', sent_at = UTC_TIMESTAMP(6) WHERE reference = 'byserver'", None),
    ("UPDATE claims SET reserved_for = 'r', reserved_until = NULL WHERE id = 900", None),
    ("UPDATE users SET email = 'b@example.org', password_hash = '!' WHERE id = 900", None),
    ("INSERT INTO login_history (user_id, success) VALUES (900, 1)", None),
    ("UPDATE password_tokens SET used_at = UTC_TIMESTAMP(6) WHERE user_id = 900", None),
    ("INSERT INTO journal_reports (host, instance, records) VALUES ('h', 0, 1) ON DUPLICATE KEY UPDATE records = VALUES(records)", None),
    # What only the bank's word may bring:
    ("UPDATE open_transactions SET state = 'AUTHORISED' WHERE reference = 'created'", CHECK_OPTION),
    ("INSERT INTO open_transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email)"
     " VALUES ('forged', 900, 900, 900, 'ADVANCE', 'AUTHORISED', 100, 'a@example.org')", CHECK_OPTION),
    ("UPDATE open_transactions SET bank_ref = '1' WHERE reference = 'created'", DENIED_COLUMN),
    ("UPDATE transactions SET state = 'AUTHORISED' WHERE reference = 'created'", DENIED),
    ("INSERT INTO transactions (reference) VALUES ('forged')", DENIED),
    ("DELETE FROM open_transactions", DENIED),
    ("SELECT SUM(amount_cents) FROM ledger_entries WHERE claim_id = 900", None),
    ("SELECT bank_ref FROM ledger_entries", DENIED_COLUMN),
    ("INSERT INTO ledger_entries (contract_id) VALUES (900)", DENIED),
    ("INSERT INTO receipts (transaction_id) VALUES (900)", DENIED),
    ("INSERT INTO mail_outbox (kind) VALUES ('PARENT_CONFIRMATION')", DENIED),
    ("INSERT INTO inbox (event_id) VALUES ('x')", DENIED),
    ("SELECT payload FROM inbox", DENIED_COLUMN),
    ("SELECT kind, recipient, status, sent_at FROM mail_outbox WHERE user_id = 900", None),
    ("SELECT last_error FROM mail_outbox", DENIED_COLUMN),
    ("UPDATE mail_outbox SET status = 'SENT'", DENIED),
    ("UPDATE claims SET settled_cents = amount_cents", DENIED_COLUMN),
    ("UPDATE users SET role = 'BURSAR' WHERE id = 900", DENIED_COLUMN),
    ("DROP TABLE login_history", DENIED),
    ("DELETE FROM journal_reports", DENIED),
    ("INSERT INTO alarms (kind, count, mailed_at) VALUES ('X', 1, NOW())", DENIED),
    ("UPDATE dead_letters SET dropped_at = NOW()", DENIED),
    ("SELECT COUNT(*) FROM mysql.global_priv", DENIED),
])
def test_rights_of_the_server(stack, statement, error):
    stack.sql(PAYMENT)
    assert sql_as(stack, "server", statement) == error


def test_the_server_cannot_touch_an_authorised_payment(stack):
    stack.sql(PAYMENT)
    assert sql_as(stack, "server", "UPDATE open_transactions SET amount_cents = 1, state = 'PENDING'"
                                   " WHERE reference = 'authorised'") is None
    assert stack.sql("SELECT amount_cents, state FROM transactions WHERE id = 901") == [["100", "AUTHORISED"]]


@pytest.mark.parametrize("statement, error", [
    ("SELECT COUNT(*) FROM ledger_entries", None),
    ("UPDATE transactions SET state = 'AUTHORISED', bank_ref = '1' WHERE id = 900", None),
    ("UPDATE claims SET settled_cents = settled_cents + 1 WHERE id = 900 AND settled_cents + 1 <= amount_cents", None),
    ("UPDATE bank_queries SET outcome = 'open'", None),
    ("UPDATE bank_contracts SET query_url = ''", DENIED),
    ("INSERT INTO receipt_counters VALUES (900, 2026, 1) ON DUPLICATE KEY UPDATE last_number = last_number + 1", None),
    ("INSERT INTO alarms (kind, count, mailed_at) VALUES ('X', 1, NOW())", None),
    ("UPDATE alarms SET ended_at = NOW() WHERE kind = 'X'", None),
    ("UPDATE alarms SET kind = 'Y'", DENIED_COLUMN),
    ("UPDATE worker_tasks SET lease_until = lease_until", None),
    ("UPDATE transactions SET amount_cents = 1 WHERE id = 900", DENIED_COLUMN),
    ("UPDATE journal_reports SET records = 0", DENIED),
    ("INSERT INTO operator_log (who, action, target) VALUES ('me', 'x', 'y')", DENIED),
    ("UPDATE mail_outbox SET settled_at = NOW()", DENIED_COLUMN),
    ("UPDATE ledger_entries SET amount_cents = 1", DENIED),
    ("UPDATE inbox SET verdict = 'x'", DENIED),
    ("UPDATE receipts SET number = 1", DENIED),
    ("UPDATE transaction_history SET note = 'x'", DENIED),
    ("UPDATE users SET password_hash = 'x'", DENIED),
    ("DROP TABLE ledger_entries", DENIED),
    *((f"DELETE FROM {table}", DENIED) for table in ("transactions", "ledger_entries", "inbox", "mail_outbox", "review_items",
                                                             "dead_letters", "alarms", "comparisons")),
])
def test_rights_of_the_worker(stack, statement, error):
    stack.sql(PAYMENT)
    assert sql_as(stack, "worker", statement) == error


@pytest.mark.parametrize("program", ["server", "worker"])
def test_every_statement_of_a_program_is_within_its_rights(stack, program):
    printer = BUILD / f"tests/print_statements_{program}"
    statements = run([printer]).stdout.splitlines()
    assert len(statements) > 10
    for statement in statements:
        # The worker writes (*) for a list of values.
        literal = statement.replace("(*)", "(?)").replace("\\", "\\\\").replace("'", "''")
        assert sql_as(stack, program, f"PREPARE s FROM '{literal}'") is None, statement


# --- import ------------------------------------------------------------------------------------------------------------

DEMO = ROOT / "schema/demo"
TABLES = ("schools", "school_files", "bank_contracts", "school_contracts", "users", "accounts", "account_payers", "claims")


def everything(stack):
    """A checksum over every row of what an import may change."""
    return stack.sql(f"CHECKSUM TABLE {', '.join(TABLES)}")


@pytest.fixture(scope="module")
def demo(stack):
    """The demonstration school, imported."""
    done = admin(stack, "import", DEMO, "--bank-url", "http://127.0.0.1:4/paiement/init.do")
    assert done.returncode == OK, done.stderr
    return done


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "school"
    shutil.copytree(DEMO, folder)
    return folder


def edit(path, old, new, encoding="utf-8"):
    text = path.read_text()
    assert old in text
    path.write_bytes(text.replace(old, new).encode(encoding))


def other_school(folder, mark):
    """The same files as another school, with other logins and claims."""
    edit(folder / "school.ini", "0130000A", f"013{mark}A")
    for login in ("durand", "martin", "commensal"):
        edit(folder / "families.csv", f";{login};", f";{login}{mark};")


def test_import_of_the_demonstration(stack, demo):
    assert "school    0130000A Lycée de démonstration: created" in demo.stdout
    assert "persons   3 created, 0 updated, 0 unchanged" in demo.stdout and "imported" in demo.stdout
    assert stack.sql("SELECT u.login, a.first_name FROM users u JOIN account_payers p ON p.user_id = u.id JOIN accounts a ON"
                     " a.id = p.account_id JOIN schools s ON s.id = u.school_id WHERE s.uai = '0130000A' ORDER BY 1, 2") == [
        ["commensal", "Nadia"], ["durand", "Charlie"], ["durand", "Julia"], ["martin", "Lucas"]]
    assert stack.sql("SELECT amount_cents, settled_cents, due_date, direct_debit FROM claims WHERE number = '150509'") == [
        ["15850", "0", "2027-01-31", "0"]]
    assert stack.sql("SELECT address1, address2, postcode, city, must_change_password, role FROM users WHERE login = 'durand'"
                     ) == [["2 av. Madeleine Bonnaud", "Parc d'activités", "13770", "Venelles", "0", "PARENT"]]
    assert stack.sql("SELECT payment_url, gateway, merchant_id, LENGTH(sealed_key), query_url, query_states FROM bank_contracts c"
                     " JOIN school_contracts s ON s.contract_id = c.id") == [
        ["http://127.0.0.1:4/paiement/init.do", "spplus", "00000000000001-01", str(71 + 40),
         "http://127.0.0.1:4/administration_distante/adminADistance.do", "EN_COURS:open,ABANDONNE:abandoned,spadminko:unknown"]]
    (hashed,), = stack.sql("SELECT password_hash FROM users WHERE login = 'durand'")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_import_again_changes_nothing(stack, demo):
    before = everything(stack)
    done = admin(stack, "import", DEMO, "--bank-url", "http://127.0.0.1:4/paiement/init.do")
    assert done.returncode == OK and "0 created, 0 updated, 3 unchanged" in done.stdout
    assert everything(stack) == before


def test_what_a_person_changed_stays(stack, demo):
    stack.sql("UPDATE users SET email = 'new@example.org', address2 = '' WHERE login = 'durand'")
    assert admin(stack, "import", DEMO).returncode == OK
    assert stack.sql("SELECT email, address2 FROM users WHERE login = 'durand'") == [["new@example.org", "Parc d'activités"]]
    assert admin(stack, "import", DEMO, "--overwrite-contacts").returncode == OK
    assert stack.sql("SELECT email FROM users WHERE login = 'durand'") == [["jean.durand@example.org"]]


def test_changed_files_update(stack, demo, files):
    edit(files / "claims.csv", "172,80", "1 180,5")
    edit(files / "families.csv", "Julia;2nde 4", "Julia;1re 2")
    edit(files / "school.ini", "part_payment = no", "part_payment = yes")
    edit(files / "school.ini", "ABANDONNE:abandoned", "ANNULE:abandoned")
    done = admin(stack, "import", files)
    assert done.returncode == OK and "spplus 00000000000001-01: updated" in done.stdout
    assert ["1"] in stack.sql("SELECT query_states LIKE '%,ANNULE:%' FROM bank_contracts")
    assert "accounts  0 created, 1 updated, 3 unchanged" in done.stdout
    assert "claims    0 created, 1 updated, 2 unchanged" in done.stdout and "Lycée de démonstration: updated" in done.stdout
    assert stack.sql("SELECT amount_cents FROM claims WHERE number = '150731'") == [["118050"]]
    assert admin(stack, "import", DEMO).returncode == OK
    assert stack.sql("SELECT class_name, part_payment_allowed FROM accounts a JOIN schools s ON s.id = a.school_id WHERE"
                     " a.external_id = 'E1'") == [["2nde 4", "0"]]


BALANCES = "SELECT external_id, balance_cents, balance_at FROM accounts WHERE school_id = (SELECT id FROM schools WHERE uai = '0130000A') ORDER BY 1"


def test_balances_follow_the_file(stack, demo, files):
    """A day begins at midnight in Paris; an empty cell takes a balance away; with one balance the other stays what it is."""
    autumn = "2026-11-01 23:00:00.000000"
    assert stack.sql(BALANCES) == [["C1", "5700", autumn], ["E1", "2340", autumn], ["E2", "-1230", autumn], ["E3", "NULL", "NULL"]]
    edit(files / "families.csv", "23,40;02/11/2026", "−1 023,4;2026-11-28 18:30")
    edit(files / "families.csv", "-12,30;02/11/2026", ";")
    edit(files / "families.csv", "1re G1;;", "1re G1;0;02/07/2026 00:00")
    before = everything(stack)
    dry = admin(stack, "import", files, "--dry-run")
    assert "accounts  0 created, 3 updated, 1 unchanged" in dry.stdout and everything(stack) == before
    assert "updated account of Durand Julia: −1 023,4 on 2026-11-28 18:30\n" in dry.stdout and "updated account of Durand Charlie\n" in dry.stdout
    after = [["C1", "5700", autumn], ["E1", "-102340", "2026-11-28 17:30:00.000000"], ["E2", "NULL", "NULL"], ["E3", "0", "2026-07-01 22:00:00.000000"]]
    for said in ("3 updated, 1 unchanged", "0 updated, 4 unchanged"):
        assert f"accounts  0 created, {said}" in admin(stack, "import", files).stdout
        assert stack.sql(BALANCES) == after
    assert admin(stack, "import", DEMO).returncode == OK


def test_files_without_balances_leave_them(stack, demo, files):
    known = stack.sql(BALANCES)
    lines = [line.rsplit(";", 2)[0] for line in (files / "families.csv").read_text().splitlines()]
    (files / "families.csv").write_text("\n".join(lines))
    assert "accounts  0 created, 0 updated, 4 unchanged" in admin(stack, "import", files).stdout
    edit(files / "families.csv", "Julia;2nde 4", "Julia;1re 2")
    assert "accounts  0 created, 1 updated, 3 unchanged" in admin(stack, "import", files).stdout
    assert stack.sql(BALANCES) == known
    assert admin(stack, "import", DEMO).returncode == OK


def test_two_payers_are_told_one_balance(stack, demo, files):
    with open(files / "families.csv", "a", encoding="utf-8") as file:
        file.write("P2;martin;parent;Martin;Hélène;14 rue de la Fontaine;;13100;Aix-en-Provence;06 00 00 00 02;helene.martin@example.org;demo-cantine-2026;"
                   "E1;Durand;Julia;2nde 4;23,40;03/11/2026\n")
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and "families.csv:6:18: solde_le: is not what line 2 says of the same account" in done.stderr


def png(width, height, size=0):
    """A grey picture, made longer by a comment."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"tEXt", b"Comment\0" + b"x" * size) + chunk(b"IDAT", rows)
            + chunk(b"IEND", b""))


def identity(stack, uai="0130000A"):
    return stack.sql("SELECT s.colour, c.bytes, l.kind, l.width, l.height FROM schools s LEFT JOIN school_files c ON c.hash = s.sheet_hash"
                     f" LEFT JOIN school_files l ON l.hash = s.logo_hash WHERE s.uai = '{uai}'")[0]


def test_a_school_gets_and_loses_its_look(stack, demo, files):
    assert "colour    #7b2d5e: #7b2d5e on light pages, #b78da7 on dark ones" in demo.stdout
    colour, sheet, *logo = identity(stack)
    assert colour == "#7b2d5e" and "--accent:#7b2d5e" in sheet and "--accent:#b78da7" in sheet and logo == ["PNG", "96", "96"]
    hashed, stored = stack.sql("SELECT logo_hash, LOWER(HEX(bytes)) FROM schools JOIN school_files ON hash = logo_hash WHERE uai = '0130000A'")[0]
    content = (DEMO / "logo.png").read_bytes()
    assert stored == content.hex() and hashed == hashlib.sha256(content).hexdigest()[:32]

    edit(files / "school.ini", "#7b2d5e", "#FFCC00")
    (files / "logo.png").write_bytes(png(128, 32))
    done = admin(stack, "import", files)
    assert done.returncode == OK and "Lycée de démonstration: updated" in done.stdout
    assert "colour    #FFCC00: #7c6300 on light pages, #ffcc00 on dark ones" in done.stdout
    assert identity(stack)[2:] == ["PNG", "128", "32"]

    edit(files / "school.ini", "couleur = #FFCC00\nlogo = logo.png\n", "")
    assert admin(stack, "import", files).returncode == OK
    assert identity(stack) == ["", "NULL", "NULL", "NULL", "NULL"]
    assert admin(stack, "import", DEMO).returncode == OK and identity(stack)[0] == "#7b2d5e"


@pytest.mark.parametrize("content, says", [
    (png(32, 32, 4 << 10), "at most 4 kB"), (png(31, 64), "32 to 1024 pixels"), (png(1025, 300), "32 to 1024 pixels"),
    (png(165, 40), "four times as wide as high"), (png(40, 81), "twice as high as wide"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a PNG or WebP image")])
def test_logos_that_are_refused(stack, demo, files, content, says):
    (files / "logo.png").write_bytes(content)
    before = everything(stack)
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and "school.ini:14: [school] logo: " in done.stderr and says in done.stderr
    assert everything(stack) == before


def test_dry_run_changes_nothing(stack, demo, files):
    other_school(files, "0001")
    before = everything(stack)
    done = admin(stack, "import", files, "--dry-run")
    assert done.returncode == OK and everything(stack) == before
    assert "created person durand0001 (Durand Jean)" in done.stdout
    assert "created claim 150509 for Durand Julia: 158,50" in done.stdout
    assert "dry run: nothing was changed" in done.stdout


@pytest.mark.parametrize("mark, separator, encoding, end", [
    ("0002", ",", "utf-8", "\n"), ("0003", ";", "cp1252", "\r\n"), ("0004", ",", "cp1252", "\n"),
    ("0005", ";", "utf-8-sig", "\r\n")])
def test_separators_and_encodings(stack, files, mark, separator, encoding, end):
    other_school(files, mark)
    for name in ("families.csv", "claims.csv", "school.ini"):
        text = (files / name).read_text()
        if name != "school.ini":
            lines = [line.split(";") for line in text.splitlines()]
            text = "".join(separator.join(f'"{cell}"' if "," in cell else cell for cell in line) + "\n" for line in lines)
        (files / name).write_bytes(text.replace("\n", end).encode(encoding))
    done = admin(stack, "import", files)
    assert done.returncode == OK, done.stderr
    assert stack.sql(f"SELECT s.name, u.address2, c.label, c.amount_cents FROM schools s JOIN users u ON u.school_id = s.id JOIN"
                     f" claims c ON c.school_id = s.id WHERE u.login = 'durand{mark}' AND c.number = '150509'") == [
        ["Lycée de démonstration", "Parc d'activités", "Demi-pension, 1er trimestre (avis n° 150509)", "15850"]]


BAD = [  # file, what stands there, what replaces it, what is said
    ("families.csv", "P2;martin", "P2;durand", 'families.csv:4:2: identifiant: "durand" is in line 2 already, for another person'),
    ("families.csv", "P2;martin", "P2;Martin", "families.csv:4:2: identifiant: expected small letters"),
    ("families.csv", "P2;martin", "P2;", "families.csv:4:2: identifiant: is empty"),
    ("families.csv", "helene.martin@", "helene martin@", "families.csv:4:11: courriel:"),
    ("families.csv", "martin;parent", "martin;roi", 'families.csv:4:3: role: "roi" is not parent, commensal or gestionnaire'),
    ("families.csv", "E2;Durand", "E1;Durand", "families.csv:3:15: prenom_compte: is not what line 2 says of the same account"),
    ("families.csv", "E2;Durand;Charlie;Tle G2", "E1;Durand;Julia;2nde 4", "families.csv:3:13: compte: this person and account"),
    ("families.csv", "Jean;2 av. Madeleine Bonnaud;Parc d'activités;13770;Venelles;04 42 00 00 01;jean.durand@example.org;"
     "demo-cantine-2026;E2", "Paul;;;;;;;demo-cantine-2026;E2", "families.csv:3:5: prenom: is not what line 2 says of the same"),
    ("families.csv", "E3;Martin;Lucas;1re G1", ";;;", "families.csv:4:13: compte: is empty"),
    ("families.csv", "E3;Martin;Lucas;1re G1", "E3;Martin;Lucas", "families.csv:4: 17 fields, expected 18"),
    ("families.csv", "13100", "1" * 11, "families.csv:4:8: code_postal: is longer than 10 characters"),
    ("families.csv", "14 rue", "14\x07rue", "families.csv:4:6: adresse1: holds a line break or another control character"),
    ("families.csv", "14 rue", '14 "rue', "families.csv:4: a quote in the middle of a field"),
    ("families.csv", "14 rue", '"14 rue', "families.csv:4: the quote that opens a field never closes"),
    ("families.csv", "personne;", "personnes;", 'families.csv:1:1: there is no column "personnes"'),
    ("families.csv", "personne;", "nom;", "families.csv:1:4: the column nom is there twice"),
    ("families.csv", "2nde 4;23,40", "2nde 4;23,405", 'families.csv:2:17: solde: "23,405" is not a balance, as 23,40 or -12,30'),
    ("families.csv", "2nde 4;23,40;02/11/2026", "2nde 4;23,40;", "families.csv:2:18: solde_le: is empty: say when the balance was 23,40"),
    ("families.csv", "2nde 4;23,40;", "2nde 4;;", "families.csv:2:17: solde: is empty, but solde_le is not"),
    ("families.csv", "23,40;02/11/2026", "23,40;31/11/2026", 'families.csv:2:18: solde_le: "31/11/2026" is not a date, as 28/11/2026 or 28/11'),
    ("families.csv", "23,40;02/11/2026", "23,40;02/11/2026 24:00", 'families.csv:2:18: solde_le: "02/11/2026 24:00" is not a date'),
    ("families.csv", "solde;solde_le", "solde;", 'families.csv:1:18: there is no column ""'),
    ("claims.csv", "numero;", "", "claims.csv:1: the column numero is missing"),
    ("claims.csv", "158,50", "158,505", 'claims.csv:2:5: montant: "158,505" is not an amount'),
    ("claims.csv", "158,50", "0", 'claims.csv:2:5: montant: "0" is not an amount'),
    ("claims.csv", "150509;E1", "150509;E9", 'claims.csv:2:2: compte: "E9" is not an account of families.csv'),
    ("claims.csv", "150731;E3", "150509;E3", 'claims.csv:3:1: numero: "150509" is in line 2 already'),
    ("claims.csv", "15/02/2027", "30/02/2027", 'claims.csv:4:4: echeance: "30/02/2027" is not a date'),
    ("claims.csv", "45,00;oui", "45,00;si", 'claims.csv:4:6: prelevement: "si" is not oui or non'),
    ("school.ini", "uai = 0130000A", "uai = 130000A", "school.ini:3: [school] uai: expected seven digits"),
    ("school.ini", "city = Venelles", "town = Venelles", 'school.ini:6: [school] has no key "town"'),
    ("school.ini", "bursar_email = gestionnaire@example.org\n", "", "school.ini:24: [school] bursar_email is missing"),
    ("school.ini", "amount_min = 1", "amount_min = 20 000", "school.ini:11: [school] amount_max is less than amount_min"),
    ("school.ini", "#7b2d5e", "aubergine", "school.ini:13: [school] couleur: expected a colour, as #7b2d5e"),
    ("school.ini", "#7b2d5e", "#7b2d5e}", "school.ini:13: [school] couleur: expected a colour"),
    ("school.ini", "logo.png", "none.png", "none.png: expected a file that can be read"),
    ("school.ini", "logo.png", "families.csv", "families.csv: expected a PNG or WebP image, not animated"),
    ("school.ini", "gateway = spplus", "gateway = other", "school.ini:18: [bank] gateway: expected the name of a known bank"),
    ("school.ini", "58 6d fc 9c", "58 6d fc", "school.ini:20: [bank] key: expected the bank's key in hex"),
    ("school.ini", "= http://127.0.0.1:8081/admin", "= ftp://127.0.0.1/admin",
     'school.ini:24: [bank] query_url: expected the address where the bank answers questions, without "?"'),
    ("school.ini", "Distance.do", "Distance.do?x=1", "school.ini:24: [bank] query_url: expected the address where the bank answers"),
    ("school.ini", "EN_COURS:open", "EN_COURS:later", "school.ini:25: [bank] query_states: expected WORD:meaning, comma-separated"),
    ("school.ini", "[bank]", "junk", "school.ini:17: expected [section] or key = value"),
]


@pytest.mark.parametrize("name, old, new, says", BAD)
def test_a_wrong_line_is_named_and_nothing_changes(stack, demo, files, name, old, new, says):
    edit(files / name, old, new)
    before = everything(stack)
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and says in done.stderr, done.stderr
    assert "nothing was imported:" in done.stderr and everything(stack) == before


def test_all_faults_are_said(stack, files):
    edit(files / "families.csv", "E3;Martin;Lucas", "E3;;")
    edit(files / "claims.csv", "158,50", "x")
    (files / "school.ini").unlink()
    done = admin(stack, "import", files)
    assert done.returncode == FAILED
    for says in ("school.ini:0: cannot be opened", "families.csv:4:14: nom_compte: is empty",
                 "families.csv:4:15: prenom_compte: is empty", "claims.csv:2:5: montant", "nothing was imported: 4 faults"):
        assert says in done.stderr


def test_faults_are_bounded(stack, files):
    with open(files / "claims.csv", "a", encoding="utf-8") as file:
        file.writelines(f"n{i};E1;l;;x;\n" for i in range(150))
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and "… and 50 more" in done.stderr and done.stderr.count("montant") == 100


def test_lines_are_counted_through_quoted_line_breaks(stack, files):
    edit(files / "claims.csv", "Voyage à Marseille, solde", '"Voyage\nà Marseille"')
    with open(files / "claims.csv", "a", encoding="utf-8") as file:
        file.write("\n\nn1;E1;l;;x;\n")
    done = admin(stack, "import", files)
    assert "claims.csv:4:3: libelle: holds a line break" in done.stderr and "claims.csv:8:5: montant" in done.stderr


@pytest.mark.parametrize("content, says", [
    (b"", "claims.csv:1: is empty"),
    (b"numero;compte\0", "claims.csv:1: holds a zero byte"),
    ("numero".encode("utf-16"), "claims.csv:1: is UTF-16"),
    (b"numero;compte\n\xe9\x81", "claims.csv:2: is neither UTF-8 nor Windows-1252 (byte 0x81)"),
])
def test_files_that_are_no_tables(stack, files, content, says):
    (files / "claims.csv").write_bytes(content)
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and says in done.stderr


def test_a_login_of_another_school_is_refused(stack, demo, files):
    edit(files / "school.ini", "0130000A", "0130009Z")
    before = everything(stack)
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and everything(stack) == before
    assert 'families.csv:2:2: identifiant: "durand" belongs to another person of this installation' in done.stderr


def test_a_claim_never_falls_below_what_is_paid(stack, demo, files):
    stack.sql("UPDATE claims c JOIN schools s ON s.id = c.school_id SET settled_cents = 10000"
              " WHERE number = '150509' AND uai = '0130000A'")
    try:
        edit(files / "claims.csv", "158,50", "99,99")
        done = admin(stack, "import", files)
        assert done.returncode == FAILED
        assert "claims.csv:2:5: montant: 99,99 is less than what is paid already (100,00)" in done.stderr
        edit(files / "claims.csv", "99,99", "100,00")
        edit(files / "claims.csv", "150731;E3", "150731;E1")
        done = admin(stack, "import", files)
        assert "claims.csv:3:2: compte: the claim 150731 is of another account already" in done.stderr
        edit(files / "claims.csv", "150731;E1", "150731;E3")
        assert admin(stack, "import", files).returncode == OK
    finally:
        stack.sql("UPDATE claims SET settled_cents = 0")
        stack.admin("import", DEMO)


def test_credentials_of_new_persons(stack, files, tmp_path):
    other_school(files, "0006")
    edit(files / "families.csv", "demo-cantine-2026", "")
    before = everything(stack)
    done = admin(stack, "import", files)
    assert done.returncode == FAILED and "3 new persons need passwords: give --credentials FILE" in done.stderr
    taken = tmp_path / "taken"
    taken.write_text("mine")
    done = admin(stack, "import", files, "--credentials", taken)
    assert done.returncode == FAILED and taken.read_text() == "mine" and everything(stack) == before

    path = tmp_path / "letters.csv"
    done = admin(stack, "import", files, "--credentials", path)
    assert done.returncode == OK, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [line.strip('"').split('";"') for line in path.read_text().splitlines()]
    assert lines[0] == ["identifiant;nom;prenom;mot_de_passe"] and len(lines) == 4
    assert lines[1][:3] == ["durand0006", "Durand", "Jean"] and len({line[3] for line in lines[1:]}) == 3
    assert all(len(line[3]) >= 12 for line in lines[1:])
    assert stack.sql("SELECT DISTINCT must_change_password FROM users WHERE login LIKE '%0006'") == [["1"]]
    again = tmp_path / "again.csv"
    assert admin(stack, "import", files, "--credentials", again).returncode == OK
    assert not again.exists()


def production(stack, tmp_path, mode="production"):
    path = tmp_path / "production.conf"
    text = stack.config.read_text().replace("mode = demonstration", f"mode = {mode}")
    path.write_text(text.replace("base_url = http://", "base_url = https://"))
    return path


def test_demonstration_is_refused_in_production(stack, files, tmp_path):
    config = production(stack, tmp_path)
    other_school(files, "0007")
    before = everything(stack)
    done = run([stack.program("dp-admin"), "--config", config, "import", files], check=False)
    assert done.returncode == FAILED and everything(stack) == before
    for says in ("school.ini:19: [bank] is the bank's published demonstration shop",
                 "school.ini:21: [bank] payment_url: expected https://", "school.ini:24: [bank] query_url: expected https://",
                 "families.csv:2:12: mot_de_passe: passwords are accepted only where [site] mode = demonstration"):
        assert says in done.stderr


def test_a_balance_of_tomorrow_is_refused_in_production(stack, files, tmp_path):
    config = production(stack, tmp_path)
    edit(files / "families.csv", "23,40;02/11/2026", "23,40;02/11/2098")
    done = run([stack.program("dp-admin"), "--config", config, "import", files], check=False)
    assert 'families.csv:2:18: solde_le: "02/11/2098" is still to come' in done.stderr


def test_key_file_and_a_real_contract(stack, files, tmp_path):
    config = production(stack, tmp_path)
    other_school(files, "0008")
    edit(files / "families.csv", "demo-cantine-2026", "")
    edit(files / "school.ini", "merchant_id = 00000000000001-01", "merchant_id = 12345678901234-01")
    edit(files / "school.ini", "payment_url = http://127.0.0.1:8081/", "payment_url = https://bank.example/")
    edit(files / "school.ini", "query_url = http://127.0.0.1:8081/", "query_url = https://bank.example/")
    edit(files / "school.ini", "key = 58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 79",
         "key_file = bank.key")
    run_it = [stack.program("dp-admin"), "--config", config, "import", files, "--credentials", tmp_path / "c"]
    done = run(run_it, check=False)
    assert done.returncode == FAILED and "[bank] key_file:" in done.stderr and "cannot be read" in done.stderr
    (files / "bank.key").write_text("00112233445566778899aabbccddeeff00112233\n")
    done = run(run_it, check=False)
    assert done.returncode == OK, done.stderr
    edit(files / "school.ini", "key_file = bank.key", "key_file = bank.key\nkey = 00")
    assert "[bank] expected key or key_file" in run(run_it, check=False).stderr


def test_import_arguments(stack, demo, tmp_path):
    assert admin(stack, "import").returncode == USAGE
    assert admin(stack, "import", DEMO, "two").returncode == USAGE
    assert admin(stack, "import", DEMO, "--force").returncode == USAGE
    key = stack.state / "secrets/master-key"
    key.chmod(0o644)
    done = admin(stack, "import", DEMO)
    key.chmod(0o600)
    assert done.returncode == FAILED and "others may read or write it" in done.stderr
    wrong = tmp_path / "wrong-key"
    wrong.write_text("no key\n")
    wrong.chmod(0o600)
    text = stack.config.read_text().replace(str(key), str(wrong))
    (tmp_path / "dp.conf").write_text(text)
    done = run([stack.program("dp-admin"), "--config", tmp_path / "dp.conf", "import", DEMO], check=False)
    assert done.returncode == FAILED and "expected 64 hex digits" in done.stderr


# --- user, review, status ----------------------------------------------------------------------------------------------


def test_set_password(stack, demo):
    def stored():
        return stack.sql("SELECT password_hash, must_change_password FROM users WHERE login = 'martin'")[0]

    before = stored()
    done = admin(stack, "user", "set-password", "martin", "--stdin", stdin="karotte-7-velours\n")
    assert done.returncode == OK and "velours" not in done.stdout
    chosen = stored()
    assert chosen[0] != before[0] and chosen[1] == "0"
    done = admin(stack, "user", "set-password", "martin")
    assert done.returncode == OK and len(done.stdout.strip()) == 23
    assert stored()[0] != chosen[0] and stored()[1] == "1"


@pytest.mark.parametrize("arguments, stdin, status, says", [
    (["martin", "--stdin"], "short\n", FAILED, "au moins 12"),
    (["martin", "--stdin"], "Helene-Martin-13\n", FAILED, "de votre nom"),
    (["martin", "--stdin"], "motdepasse-2026\n", FAILED, "serait deviné"),
    (["martin", "--stdin"], "x" * 5000, FAILED, "longer than 128"),
    (["martin", "--stdin"], "", FAILED, "no password on the standard input"),
    (["nobody"], None, FAILED, 'there is no login "nobody"'),
    (["martin", "--password=x"], None, USAGE, "usage:"),
    ([], None, USAGE, "usage:"),
])
def test_set_password_refused(stack, demo, arguments, stdin, status, says):
    before = stack.sql("SELECT password_hash FROM users ORDER BY id")
    done = admin(stack, "user", "set-password", *arguments, stdin=stdin)
    assert done.returncode == status and says in done.stderr
    assert stack.sql("SELECT password_hash FROM users ORDER BY id") == before


def test_review(stack):
    stack.sql("DELETE FROM review_items; INSERT INTO inbox (event_id, kind, verdict, payload, received_at) VALUES"
              " (REPEAT('a', 32), 'bank_notification', 'review', 'reference=x&etat=1\x1b[31m', UTC_TIMESTAMP(6));"
              "INSERT INTO review_items (id, event_id, reason, detail, amount_cents) VALUES"
              " (7, REPEAT('a', 32), 'UNKNOWN_REFERENCE', 'no such payment', 15850), (8, NULL, 'TEST_PAYMENT', '', NULL)")
    listed = admin(stack, "review", "list")
    assert listed.returncode == OK and "no such payment" in listed.stdout and listed.stdout.endswith("2 open\n")
    shown = admin(stack, "review", "show", 7).stdout
    assert "158,50" in shown and "reference=x&etat=1\\x1b[31m" in shown and "\x1b" not in shown
    done = admin(stack, "review", "resolve", 7, "--reason", "remboursé à la banque le 3 mars")
    assert done.returncode == OK
    assert admin(stack, "review", "list").stdout.endswith("1 open\n")
    resolved, = stack.sql("SELECT resolution, resolved_by, resolved_at IS NOT NULL FROM review_items WHERE id = 7")
    assert resolved[0] == "remboursé à la banque le 3 mars" and resolved[1] and resolved[2] == "1"
    assert "remboursé" in admin(stack, "review", "show", 7).stdout


def test_a_payment_is_under_review_until_its_last_item_is_resolved(stack):
    def flag():
        return stack.sql("SELECT review FROM transactions ORDER BY id")

    stack.sql(PAYMENT)
    (payment,), = stack.sql("SELECT MAX(id) FROM transactions")
    stack.sql("UPDATE transactions SET review = TRUE;"
              f"INSERT INTO review_items (id, transaction_id, reason) VALUES (20, {payment}, 'TEST_PAYMENT'), (21, {payment}, 'TEST_PAYMENT')")
    others = flag()[:-1]
    assert admin(stack, "review", "resolve", 21, "--reason", "vu").returncode == OK
    assert flag() == [*others, ["1"]]
    assert admin(stack, "review", "resolve", 20, "--reason", "vu").returncode == OK
    assert flag() == [*others, ["0"]]


@pytest.mark.parametrize("arguments, status", [
    (["resolve", 7, "--reason", "again"], FAILED), (["show", 99], FAILED), (["resolve", 99, "--reason", "x"], FAILED),
    (["resolve", 8], USAGE), (["resolve", 8, "--reason", "  "], USAGE), (["resolve", 8, "--reason", "x" * 501], USAGE),
    (["show", "x"], USAGE), (["show"], USAGE), ([], USAGE), (["delete", 8], USAGE)])
def test_review_refused(stack, arguments, status):
    before = stack.sql("SELECT * FROM review_items")
    assert admin(stack, "review", *arguments).returncode == status
    assert stack.sql("SELECT * FROM review_items") == before


# --- dead letters, mails, schools --------------------------------------------------------------------------------------

CALL = ("v=1&id=" + "ab" * 32 + "&kind=bank_notification&at=2026-11-23T06%3A12%3A00Z&gateway=spplus&raw="
        "siret%3D00000000000001-01%26reference%3Ddem20261123061216aaa%26montant%3D158.50%26email%3Da%2540example.org"
        "%26etat%3D1%26refsfp%3D36628282%26hmac%3DC0FFEE")


@pytest.fixture
def letters(stack):
    """1: a bank's call; 2: bytes that are no event; 3: dropped; 4: applied since it was buried; 5: nothing readable."""
    stack.sql("DELETE FROM dead_letters; DELETE FROM operator_log; DELETE FROM inbox; DELETE FROM review_items;"
              "INSERT INTO dead_letters (id, stream_id, event_id, kind, same_as, fields, reason, failures) VALUES"
              f" (1, '1-1', REPEAT('ab', 32), 'bank_notification', 'a', '{CALL}', '1062 Duplicate', 5),"
              " (2, '2-1', '', '', 'b', 'x%1B%00=%FF\"', 'malformed entry', 5),"
              " (3, '3-1', '', '', 'c', 'a=b', 'malformed entry', 5),"
              " (4, '4-1', REPEAT('cd', 32), 'password_changed', 'd', 'a=b', 'r', 5), (5, '5-1', '', '', 'e', 'a=%zz', 'r', 5);"
              "UPDATE dead_letters SET dropped_at = NOW(6) WHERE id = 3;"
              "INSERT INTO inbox (event_id, kind, verdict, payload, received_at) VALUES"
              " (UNHEX(REPEAT('cd', 32)), 'password_changed', 'notice', '', UTC_TIMESTAMP(6)),"
              # Of the other kind each, under the same ids: they settle nothing, and are shown for nothing.
              " (UNHEX(REPEAT('cd', 32)), 'bank_answer', 'credited', '', UTC_TIMESTAMP(6)),"
              " (UNHEX(REPEAT('ab', 32)), 'password_changed', 'notice', '', UTC_TIMESTAMP(6));"
              "INSERT INTO review_items (id, event_id, reason) VALUES (31, UNHEX(REPEAT('cd', 32)), 'PARENT_REPORT'),"
              " (32, UNHEX(REPEAT('cd', 32)), 'BAD_SHAPE')")


def test_dead_letters_are_shown_readable(stack, letters):
    listed = admin(stack, "dead-letters", "list")
    assert listed.returncode == OK and listed.stdout.endswith("4 open\n")
    assert "dem20261123061216aaa  158,50" in listed.stdout and "1062 Duplicate" in listed.stdout
    rows = json.loads(admin(stack, "dead-letters", "list", "--json").stdout)
    assert [(row["id"], row["state"], row["reference"]) for row in rows] == [
        (1, "open", "dem20261123061216aaa"), (2, "open", None), (4, "applied", None), (5, "open", None)]
    shown = admin(stack, "dead-letters", "show", 1).stdout
    for line in ("merchant         00000000000001-01", "bank_code        1", "bank_ref         36628282", "reason           1062"):
        assert line in shown
    for secret in ("C0FFEE", "hmac", "example.org"):
        assert secret not in shown + json.dumps(rows)
    shown = json.loads(admin(stack, "dead-letters", "show", 4, "--json").stdout)
    assert (shown["verdict"], shown["review_items"], shown["state"]) == ("notice", "31", "applied") and shown["applied_at"]
    assert json.loads(admin(stack, "dead-letters", "show", 2, "--json").stdout)["entry"] == "malformed"


def test_dead_letter_dropped(stack, letters):
    done = admin(stack, "dead-letters", "drop", 2, "--reason", "essai d'un \"fou\"")
    assert done.returncode == OK and "never applied" in done.stdout
    assert stack.sql("SELECT drop_reason FROM dead_letters WHERE id = 2 AND dropped_at IS NOT NULL") == [["essai d'un \"fou\""]]
    (who, action, target, reason), = stack.sql("SELECT who, action, target, reason FROM operator_log")
    assert who and (action, target, reason) == ("dead-letters drop", "2", "essai d'un \"fou\"")
    assert "dead-letters drop" in admin(stack, "dead-letters", "show", 2).stdout
    assert json.loads(admin(stack, "dead-letters", "show", 2, "--json").stdout)["state"] == "dropped"


@pytest.mark.parametrize("arguments, status, says", [
    (["drop", 2], USAGE, "expected list"), (["drop", 2, "--reason", " "], USAGE, "a reason of 1 to"),
    (["drop", 2, "--reason", "x" * 501], USAGE, "a reason of 1 to"), (["drop", 2, "--reason"], USAGE, "expected list"),
    (["drop", "--all", "--reason", "x"], USAGE, "expected list"), (["drop", 3, "--reason", "x"], FAILED, "no open dead letter 3"),
    (["drop", 99, "--reason", "x"], FAILED, "no open dead letter 99"), (["show"], USAGE, "expected list"),
    (["show", "x"], USAGE, "expected list"), (["show", 0], USAGE, "expected list"), (["show", 99], FAILED, "no dead letter 99"),
    (["show", 1, 2], USAGE, "expected list"), (["list", 1], USAGE, "expected list"), (["retry"], USAGE, "expected list"),
    (["retry", 1, "--all"], USAGE, "expected list"), (["retry", 1, "--json"], USAGE, "expected list"),
    ([], USAGE, "usage:"), (["bury", 1], USAGE, "usage:"),
    (["retry", 1], FAILED, "no connection to Redis at"), (["retry", "--all"], FAILED, "no connection to Redis at"),
])
def test_dead_letters_refused(stack, letters, arguments, status, says):
    before = stack.sql("SELECT * FROM dead_letters; SELECT * FROM operator_log")
    done = admin(stack, "dead-letters", *arguments)
    assert done.returncode == status and says in done.stderr, done.stderr
    assert stack.sql("SELECT * FROM dead_letters; SELECT * FROM operator_log") == before


def test_mails(stack):
    stack.sql("DELETE FROM mail_outbox; INSERT INTO mail_outbox (id, kind, recipient, status, attempt, last_error) VALUES"
              " (1, 'PASSWORD_RESET', 'a@example.org', 'DEAD', 16, '550 inconnu'), (2, 'PASSWORD_RESET', 'b@example.org', 'DEAD', 3, ''),"
              " (3, 'PASSWORD_RESET', 'c@example.org', 'PENDING', 2, '451'), (4, 'PASSWORD_RESET', 'd@example.org', 'PENDING', 0, ''),"
              " (5, 'PASSWORD_RESET', 'e@example.org', 'SENT', 1, ''), (6, 'PASSWORD_RESET', 'f@example.org', 'DEAD', 1, '')")
    listed = admin(stack, "mails", "list")
    assert listed.returncode == OK and "550 inconnu" in listed.stdout and listed.stdout.endswith("4 given up or tried again\n")
    rows = json.loads(admin(stack, "mails", "list", "--json").stdout)
    assert [(row["id"], row["status"], row["next_attempt_at"] is None) for row in rows] == [
        (1, "DEAD", True), (2, "DEAD", True), (6, "DEAD", True), (3, "PENDING", False)]
    assert admin(stack, "mails", "drop", 6, "--reason", "adresse fausse").returncode == OK
    assert admin(stack, "mails", "retry", 1, "--reason", "corrigée").stdout == "1 to be tried again\n"
    assert admin(stack, "mails", "retry", "--all").stdout == "1 to be tried again\n"  # what was dropped stays so
    assert admin(stack, "mails", "retry", "--all").stdout == "0 to be tried again\n"
    assert stack.sql("SELECT id, status, attempt FROM mail_outbox WHERE id IN (1, 2, 6)") == [
        ["1", "PENDING", "0"], ["2", "PENDING", "0"], ["6", "DEAD", "1"]]
    assert stack.sql("SELECT action, target, reason FROM operator_log WHERE action LIKE 'mails%' ORDER BY id LIMIT 3") == [
        ["mails drop", "6", "adresse fausse"], ["mails retry", "1", "corrigée"], ["mails retry", "all", ""]]
    for arguments, status in ((["retry", 5], FAILED), (["drop", 1, "--reason", "x"], FAILED), (["drop", 6, "--reason", "x"], FAILED),
                              (["drop", 1], USAGE), (["retry"], USAGE), (["drop", "--all", "--reason", "x"], USAGE), ([], USAGE),
                              (["list", 1], USAGE), (["retry", "x"], USAGE)):
        assert admin(stack, "mails", *arguments).returncode == status, arguments


def test_a_school_is_closed_and_opened(stack, demo):
    def payments():
        return {row["uai"]: row["payments"] for row in json.loads(admin(stack, "school", "list", "--json").stdout)}["0130000A"]

    assert payments() == "open" and "0130000A  open" in admin(stack, "school", "list").stdout
    done = admin(stack, "school", "close", "0130000A", "--reason", "changement de clé")
    assert done.returncode == OK and "payments are closed" in done.stdout and payments() == "closed"
    assert admin(stack, "import", DEMO).returncode == OK and payments() == "closed"
    assert admin(stack, "school", "close", "0130000A").returncode == OK  # twice is no fault
    assert admin(stack, "school", "open", "0130000A").returncode == OK and payments() == "open"
    assert stack.sql("SELECT action, reason FROM operator_log WHERE target = '0130000A' ORDER BY id") == [
        ["school close", "changement de clé"], ["school close", ""], ["school open", ""]]
    for arguments, status in ((["close", "9999999Z"], FAILED), (["close"], USAGE), ([], USAGE), (["list", "x"], USAGE),
                              (["open", "0130000A", "--reason"], USAGE), (["open", "0130000A", "--reason", " "], USAGE),
                              (["open", "--json"], USAGE), (["burn", "0130000A"], USAGE)):
        assert admin(stack, "school", *arguments).returncode == status, arguments
    assert payments() == "open"


def test_a_host_that_is_gone_is_forgotten(stack):
    stack.sql("DELETE FROM journal_reports; INSERT INTO journal_reports VALUES ('web1', 0, 3, NOW(6) - INTERVAL 1 DAY, NOW(6) - INTERVAL"
              " 1 DAY), ('web1', 1, 0, NULL, NOW(6) - INTERVAL 1 DAY), ('web2', 0, 2, NOW(6), NOW(6))")
    assert "web1 0       3 records" in admin(stack, "journals", "list").stdout
    rows = json.loads(admin(stack, "journals", "list", "--json").stdout)
    assert [(row["host"], row["instance"], row["records"]) for row in rows] == [("web1", 0, 3), ("web1", 1, 0), ("web2", 0, 2)]
    done = admin(stack, "journals", "forget", "web1", "--reason", "disque mort, comparé avec la banque")
    assert done.returncode == OK and "2 reports forgotten" in done.stdout
    assert stack.sql("SELECT host FROM journal_reports") == [["web2"]]
    assert stack.sql("SELECT target, reason FROM operator_log WHERE action = 'journals forget'") == [
        ["web1", "disque mort, comparé avec la banque"]]
    for arguments, status in ((["forget", "web1", "--reason", "x"], FAILED), (["forget", "web2", "--reason", "still alive"], FAILED),
                              (["forget", "web2"], USAGE), (["forget", "web2", "--reason", " "], USAGE), ([], USAGE), (["list", "x"], USAGE)):
        assert admin(stack, "journals", *arguments).returncode == status, arguments


def test_compare_without_a_worker(stack):
    stack.sql("DELETE FROM operator_log")
    done = admin(stack, "compare", "--wait", "1")
    assert done.returncode == FAILED and "is one running?" in done.stderr
    assert stack.sql("SELECT requested_at IS NOT NULL FROM worker_tasks") == [["1"]]
    for arguments in (["now"], ["--wait"], ["--wait", "0"], ["--wait", "x"], ["--wait", "90000"]):
        assert admin(stack, "compare", *arguments).returncode == USAGE, arguments


def test_status(stack):
    done = admin(stack, "status", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == FAILED and answer["complete"] is False and "queue_length" not in answer
    assert f"no connection to Redis at {stack.redis_socket}" in done.stderr

    stack.start_redis()
    assert json.loads(admin(stack, "status", "--json").stdout)["queue_length"] == 0
    stack.redis("XGROUP", "CREATE", "dp:events", "workers", "0", "MKSTREAM")
    for number in range(3):
        stack.redis("XADD", "dp:events", "*", "n", number)
    stack.redis("XREADGROUP", "GROUP", "workers", "w1", "COUNT", "1", "STREAMS", "dp:events", ">")
    stack.sql("DELETE FROM mail_outbox; DELETE FROM dead_letters; DELETE FROM review_items;"
              "INSERT INTO review_items (reason) VALUES ('TEST_PAYMENT');"
              "INSERT INTO alarms (kind, count, mailed_at, detail) VALUES ('DEAD_LETTERS', 2, NOW(6), 'web1\x1b');"
              "INSERT INTO mail_outbox (kind, recipient, status) VALUES ('PASSWORD_RESET', 'a@example.org', 'DEAD'),"
              " ('PASSWORD_RESET', 'a@example.org', 'PENDING'); INSERT INTO dead_letters (stream_id, fields, reason, failures)"
              " VALUES ('1-1', '', 'r', 5)")
    segment = stack.state / "journal/0a" / "1.seg"
    segment.parent.mkdir()
    segment.write_bytes(b"x" * 100)
    done = admin(stack, "status", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == OK and answer["complete"] is True
    expected = {"queue_length": 3, "queue_waiting": 2, "queue_pending": 1, "queue_consumers": 1, "mail_pending": 1,
                "mail_dead": 1, "mail_sent": 0, "dead_letters": 1, "reviews_open": 1, "journal_bytes": 100, "journal_files": 1,
                "alarms_open": 1, "alarms": ["DEAD_LETTERS"], "bank_silence_s": -1}
    assert {key: answer[key] for key in expected} == expected
    table = admin(stack, "status").stdout
    assert "           2  events that no worker has taken" in table
    assert "ALARM DEAD_LETTERS (2) since " in table and "web1\\x1b" in table
    assert admin(stack, "status", "--xml").returncode == USAGE


def test_a_dead_letter_goes_back_into_the_stream_as_it_was(stack, letters):
    """After test_status, which starts Redis."""
    stack.redis("DEL", "dp:events")
    done = admin(stack, "dead-letters", "retry", "--all", "--reason", "corrigé")
    assert done.returncode == FAILED and "dead letter 5 cannot be read back" in done.stderr
    assert "1 sent again" in done.stdout and "4 is applied already" in done.stdout and "3 of 4" in done.stdout
    assert stack.redis("XLEN", "dp:events") == "2"
    entries = subprocess.run(["redis-cli", "-s", stack.redis_socket, "XRANGE", "dp:events", "-", "+"], capture_output=True,
                             check=True).stdout
    fields = entries.split(b"\n")
    assert fields[1:5] == [b"v", b"1", b"id", b"ab" * 32] and b"hmac=C0FFEE" in fields[12]
    assert b"\nx\x1b\x00\n\xff\"\n" in entries  # byte for byte
    assert stack.sql("SELECT id FROM dead_letters WHERE retried_at IS NOT NULL ORDER BY id") == [["1"], ["2"]]
    assert stack.sql("SELECT target, reason FROM operator_log ORDER BY id") == [["1", "corrigé"], ["2", "corrigé"]]
    assert json.loads(admin(stack, "dead-letters", "show", 1, "--json").stdout)["state"] == "retried"
    assert admin(stack, "dead-letters", "retry", 3).returncode == FAILED


def test_a_retry_that_redis_refuses_is_not_marked(stack, letters):
    stack.redis("DEL", "dp:events")
    stack.redis("SET", "dp:events", "no stream")
    done = admin(stack, "dead-letters", "retry", 1)
    stack.redis("DEL", "dp:events")
    assert done.returncode == FAILED and "Redis did not take the event: WRONGTYPE" in done.stderr
    assert stack.sql("SELECT COUNT(*) FROM dead_letters WHERE retried_at IS NOT NULL") == [["0"]]
