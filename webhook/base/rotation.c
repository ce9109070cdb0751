#include "webhook/base/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PARTS 8 /* Files that share the size. */
#define FIRST_ROOM 16
#define NAME_BYTES 64
#define TIME_BYTES 17 /* 20261128T190736Z and a NUL. */
#define SUFFIX ".jsonl"

struct file {
	char name[NAME_BYTES];
	uint64_t size;
};

struct rotation {
	const char *folder;
	const char *prefix;
	uint64_t max_bytes;
	int folder_fd;
	int fd;             /* The last file, open for writing; -1: none is. */
	struct file *files; /* The oldest first. */
	size_t count, room;
	uint64_t total; /* The sum of the sizes. */
	char stamp[TIME_BYTES];
	unsigned number; /* TIME and N of the latest file; "" and 0: there was none. */
};

static int fail(const struct rotation *rotation, const char *what, const char *name, struct error *err)
{
	return error_set(err, "cannot %s %s/%s: %s", what, rotation->folder, name, strerror(errno));
}

/* Splits a name. Returns false if it is not one of these files. */
static bool parse_name(const struct rotation *rotation, const char *name, char stamp[static TIME_BYTES],
		       unsigned *number)
{
	size_t prefix = strlen(rotation->prefix), len = strlen(name);
	int end = 0;
	if (len >= NAME_BYTES || strncmp(name, rotation->prefix, prefix) != 0)
		return false;
	return sscanf(name + prefix, "-%16[0-9TZ]-%6u" SUFFIX "%n", stamp, number, &end) == 2 && end > 0 &&
	       prefix + (size_t)end == len && strlen(stamp) == TIME_BYTES - 1;
}

static struct file *add_file(struct rotation *rotation, const char *name, uint64_t size)
{
	if (rotation->count == rotation->room) {
		size_t room = rotation->room ? rotation->room * 2 : FIRST_ROOM;
		struct file *files = reallocarray(rotation->files, room, sizeof *files);
		if (!files)
			return NULL;
		rotation->files = files;
		rotation->room = room;
	}
	struct file *file = &rotation->files[rotation->count++];
	snprintf(file->name, sizeof file->name, "%s", name);
	file->size = size;
	rotation->total += size;
	return file;
}

