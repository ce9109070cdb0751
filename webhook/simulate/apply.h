/* apply: a Pod after the edits of a decision, as the API server has it after the JSON Patch. */
#ifndef WEBHOOK_SIMULATE_APPLY_H
#define WEBHOOK_SIMULATE_APPLY_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"

/*
 * Applies the edits, which were decided for this very Pod, in their order. What changes is copied
 * to the arena, and borrows from there, from the Pod as it was and from the edits. Returns -1 when
 * the arena is exhausted; the Pod is then changed in part.
 */
int pod_apply(struct pod *pod, const struct edit *edits, uint32_t count, struct arena *arena);

#endif
