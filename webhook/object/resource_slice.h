/*
 * resource_slice: reads a ResourceSlice of resource.k8s.io, in any version. Pure and thread-safe.
 */
#ifndef WEBHOOK_OBJECT_RESOURCE_SLICE_H
#define WEBHOOK_OBJECT_RESOURCE_SLICE_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/pairs.h"

struct slice_device {
	struct str product, type, memory; /* As written; each may be absent. */
};

struct resource_slice {
	struct str name, driver;
	struct str node; /* Absent: its devices are not of one node. */
	struct str pool;
	int64_t generation; /* Of the pool: slices of an older one are no longer valid. */
	const struct slice_device *devices;
	uint32_t device_count;
};

/*
 * Reads a slice. REVIEW_PADDING readable bytes must follow `json`. Borrows from it and from the
 * arena. Returns 0, or -1 with an error.
 */
int resource_slice_read(struct str json, struct arena *arena, struct resource_slice *slice, struct error *err);

#endif
