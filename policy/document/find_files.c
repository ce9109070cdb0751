/*
 * find_files: walks folders depth first, each folder once. A symbolic link to a folder that is
 * being walked is an error.
 */
#include "policy/document/find_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/vec.h"
#include "policy/document/report.h"
#include "policy/document/source.h"

#define DEPTH_MAX 32
/*
 * Directory entries that are read at most, in all folders together, whether they are policy or not.
 */
#define ENTRIES_MAX 200000

struct folder {
	uint64_t device;
	uint64_t inode;
};

struct search {
	struct arena *arena;
	struct report *report;
	struct found_files *files;
	size_t capacity;
	struct folder trail[DEPTH_MAX]; /* Folders that are being walked, outermost first. */
	unsigned depth;
	char root[PATH_MAX]; /* The folder that was given, with all symbolic links resolved. */
	struct folder *seen; /* Every folder that has been walked. */
	size_t seen_count, seen_capacity;
	size_t entries;
	uint32_t root_len; /* See struct source. */
	bool manifests;    /* See walk_manifests. */
	bool again;        /* A folder was found that had already been walked. */
	bool stop;         /* A limit was reached or memory is exhausted. It was reported. */
};

static void give_up(struct search *search, struct str path, const char *why)
{
	if (!search->stop)
		report_file(search->report, path, "%s", why);
	search->stop = true;
}

/* Returns the length of a folder's path without the slashes at its end. */
static uint32_t trimmed_len(struct str path)
{
	while (path.len > 0 && path.ptr[path.len - 1] == '/')
		path.len--;
	return (uint32_t)path.len;
}

/* Returns the length of the path of the folder that contains a file. */
static uint32_t folder_len(struct str path)
{
	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	return trimmed_len(path);
}

static void add_file(struct search *search, struct str path, const struct stat *status, bool given)
{
	struct found_files *files = search->files;

	if (files->count == SOURCES_MAX) {
		give_up(search, path, "there are more than 10,000 policy files; give a folder of policy only");
		return;
	}
	struct found_file *items = vec_room(files->items, files->count, &search->capacity, 64, sizeof *items);
	if (!items) {
		give_up(search, path, "no memory is left to read the policy");
		return;
	}
	files->items = items;
	files->items[files->count++] = (struct found_file){.path = path,
							   .device = status->st_dev,
							   .inode = status->st_ino,
							   .given = given,
							   .root_len = given ? folder_len(path) : search->root_len};
}

/*
 * Marks a folder as being walked. Returns false if it has been walked already, or must not be
 * walked (reported).
 */
static bool enter(struct search *search, struct str path, const struct stat *status)
{
	struct folder folder = {status->st_dev, status->st_ino};

	for (unsigned i = 0; i < search->depth; i++) {
		if (search->trail[i].device == folder.device && search->trail[i].inode == folder.inode) {
			report_file(search->report, path,
				    "this symbolic link leads back to a folder that holds it; remove the link");
			return false;
		}
	}
	for (size_t i = 0; i < search->seen_count; i++) {
		if (search->seen[i].device == folder.device && search->seen[i].inode == folder.inode) {
			search->again = true;
			return false;
		}
	}
	if (search->depth == DEPTH_MAX || search->seen_count == SOURCES_MAX) {
		give_up(search, path,
			search->depth == DEPTH_MAX
			    ? "folders are nested deeper than 32 here; move this folder up"
			    : "there are more than 10,000 folders; give a folder of policy only");
		return false;
	}
	struct folder *seen = vec_room(search->seen, search->seen_count, &search->seen_capacity, 64, sizeof *seen);
	if (!seen) {
		give_up(search, path, "no memory is left to read the policy");
		return false;
	}
	search->seen = seen;
	search->seen[search->seen_count++] = folder;
	search->trail[search->depth++] = folder;
	return true;
}

static struct str join(struct search *search, struct str folder, const char *name)
{
	size_t name_len = strlen(name);
	bool slash = folder.len > 0 && folder.ptr[folder.len - 1] != '/';
	char *path = arena_alloc(search->arena, folder.len + slash + name_len + 1);

