#include "webhook/cmd/lint_fix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"
#include "gpugate/manifests.h"
#include "gpugate/plain.h"
#include "gpugate/vec.h"

#define MARK STR("\xef\xbb\xbf") /* The byte order mark, which offsets do not count. */
#define TEMPORARY ".gpugate-lint-XXXXXX"

#define FIXES_MAX (REPORT_ERRORS_MAX + REPORT_WARNINGS_MAX)
#define FIXED_BYTES_MAX ((size_t)16 << 20) /* Of the changes that are named. */

/* The findings of one file that have a remedy. */
struct fixes {
	const struct finding *items[FIXES_MAX];
	unsigned count;
};

void lint_fixes_init(struct lint_fixes *fixes)
{
	*fixes = (struct lint_fixes){.items = NULL};
	arena_init(&fixes->arena, (size_t)4 << 10, FIXED_BYTES_MAX);
}

void lint_fixes_release(struct lint_fixes *fixes)
{
	arena_release(&fixes->arena);
}

/* A copy for a report that outlives the round, and for terminals; absent without memory. */
static struct str keep(struct lint_fixes *made, struct str text)
{
	char *copy = arena_alloc(&made->arena, text.len * PLAIN_GROWTH + 1);
	return (struct str){copy, copy ? plain_copy(text, false, copy) : 0};
}

/* Without memory, a change is only counted. */
static void note(struct lint_fixes *made, const struct finding *finding)
{
	const struct finding_fix *fix = &finding->fix;
	made->count++;
	if (made->kept == LINT_FIXED_MAX || made->kept + 1 != made->count)
		return;
	struct lint_fixed *items =
	    vec_room_in(&made->arena, made->items, made->kept, &made->size, 16, sizeof *made->items);
	if (!items)
		return;
	made->items = items;
	struct lint_fixed fixed = {.id = keep(made, finding->id),
				   .file = keep(made, finding->file),
				   .line = fix->line,
				   .column = fix->column,
				   .was = keep(made, fix->was),
				   .text = keep(made, fix->text)};
	if (str_present(fixed.id) && str_present(fixed.file) && str_present(fixed.was) && str_present(fixed.text))
		items[made->kept++] = fixed;
}

static int by_offset(const void *a, const void *b)
{
	const struct finding_fix *left = &(*(const struct finding *const *)a)->fix;
	const struct finding_fix *right = &(*(const struct finding *const *)b)->fix;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Collects the remedies of a file in their order. Of two that overlap, the first one is kept. */
static void collect(const struct report *report, struct str file, struct fixes *fixes)
{
	unsigned kept = 0;
	fixes->count = 0;
	for (unsigned i = 0; i < report->count; i++)
		if (report->findings[i].fix.set && str_eq(report->findings[i].file, file))
			fixes->items[fixes->count++] = &report->findings[i];
	if (fixes->count > 1)
		qsort(fixes->items, fixes->count, sizeof fixes->items[0], by_offset);
	for (unsigned i = 0; i < fixes->count; i++) {
		const struct finding_fix *last = kept ? &fixes->items[kept - 1]->fix : NULL;
		size_t end = last ? last->offset + last->was.len : 0;
		if (!last || fixes->items[i]->fix.offset >= end)
			fixes->items[kept++] = fixes->items[i];
	}
	fixes->count = kept;
}

/* Appends the changed text, and leaves the changes that were made in `fixes`. */
static void change(struct str bytes, struct fixes *fixes, struct buf *out)
{
	size_t mark = str_starts(bytes, MARK) ? MARK.len : 0, done = 0;
	unsigned changes = 0;
	for (unsigned i = 0; i < fixes->count; i++) {
		const struct finding_fix *fix = &fixes->items[i]->fix;
		size_t at = fix->offset + mark;
		if (at > bytes.len || !str_starts(str_tail(bytes, at), fix->was))
			continue;
		buf_add(out, bytes.ptr + done, at - done);
		buf_str(out, fix->text);
		done = at + fix->was.len;
		fixes->items[changes++] = fixes->items[i];
	}
	buf_str(out, str_tail(bytes, done));
	fixes->count = changes;
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

static int fix_file(const struct report *report, struct str file, struct lint_fixes *made, struct error *err)
{
	struct fixes fixes;
	struct buf bytes, out;
	char *name = str_dup(file), *path = name ? realpath(name, NULL) : NULL;
	int result = 0;
	collect(report, file, &fixes);
	buf_init(&bytes, MANIFESTS_FILE_BYTES_MAX);
	buf_init(&out, MANIFESTS_FILE_BYTES_MAX * 2);
	bool read = path && file_read(AT_FDCWD, path, O_NONBLOCK, &bytes) == 0;
	if (read)
		change(buf_view(&bytes), &fixes, &out);
	if (!read || out.failed || (fixes.count > 0 && replace(path, buf_view(&out)) < 0))
		result = error_set(err, "%.300s cannot be changed: %s", name ? name : "the file",
				   out.failed ? "there is not enough memory" : strerror(errno));
	for (unsigned i = 0; result == 0 && i < fixes.count; i++)
		note(made, fixes.items[i]);
	buf_release(&bytes);
	buf_release(&out);
	free(path);
	free(name);
	return result;
}

int lint_fix(const struct report *report, struct lint_fixes *made, struct error *err)
{
	unsigned before = made->count;
	struct str last = {NULL, 0};
	for (unsigned i = 0; i < report->count; i++) { /* The findings are sorted by their files. */
		const struct finding *finding = &report->findings[i];
		if (!finding->fix.set || (str_present(last) && str_eq(finding->file, last)))
			continue;
		last = finding->file;
		if (fix_file(report, finding->file, made, err) < 0)
			return -1;
	}
	return (int)(made->count - before);
}
