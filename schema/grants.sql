-- What the two programs may do in the database, and nothing more. dp-admin migrate fills in {database}, {server} and
-- {worker}, takes all other rights away, and applies this file whenever it has changed.
--
-- The server records what people ask for. It cannot write a state that only the bank's word may bring (it sees the rows
-- it may change through open_transactions), no ledger line, no receipt, no mail.

GRANT SELECT ON {database}.schools TO {server};
GRANT SELECT ON {database}.bank_contracts TO {server};
GRANT SELECT ON {database}.school_contracts TO {server};
GRANT SELECT ON {database}.school_files TO {server};
GRANT SELECT ON {database}.users TO {server};
GRANT UPDATE (password_hash, must_change_password, last_name, first_name, address1, address2, postcode, city, phone, email)
    ON {database}.users TO {server};
GRANT SELECT ON {database}.accounts TO {server};
GRANT SELECT ON {database}.account_payers TO {server};
GRANT SELECT ON {database}.claims TO {server};
GRANT UPDATE (reserved_until, reserved_for) ON {database}.claims TO {server};
GRANT SELECT ON {database}.transactions TO {server};
GRANT SELECT ON {database}.open_transactions TO {server};
GRANT INSERT (reference, school_id, user_id, contract_id, kind, state, amount_cents, currency, revision, email, comment,
              form_token, created_at, updated_at, valid_until, expires_at)
    ON {database}.open_transactions TO {server};
GRANT UPDATE (reference, contract_id, kind, state, amount_cents, revision, email, comment, form_token, sent_at, valid_until,
              expires_at, bank_request, updated_at)
    ON {database}.open_transactions TO {server};
GRANT SELECT, INSERT ON {database}.transaction_lines TO {server};
GRANT SELECT ON {database}.transaction_history TO {server};
GRANT SELECT (transaction_id, book, claim_id, amount_cents, booked_at) ON {database}.ledger_entries TO {server};
GRANT SELECT, INSERT (transaction_id, kind, number) ON {database}.payer_signs TO {server};
GRANT SELECT ON {database}.payer_reports TO {server};
GRANT SELECT ON {database}.account_credits TO {server};
GRANT SELECT ON {database}.receipts TO {server};
GRANT SELECT ON {database}.receipt_files TO {server};
GRANT SELECT (event_id, of_bank) ON {database}.inbox TO {server};
-- event_id: of dp-servers before 010; to go with the next change of this file.
GRANT SELECT (event_id, same_as) ON {database}.dead_letters TO {server};
GRANT SELECT, INSERT ON {database}.login_history TO {server};
GRANT SELECT ON {database}.password_tokens TO {server};
GRANT UPDATE (used_at) ON {database}.password_tokens TO {server};
GRANT SELECT ON {database}.gateway_reference TO {server};
-- What was mailed to somebody, for the download of all that is kept on them; not why a mail server refused it.
GRANT SELECT (id, kind, school_id, transaction_id, user_id, recipient, status, created_at, sent_at) ON {database}.mail_outbox TO {server};
GRANT SELECT, INSERT, UPDATE ON {database}.journal_reports TO {server};

-- The worker decides and books. What is booked it cannot change, and it deletes nothing but connections older than a year, as the page
-- on personal data says.

GRANT SELECT ON {database}.* TO {worker};
GRANT DELETE ON {database}.login_history TO {worker};
GRANT UPDATE (state, expires_at, bank_ref, accepted_at, refund_open, review, updated_at) ON {database}.transactions TO {worker};
GRANT UPDATE (settled_cents, reserved_until, reserved_for) ON {database}.claims TO {worker};
GRANT UPDATE (paid_cents) ON {database}.accounts TO {worker};
GRANT INSERT ON {database}.inbox TO {worker};
GRANT INSERT ON {database}.transaction_history TO {worker};
GRANT INSERT ON {database}.ledger_entries TO {worker};
GRANT INSERT ON {database}.receipts TO {worker};
GRANT INSERT ON {database}.receipt_files TO {worker};
GRANT INSERT, UPDATE ON {database}.receipt_counters TO {worker};
GRANT INSERT ON {database}.mail_outbox TO {worker};
GRANT UPDATE (status, attempt, next_attempt_at, lease_until, last_error, sent_at) ON {database}.mail_outbox TO {worker};
GRANT INSERT ON {database}.review_items TO {worker};
GRANT UPDATE (resolved_at, resolution, resolved_by) ON {database}.review_items TO {worker};
GRANT INSERT, UPDATE ON {database}.dead_letters TO {worker};
GRANT INSERT, UPDATE ON {database}.event_failures TO {worker};
GRANT INSERT ON {database}.alarms TO {worker};
GRANT UPDATE (count, detail, mailed_at, mailed_count, ended_at) ON {database}.alarms TO {worker};
GRANT UPDATE (holder, lease_until, finished_at, requested_at) ON {database}.worker_tasks TO {worker};
GRANT INSERT ON {database}.comparisons TO {worker};
GRANT UPDATE (finished_at, checked, waiting, missing, resent, journal_late, error) ON {database}.comparisons TO {worker};
GRANT INSERT ON {database}.password_tokens TO {worker};
GRANT UPDATE (used_at) ON {database}.password_tokens TO {worker};
GRANT INSERT ON {database}.gateway_reference TO {worker};
GRANT INSERT, UPDATE ON {database}.bank_queries TO {worker};
