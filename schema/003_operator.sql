-- 003 operator: what the installation tells the people who run it, and what they do about it.

-- A dead letter is open until a human drops it or its event stands in the inbox. One open row for each event, however often
-- it is sent again and buried again; same_as is the hash of the entry's content, so that a forged entry under the id of a
-- genuine call gets a row of its own.
ALTER TABLE dead_letters
    ADD COLUMN same_as VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL AFTER kind, -- NULL: before this file
    ADD COLUMN burials INT NOT NULL DEFAULT 1 AFTER failures, -- entries of this event that ended here
    ADD COLUMN buried_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6) AFTER created_at, -- the last of them
    ADD COLUMN applied_at DATETIME(6) NULL AFTER retried_at, -- when the inbox got the event after all
    ADD COLUMN open_same_as VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
        AS (IF(dropped_at IS NULL AND applied_at IS NULL, same_as, NULL)) PERSISTENT,
    ADD UNIQUE KEY one_open (open_same_as),
    ADD KEY same_as (same_as),
    ADD KEY open_letters (applied_at, dropped_at);

-- Workers that died while they ran the entry alone. Set back by the first run that is survived.
ALTER TABLE event_failures ADD COLUMN deaths INT NOT NULL DEFAULT 0 AFTER failures;

-- The bank's calls by time, and payments sent to it by time: what the silence alarm counts.
ALTER TABLE inbox ADD KEY calls (kind, received_at);
ALTER TABLE transactions ADD KEY sent (sent_at);

-- Something that an operator must know of. One open row a kind: it ends when its cause is gone.
CREATE TABLE alarms (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- see worker/alarm.h
    count BIGINT NOT NULL,                             -- how many of them there are
    detail VARCHAR(500) NOT NULL DEFAULT '',
    since DATETIME(6) NULL,                            -- BANK_SILENCE: the last call before it
    raised_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    mailed_at DATETIME(6) NOT NULL,                    -- the last mail of this kind, of an earlier alarm if need be
    mailed_count BIGINT NOT NULL DEFAULT 0,            -- what that mail said; 0: this alarm has sent none yet
    ended_at DATETIME(6) NULL,
    open_kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin AS (IF(ended_at IS NULL, kind, NULL)) PERSISTENT,
    UNIQUE KEY one_open (open_kind),
    KEY mailed (kind, mailed_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

ALTER TABLE mail_outbox
    MODIFY COLUMN kind ENUM('PARENT_CONFIRMATION', 'BURSAR_CONFIRMATION', 'BURSAR_REVIEW', 'BURSAR_REVERSAL', 'PASSWORD_RESET',
        'PASSWORD_CHANGED', 'EMAIL_CHANGED', 'OPERATOR_ALARM', 'OPERATOR_ALARM_ENDED') NOT NULL,
    ADD COLUMN alarm_id BIGINT NULL AFTER review_id,
    ADD COLUMN retried_at DATETIME(6) NULL,            -- a human wants it tried again
    ADD COLUMN settled_at DATETIME(6) NULL,            -- given up, and a human has seen to it
    ADD KEY late (status, created_at);

-- What only one worker may do at a time: taken for a while, and given back with the time of its end.
CREATE TABLE worker_tasks (
    name VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    holder VARCHAR(128) NOT NULL DEFAULT '',
    lease_until DATETIME(6) NOT NULL DEFAULT '1970-01-01',
    finished_at DATETIME(6) NOT NULL DEFAULT '1970-01-01',
    requested_at DATETIME(6) NULL                      -- a human wants it now
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

INSERT INTO worker_tasks (name) VALUES ('comparison');

-- One row for each comparison of stream and journals with the inbox.
CREATE TABLE comparisons (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    worker VARCHAR(128) NOT NULL,
    started_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    finished_at DATETIME(6) NULL,                      -- NULL: under way, or its worker died
    total BIGINT NOT NULL DEFAULT 0,                   -- entries in the stream at the start
    checked BIGINT NOT NULL DEFAULT 0,
    waiting BIGINT NOT NULL DEFAULT 0,                 -- not applied yet, but a worker has them or will get them
    missing BIGINT NOT NULL DEFAULT 0,                 -- finished for Redis, and neither in inbox nor in dead_letters
    resent BIGINT NOT NULL DEFAULT 0,                  -- of these, sent to the stream again
    journal_late BIGINT NOT NULL DEFAULT 0,            -- records that journals have waited with for too long
    error VARCHAR(255) NOT NULL DEFAULT '',
    KEY finished (finished_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- What the journal of each dp-server still holds, by its own word, once a minute.
CREATE TABLE journal_reports (
    host VARCHAR(64) NOT NULL,
    instance TINYINT UNSIGNED NOT NULL,
    records BIGINT NOT NULL,
    oldest_at DATETIME(6) NULL,
    reported_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    PRIMARY KEY (host, instance)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Who did what with dp-admin, and why.
CREATE TABLE operator_log (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    who VARCHAR(64) NOT NULL,
    action VARCHAR(40) NOT NULL,                       -- 'dead-letters retry', 'school close' …
    target VARCHAR(64) NOT NULL,                       -- an id, a school's UAI
    reason VARCHAR(500) NOT NULL DEFAULT '',
    KEY target (action, target)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
