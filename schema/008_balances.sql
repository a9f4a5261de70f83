-- 008 balances: what the school's canteen program says an account held, and when; the import brings it.
--
-- It is shown as the school's word, with its date. It is never added to: what was paid here since that moment stands beside it, as a sum
-- over the ledger.

ALTER TABLE accounts
    ADD COLUMN balance_cents BIGINT NULL,              -- below zero: owed; NULL: the school does not say
    ADD COLUMN balance_at DATETIME(6) NULL;            -- the moment of balance_cents; both or none

-- What an account got since a moment. It does what the key of the account alone did.
ALTER TABLE ledger_entries
    ADD KEY account_since (account_id, booked_at),
    DROP KEY account;

-- What dp-server may see of the ledger: what was credited to an account, when and by whom.
CREATE VIEW account_credits AS
    SELECT l.account_id, l.booked_at, -l.amount_cents AS amount_cents, t.user_id
    FROM ledger_entries l JOIN transactions t ON t.id = l.transaction_id
    WHERE l.book IN ('ACCOUNT', 'CLAIM');
