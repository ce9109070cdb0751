/*
 * config_name: how an Accelerator names the configuration of another program. A name is `path` or
 * `path#part`. The path is relative to the file that contains the name.
 */
#ifndef POLICY_DOCUMENT_CONFIG_NAME_H
#define POLICY_DOCUMENT_CONFIG_NAME_H

#include "policy/document/documents.h"

enum config_found {
	CONFIG_FOUND,
	CONFIG_ABSENT,  /* None of the files of the policy has that path. */
	CONFIG_OUTSIDE, /* The path leads out of the policy folder. */
};

/*
 * Looks up the file of a name that the source `from` contains, and sets `source` if it is found.
 * Only files of the policy can be found, so their limits apply, and their changes cause a reload. A
 * file is found by any of its paths, not only by the one under which it was read.
 */
enum config_found config_find(const struct docs *docs, uint32_t from, struct str name, uint32_t *source);

/* Returns the path in a name, as it is written. */
struct str config_path(struct str name);

/* Returns the part in a name, or an absent string. */
struct str config_part(struct str name);

#endif
