/*
 * quota_plan: when a replica writes or deletes a gpuquotas object. Pure: what is published, what is wanted and the time are
 * arguments. Every replica does it by itself; these rules keep them from writing over each other:
 *
 * - What is published is only replaced when its content differs, by a view that is not older (under the same policy), and a second and some jitter after it
 *   was last replaced: whoever comes first spares the others the write.
 * - What was published by another policy is left alone, as replicas with two policies would replace each other's numbers for ever.
 *   But for policies that this replica had before its own: it knows which of the two is newer. And but for what
 *   has not moved for a minute: whoever wrote it is no more. Either happens to one object once in a minute at most, unless it was
 *   this replica itself that wrote the object last.
 * - What this replica's policy does not know is deleted when it has not moved for a minute, by whom it was not known for
 *   that long; and when it came back, somebody knows it, and that takes twice as long the next time.
 */
#ifndef WEBHOOK_QUOTA_PLAN_H
#define WEBHOOK_QUOTA_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_REST_MS 1000   /* between two writes of one object, by whomever */
#define PLAN_JITTER_MS 1000 /* ... and up to so much more */
#define PLAN_STILL_MS 60000
#define PLAN_STILL_MOST_MS 3600000
#define PLAN_FORMER_MAX 8

/* One object. Zeroed at first; `still_ms` 0 counts as PLAN_STILL_MS. */
struct quota_plan {
	/* As it is published. */
	bool published;
	uint64_t resource_version; /* the largest seen, also when it is gone since */
	uint64_t pod_version;      /* of the view of whoever wrote it */
	uint64_t content;
	uint64_t policy;    /* hash of the digest */
	int64_t changed_ms; /* when this replica last saw it change */

	/* As this replica would have it. */
	bool wanted; /* the policy has such a quota */
	uint64_t wanted_content;
	int64_t unwanted_ms; /* since when not; 0: never looked */

	int64_t due_ms;   /* when to write; 0: nothing is to be written */
	int64_t look_ms;  /* when time alone may bring something to do; 0: never */
	int64_t taken_ms; /* when another policy's numbers were replaced; 0: never */
	bool own;         /* what is published was written by this replica itself */
	int64_t still_ms; /* how long what is not wanted has to stand still */
	bool busy;        /* a write or deletion is under way */
};

struct quota_plan_now {
	int64_t now_ms;                   /* above 0 */
	int64_t jitter_ms;                /* a random number of 0 to PLAN_JITTER_MS */
	uint64_t pod_version;             /* of this replica's view */
	uint64_t policy;                  /* hashes of digests */
	uint64_t former[PLAN_FORMER_MAX]; /* of policies that this replica had before; 0: none */
};

enum quota_step { QUOTA_REST, QUOTA_WRITE, QUOTA_DELETE };

/* What to do about an object now. Sets when to write and, of QUOTA_REST, when to ask again if nothing changes before; it does not note
 * that anything was done. */
enum quota_step quota_plan_step(struct quota_plan *plan, const struct quota_plan_now *now);

/* The step is being done. */
void quota_plan_begun(struct quota_plan *plan, enum quota_step step, const struct quota_plan_now *now);

/* The object was seen; an older one than is known is passed over. */
struct quota_seen {
	uint64_t resource_version, pod_version, content, policy;
};
void quota_plan_seen(struct quota_plan *plan, const struct quota_seen *seen, int64_t now_ms);
void quota_plan_gone(struct quota_plan *plan);

/* This replica has written that version of the object; after quota_plan_seen of it. */
void quota_plan_written(struct quota_plan *plan, uint64_t resource_version);

/* All objects are listed anew: what comes next is the latest, even if its version is smaller (the storage was restored). */
void quota_plan_listing(struct quota_plan *plan);

/* The policy has, or has not, such a quota. */
void quota_plan_want(struct quota_plan *plan, bool wanted, uint64_t content, int64_t now_ms);

#endif
