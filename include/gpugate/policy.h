/*
 * policy: an immutable snapshot that is compiled from a folder of documents. Except for policy_load, which reads files,
 * nothing here does I/O, takes a lock, or looks at a clock.
 *
 * A snapshot is counted: policy_load returns new with one reference; policy_retain and policy_release are the only
 * functions that write to it, atomically. Everything else takes it const and is safe on any number of threads.
 */
#ifndef GPUGATE_POLICY_H
#define GPUGATE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpugate/policy_enums.h"
#include "gpugate/quantity.h"
#include "gpugate/str.h"

struct report;

struct policy;

/* Loads and compiles the files below the paths. Returns new, or NULL when the report holds errors. */
struct policy *policy_load(const char *const *paths, size_t count, struct report *report);
void policy_retain(const struct policy *policy);
void policy_release(const struct policy *policy); /* takes NULL */

struct policy_counts {
	uint32_t accelerators, tenants, quotas, rules, guards, namespaces;
};
void policy_counts(const struct policy *policy, struct policy_counts *counts);

/* The strictest enforcement in the cluster: what Settings say, or their default. */
enum enforcement policy_enforcement(const struct policy *policy);

/*
 * A 128-bit digest of everything the snapshot was compiled from: the files' bytes, in the order of their paths. Two snapshots
 * with the same digest decide alike, wherever their files are.
 */
struct policy_digest {
	uint64_t word[2];
};
struct policy_digest policy_digest(const struct policy *policy);

/* Tenants, policy_counts().tenants of them, in no order that means anything. */
struct tenant_view {
	struct str name;
	struct str parent;            /* absent: none */
	enum enforcement enforcement; /* capped by Settings */
};
void policy_tenant(const struct policy *policy, uint32_t tenant, struct tenant_view *view);

/* Quotas, in the order (tenant, quota) of their names. */
uint32_t policy_quota_count(const struct policy *policy);

struct quota_view {
	struct str tenant;
	struct str name;
	enum measure measure;
	enum enforcement enforcement; /* of its tenant, capped by Settings */
	bool unlimited;
	wide hard;         /* in units of 1/policy_unit(); meaningless when unlimited */
	struct str cohort; /* whose quotas of this name lend to each other; absent: it stands alone */
	wide borrow;       /* borrowUpTo, in units; 0 without a cohort */
	wide lend;         /* lendUpTo, in units, at most `hard` */
};
void policy_quota(const struct policy *policy, uint32_t quota, struct quota_view *view);

/* How many units make one device, GPU or byte. */
int64_t policy_unit(const struct policy *policy);

/* Whether the labels of namespaces decide anything. */
bool policy_reads_namespaces(const struct policy *policy);

/* How long after its grace period a terminating Pod still counts, in milliseconds; -1: until it is gone. */
int64_t policy_terminating_ms(const struct policy *policy);

/* Whether Pods without accelerators are to be refused while nobody judges them: Settings.guardFailurePolicy is Fail. */
bool policy_guards_fail(const struct policy *policy);

/* Whether Pods with accelerators are to be refused while nobody charges them: Settings.quotaFailurePolicy is Fail, the default. */
bool policy_quotas_fail(const struct policy *policy);

#endif
