/* meta: reads the metadata of an object of any kind. */
#ifndef WEBHOOK_OBJECT_META_H
#define WEBHOOK_OBJECT_META_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/pairs.h"

/* The metadata of any object or list. Borrows from the JSON and the arena. */
struct object_meta {
	struct str name;
	struct str uid;
	struct str resource_version;
	struct pairs labels;
};

/*
 * Reads the metadata, and skips the items of a list. REVIEW_PADDING readable bytes must follow
 * `json`. Returns 0, or -1 with an error.
 */
int object_meta_read(struct str json, struct arena *arena, struct object_meta *meta, struct error *err);

#endif
