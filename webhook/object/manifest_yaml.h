/* manifest_yaml: YAML to JSON for manifest.c. */
#ifndef WEBHOOK_OBJECT_MANIFEST_YAML_H
#define WEBHOOK_OBJECT_MANIFEST_YAML_H

#include "webhook/object/manifest.h"

/*
 * Appends the JSON of every document that is not empty to manifest->text, and its marks. Calls
 * `document` with the offset at which each begins and ends. Returns -1 with an error, or what
 * `document` returned if that is not 0.
 */
int manifest_yaml(struct manifest *manifest, struct str bytes,
		  int (*document)(struct manifest *manifest, size_t begin, size_t end), struct error *err);

/* What an unquoted scalar of YAML 1.1 is. */
enum plain_type {
	PLAIN_STRING,
	PLAIN_WORD,    /* null or a boolean: what is written is the JSON word. */
	PLAIN_NUMBER,  /* What is written is a JSON number. */
	PLAIN_NO_JSON, /* Infinity, or not a number: JSON has no such value. */
};

/*
 * Appends the JSON of an unquoted scalar, unless it is a PLAIN_STRING or PLAIN_NO_JSON. Resolves it
 * as gopkg.in/yaml.v2 does.
 */
enum plain_type manifest_plain(struct str text, struct buf *out);

#endif
