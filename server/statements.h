/* statements: every SQL text of dp-server, by number. Each look-up of an object carries its owner. */
#ifndef DP_SERVER_STATEMENTS_H
#define DP_SERVER_STATEMENTS_H

#include "server/db_pool.h"

enum statement {
    SQL_USER_BY_LOGIN,
    SQL_USER_PAGE,
    SQL_USER_HISTORY,
    SQL_USER_PASSWORD,
    SQL_PASSWORD_CHANGE,
    SQL_CONTACT_CHANGE,
    SQL_ACCOUNTS,
    SQL_FAMILY,
    SQL_OPEN_CLAIMS,
    SQL_PENDING_PAYMENTS,
    SQL_SIMILAR_PAYMENT,
    SQL_TRANSACTION,
    SQL_TRANSACTION_LINES,
    SQL_PAYMENT_PROOFS,
    SQL_RETURN_RECORD,
    SQL_DISCARD_RECORD,
    SQL_REPORT_RECORD,
    SQL_STORED_PAYMENT,
    SQL_RECEIPT_FILE,
    SQL_TRANSACTION_BY_TOKEN,
    SQL_TRANSACTION_CREATE,
    SQL_TRANSACTION_MODIFY,
    SQL_TRANSACTION_LINE,
    SQL_TRANSACTION_SEND,
    SQL_TRANSACTION_RESUME,
    SQL_CLAIM_RESERVE,
    SQL_HISTORY,
    SQL_HISTORY_CHOSEN,
    SQL_HISTORY_OLDEST,
    SQL_YEAR_ACCOUNTS,
    SQL_YEAR_PAYMENTS,
    SQL_MY_DATA,
    SQL_MY_PAYMENTS,
    SQL_LOGIN_RECORD,
    SQL_LOGINS,
    SQL_RESET_TOKEN,
    SQL_RESET_USE,
    SQL_RESET_STORE,
    SQL_RESET_VOID,
    SQL_SCHOOL_FILE,
    SQL_CONTRACTS,
    SQL_INBOX_KNOWN,
    SQL_JOURNAL_REPORT,
    SQL_COUNT,
};

/* Columns of SQL_USER_PAGE, in order; SQL_USER_HISTORY begins with them. */
enum user_column {
    USER_LOGIN,
    USER_ROLE,
    USER_LAST_NAME,
    USER_FIRST_NAME,
    USER_ADDRESS1,
    USER_ADDRESS2,
    USER_POSTCODE,
    USER_CITY,
    USER_PHONE,
    USER_EMAIL,
    USER_SCHOOL_NAME,
    USER_SCHOOL_KIND,
    USER_SCHOOL_CITY,
    USER_BURSAR_EMAIL,
    USER_BURSAR_PHONE,
    USER_REFERENCE_PREFIX,
    USER_AMOUNT_MIN,
    USER_AMOUNT_MAX,
    USER_PART_PAYMENT,
    USER_PAYMENTS_OPEN,
    USER_CONTRACT_ID,
    USER_SCHOOL_SHEET, /* a file of school_files by name: "3f9a….css"; empty: none */
    USER_SCHOOL_LOGO,  /* "3f9a….png" */
    USER_LOGO_WIDTH,
    USER_LOGO_HEIGHT,
    USER_OLDEST_PAYMENT, /* NULL: none */
    USER_ACCOUNT_ID,     /* NULL: no account */
    USER_ACCOUNT_LAST_NAME,
    USER_ACCOUNT_FIRST_NAME,
};

/* Columns of SQL_TRANSACTION. */
enum transaction_column {
    TX_REFERENCE,
    TX_KIND,
    TX_STATE,
    TX_AMOUNT,
    TX_EMAIL,
    TX_COMMENT,
    TX_CREATED_AT,
    TX_SENT_AT,
    TX_EXPIRES_AT,
    TX_ACCEPTED_AT,
    TX_UPDATED_AT,
    TX_BANK_REQUEST,
    TX_CONTRACT_ID,
    TX_RECEIPT_YEAR,
    TX_RECEIPT_NUMBER,
    TX_REVIEW,
    TX_RECEIPT_SIZE,
    TX_DISCARD_ASKED_AT,
    TX_BANK_IS_ASKED,
};

/* Columns of SQL_PAYMENT_PROOFS. */
enum proof_column {
    PROOF_KIND, /* CHANGE: of the payment's state; RETURN, DISCARD, REPORT: a sign of its payer; REVIEW: a report
                   arrived */
    PROOF_AT,
    PROOF_FROM, /* a change's two states, and what the bank called it: empty when it was not the bank */
    PROOF_TO,
    PROOF_BANK_CODE,
};

