#include "webhook/simulate/json_patch.h"

#include <stdlib.h>
#include <string.h>

void json_patch_unescape(char *token)
{
	char *out = token;
	for (const char *in = token; *in; in++) {
		if (in[0] == '~' && (in[1] == '0' || in[1] == '1'))
			*out++ = *++in == '0' ? '~' : '/';
		else
			*out++ = *in;
	}
	*out = '\0';
}

static int change_list(json_t *list, const char *op, const char *token, json_t *value)
{
	char *end;
	size_t size = json_array_size(list), index = strcmp(token, "-") == 0 ? size : strtoul(token, &end, 10);
	if (strcmp(op, "remove") == 0)
		return json_array_remove(list, index);
	if (strcmp(op, "replace") == 0)
		return json_array_set(list, index, value);
	return index <= size ? json_array_insert(list, index, value) : -1;
}

static int change(json_t *parent, const char *op, const char *token, json_t *value)
{
	if (json_is_array(parent))
		return change_list(parent, op, token, value);
	if (strcmp(op, "remove") == 0)
		return json_object_del(parent, token);
	return json_object_set(parent, token, value);
}

static json_t *child(const json_t *parent, const char *token)
{
	return json_is_array(parent) ? json_array_get(parent, strtoul(token, NULL, 10))
				     : json_object_get(parent, token);
}

/* `path` is changed. */
static int apply(json_t *at, const char *op, char *path, json_t *value)
{
	if (*path != '/')
		return -1;
	for (char *token = path + 1;; token = path + 1) {
		path = strchr(token, '/');
		if (path)
			*path = '\0';
		json_patch_unescape(token);
		if (!path)
			return change(at, op, token, value);
		at = child(at, token);
	}
}

int json_patch_apply(json_t *root, const json_t *patch)
{
	size_t i;
	json_t *operation;
	json_array_foreach(patch, i, operation)
	{
		const char *op = json_string_value(json_object_get(operation, "op"));
		const char *path = json_string_value(json_object_get(operation, "path"));
		json_t *value = json_deep_copy(json_object_get(operation, "value"));
		char *copy = path ? strdup(path) : NULL;
		int result = op && copy ? apply(root, op, copy, value) : -1;
		free(copy);
		json_decref(value);
		if (result < 0)
			return -1;
	}
	return 0;
}
