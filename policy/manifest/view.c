#include "policy/manifest/view.h"

const struct node *view_get(const struct node *map, struct str key)
{
	const struct node *entry = map ? node_find(map, key) : NULL;
	return entry && !entry->value->bad ? entry->value : NULL;
}

const struct node *view_given(const struct node *map, struct str key)
{
	const struct node *entry = map ? node_find(map, key) : NULL;
	bool empty = entry && entry->value->type == NODE_LIST && !entry->value->first;
	return entry && !empty && !node_is_null(entry->value) ? entry : NULL;
}

const struct node *view_path(const struct node *map, const char *path)
{
	while (map && *path) {
		size_t len = strcspn(path, ".");
		map = view_get(map, (struct str){path, len});
		path += len + (path[len] == '.');
	}
	return map;
}

struct str view_text(const struct node *value)
{
	return value && value->type == NODE_SCALAR && !value->bad ? value->text : (struct str){"", 0};
}

bool view_is_template(struct str text)
{
	return str_has_char(text, '$') || str_has_char(text, '{');
}