	if (!path) {
		give_up(search, folder, "no memory is left to read the policy");
		return (struct str){NULL, 0};
	}
	memcpy(path, folder.ptr, folder.len);
	if (slash)
		path[folder.len] = '/';
	memcpy(path + folder.len + slash, name, name_len + 1);
	return (struct str){path, folder.len + slash + name_len};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_policy_name(const char *name)
{
	return str_ends(str_of(name), STR(".yaml")) || str_ends(str_of(name), STR(".yml"));
}

static void search_folder(struct search *search, struct str path);

/* Whether the target of a symbolic link is inside the folder that was given. */
static bool stays_inside(const struct search *search, struct str path)
{
	char target[PATH_MAX];
	size_t len = strlen(search->root);

	if (!realpath(path.ptr, target))
		return false;
	return strncmp(target, search->root, len) == 0 && (target[len] == '/' || target[len] == '\0' || len == 1);
}

/*
 * Stats a directory entry, and the target if it is a symbolic link. Returns false if it must not be
 * read (reported).
 */
static bool look_at(struct search *search, struct str path, const char *name, struct stat *status)
{
	bool known = lstat(path.ptr, status) == 0, link = known && S_ISLNK(status->st_mode);

	if (link)
		known = stat(path.ptr, status) == 0;
	if (!known && link && errno == ENOENT)
		report_file(search->report, path,
			    "this symbolic link leads to nothing; remove it, or correct its target");
	else if (!known && errno == ELOOP)
		report_file(search->report, path, "this symbolic link leads to itself; remove it");
	else if (!known && (errno != ENOENT || is_policy_name(name)))
		report_file(search->report, path, "cannot be read: %s", strerror(errno));
	else if (!known)
		/* It is not a policy file and was deleted after its folder was read. */
		return false;
	else if (link && (S_ISDIR(status->st_mode) || is_policy_name(name)) && !stays_inside(search, path))
		report_file(search->report, path,
			    "this symbolic link leads out of the folder of the policy; put the file itself here, or "
			    "name it next to the folder as a path of its own");
	else
		return true;
	return false;
}

static bool ends_like(struct str name, struct str end)
{
	return name.len >= end.len && strncasecmp(name.ptr + name.len - end.len, end.ptr, end.len) == 0;
}

/*
 * Whether the beginning of the file contains the apiVersion of a policy. The JSON Schema that
 * `gpugate schema` prints contains it as well.
 */
static bool holds_policy(struct str path)
{
	char bytes[4096];
	int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);

	if (fd >= 0)
		close(fd);
	return len > 0 && memmem(bytes, (size_t)len, "gpugate.io/v1", sizeof "gpugate.io/v1" - 1) &&
	       !memmem(bytes, (size_t)len, "\"$schema\"", sizeof "\"$schema\"" - 1);
}

/* Records a file whose name is not that of a policy file. */
static void ignore_file(struct search *search, struct str path)
{
	bool yaml = ends_like(path, STR(".yaml")) || ends_like(path, STR(".yml"));

	report_ignored(search->report, path);
	if (yaml || (ends_like(path, STR(".json")) && holds_policy(path)))
		report_lint(
		    search->report, path, LINT_FILE_IGNORED,
		    "this file is ignored, since only names that end in .yaml or .yml are read; rename it, or move it "
		    "out of the folder");
}

/* Handles one directory entry. */
static void visit(struct search *search, struct str folder, const char *name)
{
	struct str path = join(search, folder, name);
	struct stat status;

	if (!path.ptr || !look_at(search, path, name, &status))
		return;
	if (S_ISDIR(status.st_mode)) {
		if (enter(search, path, &status)) {
			search_folder(search, path);
			search->depth--;
		}
	} else if (search->manifests && str_ends(path, STR(".json"))) {
		if (S_ISREG(status.st_mode))
			add_file(search, path, &status, false);
	} else if (!is_policy_name(name)) {
		if (S_ISREG(status.st_mode))
			ignore_file(search, path);
	} else if (S_ISREG(status.st_mode)) {
		add_file(search, path, &status, false);
	} else {
		report_file(search->report, path, "is not a regular file; move it out of the policy folder");
	}
}

/*
 * Reads the names in a folder, except those that begin with a dot. Returns a new array of new
 * strings.
 */
