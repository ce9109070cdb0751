/* find: divides files into policies and manifests. See gpugate/manifests.h. */
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/file.h"
#include "gpugate/manifests.h"
#include "policy/document/find_files.h"
#include "policy/document/report.h"
#include "policy/manifest/classify.h"

#define CHUNK ((size_t)64 << 10)
#define PATHS_MAX ((size_t)64 << 20)
#define TREE_MAX ((size_t)512 << 20)

struct search {
	struct manifests *out;
	struct found_files files;
	uint8_t *classes; /* Of each file. */
	/* Of each file, its folder if it holds policy, or a kustomization; otherwise absent. */
	struct str *folders, *kustomized;
	const struct report *found; /* Problems of the walk. */
	bool given;                 /* The policies were given. */
};

static struct str folder_of(struct str path)
{
	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	return path;
}

/* Whether a path is in one of the folders or below it. A folder ends with a slash, or is empty. */
static bool is_in(const struct search *search, const struct str *folders, struct str path)
{
	for (size_t i = 0; i < search->files.count; i++)
		if (str_present(folders[i]) && str_starts(path, folders[i]))
			return true;
	return false;
}

static bool is_policy(const struct search *search, size_t i)
{
	const struct found_file *file = &search->files.items[i];
	return search->classes[i] & FILE_POLICY || (!file->given && is_in(search, search->folders, file->path));
}

/* --- Reading --- */

/*
 * A pipe can be read only once, and policy_load reads it. The caller has made standard input a
 * file.
 */
static void classify_file(struct search *search, size_t i, struct arena *arenas)
{
	const struct found_file *file = &search->files.items[i];
	struct stat status;
	struct buf bytes;
	search->classes[i] = FILE_OTHER;
	if (file->given && (stat(file->path.ptr, &status) < 0 || !S_ISREG(status.st_mode))) {
		search->classes[i] = FILE_POLICY;
		return;
	}
	if (classify_read(file->path.ptr, &bytes) == 0)
		search->classes[i] = (uint8_t)classify_bytes(buf_view(&bytes), &arenas[0], &arenas[1]);
	else if (!str_ends(file->path, STR(".json")))
		search->classes[i] = FILE_POLICY; /* policy_load says why it cannot be read. */
	buf_release(&bytes);
}

static bool is_kustomization(struct str path)
{
	return str_ends(path, STR("/kustomization.yaml")) || str_ends(path, STR("/kustomization.yml"));
}

/* A file that was given by name has its kustomization next to it. */
static bool has_kustomization(struct arena *arena, struct str folder)
{
	static const char name[] = "kustomization.yaml";
	char *path = arena_alloc(arena, folder.len + sizeof name);
	if (!path)
		return false;
	memcpy(path, folder.ptr, folder.len);
	memcpy(path + folder.len, name, sizeof name);
	return access(path, F_OK) == 0;
}

static void classify_all(struct search *search)
{
	struct arena arenas[2];
	for (size_t i = 0; i < 2; i++)
		arena_init(&arenas[i], CHUNK, TREE_MAX);
	for (size_t i = 0; i < search->files.count; i++) {
		const struct found_file *file = &search->files.items[i];
		classify_file(search, i, arenas);
		if (search->classes[i] & FILE_POLICY && !file->given && !str_ends(file->path, STR(".json")))
			search->folders[i] = folder_of(file->path);
		if (is_kustomization(file->path) ||
		    (file->given && has_kustomization(&search->out->arena, folder_of(file->path))))
			search->kustomized[i] = folder_of(file->path);
	}
	for (size_t i = 0; i < 2; i++)
		arena_release(&arenas[i]);
}

/* --- Dividing --- */

/* Counts the file, and keeps the first ones. */
static void name_file(struct str *names, unsigned *count, struct str path)
{
	if (*count < REPORT_IGNORED_MAX)
		names[*count] = file_shown(path);
	++*count;
}

static void add_other(struct manifests *out, struct str path)
{
	if (out->other_count < REPORT_IGNORED_MAX)
		out->others[out->other_count] = arena_str(&out->arena, file_shown(path));
	out->other_count++;
}

/* A folder without the slash at its end, as policy_load takes it; NUL-terminated. */
static const char *folder_path(struct arena *arena, struct str folder)
{
	if (folder.len == 0)
		return ".";
	while (folder.len > 1 && folder.ptr[folder.len - 1] == '/')
		folder.len--;
	return arena_str(arena, folder).ptr;
}

/* Adds what policy_load must read for a file: the file itself, or the topmost folder of policy. */
static int add_policy(struct search *search, size_t i)
{
	const struct found_file *file = &search->files.items[i];
	struct manifests *out = search->out;
	const char *path = file->path.ptr;
	if (!file->given) {
		struct str folder = search->folders[i];
		if (!str_present(folder) ||
		    (folder.len > 0 && is_in(search, search->folders, (struct str){folder.ptr, folder.len - 1})))
			return 0;
		path = folder_path(&out->arena, folder);
	}
	if (!path)
		return -1;
	out->policies[out->policy_count++] = path;
	return 0;
}

