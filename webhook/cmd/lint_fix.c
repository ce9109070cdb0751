#include "webhook/cmd/lint_fix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"
#include "gpugate/manifests.h"

#define MARK STR("\xef\xbb\xbf") /* The byte order mark, which offsets do not count. */
#define TEMPORARY ".gpugate-lint-XXXXXX"

#define FIXES_MAX (REPORT_ERRORS_MAX + REPORT_WARNINGS_MAX)

/* The remedies for one file. */
struct fixes {
	const struct finding_fix *items[FIXES_MAX];
	unsigned count;
};

static int by_offset(const void *a, const void *b)
{
	const struct finding_fix *left = *(const struct finding_fix *const *)a;
	const struct finding_fix *right = *(const struct finding_fix *const *)b;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Collects the remedies of a file in their order. Of two that overlap, the first one is kept. */
static void collect(const struct report *report, struct str file, struct fixes *fixes)
{
	unsigned kept = 0;
	fixes->count = 0;
	for (unsigned i = 0; i < report->count; i++)
		if (report->findings[i].fix.set && str_eq(report->findings[i].file, file))
			fixes->items[fixes->count++] = &report->findings[i].fix;
	if (fixes->count > 1)
		qsort(fixes->items, fixes->count, sizeof fixes->items[0], by_offset);
	for (unsigned i = 0; i < fixes->count; i++) {
		const struct finding_fix *last = kept ? fixes->items[kept - 1] : NULL;
		size_t end = last ? last->offset + last->was.len : 0;
		if (!last || fixes->items[i]->offset >= end)
			fixes->items[kept++] = fixes->items[i];
	}
	fixes->count = kept;
}

/* Appends the changed text. Returns how many changes were made. */
static int change(struct str bytes, const struct fixes *fixes, struct buf *out)
{
	size_t mark = str_starts(bytes, MARK) ? MARK.len : 0, done = 0;
	int changes = 0;
	for (unsigned i = 0; i < fixes->count; i++) {
		const struct finding_fix *fix = fixes->items[i];
		size_t at = fix->offset + mark;
		if (at > bytes.len || !str_starts(str_tail(bytes, at), fix->was))
			continue;
		buf_add(out, bytes.ptr + done, at - done);
		buf_str(out, fix->text);
		done = at + fix->was.len;
		changes++;
	}
	buf_str(out, str_tail(bytes, done));
	return changes;
}

static int write_all(int fd, struct str bytes)
{
	for (size_t done = 0; done < bytes.len;) {
		ssize_t written = write(fd, bytes.ptr + done, bytes.len - done);
		if (written < 0 && errno != EINTR)
			return -1;
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

/* Replaces a file, which is no symbolic link. Returns -1 with errno. */
static int replace(const char *path, struct str bytes)
{
	struct stat status;
	size_t len = strlen(path), folder = len;
	while (folder > 0 && path[folder - 1] != '/')
		folder--;
	char *temporary = malloc(folder + sizeof TEMPORARY);
	if (!temporary || stat(path, &status) < 0) {
		free(temporary);
		return -1;
	}
	/* The folder would permit it, but a read-only file is not meant to be changed. */
	if (!(status.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) || access(path, W_OK) < 0) {
		free(temporary);
		errno = EACCES;
		return -1;
	}
	memcpy(temporary, path, folder);
	memcpy(temporary + folder, TEMPORARY, sizeof TEMPORARY);
	int fd = mkstemp(temporary);
	int result =
	    fd >= 0 && write_all(fd, bytes) == 0 && fchmod(fd, status.st_mode & 07777) == 0 && fsync(fd) == 0 ? 0 : -1;
	int reason = errno;
	if (fd >= 0)
		close(fd);
	if (result == 0 && rename(temporary, path) < 0) {
		reason = errno;
		result = -1;
	}
	if (fd >= 0 && result < 0)
		unlink(temporary);
	free(temporary);
	errno = reason;
	return result;
}

static int fix_file(const struct report *report, struct str file, struct error *err)
{
	struct fixes fixes;
	struct buf bytes, out;
	char *name = str_dup(file), *path = name ? realpath(name, NULL) : NULL;
	int changes = 0;
	collect(report, file, &fixes);
	buf_init(&bytes, MANIFESTS_FILE_BYTES_MAX);
	buf_init(&out, MANIFESTS_FILE_BYTES_MAX * 2);
	bool read = path && file_read(AT_FDCWD, path, O_NONBLOCK, &bytes) == 0;
	if (read)
		changes = change(buf_view(&bytes), &fixes, &out);
	if (!read || out.failed || (changes > 0 && replace(path, buf_view(&out)) < 0))
		changes = error_set(err, "%.300s cannot be changed: %s", name ? name : "the file",
				    out.failed ? "there is not enough memory" : strerror(errno));
	buf_release(&bytes);
	buf_release(&out);
	free(path);
	free(name);
	return changes;
}

int lint_fix(const struct report *report, unsigned *fixed, struct error *err)
{
	int changes = 0;
	struct str last = {NULL, 0};
	for (unsigned i = 0; i < report->count; i++) { /* The findings are sorted by their files. */
		const struct finding *finding = &report->findings[i];
		if (!finding->fix.set || (str_present(last) && str_eq(finding->file, last)))
			continue;
		last = finding->file;
		int made = fix_file(report, finding->file, err);
		if (made < 0)
			return -1;
		changes += made;
	}
	*fixed += (unsigned)changes;
	return changes;
}
