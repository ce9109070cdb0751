#include "policy/document/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "gpugate/file.h"
#include "policy/base/utf8.h"
#include "policy/document/diagnostic.h"
#include "policy/document/find_files.h"
#include "policy/document/lines.h"
#include "policy/document/report.h"

/* Whether YAML allows the character. */
static bool is_allowed(uint32_t point)
{
	return point == '\t' || point == '\n' || point == '\r' || (point >= 0x20 && point < 0x7f) || point == 0x85 ||
	       (point >= 0xa0 && point <= 0xfffd && point != 0xfeff) || point >= 0x10000;
}

static void check_text(struct docs *docs, uint32_t index, struct report *report)
{
	struct source *source = &docs->sources[index];
	struct str rest = source->bytes;
	struct location at = {.source = index, .line = 1, .column = 1, .length = 1};

	while (rest.len > 0) {
		uint32_t point = 0;
		unsigned bytes = utf8_next(rest, &point);
		unsigned line_break = lines_break(rest);
		if (bytes == 0) {
			docs_report(report, docs, SEVERITY_ERROR, at,
				    "the byte 0x%02X is not UTF-8 here; save the file as UTF-8",
				    (unsigned)(unsigned char)rest.ptr[0]);
			return;
		}
		if (!is_allowed(point)) {
			docs_report(report, docs, SEVERITY_ERROR, at,
				    "the character U+%04X is not allowed in YAML; remove it", (unsigned)point);
			return;
		}
		if (line_break) {
			at.line++;
			at.column = 1;
		} else {
			at.column++;
		}
		rest = str_tail(rest, line_break ? line_break : bytes);
	}
	source->usable = true;
}

/* Fills docs->sources[index] from its bytes. Returns -1 if memory is exhausted. */
static int prepare(struct docs *docs, uint32_t index, struct arena *arena, struct report *report)
{
	struct source *source = &docs->sources[index];

	if (str_starts(source->bytes, STR("\xef\xbb\xbf")))
		source->bytes = str_tail(source->bytes, 3);
	source->line_count = lines_split(source->bytes, NULL);
	source->line_starts = arena_zalloc(arena, source->line_count, sizeof *source->line_starts);
	if (!source->line_starts)
		return -1;
	lines_split(source->bytes, source->line_starts);
	check_text(docs, index, report);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return str_cmp(((const struct source *)a)->path, ((const struct source *)b)->path);
}

static void read_files(const struct found_files *files, struct buf *bytes, struct arena *arena, struct docs *docs,
		       struct report *report)
{
	size_t total = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct found_file *file = &files->items[i];
		struct str shown = file_shown(file->path);
		/*
		 * Without O_NONBLOCK, a file that was replaced by a pipe after it was found would
		 * block. A file that the user named may be a pipe.
		 */
		buf_reset(bytes);
		if (file_read(AT_FDCWD, file->path.ptr, file->given ? 0 : O_NONBLOCK, bytes) < 0) {
			if (errno == EFBIG)
				report_file(report, shown, "is larger than 1 MiB; split it into several files");
			else
				report_file(report, shown, "cannot be read: %s", strerror(errno));
			continue;
		}
		total += bytes->len;
		if (total > SOURCES_BYTES_MAX) {
			report_file(report, shown,
				    "the policy files up to this one are larger than 64 MiB together; give a folder of "
				    "policy only");
			return;
		}
		struct source *source = &docs->sources[docs->source_count];
		*source = (struct source){.path = shown,
					  .device = file->device,
					  .inode = file->inode,
					  .bytes = arena_str(arena, buf_view(bytes)),
					  .root_len = shown.ptr == file->path.ptr ? file->root_len : 0};
		if (!source->bytes.ptr || prepare(docs, docs->source_count++, arena, report) != 0) {
			report_file(report, shown, "no memory is left to read the policy from here on");
			return;
		}
	}
}

void source_read_paths(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
		       struct report *report)
{
	struct found_files files;

	find_files(paths, path_count, arena, &files, report);
	docs->source_count = 0;
	docs->sources = arena_zalloc(arena, files.count, sizeof *docs->sources);
	struct buf bytes;
	buf_init(&bytes, SOURCE_BYTES_MAX);
	if (docs->sources) {
		read_files(&files, &bytes, arena, docs, report);
		/* Standard input has another name than its path. */
		qsort(docs->sources, docs->source_count, sizeof *docs->sources, by_path);
	} else {
		report_file(report, (struct str){"", 0}, "no memory is left to read the policy");
	}
	buf_release(&bytes);
	free(files.items);
}

void source_read_large(const char *name, struct str bytes, struct arena *arena, struct docs *docs,
		       struct report *report)
{
	docs->source_count = 0;
	docs->sources = arena_zalloc(arena, 1, sizeof *docs->sources);
	if (docs->sources) {
		docs->sources[0] = (struct source){.path = file_shown(str_of(name)), .bytes = bytes};
		docs->source_count = 1;
	}
	if (!docs->sources || prepare(docs, 0, arena, report) != 0)
		report_file(report, file_shown(str_of(name)), "no memory is left to read this file");
}

void source_read_texts(const struct policy_text *texts, size_t count, struct arena *arena, struct docs *docs,
		       struct report *report)
{
	size_t total = 0;
	docs->source_count = 0;
	docs->sources = count <= SOURCES_MAX ? arena_zalloc(arena, count, sizeof *docs->sources) : NULL;
	if (!docs->sources) {
		report_file(report, count ? texts[0].name : (struct str){"", 0},
			    "no memory is left to read the policy");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		total += texts[i].bytes.len;
		if (texts[i].bytes.len > SOURCE_BYTES_MAX) {
			report_file(report, texts[i].name, "is larger than 1 MiB; split it into several files");
			return;
		}
		if (total > SOURCES_BYTES_MAX) {
			report_file(report, texts[i].name, "makes the policy larger than 64 MiB");
			return;
		}
		docs->sources[i] = (struct source){.path = texts[i].name, .bytes = texts[i].bytes};
		if (prepare(docs, docs->source_count++, arena, report) != 0) {
			report_file(report, texts[i].name, "no memory is left to read the policy");
			return;
		}
	}
	qsort(docs->sources, docs->source_count, sizeof *docs->sources, by_path);
}

void source_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs,
		       struct report *report)
{
	const struct policy_text text = {str_of(name), bytes};
	source_read_texts(&text, 1, arena, docs, report);
}

/*
 * Computes two independent 64-bit hashes. They distinguish versions of a policy, but are not
 * cryptographic. Paths are left out, because replicas may mount the folder at different places.
 */
static void digest_add(struct policy_digest *digest, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		digest->word[0] = (digest->word[0] ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
		digest->word[1] = (digest->word[1] + (unsigned char)s.ptr[i] + 1) * 0x9e3779b97f4a7c15u;
	}
	digest->word[0] = (digest->word[0] ^ s.len) * 0x100000001b3u;
	digest->word[1] = (digest->word[1] + s.len) * 0x9e3779b97f4a7c15u;
}

void docs_digest(const struct docs *docs, struct policy_digest *digest)
{
	*digest = (struct policy_digest){{0xcbf29ce484222325u, 0x84222325cbf29ce4u}};
	for (uint32_t i = 0; i < docs->source_count; i++)
		digest_add(digest, docs->sources[i].bytes);
}
