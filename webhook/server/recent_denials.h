/*
 * recent_denials: a ring of the most recent policy violations, for /status. The slots are fixed, so
 * a flood of denials costs a short copy each and no memory. Thread-safe: a mutex is held only while
 * copying.
 */
#ifndef WEBHOOK_SERVER_RECENT_DENIALS_H
#define WEBHOOK_SERVER_RECENT_DENIALS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "gpugate/decision.h"
#include "gpugate/policy_enums.h"
#include "gpugate/review.h"

/* Number of violations that are kept. */
#define REFUSALS_KEPT 64

/*
 * One violation. Long names are truncated at a character boundary; messages always fit. All strings
 * are NUL-terminated.
 */
struct refusal {
	time_t at;
	/* Denied, or admitted because enforcement is `warn` or `audit`. */
	enum enforcement outcome;
	bool dry;
	enum reason reason;
	char namespace[64], pod[128], tenant[128];
	char message[MESSAGE_MAX + 1];
};

struct refusals {
	pthread_mutex_t mutex;
	uint64_t count; /* Total since the start. */
	struct refusal slots[REFUSALS_KEPT];
};

void refusals_init(struct refusals *refusals);
void refusals_release(struct refusals *refusals);

/* Records a violation. Copies everything. Accepts a NULL `refusals`. */
void refusals_note(struct refusals *refusals, const struct review *review, const struct decision *decision,
		   const struct objection *objection, time_t now);

/* Copies the recorded violations, the latest first. Returns how many there are. */
unsigned refusals_copy(struct refusals *refusals, struct refusal latest[static REFUSALS_KEPT]);

#endif
