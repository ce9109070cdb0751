/* formats: what texts must look like. */
#ifndef POLICY_DOCUMENT_FORMATS_H
#define POLICY_DOCUMENT_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#include "gpugate/str.h"

/* What a text must look like. */
enum text_form {
	FORM_NAME,             /* a DNS-1123 subdomain, of 253 characters at most: the name of an object */
	FORM_LABEL_KEY,        /* [prefix/]name as Kubernetes' qualified names: of a label, a taint or a resource */
	FORM_LABEL_VALUE,      /* at most 63 characters, or empty */
	FORM_ANNOTATION_VALUE, /* any text of at most 4096 bytes, or none */
	FORM_RESOURCE_GLOB,    /* a resource name that may hold `*` and `?` */
	FORM_NAMESPACE_GLOB,   /* a namespace's name that may hold `*` and `?` */
	FORM_USER_GLOB,        /* a user's or group's name that may hold `*` and `?` */
	FORM_MEMORY_SOURCE,    /* annotation:KEY or label:KEY */
	FORM_PROFILE,          /* a MIG profile: 1g.10gb, 1g.10gb+me */
	FORM_HOST_PATH,        /* an absolute path without `..` and wildcards */
};

/* What a form asks for, for messages and the reference: "lower-case letters, ...". */
const char *schema_form_words(enum text_form form);

/*
 * The text of that form that was probably meant, written to `buffer`: in lower case, with "-" for "_" and blanks, and
 * of a profile without the beginning of its resource's name. NULL: nothing is near, or the form says nothing of case.
 */
const char *schema_form_meant(enum text_form form, struct str text, char *buffer, size_t size);

/* Whether `text` has that form. */
bool schema_form_fits(enum text_form form, struct str text);

#endif
