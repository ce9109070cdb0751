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
#define RECENT_DENIALS_MAX 64

/*
 * One violation. Long names are truncated at a character boundary; messages always fit. All strings
 * are NUL-terminated.
 */
struct recent_denial {
	time_t at;
	/* Denied, or admitted because enforcement is `warn` or `audit`. */
	enum enforcement outcome;
	bool dry;
	enum reason reason;
	char namespace[64], pod[128], tenant[128];
	char message[MESSAGE_MAX + 1];
};

struct recent_denials {
	pthread_mutex_t mutex;
	uint64_t count; /* Total since the start. */
	struct recent_denial slots[RECENT_DENIALS_MAX];
};

void recent_denials_init(struct recent_denials *denials);
void recent_denials_release(struct recent_denials *denials);

/* Records a violation. Copies everything. Accepts a NULL `denials`. */
void recent_denials_note(struct recent_denials *denials, const struct review *review, const struct decision *decision,
			 const struct violation *violation, time_t now);

/* Copies the recorded violations, the latest first. Returns how many there are. */
unsigned recent_denials_copy(struct recent_denials *denials, struct recent_denial latest[static RECENT_DENIALS_MAX]);

#endif
