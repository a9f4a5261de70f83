-- 005 receipt files: each receipt as a PDF, made once by a worker and never changed: what was sent by mail is what can be downloaded.
--
-- A file has 20 to 30 kB: 100 000 payments take 2.5 GB. It could be made again from the other tables, but with the names of that day, so it
-- is kept as it was given out.

CREATE TABLE receipt_files (
    transaction_id BIGINT NOT NULL PRIMARY KEY,
    sha256 BINARY(32) NOT NULL,                        -- of bytes
    bytes MEDIUMBLOB NOT NULL,                         -- application/pdf, at most 60 KiB
    size INT AS (LENGTH(bytes)) PERSISTENT,            -- pages name it without reading the file
    made_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6),
    FOREIGN KEY (transaction_id) REFERENCES receipts (transaction_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