static int divide(struct search *search)
{
	struct manifests *out = search->out;
	for (size_t i = 0; i < search->files.count; i++) {
		const struct found_file *file = &search->files.items[i];
		unsigned classes = search->classes[i];
		if (is_policy(search, i)) {
			if (!search->given && add_policy(search, i) < 0)
				return -1;
			continue;
		}
		if (classes & FILE_TEMPLATE)
			name_file(out->templates, &out->template_count, file->path);
		else if (classes & FILE_MANIFEST)
			out->files[out->file_count++] =
			    (struct manifest_path){.path = file->path,
						   .partial = is_in(search, search->kustomized, file->path),
						   .scales = classes & FILE_SCALES};
		if (classes & FILE_SUITE)
			name_file(out->suites, &out->suite_count, file->path);
		if (classes & FILE_NAMESPACE && !(classes & FILE_TEMPLATE))
			out->namespaces[out->namespace_count++] = file->path;
		if (classes & FILE_CHARTS && !(classes & FILE_MANIFEST))
			out->charts[out->chart_count++] = file->path;
		if (!(classes & (FILE_MANIFEST | FILE_NAMESPACE | FILE_SUITE)) || classes & FILE_TEMPLATE)
			out->loose[out->loose_count++] = file->path;
		if (!(classes & (FILE_TEMPLATE | FILE_MANIFEST | FILE_NAMESPACE | FILE_SUITE)))
			add_other(out, file->path);
	}
	return 0;
}

/* Problems of files outside the policy, which policy_load does not find. */
static void take_problems(const struct search *search, struct report *report)
{
	for (unsigned i = 0; i < search->found->count; i++) {
		const struct finding *finding = &search->found->findings[i];
		if (finding->severity == SEVERITY_ERROR && !is_in(search, search->folders, finding->file))
			report_add(report, finding);
	}
}

static int prepare(struct search *search, size_t policy_count)
{
	struct manifests *out = search->out;
	size_t count = search->files.count;
	search->classes = arena_zalloc(&out->arena, count + 1, sizeof *search->classes);
	search->folders = arena_zalloc(&out->arena, count + 1, sizeof *search->folders);
	search->kustomized = arena_zalloc(&out->arena, count + 1, sizeof *search->kustomized);
	out->files = arena_zalloc(&out->arena, count + 1, sizeof *out->files);
	out->namespaces = arena_zalloc(&out->arena, count + 1, sizeof *out->namespaces);
	out->loose = arena_zalloc(&out->arena, count + 1, sizeof *out->loose);
	out->charts = arena_zalloc(&out->arena, count + 1, sizeof *out->charts);
	out->policies = arena_zalloc(&out->arena, count + policy_count + 1, sizeof *out->policies);
	return search->classes && search->folders && search->kustomized && out->files && out->namespaces &&
		       out->charts && out->loose && out->policies
		   ? 0
		   : -1;
}

/* What is not looked at must not seem to have nothing wrong. */
static void report_nothing(const struct manifests *out, const char *path, struct report *report)
{
	if (out->file_count + out->chart_count + out->policy_count > 0)
		return;
	if (out->template_count)
		report_file(
		    report, file_shown(str_of(path)),
		    "there are only templates here, which are no YAML; run `helm template CHART | gpugate lint -`");
	else if (out->suite_count)
		report_file(
		    report, file_shown(str_of(path)),
		    "there are only suites here, which `gpugate test` reads; name a policy or manifests as well");
}

/* Without manifests, and without a policy that was named, everything is policy. */
static void take_all(struct manifests *out, const char *const *paths, size_t count)
{
	out->policy_count = 0;
	for (size_t i = 0; i < count; i++)
		out->policies[out->policy_count++] = paths[i];
}

int manifests_find(struct manifests *manifests, const char *const *paths, size_t count, const char *const *policies,
		   size_t policy_count, struct report *report)
{
	struct report *found = malloc(sizeof *found);
	*manifests = (struct manifests){.policies = NULL};
	arena_init(&manifests->arena, CHUNK, PATHS_MAX);
	if (!found)
		return -1;
	report_init(found);
	struct search search = {.out = manifests, .found = found, .given = policy_count > 0};
	walk_manifests(paths, count, &manifests->arena, &search.files, found);
	int result = prepare(&search, count + policy_count);
	if (result == 0) {
		classify_all(&search);
		result = divide(&search);
	}
	bool plain =
	    manifests->file_count + manifests->chart_count + manifests->template_count + manifests->suite_count == 0;
	if (result == 0 && search.given)
		take_all(manifests, policies, policy_count);
	else if (result == 0 && plain)
		take_all(manifests, paths, count);
	if (result == 0 && !plain)
		take_problems(&search, report);
	for (unsigned i = 0; result == 0 && i < found->ignored_count && i < REPORT_IGNORED_MAX; i++)
		add_other(manifests, found->ignored[i]);
	if (result == 0 && found->ignored_count > REPORT_IGNORED_MAX)
		manifests->other_count += found->ignored_count - REPORT_IGNORED_MAX;
	if (result == 0)
		report_nothing(manifests, paths[0], report);
	free(search.files.items);
	report_release(found);
	free(found);
	if (result < 0)
		manifests_release(manifests);
	return result;
}

void manifests_release(struct manifests *manifests)
{
	arena_release(&manifests->arena);
}
