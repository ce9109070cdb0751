/*
 * config_file: finds the configuration in a file that an Accelerator names. The file is the
 * configuration itself, or a ConfigMap that has it as a block of text in its data.
 */
#ifndef POLICY_DOCUMENT_CONFIG_FILE_H
#define POLICY_DOCUMENT_CONFIG_FILE_H

#include "policy/document/decode.h"

/* Which configuration of a file to read. */
struct config_choice {
	uint32_t source;
	struct str key;     /* The key in a ConfigMap's data. Absent: `usual`, or the only key. */
	struct str usual;   /* The preferred key, if the ConfigMap has it. */
	struct location at; /* The place of the name in the Accelerator. */
};

/*
 * Returns the root of the configuration, which is a map. Returns NULL if there is none (reported).
 * The nodes belong to `nodes`; texts are borrowed from the source or belong to the decoder's arena.
 */
const struct node *config_root(struct decoder *decoder, const struct config_choice *choice, struct arena *nodes);

/*
 * Reports that a map has no key `wrong`, and suggests the key that was probably meant, or lists all
 * keys. `lacks` is text such as "ConfigMap has no key".
 */
void config_no_key(struct decoder *decoder, struct location at, const char *lacks, struct str wrong,
		   const struct node *map);

#endif
