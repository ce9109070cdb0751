/*
 * field: decodes JSON objects into C structs by tables.
 *
 * A `shape` lists the keys of an object that are read. Each row names the function that reads the
 * value, and the member of the struct that receives it. Keys without a row are skipped, but their
 * values are validated; in a strict shape they are errors. A key with a row may occur only once.
 * null is treated as absent unless the shape refuses it.
 */
#ifndef WEBHOOK_JSON_FIELD_H
#define WEBHOOK_JSON_FIELD_H

#include "webhook/json/reader.h"

/*
 * About a key of files that people write: what the JSON Schema of these files says, in addition to
 * what follows from `read` and `shape`.
 */
struct field_schema {
	const char *doc;     /* The meaning, in complete sentences. */
	bool required;       /* The reader's caller refuses an object without the key. */
	int64_t least, most; /* Of field_whole. */
	/* A JSON object of further conditions, which the reader's caller checks; NULL: none. */
	const char *conditions;
};

struct field {
	const char *key;
	uint16_t key_len;
	uint16_t offset; /* Offset of the member in the struct that the shape fills. */
	uint16_t count;  /* Offset of the uint32_t that receives the number of items of a list. */
	/*
	 * 1 + the offset of a bool that is set if the value is present; 0: there is no such bool.
	 */
	uint16_t flag;
	/*
	 * Reads a value that is not null, at the current position. `target` is the struct, not the
	 * member.
	 */
	int (*read)(struct reader *reader, const struct field *field, void *target);
	const struct shape *shape;         /* Shape of the object, or of the items of the list. */
	const struct field_schema *schema; /* NULL: only programs write the object. */
};

struct shape {
	const struct field *fields;
	uint32_t count; /* At most 32. */
	uint32_t size;  /* Bytes of the struct, for shapes that are items of a list. */
	bool strict;    /* A key without a row is an error, with a suggestion. */
	/* null is an error as a value of the object, and as an item of a list with this shape. */
	bool refuses_null;
	/*
	 * 1 + the offset of a const char * that receives the beginning of the object; 0: there is
	 * no such pointer.
	 */
	uint16_t location;
	/*
	 * 1 + the offset of a struct str that receives a string, which is then allowed instead of
	 * the object; 0: it is not.
	 */
	uint16_t text;
};

/* For rows: FIELD_KEY("name"), .read = field_string, .offset = offsetof(...) */
#define FIELD_KEY(text) .key = (text), .key_len = sizeof(text) - 1
#define FIELD_FLAG(type, member) .flag = (1 + offsetof(type, member))
#define SHAPE(rows, bytes)                                                                                             \
	{                                                                                                              \
		.fields = (rows), .count = sizeof(rows) / sizeof *(rows), .size = (bytes)                              \
	}

/*
 * The functions that rows name as `read`, and the members that they fill. They borrow from the text
 * or the arena. All return 0 or -1.
 */
int field_string(struct reader *reader, const struct field *field, void *target); /* struct str */
/* struct str: the number as written */
int field_number(struct reader *reader, const struct field *field, void *target);
/* struct str: the same, of a whole number from schema->least, 0 or more, to schema->most */
int field_whole(struct reader *reader, const struct field *field, void *target);
int field_bool(struct reader *reader, const struct field *field, void *target); /* bool */
/* the struct at offset */
int field_object(struct reader *reader, const struct field *field, void *target);
/* pointer, and uint32_t count */
int field_list(struct reader *reader, const struct field *field, void *target);
/*
 * struct strs. Of this and of the two maps, `shape` only says whether an item may be null. If it is
 * NULL, null is an empty text or 0.
 */
int field_strings(struct reader *reader, const struct field *field, void *target);
/* uint32_t: number of objects in a list */
int field_count(struct reader *reader, const struct field *field, void *target);
/* struct str: the JSON of any value, as written */
int field_json(struct reader *reader, const struct field *field, void *target);
/* struct pairs of strings */
int field_pairs(struct reader *reader, const struct field *field, void *target);
/* struct pairs of quantities */
int field_quantities(struct reader *reader, const struct field *field, void *target);
/* skips an object, but validates it */
int field_skip(struct reader *reader, const struct field *field, void *target);

/*
 * For metadata.managedFields: skips an array without validating it. Anyone who may write the object
 * controls this field. The API server returns its keys unchanged even if they are not UTF-8, and
 * with any depth of nesting. Neither may make the whole object unreadable.
 */
int field_opaque(struct reader *reader, const struct field *field, void *target);

/*
 * Skips any value without validating objects and arrays, to read single fields of an object that
 * cannot be read as a whole.
 */
int field_anything(struct reader *reader, const struct field *field, void *target);

/*
 * Reads the object at the current position into `target`, which the caller has zeroed. Returns 0 or
 * -1.
 */
int reader_object(struct reader *reader, const struct shape *shape, void *target);

#endif
