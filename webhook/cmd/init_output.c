#include "webhook/cmd/init_output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void init_output_print(const struct init_files *files)
{
	for (uint32_t i = 0; i < files->count; i++)
		printf("%s# --- %.*s\n%.*s", i ? "---\n" : "", STR_ARG(files->items[i].path),
		       STR_ARG(files->items[i].text));
}

static int fail(const char *what, const char *path, struct error *err)
{
	return error_set(err, "%s %.300s: %s", what, path, strerror(errno));
}

enum content { CONTENT_ABSENT, CONTENT_NONE, CONTENT_SOME };

/* Returns what a folder has in it (enum content), or -1 with an error. */
static int content_of(const char *folder, struct error *err)
{
	DIR *dir = opendir(folder);
	bool found = false;
	if (!dir)
		return errno == ENOENT ? CONTENT_ABSENT : fail("cannot read the folder", folder, err);
	for (const struct dirent *entry; !found && (entry = readdir(dir));)
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return found ? CONTENT_SOME : CONTENT_NONE;
}

/* Creates the folders of a path below `folder`, which is open. */
static int make_folders(int folder, const char *path, struct error *err)
{
	char part[PATH_MAX];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);
		if (len >= sizeof part)
			return error_set(err, "the path %.300s is too long", path);
		memcpy(part, path, len);
		part[len] = '\0';
		if (mkdirat(folder, part, 0777) < 0 && errno != EEXIST)
			return fail("cannot make the folder", part, err);
	}
	return 0;
}

static int write_bytes(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t written = write(fd, text.ptr, text.len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		text = str_tail(text, (size_t)written);
	}
	return fsync(fd);
}

/* Writes a file beside its place, then moves it there. */
static int write_file(int folder, const struct init_file *file, struct error *err)
{
	char beside[PATH_MAX];
	if (make_folders(folder, file->path.ptr, err) < 0)
		return -1;
	if (snprintf(beside, sizeof beside, "%s.new-%ld", file->path.ptr, (long)getpid()) >= (int)sizeof beside)
		return error_set(err, "the path %.300s is too long", file->path.ptr);
	int fd = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail("cannot create", beside, err);
	int result = write_bytes(fd, file->text) < 0 ? fail("cannot write", file->path.ptr, err) : 0;
	if (close(fd) < 0 && result == 0)
		result = fail("cannot write", file->path.ptr, err);
	if (result == 0 && renameat(folder, beside, folder, file->path.ptr) < 0)
		result = fail("cannot write", file->path.ptr, err);
	if (result < 0)
		unlinkat(folder, beside, 0);
	return result;
}

static int write_all(const struct init_files *files, const char *folder, struct error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	if (fd < 0)
		return fail("cannot open the folder", folder, err);
	for (uint32_t i = 0; i < files->count && result == 0; i++)
		result = write_file(fd, &files->items[i], err);
	close(fd);
	return result;
}

/* Removes what was written to a folder that had nothing in it. */
static void remove_all(const struct init_files *files, const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (uint32_t i = 0; fd >= 0 && i < files->count; i++)
		unlinkat(fd, files->items[i].path.ptr, 0);
	for (uint32_t i = 0; fd >= 0 && i < files->count; i++) {
		char part[PATH_MAX];
		snprintf(part, sizeof part, "%s", files->items[i].path.ptr);
		for (char *slash; (slash = strrchr(part, '/'));) {
			*slash = '\0';
			unlinkat(fd, part, AT_REMOVEDIR);
		}
	}
	if (fd >= 0)
		close(fd);
}

/* A folder that exists may be the current one, a mount, or behind a link, so it stays in place. */
static int write_empty(const struct init_files *files, const char *folder, struct error *err)
{
	int result = write_all(files, folder, err);
	if (result < 0)
		remove_all(files, folder);
	return result;
}

/* Writes to a folder beside, and moves it to where there is none. */
static int write_new(const struct init_files *files, const char *folder, struct error *err)
{
	char beside[PATH_MAX];
	size_t len = strlen(folder);
	while (len > 1 && folder[len - 1] == '/')
		len--;
	if (snprintf(beside, sizeof beside, "%.*s.new-XXXXXX", (int)len, folder) >= (int)sizeof beside)
		return error_set(err, "the path %.300s is too long", folder);
	if (!mkdtemp(beside))
		return fail("cannot make a folder beside", folder, err);
	mode_t mask = umask(0);
	umask(mask);
	int result = write_all(files, beside, err);
	if (result == 0 && (chmod(beside, 0777 & ~mask) < 0 || rename(beside, folder) < 0))
		result = fail("cannot write the folder", folder, err);
	if (result < 0) {
		remove_all(files, beside);
		rmdir(beside);
	}
	return result;
}

int init_output_write(const struct init_files *files, const char *folder, bool force, struct error *err)
{
	int content = content_of(folder, err);
	if (content < 0)
		return -1;
	if (content == CONTENT_ABSENT)
		return write_new(files, folder, err);
	if (content == CONTENT_NONE)
		return write_empty(files, folder, err);
	return force
		   ? write_all(files, folder, err)
		   : error_set(err, "%.300s is not empty; name a new folder, or replace files in this one with --force",
			       folder);
}
