/*
 * render: what is registered with a cluster, as objects of jansson. Each function returns new, NULL without memory; all objects
 * say what the API server would fill in, where that decides anything. Private to render_*.c, cmd_render.c and registration.c.
 */
#ifndef WEBHOOK_REGISTRATION_RENDER_H
#define WEBHOOK_REGISTRATION_RENDER_H

#include <jansson.h>
#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/scope.h"

#define RENDER_NAME "gpugate" /* of everything that has no better name */

struct render_target {
	const char *namespace; /* where gpugate runs */
	bool cluster;          /* the cluster ledger, else the embedded one */
	bool self_managed;     /* gpugate makes its certificates, and writes caBundle, by itself */
	unsigned minor;        /* of Kubernetes 1.N */
	const char *service;   /* its name in that namespace; NULL: `url` */
	const char *url;       /* https://HOST..., no slash at its end */
	const char *secret;    /* the path's last part; NULL: none */
	const char *quota_failure,
	    *guard_failure;    /* failurePolicy of the two entries; NULL: as the policy's Settings say */
	const char *ca_bundle; /* base64 of PEM; NULL: what the API server trusts by itself, or what gpugate writes */
};

/* gpuledgers.gpugate.io and gpuquotas.gpugate.io: for the cluster ledger. */
json_t *render_ledger_crd(void);
json_t *render_quota_crd(void);

/* The namespace that gpugate runs in, without labels: labels of one that exists stay as they are. */
json_t *render_namespace(const struct render_target *target);

/* Who gpugate is and what it may do: a list of objects. */
json_t *render_access(const struct render_target *target);

/*
 * What lets groups read the gpuquotas of a tenant: a list of objects. Each of the `count` viewers is TENANT=GROUP. Fails, with an
 * error, for a tenant that the policy does not have or that has no quotas.
 */
json_t *render_viewers(const struct policy *policy, const char *const *viewers, size_t count, struct error *err);

/* A priority level of its own for gpugate's requests, and what puts them there: a list of objects. For the cluster ledger. */
json_t *render_priority(const struct render_target *target);

/*
 * The webhook configurations. With a `target` that has neither service nor url they lack clientConfig, which is how they are
 * compared (registration.h).
 */
json_t *render_mutating(const struct render_target *target, const struct reach *reach);
json_t *render_validating(const struct render_target *target, const struct reach *reach, const struct policy *policy);

#endif
