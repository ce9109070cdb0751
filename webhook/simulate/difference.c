#include "webhook/simulate/difference.h"

#include <stdio.h>
#include <string.h>

#include "gpugate/str.h"

#define PATH_MAX_BYTES 512
#define DEPTH_MAX 100

struct comparison {
	bool exhaustive;
	unsigned depth;
	json_t *differences;
	char path[PATH_MAX_BYTES]; /* Cut if it is longer. */
};

void difference_add(json_t *differences, const char *what, json_t *expected, json_t *actual)
{
	json_t *item = json_pack("{s:s, s:o, s:o}", "what", what, "expected", expected, "actual", actual);
	if (json_array_size(differences) >= DIFFERENCES_MAX) {
		json_decref(item);
		return;
	}
	/*
	 * A step passes if this list is empty. A null needs no memory, and a new list has room for
	 * it.
	 */
	json_array_append_new(differences, item ? item : json_null());
}

static void differ(const struct comparison *c, json_t *expected, json_t *actual)
{
	difference_add(c->differences, c->path, expected ? json_incref(expected) : json_null(),
		       actual ? json_incref(actual) : json_null());
}

static void compare(struct comparison *c, json_t *expected, json_t *actual);

static void compare_key(struct comparison *c, const char *key, json_t *expected, json_t *actual)
{
	size_t before = strlen(c->path);
	bool plain = key[strcspn(key, "./[\" ")] == '\0';
	snprintf(c->path + before, sizeof c->path - before, plain ? ".%s" : "[\"%s\"]", key);
	text_trim(c->path);
	compare(c, expected, actual);
	c->path[before] = '\0';
}

static void compare_objects(struct comparison *c, json_t *expected, json_t *actual)
{
	const char *key;
	json_t *value;
	json_object_foreach(expected, key, value)
	{
		compare_key(c, key, value, json_object_get(actual, key));
	}
	if (!c->exhaustive)
		return;
	json_object_foreach(actual, key, value)
	{
		if (!json_object_get(expected, key))
			compare_key(c, key, NULL, value);
	}
}

static void compare_lists(struct comparison *c, json_t *expected, json_t *actual)
{
	size_t wanted = json_array_size(expected), found = json_array_size(actual), before = strlen(c->path);
	for (size_t i = 0; i < wanted || i < found; i++) {
		snprintf(c->path + before, sizeof c->path - before, "[%zu]", i);
		if (i < wanted && i < found)
			compare(c, json_array_get(expected, i), json_array_get(actual, i));
		else
			differ(c, json_array_get(expected, i), json_array_get(actual, i));
		c->path[before] = '\0';
	}
}

/* NULL: there is no such value. An expected null is the same, as it is to the API server. */
static void compare(struct comparison *c, json_t *expected, json_t *actual)
{
	bool nothing = (!expected || json_is_null(expected)) && (!actual || json_is_null(actual));
	if (nothing || (expected && actual && json_equal(expected, actual)))
		return;
	bool descend = expected && actual && json_typeof(expected) == json_typeof(actual) && c->depth < DEPTH_MAX;
	c->depth++;
	if (descend && json_is_object(expected))
		compare_objects(c, expected, actual);
	else if (descend && json_is_array(expected))
		compare_lists(c, expected, actual);
	else
		differ(c, expected, actual);
	c->depth--;
}

void difference_find(const char *what, json_t *expected, json_t *actual, bool exhaustive, json_t *differences)
{
	struct comparison c = {.exhaustive = exhaustive, .differences = differences};
	snprintf(c.path, sizeof c.path, "%s", what);
	compare(&c, expected, actual);
}
