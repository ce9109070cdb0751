/* access: the ServiceAccount and its RBAC permissions, one resource at a time. */
#include <string.h>

#include "gpugate/group_resources.h"
#include "gpugate/scaled_resources.h"
#include "webhook/base/claim_versions.h"
#include "webhook/base/object_names.h"
#include "webhook/base/watched_resources.h"
#include "webhook/json/text.h"
#include "webhook/registration/render.h"

#define RBAC "rbac.authorization.k8s.io"
#define WORKLOADS_NAME RENDER_NAME "-workloads"
#define VERBS_MAX 6

/* One RBAC rule. */
struct grant {
	const char *group;    /* NULL: `resource` is a path of the API server. */
	const char *resource; /* Such as "pods". */
	const char *name;     /* Only the object of this name; NULL: all objects. */
	const char *verbs[VERBS_MAX + 1];
};

#define GRANT(index, group, resource, ...) {group, resource, NULL, {__VA_ARGS__}},
static const struct grant watch_grants[] = {WATCHED_RESOURCES(GRANT)};
#undef GRANT

/*
 * For finding the version of ResourceClaims. Everyone may read this unless an administrator has
 * removed the ClusterRole system:discovery.
 */
static const struct grant discovery_grants[] = {
    {NULL, "/apis/" CLAIM_GROUP, NULL, {"get"}},
};

/*
 * The ledger object, and the gpuquotas that users read. "create" of the ledger is above because
 * RBAC cannot restrict it to a name.
 */
static const struct grant ledger_grants[] = {
    {"gpugate.io", "gpuledgers", "cluster", {"update"}},
    {"gpugate.io", "gpuquotas", NULL, {"list", "watch", "create", "patch", "delete"}},
};

/* For the answers about what scales workloads, which are read for each. */
#define GRANT(group, kind, resource) {group, resource, NULL, {"get"}},
static const struct grant scaled_grants[] = {SCALED_RESOURCES(GRANT)};
#undef GRANT

/* For Rules with `gangs`: what has the group of a Pod is read when the Pod is created. */
#define GRANT(group, resource) {group, resource, NULL, {"get"}},
static const struct grant group_grants[] = {GROUP_RESOURCES(GRANT)};
#undef GRANT

/* For detecting that the webhook configurations no longer match the policy. */
static const struct grant registration_grants[] = {
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", RENDER_NAME, {"list", "watch"}},
    {"admissionregistration.k8s.io", "validatingwebhookconfigurations", RENDER_NAME, {"list", "watch"}},
};

/*
 * For self-managed certificates: the authority's Secret, and the caBundle of the webhook
 * configurations.
 */
static const struct grant bundle_grants[] = {
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", RENDER_NAME, {"patch"}},
    {"admissionregistration.k8s.io", "validatingwebhookconfigurations", RENDER_NAME, {"patch"}},
};
static const struct grant authority_grants[] = {
    {"", "secrets", NULL, {"create"}},
    {"", "secrets", CERTS_SECRET, {"get", "list", "watch", "patch"}},
};

static const struct grant namespace_grants[] = {
    {"", "events", NULL, {"create", "patch"}},
};

static int add_grants(json_t *rules, const struct grant *grants, size_t count)
{
	int failed = 0;
	for (size_t i = 0; i < count; i++) {
		json_t *rule = grants[i].group ? json_pack("{s:[s], s:[s]}", "apiGroups", grants[i].group, "resources",
							   grants[i].resource)
					       : json_pack("{s:[s]}", "nonResourceURLs", grants[i].resource);
		json_t *verbs = json_array();
		for (size_t v = 0; grants[i].verbs[v]; v++)
			failed |= json_array_append_new(verbs, json_string(grants[i].verbs[v]));
		if (grants[i].name)
			failed |= json_object_set_new(rule, "resourceNames", json_pack("[s]", grants[i].name));
		failed |= json_object_set_new(rule, "verbs", verbs);
		failed |= json_array_append_new(rules, rule);
	}
	return failed;
}

#define ADD_GRANTS(rules, grants) add_grants(rules, grants, sizeof(grants) / sizeof *(grants))

static bool is_scaled(const struct grant *grant)
{
	for (size_t i = 0; i < sizeof scaled_grants / sizeof *scaled_grants; i++)
		if (strcmp(grant->group, scaled_grants[i].group) == 0 &&
		    strcmp(grant->resource, scaled_grants[i].resource) == 0)
			return true;
	return false;
}

