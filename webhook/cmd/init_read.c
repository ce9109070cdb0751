#include "webhook/cmd/init_read.h"

#include <limits.h>
#include <stdlib.h>

#include "webhook/cmd/input_file.h"
#include "webhook/cmd/list_fetch.h"
#include "webhook/object/manifest.h"

#define FILES_BYTES_MAX ((size_t)1 << 30) /* Of all files together. */
#define NAMED_BYTES_MAX ((size_t)1 << 20) /* Of a file of policy. */
#define ROUNDS_MAX 3                      /* How often the lists begin. */

/* --- Files --- */

struct inputs {
	const char *const *paths;
	struct manifest *manifests;
	size_t count, bytes;
};

static int read_file(struct inputs *inputs, const char *path, struct error *err)
{
	struct buf bytes;
	buf_init(&bytes, MANIFEST_BYTES_MAX);
	int result = input_file_read(path, &bytes, err);
	inputs->bytes += bytes.len;
	if (result == 0 && inputs->bytes > FILES_BYTES_MAX)
		result = error_set(err, "the files are larger than %zu MiB together; use --from-cluster",
				   FILES_BYTES_MAX >> 20);
	if (result == 0)
		result = manifest_read(&inputs->manifests[inputs->count], input_file_name(path), buf_view(&bytes), err);
	inputs->count += result == 0;
	buf_release(&bytes);
	return result;
}

static bool is_of(const struct manifest_object *object, const struct survey_kind *kind)
{
	struct str version = object->api_version;
	size_t slash = 0;
	while (slash < version.len && version.ptr[slash] != '/')
		slash++;
	struct str group = {version.ptr, slash < version.len ? slash : 0};
	return str_eq(object->kind, kind->kind) && str_eq(group, kind->group);
}

/* Returns how many objects of the kind were taken, or -1 with an error. */
static int64_t take_kind(struct survey *survey, const struct inputs *inputs, unsigned kind, struct error *err)
{
	int64_t taken = 0;
	for (size_t m = 0; m < inputs->count; m++) {
		const struct manifest *manifest = &inputs->manifests[m];
		for (uint32_t i = 0; i < manifest->count; i++) {
			const struct manifest_object *object = &manifest->objects[i];
			if (!is_of(object, &survey_kinds[kind]))
				continue;
			if (survey_take(survey, kind, object->json, err) < 0)
				return manifest_explain(manifest, object, err);
			taken++;
		}
	}
	return taken;
}

/* Finds the path of a file relative to the folder that it is in, whose parts may be links. */
static bool find_inside(const char *folder, const char *path, char *real, struct str *inside)
{
	char root[PATH_MAX];
	if (!folder || strcmp(path, "-") == 0 || !realpath(folder, root) || !realpath(path, real))
		return false;
	size_t len = strlen(root);
	*inside = strncmp(real, root, len) == 0 && real[len] == '/' ? str_of(real + len + 1) : (struct str){NULL, 0};
	return str_present(*inside);
}

/* A file in the folder of the policy is read again: only its bytes can be named. */
static int begin_file(struct survey *survey, const char *folder, const char *path, struct error *err)
{
	char real[PATH_MAX];
	struct str inside = {NULL, 0};
	struct error unread = {0};
	struct buf bytes;
	buf_init(&bytes, NAMED_BYTES_MAX);
	if (find_inside(folder, path, real, &inside) && input_file_read(path, &bytes, &unread) < 0)
		inside = (struct str){NULL, 0};
	int result = survey_begin_file(survey, inside, buf_view(&bytes), err);
	buf_release(&bytes);
	return result;
}

static const struct survey_kind namespaces = {.group = {"", 0}, .kind = {"Namespace", 9}};

/* Takes what comes before all objects of other kinds. */
static int take_config(struct survey *survey, const struct manifest *manifest, const struct manifest_object *object,
		       struct error *err)
{
	int result = 0;
	if (object->kind.len == 0 && object->api_version.len == 0)
		result = survey_take_config(survey, manifest->file, object->json, err);
	else if (is_of(object, &survey_kinds[SURVEY_CONFIG_MAP]))
		result = survey_take(survey, SURVEY_CONFIG_MAP, object->json, err);
	else if (is_of(object, &namespaces))
		result = survey_take_namespace(survey, object->name, err);
	return result < 0 ? manifest_explain(manifest, object, err) : 0;
}

