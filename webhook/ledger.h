/*
 * ledger: who holds what. A pure state machine: no clock, no lock, no I/O; its store drives it. It keeps facts of Pods
 * (struct holding) by uid, and sums their charges under one policy at a time. Not thread-safe: a store serialises.
 *
 * Invariants: the sum kept for a quota is exactly the sum of the charges of the holdings kept (ledger_check); a uid is
 * held at most once; what is refused or dry changes nothing; a Pod is charged to all its quotas or to none.
 */
#ifndef WEBHOOK_LEDGER_H
#define WEBHOOK_LEDGER_H

#include "gpugate/error.h"
#include "gpugate/policy.h"

struct ledger;

/* Returns new, empty, charging by `policy` (retained). `max_pods` bounds what it holds. NULL without memory. */
struct ledger *ledger_create(const struct policy *policy, uint32_t max_pods, struct error *err);
void ledger_destroy(struct ledger *ledger); /* takes NULL */

enum ledger_answer {
	LEDGER_ADMITTED,
	LEDGER_REFUSED, /* a quota of an enforcing tenant is exceeded */
	LEDGER_OUTAGE,  /* no memory, or full: nothing was changed */
};

enum ledger_mode {
	LEDGER_HOLD,  /* decide, and hold what is admitted */
	LEDGER_DRY,   /* decide, and change nothing */
	LEDGER_FORCE, /* hold it whatever is exceeded: a Pod that runs already, such as a static one */
};

/* What ledger_decide found. Arrays are the arena's. */
struct ledger_verdict {
	enum ledger_answer answer;
	const struct policy *policy; /* that decided; borrowed from the ledger, so only good under its store's lock */
	const struct charge *charges;
	uint32_t charge_count;
	const struct excess *excess; /* quotas that are exceeded, whatever their tenants' enforcement */
	uint32_t excess_count;
};

/*
 * Decides a Pod against what is held, and keeps a copy of it where `mode` says so. A uid that is held already is decided
 * as if it were not, and replaced: a retry neither charges twice nor turns a refusal into an admission.
 */
void ledger_decide(struct ledger *ledger, const struct holding *holding, enum ledger_mode mode, struct arena *arena,
		   struct ledger_verdict *verdict);

/* Frees what a uid holds. Returns whether it held anything. */
bool ledger_free(struct ledger *ledger, struct str uid);

/* Charges everything by another policy from now on; it is retained, the old one released. Returns -1 without memory, and
 * nothing has changed. */
int ledger_rebase(struct ledger *ledger, const struct policy *policy);

const struct policy *ledger_policy(const struct ledger *ledger);
uint32_t ledger_pods(const struct ledger *ledger);
wide ledger_used(const struct ledger *ledger, uint32_t quota);

/* Recomputes every sum from the holdings and compares: for tests. */
bool ledger_check(const struct ledger *ledger);

#endif
