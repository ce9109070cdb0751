/* replay_side: one of the policies that a replay compares, with a ledger of its own. */
#ifndef WEBHOOK_SIMULATE_REPLAY_SIDE_H
#define WEBHOOK_SIMULATE_REPLAY_SIDE_H

#include "gpugate/review.h"
#include "webhook/simulate/store.h"

enum {
	REPLAY_BEFORE,
	REPLAY_AFTER,
	REPLAY_ENFORCED, /* The new policy, as if every enforcement in it were deny. */
	REPLAY_SIDES,
};

struct replay_side {
	const struct policy *policy; /* Borrowed. NULL: there is no such side. */
	bool enforced;
	struct simulation *simulation; /* Holds the Pods that this policy admits. */
	/*
	 * Holds all Pods that exist, whether or not the policy would admit them; NULL: nobody asks
	 * for that.
	 */
	struct simulation *existing;
};

/* Returns 0, or -1 with an error. Release it in any case. */
int replay_side_init(struct replay_side *side, const struct policy *policy, bool enforced, struct error *err);
void replay_side_release(struct replay_side *side);

/* Sets the labels of a namespace, unless it has them. Returns 0, or -1 without memory. */
int replay_side_namespace(struct replay_side *side, struct str name, const struct pairs *labels);

enum replay_step {
	REPLAY_WHOLE,      /* Both webhooks, one after the other. */
	REPLAY_MUTATION,   /* Only /mutate. */
	REPLAY_VALIDATION, /* Only /validate. */
};

/* How a review was answered, by a policy or in a recording. The strings are borrowed. */
struct replay_outcome {
	bool admitted;
	bool recorded;       /* It is what a recording says. */
	bool over;           /* A quota is exceeded, whether or not that refuses the Pod. */
	struct str tenant;   /* Absent: none. */
	struct str message;  /* Of a refusal; absent: none. */
	struct str warnings; /* All of them, separated by newlines; absent: none. */
	struct str patch;    /* A JSON Patch; absent: nothing is changed. */
	struct str uid;      /* Of the Pod; absent: it has none. */
};

/*
 * Decides a review, which is not changed. The outcome borrows from the arena, the policy and the
 * review. Returns 0, or -1 if the arena is exhausted.
 */
int replay_side_decide(struct replay_side *side, enum replay_step step, const struct review *review,
		       struct arena *arena, struct replay_outcome *outcome);

#endif
