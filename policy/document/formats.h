/* formats: the forms that strings of a policy must have. */
#ifndef POLICY_DOCUMENT_FORMATS_H
#define POLICY_DOCUMENT_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#include "gpugate/str.h"

/* The form that a string must have. */
enum text_form {
	FORM_NAME, /* The name of an object: a DNS-1123 subdomain, at most 253 characters. */
	/* A Kubernetes qualified name, [prefix/]name, of a label, a taint or a resource. */
	FORM_LABEL_KEY,
	FORM_LABEL_VALUE,      /* A label value: at most 63 characters; may be empty. */
	FORM_ANNOTATION_VALUE, /* Any text of at most 4096 bytes; may be empty. */
	FORM_RESOURCE_GLOB,    /* A resource name that may contain `*` and `?`. */
	FORM_NAME_GLOB,        /* The name of an object that may contain `*` and `?`. */
	FORM_NAMESPACE_GLOB,   /* A namespace name that may contain `*` and `?`. */
	FORM_USER_GLOB,        /* A user or group name that may contain `*` and `?`. */
	FORM_MEMORY_SOURCE,    /* annotation:KEY or label:KEY. */
	FORM_PROFILE,          /* A MIG profile, such as 1g.10gb or 1g.10gb+me. */
	FORM_HOST_PATH,        /* An absolute path without `..` and wildcards. */
	FORM_CONFIG_FILE,      /* A relative path of a YAML file, and maybe # and a name in it. */
	FORM_KIND,             /* The kind of an object, such as PyTorchJob. */
	FORM_FIELD_PATH,       /* Keys joined by dots; `*` is any key, `[]` each item of a list. */
	FORM_COUNT_PATH,       /* The same, and maybe " - N". */
};
#define FORMS (FORM_COUNT_PATH + 1)

/*
 * What is printed about a form. The patterns are for the JSON Schema. They have no lookahead, which
 * validators written in Go do not know, and they say what schema_form_fits checks.
 */
struct schema_form {
	const char *name, *plural; /* For the reference, such as "name" and "names". */
	const char *words;         /* For messages, as in "a name: lower-case letters, ...". */
	const char *pattern;       /* NULL: any text. */
	const char *parts;         /* A second pattern, for the lengths of parts. May be NULL. */
	unsigned max;              /* Length in bytes. 0: there is no maximum. */
};

/* Indexed by enum text_form. */
extern const struct schema_form schema_forms[FORMS];

/* The strings that are amounts: those that quantity_parse accepts, and of these those above 0. */
extern const struct schema_form schema_quantity, schema_positive_quantity;

/*
 * Writes to `buffer` the string of that form that was probably meant, and returns `buffer`. It is
 * the text in lower case, with "-" instead of "_" and spaces. For a profile, it is the text without
 * the prefix of the resource name. Returns NULL if the result does not have the form either, or if
 * there is no suggestion for the form.
 */
const char *schema_form_meant(enum text_form form, struct str text, char *buffer, size_t size);

/* Whether `text` has that form. */
bool schema_form_fits(enum text_form form, struct str text);

#endif
