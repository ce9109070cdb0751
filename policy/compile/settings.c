/* settings: compiles Settings, and sets the defaults of a policy without them. */
#include "policy/compile/steps.h"

void compile_settings(struct compile *c)
{
	struct policy *policy = c->policy;
	const struct doc_settings *doc = c->docs->settings.count ? &c->docs->settings.items[0] : NULL;
	/* Must match the defaults of the schema. */
	if (!doc) {
		struct str *namespaces = compile_alloc(c, 1, sizeof *namespaces);
		*namespaces = STR("kube-system");
		policy->exempt.namespaces = (struct globs){namespaces, 1};
		policy->terminating_ms = 300000;
		policy->unknown_resources = ENFORCEMENT_WARN;
		return;
	}
	policy->settings_at = compile_document_ref(doc->at);
	policy->enforcement = (enum enforcement)doc->enforcement.value;
	policy->untenanted = (enum enforcement)doc->untenanted.value;
	policy->uncovered = (enum enforcement)doc->uncovered.value;
	policy->unknown_resources = (enum enforcement)doc->unknown_resources.value;
	policy->on_outage = doc->on_outage.value == 0 ? ENFORCEMENT_DENY : ENFORCEMENT_ALLOW;
	policy->exempt = compile_exempt(c, &doc->exempt);
	policy->terminating_ms = doc->terminating_seconds.word ? -1 : doc->terminating_seconds.value * 1000;
	/* The position in the schema's table of words. */
	policy->guards_fail = doc->guard_failure.value == 1;
	policy->quotas_ignored = doc->quota_failure.value == 1;
}
