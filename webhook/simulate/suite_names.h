/*
 * suite_names: the names in a suite that refer to the policy or to an earlier part of the suite. A
 * name that nothing defines is an error, with the name that was probably meant.
 */
#ifndef WEBHOOK_SIMULATE_SUITE_NAMES_H
#define WEBHOOK_SIMULATE_SUITE_NAMES_H

#include "gpugate/policy.h"
#include "webhook/simulate/suite_state.h"

/* Returns the number of the quota "tenant/quota", or UINT32_MAX. */
uint32_t suite_quota(const struct policy *policy, struct str key);

/* Fails because the policy has no such quota. `where` is the key of the suite. Returns -1. */
int suite_refuse_quota(const struct policy *policy, const char *where, struct str key, struct error *err);

/*
 * Checks that the policy has all quotas of which the steps expect something. Returns 0, or -1 with
 * FILE:LINE:COLUMN and an error.
 */
int suite_check_quotas(const struct policy *policy, const struct manifest *manifest, const struct suite *suite,
		       struct error *err);

/*
 * Checks the namespace and the node of what is held, after all other things are given. Returns 0,
 * or -1 with FILE:LINE:COLUMN and an error.
 */
int suite_check_held(const struct suite_state *state, const struct suite_held *held, struct error *err);

/* Fails unless the node exists. `at` is as for suite_error_at. Returns 0 or -1. */
int suite_check_node(const struct suite_state *state, struct str node, const char *at, struct error *err);

/*
 * Remembers what the suite calls an object or a held Pod. `workload`: it has Pods, and steps can
 * scale it if its kind can be scaled. Borrows the strings. Returns 0, or -1 without memory.
 */
int suite_note_name(struct suite_state *state, struct str namespace, struct str name, bool workload, struct error *err);

/* Whether something before this step has the name. */
bool suite_has_name(const struct suite_state *state, struct str namespace, struct str name);

/*
 * Fails because nothing before this step has the name, or because it is in another namespace.
 * `workloads`: only these are looked at. Returns -1.
 */
int suite_refuse_name(const struct suite_state *state, const char *verb, struct str namespace, struct str name,
		      bool workloads, struct error *err);

#endif
