/* admit: sends one review through both webhooks, as the API server does. */
#ifndef WEBHOOK_SIMULATE_ADMIT_H
#define WEBHOOK_SIMULATE_ADMIT_H

#include <jansson.h>

#include "webhook/admission/decide.h"
#include "webhook/simulate/store.h"

struct simulated {
	/* ADMISSION_DECIDED, or ADMISSION_NO_MEMORY; then the decisions are not valid. */
	enum admission_state state;
	bool admitted;
	struct pod before;        /* The original Pod, to which mutation.edits apply. */
	struct decision mutation; /* Of /mutate. */
	/*
	 * Of /validate, for the Pod after the edits. Zeroed if /mutate denied, because the API
	 * server then does not call /validate.
	 */
	struct decision validation;
	struct buf charges; /* "tenant/quota=amount, ..."; the caller releases it. */
};

/*
 * Sends the review to /mutate, applies the edits to review->object, and sends the review to
 * /validate, which holds the Pod in the simulation if it is admitted. A Pod without a uid gets one.
 * `trace` may be NULL. Everything borrows from the policy of the simulation, the review, and the
 * arena.
 */
void simulation_admit(struct simulation *simulation, struct review *review, struct arena *arena,
		      const struct trace *trace, struct simulated *out);

/*
 * Sends the review to one webhook only, and does not change it, as for an update. `charges` is
 * initialized by the caller. Otherwise like simulation_admit.
 */
enum admission_state simulation_ask(enum admission_kind kind, struct simulation *simulation, struct review *review,
				    struct arena *arena, const struct trace *trace, struct buf *charges,
				    struct decision *decision);

/* Returns the decision that the API server reports: of /mutate if it denied, else of /validate. */
static inline const struct decision *simulated_decision(const struct simulated *simulated)
{
	return simulated->mutation.denied ? &simulated->mutation : &simulated->validation;
}

/* The sentence that the creator of the Pod sees, as a JSON string; null if it is admitted. New. */
json_t *simulated_message(const struct decision *decision);

/* The JSON Patch of /mutate, as an array. New. */
json_t *simulated_patch(const struct simulated *simulated);

#endif
