/*
 * workload_paths: where a custom resource keeps its Pods, as a policy says it. All strings belong
 * to the policy, and a NUL follows each.
 */
#ifndef GPUGATE_WORKLOAD_PATHS_H
#define GPUGATE_WORKLOAD_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/field_path.h"
#include "gpugate/policy.h"
#include "gpugate/str.h"

/*
 * A path below a value that the path of the Pods passes. `steps` is the number of keys from the
 * root to that value, and `rest`, which has no wildcards, leads on from there.
 */
struct related_path {
	struct str text; /* The whole path; absent: there is none. */
	const char *rest;
	uint32_t steps;
	int64_t less; /* Subtracted from a number; not below 0. */
};

#define POD_PATHS_CONTAINERS_MAX 16
#define POD_PATHS_FACTORS_MAX 4

/* Pods that are alike. With a wildcard in its path, several such groups. */
struct pod_paths {
	struct str path; /* Of what is found first: each of its matches is a group of Pods. */
	/* The path that is used if the other one matches nothing; absent: none. */
	struct str or_path;
	bool is_template; /* The value is a PodTemplateSpec. Otherwise the rest says what it has. */
	bool is_spec;     /* The value is a PodSpec, or has its fields. */
	bool alone;       /* The groups have no Pods at the same time. */
	struct related_path metadata, resources, device;
	const struct related_path *containers;
	uint32_t container_count;
	const struct related_path *replicas; /* Factors; each is 1 if it is absent. */
	uint32_t replica_count;
	/* They bound the last factor, and the second the first; no bound if it is absent. */
	struct related_path at_least, at_most;
};

struct workload_paths {
	struct str group, kind, plural;
	const struct pod_paths *pods;
	uint32_t pod_count;
	/* Values that are true, or a text that is not empty: there are no Pods now. */
	const struct related_path *suspend;
	uint32_t suspend_count;
};

/* Returns where objects of that kind of that API group keep their Pods, or NULL. */
const struct workload_paths *policy_workload(const struct policy *policy, struct str group, struct str kind);

/*
 * Returns the name that a kind has in Settings.workloads, static; absent if the program does not
 * have its paths.
 */
struct str workload_shipped_name(struct str group, struct str kind);

#endif
