/* patch: writes the edits of a decision as a JSON Patch (RFC 6902). */
#ifndef WEBHOOK_ADMISSION_PATCH_H
#define WEBHOOK_ADMISSION_PATCH_H

#include "gpugate/buf.h"
#include "gpugate/decision.h"
#include "gpugate/pod.h"

/*
 * Appends the JSON array of operations that applies the edits to the Pod. Each edit becomes one
 * operation, except that consecutive edits that need the same missing parent (such as `env`) share
 * the operation that creates it. Keys are escaped as RFC 6901 requires. Errors appear only in
 * out->failed. Thread-safe: it keeps no state.
 */
void patch_write(struct buf *out, const struct pod *pod, const struct edit *edits, uint32_t count);

#endif
