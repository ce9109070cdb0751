/* meta: reads the metadata of an object of any kind. */
#ifndef WEBHOOK_OBJECT_META_H
#define WEBHOOK_OBJECT_META_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/pairs.h"

/* metadata of any object, or of a list. Borrows from the JSON and the arena. */
struct object_meta {
	struct str name;
	struct str uid;
	struct str resource_version;
	struct pairs labels;
};

/*
 * Reads metadata and skips a list's items. `json` is followed by REVIEW_PADDING readable bytes.
 * Returns 0, or -1 with an error.
 */
int object_meta_read(struct str json, struct arena *arena, struct object_meta *meta, struct error *err);

#endif
