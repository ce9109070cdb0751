/* lint: reads the manifests, one document at a time, and calls the rules. */
#include <errno.h>

#include "gpugate/file.h"
#include "gpugate/manifests.h"
#include "policy/document/report.h"
#include "policy/document/yaml.h"
#include "policy/manifest/classify.h"
#include "policy/manifest/plugin_maps.h"
#include "policy/manifest/rules.h"

#define CHUNK ((size_t)64 << 10)
#define LISTS_MAX 8 /* Kubernetes lists within each other. */

/*
 * The largest file may be one document, whose nodes need many times its size. An ordinary one needs
 * a few kilobytes.
 */
#define MEMORY_MAX ((size_t)2 << 30)

struct linting {
	struct manifests *manifests;
	const struct manifest_path *file;
	struct docs docs; /* With one source. */
	struct report *report;
	struct report *problems; /* Of the YAML. */
	struct arena lines, nodes, texts;
	struct plugin_maps *plugin_maps;
	bool gaps; /* In the tree of the document. */
};

static struct str group_of(struct str api_version, struct str *version)
{
	const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
	size_t len = slash ? (size_t)(slash - api_version.ptr) : 0;
	*version = slash ? str_tail(api_version, len + 1) : api_version;
	return (struct str){slash ? api_version.ptr : "", len};
}

/*
 * Kinds whose Pods another object completes: an InferenceService of KServe gives the resources of
 * the runtime's container.
 */
static bool is_completed(struct str group, struct str kind)
{
	static const struct str kinds[] = {STR_INIT("ServingRuntime"), STR_INIT("ClusterServingRuntime")};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (str_eq(group, STR("serving.kserve.io")) && str_eq(kind, kinds[i]))
			return true;
	return false;
}

static struct view view_of(const struct linting *linting, const struct node *root)
{
	struct view view = {.docs = &linting->docs,
			    .report = linting->report,
			    .root = root,
			    .path = linting->file->path,
			    .plugin_maps = linting->plugin_maps,
			    .kind = view_text_of(root, STR("kind")),
			    .name = view_text(view_path(root, "metadata.name")),
			    .namespace = view_text(view_path(root, "metadata.namespace"))};
	view.group = group_of(view_text_of(root, STR("apiVersion")), &view.version);
	view.partial = linting->file->partial || linting->gaps || is_completed(view.group, view.kind);
	return view;
}

static void judge_object(struct linting *linting, const struct node *root, unsigned depth)
{
	const struct node *items = view_get(root, STR("items"));
	const struct view view = view_of(linting, root);
	if (str_ends(view.kind, STR("List")) && items && items->type == NODE_LIST) {
		for (const struct node *item = items->first; item && depth < LISTS_MAX; item = item->next)
			judge_object(linting, item, depth + 1);
		return;
	}
	if (root->type != NODE_MAP || view.kind.len == 0)
		return;
	linting->manifests->object_count++;
	rules_object(&view);
	rules_charts(&view);
	rules_pods(&view);
}

static void judge_document(struct linting *linting, const struct node *root)
{
	enum file_class class = classify_document(root);
	const struct view view = view_of(linting, root);
	if (class == FILE_MANIFEST) {
		judge_object(linting, root, 0);
		rules_references(&view);
	}
	if (class != FILE_CHARTS)
		return;
	linting->manifests->object_count++;
	rules_charts(&view);
}

static void judge_documents(struct linting *linting)
{
	struct tree_reader *reader = tree_open_lenient(&linting->docs, 0, linting->problems);
	for (struct node *root; reader && (root = tree_next(reader, &linting->nodes, &linting->texts));) {
		linting->gaps = tree_has_gaps(reader);
		judge_document(linting, root);
		arena_reset(&linting->nodes);
		arena_reset(&linting->texts);
	}
	if (!reader)
		report_file(linting->problems, file_shown(linting->file->path), "no memory is left to read this file");
	tree_close(reader);
}

/* Turns a problem of the YAML into a finding that has an id. */
static void take_problem(struct linting *linting)
{
	const struct finding *problem = &linting->problems->findings[0];
	struct location at = {0, problem->line, problem->column, problem->length};
	if (problem->line > 0)
		docs_lint(linting->report, &linting->docs, LINT_MANIFEST_UNREADABLE, at,
			  "this file is not checked: %.*s", STR_ARG(problem->text));
	else
		report_lint(linting->report, file_shown(linting->file->path), LINT_MANIFEST_UNREADABLE,
			    "this file is not checked: %.*s", STR_ARG(problem->text));
}

static void judge_file(struct linting *linting, const struct manifest_path *file)
{
	const char *path = file->path.ptr;
	struct buf bytes;
	linting->file = file;
	report_init(linting->problems);
	if (classify_read(path, &bytes) < 0)
		report_file(linting->problems, file_shown(linting->file->path), "%s",
			    errno == EFBIG ? "it is larger than 64 MiB; split it" : strerror(errno));
	else if (classify_open(path, buf_view(&bytes), &linting->lines, &linting->docs, linting->problems))
		judge_documents(linting);
	if (linting->problems->count > 0)
		take_problem(linting);
	report_release(linting->problems);
	buf_release(&bytes);
	arena_reset(&linting->lines);
}

/* What cannot be read refers to nothing. */
static void read_other(struct linting *linting, struct str path)
{
	struct buf bytes;
	if (classify_read(path.ptr, &bytes) == 0)
		plugin_maps_mention(linting->plugin_maps, buf_view(&bytes), false);
	buf_release(&bytes);
}

void manifests_lint(struct manifests *manifests, struct report *report)
{
	struct linting linting = {.manifests = manifests,
				  .report = report,
				  .problems = malloc(sizeof *report),
				  .plugin_maps = calloc(1, sizeof *linting.plugin_maps)};
	bool ready = linting.plugin_maps && plugin_maps_init(linting.plugin_maps) == 0 && linting.problems;
	arena_init(&linting.lines, CHUNK, MEMORY_MAX);
	arena_init(&linting.nodes, CHUNK, MEMORY_MAX);
	arena_init(&linting.texts, CHUNK, MEMORY_MAX);
	for (size_t i = 0; ready && i < manifests->file_count; i++)
		judge_file(&linting, &manifests->files[i]);
	for (size_t i = 0; ready && i < manifests->chart_count; i++)
		judge_file(&linting, &(struct manifest_path){.path = manifests->charts[i]});
	for (size_t i = 0; ready && i < manifests->loose_count && plugin_maps_lack(linting.plugin_maps); i++)
		read_other(&linting, manifests->loose[i]);
	if (ready)
		plugin_maps_report(linting.plugin_maps, report);
	else
		report_file(report, STR(""), "no memory is left to read the manifests");
	if (linting.plugin_maps)
		plugin_maps_release(linting.plugin_maps);
	free(linting.plugin_maps);
	arena_release(&linting.lines);
	arena_release(&linting.nodes);
	arena_release(&linting.texts);
	free(linting.problems);
	report_sort(report);
}
