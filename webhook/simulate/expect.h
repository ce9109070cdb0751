/* expect: compares what a step of a test brought about with what its suite expects. */
#ifndef WEBHOOK_SIMULATE_EXPECT_H
#define WEBHOOK_SIMULATE_EXPECT_H

#include <jansson.h>

#include "gpugate/arena.h"
#include "webhook/simulate/store.h"
#include "webhook/simulate/suite.h"

/* What a step brought about. The details are of the first Pod that was refused, or of the first. */
struct outcome {
	bool allowed;     /* All Pods were admitted. */
	int64_t admitted; /* Number of Pods. */
	json_t *message;  /* A string; null: it was admitted. Owned, as all that follow. */
	json_t *warnings; /* A list of strings. */
	json_t *object;   /* The Pod after its mutation; null: there is none. */
	json_t *patch;    /* A list of operations. */
	json_t *charges;  /* "tenant/quota" to an amount as text. */
};
void outcome_release(struct outcome *outcome);

/*
 * Appends what differs (difference.h). The quotas are those of the policy, as the
 * simulation holds them now.
 */
void expect_compare(const struct suite_expect *expect, const struct outcome *outcome, const struct policy *policy,
		    const struct simulation *simulation, json_t *differences);

#endif
