#include "webhook/server/object_path.h"

#include "webhook/kube/client.h"

#define PATH_MAX_BYTES 4096

static void add(struct buf *path, struct str part)
{
	buf_char(path, '/');
	kube_escape(path, part);
	path->failed |= part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."));
}

const char *object_path(const struct object_name *object, struct arena *arena)
{
	const struct str parts[] = {object->version, STR("namespaces"), object->namespace, object->resource,
				    object->name};
	struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	buf_text(&path, object->group.len ? "/apis" : "/api");
	if (object->group.len)
		add(&path, object->group);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		add(&path, parts[i]);
	struct str text = path.failed ? (struct str){NULL, 0} : arena_str(arena, buf_view(&path));
	buf_release(&path);
	return text.ptr;
}
