/*
 * schema: the only definition of what policy documents may contain. It lists every key with its
 * type, range, default, words and documentation. The decoder interprets it, and the JSON Schema and
 * the reference in docs/ are generated from it.
 *
 * The type of a field determines the layout of its value in the struct (documents.h). The value at
 * `offset` is a struct text, texts, flag, number, choice, amount or text_map; or an object {bool
 * set; struct location at; ...}; or a LIST_OF. List items begin with {struct location at; ...}, and
 * entries of a map with {struct text key; struct location at; ...}.
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
	FIELD_NUMBER, /* If the field has a word, that word is allowed instead. */
	FIELD_AMOUNT,
	FIELD_CHOICE,
	FIELD_CHOICES, /* A list of words. */
	FIELD_OBJECT,
	/* A list of objects. If the field has a word, that word is allowed instead. */
	FIELD_OBJECTS,
	FIELD_OBJECT_MAP, /* A map whose values are objects. */
	FIELD_IGNORED,    /* Any value; it is not read. */
};

enum field_flag {
	FIELD_REQUIRED = 1 << 0,
	FIELD_FULL = 1 << 1,      /* A list or map must not be empty. */
	FIELD_UNLIMITED = 1 << 2, /* An amount may be the word `unlimited`. */
	/* An amount must be above 0. Without this flag, it may also be 0, but not negative. */
	FIELD_POSITIVE = 1 << 3,
	/* Objects in a list must have different names (their first text field). */
	FIELD_UNIQUE = 1 << 4,
	FIELD_NULLABLE = 1 << 5, /* null is the same as an absent key. */
	FIELD_INLINE = 1 << 6,   /* The fields of an object are members of the outer struct. */
	/* A flag or number of another program, which reads it as YAML 1.1 defines it. */
	FIELD_YAML_1_1 = 1 << 7,
};

struct schema_word {
	struct str word;
	int value; /* What a decoded choice holds, usually of an enum. 0 for an only word. */
	const char *doc;
};

struct schema_object;

struct schema_field {
	struct str key;
	enum field_type type;
	unsigned flags;
	enum text_form form;     /* Of a text, of the items of a list, or of the values of a map. */
	enum text_form key_form; /* Of the keys of a map. */
	size_t offset;           /* Of the value in the object's struct. */
	/* FIELD_OBJECTS with a word: offset of the bool that is true while the word applies. */
	size_t word_offset;
	int64_t min, max; /* For FIELD_NUMBER. */
	/*
	 * The default, as a user would write it, or NULL if there is none. For FIELD_TEXTS: the
	 * only item.
	 */
	const char *fallback;
	const struct schema_word *words; /* FIELD_CHOICE and FIELD_CHOICES. */
	size_t word_count;
	const char *otherwise;              /* Helps if no word fits; NULL: nothing. */
	const struct schema_object *object; /* FIELD_OBJECT, FIELD_OBJECTS and FIELD_OBJECT_MAP. */
	/* FIELD_REQUIRED does not hold if this key is given. Absent: it always holds. */
	struct str unless;
	const char *doc; /* The meaning, in complete sentences, with units. */
};

struct schema_object {
	const char *name; /* For messages and the reference, such as "a quota". */
	const char *doc;
	const char *example; /* An example for messages. NULL means {}. */
	size_t size;         /* Of its struct. */
	const struct schema_field *fields;
	size_t field_count;
	bool lenient; /* Other keys are allowed and ignored. */
	/*
	 * Lenient, but a key that is nearly one of the fields is a warning. The program that
	 * ignores it, such as "the device plugin", or NULL.
	 */
	const char *foreign;
	bool any_case; /* That program finds keys in any case. */
	/*
	 * Checks conditions between the fields of a decoded struct. NULL if there are none. `at` is
	 * the beginning of the object.
	 */
	void (*check)(struct report *report, const struct docs *docs, void *object, struct location at);
	/*
	 * For the JSON Schema: the conditions that `check` or the compiler requires, as a JSON
	 * object whose members are added to those of this object. NULL if there are none, or none
	 * that a schema can express.
	 */
	const char *conditions;
};

enum doc_kind {
	KIND_SETTINGS,
	KIND_ACCELERATOR,
	KIND_TENANT,
	KIND_RULE,
	KIND_GUARD,
	KIND_WORKLOAD,
	KIND_NAMESPACE,
	KINDS
};

struct schema_kind {
	struct str kind;
	struct str api_version;
	size_t list_offset; /* Of the kind's LIST_OF in struct docs. */
	const struct schema_object *object;
};

extern const struct schema_kind schema_kinds[KINDS];

/*
 * The words of a Guard's `deny`; their values are of enum guard_kind. The compiled policy also
 * uses them, for messages and metrics.
 */
extern const struct schema_word schema_guard_words[GUARD_WORDS];

/*
 * Whether more than one field of the tables holds the object. The reference and the JSON Schema
 * explain such an object once. False for an object without a struct of its own, such as metadata:
 * it is part of the document around it.
 */
bool schema_is_shared(const struct schema_object *object);

/* Returns the object's name without its article, as in "label selector". */
const char *schema_plain_name(const struct schema_object *object);

#endif
