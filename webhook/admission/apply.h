/* apply: applies the edits of a decision to a Pod, as the API server applies the JSON Patch. */
#ifndef WEBHOOK_ADMISSION_APPLY_H
#define WEBHOOK_ADMISSION_APPLY_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"

/*
 * Applies, in order, edits that were decided for exactly this Pod. What changes is first copied to
 * the arena. The result borrows from the arena, the original Pod, and the edits. Returns 0, or -1
 * if the arena is exhausted; the Pod may then be partly changed.
 */
int pod_apply(struct pod *pod, const struct edit *edits, uint32_t count, struct arena *arena);

#endif
