/*
 * render: the objects to be installed in a cluster, as jansson values. Each function returns new;
 * NULL without memory. Fields that the API server would default are set explicitly if they affect a
 * decision.
 */
#ifndef WEBHOOK_REGISTRATION_RENDER_H
#define WEBHOOK_REGISTRATION_RENDER_H

#include <jansson.h>
#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/scope.h"

#define RENDER_NAME "gpugate" /* The name of every object that has no more specific name. */

struct render_target {
	const char *namespace; /* The namespace that gpugate runs in. */
	bool cluster;          /* The cluster ledger is used. */
	bool self_managed;     /* gpugate makes its own certificates and writes caBundle. */
	unsigned minor;        /* N of Kubernetes 1.N. */
	const char *service;   /* Name of the Service in that namespace; NULL: `url` is used. */
	const char *url;       /* https://HOST..., without a trailing slash. */
	const char *secret;    /* Last component of the paths; NULL: none. */
	/* failurePolicy of the quota and guard webhooks; NULL: as the policy's Settings say. */
	const char *quota_failure, *guard_failure;
	/* PEM in base64. NULL: the API server's own authorities, or gpugate writes it. */
	const char *ca_bundle;
};

/*
 * The CustomResourceDefinitions gpuledgers.gpugate.io and gpuquotas.gpugate.io, for the cluster
 * ledger.
 */
json_t *render_ledger_crd(void);
json_t *render_quota_crd(void);

/*
 * The namespace that gpugate runs in. It has no labels, so that the labels of an existing namespace
 * stay as they are.
 */
json_t *render_namespace(const struct render_target *target);

/*
 * The ServiceAccount, its roles, and their bindings, as a list of objects. Which workloads gpugate
 * may read depends on the scope.
 */
json_t *render_access(const struct render_target *target, const struct policy_scope *scope);

/*
 * The roles and bindings that let groups read the gpuquotas of a tenant, as a list of objects. Each
 * of the `count` viewers is TENANT=GROUP. Returns NULL with an error if one is malformed, or if the
 * policy does not have the tenant or the tenant has no quotas.
 */
json_t *render_viewers(const struct policy *policy, const char *const *viewers, size_t count, struct error *err);

/*
 * A priority level for gpugate's requests and a flow schema that selects them, as a list of
 * objects. For the cluster ledger.
 */
json_t *render_priority(const struct render_target *target);

/*
 * The webhook configurations. If `target` has neither service nor url, they have no clientConfig;
 * registration_compare uses them in this form.
 */
json_t *render_mutating(const struct render_target *target, const struct policy_scope *scope);
json_t *render_validating(const struct render_target *target, const struct policy_scope *scope,
			  const struct policy *policy);

#endif
