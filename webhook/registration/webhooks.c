/* webhooks: the webhook configurations. */
#include "gpugate/policy.h"
#include "webhook/registration/render.h"

#include "gpugate/buf.h"
#include "gpugate/scaled_resources.h"
#include "webhook/base/claim_versions.h"
#include "webhook/json/text.h"
#include "webhook/registration/conditions.h"

#define EXPRESSION_MAX (1u << 20)
#define RULES_MAX 12

/* One or two operations on one resource of an API group. */
struct rule {
	const char *operation, *or_operation, *group, *resource;
	const char *versions[3]; /* Of the API; older ones for clusters that do not have v1. */
};

struct webhook {
	const char *name;
	const char *path;
	struct rule rules[RULES_MAX];
	size_t rule_count;
	const char *failure_policy;
	const char *side_effects;
	int timeout_s;
	bool reinvoke; /* Mutating: call it again if other webhooks change the Pod later. */
};

#define POD_RULE(operation, resource)                                                                                  \
	{                                                                                                              \
		(operation), NULL, "", (resource),                                                                     \
		{                                                                                                      \
			"v1"                                                                                           \
		}                                                                                                      \
	}
#define WORKLOAD_RULE(group, resource)                                                                                 \
	{                                                                                                              \
		"CREATE", "UPDATE", (group), (resource),                                                               \
		{                                                                                                      \
			"v1"                                                                                           \
		}                                                                                                      \
	}
#define SCALE_RULE(group, kind, resource) {"UPDATE", NULL, (group), resource "/scale", {"v1"}},
#define LISTED(version) (version),
#define CLAIM_RULE(operation, or_operation, resource)                                                                  \
	{                                                                                                              \
		(operation), (or_operation), CLAIM_GROUP, (resource),                                                  \
		{                                                                                                      \
			CLAIM_VERSIONS(LISTED)                                                                         \
		}                                                                                                      \
	}

/* The third rule is used only in void mode; see render_mutating. */
static const struct webhook mutate = {
    "mutate.gpugate.io",
    "/mutate",
    {POD_RULE("CREATE", "pods"), POD_RULE("UPDATE", "pods"), POD_RULE("UPDATE", "pods/ephemeralcontainers")},
    2,
    "Ignore",
    "None",
    5,
    true};
/*
 * The second rule is used only where claims are counted. What claims request is immutable, so of
 * their updates only the mark of a scheduler matters.
 */
static const struct webhook quota = {"quota.gpugate.io",
				     "/validate",
				     {POD_RULE("CREATE", "pods"), CLAIM_RULE("CREATE", "UPDATE", "resourceclaims")},
				     1,
				     "Fail",
				     "NoneOnDryRun",
				     10,
				     false};
static const struct webhook guard = {
    "guard.gpugate.io",
    "/validate",
    {POD_RULE("CREATE", "pods"), POD_RULE("UPDATE", "pods"), POD_RULE("UPDATE", "pods/ephemeralcontainers")},
    3,
    "Ignore",
    "NoneOnDryRun",
    5,
    false};
static const struct webhook ledger = {
    "ledger.gpugate.io",
    "/validate",
    {POD_RULE("DELETE", "pods"), POD_RULE("UPDATE", "pods/status"), CLAIM_RULE("DELETE", NULL, "resourceclaims")},
    2,
    "Ignore",
    "NoneOnDryRun",
    5,
    false};
/*
 * The second rule is used only where claims are not counted: the quota webhook checks Guards, too.
 */
static const struct webhook claims = {
    "claims.gpugate.io",
    "/validate",
    {CLAIM_RULE("CREATE", NULL, "resourceclaimtemplates"), CLAIM_RULE("CREATE", NULL, "resourceclaims")},
    2,
    "Ignore",
    "NoneOnDryRun",
    5,
    false};
/*
 * A person waits for the answer, and nothing depends on it. Autoscalers of v1 are converted, since
 * matchPolicy is Equivalent.
 */
static const struct webhook early = {
    "early.gpugate.io",
    "/validate",
    {WORKLOAD_RULE("apps", "deployments"), WORKLOAD_RULE("apps", "replicasets"), WORKLOAD_RULE("apps", "statefulsets"),
     WORKLOAD_RULE("apps", "daemonsets"), WORKLOAD_RULE("", "replicationcontrollers"), WORKLOAD_RULE("batch", "jobs"),
     WORKLOAD_RULE("batch", "cronjobs"),
     SCALED_RESOURCES(SCALE_RULE){"CREATE", "UPDATE", "autoscaling", "horizontalpodautoscalers", {"v2"}}},
    12,
    "Ignore",
    "None",
    3,
    false};

static json_t *text_of(const struct buf *buf)
{
	return buf->failed ? NULL : json_text(buf_view(buf));
}

