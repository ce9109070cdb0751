/*
 * coverage: which parts of a policy decisions have reached: Rules, tenants, quotas, exemptions, and
 * what Guards refuse.
 */
#ifndef WEBHOOK_SIMULATE_COVERAGE_H
#define WEBHOOK_SIMULATE_COVERAGE_H

#include "gpugate/error.h"
#include "gpugate/policy.h"
#include "gpugate/trace.h"

struct coverage_part {
	struct policy_part part;
	bool reached;
};

struct coverage {
	const struct policy *policy; /* Borrowed. */
	struct coverage_part *parts; /* Owned; sorted by file and line. */
	uint32_t count, size;
	bool failed; /* There was not enough memory. */
};

/* Lists the parts of a policy, of which none is reached. Returns 0, or -1 without memory. */
int coverage_init(struct coverage *coverage, const struct policy *policy, struct error *err);
/* Copies all of it to `copy`. Returns 0, or -1 without memory. */
int coverage_copy(struct coverage *copy, const struct coverage *coverage);
void coverage_release(struct coverage *coverage);

/*
 * Notes what a step of a decision reaches: a Rule that holds for the Pod, the part of a Guard that
 * objects or changes the Pod, a quota that counts it, its tenant and the tenants above, and an
 * exemption that applies.
 */
void coverage_note(struct coverage *coverage, const struct trace_event *event);

/* Notes what another coverage of the same policy has reached. */
void coverage_add(struct coverage *coverage, const struct coverage *other);

uint32_t coverage_reached(const struct coverage *coverage);

/* Such as `Rule "a"` or `quota team-a/compute`, appended to a buffer. */
void coverage_print_part(const struct policy_part *part, struct buf *out);

#endif
