/*
 * slice_choice: names of MIG slices that mean slices of different sizes. For example,
 * nvidia.com/mig-1g.10gb is a wider slice of an A100 with 40 GB than of one with 80 GB. Pure. Safe
 * on any number of threads.
 */
#ifndef GPUGATE_SLICE_CHOICE_H
#define GPUGATE_SLICE_CHOICE_H

#include "gpugate/arena.h"
#include "gpugate/pod.h"
#include "gpugate/policy.h"

#define SLICE_REQUIRES_BYTES 200

/* What one of a name is on the nodes of an Accelerator. */
struct slice_view {
	struct str accelerator;
	struct policy_location at;
	wide gpus;   /* In units of 1/policy_unit(). */
	wide memory; /* In such units of a byte; -1: not known. */
	/* What a Pod requires to run there, in parentheses after a blank; empty: it is too long. */
	char requires[SLICE_REQUIRES_BYTES];
};

struct slice_choice {
	struct slice_view most, least; /* By the part of a GPU, then by memory. */
};

/*
 * Finds the largest and the smallest slice that the name can mean for a Pod, by what the Pod
 * requires of its node. Returns 1; 0 if the name is none of slices, or all that it can mean are of
 * one size; or -1 if the arena is exhausted.
 */
int policy_slice_choice(const struct policy *policy, const struct pod *pod, struct str name, struct arena *arena,
			struct slice_choice *choice);

#endif