static int name_order(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* Notes one entry of the folder if it is one of the files. Removes it if it is empty. */
static int see_entry(struct rotation *rotation, const char *name, struct error *err)
{
	char stamp[TIME_BYTES];
	unsigned number;
	struct stat info;
	if (!parse_name(rotation, name, stamp, &number) ||
	    fstatat(rotation->folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode))
		return 0;
	if (info.st_size == 0 && unlinkat(rotation->folder_fd, name, 0) == 0)
		return 0;
	return add_file(rotation, name, (uint64_t)info.st_size) ? 0 : error_set(err, "not enough memory to start");
}

static DIR *list_folder(const struct rotation *rotation)
{
	int fd = openat(rotation->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder && fd >= 0)
		close(fd);
	return folder;
}

/* Finds the files of earlier runs. */
static int see_folder(struct rotation *rotation, struct error *err)
{
	int result = 0;
	DIR *folder = list_folder(rotation);
	if (!folder)
		return error_set(err,
				 "cannot read the folder %s: %s; make it readable for this user, or give another one",
				 rotation->folder, strerror(errno));
	for (struct dirent *entry; result == 0 && (entry = readdir(folder));)
		result = see_entry(rotation, entry->d_name, err);
	closedir(folder);
	if (result == 0 && rotation->count) {
		qsort(rotation->files, rotation->count, sizeof *rotation->files, name_order);
		parse_name(rotation, rotation->files[rotation->count - 1].name, rotation->stamp, &rotation->number);
	}
	return result;
}

/* Removes the oldest files, but not the one that is open, until that many more bytes fit. */
static int make_room(struct rotation *rotation, uint64_t more, struct error *err)
{
	size_t removed = 0, last = rotation->count - (rotation->fd >= 0);
	int result = 0;
	for (; result == 0 && removed < last && rotation->total + more > rotation->max_bytes; removed++) {
		const struct file *file = &rotation->files[removed];
		if (unlinkat(rotation->folder_fd, file->name, 0) < 0 && errno != ENOENT) {
			result = fail(rotation, "remove", file->name, err);
			break;
		}
		rotation->total -= file->size;
	}
	rotation->count -= removed;
	memmove(rotation->files, rotation->files + removed, rotation->count * sizeof *rotation->files);
	return result;
}

/* Names the next file, later than all others even if the clock is behind. */
static void next_name(struct rotation *rotation, char name[static NAME_BYTES])
{
	char now[TIME_BYTES];
	struct tm parts;
	time_t seconds = time(NULL);
	gmtime_r(&seconds, &parts);
	strftime(now, sizeof now, "%Y%m%dT%H%M%SZ", &parts);
	bool later = strcmp(now, rotation->stamp) > 0;
	if (later)
		memcpy(rotation->stamp, now, sizeof now);
	rotation->number = later ? 1 : rotation->number + 1;
	snprintf(name, NAME_BYTES, "%s-%s-%06u" SUFFIX, rotation->prefix, rotation->stamp, rotation->number);
}

static int open_next(struct rotation *rotation, struct error *err)
{
	char name[NAME_BYTES];
	next_name(rotation, name);
	int fd =
	    openat(rotation->folder_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(rotation, "create", name, err);
	if (!add_file(rotation, name, 0)) {
		close(fd);
		unlinkat(rotation->folder_fd, name, 0);
		return error_set(err, "not enough memory to create %s/%s", rotation->folder, name);
	}
	rotation->fd = fd;
	return 0;
}

static void close_file(struct rotation *rotation)
{
	if (rotation->fd >= 0)
		close(rotation->fd);
	rotation->fd = -1;
}

/* Whether somebody has removed the file that is open. */
static bool is_gone(const struct rotation *rotation)
{
	struct stat info;
	return fstat(rotation->fd, &info) < 0 || info.st_nlink == 0;
}

/* Opens a file for the line unless the current one has room for it. */
static int prepare(struct rotation *rotation, size_t len, struct error *err)
{
	uint64_t part = rotation->max_bytes / PARTS;
	if (rotation->fd >= 0 && (rotation->files[rotation->count - 1].size + len > part || is_gone(rotation)))
		close_file(rotation);
	if (rotation->fd < 0 && open_next(rotation, err) < 0)
		return -1;
	return make_room(rotation, len, err);
}

/*
 * Takes back a part of a line. If that is impossible, the file is closed with its unfinished line,
 * which counts.
 */
static void take_back(struct rotation *rotation, struct file *file, size_t written)
{
	if (written == 0 || ftruncate(rotation->fd, (off_t)file->size) == 0)
		return;
	file->size += written;
	rotation->total += written;
	close_file(rotation);
}

int rotation_write(struct rotation *rotation, struct str line, struct error *err)
{
	size_t written = 0;
	if (prepare(rotation, line.len, err) < 0)
		return -1;
	struct file *file = &rotation->files[rotation->count - 1];
	while (written < line.len) {
		ssize_t result = write(rotation->fd, line.ptr + written, line.len - written);
		if (result < 0 && errno == EINTR)
			continue;
		if (result < 0) {
			fail(rotation, "write", file->name, err);
			take_back(rotation, file, written);
			return -1;
		}
		written += (size_t)result;
	}
	file->size += line.len;
	rotation->total += line.len;
	return 0;
}

bool rotation_fits(const struct rotation *rotation, size_t len)
{
	return len <= rotation->max_bytes / PARTS;
}

static int open_folder(struct rotation *rotation, struct error *err)
{
	rotation->folder_fd = open(rotation->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rotation->folder_fd < 0)
		return error_set(err, "cannot open the folder %s: %s; create it, or give another one", rotation->folder,
				 strerror(errno));
	if (flock(rotation->folder_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, "cannot lock the folder %s: %s; give each process a folder of its own",
				 rotation->folder,
				 errno == EWOULDBLOCK ? "another process records there" : strerror(errno));
	return 0;
}

/* The first file shows that the folder is writable. */
static int open_first(struct rotation *rotation, struct error *err)
{
	if (open_next(rotation, err) == 0)
		return make_room(rotation, 0, err);
	struct error cause = *err;
	*err = (struct error){0};
	return error_set(err, "%s; make the folder writable for this user, or give another one", cause.text);
}

struct rotation *rotation_create(const char *folder, const char *prefix, uint64_t max_bytes, struct error *err)
{
	struct rotation *rotation = calloc(1, sizeof *rotation);
	if (!rotation) {
		error_set(err, "not enough memory to start");
		return NULL;
	}
	*rotation =
	    (struct rotation){.folder = folder, .prefix = prefix, .max_bytes = max_bytes, .folder_fd = -1, .fd = -1};
	if (open_folder(rotation, err) < 0 || see_folder(rotation, err) < 0 || open_first(rotation, err) < 0) {
		rotation_destroy(rotation);
		return NULL;
	}
	return rotation;
}

void rotation_destroy(struct rotation *rotation)
{
	if (!rotation)
		return;
	if (rotation->fd >= 0 && rotation->files[rotation->count - 1].size == 0)
		unlinkat(rotation->folder_fd, rotation->files[rotation->count - 1].name, 0);
	close_file(rotation);
	if (rotation->folder_fd >= 0)
		close(rotation->folder_fd);
	free(rotation->files);
	free(rotation);
}
