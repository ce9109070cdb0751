/* replay_quotas: the quotas that the Pods which exist exceed, whether or not they are admitted. */
#ifndef WEBHOOK_SIMULATE_REPLAY_QUOTAS_H
#define WEBHOOK_SIMULATE_REPLAY_QUOTAS_H

#include <jansson.h>

#include "webhook/simulate/replay_state.h"

/*
 * Counts the quotas that are exceeded by the new policy, and not by the one to compare with.
 * Returns 0, or -1 without memory.
 */
int replay_quotas_count(struct replay *replay);

/*
 * All quotas that are exceeded by the new policy. Returns new. Sets `*cut` if a part of an amount
 * is left out, and otherwise leaves it as it is.
 */
json_t *replay_quotas_json(const struct replay *replay, bool *cut);

#endif