/* Appends a condition with the expression in `text`, and empties `text`. */
static int add_condition(json_t *conditions, const char *name, struct buf *text)
{
	json_t *condition = json_pack("{s:s, s:o}", "name", name, "expression", text_of(text));
	buf_reset(text);
	return json_array_append_new(conditions, condition);
}

static json_t *operations_of(const struct rule *rule)
{
	return rule->or_operation ? json_pack("[s, s]", rule->operation, rule->or_operation)
				  : json_pack("[s]", rule->operation);
}

static json_t *versions_of(const struct rule *rule)
{
	json_t *versions = json_array();
	for (size_t i = 0; versions && i < sizeof rule->versions / sizeof rule->versions[0]; i++)
		if (rule->versions[i] && json_array_append_new(versions, json_string(rule->versions[i])) < 0) {
			json_decref(versions);
			versions = NULL;
		}
	return versions;
}

/*
 * The version of a custom resource does not matter: its paths are the same in all of them. The API
 * server accepts a rule for a resource that it does not have.
 */
static json_t *custom_rule_of(const struct workload_paths *workload)
{
	return json_pack("{s:[o], s:[s], s:[s, s], s:[o], s:s}", "apiGroups", json_text(workload->group), "apiVersions",
			 "*", "operations", "CREATE", "UPDATE", "resources", json_text(workload->plural), "scope",
			 "Namespaced");
}

static json_t *rules_of(const struct webhook *webhook, const struct policy_scope *scope)
{
	json_t *rules = json_array();
	int failed = !rules;
	for (size_t i = 0; i < webhook->rule_count; i++) {
		const struct rule *rule = &webhook->rules[i];
		failed |= json_array_append_new(rules, json_pack("{s:[s], s:o, s:o, s:[s], s:s}", "apiGroups",
								 rule->group, "apiVersions", versions_of(rule),
								 "operations", operations_of(rule), "resources",
								 rule->resource, "scope", "Namespaced"));
	}
	for (uint32_t i = 0; webhook == &early && i < scope->workload_count; i++)
		failed |= json_array_append_new(rules, custom_rule_of(&scope->workloads[i]));
	if (!failed)
		return rules;
	json_decref(rules);
	return NULL;
}

/*
 * Whether this is a valid namespace name (an RFC 1123 label). The selector must not contain any
 * other value.
 */
static bool is_namespace(struct str name)
{
	bool good = name.len > 0 && name.len <= 63 && name.ptr[0] != '-' && name.ptr[name.len - 1] != '-';
	for (size_t i = 0; good && i < name.len; i++)
		good = (name.ptr[i] >= 'a' && name.ptr[i] <= 'z') || (name.ptr[i] >= '0' && name.ptr[i] <= '9') ||
		       name.ptr[i] == '-';
	return good;
}

/*
 * Selects all namespaces except gpugate's own, which is listed first, and those that the policy
 * exempts by name.
 */
static json_t *namespaces_of(const struct render_target *target, const struct policy_scope *scope)
{
	json_t *spared = json_pack("[s]", target->namespace);
	int failed = !spared;
	for (uint32_t i = 0; i < scope->exempt_namespaces.count; i++) {
		struct str name = scope->exempt_namespaces.items[i];
		if (is_namespace(name) && !str_eq(name, str_of(target->namespace)))
			failed |= json_array_append_new(spared, json_text(name));
	}
	if (failed) {
		json_decref(spared);
		return NULL;
	}
	return json_pack("{s:[{s:s, s:s, s:o}]}", "matchExpressions", "key", "kubernetes.io/metadata.name", "operator",
			 "NotIn", "values", spared);
}

static json_t *client_of(const struct render_target *target, const char *path)
{
	struct buf text;
	json_t *client;
	buf_init(&text, 4096);
	if (!target->service)
		buf_text(&text, target->url);
	buf_printf(&text, "%s%s%s", path, target->secret ? "/" : "", target->secret ? target->secret : "");
	if (target->service)
		client = json_pack("{s:{s:s, s:s, s:o, s:i}}", "service", "namespace", target->namespace, "name",
				   target->service, "path", text_of(&text), "port", 443);
	else
		client = json_pack("{s:o}", "url", text_of(&text));
	buf_release(&text);
	if (client && target->ca_bundle &&
	    json_object_set_new(client, "caBundle", json_string(target->ca_bundle)) < 0) {
		json_decref(client);
		return NULL;
	}
	return client;
}

