/* my_data: all that is kept of one person, as donnees.json. Put together piece by piece as the rows come; MariaDB has
 * made each of them a JSON object. */
#ifndef DP_SERVER_MY_DATA_H
#define DP_SERVER_MY_DATA_H

#include "common/buf.h"

enum { MY_DATA_BYTES_MAX = 8 << 20 }; /* of the JSON: some 8 000 payments */

/* In the order of the file; SQL_MY_DATA numbers the rows of all but the last. */
enum my_data_section {
    MY_DATA_PERSON,
    MY_DATA_ACCOUNTS,
    MY_DATA_CLAIMS,
    MY_DATA_LOGINS,
    MY_DATA_MAILS,
    MY_DATA_PASSWORD_REQUESTS,
    MY_DATA_REPORTS,
    MY_DATA_PAYMENTS,
    MY_DATA_SECTIONS,
};

struct my_data {
    struct buf json;              /* owned; check buf_ok() at the end */
    enum my_data_section section; /* being written */
    unsigned n_rows;              /* of it */
};

/* `site` is the address of the site, `made_at` a moment; both are plain texts of ours. */
void my_data_init(struct my_data *data, const char *site, const char *made_at);
void my_data_done(struct my_data *data);
/* Sections never go back. */
void my_data_add(struct my_data *data, enum my_data_section section, struct str object);
/* Ends the file; sections without rows are there all the same, empty. */
void my_data_finish(struct my_data *data);

#endif
