/* manifest_yaml: converts YAML to JSON for manifest.c. */
#ifndef WEBHOOK_OBJECT_MANIFEST_YAML_H
#define WEBHOOK_OBJECT_MANIFEST_YAML_H

#include "webhook/object/manifest.h"

/*
 * Appends the JSON of every document that is not empty to manifest->text, and adds its marks. Calls
 * `document` with the offsets at which each document begins and ends. Returns 0; -1 with an error;
 * or the first result of `document` that is not 0.
 */
int manifest_yaml(struct manifest *manifest, struct str bytes,
		  int (*document)(struct manifest *manifest, size_t begin, size_t end), struct error *err);

/* Fails because the file begins with a template, after the bytes `before`. Returns -1. */
int manifest_refuse_template(const struct manifest *manifest, struct str before, struct error *err);

/* The type of an unquoted scalar in YAML 1.1. */
enum plain_type {
	PLAIN_STRING,
	PLAIN_WORD,    /* null or a boolean. */
	PLAIN_NUMBER,  /* An integer or a floating-point number. */
	PLAIN_NO_JSON, /* Infinity or NaN, which JSON cannot represent. */
};

/*
 * Resolves an unquoted scalar as gopkg.in/yaml.v2 does. Appends its JSON, unless it is a
 * PLAIN_STRING or PLAIN_NO_JSON.
 */
enum plain_type manifest_plain(struct str text, struct buf *out);

#endif
