/*
 * workload: the kinds of objects that have Pods, and where each kind has its Pod template and its
 * number of Pods. To add a kind, add a row to the table in workload.c.
 */
#ifndef WEBHOOK_OBJECT_WORKLOAD_H
#define WEBHOOK_OBJECT_WORKLOAD_H

#include "gpugate/error.h"
#include "gpugate/str.h"

/* Where a kind says how a changed template replaces Pods. Values are JSON. */
struct workload_rolling {
	/* Of the spec, for messages; NULL: there is no maxSurge. */
	const char *field;
	const char *surge, *surge_default;             /* maxSurge, which is rounded up. */
	const char *unavailable, *unavailable_default; /* maxUnavailable. */
	bool rounds_up;                                /* maxUnavailable is; otherwise down. */
};

struct workload_kind {
	const char *group; /* API group; "" is the core group. */
	const char *kind;
	const char *template;   /* Path of the Pod template; "": the object itself is a Pod. */
	const char *replicas;   /* Path of the number of Pods; NULL: always one. */
	const char *most;       /* Path of the maximum number of Pods at once; NULL: none. */
	const char *suspend[2]; /* Paths of booleans; one that is true means no Pods now. */
	const char *controller; /* User that creates the Pods; NULL: the object's creator. */
	struct workload_rolling rolling;
	const char *strategy;   /* Path of the strategy, such as Recreate; NULL: none. */
	const char *partition;  /* Path of how many Pods a changed template leaves; NULL: none. */
	const char *paused;     /* Path of a boolean; true: a changed template is not used now. */
	const char *existing;   /* Path of how many Pods it has; NULL: the object does not say. */
	const char *succeeded;  /* Path of how many Pods have succeeded, of `most`; NULL: none. */
	const char *conditions; /* Path of conditions that may say that it has ended; NULL: none. */
	/* One Pod for each matching node, which the Pod requires by name; counted as one Pod. */
	bool per_node;
	bool keeps; /* A changed template never replaces Pods that exist. */
};

/* Any kind of which only the policy says where it has its Pods (workload_parts.h). */
extern const struct workload_kind workload_custom;

struct workload {
	const struct workload_kind *kind;
	/* The Pod, or its template, for review_read_pod. Borrows from the object. */
	struct str pod;
	int64_t replicas; /* Number of Pods at once; not negative. 0 if it is suspended. */
	int64_t existing; /* Number of Pods that it had when its controller last said so. */
	/*
	 * How many Pods more than `replicas` must fit, or new Pods never replace others: 1 if the
	 * rolling update may not take a Pod away first, else 0.
	 */
	int64_t surge;
	/* Number of Pods that have not ended yet, by its status; INT64_MAX: any number. */
	int64_t remaining;
	bool keeps;  /* A changed template leaves the Pods that exist as they are. */
	bool paused; /* Nor are other Pods created from it now. */
};

/*
 * Finds the kind of an object by its `apiVersion`, of which only the group matters, and its `kind`.
 * Returns NULL if such objects have no Pods.
 */
const struct workload_kind *workload_find(struct str api_version, struct str kind);

/* Returns the API group of an `apiVersion`; empty: the core group. Borrows. */
struct str workload_group(struct str api_version);

/* Does the same for a kind of that API group. */
const struct workload_kind *workload_find_in(struct str group, struct str kind);

/*
 * Reads an object of that kind. REVIEW_PADDING readable bytes must follow `json`. Returns 0, or -1
 * with an error that names the path and the byte, like review_read. A missing template is an error.
 */
int workload_read(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err);

/* How many Pods of a workload there are at once. */
struct workload_count {
	int64_t pods;
	int64_t surge; /* As in struct workload; of workload_rollout, part of `pods`. */
	bool per_node; /* As in struct workload_kind. */
};

/*
 * Returns how many Pods there are while new ones replace `existing` ones, for which all commands
 * and the webhook ask: with the surge, and for one on each node, as many as exist.
 */
struct workload_count workload_rollout(const struct workload_count *count, int64_t existing);

#endif
