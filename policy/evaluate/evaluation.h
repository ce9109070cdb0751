/* evaluation: what the parts of one decision share. It lives on the stack of policy_mutate or policy_validate. */
#ifndef POLICY_EVALUATE_EVALUATION_H
#define POLICY_EVALUATE_EVALUATION_H

#include "gpugate/trace.h"
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
	const struct trace *trace; /* NULL: none is wanted */
	struct trace_marks *marks; /* NULL without a trace; see trace.h */
};

#endif
