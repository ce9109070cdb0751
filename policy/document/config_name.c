#include "policy/document/config_name.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A path that is being built. */
struct route {
	char bytes[PATH_MAX];
	size_t len;
	bool empty; /* There is no folder yet, so the next component gets no slash. */
};

struct str config_path(struct str name)
{
	const char *mark = name.len ? memchr(name.ptr, '#', name.len) : NULL;

	return mark ? (struct str){name.ptr, (size_t)(mark - name.ptr)} : name;
}

struct str config_part(struct str name)
{
	struct str path = config_path(name);

	return path.len < name.len ? str_tail(name, path.len + 1) : (struct str){NULL, 0};
}

/* Starts with the folder of a file. Returns false if the path is too long. */
static bool begin(struct route *route, struct str file)
{
	size_t len = file.len;

	while (len > 0 && file.ptr[len - 1] != '/')
		len--;
	route->empty = len == 0;
	route->len = len ? len - 1 : 0;
	if (route->len >= sizeof route->bytes)
		return false;
	memcpy(route->bytes, file.ptr, route->len);
	return true;
}

/* Applies "..". Returns false if that leads out of the folder of `root_len` bytes. */
static bool leave(struct route *route, size_t root_len)
{
	size_t len = route->len;

	if (len <= root_len)
		return false;
	while (len > root_len && route->bytes[len - 1] != '/')
		len--;
	route->empty = len == 0;
	route->len = len ? len - 1 : 0;
	return true;
}

static bool enter(struct route *route, struct str component)
{
	size_t slash = route->empty ? 0 : 1;

	if (component.len + slash >= sizeof route->bytes - route->len)
		return false;
	if (slash)
		route->bytes[route->len++] = '/';
	memcpy(route->bytes + route->len, component.ptr, component.len);
	route->len += component.len;
	route->empty = false;
	return true;
}

static enum config_found follow(struct route *route, const struct source *from, struct str path)
{
	if (!begin(route, from->path))
		return CONFIG_ABSENT;
	while (path.len > 0) {
		const char *slash = memchr(path.ptr, '/', path.len);
		struct str component = {path.ptr, slash ? (size_t)(slash - path.ptr) : path.len};
		if (str_eq(component, STR("..")) && !leave(route, from->root_len))
			return CONFIG_OUTSIDE;
		if (!str_eq(component, STR("..")) && !enter(route, component))
			return CONFIG_ABSENT;
		path = str_tail(path, component.len + (slash ? 1 : 0));
	}
	return CONFIG_FOUND;
}

static int by_path(const void *key, const void *item)
{
	const struct str *path = key;
	const struct source *source = item;

	return str_cmp(*path, source->path);
}

/*
 * Returns the source that is the file at a path, or NULL. The path may differ from that of the
 * source: a file that is given twice, or has several links, is read under one of its paths only.
 */
static const struct source *same_file(const struct docs *docs, struct str path)
{
	char name[PATH_MAX];
	struct stat status;

	if (path.len >= sizeof name || memchr(path.ptr, '\0', path.len))
		return NULL;
	memcpy(name, path.ptr, path.len);
	name[path.len] = '\0';
	if (stat(name, &status) != 0)
		return NULL;
	for (uint32_t i = 0; i < docs->source_count; i++) {
		const struct source *source = &docs->sources[i];
		if (source->inode == status.st_ino && source->device == status.st_dev)
			return source;
	}
	return NULL;
}

enum config_found config_find(const struct docs *docs, uint32_t from, struct str name, uint32_t *source)
{
	struct route route;
	enum config_found found = follow(&route, &docs->sources[from], config_path(name));

	if (found != CONFIG_FOUND)
		return found;
	struct str path = {route.bytes, route.len};
	const struct source *item = bsearch(&path, docs->sources, docs->source_count, sizeof docs->sources[0], by_path);
	if (!item)
		item = same_file(docs, path);
	if (!item)
		return CONFIG_ABSENT;
	*source = (uint32_t)(item - docs->sources);
	return CONFIG_FOUND;
}
