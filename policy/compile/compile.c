/* compile: loads a policy. It reads the documents and runs the compile steps in order. */
#include <stdlib.h>

#include "policy/compile/steps.h"
#include "policy/document/read.h"
#include "policy/document/report.h"
#include "policy/document/source.h"

#define SNAPSHOT_CHUNK ((size_t)64 << 10)
#define SNAPSHOT_MAX (UINT64_C(512) << 20)
#define SCRATCH_CHUNK ((size_t)256 << 10)
#define SCRATCH_MAX (UINT64_C(1) << 30)

/*
 * Maximum number of compared bytes for all suggestions of names (a fraction of a second). Beyond
 * it, unknown names are reported without a suggestion.
 */
#define SUGGEST_WORK_MAX 100000000

/* The paths by which documents are named later, when the documents themselves are gone. */
static void keep_files(struct compile *c)
{
	struct str *files = compile_alloc(c, c->docs->source_count, sizeof *files);
	for (uint32_t i = 0; i < c->docs->source_count; i++)
		files[i] = compile_keep(c, c->docs->sources[i].path);
	c->policy->files = files;
}

static void compile_all(struct compile *c)
{
	static void (*const parts[])(struct compile *) = {compile_settings, compile_namespaces, compile_models,
							  compile_unit,     compile_resources,  compile_resource_names,
							  compile_tenants,  compile_quotas,     compile_cohorts,
							  compile_rules,    compile_guards,     compile_workloads};
	keep_files(c);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		parts[i](c);
	if (c->report->errors == 0)
		compile_warnings(c);
	struct policy *policy = c->policy;
	policy->counts = (struct policy_counts){policy->model_count, policy->tenant_count, policy->quota_count,
						policy->rule_count,  policy->guard_count,  policy->namespace_count};
}

/* Where a policy is read from: files at and below the paths, or texts. */
struct origin {
	const char *const *paths;
	const struct policy_text *texts; /* NULL: the paths. */
	size_t count;
};

/* Runs everything that may run out of memory. */
static void compile_guarded(struct compile *c, struct docs *docs, const struct origin *from)
{
	static const struct location nowhere = {UINT32_MAX, 0, 0, 0};
	if (setjmp(c->exhausted) != 0) {
		docs_report(c->report, docs, SEVERITY_ERROR, nowhere,
			    "the policy needs more memory than there is; make it smaller or raise the memory limit");
		return;
	}
	/*
	 * Compile only if all documents could be read. Otherwise the missing ones would make others
	 * seem wrong.
	 */
	int result = from->texts ? docs_read_texts(from->texts, from->count, c->scratch, docs, c->report)
				 : docs_read(from->paths, from->count, c->scratch, docs, c->report);
	if (docs->settings.count > 0)
		c->report->settings =
		    report_clean(c->report, str_of(compile_where(c, docs->settings.items[0].at)), false);
	if (result == 0)
		compile_all(c);
}

static struct policy *load(const struct origin *from, struct report *report)
{
	struct policy *policy = calloc(1, sizeof *policy);
	if (!policy) {
		report_file(report, STR(""), "no memory is left to read the policy");
		return NULL;
	}
	atomic_init(&policy->references, 1);
	arena_init(&policy->arena, SNAPSHOT_CHUNK, SNAPSHOT_MAX);
	struct arena scratch;
	arena_init(&scratch, SCRATCH_CHUNK, SCRATCH_MAX);
	struct docs docs = {0};
	struct compile c = {
	    .policy = policy, .docs = &docs, .scratch = &scratch, .report = report, .suggest_work = SUGGEST_WORK_MAX};
	compile_guarded(&c, &docs, from);
	docs_digest(&docs, &policy->digest);
	report_sort(report);
	arena_release(&scratch);
	if (report->errors == 0)
		return policy;
	policy_release(policy);
	return NULL;
}

struct policy *policy_load(const char *const *paths, size_t count, struct report *report)
{
	const struct origin from = {.paths = paths, .count = count};
	return load(&from, report);
}

struct policy *policy_load_texts(const struct policy_text *texts, size_t count, struct report *report)
{
	const struct origin from = {.texts = texts, .count = count};
	return load(&from, report);
}
