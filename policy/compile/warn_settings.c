/*
 * warn_settings: warns about Settings and exemptions: exemptions that cover too much, and failure
 * policies that refuse Pods although nothing is enforced.
 */
#include "policy/base/glob.h"
#include "policy/compile/warn.h"
#include "policy/compile/warn_context.h"

#define S(text)                                                                                                        \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

/*
 * Users and groups that must not be exempt, because they create the Pods of workloads. Source: the
 * users and groups that Kubernetes itself uses.
 */
static const struct {
	struct str name;
	const char *why;
} broad[] = {
    {S("system:authenticated"), "everybody"},
    {S("system:unauthenticated"), "everybody without credentials"},
    {S("system:serviceaccounts"), "every ServiceAccount, the workload controllers among them"},
    {S("system:serviceaccounts:kube-system"), "the workload controllers, and so every Deployment and Job"},
    {S("system:serviceaccount:kube-system:replicaset-controller"), "every Deployment and ReplicaSet"},
    {S("system:serviceaccount:kube-system:job-controller"), "every Job"},
    {S("system:serviceaccount:kube-system:statefulset-controller"), "every StatefulSet"},
    {S("system:serviceaccount:kube-system:daemon-set-controller"), "every DaemonSet"},
    {S("system:kube-controller-manager"),
     "every workload of a cluster whose controllers do not use ServiceAccounts of their own"},
};

static bool warn_broad(struct compile *c, const struct text *name)
{
	for (size_t b = 0; b < sizeof broad / sizeof broad[0]; b++) {
		if (!glob_match(name->s, broad[b].name))
			continue;
		COMPILE_LINT(c, LINT_EXEMPT_BROAD, name->at,
			     "this exempts %s: Pods are judged by who creates them, and that is \"%.*s\"", broad[b].why,
			     STR_ARG(broad[b].name));
		return true;
	}
	return false;
}

/*
 * Returns a Tenant one of whose patterns overlaps the namespace pattern, or NULL. It considers only
 * names, not selectors.
 */
static const struct doc_tenant *tenant_of(const struct compile *c, struct str namespace, uint64_t *work,
					  struct text *found)
{
	for (uint32_t t = 0; t < c->docs->tenants.count; t++) {
		const struct texts *names = &c->docs->tenants.items[t].namespaces;
		for (uint32_t n = 0; n < names->count; n++)
			if (warn_spend(work, namespace.len * names->items[n].s.len) &&
			    glob_overlaps(namespace, names->items[n].s)) {
				*found = names->items[n];
				return &c->docs->tenants.items[t];
			}
	}
	return NULL;
}

/*
 * Warns of exemptions such as system:serviceaccount:*:monitoring. Anyone who can create a
 * ServiceAccount in their own namespace can give it that name.
 */
static void warn_service_account(struct compile *c, const struct text *name, uint64_t *work)
{
	const struct str prefix = S("system:serviceaccount:");
	struct str rest = str_starts(name->s, prefix) ? str_tail(name->s, prefix.len) : prefix;
	const char *colon = memchr(rest.ptr, ':', rest.len);
	struct str namespace = {rest.ptr, colon ? (size_t)(colon - rest.ptr) : rest.len};
	struct text theirs;
	const struct doc_tenant *tenant = glob_is_exact(namespace) ? NULL : tenant_of(c, namespace, work, &theirs);
	if (tenant)
		COMPILE_LINT(
		    c, LINT_EXEMPT_BROAD, name->at,
		    "this exempts a ServiceAccount in \"%.*s\" of Tenant \"%.*s\" (%s) as well, where others may "
		    "create one of that name; name the namespace",
		    STR_ARG(theirs.s), STR_ARG(tenant->name.s), compile_where(c, theirs.at));
}

static void warn_users(struct compile *c, const struct texts *names)
{
	uint64_t work = WARN_WORK_MAX;
	for (uint32_t i = 0; i < names->count; i++) {
		const struct text *name = &names->items[i];
		if (warn_broad(c, name))
			continue;
		warn_service_account(c, name, &work);
		if (str_starts(name->s, STR("kube-")))
			COMPILE_LINT(
			    c, LINT_EXEMPT_BROAD, name->at,
			    "no user or group of Kubernetes is called \"%.*s\": their names begin with system:, such "
			    "as system:serviceaccount:kube-system:NAME",
			    STR_ARG(name->s));
	}
}

static void warn_exempt(struct compile *c, const struct doc_exempt *exempt)
{
	warn_users(c, &exempt->users);
	warn_users(c, &exempt->groups);
	for (uint32_t i = 0; i < exempt->namespaces.count; i++) {
		const struct text *name = &exempt->namespaces.items[i];
		if (str_eq(name->s, STR("*")))
			COMPILE_LINT(c, LINT_EXEMPT_BROAD, name->at, "this exempts every namespace");
		else if (str_eq(name->s, STR("kube-*")))
			COMPILE_LINT(
			    c, LINT_EXEMPT_BROAD, name->at,
			    "this exempts every namespace whose name begins with kube-, also one that somebody "
			    "creates; name those that have to be exempt, such as kube-system");
	}
}

