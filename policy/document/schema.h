/*
 * schema: the one table of what a policy document may hold: every key with its type, range, default, words and a
 * sentence for people. The decoder follows it; the JSON Schema and the reference in docs/ are generated from it.
 *
 * How a field's value lies in its struct (documents.h) follows from its type: a struct text, texts, flag, number,
 * choice, amount or text_map at `offset`; an object {bool set; struct place at; ...} at `offset`; or a LIST_OF items,
 * which begin with {struct place at; ...}, or {struct text key; struct place at; ...} for the entries of a map.
 */
#ifndef POLICY_DOCUMENT_SCHEMA_H
#define POLICY_DOCUMENT_SCHEMA_H

#include "gpugate/policy_enums.h"
#include "policy/document/documents.h"
#include "policy/document/formats.h"

enum field_type {
	FIELD_TEXT,
	FIELD_TEXTS,
	FIELD_TEXT_MAP,
	FIELD_FLAG,
	FIELD_NUMBER, /* or, if the field has words, the one word instead */
	FIELD_AMOUNT,
	FIELD_CHOICE,
	FIELD_CHOICES, /* a list of words */
	FIELD_OBJECT,
	FIELD_OBJECTS,    /* a list of objects; or, if the field has words, the one word instead */
	FIELD_OBJECT_MAP, /* a map whose values are objects */
	FIELD_IGNORED,    /* anything */
};

enum field_flag {
	FIELD_REQUIRED = 1 << 0,
	FIELD_FULL = 1 << 1,      /* a list or map may not be empty */
	FIELD_UNLIMITED = 1 << 2, /* an amount may be the word `unlimited` */
	FIELD_POSITIVE = 1 << 3,  /* an amount must be above 0; otherwise 0 is fine and less is not */
	FIELD_UNIQUE = 1 << 4,    /* objects in a list must have distinct names (their first text field) */
	FIELD_NULLABLE = 1 << 5,  /* null is the same as an absent key */
	FIELD_INLINE = 1 << 6,    /* an object whose fields lie in the struct around it */
};

struct schema_word {
	struct str word;
	const char *doc;
};

struct schema_object;

struct schema_field {
	struct str key;
	enum field_type type;
	unsigned flags;
	enum text_form form;     /* of a text, of the items of a list, of the values of a map */
	enum text_form key_form; /* of the keys of a map */
	size_t offset;           /* of the value in the object's struct */
	size_t word_offset;      /* FIELD_OBJECTS with a word: of the bool that says the word is in force */
	int64_t min, max;        /* FIELD_NUMBER */
	const char *fallback;    /* the default as one would write it; NULL: none. Of FIELD_TEXTS: its one item */
	const struct schema_word *words; /* FIELD_CHOICE(S): by position of the enum */
	size_t word_count;
	const struct schema_object *object; /* FIELD_OBJECT(S), FIELD_OBJECT_MAP */
	const char *doc;                    /* what it means, in whole sentences, with units */
};

struct schema_object {
	const char *name; /* in words, for messages and the reference: "a quota" */
	const char *doc;
	const char *example; /* what one looks like, for messages; NULL: {} */
	size_t size;         /* of its struct */
	const struct schema_field *fields;
	size_t field_count;
	bool lenient; /* other keys are allowed and ignored */
	/* Checks between fields, on a decoded struct; NULL: none. `at`: where the object begins. */
	void (*check)(struct report *report, const struct docs *docs, void *object, struct place at);
};

enum doc_kind { KIND_SETTINGS, KIND_ACCELERATOR, KIND_TENANT, KIND_RULE, KIND_GUARD, KIND_NAMESPACE, KINDS };

struct schema_kind {
	struct str kind;
	struct str api_version;
	size_t list_offset; /* of its LIST_OF in struct docs */
	const struct schema_object *object;
};

extern const struct schema_kind schema_kinds[KINDS];

/* The words of a Guard's `deny`, by enum guard_kind. The compiled policy has them as well, for messages and metrics. */
extern const struct schema_word schema_guard_words[GUARD_WORDS];

#endif
