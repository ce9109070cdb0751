/*
 * rules_charts: in which version objects and files want the chart of the GPU Operator. To read
 * another place, add a row to `places`.
 */
#include "policy/manifest/chart_version.h"
#include "policy/manifest/rules.h"

static const struct place {
	struct str group, kind; /* Empty: a file that says neither. */
	const char *path;       /* A map, or a list of maps, with these keys. */
	struct str chart, version;
	const char *source; /* The path of what says where the chart is. */
} places[] = {
#define PLACE(group, kind, path, chart, version, source)                                                               \
	{                                                                                                              \
		STR_INIT(group), STR_INIT(kind), path, STR_INIT(chart), STR_INIT(version), source                      \
	}
    PLACE("argoproj.io", "Application", "spec.source", "chart", "targetRevision", "repoURL"),
    PLACE("argoproj.io", "Application", "spec.sources", "chart", "targetRevision", "repoURL"),
    PLACE("argoproj.io", "ApplicationSet", "spec.template.spec.source", "chart", "targetRevision", "repoURL"),
    PLACE("argoproj.io", "ApplicationSet", "spec.template.spec.sources", "chart", "targetRevision", "repoURL"),
    PLACE("helm.toolkit.fluxcd.io", "HelmRelease", "spec.chart.spec", "chart", "version", "sourceRef.kind"),
    PLACE("helm.cattle.io", "HelmChart", "spec", "chart", "version", "repo"),
    PLACE("kustomize.config.k8s.io", "Kustomization", "helmCharts", "name", "version", "repo"),
    PLACE("", "Kustomization", "helmCharts", "name", "version", "repo"),
    PLACE("kustomize.config.k8s.io", "", "helmCharts", "name", "version", "repo"),
    PLACE("", "", "helmCharts", "name", "version", "repo"),
    PLACE("", "", "dependencies", "name", "version", "repository"),
};

/* Whether a chart such as nvidia/gpu-operator is meant. Others have names that end alike. */
static bool is_gpu_operator(struct str chart)
{
	const char *slash = chart.len ? memrchr(chart.ptr, '/', chart.len) : NULL;
	return str_eq(slash ? str_tail(chart, (size_t)(slash - chart.ptr) + 1) : chart, STR("gpu-operator"));
}

/* A chart that is not in a repository of charts has versions of its own, or none that is read. */
static bool is_own(struct str source)
{
	return str_starts(source, STR("file:")) || str_eq(source, STR("GitRepository")) ||
	       str_eq(source, STR("Bucket"));
}

static void check_chart(const struct view *view, const struct place *place, const struct node *map)
{
	const struct node *version = view_get(map, place->version);
	if (!is_gpu_operator(view_text_of(map, place->chart)) || is_own(view_text(view_path(map, place->source))) ||
	    !chart_version_is_impossible(view_text(version)))
		return;
	VIEW_LINT(view, LINT_GPU_OPERATOR_VERSION, version->at,
		  "no version of the GPU Operator matches \"" SHOW
		  "\": after 1.11, they are by calendar; write one such as v26.7.0",
		  SHOWN(version->text));
}

static void check_place(const struct view *view, const struct place *place)
{
	const struct node *node = view_path(view->root, place->path);
	if (!node || node->type != NODE_LIST) {
		check_chart(view, place, node);
		return;
	}
	for (const struct node *item = node->first; item; item = item->next)
		check_chart(view, place, item);
}

void rules_charts(const struct view *view)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (str_eq(view->kind, places[i].kind) && str_eq(view->group, places[i].group))
			check_place(view, &places[i]);
}
