/* suppressions: reads .gpugate-lint.yaml. See gpugate/suppressions.h. */
#include "gpugate/suppressions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "gpugate/file.h"
#include "gpugate/suggest.h"
#include "policy/base/glob.h"
#include "policy/base/show.h"
#include "policy/document/diagnostic.h"
#include "policy/document/report.h"
#include "policy/document/source.h"
#include "policy/document/yaml.h"

#define CHUNK ((size_t)16 << 10)
#define MEMORY_MAX ((size_t)256 << 20)

struct suppression {
	const struct docs *docs; /* The file that has it. */
	struct str folder;       /* Of that file. */
	struct text id, files, object, reason;
	enum lint_id lint;
	bool used;
};

struct suppressions {
	struct arena arena;
	struct suppression *items;
	unsigned count;
};

/* One file that is being read. */
struct reading {
	struct suppressions *out;
	struct report *report;
	struct docs *docs;
	struct str folder;
};

#define REPORT(reading, at, ...) docs_report((reading)->report, (reading)->docs, SEVERITY_ERROR, (at), __VA_ARGS__)

/* --- Matching --- */

/* Returns the path of a file below the folder, or the whole path if it is not below. */
static struct str path_below(struct str folder, struct str file)
{
	while (folder.len > 0 && folder.ptr[folder.len - 1] == '/')
		folder.len--;
	if (!str_starts(file, folder) || file.len <= folder.len || file.ptr[folder.len] != '/')
		return file;
	file = str_tail(file, folder.len);
	while (file.len > 0 && file.ptr[0] == '/')
		file = str_tail(file, 1);
	return file;
}

static bool suppress(void *context, enum lint_id id, struct str file, struct str object)
{
	struct suppressions *suppressions = context;
	bool found = false;
	for (unsigned i = 0; i < suppressions->count; i++) {
		struct suppression *one = &suppressions->items[i];
		if (one->lint != id || (one->object.s.len && !str_eq(one->object.s, object)) ||
		    (one->files.s.len && !glob_match(one->files.s, path_below(one->folder, file))))
			continue;
		one->used = true;
		found = true;
	}
	return found;
}

/* --- Reading --- */

static const struct key {
	struct str name;
	size_t offset;
} keys[] = {
    {{"id", 2}, offsetof(struct suppression, id)},
    {{"files", 5}, offsetof(struct suppression, files)},
    {{"object", 6}, offsetof(struct suppression, object)},
    {{"reason", 6}, offsetof(struct suppression, reason)},
};

#define KEYS (sizeof keys / sizeof keys[0])

static void unknown_key(const struct reading *reading, const struct node *key, const struct str *words, size_t count,
			size_t stride)
{
	struct str near = suggest_word(key->text, words, count, stride);
	if (str_present(near))
		REPORT(reading, key->at, "unknown key \"" SHOW "\"; did you mean \"%.*s\"?", SHOWN(key->text),
		       STR_ARG(near));
	else
		REPORT(reading, key->at, "unknown key \"" SHOW "\"; remove it", SHOWN(key->text));
}

static void read_key(const struct reading *reading, const struct node *key, struct suppression *one)
{
	char words[80];
	size_t row = 0;
	while (row < KEYS && !str_eq(keys[row].name, key->text))
		row++;
	if (row == KEYS) {
		unknown_key(reading, key, &keys[0].name, KEYS, sizeof keys[0]);
		return;
	}
	if (key->value->type != NODE_SCALAR || node_needs_quotes(key->value)) {
		REPORT(reading, key->value->at, "\"%.*s\": expected a string, found %s", STR_ARG(key->text),
		       node_describe(key->value, words, sizeof words));
		return;
	}
	*(struct text *)(void *)((char *)one + keys[row].offset) = (struct text){key->value->text, key->value->at};
}

/* Whether the finding can be suppressed; says otherwise why not. */
static bool check_id(const struct reading *reading, struct suppression *one)
{
	one->lint = lint_find(one->id.s);
	if (one->lint == LINT_IDS) {
		struct str near = suggest_word(one->id.s, &lint_rows->id, LINT_IDS, sizeof *lint_rows);
		REPORT(reading, one->id.at, "no finding is named \"" SHOW "\"%s%.*s%s", SHOWN(one->id.s),
		       near.len ? "; did you mean \"" : "; the names are in brackets at the end of findings",
		       STR_ARG(near), near.len ? "\"?" : "");
		return false;
	}
	if (lint_rows[one->lint].severity == SEVERITY_ERROR && lint_rows[one->lint].about == LINT_OF_POLICIES) {
		REPORT(
		    reading, one->id.at,
		    "\"%.*s\" is an error, which `gpugate serve` refuses, so it cannot be suppressed; correct the policy",
		    STR_ARG(one->id.s));
		return false;
	}
	return true;
}

