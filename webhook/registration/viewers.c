/*
 * viewers: read access to the quotas of one tenant. The roles list objects by name, so that no
 * group sees another tenant's usage.
 */
#include <string.h>

#include "gpugate/buf.h"
#include "gpugate/policy.h"
#include "webhook/quota/document.h"
#include "webhook/registration/render.h"

#define RBAC "rbac.authorization.k8s.io"
#define NAME_BYTES 1024 /* A Tenant's name has at most 253 bytes. */

/* One TENANT=GROUP. A Tenant's name cannot contain `=`, but a group's can. */
struct viewer {
	struct str tenant;
	const char *group;
};

static int read_viewer(const char *text, struct viewer *viewer, struct error *err)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || equals[1] == '\0')
		return error_set(
		    err, "--viewers %.200s: give a Tenant of the policy, an equals sign and a group: TENANT=GROUP",
		    text);
	*viewer = (struct viewer){.tenant = {text, (size_t)(equals - text)}, .group = equals + 1};
	return 0;
}

static bool has_tenant(const struct policy *policy, struct str name)
{
	struct policy_counts counts;
	policy_counts(policy, &counts);
	for (uint32_t i = 0; i < counts.tenants; i++) {
		struct tenant_view tenant;
		policy_tenant(policy, i, &tenant);
		if (str_eq(tenant.name, name))
			return true;
	}
	return false;
}

/*
 * The names of the tenant's gpuquotas. The result is never empty, because a rule without names
 * would apply to all objects. Returns new; NULL with an error, or without memory.
 */
static json_t *names_of(const struct policy *policy, const struct viewer *viewer, struct error *err)
{
	json_t *names = json_array();
	int failed = !names;
	for (uint32_t i = 0; !failed && i < policy_quota_count(policy); i++) {
		struct quota_view quota;
		char name[QUOTA_NAME_MAX + 1];
		policy_quota(policy, i, &quota);
		if (!str_eq(quota.tenant, viewer->tenant))
			continue;
		quota_document_name(quota.tenant, quota.name, name);
		failed = json_array_append_new(names, json_string(name));
	}
	if (!failed && json_array_size(names) > 0)
		return names;
	json_decref(names);
	if (!failed)
		error_set(err,
			  has_tenant(policy, viewer->tenant)
			      ? "--viewers %.*s=%.100s: the Tenant has no quotas that its viewers could read; "
				"give it some, or leave the option out"
			      : "--viewers %.*s=%.100s: the policy has no Tenant of that name; name one that it has",
			  STR_ARG(viewer->tenant), viewer->group);
	return NULL;
}

/* Returns new; NULL with an error if the group's name is not UTF-8, or without memory. */
static json_t *group_of(const struct viewer *viewer, struct error *err)
{
	json_error_t problem;
	json_t *group =
	    json_pack_ex(&problem, 0, "{s:s, s:s, s:s}", "kind", "Group", "apiGroup", RBAC, "name", viewer->group);
	if (!group && json_error_code(&problem) == json_error_invalid_utf8)
		error_set(err, "--viewers: the name of a group for Tenant %.*s is not UTF-8; write it in UTF-8",
			  STR_ARG(viewer->tenant));
	return group;
}

/*
 * The groups that may read a tenant, in command-line order. Returns new; NULL with an error if a
 * viewer is malformed, or if a group's name is not UTF-8, or without memory.
 */
static json_t *groups_of(const char *const *viewers, size_t count, struct str tenant, struct error *err)
{
	json_t *subjects = json_array();
	int failed = !subjects;
	for (size_t i = 0; !failed && i < count; i++) {
		struct viewer viewer = {.group = NULL};
		if (read_viewer(viewers[i], &viewer, err) < 0)
			failed = -1;
		else if (str_eq(viewer.tenant, tenant))
			failed = json_array_append_new(subjects, group_of(&viewer, err));
	}
	if (!failed)
		return subjects;
	json_decref(subjects);
	return NULL;
}

/* Takes the names and the subjects. */
static int add_rights(json_t *objects, struct str tenant, json_t *names, json_t *subjects)
{
	char name[NAME_BYTES];
	snprintf(name, sizeof name, RENDER_NAME "-viewers-%.*s", STR_ARG(tenant));
	int failed = json_array_append_new(
	    objects, json_pack("{s:s, s:s, s:{s:s}, s:[{s:[s], s:[s], s:o, s:[s]}]}", "apiVersion", RBAC "/v1", "kind",
			       "ClusterRole", "metadata", "name", name, "rules", "apiGroups", "gpugate.io", "resources",
			       "gpuquotas", "resourceNames", names, "verbs", "get"));
	failed |= json_array_append_new(objects, json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:s}, s:o}", "apiVersion",
							   RBAC "/v1", "kind", "ClusterRoleBinding", "metadata", "name",
							   name, "roleRef", "apiGroup", RBAC, "kind", "ClusterRole",
							   "name", name, "subjects", subjects));
	return failed;
}

/*
 * Whether an earlier viewer has the same tenant. Then that tenant's binding already includes this
 * group.
 */
static bool is_done(const char *const *viewers, size_t at, struct str tenant)
{
	for (size_t i = 0; i < at; i++) {
		struct viewer earlier = {.group = NULL};
		struct error err = {0};
		if (read_viewer(viewers[i], &earlier, &err) == 0 && str_eq(earlier.tenant, tenant))
			return true;
	}
	return false;
}

json_t *render_viewers(const struct policy *policy, const char *const *viewers, size_t count, struct error *err)
{
	json_t *objects = json_array();
	int failed = !objects;
	for (size_t i = 0; !failed && i < count; i++) {
		struct viewer viewer = {.group = NULL};
		failed = read_viewer(viewers[i], &viewer, err);
		if (failed || is_done(viewers, i, viewer.tenant))
			continue;
		json_t *names = names_of(policy, &viewer, err);
		json_t *subjects = names ? groups_of(viewers, count, viewer.tenant, err) : NULL;
		failed = subjects ? add_rights(objects, viewer.tenant, names, subjects) : -1;
		if (!subjects)
			json_decref(names);
	}
	if (!failed)
		return objects;
	error_set(err, "not enough memory"); /* Keeps an earlier error. */
	json_decref(objects);
	return NULL;
}
