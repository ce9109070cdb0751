/*
 * refusals: what was held against Pods of late, for /status: a ring of fixed slots, so that a flood of refusals costs a short copy
 * each and no memory. Thread-safe by a mutex of its own, which is held for copying only.
 */
#ifndef WEBHOOK_SERVER_RECENT_DENIALS_H
#define WEBHOOK_SERVER_RECENT_DENIALS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "gpugate/policy.h"

#define REFUSALS_KEPT 64

/* Names are cut at the end of a character, messages never; all end in NUL. */
struct refusal {
	time_t at;
	enum enforcement outcome; /* refused, or what `warn` or `audit` let pass */
	bool dry;
	enum reason reason;
	char namespace[64], pod[128], tenant[128];
	char message[MESSAGE_MAX + 1];
};

struct refusals {
	pthread_mutex_t mutex;
	uint64_t count; /* of all time */
	struct refusal slots[REFUSALS_KEPT];
};

void refusals_init(struct refusals *refusals);
void refusals_release(struct refusals *refusals);

/* Copies. Takes NULL. */
void refusals_note(struct refusals *refusals, const struct review *review, const struct decision *decision,
		   const struct objection *objection, time_t now);

/* The latest first. Returns their number. */
unsigned refusals_copy(struct refusals *refusals, struct refusal latest[static REFUSALS_KEPT]);

#endif
