/*
 * early_target: what a review changes whose object has no Pods itself: the `scale` of a workload,
 * or a HorizontalPodAutoscaler. The answer is that about the workload with as many Pods as asked
 * for, so the workload has to be read before it.
 */
#ifndef WEBHOOK_ADMISSION_EARLY_TARGET_H
#define WEBHOOK_ADMISSION_EARLY_TARGET_H

#include "webhook/admission/early_answer.h"

struct early_target {
	/* The workload is to be read. Otherwise, nothing is said about its Pods. */
	bool wanted;
	struct str group, version, resource, kind, name; /* Of the workload. */
	bool autoscaler;
	int64_t pods;      /* How many are asked for. */
	int64_t old_pods;  /* How many were, of a `scale`. */
	int64_t least;     /* minReplicas of an autoscaler. */
	struct str metric; /* Name of its first metric that never has a value; absent: none. */
};

/* Whether the review is that of such an object. Pure. */
bool early_target_concerns(const struct review *review);

/*
 * Reads such a review. It borrows from the review and the policy. Returns false if there is nothing
 * to answer: no more Pods are asked for than before, the workload is of a kind that is not known,
 * or the object cannot be read.
 */
bool early_target_read(const struct policy *policy, const struct review *review, struct early_target *target);

/*
 * Turns it into the question about the workload, whose JSON is given; absent: it could not be read.
 * REVIEW_PADDING readable bytes must follow the JSON. Borrows like early_question_read, and returns
 * false if there is nothing to answer.
 */
bool early_target_question(const struct policy *policy, const struct review *review, const struct early_target *target,
			   struct str json, struct arena *arena, struct early_question *question);

#endif
