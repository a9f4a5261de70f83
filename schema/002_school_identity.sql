-- 002 school identity: a colour and a logo of a school's own.
--
-- What browsers load (style sheets, logos) is kept under the hash of its content: its address says nothing of the school, may be
-- cached for ever, and a change is a new row. Rows are never changed; a page that was open before a change still finds its own.

CREATE TABLE school_files (
    hash CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- first half of the content's SHA-256, in hex
    kind ENUM('CSS', 'PNG', 'WEBP') NOT NULL,
    width SMALLINT UNSIGNED NOT NULL DEFAULT 0,        -- of an image, in pixels
    height SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    bytes VARBINARY(4096) NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

ALTER TABLE schools
    ADD COLUMN colour CHAR(7) NOT NULL DEFAULT '' AFTER part_payment_allowed, -- '#7b2d5e', as given; empty: the site's own
    ADD COLUMN sheet_hash CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL AFTER colour, -- the sheet made from the colour
    ADD COLUMN logo_hash CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL AFTER sheet_hash,
    ADD FOREIGN KEY (sheet_hash) REFERENCES school_files (hash),
    ADD FOREIGN KEY (logo_hash) REFERENCES school_files (hash);
