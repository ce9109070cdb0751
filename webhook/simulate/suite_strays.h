/*
 * suite_strays: keys of a suite that are written one level too deep, where any key is allowed. For
 * example, `dryRun` within the object of `create` would be taken for a key of that object.
 */
#ifndef WEBHOOK_SIMULATE_SUITE_STRAYS_H
#define WEBHOOK_SIMULATE_SUITE_STRAYS_H

#include "webhook/simulate/suite.h"
#include "webhook/simulate/suite_keys.h"

/* A value with any keys, and the keys beside it, which it cannot have. */
struct suite_stray {
	const char *key;           /* Of the value. */
	const struct shape *shape; /* Of the object that has this key. */
	/* Objects within the value that cannot have them either; NULL ends the list. */
	const char *within[3];
	/* Such keys that one of these objects can have. */
	const char *legal_in;
	const char *legal[3];
};

enum suite_stray_id { STRAY_CREATE, STRAY_OBJECT, STRAY_REQUESTS, STRAYS };

extern const struct suite_stray suite_strays[STRAYS];

/* Whether a key of the shape is one that the object in the value cannot have. "": the value. */
bool suite_is_stray(const struct suite_stray *stray, const char *within, struct str key);

/* Checks the JSON of an object. Returns 0, or -1 with FILE:LINE:COLUMN and an error. */
int suite_check_strays(const struct manifest *manifest, enum suite_stray_id id, struct str json, struct error *err);

/* Does the same with the keys of a map. `otherwise` is as for suite_place. */
int suite_check_stray_pairs(const struct manifest *manifest, enum suite_stray_id id, const struct pairs *pairs,
			    const char *otherwise, struct error *err);

#endif