static char **read_names(struct search *search, struct str path, size_t *count)
{
	char **names = NULL;
	size_t capacity = 0;
	DIR *folder = opendir(path.ptr);

	*count = 0;
	if (!folder) {
		report_file(search->report, path, "this folder cannot be read: %s", strerror(errno));
		return NULL;
	}
	for (struct dirent *entry; !search->stop && (entry = readdir(folder));) {
		if (++search->entries > ENTRIES_MAX) {
			give_up(search, path, "the folders hold more than 200,000 names; give a folder of policy only");
			break;
		}
		if (entry->d_name[0] == '.')
			continue;
		char **larger = vec_room(names, *count, &capacity, 64, sizeof *names);
		names = larger ? larger : names;
		char *name = larger ? strdup(entry->d_name) : NULL;
		if (!name) {
			give_up(search, path, "no memory is left to read the policy");
			break;
		}
		names[(*count)++] = name;
	}
	closedir(folder);
	return names;
}

static void search_folder(struct search *search, struct str path)
{
	size_t count;
	char **names = read_names(search, path, &count);

	if (count > 0)
		qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count; i++) {
		if (!search->stop)
			visit(search, path, names[i]);
		free(names[i]);
	}
	free(names);
}

static void search_given(struct search *search, const char *given)
{
	struct str path = arena_str(search->arena, str_of(given));
	struct stat status;

	if (!path.ptr) {
		give_up(search, str_of(given), "no memory is left to read the policy");
		return;
	}
	if (stat(path.ptr, &status) != 0) {
		bool missing = errno == ENOENT || errno == ENOTDIR;
		report_file(search->report, path, missing ? "no such file or folder" : "cannot be read: %s",
			    strerror(errno));
		return;
	}
	if (!S_ISDIR(status.st_mode)) {
		add_file(search, path, &status, true);
		return;
	}
	size_t files = search->files->count;
	unsigned errors = search->report->errors;
	search->again = false;
	search->root_len = trimmed_len(path);
	if (!realpath(path.ptr, search->root)) {
		report_file(search->report, path, "cannot be read: %s", strerror(errno));
		return;
	}
	if (!enter(search, path, &status))
		return;
	search_folder(search, path);
	search->depth--;
	if (search->files->count == files && search->report->errors == errors && !search->again)
		report_file(search->report, path, "this folder holds no policy document (no *.yaml or *.yml file)");
}

static int by_file(const void *a, const void *b)
{
	const struct found_file *left = a, *right = b;

	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	if (left->inode != right->inode)
		return left->inode < right->inode ? -1 : 1;
	if (left->given != right->given)
		return left->given ? 1 : -1;
	return str_cmp(left->path, right->path);
}

static int by_path(const void *a, const void *b)
{
	return str_cmp(((const struct found_file *)a)->path, ((const struct found_file *)b)->path);
}

/*
 * Keeps one path for each file. One that was found in a folder comes before one that was given,
 * since names in the file may then lead through that whole folder. Otherwise it is the one that
 * sorts first.
 */
static void drop_twins(struct found_files *files)
{
	size_t kept = 0;

	if (files->count == 0)
		return;
	qsort(files->items, files->count, sizeof files->items[0], by_file);
	for (size_t i = 0; i < files->count; i++) {
		const struct found_file *file = &files->items[i];
		const struct found_file *last = kept > 0 ? &files->items[kept - 1] : NULL;
		if (!last || last->device != file->device || last->inode != file->inode)
			files->items[kept++] = *file;
	}
	files->count = kept;
	qsort(files->items, files->count, sizeof files->items[0], by_path);
}

static void walk_all(struct search *search, const char *const *paths, size_t path_count)
{
	*search->files = (struct found_files){NULL, 0};
	for (size_t i = 0; i < path_count && !search->stop; i++)
		search_given(search, paths[i]);
	drop_twins(search->files);
	free(search->seen);
}

void find_files(const char *const *paths, size_t path_count, struct arena *arena, struct found_files *files,
		struct report *report)
{
	walk_all(&(struct search){.arena = arena, .report = report, .files = files}, paths, path_count);
}

void walk_manifests(const char *const *paths, size_t path_count, struct arena *arena, struct found_files *files,
		    struct report *report)
{
	walk_all(&(struct search){.arena = arena, .report = report, .files = files, .manifests = true}, paths,
		 path_count);
}
