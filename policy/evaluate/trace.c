#include "policy/evaluate/trace.h"

#include "policy/base/glob.h"
#include "policy/evaluate/exempt.h"

static void send(const struct evaluation *e, struct document_ref at, struct trace_event event)
{
	event.at = snapshot_location(e->policy, at);
	e->trace->event(e->trace->context, &event);
}

void trace_exemption(const struct evaluation *e, const struct exemption *why)
{
	if (e->trace)
		send(e, e->policy->settings_at, (struct trace_event){.kind = TRACE_EXEMPT, .exempt = *why});
}

/* --- The tenant --- */

struct best_glob {
	uint32_t tenant;
	struct str pattern;
};

static void find_glob(void *context, struct str pattern, uint32_t tenant)
{
	struct best_glob *best = context;
	bool better = !str_present(best->pattern) || glob_is_exact(pattern) ||
		      (!glob_is_exact(best->pattern) && pattern.len > best->pattern.len);
	if (tenant == best->tenant && better)
		best->pattern = pattern;
}

static void send_tenant(const struct evaluation *e)
{
	const struct policy *policy = e->policy;
	struct trace_event event = {.kind = TRACE_TENANT, .tenant = {.labels = e->namespace_labels}};
	struct best_glob best = {.tenant = e->tenant};
	uint32_t document = index_id(&policy->namespace_names, e->namespace);
	struct document_ref at = {0};
	if (e->tenant != NO_TENANT) {
		at = policy->tenants[e->tenant].at;
		event.tenant.name = policy->tenants[e->tenant].name;
		glob_index_match(&policy->tenant_index.namespaces, e->namespace, find_glob, &best);
		event.tenant.pattern = best.pattern;
		event.tenant.claim = !str_present(best.pattern)    ? CLAIM_SELECTOR
				     : glob_is_exact(best.pattern) ? CLAIM_NAME
								   : CLAIM_GLOB;
	}
	if (e->tenant != NO_TENANT && e->other_tenant != NO_TENANT) {
		event.tenant.other = policy->tenants[e->other_tenant].name;
		event.tenant.other_at = snapshot_location(policy, policy->tenants[e->other_tenant].at);
	}
	if (!e->review->namespace_labels.present && document != INDEX_NONE)
		event.tenant.labels_at = snapshot_location(policy, policy->namespaces[document].at);
	send(e, at, event);
}

void trace_begin(struct evaluation *e)
{
	struct trace_marks *marks = arena_zalloc(e->arena, 1, sizeof *marks);
	if (marks) {
		marks->rules = arena_zalloc(e->arena, e->policy->rule_count, sizeof *marks->rules);
		marks->violated = arena_zalloc(e->arena, e->policy->guard_count, sizeof *marks->violated);
	}
	e->marks = marks && marks->rules && marks->violated ? marks : NULL;
	send_tenant(e);
}

/* --- Changes --- */

static void send_change(const struct evaluation *e, const struct rule *rule, struct trace_change change)
{
	change.by = rule->name;
	send(e, rule->at, (struct trace_event){.kind = TRACE_CHANGE, .change = change});
}

void trace_amount(const struct evaluation *e, const struct rule *rule, const struct amount_of *amount, struct str to)
{
	if (e->trace)
		send_change(e, rule,
			    (struct trace_change){.kind = EDIT_RESOURCE,
						  .container = e->pod->containers[amount->container].name,
						  .key = e->working.names[amount->name],
						  .value = to,
						  .amount = amount_value(amount)});
}

void trace_selector(const struct evaluation *e, const struct rule *rule, const struct pair *label)
{
	if (e->trace)
		send_change(e, rule,
			    (struct trace_change){.kind = EDIT_NODE_SELECTOR,
						  .key = label->key,
						  .was = working_pod_selector(&e->working, label->key),
						  .value = label->value});
}

void trace_toleration(const struct evaluation *e, const struct rule *rule, const struct toleration *toleration)
{
	if (e->trace)
		send_change(e, rule, (struct trace_change){.kind = EDIT_TOLERATION, .toleration = toleration});
}

void trace_claim(const struct evaluation *e, const struct rule *rule, uint32_t container, uint32_t number,
		 struct str template)
{
	if (e->trace)
		send_change(e, rule,
			    (struct trace_change){.kind = EDIT_CLAIM_USE,
						  .container = e->pod->containers[container].name,
						  .key = given_claims_name(e->arena, number),
						  .value = template});
}

void trace_runtime_class(const struct evaluation *e, const struct rule *rule)
{
	if (e->trace)
		send_change(e, rule,
			    (struct trace_change){.kind = EDIT_RUNTIME_CLASS,
						  .was = working_pod_runtime_class(&e->working),
						  .value = rule->runtime_class});
}

void trace_void(const struct evaluation *e, const struct guard *guard, uint32_t container, int32_t index,
		struct str variable)
{
	if (!e->trace)
		return;
	const struct container *of = &e->pod->containers[container];
	struct trace_event event = {.kind = TRACE_CHANGE,
				    .change = {.by = guard->name,
					       .by_guard = true,
					       .kind = EDIT_ENV,
					       .container = of->name,
					       .key = variable,
					       .value = STR("void")}};
	if (index >= 0)
		event.change.was = of->env[index].value;
	send(e, guard->at, event);
}

/* --- Guards --- */

static void send_guard(const struct evaluation *e, const struct guard *guard, struct trace_guard found)
{
	found.name = guard->name;
	found.enforcement = guard->enforcement;
	send(e, guard->at, (struct trace_event){.kind = TRACE_GUARD, .guard = found});
}

void trace_violation(const struct evaluation *e, const struct guard *guard, enum guard_kind kind, struct str container)
{
	if (!e->trace)
		return;
	if (e->marks)
		e->marks->violated[guard - e->policy->guards] = true;
	send_guard(e, guard,
		   (struct trace_guard){.outcome = GUARD_VIOLATED,
					.check = snapshot_guard_check(e->policy, kind),
					.part = snapshot_guard_part(e->policy, kind),
					.container = container.len ? container : (struct str){NULL, 0}});
}

void trace_guards(const struct evaluation *e)
{
	for (uint32_t g = 0; e->trace && g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		struct trace_guard found = {.outcome = GUARD_PASSED};
		if (exempt_match(&guard->exempt, e->review, e->namespace, &found.exemption))
			found.outcome = GUARD_EXEMPTED;
		else if (!e->marks || e->marks->violated[g])
			continue;
		send_guard(e, guard, found);
	}
}
