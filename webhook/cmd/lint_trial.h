/* lint_trial: creates single Pods by a policy, where nothing else is held. */
#ifndef WEBHOOK_CMD_LINT_TRIAL_H
#define WEBHOOK_CMD_LINT_TRIAL_H

#include "gpugate/arena.h"
#include "gpugate/decision.h"
#include "gpugate/policy.h"
#include "webhook/simulate/subject.h"
#include "webhook/simulate/usage.h"

#define TRIAL_MESSAGE_BYTES (MESSAGE_MAX + 1)
#define TRIAL_CHARGES_BYTES 200

struct trial {
	const struct policy *policy;
	struct simulation *simulation; /* Holds nothing between two objects but labels. */
	struct arena decision;         /* For one decision. */
	struct arena uids;             /* Of the Pods of one object. */
};

/* What came of one Pod. */
struct outcome {
	bool admitted, charged;
	bool warned; /* It is admitted with a warning. */
	/* It is refused, maybe only because labels are missing, or for what the rules also name. */
	bool unknown;
	struct str uid;   /* In trial->uids. */
	struct str about; /* What of the object the message is about; absent: all of it. */
	struct pod pod;   /* As the Rules leave it. Borrows from trial->decision. */
	char message[TRIAL_MESSAGE_BYTES];
	char charges[TRIAL_CHARGES_BYTES]; /* Such as "team-a/compute=1". */
};

/*
 * Creates one Pod of an object, after `number` others. If it is no dry run and the Pod is
 * admitted, the simulation holds it until simulation_gone. Returns 0, or -1 without memory.
 */
int trial_pod(struct trial *trial, const struct manifest_object *object, const struct subject *subject, int64_t number,
	      bool dry_run, struct outcome *outcome);

#endif
