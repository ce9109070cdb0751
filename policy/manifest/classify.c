#include "policy/manifest/classify.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "gpugate/file.h"
#include "gpugate/manifests.h"
#include "gpugate/suggest.h"
#include "policy/document/lines.h"
#include "policy/document/schema.h"
#include "policy/document/source.h"
#include "policy/document/yaml.h"
#include "policy/manifest/view.h"

#define GROUP STR("gpugate.io/")

int classify_read(const char *path, struct buf *bytes)
{
	struct stat status;
	buf_init(bytes, 1);
	if (stat(path, &status) < 0)
		return -1;
	if (status.st_size > (off_t)MANIFESTS_FILE_BYTES_MAX) {
		errno = EFBIG;
		return -1;
	}
	buf_init(bytes, status.st_size > 0 ? (size_t)status.st_size : 1);
	return file_read(AT_FDCWD, path, O_NONBLOCK, bytes);
}

static bool holds(struct str bytes, const char *word)
{
	return bytes.len > 0 && memmem(bytes.ptr, bytes.len, word, strlen(word)) != NULL;
}

static bool is_our_kind(struct str kind)
{
	for (size_t i = 0; i < KIND_NAMESPACE; i++)
		if (str_eq(kind, schema_kinds[i].kind))
			return true;
	return false;
}

/* Whether some value of the map is our apiVersion, under a key that may be misspelled. */
static bool names_our_group(const struct node *root)
{
	for (const struct node *key = root->type == NODE_MAP ? root->first : NULL; key; key = key->next)
		if (str_starts(view_text(key->value), GROUP))
			return true;
	return false;
}

/*
 * Whether a document is a Chart.yaml of Helm, or a kustomization that leaves out its apiVersion or
 * its kind, and lists charts.
 */
static bool lists_charts(const struct node *root, struct str version)
{
	const struct node *dependencies = view_get(root, STR("dependencies"));
	const struct node *charts = view_get(root, STR("helmCharts"));
	bool helm = str_eq(version, STR("v1")) || str_eq(version, STR("v2"));
	return (charts && charts->type == NODE_LIST) || (helm && dependencies && dependencies->type == NODE_LIST);
}

enum file_class classify_document(const struct node *root)
{
	static const struct str ours = STR_INIT("gpugate.io/v1");
	struct str version = view_text_of(root, STR("apiVersion")), kind = view_text_of(root, STR("kind"));
	if (str_starts(version, GROUP) && str_eq(kind, STR("TestSuite")))
		return FILE_SUITE;
	if (names_our_group(root) || (version.len == 0 && is_our_kind(kind)) ||
	    str_present(suggest_word(version, &ours, 1, sizeof ours)))
		return FILE_POLICY;
	if (version.len == 0 || kind.len == 0)
		return lists_charts(root, version) ? FILE_CHARTS : FILE_OTHER;
	return str_eq(version, STR("v1")) && str_eq(kind, STR("Namespace")) ? FILE_NAMESPACE : FILE_MANIFEST;
}

bool classify_open(const char *path, struct str bytes, struct arena *arena, struct docs *docs, struct report *report)
{
	*docs = (struct docs){0};
	source_read_large(path, bytes, arena, docs, report);
	return docs->source_count == 1 && docs->sources[0].usable;
}

static unsigned classify_tree(struct str bytes, struct arena *nodes, struct arena *texts, struct report *report)
{
	struct docs docs;
	unsigned classes = FILE_OTHER;
	if (!classify_open("", bytes, texts, &docs, report))
		return classes;
	struct tree_reader *reader = tree_open_lenient(&docs, 0, report);
	for (struct node *root; reader && (root = tree_next(reader, nodes, texts));) {
		classes |= classify_document(root);
		arena_reset(nodes);
	}
	tree_close(reader);
	return classes;
}

unsigned classify_bytes(struct str bytes, struct arena *nodes, struct arena *texts)
{
	/* Without these words, two more tell what a file is, so that few files are parsed twice. */
	static const char *const words[] = {"gpugate", "Namespace", "Settings", "Accelerator",
					    "Tenant",  "Rule",      "Guard",    "{{"};
	static const char *const autoscalers[] = {"HorizontalPodAutoscaler", "ScaledObject"};
	bool object = holds(bytes, "apiVersion") && holds(bytes, "kind");
	bool charts = holds(bytes, "gpu-operator") && (holds(bytes, "dependencies") || holds(bytes, "helmCharts"));
	bool parse = charts;
	unsigned scales = 0;
	for (size_t i = 0; i < sizeof autoscalers / sizeof autoscalers[0]; i++)
		scales |= holds(bytes, autoscalers[i]) ? FILE_SCALES : 0;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		parse |= holds(bytes, words[i]);
	if (!parse)
		return object ? FILE_MANIFEST | scales : FILE_OTHER;
	struct report *report = malloc(sizeof *report);
	if (!report)
		return FILE_OTHER;
	report_init(report);
	unsigned classes = classify_tree(bytes, nodes, texts, report) & (charts ? ~0U : ~(unsigned)FILE_CHARTS);
	if (report->errors && holds(bytes, "{{"))
		classes |= FILE_TEMPLATE;
	else if (report->errors && holds(bytes, "gpugate.io/"))
		classes |= FILE_POLICY;
	else if (report->errors && object)
		classes |= FILE_MANIFEST;
	report_release(report);
	free(report);
	arena_reset(nodes);
	arena_reset(texts);
	return classes | scales;
}
