#include "webhook/simulate/deciders.h"

#include "webhook/simulate/explain.h"

static json_t *describe_exempt(const struct policy *policy, const struct trace_event *event)
{
	(void)policy;
	return json_sprintf("exemption \"%.*s\"", STR_ARG(event->exempt.pattern));
}

static json_t *describe_tenant(const struct policy *policy, const struct trace_event *event)
{
	(void)policy;
	return str_present(event->tenant.name) ? json_sprintf("Tenant \"%.*s\"", STR_ARG(event->tenant.name)) : NULL;
}

static json_t *describe_rule(const struct policy *policy, const struct trace_event *event)
{
	static const char *const outcomes[] = {[RULE_REPORTED] = "reports the Pod",
					       [RULE_CHANGED] = "changed the Pod",
					       [RULE_DENIED] = "refuses the Pod",
					       [RULE_SKIPPED] = NULL};
	const char *outcome = outcomes[event->rule.outcome];
	(void)policy;
	return outcome ? json_sprintf("Rule \"%.*s\" %s", STR_ARG(event->rule.name), outcome) : NULL;
}

static json_t *describe_gang(const struct policy *policy, const struct trace_event *event)
{
	(void)policy;
	return json_sprintf("Rule \"%.*s\" admits the group of the Pod only as a whole", STR_ARG(event->gang.rule));
}

static json_t *describe_guard(const struct policy *policy, const struct trace_event *event)
{
	static const char *const outcomes[] = {[GUARD_VIOLATED] = "objects", [GUARD_EXEMPTED] = "exempts the Pod"};
	(void)policy;
	if (event->guard.outcome == GUARD_PASSED)
		return NULL;
	return json_sprintf("Guard \"%.*s\" %s", STR_ARG(event->guard.name), outcomes[event->guard.outcome]);
}

static json_t *describe_quota(const struct policy *policy, const struct trace_event *event)
{
	struct quota_view quota;
	if (!event->quota.counts)
		return NULL;
	policy_quota(policy, event->quota.quota, &quota);
	return json_sprintf("quota %.*s/%.*s %s the Pod", STR_ARG(quota.tenant), STR_ARG(quota.name),
			    event->quota.denies ? "refuses" : "counts");
}

void deciders_note(json_t *deciders, const struct policy *policy, const struct trace_event *event)
{
	static json_t *(*const describe[])(const struct policy *, const struct trace_event *) = {
	    [TRACE_EXEMPT] = describe_exempt, [TRACE_TENANT] = describe_tenant, [TRACE_RULE] = describe_rule,
	    [TRACE_GUARD] = describe_guard,   [TRACE_GANG] = describe_gang,     [TRACE_QUOTA] = describe_quota,
	};
	if (event->kind >= sizeof describe / sizeof describe[0] || !describe[event->kind])
		return;
	json_t *what = describe[event->kind](policy, event);
	if (!what)
		return;
	json_t *item = json_pack("{s:o, s:o}", "what", what, "at",
				 event->at.line ? explain_location(event->at.file, event->at.line) : json_null());
	/* /mutate and /validate both say whose Pod it is. */
	for (size_t i = 0; i < json_array_size(deciders); i++) {
		if (!json_equal(json_array_get(deciders, i), item))
			continue;
		json_decref(item);
		return;
	}
	json_array_append_new(deciders, item);
}
