/* pod_text: makes the JSON of a Pod from parts of another object. */
#ifndef WEBHOOK_OBJECT_POD_TEXT_H
#define WEBHOOK_OBJECT_POD_TEXT_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/str.h"

/* JSON of objects, which is valid and has padding; each may be absent. All borrowed. */
struct pod_pieces {
	struct str metadata;          /* It has `labels` and `annotations`. */
	struct str spec;              /* It has fields of a PodSpec. */
	const struct str *containers; /* In addition to those of `spec`. */
	uint32_t container_count;
	struct str resources; /* Of one more container. */
	struct str device;    /* `name` and `quantity` of a resource of one more container. */
};

/* Sets `*pod` to the text, in the arena and with padding. Returns 0, or -1 with an error. */
int pod_text(const struct pod_pieces *pieces, struct arena *arena, struct str *pod, struct error *err);

#endif
