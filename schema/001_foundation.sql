-- 001 foundation: schools, people, accounts, claims, payments, ledger, inbox, outbox.
--
-- Rules that hold everywhere:
--   * money is BIGINT cents; times are DATETIME(6) in UTC; text is utf8mb4;
--   * uniqueness is by keys and conditional updates, never by SELECT … FOR UPDATE (it protects nothing on a Galera cluster);
--   * ledger, inbox, history and receipts are only ever added to;
--   * the state of a transaction never goes back: the trigger at the end is the last of three guards.
-- Statements end with a semicolon at the end of a line; a trigger's body is a single statement, so no DELIMITER is needed.

CREATE TABLE schools (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uai VARCHAR(16) NOT NULL,                          -- the ministry's code, e.g. 0130001A
    name VARCHAR(120) NOT NULL,
    kind ENUM('COLLEGE', 'LYCEE', 'CITE') NOT NULL,
    city VARCHAR(80) NOT NULL DEFAULT '',
    bursar_email VARCHAR(254) NOT NULL,                -- where notices go
    bursar_phone VARCHAR(20) NOT NULL DEFAULT '',
    reference_prefix CHAR(3) NOT NULL DEFAULT 'dem',   -- first three characters of payment references
    amount_min_cents BIGINT NOT NULL DEFAULT 100,
    amount_max_cents BIGINT NOT NULL DEFAULT 1000000,
    part_payment_allowed BOOLEAN NOT NULL DEFAULT FALSE,
    payments_open BOOLEAN NOT NULL DEFAULT TRUE,       -- the operator's switch
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    UNIQUE KEY uai (uai),
    CHECK (amount_min_cents >= 1 AND amount_max_cents >= amount_min_cents)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- A contract with a bank. Several schools may share one (an accountant's office for many schools).
CREATE TABLE bank_contracts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    gateway VARCHAR(16) NOT NULL,                      -- spplus, …
    merchant_id VARCHAR(40) NOT NULL,                  -- SP Plus: siret with its suffix
    payment_url VARCHAR(255) NOT NULL,
    sealed_key VARBINARY(512) NOT NULL,                -- libsodium secretbox under the master key
    currency CHAR(3) NOT NULL DEFAULT '978',           -- ISO 4217 numeric
    bank_ref_len TINYINT UNSIGNED NOT NULL DEFAULT 8,  -- digits of refsfp; a re-split seal shows here
    callback_extra VARCHAR(255) NOT NULL DEFAULT '',   -- further names the bank adds, comma-separated, in order
    means VARCHAR(80) NOT NULL DEFAULT 'CBS',          -- accepted card brands, comma-separated
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    UNIQUE KEY merchant (gateway, merchant_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE school_contracts (
    school_id BIGINT NOT NULL PRIMARY KEY,
    contract_id BIGINT NOT NULL,
    FOREIGN KEY (school_id) REFERENCES schools (id),
    FOREIGN KEY (contract_id) REFERENCES bank_contracts (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE users (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    school_id BIGINT NOT NULL,
    external_id VARCHAR(64) NOT NULL,                  -- the importing program's key of this person
    login VARCHAR(64) NOT NULL,                        -- unique in the whole installation: one login page for all
    role ENUM('PARENT', 'COMMENSAL', 'BURSAR') NOT NULL,
    password_hash VARCHAR(160) NOT NULL,               -- Argon2id, PHC string
    must_change_password BOOLEAN NOT NULL DEFAULT TRUE,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    last_name VARCHAR(80) NOT NULL,
    first_name VARCHAR(80) NOT NULL DEFAULT '',
    address1 VARCHAR(120) NOT NULL DEFAULT '',
    address2 VARCHAR(120) NOT NULL DEFAULT '',
    postcode VARCHAR(10) NOT NULL DEFAULT '',
    city VARCHAR(80) NOT NULL DEFAULT '',
    phone VARCHAR(20) NOT NULL DEFAULT '',
    email VARCHAR(254) NOT NULL DEFAULT '',
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    UNIQUE KEY login (login),
    UNIQUE KEY external (school_id, external_id),
    KEY email (email),
    FOREIGN KEY (school_id) REFERENCES schools (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- A canteen account: a pupil's, or a commensal's own.
CREATE TABLE accounts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    school_id BIGINT NOT NULL,
    external_id VARCHAR(64) NOT NULL,
    last_name VARCHAR(80) NOT NULL,
    first_name VARCHAR(80) NOT NULL,
    class_name VARCHAR(40) NOT NULL DEFAULT '',        -- empty for a commensal
    active BOOLEAN NOT NULL DEFAULT TRUE,
    paid_cents BIGINT NOT NULL DEFAULT 0,              -- running total of what the ledger credited here
    UNIQUE KEY external (school_id, external_id),
    FOREIGN KEY (school_id) REFERENCES schools (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Who may pay for which account: several payers for one account (separated parents).
CREATE TABLE account_payers (
    account_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (user_id, account_id),
    KEY account (account_id),
    FOREIGN KEY (account_id) REFERENCES accounts (id),
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Claims (créances): what a family owes for a period.
CREATE TABLE claims (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    school_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    number VARCHAR(40) NOT NULL,                       -- the reference on the paper notice
    label VARCHAR(160) NOT NULL,
    due_date DATE NULL,
    amount_cents BIGINT NOT NULL,
    settled_cents BIGINT NOT NULL DEFAULT 0,
    direct_debit BOOLEAN NOT NULL DEFAULT FALSE,       -- shown, not payable by card
    reserved_until DATETIME(6) NULL,                   -- while a payment of it is at the bank
    reserved_for VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL, -- … that payment's reference
    UNIQUE KEY number (school_id, number),
    KEY account (account_id),
    FOREIGN KEY (school_id) REFERENCES schools (id),
    FOREIGN KEY (account_id) REFERENCES accounts (id),
    CHECK (amount_cents > 0 AND settled_cents >= 0 AND settled_cents <= amount_cents)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- One payment attempt at the bank.
CREATE TABLE transactions (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    reference CHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- unique for ever; SP Plus allows 20 characters
    school_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    contract_id BIGINT NOT NULL,
    kind ENUM('ADVANCE', 'CLAIM') NOT NULL,            -- paiement d'avance, règlement de créance
    state ENUM('CREATED', 'PENDING', 'CANCELLED', 'DECLINED', 'EXPIRED', 'AUTHORISED', 'CAPTURED', 'SETTLED', 'REVERSED', 'REFUNDED')
        NOT NULL DEFAULT 'CREATED',
    amount_cents BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT '978',
    revision INT NOT NULL DEFAULT 1,                   -- counts "Modifier": only lines of this revision are the payment's
    email VARCHAR(254) NOT NULL,                       -- where the parent's confirmation goes
    comment VARCHAR(1000) NOT NULL DEFAULT '',         -- for the bursar
    form_token CHAR(43) CHARACTER SET ascii COLLATE ascii_bin NULL, -- a double click creates one transaction
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    sent_at DATETIME(6) NULL,                          -- CREATED → PENDING
    valid_until DATE NULL,                             -- the bank's validite, a day in Europe/Paris
    expires_at DATETIME(6) NULL,                       -- when the worker may write EXPIRED
    bank_request TEXT CHARACTER SET ascii NULL,        -- query string as sent to the bank, byte for byte, seal included
    bank_ref VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL, -- of the accepted authorisation (refsfp)
    accepted_at DATETIME(6) NULL,                      -- first entry into rank >= 3
    refund_open BOOLEAN NOT NULL DEFAULT FALSE,        -- the bank recorded a refund (15) and has not ended it (16, 17)
    review BOOLEAN NOT NULL DEFAULT FALSE,             -- a human has to look
    updated_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    UNIQUE KEY reference (reference),
    UNIQUE KEY form_token (user_id, form_token),
    KEY history (user_id, created_at, id),
    KEY expiry (state, expires_at),
    FOREIGN KEY (school_id) REFERENCES schools (id),
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (contract_id) REFERENCES bank_contracts (id),
    CHECK (amount_cents > 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE transaction_lines (
    transaction_id BIGINT NOT NULL,
    revision INT NOT NULL,
    position TINYINT UNSIGNED NOT NULL,                -- 1..20
    account_id BIGINT NOT NULL,
    claim_id BIGINT NULL,                              -- NULL: top-up, or a claim still to be attributed (créance à imputer)
    amount_cents BIGINT NOT NULL,
    PRIMARY KEY (transaction_id, revision, position),
    KEY claim (claim_id),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id),
    FOREIGN KEY (account_id) REFERENCES accounts (id),
    FOREIGN KEY (claim_id) REFERENCES claims (id),
    CHECK (amount_cents > 0),
    CHECK (position BETWEEN 1 AND 20)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- What dp-server may change of a transaction: rows that the bank has not spoken of, and never out of these two states.
CREATE VIEW open_transactions AS
    SELECT * FROM transactions WHERE state IN ('CREATED', 'PENDING')
    WITH CASCADED CHECK OPTION;

-- Every event that a worker has applied. The key makes a replay a no-op; dp-server may read it, to let its journal go.
CREATE TABLE inbox (
    event_id BINARY(32) NOT NULL PRIMARY KEY,
    kind VARCHAR(40) NOT NULL,
    school_id BIGINT NULL,
    transaction_id BIGINT NULL,
    verdict VARCHAR(24) NOT NULL,                      -- what was decided: see common/payment_state.h
    payload TEXT CHARACTER SET latin1 NOT NULL,        -- what the bank said, byte for byte; empty for other kinds
    received_at DATETIME(6) NOT NULL,
    applied_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    KEY transaction (transaction_id),
    KEY applied (applied_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE transaction_history (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    transaction_id BIGINT NOT NULL,
    event_id BINARY(32) NULL,                          -- NULL: written by the worker on its own (expiry) or by dp-admin
    from_state VARCHAR(12) NOT NULL,
    to_state VARCHAR(12) NOT NULL,                     -- equal: the bank spoke, nothing changed
    bank_code VARCHAR(8) NOT NULL DEFAULT '',          -- etat
    bank_ref VARCHAR(40) NOT NULL DEFAULT '',
    note VARCHAR(255) NOT NULL DEFAULT '',
    at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    KEY transaction (transaction_id, id),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Double entry, insert only. amount_cents > 0 is a debit, < 0 a credit; the legs of one (contract, bank_ref, kind) add up to 0.
--   PAYMENT   BANK +amount; ACCOUNT or CLAIM -line …; what a claim cannot take: SUSPENSE -excess
--   REVERSAL  the same legs with the other sign (impayé, cancelled by the bank)
--   REFUND    the same for the refunded amount
--   ORPHAN    BANK +amount, SUSPENSE -amount: money whose owner a human must find (review_items says why)
CREATE TABLE ledger_entries (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    school_id BIGINT NULL,                             -- NULL: an orphan whose school is not known
    contract_id BIGINT NOT NULL,
    transaction_id BIGINT NULL,
    kind ENUM('PAYMENT', 'REVERSAL', 'REFUND', 'ORPHAN') NOT NULL,
    leg SMALLINT UNSIGNED NOT NULL,                    -- 0 is the bank's
    book ENUM('BANK', 'ACCOUNT', 'CLAIM', 'SUSPENSE') NOT NULL,
    account_id BIGINT NULL,
    claim_id BIGINT NULL,
    amount_cents BIGINT NOT NULL,
    bank_ref VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event_id BINARY(32) NOT NULL,
    booked_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    payment_transaction_id BIGINT AS (IF(kind = 'PAYMENT', transaction_id, NULL)) PERSISTENT,
    UNIQUE KEY once_per_bank_ref (contract_id, bank_ref, kind, leg),
    UNIQUE KEY one_payment (payment_transaction_id, leg),
    KEY transaction (transaction_id),
    KEY account (account_id),
    KEY claim (claim_id),
    FOREIGN KEY (contract_id) REFERENCES bank_contracts (id),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Receipts: numbered without gap per school and calendar year (Europe/Paris), in the worker's transaction.
CREATE TABLE receipt_counters (
    school_id BIGINT NOT NULL,
    year SMALLINT NOT NULL,
    last_number BIGINT NOT NULL,
    PRIMARY KEY (school_id, year),
    FOREIGN KEY (school_id) REFERENCES schools (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE receipts (
    transaction_id BIGINT NOT NULL PRIMARY KEY,
    school_id BIGINT NOT NULL,
    year SMALLINT NOT NULL,
    number BIGINT NOT NULL,
    issued_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    UNIQUE KEY number (school_id, year, number),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Mails to send, written in the transaction that is their reason. Nothing secret stands here.
CREATE TABLE mail_outbox (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind ENUM('PARENT_CONFIRMATION', 'BURSAR_CONFIRMATION', 'BURSAR_REVIEW', 'BURSAR_REVERSAL', 'PASSWORD_RESET', 'PASSWORD_CHANGED',
        'EMAIL_CHANGED') NOT NULL,
    school_id BIGINT NULL,                             -- NULL: to the operator
    transaction_id BIGINT NULL,
    user_id BIGINT NULL,
    review_id BIGINT NULL,
    recipient VARCHAR(254) NOT NULL,
    status ENUM('PENDING', 'SENDING', 'SENT', 'DEAD') NOT NULL DEFAULT 'PENDING',
    attempt INT NOT NULL DEFAULT 0,
    next_attempt_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    lease_until DATETIME(6) NULL,
    last_error VARCHAR(255) NOT NULL DEFAULT '',
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    sent_at DATETIME(6) NULL,
    confirmation_of BIGINT AS (IF(kind IN ('PARENT_CONFIRMATION', 'BURSAR_CONFIRMATION'), transaction_id, NULL)) PERSISTENT,
    UNIQUE KEY one_confirmation (confirmation_of, kind),
    KEY due (status, next_attempt_at),
    KEY user (user_id, created_at),
    KEY transaction (transaction_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- What a human must look at. Leaves only by dp-admin review resolve --reason.
CREATE TABLE review_items (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    school_id BIGINT NULL,
    contract_id BIGINT NULL,
    transaction_id BIGINT NULL,
    event_id BINARY(32) NULL,
    reason VARCHAR(40) NOT NULL,                       -- a name of enum review_reason
    detail VARCHAR(500) NOT NULL DEFAULT '',
    amount_cents BIGINT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    resolved_at DATETIME(6) NULL,
    resolution VARCHAR(500) NOT NULL DEFAULT '',
    resolved_by VARCHAR(64) NOT NULL DEFAULT '',
    UNIQUE KEY once_per_event (event_id, reason),
    KEY open_items (resolved_at, created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Events that failed alone five times, or crashed a worker alone.
CREATE TABLE dead_letters (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    stream_id VARCHAR(40) NOT NULL,
    event_id VARCHAR(64) NOT NULL DEFAULT '',
    kind VARCHAR(40) NOT NULL DEFAULT '',
    fields MEDIUMTEXT NOT NULL,                        -- the entry's fields, form-encoded
    reason VARCHAR(255) NOT NULL,
    failures INT NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    retried_at DATETIME(6) NULL,
    dropped_at DATETIME(6) NULL,
    drop_reason VARCHAR(255) NOT NULL DEFAULT '',
    UNIQUE KEY stream_id (stream_id),
    KEY event (event_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Failures of entries that were processed alone: five move the entry to dead_letters.
CREATE TABLE event_failures (
    stream_id VARCHAR(40) NOT NULL PRIMARY KEY,
    failures INT NOT NULL,
    last_error VARCHAR(255) NOT NULL DEFAULT '',
    updated_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE login_history (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT NULL,                               -- NULL: no such login
    at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    success BOOLEAN NOT NULL,
    address VARCHAR(45) NOT NULL DEFAULT '',
    user_agent VARCHAR(255) NOT NULL DEFAULT '',
    KEY user (user_id, at),
    KEY at (at)                                        -- the worker deletes what is older than a year
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE password_tokens (
    token_hash BINARY(32) NOT NULL PRIMARY KEY,        -- SHA-256 of what the mail says
    user_id BIGINT NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    expires_at DATETIME(6) NOT NULL,
    used_at DATETIME(6) NULL,
    KEY user (user_id, created_at),
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Where a bank numbers payments its own way (Systempay's trans_id per day, PayFiP's idOp).
CREATE TABLE gateway_reference (
    contract_id BIGINT NOT NULL,
    gateway_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    transaction_id BIGINT NOT NULL,
    PRIMARY KEY (contract_id, gateway_key),
    KEY transaction (transaction_id),
    FOREIGN KEY (transaction_id) REFERENCES transactions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- The third guard (after common/payment_state.c and the conditional UPDATE): a rank never goes down.
CREATE TRIGGER transactions_rank BEFORE UPDATE ON transactions FOR EACH ROW
    IF (CASE NEW.state WHEN 'CREATED' THEN 0 WHEN 'PENDING' THEN 1 WHEN 'CANCELLED' THEN 2 WHEN 'DECLINED' THEN 2 WHEN 'EXPIRED' THEN 2
            WHEN 'AUTHORISED' THEN 3 WHEN 'CAPTURED' THEN 4 WHEN 'SETTLED' THEN 5 WHEN 'REVERSED' THEN 6 ELSE 7 END)
     < (CASE OLD.state WHEN 'CREATED' THEN 0 WHEN 'PENDING' THEN 1 WHEN 'CANCELLED' THEN 2 WHEN 'DECLINED' THEN 2 WHEN 'EXPIRED' THEN 2
            WHEN 'AUTHORISED' THEN 3 WHEN 'CAPTURED' THEN 4 WHEN 'SETTLED' THEN 5 WHEN 'REVERSED' THEN 6 ELSE 7 END)
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the state of a payment never goes back'; END IF;

-- Once a payment has been sent to the bank, what it pays for is fixed.
CREATE TRIGGER transaction_lines_fixed BEFORE INSERT ON transaction_lines FOR EACH ROW
    IF (SELECT state FROM transactions WHERE id = NEW.transaction_id) <> 'CREATED'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the lines of a payment sent to the bank are fixed'; END IF;
