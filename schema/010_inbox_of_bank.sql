-- 010 inbox_of_bank: no other event stands in the place of a bank's call.
--
-- A bank's call is known by a digest of what it says; other events come with an id of their sender's choice. Whoever can write to Redis
-- could give one the id of a call, which then looked applied, and dp-server's journal let the call go. Now an event is known by its id
-- and by whether it is the bank's.
-- The table is written anew; workers wait meanwhile, some ten seconds for a million rows. Harmless when it is done twice.

ALTER TABLE inbox
    ADD COLUMN IF NOT EXISTS of_bank BOOLEAN AS (kind IN ('bank_notification', 'bank_answer')) PERSISTENT AFTER kind,
    DROP KEY IF EXISTS event,
    ADD UNIQUE KEY event (event_id, of_bank);

ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS of_bank BOOLEAN AS (kind IN ('bank_notification', 'bank_answer')) PERSISTENT AFTER kind;
