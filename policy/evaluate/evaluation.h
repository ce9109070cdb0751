/*
 * evaluation: the state that the steps of one decision share. It is on the stack of policy_mutate
 * or policy_validate, and borrows all pointers.
 */
#ifndef POLICY_EVALUATE_EVALUATION_H
#define POLICY_EVALUATE_EVALUATION_H

#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/review.h"
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
	uint32_t tenant, other_tenant; /* See snapshot_tenant. */
	/* By container: whether Guards check it; NULL: they check all. */
	const bool *judged;
	struct working_pod working;
	const struct trace *trace; /* NULL: none is wanted */
	struct trace_marks *marks; /* NULL without a trace; see trace.h */
};

#endif
