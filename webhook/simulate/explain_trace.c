/* Adds the steps of a decision to an explanation. */
#include "webhook/simulate/explain.h"

#include "gpugate/enum_names.h"
#include "gpugate/plain.h"
#include "webhook/json/text.h"

#define LOCATION_BYTES_MAX ((size_t)64 << 10)

static const char *const operators[] = {[SELECTOR_IN] = "In",
					[SELECTOR_NOT_IN] = "NotIn",
					[SELECTOR_EXISTS] = "Exists",
					[SELECTOR_DOES_NOT_EXIST] = "DoesNotExist"};

json_t *explain_string(struct str text)
{
	return str_present(text) ? json_text(text) : json_null();
}

json_t *explain_location(struct str file, uint32_t line)
{
	struct buf text;
	buf_init(&text, LOCATION_BYTES_MAX);
	char *copy = buf_reserve(&text, file.len * PLAIN_GROWTH);
	if (copy)
		text.len = plain_copy(file, false, copy);
	if (line)
		buf_printf(&text, ":%u", line);
	json_t *location = text.failed ? json_null() : json_stringn(text.ptr ? text.ptr : "", text.len);
	buf_release(&text);
	return location;
}

static void set(json_t *to, const char *key, struct str text)
{
	json_object_set_new(to, key, explain_string(text));
}

static void set_if_present(json_t *to, const char *key, struct str text)
{
	if (str_present(text))
		set(to, key, text);
}

static void set_word(json_t *to, const char *key, const char *word)
{
	json_object_set_new(to, key, json_string(word));
}

static void set_number(json_t *to, const char *key, int64_t number)
{
	json_object_set_new(to, key, json_integer(number));
}

static void set_strings(json_t *to, const char *key, struct strs items)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < items.count; i++)
		json_array_append_new(list, explain_string(items.items[i]));
	json_object_set_new(to, key, list);
}

static void set_location(json_t *to, const char *key, struct policy_location at)
{
	if (at.line)
		json_object_set_new(to, key, explain_location(at.file, at.line));
}

/* Appends an item to a list of the tree. */
static json_t *add(struct explain_collector *c, const char *list, struct policy_location at)
{
	json_t *items = json_object_get(c->tree, list), *item = json_object();
	if (!items) {
		items = json_array();
		json_object_set_new(c->tree, list, items);
	}
	json_array_append_new(items, item);
	set_location(item, "at", at);
	return item;
}

static void set_exemption(json_t *to, const struct exemption *exemption)
{
	static const char *const words[] = {
	    [EXEMPT_BY_NAMESPACE] = "namespace", [EXEMPT_BY_USER] = "user", [EXEMPT_BY_GROUP] = "group"};
	set_word(to, "by", words[exemption->by]);
	set(to, "value", exemption->value);
	set(to, "pattern", exemption->pattern);
}

static void on_exempt(struct explain_collector *c, const struct trace_event *event)
{
	json_t *exempt = json_object();
	set_exemption(exempt, &event->exempt);
	set_location(exempt, "at", event->at);
	json_object_set_new(c->tree, "exempt", exempt);
}

/* Returns null if the labels are not known. */
static json_t *labels_of(const struct pairs *pairs)
{
	json_t *labels = pairs->present ? json_object() : json_null();
	for (uint32_t i = 0; i < pairs->count; i++)
		json_object_setn_new(labels, pairs->items[i].key.ptr, pairs->items[i].key.len,
				     explain_string(pairs->items[i].value));
	return labels;
}

static void on_tenant(struct explain_collector *c, const struct trace_event *event)
{
	static const char *const claims[] = {
	    [CLAIM_NONE] = "none", [CLAIM_NAME] = "name", [CLAIM_GLOB] = "glob", [CLAIM_SELECTOR] = "selector"};
	json_t *tenant = json_object();
	set(tenant, "name", event->tenant.name);
	set_word(tenant, "claim", claims[event->tenant.claim]);
	set_if_present(tenant, "pattern", event->tenant.pattern);
	set_if_present(tenant, "other", event->tenant.other);
	set_location(tenant, "otherAt", event->tenant.other_at);
	if (policy_reads_namespaces(c->policy))
		json_object_set_new(tenant, "labels", labels_of(&event->tenant.labels));
	set_location(tenant, "labelsAt", event->tenant.labels_at);
	set_location(tenant, "at", event->at);
	json_object_set_new(c->tree, "tenant", tenant);
}

