-- 009 inbox_order: rows of the inbox stand in the order in which they came.
--
-- An event's identity is a digest. As the primary key it put each row, with all that the bank said, into another page. Now only the key of
-- the identities is in that order, a tenth of the table: fewer pages are held, and fewer are written again and again.
-- The table is written anew; workers wait meanwhile, some ten seconds for a million rows.

ALTER TABLE inbox
    DROP PRIMARY KEY,
    ADD COLUMN id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST,
    ADD UNIQUE KEY event (event_id);
