/*
 * workload_parts: the groups of Pods that a custom resource has, found by the paths of a policy.
 */
#ifndef WEBHOOK_OBJECT_WORKLOAD_PARTS_H
#define WEBHOOK_OBJECT_WORKLOAD_PARTS_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/workload_paths.h"

#define WORKLOAD_PARTS_MAX 32           /* Groups of one object; more are an error. */
#define WORKLOAD_REPLICAS_MAX INT32_MAX /* Of one group; more count as so many. */

struct workload_part {
	/* The Pod or its template, for review_read_pod. Borrows from the object or the arena. */
	struct str pod;
	/* The value at `where`, in the text of the object. */
	struct str at;
	/* The path in this object, such as spec.tasks[1].template. In the arena. */
	struct str where;
	int64_t replicas; /* 0 to WORKLOAD_REPLICAS_MAX; 0 if the object is suspended. */
	bool alone;       /* Other groups have no Pods at the same time. */
	bool composed;    /* `pod` is not a part of the object's text. */
};

struct workload_parts {
	struct workload_part items[WORKLOAD_PARTS_MAX]; /* In the order of the policy's paths. */
	uint32_t count;
};

/*
 * Reads an object of that kind. A path that leads to nothing is no error. REVIEW_PADDING readable
 * bytes must follow `json`. Returns 0, or -1 with an error that names the path, and the byte of
 * `json` as "(byte N)".
 */
int workload_parts_read(const struct workload_paths *paths, struct str json, struct arena *arena,
			struct workload_parts *parts, struct error *err);

#endif
