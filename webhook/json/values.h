/*
 * values: splits JSON text that arrives in pieces of any size into its objects: JSON Lines, objects
 * one after another, and Kubernetes lists, whose items are delivered singly.
 *
 * Only one object is in memory at a time. An object is a list if it has the member `items` with an
 * array. The splitter only finds where an object ends; the reader of the object checks that it is
 * valid JSON. What is around the items of a list is checked here.
 *
 * Not thread-safe: each splitter belongs to one thread.
 */
#ifndef WEBHOOK_JSON_VALUES_H
#define WEBHOOK_JSON_VALUES_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/json/balance.h"

#define JSON_VALUE_MAX ((size_t)16 << 20) /* Maximum bytes of one object or item. */
#define JSON_VALUES_KEY_MAX 64

struct json_value {
	struct str json; /* REVIEW_PADDING readable bytes follow. */
	uint64_t line;   /* Where it begins, from 1. */
	/* Of an item: the kind and the version of its list, if they are before the items. */
	struct str list_kind, list_version;
};

/* A string as written, without its quotes. A longer one is cut, and matches nothing. */
struct json_values_text {
	size_t len;
	char text[JSON_VALUES_KEY_MAX];
};

struct json_values {
	/* Receives an object, borrowed during the call. Returns 0, or -1 with an error. */
	int (*value)(void *context, const struct json_value *value, struct error *err);
	void *context;
	uint64_t line; /* Of the byte that is read next, from 1. After an error: where it is. */

	/* The fields below are private. */
	unsigned state;
	uint64_t begin; /* The line where the object began, and where the item did. */
	uint64_t item_begin;
	bool has_items;                          /* The object is a list. */
	bool broken_line;                        /* The object spans lines. */
	bool escaped;                            /* Within a string: a backslash is before it. */
	bool needs_comma;                        /* Between items. */
	bool needs_item;                         /* After a comma. */
	bool in_value;                           /* After a colon, and before the next comma. */
	struct json_values_text key, value_text; /* The last strings. */
	struct json_values_text kind, version;   /* Of the list. */
	struct kube_nest nest;
	struct buf outer; /* The object, without the items of a list. */
	struct buf item;
};

/* Initializes a splitter in the caller's memory. Borrows the context. */
void json_values_init(struct json_values *values,
		      int (*value)(void *context, const struct json_value *value, struct error *err), void *context);
void json_values_release(struct json_values *values);

/*
 * Processes the next piece, and delivers each object that is now complete. Returns 0, or -1 with an
 * error; `line` then says where. After an error, the splitter can only be released.
 */
int json_values_feed(struct json_values *values, const char *bytes, size_t len, struct error *err);

enum json_values_end {
	JSON_VALUES_INCOMPLETE = -1, /* With an error. */
	JSON_VALUES_COMPLETE,
	JSON_VALUES_CUT_LINE, /* The last object is incomplete, and all of it is on one line. */
};

/* Ends the input. */
enum json_values_end json_values_finish(struct json_values *values, struct error *err);

#endif
