"""What the product wrote down: its tables, as rows of text with names."""
import collections

RANK = {"CREATED": 0, "PENDING": 1, "CANCELLED": 2, "DECLINED": 2, "EXPIRED": 2, "AUTHORISED": 3, "CAPTURED": 4, "SETTLED": 5,
        "REVERSED": 6, "REFUNDED": 7}


def rows(stack, names, tables):
    fields = [name.split(" AS ")[-1].split(".")[-1] for name in names.split(", ")]
    row = collections.namedtuple("row", fields)
    return [row(*(None if value == "NULL" else value for value in line)) for line in stack.sql(f"SELECT {names} FROM {tables}")]


class Tables:
    def __init__(self, stack):
        self.contracts = {row.id: row.merchant_id for row in rows(stack, "id, merchant_id", "bank_contracts")}
        self.transactions = rows(stack, "id, reference, school_id, contract_id, state, amount_cents, bank_ref, email, "
                                 "expires_at < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE AS overdue", "transactions")
        self.ledger = rows(stack, "school_id, contract_id, transaction_id, kind, leg, book, account_id, claim_id, amount_cents, bank_ref, "
                           "LOWER(HEX(event_id)) AS event", "ledger_entries")
        self.lines = rows(stack, "l.transaction_id, l.account_id, l.claim_id, l.amount_cents",
                          "transaction_lines l JOIN transactions t ON t.id = l.transaction_id AND t.revision = l.revision")
        self.inbox = rows(stack, "LOWER(HEX(event_id)) AS event, verdict", "inbox")
        self.accounts = rows(stack, "id, paid_cents", "accounts")
        self.claims = rows(stack, "id, amount_cents, settled_cents, reserved_for", "claims")
        self.receipts = rows(stack, "transaction_id, school_id, year, number", "receipts")
        self.counters = rows(stack, "school_id, year, last_number", "receipt_counters")
        self.outbox = rows(stack, "id, kind, transaction_id, review_id, recipient, status", "mail_outbox")
        self.reviews = rows(stack, "id, transaction_id, LOWER(HEX(event_id)) AS event, reason", "review_items")
        self.history = rows(stack, "transaction_id, from_state, to_state, bank_code, LOWER(HEX(event_id)) AS event",
                            "transaction_history ORDER BY id")
        self.dead_letters = {row.event_id for row in rows(stack, "event_id", "dead_letters")}
        self.applied = {row.event for row in self.inbox}
        self.by_reference = {row.reference: row for row in self.transactions}
        self.legs_of = collections.defaultdict(list)
        for leg in self.ledger:
            if leg.kind != "ORPHAN":
                self.legs_of[leg.transaction_id].append(leg)
        self.lines_of = collections.defaultdict(list)
        for line in self.lines:
            self.lines_of[line.transaction_id].append(line)
        self.walks = collections.defaultdict(list)
        for line in self.history:
            self.walks[line.transaction_id].append(line)


def total(legs):
    return sum(int(leg.amount_cents) for leg in legs)
