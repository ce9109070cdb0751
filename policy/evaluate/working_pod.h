/*
 * working_pod: the working copy of a Pod: its accelerator requests while Rules change them, and
 * what Rules add. The Pod itself is not changed. All memory is in the arena of the request.
 */
#ifndef POLICY_EVALUATE_WORKING_POD_H
#define POLICY_EVALUATE_WORKING_POD_H

#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/evaluate/given_claims.h"
#include "policy/model/snapshot.h"

/* Different accelerator resources in one Pod; no node has that many. */
#define WORKING_POD_RESOURCES_MAX 64

#define AMOUNT_ABSENT (-1)

/*
 * What one container requests of one accelerator resource. AMOUNT_ABSENT means that the map lacks
 * the key. `was_` is the value in the Pod.
 */
struct amount_of {
	uint32_t container; /* Index into pod.containers. */
	uint32_t name;      /* Index into working.names. */
	uint32_t next;      /* Next amount of the same container; INDEX_NONE: none. */
	int64_t request, limit;
	int64_t was_request, was_limit;
};

struct working_pod {
	const struct policy *policy;
	const struct pod *pod;
	struct arena *arena;
	struct str names[WORKING_POD_RESOURCES_MAX];
	/* NULL: no Accelerator has it. */
	const struct resource *resources[WORKING_POD_RESOURCES_MAX];
	int64_t effective[WORKING_POD_RESOURCES_MAX]; /* See working_pod_sum. */
	uint32_t name_count;
	struct amount_of *amounts;
	uint32_t amount_count, amount_size;
	uint32_t *first;        /* First amount of each container; INDEX_NONE: it has none. */
	struct pair *selectors; /* Added or replaced entries of nodeSelector. */
	uint32_t selector_count, selector_size;
	struct toleration *tolerations; /* Added tolerations. */
	uint32_t toleration_count, toleration_size;
	struct str runtime_class; /* Absent: unchanged. */
	/* NULL until a Rule that leads to claims concerns the Pod; see working_pod_claims. */
	struct given_claims *given;
};

/* What is wrong with the requests of a Pod, for the message that denies it. */
struct working_pod_problem {
	const char *what;              /* NULL: nothing. */
	const char *remedy;            /* What to request instead. */
	struct str container;          /* Absent: the overhead of the Pod. */
	struct str resource, quantity; /* Absent: `what` is about the whole Pod. */
};

/*
 * Initializes the working Pod and collects the accelerator requests. An invalid request sets
 * `*problem`. Returns 0, or -1 if the arena is exhausted.
 */
int working_pod_init(struct working_pod *working, const struct policy *policy, const struct pod *pod,
		     struct arena *arena, struct working_pod_problem *problem);

/*
 * Computes `effective` again: the effective request of the whole Pod for each resource. A total
 * above RESOURCE_REQUEST_MAX is a problem.
 */
void working_pod_sum(struct working_pod *working, struct working_pod_problem *problem);

/* Returns the index of a name that is in the working Pod, or INDEX_NONE. */
uint32_t working_pod_name(const struct working_pod *working, struct str name);

/* Returns the effective request of the Pod for a name; 0: none. */
int64_t working_pod_effective(const struct working_pod *working, struct str name);

/* Returns what a container requests of the resource: the larger of request and limit. */
static inline int64_t amount_value(const struct amount_of *amount)
{
	return amount->request > amount->limit ? amount->request : amount->limit;
}

/* Returns what the container requests of a resource; 0 or less: nothing. */
int64_t working_pod_requested(const struct working_pod *working, uint32_t container, struct str name);

/*
 * Whether a container requests any accelerator (a device, a slice or a share), so that a device
 * plugin decides which devices it sees. A network device or a companion of the same vendor does not
 * count.
 */
bool working_pod_requests_any(const struct working_pod *working, uint32_t container);

/*
 * Moves an amount to another name in the same container, and adds it to what is there. Returns 0,
 * or -1 if the arena is exhausted or the Pod would have too many names; the working Pod must not be
 * used after that.
 */
int working_pod_move(struct working_pod *working, uint32_t amount, struct str to);

/* Sets `given`, once. Returns 0, or -1 if the arena is exhausted. */
int working_pod_claims(struct working_pod *working);

/* Returns what a container requests of a name of the working Pod, or NULL. */
struct amount_of *working_pod_amount(const struct working_pod *working, uint32_t container, uint32_t name);

/*
 * working_pod_selector returns nodeSelector[key] in the working Pod, or an absent string.
 * working_pod_select sets it; it returns 0, or -1 if the arena is exhausted.
 */
struct str working_pod_selector(const struct working_pod *working, struct str key);
int working_pod_select(struct working_pod *working, struct str key, struct str value);

/* Whether some toleration in the working Pod covers this one. */
bool working_pod_tolerates(const struct working_pod *working, const struct toleration *toleration);

/*
 * Adds a toleration unless one in the working Pod covers it. Sets `*added` if it adds one. Returns
 * 0, or -1 if the arena is exhausted.
 */
int working_pod_tolerate(struct working_pod *working, const struct toleration *toleration, bool *added);

/* Returns runtimeClassName in the working Pod, or an absent string. */
struct str working_pod_runtime_class(const struct working_pod *working);

/*
 * Computes the edits that turn the Pod into the working Pod. They are in the arena, with room for
 * `envs` more at the end. Returns 0, or -1 if the arena is exhausted.
 */
int working_pod_edits(const struct working_pod *working, uint32_t envs, struct edit **edits, uint32_t *count);

#endif
