/* user_agent: a User-Agent header in the words that people use for their own devices. */
#ifndef DP_SERVER_USER_AGENT_H
#define DP_SERVER_USER_AGENT_H

#include "common/arena.h"
#include "common/str.h"

/* "Firefox sur Windows", "Safari sur iPhone"; "Firefox" or "Navigateur inconnu sur Linux" where one half is not known,
 * "Navigateur inconnu" where neither is. The header is the client's own word: nothing of it is shown. In `arena` or
 * static. */
struct str user_agent_describe(struct arena *arena, struct str user_agent);

#endif
