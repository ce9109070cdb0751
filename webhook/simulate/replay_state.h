/* replay_state: shared by the files of a replay. replay.h says what a replay is. */
#ifndef WEBHOOK_SIMULATE_REPLAY_STATE_H
#define WEBHOOK_SIMULATE_REPLAY_STATE_H

#include "webhook/simulate/replaced.h"
#include "webhook/simulate/replay_changes.h"
#include "webhook/simulate/replay_memory.h"

/* A Pod that exists, until all of its input has been read. The strings are in `content`. */
struct replay_pod {
	struct str created, json; /* REVIEW_PADDING readable bytes follow the JSON. */
	const char *file;         /* Borrowed from the caller of the replay. */
	uint32_t line;
	uint64_t order; /* Of its place in the input. */
	char content[];
};

struct replay {
	struct replay_side sides[REPLAY_SIDES]; /* The first one may have no policy. */
	struct replay_changes changes;
	struct replay_memory originals; /* The /mutate lines of Pods, by what identifies a Pod. */
	struct replay_memory refused;   /* Uids of Pods that only one of two policies admits. */
	struct replay_memory reported;  /* Uids of Pods that only would be refused. */
	struct replay_memory phantoms;  /* Uids of Pods that only a replay admits. */
	struct replay_memory holders;   /* Uids of Pods whose end is assumed, in that order. */
	int64_t hold_ms, now_ms;        /* 0: none is; 0: no time has been read. */
	struct replaced *usage;         /* Pods of the usage, by whose they are. */
	struct arena arena;             /* For one object. */
	struct replay_pod **pods;       /* Pods that exist. Owned. */
	size_t pod_count, pod_size, pod_bytes, pod_bytes_max;
	uint64_t reviews, ends, skipped, incomplete, passed_over;
	uint64_t workloads;               /* How many had a number (subjects_set_groups). */
	struct error unnamed;             /* About an object that no policy names. */
	json_t *passed_over_files;        /* The first of them. */
	struct str first_time, last_time; /* Of the recording, owned; absent: unknown. */
	char times[2][32];
};

/* Whether the side takes part. */
static inline bool replay_has(const struct replay *replay, int side)
{
	return replay->sides[side].policy != NULL;
}

/*
 * Compares the outcomes, and notes what differs. Without a policy to compare with, outcomes[0] is
 * what was recorded. Its warnings are not compared, and exceeded quotas only if the Pod was
 * admitted and is refused. Returns 0 or -1.
 */
int replay_compare(struct replay *replay, const struct replay_subject *subject,
		   struct replay_outcome outcomes[REPLAY_SIDES], struct error *err);

/* Fails because a review needs too much memory. Returns -1. */
int replay_no_memory(struct error *err);

#endif
