/* bank_callback: the addresses that the banks' servers call. */
#ifndef DP_SERVER_BANK_CALLBACK_H
#define DP_SERVER_BANK_CALLBACK_H

#include "server/request.h"

/* GET and POST /banque/spplus: answers "spcheckok" (bank-protocols §1.4). */
void bank_callback_spplus(struct request *request);

#endif
