/*
 * working_pod: the accelerator requests of one Pod while Rules work on it, and what Rules have added. Reads the facts, never
 * changes them; everything is the request's arena.
 */
#ifndef POLICY_EVALUATE_WORKING_POD_H
#define POLICY_EVALUATE_WORKING_POD_H

#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "policy/model/snapshot.h"

#define DRAFT_RESOURCES_MAX 64 /* different accelerator resources in one Pod: far more than any node has */

#define AMOUNT_ABSENT (-1)

/* What one container asks of one accelerator resource. AMOUNT_ABSENT: that map does not have the key. */
struct amount_of {
	uint32_t container; /* index into pod.containers */
	uint32_t name;      /* index into draft.names */
	uint32_t next;      /* of the same container; INDEX_NONE ends */
	int64_t request, limit;
	int64_t was_request, was_limit;
};

struct draft {
	const struct policy *policy;
	const struct pod *pod;
	struct arena *arena;
	struct str names[DRAFT_RESOURCES_MAX];
	const struct resource *resources[DRAFT_RESOURCES_MAX]; /* NULL: no Accelerator has it */
	int64_t effective[DRAFT_RESOURCES_MAX];                /* see draft_sum */
	uint32_t name_count;
	struct amount_of *amounts;
	uint32_t amount_count, amount_size;
	uint32_t *first;        /* of each container, its first amount; INDEX_NONE: it asks nothing */
	struct pair *selectors; /* added or replaced nodeSelector entries */
	uint32_t selector_count, selector_size;
	struct toleration *tolerations; /* added */
	uint32_t toleration_count, toleration_size;
	struct str runtime_class; /* absent: as the Pod has it */
};

/* What is wrong with the requests of a Pod, for the sentence that refuses it. */
struct draft_problem {
	const char *what;              /* NULL: nothing */
	const char *remedy;            /* what to request instead */
	struct str container;          /* absent: the Pod's overhead */
	struct str resource, quantity; /* absent: `what` is of the Pod as a whole */
};

/* Collects the accelerator requests. Returns -1 when the arena is exhausted; a senseless request is a problem, not -1. */
int draft_init(struct draft *draft, const struct policy *policy, const struct pod *pod, struct arena *arena,
	       struct draft_problem *problem);

/*
 * Recomputes `effective`: of each resource the whole Pod's request (effective_request.h). The sum of all of them above DEMAND_MAX is a
 * problem.
 */
void draft_sum(struct draft *draft, struct draft_problem *problem);

/* Index of a name that is already in the draft, or INDEX_NONE. */
uint32_t draft_name(const struct draft *draft, struct str name);

/* The Pod's effective request for a name; 0: none. */
int64_t draft_effective(const struct draft *draft, struct str name);

/* What a container asks of the resource: the larger of request and limit. */
static inline int64_t amount_value(const struct amount_of *amount)
{
	return amount->request > amount->limit ? amount->request : amount->limit;
}

/* What the container asks of a resource; 0 or less: nothing. */
int64_t draft_asked(const struct draft *draft, uint32_t container, struct str name);

/*
 * Whether a container asks any accelerator: a device, a slice or a share, so that its device plugin chooses what it sees. A network device
 * or a companion of the same vendor is none.
 */
bool draft_asks(const struct draft *draft, uint32_t container);

/* Moves what the amount asks to another name in the same container. Returns -1 when the arena is exhausted or the
 * Pod would have too many names (then nothing has changed). */
int draft_move(struct draft *draft, uint32_t amount, struct str to);

/* nodeSelector[key] as the draft has it; absent when it has none. */
struct str draft_selector(const struct draft *draft, struct str key);
int draft_select(struct draft *draft, struct str key, struct str value);

/* Whether some toleration that is there covers this one. */
bool draft_tolerates(const struct draft *draft, const struct toleration *toleration);

/* Adds a toleration unless one that is there already covers it. Sets `*added`. */
int draft_tolerate(struct draft *draft, const struct toleration *toleration, bool *added);

struct str draft_runtime_class(const struct draft *draft);

/* The difference to the Pod as it came, as edits in the arena. `envs` more edits are left room for at the end. */
int draft_edits(const struct draft *draft, uint32_t envs, struct edit **edits, uint32_t *count);

#endif
