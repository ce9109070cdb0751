#include "webhook/simulate/patch_changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webhook/json/text.h"
#include "webhook/simulate/json_patch.h"

#define DEPTH_MAX 8    /* Of a path that is known. */
#define TEXT_SHOWN 256 /* Bytes of a value. */

struct reading {
	const struct pod *pod;
	json_t *changes;
	const char *op;
	const json_t *value;
	/* The parts of the path, without the first slash. */
	char *parts[DEPTH_MAX];
	size_t count;
};

/* --- The Pod --- */

static const struct container *find_container(const struct reading *r)
{
	static const char *const lists[] = {[CONTAINER_REGULAR] = "containers",
					    [CONTAINER_INIT] = "initContainers",
					    [CONTAINER_EPHEMERAL] = "ephemeralContainers"};
	for (uint32_t i = 0; r->pod && i < r->pod->container_count; i++) {
		const struct container *container = &r->pod->containers[i];
		if (strcmp(r->parts[1], lists[container->list]) == 0 &&
		    container->index == strtoul(r->parts[2], NULL, 10))
			return container;
	}
	return NULL;
}

static struct str value_of(const struct pairs *pairs, const char *key)
{
	const struct str *value = pairs_value(pairs, str_of(key));
	return value ? *value : (struct str){NULL, 0};
}

/* --- Changes --- */

static json_t *text_of(const json_t *value)
{
	char *written = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *text = json_is_string(value) ? json_string_value(value) : written ? written : "";
	size_t len = strlen(text);
	json_t *string = json_text((struct str){text, len < TEXT_SHOWN ? len : TEXT_SHOWN});
	free(written);
	return string;
}

static json_t *add(const struct reading *r, const char *kind)
{
	json_t *change = json_pack("{s:s}", "kind", kind);
	json_array_append_new(r->changes, change);
	return change;
}

static void set_container(const struct reading *r, json_t *change)
{
	const struct container *container = find_container(r);
	char place[64];
	snprintf(place, sizeof place, "%.30s/%.20s", r->parts[1], r->parts[2]);
	json_object_set_new(change, "container", json_text(container ? container->name : str_of(place)));
}

/* Limits and requests of one resource are equal, and are one change. */
static void add_once(const struct reading *r, json_t *change)
{
	size_t i;
	json_t *former;
	json_array_foreach(r->changes, i, former)
	{
		if (!json_equal(former, change))
			continue;
		json_decref(change);
		return;
	}
	json_array_append_new(r->changes, change);
}

/* /spec/containers/0/resources/limits/KEY */
static bool read_resource(const struct reading *r)
{
	const struct container *container = find_container(r);
	bool removes = strcmp(r->op, "remove") == 0;
	json_t *change = json_pack("{s:s}", "kind", "resource");
	set_container(r, change);
	json_object_set_new(change, removes ? "key" : "value", json_string(r->parts[5]));
	if (!removes) {
		json_object_set_new(change, "amount", text_of(r->value));
	} else if (container) {
		bool limits = strcmp(r->parts[4], "limits") == 0;
		struct str amount = value_of(limits ? &container->limits : &container->requests, r->parts[5]);
		json_object_set_new(change, "amount", json_text(amount));
	}
	add_once(r, change);
	return true;
}

/* What a variable was, in the entry of that number. */
static json_t *was_env(const struct reading *r)
{
	const struct container *container = find_container(r);
	unsigned long index = r->count > 4 ? strtoul(r->parts[4], NULL, 10) : 0;
	bool replaces = strcmp(r->op, "replace") == 0;
	if (!replaces || !container || index >= container->env_count || container->env[index].value_from)
		return json_null();
	return json_text(container->env[index].value);
}

static void add_env(const struct reading *r, const json_t *entry)
{
	json_t *change = add(r, "env");
	set_container(r, change);
	json_object_set_new(change, "key", text_of(json_object_get(entry, "name")));
	json_object_set_new(change, "was", was_env(r));
	json_object_set_new(change, "value", text_of(json_object_get(entry, "value")));
}

/* /spec/containers/0/env, or an entry of it. */
static bool read_env(const struct reading *r)
{
	size_t i;
	json_t *entry;
	bool one = r->count == 5;
	if (one)
		add_env(r, r->value);
	else
		json_array_foreach(r->value, i, entry) add_env(r, entry);
	return one || json_is_array(r->value);
}