/*
 * Warns of a list that drops the default, which is kube-system. An empty list, or a Tenant that
 * owns kube-system, shows that this is intended.
 */
static void warn_kube_system(struct compile *c, const struct doc_exempt *exempt)
{
	uint32_t other;
	bool listed = exempt->namespaces.count == 0;
	for (uint32_t i = 0; i < exempt->namespaces.count; i++)
		listed |= glob_match(exempt->namespaces.items[i].s, STR("kube-system"));
	if (!listed && snapshot_tenant(c->policy, STR("kube-system"), NULL, &other) == NO_TENANT)
		COMPILE_LINT(
		    c, LINT_EXEMPT_KUBE_SYSTEM, exempt->namespaces.at,
		    "kube-system is not exempt, since this list replaces the default, which is [kube-system]; add "
		    "kube-system");
}

static void warn_audit(struct compile *c, const struct doc_settings *doc)
{
	struct location at = doc->enforcement.at;
	if (c->policy->enforcement == ENFORCEMENT_AUDIT && !c->policy->quotas_ignored)
		COMPILE_LINT(
		    c, LINT_AUDIT_REFUSES, doc->quota_failure.set ? doc->quota_failure.at : at,
		    "`enforcement: audit` refuses nothing, but the API server refuses Pods that ask for accelerators "
		    "while gpugate does not answer (`quotaFailurePolicy: Fail`%s); set it to Ignore until quotas "
		    "are enforced",
		    doc->quota_failure.set ? "" : ", the default");
}

static void warn_claims(struct compile *c, const struct doc_settings *doc)
{
	if (c->policy->claim_charge == CLAIM_CHARGE_ALLOCATED && !policy_counts_claims(c->policy))
		COMPILE_LINT(c, LINT_CLAIM_CHARGE_UNUSED, doc->charge_claims.at,
			     "no claim is counted, since no Accelerator lists a device class; list the classes in "
			     "`deviceClasses` of their Accelerators, or remove chargeClaims");
}

/*
 * Returns the pattern in Settings that exempts every namespace of a name or pattern, or NULL. A `?`
 * in the pattern may match less than the `*` of `name`.
 */
static const struct text *exempting(const struct doc_settings *settings, struct str name, uint64_t *work)
{
	const struct texts *patterns = &settings->exempt.namespaces;
	for (uint32_t i = 0; i < patterns->count && warn_spend(work, 1 + name.len); i++)
		if (glob_match(patterns->items[i].s, name) &&
		    (glob_is_exact(name) || !str_has_char(patterns->items[i].s, '?')))
			return &patterns->items[i];
	return NULL;
}

static void warn_exempt_names(struct compile *c, const struct texts *names, const char *what, uint64_t *work)
{
	const struct doc_settings *settings = c->docs->settings.count ? &c->docs->settings.items[0] : NULL;
	for (uint32_t i = 0; i < names->count; i++) {
		const struct text *name = &names->items[i];
		const struct text *pattern = settings ? exempting(settings, name->s, work) : NULL;
		bool fallback =
		    settings ? !settings->exempt.namespaces.set : globs_match(&c->policy->exempt.namespaces, name->s);
		if (!pattern && (settings || !fallback))
			continue;
		COMPILE_LINT(c, LINT_EXEMPT_TENANT, name->at, "%s \"%.*s\" is exempt in Settings (%s): %s",
			     glob_is_exact(name->s) ? "namespace" : "every namespace that matches", STR_ARG(name->s),
			     fallback ? "by default" : compile_where(c, pattern->at), what);
	}
}

void compile_settings_warnings(struct compile *c)
{
	const struct docs *docs = c->docs;
	uint64_t work = WARN_WORK_MAX;
	for (uint32_t i = 0; i < docs->settings.count; i++) {
		warn_exempt(c, &docs->settings.items[i].exempt);
		warn_kube_system(c, &docs->settings.items[i].exempt);
		warn_audit(c, &docs->settings.items[i]);
		warn_claims(c, &docs->settings.items[i]);
	}
	for (uint32_t i = 0; i < docs->guards.count; i++)
		warn_exempt(c, &docs->guards.items[i].exempt);
	for (uint32_t i = 0; i < docs->tenants.count; i++)
		warn_exempt_names(c, &docs->tenants.items[i].namespaces, "no quota holds for its Pods", &work);
	for (uint32_t i = 0; i < docs->rules.count; i++)
		warn_exempt_names(c, &docs->rules.items[i].match.namespaces, "no Rule acts on its Pods", &work);
}
