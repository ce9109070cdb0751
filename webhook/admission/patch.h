/* patch: the edits of a decision as an RFC 6902 JSON Patch. */
#ifndef WEBHOOK_ADMISSION_PATCH_H
#define WEBHOOK_ADMISSION_PATCH_H

#include "gpugate/buf.h"
#include "gpugate/policy.h"

/*
 * Appends a JSON array of operations that turns the Pod of the facts into what the edits say: minimal (one operation a
 * change), parents that are absent created first, `~` and `/` in keys escaped (RFC 6901). Nothing else is touched.
 */
void patch_write(struct buf *out, const struct pod *pod, const struct edit *edits, uint32_t count);

#endif
