/*
 * replay_reviews: replays the lines of a recording, and AdmissionReviews.
 *
 * The creation of a Pod is two lines: /mutate has the Pod as its creator sent it, and /validate has
 * it as it was stored, which depends on the policy that was recorded. If a policy changes the Pod
 * as was recorded, it validates exactly what was recorded. Otherwise it decides about the original,
 * which is remembered by namespace, owner, name and user until /validate follows.
 */
#ifndef WEBHOOK_SIMULATE_REPLAY_REVIEWS_H
#define WEBHOOK_SIMULATE_REPLAY_REVIEWS_H

#include "webhook/object/review.h"
#include "webhook/simulate/replay_state.h"

/*
 * Replays a review of a Pod, which was read from `line`; REVIEW_PADDING readable bytes follow that.
 * Uses the arena of the replay. Returns 0, or -1 with an error.
 */
int replay_review(struct replay *replay, const struct recorded *recorded, struct str line, const char *file,
		  uint64_t number, struct error *err);

/* Ends the Pods that have held quota for the assumed time. `now_ms` is -1 if it is unknown. */
void replay_reviews_advance(struct replay *replay, int64_t now_ms);

/* Compares what was recorded of Pods whose /validate does not follow. Returns 0, or -1. */
int replay_reviews_finish(struct replay *replay, struct error *err);

#endif
