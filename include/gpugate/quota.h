/*
 * quota: what holdings cost, and which limits that exceeds. Pure: no I/O, no locks, no state between calls; safe on
 * any number of threads.
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
struct holding;
struct pairs;
struct policy;

/* Amounts are exact integers in units of 1/policy_unit() of a device, a GPU or a byte. */
struct charge {
	uint32_t quota; /* index, 0..policy_quota_count()-1 */
	wide amount;
};

/*
 * What a holding costs: writes at most policy_charge_max() rows, one per quota, and returns their number; -1 if an
 * amount overflows (never for what policy_validate has produced under this same policy). `labels` are those of its namespace;
 * NULL or not present: as the policy's own Namespace documents say. Nothing in an exempt namespace costs anything.
 */
uint32_t policy_charge_max(const struct policy *policy);
int policy_charge(const struct policy *policy, const struct holding *holding, const struct pairs *labels,
		  struct charge *charges);

/* The topmost ancestor of a namespace's tenant, 0..policy_counts().tenants-1; UINT32_MAX: no tenant, or two. `labels` as in
 * policy_charge. For fair shares. */
uint32_t policy_root(const struct policy *policy, struct str namespace, const struct pairs *labels);

/* What is held of a quota, in units. */
struct held {
	wide used;        /* by Pods that exist */
	wide pending;     /* by Pods that were admitted and have not been seen yet */
	wide terminating; /* of `used`: by Pods that are being deleted */
};

enum excess_kind {
	EXCESS_HARD,   /* hard, and what the tenant may borrow */
	EXCESS_COHORT, /* what all of a cohort have together */
};

#define EXCESS_BORROWERS_MAX 4

/* A limit that a Pod would exceed, and the numbers of the sentence that says so. */
struct excess {
	uint32_t quota;
	enum excess_kind kind;
	wide requested, used, pending; /* of the quota itself */
	wide left;                     /* what would still fit below all limits of the quota; never negative */
	wide most;    /* what would fit if nothing were used: a request above that is not helped by waiting */
	bool refuses; /* the tenant enforces it: the Pod is refused for it */
	bool
	    changing; /* something of the quota, or of its cohort, is pending or terminating: it may be free in a moment */
	/* EXCESS_COHORT: who holds more than its own hard, be it the quota itself; the largest first. */
	struct {
		uint32_t quota;
		wide amount;
	} borrowers[EXCESS_BORROWERS_MAX];
	uint32_t borrower_count;
};

/*
 * Which limits a Pod's charges would exceed. `held` has policy_quota_count() rows, the Pod itself not in them. A quota is
 * within its limits iff used + pending <= hard + borrow, and, in a cohort, either used + pending <= hard - lend, or the sum
 * over the cohort's quotas of max(used + pending, hard - lend) <= the sum of hard. The charges are those of one Pod: of the quotas of one tenant's path, no two of which are in
 * one pool. Only these quotas are judged. Writes at most policy_excess_max() rows and returns their number; `*refused`: one of them
 * is of a tenant that enforces (or a sum is more than can be booked), so that the Pod is to be refused.
 */
uint32_t policy_excess_max(const struct policy *policy);
uint32_t policy_exceeded(const struct policy *policy, const struct charge *charges, uint32_t count,
			 const struct held *held, struct excess *excess, bool *refused);

/*
 * The quotas that lend to each other with this one, itself among them, in an order that is the policy's; none where it stands alone.
 * Borrowed from the policy. And whether all of them hold more together than they have: then those hold too much that hold more than
 * their own.
 */
uint32_t policy_cohort(const struct policy *policy, uint32_t quota, const uint32_t **members);
bool policy_cohort_exceeded(const struct policy *policy, uint32_t quota, const struct held *held);

/*
 * What still fits into each limited quota on the path of a namespace's tenant, whatever the Pod costs there: `amount` is never negative.
 * `held` and `labels` as in policy_exceeded and policy_charge. Writes at most policy_charge_max() rows and returns their number.
 */
uint32_t policy_room(const struct policy *policy, struct str namespace, const struct pairs *labels,
		     const struct held *held, struct charge *room);

/* Prints an amount (never negative) as people read it: "6.5", "5.71", "40Gi" (cut after two decimals, never rounded up). */
void amount_print(wide amount, int64_t unit, enum measure measure, struct buf *out);

/* `tenant/quota=amount, …` for audit annotations and logs. */
void policy_print_charges(const struct policy *policy, const struct charge *charges, size_t count, struct buf *out);

#endif
