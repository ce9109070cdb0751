/*
 * copy: copies selected members of JSON objects to a buffer, by the tables of field.h.
 *
 * The rows name the functions below as `read`. A key without a row, and a member that is null, is
 * left out, so a table lists what may be in the copy, and nothing else can be. The copy has no
 * white space between tokens and therefore no newline. The target of all shapes is a struct
 * json_copy.
 */
#ifndef WEBHOOK_JSON_COPY_H
#define WEBHOOK_JSON_COPY_H

#include "gpugate/buf.h"
#include "webhook/json/field.h"

struct json_copy {
	struct buf *out; /* Borrowed. A lack of room shows only in out->failed. */
	void *context;   /* For the rows of the caller. */
};

/*
 * The functions that rows name as `read`. They return 0 or -1, as those of field.h do. The rows
 * need no offset.
 */
/* Any value, as a whole. */
int copy_value(struct reader *reader, const struct field *field, void *copy);
/* An object, by the shape of the row. */
int copy_object(struct reader *reader, const struct field *field, void *copy);
/* A list of objects, each by the shape of the row. An item that is null stays null. */
int copy_list(struct reader *reader, const struct field *field, void *copy);
/* The members of an object, by the shape of the row, as if they were members of the outer one. */
int copy_members(struct reader *reader, const struct field *field, void *copy);

/* For rows of the caller: copy_list with a function for the items, which takes the object. */
int copy_list_by(struct reader *reader, const struct field *field, struct json_copy *copy,
		 int (*item)(struct reader *reader, const struct field *field, struct json_copy *copy));

/* For rows of the caller: appends a comma, unless this is the first member or item. */
void copy_separator(struct json_copy *copy);
/* For rows of the caller: appends a separator, and the key of the row with its colon. */
void copy_key(struct json_copy *copy, const struct field *field);
/* For rows of the caller: takes the value at the current position and appends it. 0 or -1. */
int copy_any(struct reader *reader, struct json_copy *copy);

#endif
