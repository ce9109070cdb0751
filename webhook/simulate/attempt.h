/* attempt: creates Pods in a running suite, and keeps what the webhook makes of them. */
#ifndef WEBHOOK_SIMULATE_ATTEMPT_H
#define WEBHOOK_SIMULATE_ATTEMPT_H

#include "webhook/simulate/subject.h"
#include "webhook/simulate/suite_state.h"

/* What one step tries. All but the flags is borrowed. */
struct attempt {
	struct suite_state *state;
	struct manifest *manifest; /* Of the object that is tried. */
	struct step_report *report;
	bool unstored;  /* What is admitted is refused later, and never stored. */
	bool described; /* report->outcome has the details of a Pod. */
	bool refused;   /* A Pod of the object that is tried. */
};

/*
 * Creates `count` Pods of an object, one after another, until one is refused. With a count of 0,
 * one Pod is decided, and holds nothing. The report has the details of the first Pod that is
 * refused, or else of the first. `workload` is NULL for an AdmissionReview. Returns 0, or -1 with
 * an error that begins with FILE:LINE.
 */
int attempt_pods(struct attempt *attempt, const struct manifest_object *object, const struct subject *subject,
		 const struct known_workload *workload, int64_t count, struct error *err);

/* Releases what the Pods from `first` on hold, as if they had not been created. */
void attempt_undo(struct suite_state *state, uint32_t first);

#endif
