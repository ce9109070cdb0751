/*
 * field: JSON objects into C structs by tables. A `shape` lists the keys that matter in an object; each row says
 * which function reads the value and where in the struct it goes. Keys without a row are skipped (and checked). A key
 * with a row may stand only once; null is as good as absent.
 */
#ifndef WEBHOOK_JSON_FIELD_H
#define WEBHOOK_JSON_FIELD_H

#include "webhook/json/reader.h"

struct field {
	const char *key;
	uint16_t key_len;
	uint16_t offset; /* of the fact in the struct that the shape fills */
	uint16_t count;  /* of the uint32_t that counts a list's items */
	uint16_t flag;   /* 1 + the offset of a bool that tells that the value was given; 0: no such bool */
	/* Reads a value that is not null, at which the scan stands. `target` is the struct, not the fact. */
	int (*read)(struct reader *reader, const struct field *field, void *target);
	const struct shape *shape; /* of the object, or of the items */
};

struct shape {
	const struct field *fields;
	uint32_t count; /* at most 32 */
	uint32_t size;  /* bytes of the struct, where the shape is that of a list's items */
};

/* For rows: FIELD_KEY("name"), .read = field_string, .offset = offsetof(...) */
#define FIELD_KEY(text) .key = (text), .key_len = sizeof(text) - 1
#define FIELD_FLAG(type, member) .flag = (1 + offsetof(type, member))
#define SHAPE(rows, bytes)                                                                                             \
	{                                                                                                              \
		(rows), sizeof(rows) / sizeof *(rows), (bytes)                                                         \
	}

/* What rows name as `read`. All return 0 or -1. */
int field_string(struct reader *reader, const struct field *field, void *target);  /* struct str */
int field_number(struct reader *reader, const struct field *field, void *target);  /* struct str: the number's text */
int field_bool(struct reader *reader, const struct field *field, void *target);    /* bool */
int field_object(struct reader *reader, const struct field *field, void *target);  /* the struct at offset */
int field_list(struct reader *reader, const struct field *field, void *target);    /* pointer, and uint32_t count */
int field_strings(struct reader *reader, const struct field *field, void *target); /* struct strs */
int field_count(struct reader *reader, const struct field *field, void *target);   /* uint32_t: objects in a list */
int field_pairs(struct reader *reader, const struct field *field, void *target);   /* struct pairs of strings */
int field_quantities(struct reader *reader, const struct field *field, void *target); /* struct pairs of quantities */
int field_skip(struct reader *reader, const struct field *field, void *target);       /* an object of no interest */

/*
 * metadata.managedFields: an array of which only the end is looked for. Whoever may write an object writes it, and the API server hands
 * out as they are its keys that are not UTF-8, or nested however deep: they must not make a reader overlook the object.
 */
int field_opaque(struct reader *reader, const struct field *field, void *target);

/* The same of any value, for what is read of an object that no reader takes. */
int field_anything(struct reader *reader, const struct field *field, void *target);

/* Reads the object at which the scan stands into `target`, zeroed by the caller. Returns 0 or -1. */
int reader_object(struct reader *reader, const struct shape *shape, void *target);

#endif