static void set_toleration(json_t *to, const struct toleration *toleration)
{
	json_t *object = json_object();
	set_if_present(object, "key", toleration->key);
	set_if_present(object, "operator", toleration->op);
	set_if_present(object, "value", toleration->value);
	set_if_present(object, "effect", toleration->effect);
	set_if_present(object, "tolerationSeconds", toleration->seconds);
	json_object_set_new(to, "toleration", object);
}

static void on_change(struct explain_collector *c, const struct trace_event *event)
{
	static const char *const kinds[] = {[EDIT_RESOURCE] = "resource",
					    [EDIT_ENV] = "env",
					    [EDIT_NODE_SELECTOR] = "nodeSelector",
					    [EDIT_TOLERATION] = "toleration",
					    [EDIT_RUNTIME_CLASS] = "runtimeClassName",
					    [EDIT_CLAIM_USE] = "claim"};
	const struct trace_change *change = &event->change;
	json_t *item = add(c, "changes", event->at);
	set(item, change->by_guard ? "guard" : "rule", change->by);
	set_word(item, "kind", kinds[change->kind]);
	set_if_present(item, "container", change->container);
	if (change->kind == EDIT_TOLERATION) {
		set_toleration(item, change->toleration);
		return;
	}
	set_if_present(item, "key", change->key);
	set(item, "was", change->was);
	set(item, "value", change->value);
	if (change->kind == EDIT_RESOURCE)
		set_number(item, "amount", change->amount);
}

static void on_rule(struct explain_collector *c, const struct trace_event *event)
{
	static const char *const outcomes[] = {
	    [RULE_UNMATCHED] = "unmatched", [RULE_SATISFIED] = "satisfied", [RULE_REPORTED] = "reported",
	    [RULE_CHANGED] = "changed",     [RULE_DENIED] = "refused",      [RULE_SKIPPED] = "skipped"};
	static const char *const conditions[] = {[CONDITION_NONE] = NULL,
						 [CONDITION_TENANTS] = "tenants",
						 [CONDITION_NAMESPACES] = "namespaces",
						 [CONDITION_NAMESPACE_SELECTOR] = "namespaceSelector",
						 [CONDITION_POD_SELECTOR] = "podSelector",
						 [CONDITION_ANNOTATION_SELECTOR] = "annotationSelector",
						 [CONDITION_REQUESTS] = "requests",
						 [CONDITION_REWRITE] = "rewrite",
						 [CONDITION_MAX_PER_CONTAINER] = "maxPerContainer",
						 [CONDITION_TO_CLAIM] = "toClaim",
						 [CONDITION_PLACEMENT] = "placement"};
	const struct trace_rule *rule = &event->rule;
	json_t *item = add(c, "rules", event->at);
	set(item, "name", rule->name);
	set_word(item, "enforcement", enforcement_name(rule->enforcement));
	set_word(item, "outcome", outcomes[rule->outcome]);
	if (!conditions[rule->condition])
		return;
	set_word(item, "condition", conditions[rule->condition]);
	set_if_present(item, "key", rule->key);
	if (rule->condition >= CONDITION_NAMESPACE_SELECTOR && rule->condition <= CONDITION_ANNOTATION_SELECTOR)
		set_word(item, "operator", operators[rule->op]);
	if (rule->condition <= CONDITION_ANNOTATION_SELECTOR) {
		set_strings(item, "wanted", rule->wanted);
		set(item, "found", rule->found);
	}
	if (rule->condition == CONDITION_REQUESTS) {
		set_number(item, "min", rule->min);
		if (rule->max != INT64_MAX)
			set_number(item, "max", rule->max);
	}
	if (rule->condition == CONDITION_REQUESTS || rule->condition == CONDITION_REWRITE)
		set_number(item, "asked", rule->requested);
}

static void on_guard(struct explain_collector *c, const struct trace_event *event)
{
	static const char *const outcomes[] = {
	    [GUARD_PASSED] = "passed", [GUARD_VIOLATED] = "objected", [GUARD_EXEMPTED] = "exempt"};
	const struct trace_guard *guard = &event->guard;
	json_t *item = add(c, "guards", event->at);
	set(item, "name", guard->name);
	set_word(item, "enforcement", enforcement_name(guard->enforcement));
	set_word(item, "outcome", outcomes[guard->outcome]);
	set_if_present(item, "check", guard->check);
	set_if_present(item, "container", guard->container);
	if (guard->outcome == GUARD_EXEMPTED)
		set_exemption(item, &guard->exemption);
}

static void on_gang(struct explain_collector *c, const struct trace_event *event)
{
	json_t *item = json_object();
	set(item, "rule", event->gang.rule);
	set_number(item, "seconds", event->gang.seconds);
	set_location(item, "at", event->at);
	json_object_set_new(c->tree, "gang", item);
}

