/*
 * conditions: the CEL expressions (matchConditions) that select the requests that the API server
 * sends to each webhook.
 *
 * Every expression matches all requests that the evaluation could change or refuse, and is cheap
 * for any object. The API server allows 1,000,000 cost units per expression (k8s.io/apiserver
 * pkg/apis/cel/config.go). If a list is too long for that, the expression matches without examining
 * the list.
 *
 * No expression may fail at run time. An error would refuse the request if the failurePolicy is
 * Fail, and would bypass gpugate if it is Ignore.
 *
 * Each function appends to `out`; check out->failed afterwards.
 */
#ifndef WEBHOOK_REGISTRATION_CONDITIONS_H
#define WEBHOOK_REGISTRATION_CONDITIONS_H

#include "gpugate/buf.h"
#include "gpugate/scope.h"

/*
 * For /mutate: matches a CREATE of a Pod that Rules or void mode could change, or that a Rule could
 * refuse, and every other operation. Returns false and appends nothing if the policy has no such
 * Rule and no void mode.
 */
bool condition_mutate(const struct policy_scope *scope, struct buf *out);

/*
 * For the quota webhook: matches a Pod that requests a resource whose name contains a slash, or
 * that has resource claims. If the policy counts claims, it also matches a CREATE of a claim, and
 * an UPDATE of one that has the mark of a scheduler, which only schedulers may set.
 */
void condition_quota(const struct policy_scope *scope, struct buf *out);

/*
 * For the guard webhook. Matches:
 *
 * - a CREATE that condition_quota does not match, of a Pod that a Guard of any policy could refuse
 * - a CREATE that condition_quota does not match, of a Pod that only this policy could refuse: a
 *   container lacks a void variable, or the Pod matches a Rule that can refuse and does not depend
 *   on accelerators
 * - an UPDATE of ephemeral containers
 * - an UPDATE that adds or changes an annotation that a Guard could refuse
 */
void condition_guard(const struct policy_scope *scope, struct buf *out);

/*
 * For the webhook of the embedded ledger: matches a DELETE of a Pod that requested devices, or a
 * status UPDATE in which such a Pod has finished; if the policy counts claims, also a DELETE of a
 * claim.
 */
void condition_end(const struct policy_scope *scope, struct buf *out);

/*
 * For the webhook of the early answers: matches a workload of Kubernetes whose Pod template
 * requests a resource whose name contains a slash, or has resource claims. It also matches every
 * custom resource that the policy names, because an expression for all paths would be long.
 */
void condition_early(const struct policy_scope *scope, struct buf *out);

/* Matches all but an UPDATE that leaves the spec as it is, like most updates of controllers. */
void condition_spec_changes(struct buf *out);

/* The same for the webhook of the early answers. */
void condition_early_changes(const struct policy_scope *scope, struct buf *out);

/*
 * Matches an object that no other one controls: a ReplicaSet of a Deployment, or a Job of a
 * CronJob, is created by a controller, to which no warning is of use.
 */
void condition_no_controller(const struct policy_scope *scope, struct buf *out);

#endif
