-- 004 bank queries: payments whose bank never called are asked for.

ALTER TABLE bank_contracts
    ADD COLUMN query_url VARCHAR(255) NOT NULL DEFAULT '' AFTER means,         -- where the bank answers; empty: it is not asked
    ADD COLUMN query_states VARCHAR(400) NOT NULL DEFAULT '' AFTER query_url;  -- WORD:meaning, comma-separated: see docs/import.md

-- What is known of asking about one payment. A row is made when the first question is due.
CREATE TABLE bank_queries (
    transaction_id BIGINT NOT NULL PRIMARY KEY,
    attempt INT NOT NULL DEFAULT 0,                    -- counts claims: what a worker writes names the claim that it holds
    next_at DATETIME(6) NULL,                          -- the next question, or the end of a claim; NULL: nothing more to ask
    asked_at DATETIME(6) NULL,
    outcome VARCHAR(12) NOT NULL DEFAULT '',           -- of the last question: see enum gateway_answer_kind; empty: none yet
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    KEY due (next_at),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- The mails about what a worker found by itself follow from the payment.
ALTER TABLE review_items ADD KEY transaction_reason (transaction_id, reason);