static void on_resource(struct explain_collector *c, const struct trace_event *event)
{
	static const char *const whys[] = {
	    [MODELS_NONE] = "name", [MODELS_ANY] = "any", [MODELS_PLACEMENT] = "placement", [MODELS_NODE] = "node"};
	json_t *item = add(c, "resources", event->at);
	set(item, "resource", event->resource.resource);
	set_number(item, "count", event->resource.count);
	if (event->resource.alternative)
		json_object_set_new(item, "alternative", json_true());
	set_word(item, "why", whys[event->resource.why]);
	set_strings(item, "accelerators", event->resource.models);
	json_object_set_new(item, "unknownNodes", json_boolean(event->resource.unknown));
	if (event->resource.not_offered) {
		json_object_set_new(item, "notOffered", json_true());
		set(item, "nearest", event->resource.near);
	}
	json_object_set_new(item, "costs", json_array());
}

/* Sets an amount, in the form that messages use. */
static void set_amount(const struct explain_collector *c, json_t *to, const char *key, wide amount,
		       enum measure measure)
{
	struct buf text;
	buf_init(&text, 256);
	amount_print(amount, policy_unit(c->policy), measure, &text);
	if (amount_is_cut(amount, policy_unit(c->policy), measure))
		json_object_set_new(c->tree, "amountsCut", json_true());
	set(to, key, buf_view(&text));
	buf_release(&text);
}

static void on_cost(struct explain_collector *c, const struct trace_event *event)
{
	const struct trace_cost *cost = &event->cost;
	json_t *resources = json_object_get(c->tree, "resources"), *item = json_object();
	struct quota_view quota;
	policy_quota(c->policy, cost->quota, &quota);
	set(item, "tenant", quota.tenant);
	set(item, "quota", quota.name);
	set_amount(c, item, "each", cost->each, quota.measure);
	set_amount(c, item, "amount", cost->amount, quota.measure);
	set_if_present(item, "accelerator", cost->model);
	set_location(item, "acceleratorAt", cost->model_at);
	json_object_set_new(item, "unmeasured", json_boolean(cost->unmeasured));
	set_location(item, "at", event->at);
	json_array_append_new(json_object_get(json_array_get(resources, json_array_size(resources) - 1), "costs"),
			      item);
}

static void on_quota(struct explain_collector *c, const struct trace_event *event)
{
	const struct trace_quota *found = &event->quota;
	json_t *item = add(c, "quotas", event->at);
	struct quota_view quota;
	policy_quota(c->policy, found->quota, &quota);
	set(item, "tenant", quota.tenant);
	set(item, "quota", quota.name);
	set_word(item, "measure", measure_name(quota.measure));
	set_amount(c, item, "used", found->used, quota.measure);
	set_amount(c, item, "pending", found->pending, quota.measure);
	set_amount(c, item, "requested", found->requested, quota.measure);
	if (found->of_group)
		set_amount(c, item, "ofGroup", found->of_group, quota.measure);
	set_amount(c, item, "projected", found->projected, quota.measure);
	json_object_set_new(item, "counts", json_boolean(found->counts));
	json_object_set_new(item, "exceeded", json_boolean(found->above_limit || found->above_cohort));
	json_object_set_new(item, "refuses", json_boolean(found->denies));
	if (quota.unlimited) {
		set_word(item, "hard", "unlimited");
		return;
	}
	set_amount(c, item, "hard", quota.hard, quota.measure);
	set_amount(c, item, "left", found->left, quota.measure);
	set_if_present(item, "cohort", quota.cohort);
	if (quota.borrow > 0)
		set_amount(c, item, "borrowUpTo", quota.borrow, quota.measure);
	if (found->above_limit)
		set_amount(c, item, "exceededBy", found->projected - found->limit, quota.measure);
	else if (found->above_cohort)
		set_amount(c, item, "exceededBy", found->requested + found->of_group - found->left, quota.measure);
}

void explain_event(void *context, const struct trace_event *event)
{
	static void (*const handlers[])(struct explain_collector *, const struct trace_event *) = {
	    [TRACE_EXEMPT] = on_exempt,     [TRACE_TENANT] = on_tenant, [TRACE_CHANGE] = on_change,
	    [TRACE_RULE] = on_rule,         [TRACE_GUARD] = on_guard,   [TRACE_GANG] = on_gang,
	    [TRACE_RESOURCE] = on_resource, [TRACE_COST] = on_cost,     [TRACE_QUOTA] = on_quota};
	if (event->kind < sizeof handlers / sizeof handlers[0])
		handlers[event->kind](context, event);
}
