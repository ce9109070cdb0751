#include "webhook/base/file_scan.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/hash.h"
#include "gpugate/vec.h"

#define DEPTH_MAX 32
#define LINKS_MAX 40 /* The same limit as the kernel's. */
#define ENTRIES_MAX 200000
#define EVENTS                                                                                                         \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF |           \
	 IN_MOVE_SELF)

/*
 * The directories that are being scanned, from the innermost to the outermost. A symbolic link back
 * to one of them is not followed.
 */
struct trail {
	const struct trail *outer;
	dev_t device;
	ino_t inode;
	unsigned depth;
};

/* A path that is being resolved. */
struct route {
	char resolved[PATH_MAX]; /* The part that is resolved; contains no symbolic link. */
	char rest[2 * PATH_MAX]; /* The part that is still to be resolved. */
	char target[PATH_MAX];
	unsigned links;
};

static void look(struct watch_scan *scan, const char *folder, const char *rest, const struct trail *outer);

void watch_scan_init(struct watch_scan *scan, int inotify)
{
	*scan = (struct watch_scan){.inotify = inotify};
}

void watch_scan_release(struct watch_scan *scan)
{
	for (size_t i = 0; i < scan->count; i++)
		free(scan->items[i].name);
	free(scan->items);
	watch_scan_init(scan, scan->inotify);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	hash = hash_bytes(hash, bytes, len);
	return hash ^ hash >> 29;
}

/*
 * Adds one file, directory, or link to the fingerprint. The sum does not depend on the order of
 * directory entries. A directory contributes only its identity. Its times and size must not count,
 * because entries that are ignored change them.
 */
static void add_print(struct watch_scan *scan, const char *path, const struct stat *status, const char *target)
{
	uint64_t hash = mix(HASH_BEGIN, path, strlen(path) + 1);
	hash = mix(hash, target, strlen(target) + 1);
	hash = mix(hash, &status->st_mode, sizeof status->st_mode);
	hash = mix(hash, &status->st_dev, sizeof status->st_dev);
	hash = mix(hash, &status->st_ino, sizeof status->st_ino);
	if (!S_ISDIR(status->st_mode)) {
		hash = mix(hash, &status->st_size, sizeof status->st_size);
		hash = mix(hash, &status->st_mtim, sizeof status->st_mtim);
		hash = mix(hash, &status->st_ctim, sizeof status->st_ctim);
	}
	scan->fingerprint += hash;
}

/*
 * Watches a directory for events about one entry, or about all entries if `name` is NULL. A
 * directory that does not exist, or that cannot be read, is not a problem.
 */
