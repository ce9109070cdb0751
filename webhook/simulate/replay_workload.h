/*
 * replay_workload: replays the creation of a Pod, or of the Pods of a workload, by all sides. They
 * take the place of the Pods that the object already has in the usage, as for `gpugate explain`.
 */
#ifndef WEBHOOK_SIMULATE_REPLAY_WORKLOAD_H
#define WEBHOOK_SIMULATE_REPLAY_WORKLOAD_H

#include "webhook/object/manifest.h"
#include "webhook/simulate/replay_state.h"

/*
 * Creates the Pods of `object`, which is in `manifest`. An object that has no Pods is counted as
 * skipped. `file` outlives the replay. Returns 0, or -1 with an error.
 */
int replay_workload(struct replay *replay, const struct manifest *manifest, const struct manifest_object *object,
		    const char *file, struct error *err);

#endif
