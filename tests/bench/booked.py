"""Nothing lost, nothing doubled: what the bank said of the benchmarks' payments against what stands in the tables, as SQL that finds
what should not be there. It holds for whoever booked: dp-worker, its peers, MariaDB alone.

The calls stand in bench.calls (made by events.py); the invariants are those of tests/fault/checker.py, for calls that all accept."""

# Each SELECT finds nothing.
RULES = {
    "I1 an accepted payment is paid, under the bank's reference, in its amount":
        "SELECT c.reference FROM bench.calls c LEFT JOIN transactions t ON t.reference = c.reference AND t.state = 'AUTHORISED' AND "
        "t.bank_ref = c.bank_ref AND t.accepted_at IS NOT NULL WHERE t.id IS NULL",
    "I2 it is booked once: the bank's leg":
        "SELECT t.id FROM payments t LEFT JOIN ledger_entries l ON l.transaction_id = t.id AND l.kind = 'PAYMENT' AND l.leg = 0 AND "
        "l.book = 'BANK' AND l.amount_cents = t.amount_cents AND l.bank_ref = t.bank_ref AND l.school_id = t.school_id AND "
        "l.contract_id = t.contract_id WHERE l.id IS NULL",
    "I2 … and one leg for each line":
        "SELECT t.id FROM payments t JOIN transaction_lines n ON n.transaction_id = t.id LEFT JOIN ledger_entries l ON "
        "l.transaction_id = t.id AND l.kind = 'PAYMENT' AND l.leg = n.position AND l.book = 'ACCOUNT' AND l.account_id = n.account_id "
        "AND l.amount_cents = -n.amount_cents WHERE l.id IS NULL",
    "I2 … and no other":
        "SELECT l.transaction_id FROM ledger_entries l GROUP BY l.transaction_id HAVING COUNT(*) <> 2 OR SUM(l.amount_cents) <> 0",
    "I2 it has one receipt": "SELECT t.id FROM payments t LEFT JOIN receipts r ON r.transaction_id = t.id AND r.school_id = t.school_id "
                             "WHERE r.transaction_id IS NULL",
    "I2 receipts of a school are numbered without gap":
        "SELECT c.school_id FROM receipt_counters c LEFT JOIN (SELECT school_id, year, COUNT(*) n, MIN(number) first, MAX(number) last "
        "FROM receipts GROUP BY school_id, year) r ON r.school_id = c.school_id AND r.year = c.year WHERE r.n IS NULL OR "
        "r.n <> c.last_number OR r.first <> 1 OR r.last <> c.last_number",
    "I4 one mail to the parent and one to the bursar":
        "SELECT t.id FROM payments t JOIN schools s ON s.id = t.school_id LEFT JOIN mail_outbox p ON p.transaction_id = t.id AND "
        "p.kind = 'PARENT_CONFIRMATION' AND p.recipient = t.email LEFT JOIN mail_outbox b ON b.transaction_id = t.id AND "
        "b.kind = 'BURSAR_CONFIRMATION' AND b.recipient = s.bursar_email WHERE p.id IS NULL OR b.id IS NULL",
    "I5 no other mail": "SELECT m.id FROM mail_outbox m LEFT JOIN payments t ON t.id = m.transaction_id WHERE t.id IS NULL OR m.kind NOT IN "
                        "('PARENT_CONFIRMATION', 'BURSAR_CONFIRMATION')",
    "I7 each call is in the inbox":
        "SELECT c.reference FROM bench.calls c LEFT JOIN inbox i ON i.event_id = c.event_id AND i.verdict = 'credited' AND "
        "i.payload = c.raw LEFT JOIN transactions t ON t.id = i.transaction_id AND t.reference = c.reference WHERE t.id IS NULL",
    "I7 … and no other": "SELECT i.transaction_id FROM inbox i LEFT JOIN bench.calls c ON c.event_id = i.event_id WHERE c.event_id IS NULL",
    "I8 each payment went one step, by its call":
        "SELECT t.id FROM payments t JOIN bench.calls c ON c.reference = t.reference LEFT JOIN transaction_history h ON "
        "h.transaction_id = t.id AND h.event_id = c.event_id AND h.from_state = 'PENDING' AND h.to_state = 'AUTHORISED' AND "
        "h.bank_ref = c.bank_ref AND h.bank_code = '1' WHERE h.id IS NULL",
    "I8 … and no other": "SELECT transaction_id FROM transaction_history GROUP BY transaction_id HAVING COUNT(*) <> 1",
    "I11 an account holds what was booked to it":
        "SELECT a.id FROM accounts a LEFT JOIN (SELECT account_id, -SUM(amount_cents) cents FROM ledger_entries WHERE book = 'ACCOUNT' "
        "GROUP BY account_id) l ON l.account_id = a.id WHERE a.paid_cents <> COALESCE(l.cents, 0)",
    "no call went to a human or was buried": "SELECT id FROM review_items UNION ALL SELECT id FROM dead_letters",
}
PAYMENTS = "WITH payments AS (SELECT t.* FROM bench.calls c JOIN transactions t ON t.reference = c.reference) "


def check(stack):
    """Lines that name a broken rule and the first that breaks it; empty: all hold."""
    found = []
    for rule, offenders in RULES.items():
        broken = stack.sql(f"{PAYMENTS if ' payments t' in offenders else ''}{offenders} LIMIT 3")
        found += [f"{rule}: {row[0]}" for row in broken]
    return found