static void read_item(const struct reading *reading, const struct node *item)
{
	struct suppressions *out = reading->out;
	struct suppression one = {.docs = reading->docs, .folder = reading->folder};
	unsigned errors = reading->report->errors;
	if (item->type != NODE_MAP) {
		REPORT(reading, item->at, "a suppression is a map with the keys id and reason");
		return;
	}
	for (const struct node *key = item->first; key; key = key->next)
		read_key(reading, key, &one);
	if (errors == reading->report->errors && one.id.s.len == 0)
		REPORT(reading, item->at, "the suppression has no id; add the name of a finding");
	if (errors == reading->report->errors && one.reason.s.len == 0)
		REPORT(reading, item->at, "the suppression has no reason; say in `reason` why the finding is meant");
	if (errors != reading->report->errors || !check_id(reading, &one))
		return;
	if (out->count == SUPPRESSIONS_MAX) {
		REPORT(reading, item->at, "there are more than 1,000 suppressions; use globs in `files`");
		return;
	}
	out->items[out->count++] = one;
}

static void read_root(const struct reading *reading, const struct node *root)
{
	static const struct str only = {"suppressions", 12};
	if (node_is_null(root))
		return;
	if (root->type != NODE_MAP) {
		REPORT(reading, root->at, "this file must be a map with the key \"suppressions\"");
		return;
	}
	for (const struct node *key = root->first; key; key = key->next) {
		if (!str_eq(key->text, only))
			unknown_key(reading, key, &only, 1, sizeof only);
		else if (key->value->type != NODE_LIST && !node_is_null(key->value))
			REPORT(reading, key->value->at, "\"suppressions\": expected a list");
		else
			for (const struct node *item = key->value->first; item; item = item->next)
				read_item(reading, item);
	}
}

static void read_bytes(struct reading *reading, const char *path, struct str bytes)
{
	struct arena *arena = &reading->out->arena;
	source_read_bytes(path, bytes, arena, reading->docs, reading->report);
	if (reading->docs->source_count != 1 || !reading->docs->sources[0].usable)
		return;
	struct tree_reader *reader = tree_open(reading->docs, 0, reading->report);
	for (struct node *root; reader && (root = tree_next(reader, arena, arena));)
		read_root(reading, root);
	tree_close(reader);
}

/* Reads the file in a folder, if it is there. Returns -1 without memory. */
static int read_folder(struct suppressions *out, const char *folder, struct report *report)
{
	struct buf bytes;
	size_t len = strlen(folder);
	bool slash = len > 0 && folder[len - 1] == '/';
	char *path = arena_alloc(&out->arena, len + sizeof SUPPRESSIONS_FILE + 2);
	struct reading reading = {.out = out, .report = report, .folder = arena_str(&out->arena, str_of(folder))};
	reading.docs = arena_zalloc(&out->arena, 1, sizeof *reading.docs);
	if (!path || !reading.folder.ptr || !reading.docs)
		return -1;
	snprintf(path, len + sizeof SUPPRESSIONS_FILE + 2, "%s%s%s", folder, slash ? "" : "/", SUPPRESSIONS_FILE);
	buf_init(&bytes, SOURCE_BYTES_MAX);
	int result = 0;
	if (file_read(AT_FDCWD, path, O_NONBLOCK, &bytes) == 0) {
		struct str kept = arena_str(&out->arena, buf_view(&bytes));
		if (kept.ptr)
			read_bytes(&reading, path, kept);
		else
			result = -1;
	} else if (errno != ENOENT && errno != ENOTDIR) {
		report_file(report, str_of(path), "cannot be read: %s", strerror(errno));
	}
	buf_release(&bytes);
	return result;
}

struct suppressions *suppressions_read(const char *const *paths, size_t count, struct report *report)
{
	struct suppressions *out = calloc(1, sizeof *out);
	if (!out)
		return NULL;
	arena_init(&out->arena, CHUNK, MEMORY_MAX);
	out->items = arena_zalloc(&out->arena, SUPPRESSIONS_MAX, sizeof *out->items);
	int result = out->items ? 0 : -1;
	for (size_t i = 0; result == 0 && i < count; i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again |= strcmp(paths[i], paths[k]) == 0;
		if (!again)
			result = read_folder(out, paths[i], report);
	}
	if (result < 0) {
		suppressions_destroy(out);
		return NULL;
	}
	report->suppress = suppress;
	report->suppressions = out;
	return out;
}

void suppressions_destroy(struct suppressions *suppressions)
{
	if (!suppressions)
		return;
	arena_release(&suppressions->arena);
	free(suppressions);
}

void suppressions_finish(const struct suppressions *suppressions, struct report *report)
{
	for (unsigned i = 0; i < suppressions->count; i++)
		if (!suppressions->items[i].used)
			docs_lint(
			    report, suppressions->items[i].docs, LINT_SUPPRESSION_UNUSED, suppressions->items[i].id.at,
			    "no finding \"%.*s\" matches this suppression; remove it, or correct `files` and `object`",
			    STR_ARG(suppressions->items[i].id.s));
	report_sort(report);
}