/* Columns of SQL_TRANSACTION_LINES. */
enum line_column {
    LINE_ACCOUNT_ID,
    LINE_LAST_NAME,
    LINE_FIRST_NAME,
    LINE_CLASS_NAME,
    LINE_CLAIM_ID,
    LINE_CLAIM_NUMBER,
    LINE_CLAIM_LABEL,
    LINE_AMOUNT,
    LINE_CLAIM_REMAINING, /* these as the claim stands now; NULL without a claim */
    LINE_CLAIM_DIRECT_DEBIT,
    LINE_CLAIM_HELD_SINCE, /* … by a payment other than this one */
    LINE_CLAIM_HELD_UNTIL,
    LINE_CLAIM_OWN_HOLD,
    LINE_CLAIM_WAITING,        /* of this line, in suspense: the claim took no more; NULL: nothing */
    LINE_CLAIM_OWN_SETTLEMENT, /* the last payment of the same person that is booked on it */
};

/* Columns of SQL_STORED_PAYMENT: one row a line. */
enum stored_column {
    STORED_STATE,
    STORED_KIND,
    STORED_EMAIL,
    STORED_COMMENT,
    STORED_ACCOUNT_ID,
    STORED_CLAIM_ID,
    STORED_AMOUNT,
    STORED_GIVEN_UP,
};

/* Columns of SQL_FAMILY: those of SQL_ACCOUNTS, and more. */
enum family_column {
    FAMILY_ID,
    FAMILY_LAST_NAME,
    FAMILY_FIRST_NAME,
    FAMILY_CLASS_NAME,
    FAMILY_BALANCE, /* NULL: the school does not say */
    FAMILY_BALANCE_AT,
    FAMILY_PAID, /* here, since then */
    FAMILY_PAID_BY_OTHERS,
    FAMILY_TAKEN_BACK, /* rejected or given back since then */
};

/* Columns of SQL_HISTORY and SQL_HISTORY_CHOSEN. */
enum history_column {
    HISTORY_ID,
    HISTORY_CREATED_AT,
    HISTORY_REFERENCE,
    HISTORY_STATE,
    HISTORY_AMOUNT,
    HISTORY_PARTS, /* a line of text for each line: account's id, first and last name, cents; tabs between:
                      history_parts.h. NULL: SQL_HISTORY does not have them all */
    HISTORY_KIND,
    HISTORY_RECEIPT_YEAR,
    HISTORY_RECEIPT_NUMBER,
};

/* Columns of SQL_RECEIPT_FILE. */
enum receipt_file_column {
    RECEIPT_FILE_YEAR,
    RECEIPT_FILE_NUMBER,
    RECEIPT_FILE_BYTES, /* NULL: not made yet */
};

/* Columns of SQL_YEAR_ACCOUNTS. */
enum year_account_column {
    YEAR_ACCOUNT_LAST_NAME,
    YEAR_ACCOUNT_FIRST_NAME,
    YEAR_ACCOUNT_CLASS_NAME,
    YEAR_ACCOUNT_PAYMENTS,
    YEAR_ACCOUNT_CENTS,
};

/* Columns of SQL_YEAR_PAYMENTS. */
enum year_payment_column {
    YEAR_PAYMENT_ACCEPTED_AT,
    YEAR_PAYMENT_REFERENCE,
    YEAR_PAYMENT_RECEIPT_NUMBER,
    YEAR_PAYMENT_CENTS,
};

/* Columns of SQL_MY_DATA. */
enum my_data_column { MY_DATA_SECTION, MY_DATA_ID, MY_DATA_JSON };

/* Columns of SQL_MY_PAYMENTS. */
enum my_payment_column { MY_PAYMENT_CREATED_AT, MY_PAYMENT_ID, MY_PAYMENT_JSON };

enum { PAYMENT_REPORTS_PER_DAY_MAX = 3 };
/* Listed one by one up to the first number, by month up to the second. */
enum { YEAR_PAYMENTS_LISTED_MAX = 15, YEAR_PAYMENTS_MAX = DB_ROWS_MAX };
enum { HISTORY_PAGE_ROWS = 15, LOGINS_PAGE_ROWS = 25, INBOX_KNOWN_MAX = 32 };

extern const struct db_statement statements[SQL_COUNT];

#endif
