/*
 * pod_group: the group to which a Pod belongs, by what the Pod itself says: its PodGroup, labels of
 * known controllers, or the workload that owns it. Pure: no I/O, no state between calls. Safe on
 * any number of threads.
 */
#ifndef GPUGATE_POD_GROUP_H
#define GPUGATE_POD_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

struct arena;
struct pod;

#define POD_GROUP_KEY_MAX 512 /* In bytes. A Pod whose group has a longer name is in none. */

struct pod_group {
	/*
	 * Identifies it in its namespace, by kind, API group and name, such as
	 * `JobSet.jobset.x-k8s.io/train`. Printable ASCII without blanks, semicolons, quotation
	 * marks and backslashes.
	 */
	struct str key;
	/* Number of its Pods, all like this one, as the Pod says; 0: it does not say it. */
	int64_t size;
	/*
	 * The object that has the group, in the Pod's namespace. An absent version: the object says
	 * no number. The strings may have any bytes that a Pod can have.
	 */
	struct str api_group, version, kind, name;
	/* Its resource in paths of the API; absent: the policy has to say it. */
	struct str resource;
	/* Path of the number of Pods, all like this one; NULL: the object is a workload. */
	const char *size_path;
	/* Path of how many groups like this one the object has; NULL: it is one group. */
	const char *groups_path;
};

/*
 * Finds the group of a Pod. Sets the key to an absent string if it is in none. Strings borrow from
 * the Pod, and the key is in the arena. Returns 0, or -1 if the arena is exhausted.
 */
int pod_group_find(const struct pod *pod, struct arena *arena, struct pod_group *group);

/*
 * Adds to a Pod the labels by which the controller of a custom resource says the group, of which
 * the `api_group`, `kind` and `name` of `object` are set: a JobSet, or a LeaderWorkerSet, of which
 * `index` is the number of the replica; negative: it is not known. Returns 1; 0 if the controller
 * of such an object is not known to do that; or -1 if the arena is exhausted. Borrows from the
 * object and the arena.
 */
int pod_group_label(struct pod *pod, const struct pod_group *object, int64_t index, struct arena *arena);

/* Whether the annotation can say the group of a Pod, or its size. */
bool pod_group_reads_annotation(struct str key);

#endif
