/*
 * quota: what consumers cost, and which limits they would exceed. Pure: no I/O, no locks, no state
 * between calls. Safe on any number of threads.
 */
#ifndef GPUGATE_QUOTA_H
#define GPUGATE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpugate/policy_enums.h"
#include "gpugate/quantity.h"
#include "gpugate/str.h"

struct buf;
struct consumer;
struct pairs;
struct policy;

/*
 * What a Pod costs in one quota. Amounts are exact integers in units of 1/policy_unit() of a
 * device, a GPU or a byte.
 */
struct charge {
	uint32_t quota; /* 0 to policy_quota_count() - 1. */
	wide amount;    /* Positive: what costs nothing has no row. */
};

/*
 * Computes what a consumer costs: writes at most policy_charge_max() rows, one per quota, and
 * returns their number. Returns -1 if an amount overflows, which cannot happen for a consumer that
 * policy_validate has produced under the same policy. A Pod in an exempt namespace costs nothing,
 * and neither does a claim if the policy counts none (policy_counts_claims).
 *
 * `labels` are those of the namespace. If they are NULL or not present, the Namespace documents of
 * the policy apply.
 */
uint32_t policy_charge_max(const struct policy *policy);
int policy_charge(const struct policy *policy, const struct consumer *consumer, const struct pairs *labels,
		  struct charge *charges);

/*
 * Returns the topmost ancestor of the tenant of a namespace, 0 to policy_counts().tenants - 1, or
 * UINT32_MAX if no tenant or several claim the namespace. `labels` is as for policy_charge. The
 * ledger uses it to share the pending entries fairly.
 */
uint32_t policy_root(const struct policy *policy, struct str namespace, const struct pairs *labels);

/* What is held of one quota, in units. */
struct held {
	wide used;        /* By Pods that exist. */
	wide pending;     /* By Pods that were admitted and that the view has not seen yet. */
	wide reserved;    /* Part of `pending`: for Pods of a group that are still to come. */
	wide terminating; /* Part of `used`: by Pods that are being deleted. */
};

enum quota_violation_kind {
	QUOTA_VIOLATION_HARD,   /* The sum of `hard` and `borrow`. */
	QUOTA_VIOLATION_COHORT, /* What the quotas of the cohort have together. */
};

#define QUOTA_VIOLATION_BORROWERS_MAX 4

/* A limit that a Pod would exceed, with the numbers for the message. */
struct quota_violation {
	uint32_t quota;
	enum quota_violation_kind kind;
	wide requested, used, pending; /* Of the quota itself. */
	wide reserved;                 /* Part of `pending`, as in struct held. */
	/* Part of `requested`: by the Pods of the same group that are still to come. */
	wide of_group;
	/* What all limits of the quota still allow; never negative. */
	wide left;
	/* What they allow if nothing is used. For a larger request, waiting does not help. */
	wide max;
	bool denies; /* The Pod must be denied because of this row. */
	/*
	 * Something in the quota or its cohort is pending or terminating and may soon be free. A
	 * reservation is not about to be.
	 */
	bool changing;
	/*
	 * QUOTA_VIOLATION_COHORT: the quotas that hold more than their own `hard`, possibly this
	 * one among them; the largest amounts first.
	 */
	struct {
		uint32_t quota;
		wide amount;
	} borrowers[QUOTA_VIOLATION_BORROWERS_MAX];
	uint32_t borrower_count;
};

/*
 * Finds the limits that the charges of one Pod would exceed. `held` has policy_quota_count() rows
 * and does not include the Pod. The charges are for quotas on the path of one tenant, and no two of
 * these quotas are in the same pool.
 *
 * A quota is within its limits if used + pending <= hard + borrow. In a cohort, it must also stay
 * within what it does not lend (used + pending <= hard - lend), or the cohort must have enough for
 * all. The cohort has enough if the sum of max(used + pending, hard - lend) over its quotas is at
 * most the sum of their `hard`.
 *
 * Writes at most policy_quota_violations_max() rows and returns their number. Sets `*denied` to
 * whether the Pod must be denied, because the tenant of one of the quotas enforces it or a sum is
 * too large to be booked.
 */
uint32_t policy_quota_violations_max(const struct policy *policy);
uint32_t policy_exceeded(const struct policy *policy, const struct charge *charges, uint32_t count,
			 const struct held *held, struct quota_violation *quota_violation, bool *denied);

/*
 * policy_cohort sets `*members` to the quotas that lend to each other with this one, including
 * itself, and returns their number; 0 if the quota is in no cohort. The list borrows from the
 * policy, and its order depends on the policy only.
 *
 * policy_cohort_exceeded tells whether these quotas together hold more than they have. If so, those
 * that hold more than their own `hard` hold too much.
 */
uint32_t policy_cohort(const struct policy *policy, uint32_t quota, const uint32_t **members);
bool policy_cohort_exceeded(const struct policy *policy, uint32_t quota, const struct held *held);

/*
 * Computes how much each limited quota on the path of the tenant of a namespace can still take; no
 * amount is negative. `held` is as for policy_exceeded, and `labels` as for policy_charge. Writes
 * at most policy_charge_max() rows and returns their number.
 */
uint32_t policy_room(const struct policy *policy, struct str namespace, const struct pairs *labels,
		     const struct held *held, struct charge *room);

/*
 * Appends an amount, which must not be negative, for users: "6.5", "5.71", "40Gi". It is truncated
 * to two decimals; a positive amount below 0.01 is "<0.01".
 */
void amount_print(wide amount, int64_t unit, enum measure measure, struct buf *out);

/* Whether amount_print leaves out a part of the amount, beyond two decimals. */
bool amount_is_cut(wide amount, int64_t unit, enum measure measure);

/* Appends `tenant/quota=amount, ...` for audit annotations and logs. */
void policy_print_charges(const struct policy *policy, const struct charge *charges, size_t count, struct buf *out);

#endif
