-- 007 payer signs: what a payer did beside paying, for the payment's own page. Signs prove nothing and change nothing.

-- Written by dp-server for the payment's own payer, insert only: a forged or repeated request can at most add the one row.
CREATE TABLE payer_signs (
    transaction_id BIGINT NOT NULL,
    kind ENUM('RETURN', 'DISCARD', 'REPORT') NOT NULL, -- the browser came back from the bank; the payer gave up; a problem was reported
    number SMALLINT NOT NULL DEFAULT 1,                -- counts reports
    at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    PRIMARY KEY (transaction_id, kind, number),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- A parent's report stands whole in the review item that it makes.
ALTER TABLE review_items MODIFY COLUMN detail VARCHAR(1000) NOT NULL DEFAULT '';

-- What dp-server may see of review items: the words of parents, for the parents who wrote them.
CREATE VIEW payer_reports AS
    SELECT id, transaction_id, created_at, detail FROM review_items WHERE reason = 'PARENT_REPORT';
