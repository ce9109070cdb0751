/* workload: compiles the kinds of custom resources whose Pods are judged. */
#include "policy/compile/workload.h"

#include "policy/base/show.h"
#include "policy/compile/steps.h"
#include "policy/document/schema.h"

/* Kinds that need no document, with the API group that custom resources cannot have. */
static const char *const built_in_groups[] = {"apps", "batch", "resource.k8s.io"};

/* Where the keys of a path end that lead to its last wildcard; 0: it has none. */
static size_t end_of_wild(struct str path, uint32_t *steps)
{
	size_t end = 0;
	uint32_t step = 0;
	*steps = 0;
	for (size_t i = 0; i <= path.len; i++) {
		if (i < path.len && path.ptr[i] != '.')
			continue;
		step++;
		if (path.ptr[i - 1] == '*' || path.ptr[i - 1] == ']') {
			end = i;
			*steps = step;
		}
	}
	return end;
}

/* Takes " - N" off the end. */
static int64_t take_less(struct str *path)
{
	const char *blank = memchr(path->ptr, ' ', path->len);
	int64_t less = 0;
	if (!blank)
		return 0;
	for (const char *digit = blank + 3; digit < path->ptr + path->len; digit++)
		less = less * 10 + (*digit - '0');
	path->len = (size_t)(blank - path->ptr);
	return less;
}

/*
 * Compiles a path whose wildcards are those with which the path of the Pods begins. `base` may be
 * empty.
 */
static struct related_path compile_related(struct compile *c, const struct text *text, struct str base)
{
	struct str path = text->s;
	struct related_path related = {.text = {NULL, 0}};
	if (!str_present(path))
		return related;
	related.less = take_less(&path);
	size_t end = end_of_wild(path, &related.steps);
	bool same =
	    end <= base.len && memcmp(path.ptr, base.ptr, end) == 0 && (end == base.len || base.ptr[end] == '.');
	if (end && !base.len)
		docs_report(c->report, c->docs, SEVERITY_ERROR, text->at,
			    "\"" SHOW
			    "\" would be several values, and one is needed; write a path without \"*\" and \"[]\"",
			    SHOWN(path));
	else if (end && !same)
		docs_report(c->report, c->docs, SEVERITY_ERROR, text->at,
			    "\"" SHOW "\" must begin like \"" SHOW
			    "\", the path of the Pods, up to its last \"*\" or \"[]\", so "
			    "that it belongs to the same item",
			    SHOWN(path), SHOWN(base));
	related.text = compile_keep(c, path);
	related.rest = related.text.ptr + (end && end < path.len ? end + 1 : end);
	return related;
}

static const struct related_path *compile_all_related(struct compile *c, const struct texts *texts, struct str base,
						      uint32_t max, uint32_t *count)
{
	struct related_path *items = compile_alloc(c, texts->count, sizeof *items);
	if (texts->count > max)
		docs_report(c->report, c->docs, SEVERITY_ERROR, texts->at,
			    "at most %u paths can be listed here; remove %u", max, texts->count - max);
	for (uint32_t i = 0; i < texts->count; i++)
		items[i] = compile_related(c, &texts->items[i], base);
	*count = texts->count;
	return items;
}

/* Reports keys that have no effect next to others, and returns the path of the Pods. */
static struct text path_of(struct compile *c, const struct doc_workload_pods *doc)
{
	bool whole = str_present(doc->template.s);
	bool parts = str_present(doc->pod_spec.s) || str_present(doc->metadata.s) || doc->containers.set ||
		     str_present(doc->resources.s) || str_present(doc->device.s);
	if (whole ? parts : str_present(doc->or_template.s))
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->at,
		    whole ? "a template says all of a Pod; remove \"template\", or podSpec, metadata, containers, "
			    "resources and device"
			  : "\"orTemplate\" needs \"template\", in whose place it is used");
	if (whole)
		return doc->template;
	if (str_present(doc->pod_spec.s))
		return doc->pod_spec;
	if (doc->containers.count)
		return doc->containers.items[0];
	if (!str_present(doc->resources.s))
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->at,
			    "nothing says what the Pods are like; write template, podSpec, containers or resources");
	return doc->resources;
}

static struct related_path compile_bound(struct compile *c, const struct text *bound, const char *key,
					 const struct pod_paths *pods)
{
	if (str_present(bound->s) && !pods->replica_count)
		docs_report(c->report, c->docs, SEVERITY_ERROR, bound->at,
			    "\"%s\" needs \"replicas\", of which it bounds the last number", key);
	return compile_related(c, bound, pods->path);
}