/* Adds the grants for groups, without those that are there already if `scaled` is set. */
static int add_group_grants(json_t *rules, bool scaled)
{
	int failed = 0;
	for (size_t i = 0; i < sizeof group_grants / sizeof *group_grants; i++)
		if (!scaled || !is_scaled(&group_grants[i]))
			failed |= add_grants(rules, &group_grants[i], 1);
	return failed;
}

/* The custom resources that the policy names: autoscalers scale them, and Pods belong to them. */
static int add_workload_grants(json_t *rules, const struct policy_scope *scope)
{
	int failed = 0;
	for (uint32_t i = 0; i < scope->workload_count; i++)
		failed |= json_array_append_new(
		    rules, json_pack("{s:[o], s:[o], s:[s]}", "apiGroups", json_text(scope->workloads[i].group),
				     "resources", json_text(scope->workloads[i].plural), "verbs", "get"));
	return failed;
}

static json_t *metadata(const char *name, const char *namespace)
{
	return namespace ? json_pack("{s:s, s:s}", "name", name, "namespace", namespace)
			 : json_pack("{s:s}", "name", name);
}

/* Takes the rules. A `namespace` of NULL means a ClusterRole. */
static json_t *role(const char *name, const char *namespace, json_t *rules)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", RBAC "/v1", "kind", namespace ? "Role" : "ClusterRole",
			 "metadata", metadata(name, namespace), "rules", rules);
}

static json_t *binding(const char *name, const char *namespace, const struct render_target *target)
{
	return json_pack("{s:s, s:s, s:o, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}", "apiVersion", RBAC "/v1", "kind",
			 namespace ? "RoleBinding" : "ClusterRoleBinding", "metadata", metadata(name, namespace),
			 "roleRef", "apiGroup", RBAC, "kind", namespace ? "Role" : "ClusterRole", "name", name,
			 "subjects", "kind", "ServiceAccount", "name", RENDER_NAME, "namespace", target->namespace);
}

json_t *render_namespace(const struct render_target *target)
{
	return json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace", "metadata", "name",
			 target->namespace);
}

/*
 * These rights depend on the policy, unlike all others. They have a role of their own, so that a
 * chart or an overlay can replace either without the other.
 */
static int add_workload_access(json_t *objects, const struct render_target *target, const struct policy_scope *scope)
{
	json_t *rules = json_array();
	int failed = scope->early_answers ? ADD_GRANTS(rules, scaled_grants) : 0;
	if (scope->gangs)
		failed |= add_group_grants(rules, scope->early_answers);
	failed |= add_workload_grants(rules, scope);
	failed |= json_array_append_new(objects, role(WORKLOADS_NAME, NULL, rules));
	failed |= json_array_append_new(objects, binding(WORKLOADS_NAME, NULL, target));
	return failed;
}

json_t *render_access(const struct render_target *target, const struct policy_scope *scope)
{
	json_t *of_cluster = json_array(), *of_namespace = json_array(), *objects = json_array();
	int failed = 0;
	if (target->cluster) {
		failed |= ADD_GRANTS(of_cluster, watch_grants);
		failed |= ADD_GRANTS(of_cluster, discovery_grants);
		failed |= ADD_GRANTS(of_cluster, ledger_grants);
	}
	failed |= ADD_GRANTS(of_cluster, registration_grants);
	failed |= ADD_GRANTS(of_namespace, namespace_grants);
	if (target->self_managed) {
		failed |= ADD_GRANTS(of_cluster, bundle_grants);
		failed |= ADD_GRANTS(of_namespace, authority_grants);
	}
	failed |=
	    json_array_append_new(objects, json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "ServiceAccount",
						     "metadata", metadata(RENDER_NAME, target->namespace)));
	failed |= json_array_append_new(objects, role(RENDER_NAME, NULL, of_cluster));
	failed |= json_array_append_new(objects, binding(RENDER_NAME, NULL, target));
	if (scope->early_answers || scope->gangs)
		failed |= add_workload_access(objects, target, scope);
	if (target->cluster || target->self_managed) {
		failed |=
		    json_array_append_new(objects, role(RENDER_NAME, target->namespace, json_incref(of_namespace)));
		failed |= json_array_append_new(objects, binding(RENDER_NAME, target->namespace, target));
	}
	json_decref(of_namespace);
	if (!failed)
		return objects;
	json_decref(objects);
	return NULL;
}