static void add_selector(const struct reading *r, const char *key, const json_t *value)
{
	json_t *change = add(r, "nodeSelector");
	struct str was = r->pod ? value_of(&r->pod->node_selector, key) : (struct str){NULL, 0};
	json_object_set_new(change, "key", json_string(key));
	json_object_set_new(change, "was", json_text_or_null(was));
	json_object_set_new(change, "value", text_of(value));
}

/* /spec/nodeSelector, or a key of it. */
static bool read_selector(const struct reading *r)
{
	const char *key;
	json_t *value;
	if (r->count == 3)
		add_selector(r, r->parts[2], r->value);
	else
		json_object_foreach((json_t *)(uintptr_t)r->value, key, value) add_selector(r, key, value);
	return r->count == 3 || json_is_object(r->value);
}

/* /spec/tolerations, or the end of it. */
static bool read_tolerations(const struct reading *r)
{
	size_t i;
	json_t *toleration;
	bool one = r->count == 3;
	if (one)
		json_object_set(add(r, "toleration"), "toleration", (json_t *)(uintptr_t)r->value);
	else
		json_array_foreach(r->value, i, toleration)
		    json_object_set(add(r, "toleration"), "toleration", toleration);
	return one ? r->value != NULL : json_is_array(r->value);
}

static bool read_runtime_class(const struct reading *r)
{
	json_t *change = add(r, "runtimeClassName");
	struct str was = r->pod ? r->pod->runtime_class : (struct str){NULL, 0};
	json_object_set_new(change, "was", json_text_or_null(was));
	json_object_set_new(change, "value", text_of(r->value));
	return true;
}

/* --- Paths --- */

/* The paths that /mutate writes; NULL is any part. */
static const struct {
	const char *parts[DEPTH_MAX];
	size_t count, more;                    /* Numbers of parts: at least, and in addition. */
	bool (*read)(const struct reading *r); /* Returns whether the value is of its type. */
} paths[] = {
    {{"spec", NULL, NULL, "resources", NULL, NULL}, 6, 0, read_resource},
    {{"spec", NULL, NULL, "env", NULL}, 4, 1, read_env},
    {{"spec", "nodeSelector", NULL}, 2, 1, read_selector},
    {{"spec", "tolerations", NULL}, 2, 1, read_tolerations},
    {{"spec", "runtimeClassName"}, 2, 0, read_runtime_class},
};

static bool matches(const struct reading *r, size_t row)
{
	if (r->count < paths[row].count || r->count > paths[row].count + paths[row].more)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (paths[row].parts[i] && strcmp(paths[row].parts[i], r->parts[i]) != 0)
			return false;
	return true;
}

/* Splits the path in place. Sets `count` to 0 if it is deeper than any that is known. */
static void split(struct reading *r, char *path)
{
	char *next = *path == '/' ? path : NULL;
	r->count = 0;
	while (next) {
		char *part = next + 1;
		if ((next = strchr(part, '/')))
			*next = '\0';
		if (r->count == DEPTH_MAX) {
			r->count = 0;
			return;
		}
		json_patch_unescape(part);
		r->parts[r->count++] = part;
	}
}

static void read_other(const struct reading *r, const char *path)
{
	json_t *change = add(r, "other");
	json_object_set_new(change, "op", json_text(str_of(r->op)));
	json_object_set_new(change, "key", json_text(str_of(path)));
	json_object_set_new(change, "value", r->value ? text_of(r->value) : json_null());
}

static void read_operation(struct reading *r, const json_t *operation)
{
	const char *op = json_string_value(json_object_get(operation, "op"));
	const char *path = json_string_value(json_object_get(operation, "path"));
	char *copy = strdup(path ? path : "");
	r->op = op ? op : "";
	r->value = json_object_get(operation, "value");
	if (copy)
		split(r, copy);
	size_t row = 0;
	while (copy && row < sizeof paths / sizeof paths[0] && !matches(r, row))
		row++;
	bool read = copy && row < sizeof paths / sizeof paths[0] && paths[row].read(r);
	if (!read)
		read_other(r, path ? path : "");
	free(copy);
}

json_t *patch_changes(const json_t *patch, const struct pod *pod)
{
	struct reading r = {.pod = pod, .changes = json_array()};
	size_t i;
	json_t *operation;
	json_array_foreach(patch, i, operation) read_operation(&r, operation);
	return r.changes;
}