/* Takes the conditions. The keys are in the order in which readers expect them. */
static json_t *webhook_of(const struct webhook *webhook, const struct render_target *target,
			  const struct policy_scope *scope, json_t *conditions)
{
	json_t *object = json_pack("{s:s, s:[s], s:s, s:s, s:s, s:i}", "name", webhook->name, "admissionReviewVersions",
				   "v1", "failurePolicy", webhook->failure_policy, "sideEffects", webhook->side_effects,
				   "matchPolicy", "Equivalent", "timeoutSeconds", webhook->timeout_s);
	int failed = !object;
	if (webhook->reinvoke)
		failed |= json_object_set_new(object, "reinvocationPolicy", json_string("IfNeeded"));
	failed |= json_object_set_new(object, "rules", rules_of(webhook, scope));
	failed |= json_object_set_new(object, "namespaceSelector", namespaces_of(target, scope));
	failed |= json_object_set_new(object, "objectSelector", json_object());
	failed |= json_object_set_new(object, "matchConditions", conditions);
	if (target->service || target->url)
		failed |= json_object_set_new(object, "clientConfig", client_of(target, webhook->path));
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

/* Takes the webhooks. */
static json_t *configuration(const char *kind, json_t *webhooks)
{
	return json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion", "admissionregistration.k8s.io/v1", "kind", kind,
			 "metadata", "name", RENDER_NAME, "webhooks", webhooks);
}

json_t *render_mutating(const struct render_target *target, const struct policy_scope *scope)
{
	json_t *webhooks = json_array(), *conditions = json_array();
	struct webhook webhook = mutate;
	struct buf text;
	int failed = 0;
	buf_init(&text, EXPRESSION_MAX);
	if (condition_mutate(scope, &text)) {
		webhook.rule_count = scope->voids ? 3 : 2;
		failed |= add_condition(conditions, "could-change", &text);
		/*
		 * An apply of a manifest can only undo changes in the Pod's spec. A change of
		 * metadata needs no call.
		 */
		condition_spec_changes(&text);
		failed |= add_condition(conditions, "spec-changes", &text);
		failed |= json_array_append_new(webhooks, webhook_of(&webhook, target, scope, json_incref(conditions)));
	}
	buf_release(&text);
	json_decref(conditions);
	if (!failed)
		return configuration("MutatingWebhookConfiguration", webhooks);
	json_decref(webhooks);
	return NULL;
}

/* The webhook of the early answers. Returns new. */
static json_t *early_of(const struct render_target *target, const struct policy_scope *scope)
{
	static const struct {
		const char *name;
		void (*append)(const struct policy_scope *scope, struct buf *out);
	} rows[] = {{"asks-for-devices", condition_early},
		    {"spec-changes", condition_early_changes},
		    {"has-no-controller", condition_no_controller},
		    {"scales-up", condition_scales_up}};
	json_t *conditions = json_array();
	struct buf text;
	int failed = !conditions;
	buf_init(&text, EXPRESSION_MAX);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		rows[i].append(scope, &text);
		failed |= add_condition(conditions, rows[i].name, &text);
	}
	buf_release(&text);
	if (!failed)
		return webhook_of(&early, target, scope, conditions);
	json_decref(conditions);
	return NULL;
}

static const char *failure_policy(const char *given, bool fail)
{
	return given ? given : fail ? "Fail" : "Ignore";
}

json_t *render_validating(const struct render_target *target, const struct policy_scope *scope,
			  const struct policy *policy)
{
	json_t *webhooks = json_array(), *asks = json_array(), *guarded = json_array(), *ends = json_array();
	struct webhook quotas = quota, guards = guard, claim_guards = claims, ends_of = ledger;
	struct buf text;
	int failed = 0;
	buf_init(&text, EXPRESSION_MAX);
	if (scope->counts_claims) {
		quotas.rule_count++;
		claim_guards.rule_count--;
		ends_of.rule_count++;
	}
	condition_quota(scope, &text);
	failed |= add_condition(asks, "asks-for-devices", &text);
	condition_guard(scope, &text);
	failed |= add_condition(guarded, "only-guards-could-refuse", &text);
	condition_end(scope, &text);
	failed |= add_condition(ends, "frees-devices", &text);
	buf_release(&text);
	quotas.failure_policy = failure_policy(target->quota_failure, policy_quotas_fail(policy));
	guards.failure_policy = failure_policy(target->guard_failure, policy_guards_fail(policy));
	claim_guards.failure_policy = guards.failure_policy;
	failed |= json_array_append_new(webhooks, webhook_of(&quotas, target, scope, asks));
	if (scope->guards)
		failed |= json_array_append_new(webhooks, webhook_of(&guards, target, scope, json_incref(guarded)));
	if (scope->claims)
		failed |= json_array_append_new(webhooks, webhook_of(&claim_guards, target, scope, json_array()));
	if (!target->cluster)
		failed |= json_array_append_new(webhooks, webhook_of(&ends_of, target, scope, json_incref(ends)));
	if (scope->early_answers)
		failed |= json_array_append_new(webhooks, early_of(target, scope));
	json_decref(guarded);
	json_decref(ends);
	if (!failed)
		return configuration("ValidatingWebhookConfiguration", webhooks);
	json_decref(webhooks);
	return NULL;
}
