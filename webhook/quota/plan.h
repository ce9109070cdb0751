/*
 * plan: decides when a replica writes or deletes a gpuquotas object. Pure: the published object,
 * the wanted content, and the time are arguments. Each replica decides on its own. These rules keep
 * replicas from overwriting each other:
 *
 * - A replica replaces a published object only if the content differs, its own view is not older
 *   (under the same policy), and at least a second plus jitter has passed since the last change.
 *   The first replica to write spares the others the write.
 * - A replica leaves an object that was published under another policy alone. Otherwise two
 *   replicas with different policies would overwrite each other forever. There are two exceptions:
 *   policies that this replica ran earlier, which it knows to be older, and objects that have not
 *   changed for a minute, which suggests that their writer is gone. Either exception applies to an
 *   object at most once a minute, unless this replica itself was its last writer.
 * - A replica deletes an object that its policy does not have once the object has not changed, and
 *   has not been wanted, for a minute. If the object comes back, another replica's policy has it,
 *   so the next wait is twice as long.
 */
#ifndef WEBHOOK_QUOTA_PLAN_H
#define WEBHOOK_QUOTA_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_REST_MS 1000   /* Minimum time between two writes of one object by any replica. */
#define PLAN_JITTER_MS 1000 /* Maximum jitter that is added to PLAN_REST_MS. */
#define PLAN_STABLE_MS 60000
#define PLAN_STABLE_MAX_MS 3600000
#define PLAN_FORMER_MAX 8

/* The plan of one object. It starts zeroed. A `stable_ms` of 0 means PLAN_STABLE_MS. */
struct quota_plan {
	/* The published object. */
	bool published;
	uint64_t resource_version; /* Largest version seen; kept when the object is deleted. */
	uint64_t pod_version;      /* Version of its writer's Pod view. */
	uint64_t content;
	uint64_t policy;    /* Hash of the policy's digest. */
	int64_t changed_ms; /* When this replica last saw the object change. */

	/* What this replica wants. */
	bool wanted; /* The policy has this quota. */
	uint64_t wanted_content;
	int64_t unwanted_ms; /* When it became unwanted; 0 if it is wanted or not yet known. */

	int64_t due_ms;   /* When to write; 0 if no write is scheduled. */
	int64_t look_ms;  /* When to call quota_plan_step again even without a change; 0: never. */
	int64_t taken_ms; /* When this replica last replaced another policy's numbers; 0: never. */
	bool own;         /* This replica wrote the published object. */
	/* How long an unwanted object must stay unchanged before it is deleted. */
	int64_t stable_ms;
	bool busy; /* A write or a deletion is in flight. */
};

struct quota_plan_now {
	int64_t now_ms;       /* Monotonic time; must be above 0. */
	int64_t jitter_ms;    /* A random number from 0 to PLAN_JITTER_MS. */
	uint64_t pod_version; /* Version of this replica's Pod view. */
	uint64_t policy;      /* Hash of the current policy's digest. */
	/* Hashes of the digests of policies that this replica ran earlier; 0: an unused slot. */
	uint64_t former[PLAN_FORMER_MAX];
};

enum quota_step { QUOTA_REST, QUOTA_WRITE, QUOTA_DELETE };

/*
 * Decides what to do about an object now. Sets `due_ms` and, for QUOTA_REST, `look_ms`. Does not
 * record that the step was taken: see quota_plan_begun.
 */
enum quota_step quota_plan_step(struct quota_plan *plan, const struct quota_plan_now *now);

/*
 * Records that the caller has started `step`. Sets `busy` for a write or a deletion; the caller
 * clears it when the call ends.
 */
void quota_plan_begun(struct quota_plan *plan, enum quota_step step, const struct quota_plan_now *now);

/*
 * Records an object from a list, a watch event, or a response. An object older than the known one
 * is ignored.
 */
struct quota_seen {
	uint64_t resource_version, pod_version, content, policy;
};
void quota_plan_seen(struct quota_plan *plan, const struct quota_seen *seen, int64_t now_ms);

/* Records that the object does not exist. */
void quota_plan_gone(struct quota_plan *plan);

/*
 * Records that this replica wrote that version of the object. Call it after quota_plan_seen for the
 * same version.
 */
void quota_plan_written(struct quota_plan *plan, uint64_t resource_version);

/*
 * Prepares for a new list: the next object seen is the latest even if its version is smaller, as it
 * is after etcd was restored from a backup.
 */
void quota_plan_listing(struct quota_plan *plan);

/* Records whether the policy has this quota and, if so, the hash of the wanted content. */
void quota_plan_want(struct quota_plan *plan, bool wanted, uint64_t content, int64_t now_ms);

#endif
