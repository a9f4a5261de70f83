/* contracts_file: the bank contracts, keys still sealed, in a file beside the journal. */
#ifndef DP_SERVER_CONTRACTS_FILE_H
#define DP_SERVER_CONTRACTS_FILE_H

#include "common/arena.h"
#include "common/config.h"
#include "common/gateway/contract.h"

/* Writes all of them to a new 0600 file, syncs it, renames it over the old one. ERR_IO. */
int contracts_file_write(const struct config *config, const struct contract_record *records, unsigned n_records);
/* In `arena`. ERR_NOT_FOUND when there is no file, ERR_CORRUPT when it is not one of ours. */
int contracts_file_read(const struct config *config, struct arena *arena, struct contract_record **ret_records,
                        unsigned *ret_n_records);

#endif
