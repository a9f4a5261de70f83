"""The data the benchmarks run on: schools, families and payments by the hundred thousand, made by the database itself."""
FAMILY_PAYMENTS = 60

# Who has several accounts pays for two of them every fourth time.
PAYERS = "(SELECT user_id, MIN(account_id) first, MAX(account_id) last FROM account_payers GROUP BY user_id) p ON p.user_id = t.user_id"
SHARED = "p.first < p.last AND t.id % 4 = 0"

# Payments take their lines while they are CREATED, and a state after that; who was accepted has a receipt.
FAMILIES = """
SET SESSION foreign_key_checks = 0, unique_checks = 0;
INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email)
    SELECT 1, CONCAT('bench-', seq), CONCAT('bench', seq), 'PARENT', 'x', FALSE, CONCAT('Famille', seq), 'Camille', 'p@example.org'
    FROM seq_1_to_{families};
INSERT INTO accounts (school_id, external_id, last_name, first_name, class_name)
    SELECT school_id, external_id, last_name, 'Dominique', '3e B' FROM users WHERE login LIKE 'bench%';
INSERT INTO account_payers (account_id, user_id)
    SELECT a.id, u.id FROM users u JOIN accounts a ON a.school_id = u.school_id AND a.external_id = u.external_id
    WHERE u.login LIKE 'bench%';
"""
PAYMENTS = """
SET SESSION foreign_key_checks = 0, unique_checks = 0;
INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email, created_at, sent_at, bank_ref,
        accepted_at, expires_at)
    SELECT CONCAT('b', LPAD(seq, 19, '0')), 1, {user}, 1, 'ADVANCE', 'CREATED', 1000 + seq % 9000,
        'p@example.org', '2024-09-01' + INTERVAL seq SECOND, '2024-09-01' + INTERVAL seq SECOND, LPAD(seq, 8, '0'),
        IF(seq % 10 = 0, NULL, '2024-09-01' + INTERVAL seq SECOND), NULL
    FROM seq_{first}_to_{last};
INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents)
    SELECT t.id, 1, 1, p.first, t.amount_cents - IF({shared}, t.amount_cents DIV 3, 0) FROM transactions t JOIN {payers}
    WHERE t.id > {before};
INSERT INTO transaction_lines (transaction_id, revision, position, account_id, amount_cents)
    SELECT t.id, 1, 2, p.last, t.amount_cents DIV 3 FROM transactions t JOIN {payers} WHERE t.id > {before} AND {shared};
UPDATE transactions SET state = IF(accepted_at IS NULL, 'DECLINED', 'SETTLED') WHERE id > {before};
INSERT INTO receipts (transaction_id, school_id, year, number)
    SELECT id, 1, 2024, id FROM transactions WHERE id > {before} AND accepted_at IS NOT NULL;
"""


def number(stack, statement):
    return int(stack.sql(statement)[0][0])


def user_id(stack, login):
    return number(stack, f"SELECT id FROM users WHERE login = '{login}'")


def add_payments(stack, count, user):
    """`count` payments; `user` is SQL that says whose each is, of the variable `seq`."""
    before = number(stack, "SELECT COALESCE(MAX(id), 0) FROM transactions")
    done = number(stack, "SELECT COUNT(*) FROM transactions WHERE reference LIKE 'b0%'")
    stack.sql(PAYMENTS.format(user=user, first=done + 1, last=done + count, before=before, payers=PAYERS, shared=SHARED))


def fill(stack, families, payments):
    """Many families with their payments, and Durand with a history of some pages."""
    stack.sql(FAMILIES.format(families=families))
    first = user_id(stack, "bench1")
    add_payments(stack, payments, f"{first} + seq % {families}")
    add_payments(stack, FAMILY_PAYMENTS, str(user_id(stack, "durand")))
    stack.sql("ANALYZE TABLE transactions, transaction_lines, receipts, users, accounts, account_payers")