static void add_interest(struct watch_scan *scan, const char *folder, const char *name)
{
	if (scan->inotify < 0)
		return;
	int wd = inotify_add_watch(scan->inotify, folder, EVENTS | IN_ONLYDIR);
	if (wd < 0) {
		if (!scan->problem && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			scan->problem = errno;
		return;
	}
	struct watch_interest *items = vec_room(scan->items, scan->count, &scan->size, 16, sizeof *items);
	if (!items) {
		scan->problem = ENOMEM;
		return;
	}
	scan->items = items;
	char *copy = name ? strdup(name) : NULL;
	if (name && !copy)
		scan->problem = ENOMEM;
	else
		scan->items[scan->count++] = (struct watch_interest){wd, copy};
}

static void look_in_folder(struct watch_scan *scan, const char *path, const struct stat *status,
			   const struct trail *outer)
{
	struct trail trail = {outer, status->st_dev, status->st_ino, outer ? outer->depth + 1 : 0};
	for (const struct trail *at = outer; at; at = at->outer)
		if (at->device == trail.device && at->inode == trail.inode)
			return;
	if (trail.depth > DEPTH_MAX)
		return;
	add_interest(scan, path, NULL);
	DIR *folder = opendir(path);
	if (!folder)
		return;
	for (const struct dirent *entry; scan->entries < ENTRIES_MAX && (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		scan->entries++;
		look(scan, path, entry->d_name, &trail);
	}
	closedir(folder);
}

/*
 * Replaces a link by its target in front of the rest of the route. Returns -1 if the link cannot be
 * read, or if there are too many links or too long a path.
 */
static int follow_link(struct route *route, const char *path, const char *rest)
{
	ssize_t len = readlink(path, route->target, sizeof route->target - 1);
	size_t rest_len = strlen(rest);
	if (len <= 0 || ++route->links > LINKS_MAX || (size_t)len + 1 + rest_len >= sizeof route->rest)
		return -1;
	route->target[len] = '\0';
	memmove(route->rest + len + 1, rest, rest_len + 1);
	memcpy(route->rest, route->target, (size_t)len);
	route->rest[len] = '/';
	if (route->target[0] == '/')
		route->resolved[0] = '\0';
	return 0;
}

/*
 * Resolves one component of the route. Returns 1 if there are more, 0 at the end (then `status`
 * describes `resolved`), or -1 if the path does not exist.
 */
static int step(struct watch_scan *scan, struct route *route, struct stat *status)
{
	char *name = route->rest + strspn(route->rest, "/");
	size_t name_len = strcspn(name, "/");
	size_t len = strlen(route->resolved);
	char *rest = name[name_len] ? name + name_len + 1 : name + name_len;
	name[name_len] = '\0';
	if (name_len == 0)
		return stat(len ? route->resolved : "/", status) == 0 ? 0 : -1;
	bool parent = strcmp(name, "..") == 0;
	if (parent || strcmp(name, ".") == 0) {
		char *slash = parent ? strrchr(route->resolved, '/') : NULL;
		if (slash)
			*slash = '\0';
		memmove(route->rest, rest, strlen(rest) + 1);
		return 1;
	}
	add_interest(scan, len ? route->resolved : "/", name);
	if (len + 1 + name_len >= sizeof route->resolved)
		return -1;
	route->resolved[len] = '/';
	memcpy(route->resolved + len + 1, name, name_len + 1);
	if (lstat(route->resolved, status) != 0)
		return -1;
	bool link = S_ISLNK(status->st_mode);
	char path[PATH_MAX];
	memcpy(path, route->resolved, len + 1 + name_len + 1);
	if (link) {
		route->resolved[len] = '\0';
		if (follow_link(route, path, rest) < 0)
			return -1;
	} else {
		memmove(route->rest, rest, strlen(rest) + 1);
	}
	add_print(scan, path, status, link ? route->target : "");
	return 1;
}

/*
 * Resolves `rest` from `folder`, whose path contains no symbolic link, and scans the directory that
 * it leads to.
 */
static void look(struct watch_scan *scan, const char *folder, const char *rest, const struct trail *outer)
{
	struct route *route = malloc(sizeof *route);
	if (!route) {
		scan->problem = ENOMEM;
		return;
	}
	route->links = 0;
	int resolved = snprintf(route->resolved, sizeof route->resolved, "%s", folder);
	int left = snprintf(route->rest, sizeof route->rest, "%s", rest);
	bool fits = resolved < (int)sizeof route->resolved && left < (int)sizeof route->rest;
	struct stat status;
	int more = fits ? 1 : -1;
	while (more > 0)
		more = step(scan, route, &status);
	if (more == 0 && S_ISDIR(status.st_mode))
		look_in_folder(scan, route->resolved[0] ? route->resolved : "/", &status, outer);
	free(route);
}

void watch_scan_path(struct watch_scan *scan, const char *path)
{
	scan->fingerprint = 0;
	look(scan, "", path, NULL);
}

static int by_number(const void *a, const void *b)
{
	int left = ((const struct watch_interest *)a)->wd, right = ((const struct watch_interest *)b)->wd;
	return (left > right) - (left < right);
}

void watch_scan_sort(struct watch_scan *scan)
{
	if (scan->count)
		qsort(scan->items, scan->count, sizeof *scan->items, by_number);
}

/* Index of the first interest in this directory, or of the place where it would be. */
static size_t first_of(const struct watch_scan *scan, int wd)
{
	size_t low = 0, high = scan->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (scan->items[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool watch_scan_has(const struct watch_scan *scan, int wd)
{
	size_t at = first_of(scan, wd);
	return at < scan->count && scan->items[at].wd == wd;
}

bool watch_scan_concerns(const struct watch_scan *scan, int wd, const char *name)
{
	for (size_t i = first_of(scan, wd); i < scan->count && scan->items[i].wd == wd; i++) {
		const char *wanted = scan->items[i].name;
		if (*name == '\0' || (wanted ? strcmp(wanted, name) == 0 : *name != '.'))
			return true;
	}
	return false;
}