static int take_configs(struct survey *survey, const struct inputs *inputs, const char *folder, struct error *err)
{
	for (size_t m = 0; m < inputs->count; m++) {
		const struct manifest *manifest = &inputs->manifests[m];
		if (begin_file(survey, folder, inputs->paths[m], err) < 0)
			return -1;
		for (uint32_t i = 0; i < manifest->count; i++)
			if (take_config(survey, manifest, &manifest->objects[i], err) < 0)
				return -1;
	}
	return 0;
}

static int take_all(struct survey *survey, const struct inputs *inputs, const char *folder, struct error *err)
{
	int64_t taken = 0;
	if (take_configs(survey, inputs, folder, err) < 0)
		return -1;
	for (unsigned kind = SURVEY_CONFIG_MAP + 1; kind < SURVEY_KINDS; kind++) {
		int64_t some = take_kind(survey, inputs, kind, err);
		if (some < 0)
			return -1;
		taken += some;
	}
	return taken ? 0
		     : error_set(err,
				 "%.300s: there is no Node, ResourceQuota, or Pod in it; `kubectl get "
				 "nodes,resourcequotas,limitranges,configmaps,pods -A -o json` prints them",
				 inputs->manifests[0].file);
}

int init_read_files(struct survey *survey, const char *const *paths, size_t count, const char *folder,
		    struct error *err)
{
	struct inputs inputs = {.paths = paths, .manifests = calloc(count, sizeof *inputs.manifests)};
	int result = 0;
	if (!inputs.manifests)
		return error_set(err, "there is not enough memory");
	for (size_t i = 0; i < count && result == 0; i++)
		result = read_file(&inputs, paths[i], err);
	if (result == 0)
		result = take_all(survey, &inputs, folder, err);
	for (size_t i = 0; i < inputs.count; i++)
		manifest_release(&inputs.manifests[i]);
	free(inputs.manifests);
	return result;
}

/* --- The cluster --- */

struct listing {
	struct survey *survey;
	unsigned kind;
	bool begun, again; /* The list has begun; it would begin a second time. */
};

/* What was read cannot be taken back, so all lists begin again. */
static int on_begin(void *context, struct error *err)
{
	struct listing *listing = context;
	listing->again = listing->begun;
	listing->begun = true;
	return listing->again ? error_set(err, "the list of %s expired while it was read; try again",
					  survey_kinds[listing->kind].plural)
			      : 0;
}

static int on_item(void *context, struct str json, struct error *err)
{
	const struct listing *listing = context;
	return survey_take(listing->survey, listing->kind, json, err);
}

/* Returns 0; 1: the lists must begin again; or -1. */
static int list_kind(struct survey *survey, struct kube_config *config, unsigned kind, struct error *err)
{
	const struct survey_kind *row = &survey_kinds[kind];
	struct listing listing = {.survey = survey, .kind = kind};
	const struct list_fetch list = {
	    .path = row->path, .what = row->plural, .begin = on_begin, .item = on_item, .context = &listing};
	struct error found = {0};
	unsigned status;
	if (list_fetch(config, &list, &status, &found) == 0)
		return 0;
	if (listing.again) {
		error_set(err, "%s", found.text);
		return 1;
	}
	if (row->optional && (status == 404 || status == 403)) {
		if (status == 403)
			fprintf(stderr, "gpugate init: %s are left out, since this user may not list them: %s\n",
				row->plural, found.text);
		return 0;
	}
	if (status == 403)
		return error_set(err, "%s; --from-cluster needs the right to `list` %s in all namespaces", found.text,
				 row->plural);
	return error_set(err, "%s", found.text);
}

static int list_all(struct survey *survey, struct kube_config *config, struct error *err)
{
	int result = 0;
	for (unsigned kind = 0; kind < SURVEY_KINDS && result == 0; kind++)
		result = list_kind(survey, config, kind, err);
	return result;
}

int init_read_cluster(struct survey *survey, struct kube_config *config, struct error *err)
{
	for (unsigned round = 1;; round++) {
		int result = list_all(survey, config, err);
		if (result <= 0)
			return result;
		if (round == ROUNDS_MAX)
			return -1;
		survey_release(survey);
		err->text[0] = '\0';
		if (survey_init(survey, err) < 0)
			return -1;
	}
}
