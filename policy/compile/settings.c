/* settings: compiles Settings, or their defaults if a policy has none. */
#include "policy/compile/steps.h"

void compile_settings(struct compile *c)
{
	struct policy *policy = c->policy;
	bool given = c->docs->settings.count > 0;
	const struct doc_settings *doc = given ? &c->docs->settings.items[0] : &c->docs->default_settings;
	if (given)
		policy->settings_at = compile_document_ref(doc->at);
	policy->enforcement = (enum enforcement)doc->enforcement.value;
	policy->untenanted = (enum enforcement)doc->untenanted.value;
	policy->uncovered = (enum enforcement)doc->uncovered.value;
	policy->unknown_resources = (enum enforcement)doc->unknown_resources.value;
	policy->counts_claims = policy->unknown_resources == ENFORCEMENT_DENY;
	policy->claim_charge = (enum claim_charge)doc->charge_claims.value;
	policy->on_outage = (enum enforcement)doc->on_outage.value;
	policy->exempt = compile_exempt(c, &doc->exempt);
	policy->terminating_ms = doc->terminating_seconds.word ? -1 : doc->terminating_seconds.value * 1000;
	policy->guards_fail = doc->guard_failure.value == FAILURE_POLICY_FAIL;
	policy->quotas_ignored = doc->quota_failure.value == FAILURE_POLICY_IGNORE;
}
