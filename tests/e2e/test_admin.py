"""dp-admin against a real MariaDB: schema, rights, import, passwords, reviews."""
import os
import subprocess
import sys
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
    for command in ("secrets", "migrate"):
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
    # What only the bank's word may bring:
    ("UPDATE open_transactions SET state = 'AUTHORISED' WHERE reference = 'created'", CHECK_OPTION),
    ("INSERT INTO open_transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email)"
     " VALUES ('forged', 900, 900, 900, 'ADVANCE', 'AUTHORISED', 100, 'a@example.org')", CHECK_OPTION),
    ("UPDATE open_transactions SET bank_ref = '1' WHERE reference = 'created'", DENIED_COLUMN),
    ("UPDATE transactions SET state = 'AUTHORISED' WHERE reference = 'created'", DENIED),
    ("INSERT INTO transactions (reference) VALUES ('forged')", DENIED),
    ("DELETE FROM open_transactions", DENIED),
    ("SELECT COUNT(*) FROM ledger_entries", DENIED),
    ("INSERT INTO ledger_entries (contract_id) VALUES (900)", DENIED),
    ("INSERT INTO receipts (transaction_id) VALUES (900)", DENIED),
    ("INSERT INTO mail_outbox (kind) VALUES ('PARENT_CONFIRMATION')", DENIED),
    ("INSERT INTO inbox (event_id) VALUES ('x')", DENIED),
    ("SELECT payload FROM inbox", DENIED_COLUMN),
    ("UPDATE claims SET settled_cents = amount_cents", DENIED_COLUMN),
    ("UPDATE users SET role = 'BURSAR' WHERE id = 900", DENIED_COLUMN),
    ("DROP TABLE login_history", DENIED),
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
    ("INSERT INTO receipt_counters VALUES (900, 2026, 1) ON DUPLICATE KEY UPDATE last_number = last_number + 1", None),
    ("UPDATE transactions SET amount_cents = 1 WHERE id = 900", DENIED_COLUMN),
    ("UPDATE ledger_entries SET amount_cents = 1", DENIED),
    ("UPDATE inbox SET verdict = 'x'", DENIED),
    ("UPDATE receipts SET number = 1", DENIED),
    ("UPDATE transaction_history SET note = 'x'", DENIED),
    ("UPDATE users SET password_hash = 'x'", DENIED),
    ("DROP TABLE ledger_entries", DENIED),
    *((f"DELETE FROM {table}", DENIED) for table in ("transactions", "ledger_entries", "inbox", "mail_outbox", "review_items")),
])
def test_rights_of_the_worker(stack, statement, error):
    stack.sql(PAYMENT)
    assert sql_as(stack, "worker", statement) == error
