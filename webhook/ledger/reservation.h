/*
 * reservation: what the rest of a group requests, when one of its Pods is decided, and the entry
 * that keeps it free. Each renewal is an entry of its own, so that what was reserved before is
 * there if the write of the renewal fails.
 */
#ifndef WEBHOOK_LEDGER_RESERVATION_H
#define WEBHOOK_LEDGER_RESERVATION_H

#include "gpugate/arena.h"
#include "gpugate/consumer.h"
#include "gpugate/quota.h"
#include "webhook/ledger/ledger.h"

#define RESERVATION_FORM 4 /* The first form of the text with reservations. */

/* The rest of the group of a Pod that is decided. Its memory is that of the decision. */
struct reservation {
	bool decides; /* The Pod is decided with its group. If not, nothing but `whole` is set. */
	/* It has no gang, but uses up a part of what its group has reserved. */
	bool alone;
	/* What the Pods that are still to come request; without requests, there are none. */
	struct consumer rest;
	struct charge *charges;
	uint32_t charge_count;
	/* What these and the Pod cost together. */
	const struct charge *whole;
	uint32_t whole_count;
};

/*
 * Computes the rest of the group of a Pod, of which `charges` are the costs: by its gang, or else
 * what the group has reserved less what the Pod requests. To be called for a Pod that waits for
 * others. Returns 0, or -1 without memory.
 */
int reservation_prepare(struct ledger *ledger, const struct consumer *pod, const struct charge *charges,
			uint32_t charge_count, struct arena *arena, struct reservation *reservation);

/* Leaves what is reserved as it is, while it is excluded: it is no part of the decision. */
void reservation_leave(struct ledger *ledger, struct reservation *reservation, const struct charge *charges,
		       uint32_t charge_count);

/* Subtracts what is reserved for the group from the sums temporarily, or adds it `back`. */
void reservation_exclude(struct ledger *ledger, const struct reservation *reservation, bool back);

/* Sets which part of the violations is of the Pods that are still to come. Pure. */
void reservation_explain(const struct reservation *reservation, struct quota_violation *violations, uint32_t count);

/* Reserves nothing after all. */
void reservation_forgo(struct reservation *reservation);

/* Returns why nothing can be reserved at the moment; NULL: it can, or nothing is to be reserved. */
const char *reservation_refused(const struct ledger *ledger, const struct reservation *reservation);

/*
 * Puts the reservation, as tentative, in the place of the one that the group has, or only ends that
 * one if nothing is to be reserved. Returns NULL, or why that is impossible, and then nothing has
 * changed. Sets `*backpressure` if the reason is no room.
 */
const char *reservation_renew(struct ledger *ledger, const struct reservation *reservation, int64_t now_ms,
			      bool *backpressure);

#endif
