#include "webhook/init/survey.h"

#include "gpugate/report.h"
#include "webhook/init/accelerators.h"
#include "webhook/init/config_names.h"
#include "webhook/init/configs.h"
#include "webhook/init/guards.h"
#include "webhook/init/installers.h"
#include "webhook/init/nodes.h"
#include "webhook/init/pods.h"
#include "webhook/init/quotas.h"
#include "webhook/init/slices.h"

#define SCRATCH_CHUNK ((size_t)256 << 10)
#define SCRATCH_MAX ((size_t)64 << 20) /* For one object. */

#define S STR_INIT
#define DRA "/apis/resource.k8s.io/v1/"

const struct survey_kind survey_kinds[SURVEY_KINDS] = {
    [SURVEY_CONFIG_MAP] = {S(""), S("ConfigMap"), "/api/v1/configmaps", "configmaps", true},
    {S("resource.k8s.io"), S("DeviceClass"), DRA "deviceclasses", "deviceclasses.resource.k8s.io", true},
    {S(""), S("Node"), "/api/v1/nodes", "nodes", false},
    {S("resource.k8s.io"), S("ResourceSlice"), DRA "resourceslices", "resourceslices.resource.k8s.io", true},
    {S(""), S("ResourceQuota"), "/api/v1/resourcequotas", "resourcequotas", false},
    {S(""), S("LimitRange"), "/api/v1/limitranges", "limitranges", false},
    {S(""), S("Pod"), "/api/v1/pods", "pods", false},
};

static int (*const readers[SURVEY_KINDS - 1])(struct fleet *, struct str, struct arena *, struct error *) = {
    configs_read, slices_read_class, nodes_read, slices_read, quotas_read, quotas_read_range,
};

int survey_init(struct survey *survey, struct error *err)
{
	*survey = (struct survey){0};
	arena_init(&survey->scratch, SCRATCH_CHUNK, SCRATCH_MAX);
	return fleet_init(&survey->fleet, err);
}

void survey_release(struct survey *survey)
{
	policy_release(survey->probe);
	arena_release(&survey->scratch);
	fleet_release(&survey->fleet);
}

/* Once all nodes are known, Pods can be judged. */
static int derive(struct survey *survey, struct error *err)
{
	if (survey->derived)
		return 0;
	survey->derived = true;
	return accelerators_derive(&survey->fleet, err);
}

int survey_begin_file(struct survey *survey, struct str path, struct str text, struct error *err)
{
	bool replaced = str_present(path) && documents_has(path);
	return configs_begin_file(&survey->fleet, replaced ? (struct str){NULL, 0} : path, text, err);
}

int survey_take_config(struct survey *survey, const char *file, struct str text, struct error *err)
{
	return configs_take(&survey->fleet, file, text, err);
}

int survey_take_namespace(struct survey *survey, struct str name, struct error *err)
{
	return installers_note(&survey->fleet, name, err);
}

int survey_take(struct survey *survey, unsigned kind, struct str json, struct error *err)
{
	arena_reset(&survey->scratch);
	if (kind < SURVEY_KINDS - 1)
		return readers[kind](&survey->fleet, json, &survey->scratch, err);
	if (!survey->probe) {
		if (derive(survey, err) < 0)
			return -1;
		survey->probe = guards_probe(&survey->fleet, err);
		if (!survey->probe)
			return -1;
	}
	return pods_read(&survey->fleet, survey->probe, json, &survey->scratch, err);
}

/* What was written must be valid. */
static int check(const struct fleet *fleet, const struct init_files *files, struct error *err)
{
	struct report *report = malloc(sizeof *report);
	struct policy_text *texts = calloc(files->count + 1, sizeof *texts);
	int result = -1;
	if (report && texts) {
		for (uint32_t i = 0; i < files->count; i++)
			texts[i] = (struct policy_text){files->items[i].path, files->items[i].text};
		report_init(report);
		struct policy *policy = config_names_load(fleet, texts, files->count, report);
		result = policy ? (int)report->warnings : -1;
		if (!policy)
			error_set(
			    err, "the policy that was made is not valid, %.*s:%u: %.*s",
			    STR_ARG(report->count ? report->findings[0].file : STR("")),
			    report->count ? report->findings[0].line : 0,
			    STR_ARG(report->count ? report->findings[0].text : STR("there is not enough memory")));
		policy_release(policy);
		report_release(report);
	} else {
		error_set(err, "there is not enough memory for the policy");
	}
	free(texts);
	free(report);
	return result;
}

static int compare(const void *left, const void *right)
{
	const struct fleet_namespace *const *a = left, *const *b = right;
	return str_cmp((*a)->name, (*b)->name);
}

int survey_finish(struct survey *survey, struct init_files *files, struct error *err)
{
	struct fleet *fleet = &survey->fleet;
	if (derive(survey, err) < 0)
		return -1;
	if (fleet->namespace_count > 1)
		qsort(fleet->namespaces, fleet->namespace_count, sizeof *fleet->namespaces, compare);
	if (documents_write(fleet, files, err) < 0)
		return -1;
	return check(fleet, files, err);
}
