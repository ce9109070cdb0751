/*
 * policy: loads a policy and describes it. A policy is an immutable snapshot that is compiled from
 * documents. Except for policy_load, which reads files, nothing here does I/O, takes a lock, or
 * reads a clock.
 *
 * A snapshot is reference-counted. policy_load returns it with one reference; policy_retain and
 * policy_release are the only functions that change it, atomically. All other functions take it as
 * const and may be called from any number of threads. Strings that they return borrow from the
 * snapshot.
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

/*
 * Where a document of the policy has its name, as in messages of lint; for Settings, where the
 * document begins. `file` is the path under which the file was loaded, borrowed from the policy.
 * `line` counts from 1; 0: there is no document, and `file` is absent.
 */
struct policy_location {
	struct str file;
	uint32_t line;
};

/*
 * Loads and compiles the files at and below the paths. Returns new, or NULL if the report contains
 * errors; exhausted memory is one of them. The caller has initialized the report.
 */
struct policy *policy_load(const char *const *paths, size_t count, struct report *report);

/* A file of a policy that is in memory. `name` is what findings call it. */
struct policy_text {
	struct str name;
	struct str bytes;
};

/*
 * Does the same for texts, which are borrowed during the call and have the bounds of files. An
 * Accelerator in them cannot name files of other programs.
 */
struct policy *policy_load_texts(const struct policy_text *texts, size_t count, struct report *report);

void policy_retain(const struct policy *policy);
void policy_release(const struct policy *policy); /* Accepts NULL. */

struct policy_counts {
	uint32_t accelerators, tenants, quotas, rules, guards, namespaces;
};
void policy_counts(const struct policy *policy, struct policy_counts *counts);

/* Returns the enforcement in Settings, or its default. Nothing is enforced more strictly. */
enum enforcement policy_enforcement(const struct policy *policy);

/*
 * A digest of everything that the snapshot was compiled from: the bytes of the files, in the order
 * of their paths. Snapshots with the same digest decide alike, wherever their files are.
 */
struct policy_digest {
	uint64_t word[2];
};
struct policy_digest policy_digest(const struct policy *policy);

/* Describes one of the policy_counts().tenants tenants. Their order has no meaning. */
struct tenant_view {
	struct str name;
	struct str parent;            /* Absent: none. */
	enum enforcement enforcement; /* Capped by Settings. */
};
void policy_tenant(const struct policy *policy, uint32_t tenant, struct tenant_view *view);

/*
 * What applying a workload of this tenant answers. Without such a tenant, that is a warning: an
 * absent name is that of Pods that have none.
 */
enum early_answer policy_early_answer(const struct policy *policy, struct str tenant);

/* Returns the number of quotas. They are sorted by tenant name, then by quota name. */
uint32_t policy_quota_count(const struct policy *policy);

struct quota_view {
	struct str tenant;
	struct str name;
	enum measure measure;
	enum enforcement enforcement; /* That of its tenant, capped by Settings. */
	bool unlimited;
	wide hard; /* In units of 1/policy_unit(); undefined if unlimited. */
	/* Cohort in which quotas of this name lend to each other; absent: none. */
	struct str cohort;
	wide borrow; /* borrowUpTo, in units; 0 without a cohort. */
	wide lend;   /* lendUpTo, in units; at most `hard`. */
	struct policy_location at;
};
void policy_quota(const struct policy *policy, uint32_t quota, struct quota_view *view);

/* A resource that some Accelerator has; 0 to policy_resource_count() - 1, in no order. */
struct resource_view {
	struct str name;
	bool part; /* A MIG slice or a share of a device, at least on some of them. */
	wide gpus; /* The largest part of a GPU that one of it is, in units of 1/policy_unit(). */
};
uint32_t policy_resource_count(const struct policy *policy);
void policy_resource(const struct policy *policy, uint32_t resource, struct resource_view *view);

/*
 * Whether no Accelerator has the resource of an accelerator, although the policy has Accelerators
 * and none of its quotas names the resource: a Pod that requests it waits for a node that the
 * policy does not know. `near` is a resource of an Accelerator that is similar, or absent.
 */
bool policy_lacks_resource(const struct policy *policy, struct str name, struct str *near);

/*
 * Returns the maximum number of shares of that name in one container, on any Accelerator that has
 * it; 0: somewhere it is no share, or no Accelerator has it.
 */
int64_t policy_share_limit(const struct policy *policy, struct str name);

/* A part of a policy that a decision can depend on; tests of the policy should reach each. */
enum policy_part_kind { PART_RULE, PART_GUARD, PART_TENANT, PART_QUOTA, PART_EXEMPTION };

struct policy_part {
	enum policy_part_kind kind;
	/*
	 * Of a quota: its tenant. Of a part of a Guard: the Guard. Of an exemption: its Guard;
	 * absent: Settings.
	 */
	struct str owner;
	/*
	 * Of an exemption: the name or glob that it lists. Of a Guard: a word of `deny`, or the key
	 * `hostPaths` or `visibleDevices`.
	 */
	struct str name;
	uint8_t by;                /* Of an exemption: enum exempt_by (trace.h). */
	struct policy_location at; /* Of the quota, of the part of a Guard, or of the document. */
};

/*
 * Calls `each` for all Rules, parts of Guards, tenants, quotas and exemptions. What no document
 * says, such as the exemption of kube-system by default, is left out.
 */
void policy_each_part(const struct policy *policy, void (*each)(void *context, const struct policy_part *part),
		      void *context);

/* Returns the number of units in one device, GPU or byte. */
int64_t policy_unit(const struct policy *policy);

/* Whether any decision depends on labels of namespaces. */
bool policy_reads_namespaces(const struct policy *policy);

/* Whether the tenant of a namespace can depend on its labels. */
bool policy_selects_namespaces(const struct policy *policy);

/* Whether a Namespace document of the policy has this name. */
bool policy_has_namespace(const struct policy *policy, struct str name);

/*
 * Whether the policy knows a namespace: it belongs to a tenant by its name or the labels of its
 * document, or is exempt, or has a document.
 */
bool policy_claims_namespace(const struct policy *policy, struct str name);

/* Calls `each` for all names of namespaces in the policy, some of them twice. Globs are none. */
void policy_each_namespace(const struct policy *policy, void (*each)(void *context, struct str name), void *context);

/*
 * Whether what a Pod on a node costs can depend on the labels of the node: several Accelerators
 * have the same resource, or some quota counts certain Accelerators only.
 */
bool policy_reads_nodes(const struct policy *policy);

/*
 * Returns how long a terminating Pod still counts after its grace period, in milliseconds; -1:
 * until it is gone.
 */
int64_t policy_terminating_ms(const struct policy *policy);

/*
 * Whether quotas count ResourceClaims: some Accelerator lists a device class, or
 * Settings.unknownResources is deny. Otherwise nothing says what the devices of a claim are, and
 * claims cost nothing.
 */
bool policy_counts_claims(const struct policy *policy);

/* Whether some Rule that is enforced decides groups of Pods as a whole: `gangs: allOrNothing`. */
bool policy_has_gangs(const struct policy *policy);

/*
 * Whether the API server must reject Pods that request no accelerator while gpugate does not
 * answer: Settings.guardFailurePolicy is Fail.
 */
bool policy_guards_fail(const struct policy *policy);

/*
 * Whether the API server must reject Pods that request accelerators while gpugate does not answer:
 * Settings.quotaFailurePolicy is Fail, which is the default.
 */
bool policy_quotas_fail(const struct policy *policy);

#endif
