/*
 * pod_review: what the API server asks about a Pod that the controller of a workload creates, or
 * about a claim. The server and the commands that simulate it ask the same.
 */
#ifndef WEBHOOK_OBJECT_POD_REVIEW_H
#define WEBHOOK_OBJECT_POD_REVIEW_H

#include "gpugate/arena.h"
#include "gpugate/review.h"
#include "webhook/object/workload.h"

/* Who creates the Pods. */
struct pod_creator {
	struct str user;    /* Absent: as the kind of the workload says. */
	struct strs groups; /* Of that user, in addition to system:authenticated. */
};

/*
 * Completes the review of the CREATE of one of these Pods. The caller has zeroed it, and set its
 * `namespace` and its `object`, which is the Pod or its template. `name` is that of the workload.
 * The review borrows from all of them and from the arena. Returns 0, or -1 if the arena is
 * exhausted.
 */
int pod_review_complete(struct review *review, const struct workload_kind *kind, struct str name,
			const struct pod_creator *creator, struct arena *arena);

/*
 * Completes the review of the CREATE of a claim or its template. The caller has set its `namespace`
 * and its `claim`. Otherwise as above.
 */
int claim_review_complete(struct review *review, struct str kind, struct str name, const struct pod_creator *creator,
			  struct arena *arena);

#endif
