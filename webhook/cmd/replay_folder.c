#include "webhook/cmd/replay_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "gpugate/manifests.h"
#include "gpugate/vec.h"
#include "webhook/cmd/input_file.h"
#include "webhook/cmd/replay_file.h"

/* --- Names of files --- */

void replay_names_release(struct replay_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct replay_names){NULL, 0, 0};
}

/* Keeps a name that has been allocated. Takes it. Returns it, or NULL without memory. */
static const char *keep(struct replay_names *names, char *name)
{
	char **items = vec_room(names->items, names->count, &names->size, 16, sizeof *items);
	if (!items || !name) {
		free(name);
		return NULL;
	}
	names->items = items;
	return names->items[names->count++] = name;
}

static char *join(const char *folder, const char *file)
{
	char *name = NULL;
	const char *slash = str_ends(str_of(folder), STR("/")) ? "" : "/";
	return asprintf(&name, "%s%s%s", folder, slash, file) < 0 ? NULL : name;
}

static int no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory");
}

static int read_kept(struct replay *replay, struct replay_names *names, char *name, struct error *err)
{
	const char *kept = keep(names, name);
	return kept ? replay_file(replay, kept, err) : no_memory(err);
}

/* --- Recordings --- */

static int select_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Bytes, and not the locale, decide: names of recordings sort by age. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_entry(struct replay *replay, const char *folder, const char *file, struct replay_names *names,
		      struct error *err)
{
	char *name = join(folder, file);
	if (!name)
		return no_memory(err);
	if (replay_file_is_recorded(file))
		return read_kept(replay, names, name, err);
	replay_note_passed_over(replay, str_of(name));
	free(name);
	return 0;
}

static int read_recording(struct replay *replay, const char *folder, struct dirent **entries, int count,
			  struct replay_names *names, struct error *err)
{
	int result = 0;
	for (int i = 0; i < count && result == 0; i++)
		result = read_entry(replay, folder, entries[i]->d_name, names, err);
	return result;
}

/* --- Manifests --- */

/* The Namespace of a Pod is often in another file than the Pod. */
static int read_labels(struct replay *replay, const char *path, struct error *err)
{
	struct manifest manifest;
	if (input_file_manifest(path, &manifest, err) < 0)
		return -1;
	int result = replay_labels(replay, &manifest, err);
	manifest_release(&manifest);
	return result;
}

static void note_passed_over(struct replay *replay, const struct str *files, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		replay_note_passed_over(replay, i < REPORT_IGNORED_MAX ? files[i] : STR(""));
}

/* Kustomize may complete these objects, so they are passed over, as `gpugate lint` does. */
static int read_found(struct replay *replay, const struct manifests *found, struct replay_names *names,
		      struct error *err)
{
	int result = 0;
	for (size_t i = 0; i < found->namespace_count && result == 0; i++)
		result = read_labels(replay, found->namespaces[i].ptr, err);
	for (size_t i = 0; i < found->file_count && result == 0; i++) {
		if (found->files[i].partial)
			replay_note_passed_over(replay, found->files[i].path);
		else
			result = read_kept(replay, names, strdup(found->files[i].path.ptr), err);
	}
	note_passed_over(replay, found->templates, found->template_count);
	note_passed_over(replay, found->others, found->other_count);
	return result;
}

static bool has_whole(const struct manifests *found)
{
	size_t i = 0;
	while (i < found->file_count && found->files[i].partial)
		i++;
	return i < found->file_count;
}

static int explain_none(const struct manifests *found, const char *folder, struct error *err)
{
	if (found->file_count)
		return error_set(
		    err,
		    "%.300s: Kustomize completes the manifests in this folder; run `kubectl kustomize DIR | "
		    "gpugate replay ... -`",
		    folder);
	if (found->template_count)
		return error_set(err,
				 "%.300s: only templates of Helm are in this folder; run `helm template CHART | "
				 "gpugate replay ... -`",
				 folder);
	return error_set(err,
			 "%.300s: neither a recording nor a manifest is in this folder; files of a recording end in "
			 ".jsonl or .jsonl.gz, and manifests in .yaml, .yml or .json",
			 folder);
}

static int read_manifests(struct replay *replay, const char *folder, struct replay_names *names, struct error *err)
{
	struct manifests found;
	struct report *report = malloc(sizeof *report);
	if (!report)
		return no_memory(err);
	report_init(report);
	int result = manifests_find(&found, &folder, 1, NULL, 0, report) < 0 ? no_memory(err) : 0;
	if (result == 0) {
		/* For lint, templates alone are an error, which it says in words of its own. */
		bool templates = found.template_count && found.file_count == 0;
		if (report->errors && report->count && !templates)
			result = error_set(err, "%.300s: %.600s", report->findings[0].file.ptr,
					   report->findings[0].text.ptr);
		else
			result = has_whole(&found) ? read_found(replay, &found, names, err)
						   : explain_none(&found, folder, err);
		manifests_release(&found);
	}
	report_release(report);
	free(report);
	return result;
}

int replay_folder(struct replay *replay, const char *path, struct replay_names *names, struct error *err)
{
	struct dirent **entries;
	bool recorded = false;
	int count = scandir(path, &entries, select_file, compare_names);
	if (count < 0)
		return error_set(err, "%.300s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++)
		recorded |= replay_file_is_recorded(entries[i]->d_name);
	int result = recorded ? read_recording(replay, path, entries, count, names, err)
			      : read_manifests(replay, path, names, err);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return result;
}
