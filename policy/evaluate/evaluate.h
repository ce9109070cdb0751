/* evaluate: what the parts of one decision share. Lives on the stack of policy_mutate or policy_validate. */
#ifndef POLICY_EVALUATE_EVALUATE_H
#define POLICY_EVALUATE_EVALUATE_H

#include "policy/evaluate/working_pod.h"
#include "policy/model/snapshot.h"

struct evaluation {
	const struct policy *policy;
	const struct review *review;
	const struct pod *pod;
	struct arena *arena;
	struct decision *decision;
	struct str namespace;
	struct pairs namespace_labels;
	uint32_t tenant, other_tenant; /* see snapshot_tenant */
	const bool *judged;            /* by container: whether Guards look at it; NULL: at all of them */
	struct draft draft;
};

/*
 * Workflow engines (Argo Workflows, Tekton, Airflow) create a Pod again later if it was refused with status 403 and a message that has the
 * words `exceeded quota`, and give up otherwise. Quota messages that waiting helps begin with this, and no other message has the words.
 */
#define DECISION_WAIT "exceeded quota: "

/*
 * Adds an objection; its message is formatted into the arena. What enforcement makes of it: deny denies (never a mirror
 * Pod), allow drops it. Returns -1 when the arena is exhausted.
 */
__attribute__((format(printf, 6, 7))) int decision_object(struct decision *decision, struct arena *arena,
							  enum reason reason, enum enforcement enforcement,
							  struct str name, const char *format, ...);

/*
 * rules.c: applies the Rules that match to the draft, in their order. `settle` repeats until a pass changes nothing, as
 * /mutate does; otherwise one pass, and a required Rule that changed something is an objection, as in /validate.
 */
int rules_apply(struct evaluation *e, bool settle);

/* guard.c: objections of the Guards, as far as they look at this operation. */
int guards_check(struct evaluation *e);

/* guard_env.c: objections to variables that are not `void` where a Guard wants them to be. */
int guards_check_void(struct evaluation *e);

/* guard_env.c: calls back for each variable that must become `void`. `index` is -1 where the container lacks it. */
typedef int void_fn(void *context, uint32_t container, int32_t index, struct str variable);
int guards_void(const struct evaluation *e, void_fn *found, void *context);

/*
 * restore.c: whether the review is of a Pod that changes, and the edits that undo what an apply of its manifest would change back:
 * accelerator names, `void` variables, node selectors, tolerations, the runtime class. Returns -1 when the arena is exhausted.
 */
bool restore_concerns(const struct review *review);
int restore_edits(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision);

/* evaluate.c: whether the review's creator or namespace is in a list. */
bool exempt_match(const struct exempt *exempt, const struct review *review, struct str namespace);

/* unknown.c: Settings.unknownResources. */
int unknown_check(struct evaluation *e);

/* coverage.c: tenancy, coverage, models; fills decision->holding. */
int charges_check(struct evaluation *e);

#endif
