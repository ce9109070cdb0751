/* admit: one review through both webhooks, as the API server sends a Pod through them. */
#ifndef WEBHOOK_SIMULATE_ADMIT_H
#define WEBHOOK_SIMULATE_ADMIT_H

#include <jansson.h>

#include "webhook/admission/decide.h"
#include "webhook/simulate/store.h"

struct simulated {
	/* ADMISSION_DECIDED; or ADMISSION_NO_MEMORY: nothing else below is of use. */
	enum admission_state state;
	bool admitted;
	struct pod before;        /* As it came; mutation.edits are for this. */
	struct decision mutation; /* Of /mutate. */
	/*
	 * Of /validate, for the Pod after the edits. If /mutate denied, the API server does not ask
	 * it, and this is zero.
	 */
	struct decision validation;
	struct buf charges; /* "tenant/quota=amount, ..."; the caller releases it. */
};

/*
 * Sends the review to /mutate, applies the edits to review->object, and sends it to /validate,
 * which holds the Pod in the simulation if it is admitted. A Pod without a uid gets one. `trace`
 * may be NULL. Everything borrows from the policy, the review and the arena. The policy must be
 * that of the simulation.
 */
void simulation_admit(struct simulation *simulation, const struct policy *policy, struct review *review,
		      struct arena *arena, const struct trace *trace, struct simulated *out);

/* The decision that the API server reports: of /mutate if it denied, or else of /validate. */
static inline const struct decision *simulated_decision(const struct simulated *simulated)
{
	return simulated->mutation.denied ? &simulated->mutation : &simulated->validation;
}

/* The sentence that the creator of the Pod sees, as a JSON string; null if it is admitted. New. */
json_t *simulated_message(const struct decision *decision);

/* The JSON Patch of /mutate, as an array. New. */
json_t *simulated_patch(const struct simulated *simulated);

#endif