static void compile_pods(struct compile *c, const struct doc_workload_pods *doc, struct pod_paths *pods)
{
	uint32_t steps;
	struct text path = path_of(c, doc);
	struct str base = path.s;
	if (!str_present(base))
		return;
	if (str_present(doc->or_template.s) && (end_of_wild(base, &steps) || end_of_wild(doc->or_template.s, &steps)))
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->or_template.at,
			    "\"orTemplate\" cannot be used with \"*\" or \"[]\"; list two groups of Pods instead");
	pods->path = compile_keep(c, base);
	pods->or_path = compile_keep(c, doc->or_template.s);
	pods->is_template = str_present(doc->template.s);
	pods->is_spec = str_present(doc->pod_spec.s);
	pods->alone = !doc->together.value;
	pods->metadata = compile_related(c, &doc->metadata, base);
	pods->resources = compile_related(c, &doc->resources, base);
	pods->device = compile_related(c, &doc->device, base);
	pods->containers =
	    compile_all_related(c, &doc->containers, base, POD_PATHS_CONTAINERS_MAX, &pods->container_count);
	pods->replicas = compile_all_related(c, &doc->replicas, base, POD_PATHS_FACTORS_MAX, &pods->replica_count);
	pods->at_least = compile_bound(c, &doc->at_least, "atLeast", pods);
	pods->at_most = compile_bound(c, &doc->at_most, "atMost", pods);
}

static void compile_workload(struct compile *c, const struct doc_workload *doc, struct workload_paths *workload)
{
	const struct str none = {"", 0};
	struct pod_paths *pods = compile_alloc(c, doc->pods.count, sizeof *pods);
	if (doc->pods.count > WORKLOAD_PODS_MAX)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->pods.at,
			    "at most %d groups of Pods can be listed; remove %u", WORKLOAD_PODS_MAX,
			    doc->pods.count - WORKLOAD_PODS_MAX);
	for (uint32_t i = 0; i < doc->pods.count; i++)
		compile_pods(c, &doc->pods.items[i], &pods[i]);
	workload->group = compile_keep(c, doc->group.s);
	workload->kind = compile_keep(c, doc->kind.s);
	workload->plural = compile_keep(c, doc->plural.s);
	workload->pods = pods;
	workload->pod_count = doc->pods.count;
	workload->suspend =
	    compile_all_related(c, &doc->suspend, none, WORKLOAD_SUSPENDS_MAX, &workload->suspend_count);
}

/* Reports a kind that another document or Settings describe, or that is known without any. */
static bool is_new(struct compile *c, const struct doc_workload *doc, const struct doc_workload *const *others)
{
	const struct policy *policy = c->policy;
	for (size_t i = 0; i < sizeof built_in_groups / sizeof built_in_groups[0]; i++)
		if (str_eq(doc->group.s, str_of(built_in_groups[i]))) {
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, doc->group.at,
			    "the group %s is that of Kubernetes, whose kinds gpugate knows; remove the document",
			    built_in_groups[i]);
			return false;
		}
	const struct index_entry *entry = index_find(&policy->workload_kinds, doc->kind.s, doc->group.s);
	if (entry)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->kind.at,
			    SHOW " of " SHOW " is described at %s already; remove one of the two", SHOWN(doc->kind.s),
			    SHOWN(doc->group.s), compile_where(c, others[entry->id]->kind.at));
	return !entry;
}

void compile_workloads(struct compile *c)
{
	struct policy *policy = c->policy;
	const struct doc_settings *settings =
	    c->docs->settings.count ? &c->docs->settings.items[0] : &c->docs->default_settings;
	uint32_t shipped = settings->workloads.count, own = c->docs->workloads.count;
	const struct doc_workload **docs = (const struct doc_workload **)compile_sorted(
	    c, c->docs->workloads.items, own, sizeof(struct doc_workload), offsetof(struct doc_workload, name));
	const struct doc_workload **taken = compile_scratch(c, (size_t)shipped + own, sizeof(void *));
	struct workload_paths *workloads = compile_alloc(c, (size_t)shipped + own, sizeof *workloads);
	if (index_init(&policy->workload_kinds, shipped + own, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < shipped + own; i++) {
		const struct doc_workload *doc = i < own ? docs[i] : NULL;
		if (!doc) {
			const struct choice *named = &settings->workloads.items[i - own];
			doc = workload_shipped(c, (enum shipped_workload)named->value, named->at);
		}
		if (!is_new(c, doc, taken))
			continue;
		struct workload_paths *workload = &workloads[policy->workload_count];
		compile_workload(c, doc, workload);
		index_add(&policy->workload_kinds, workload->kind, workload->group, policy->workload_count);
		taken[policy->workload_count++] = doc;
	}
	policy->workloads = workloads;
}
