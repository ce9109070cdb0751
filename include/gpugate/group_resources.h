/*
 * group_resources: the resources that have groups of Pods (pod_group.h), one row
 * for each. What follows from a row: `render` prints the right to read it, if the policy has a Rule
 * with `gangs` (webhook/registration). Custom resources that the policy names are not among them.
 */
#ifndef GPUGATE_GROUP_RESOURCES_H
#define GPUGATE_GROUP_RESOURCES_H

/* ROW(group, resource) */
#define GROUP_RESOURCES(ROW)                                                                                           \
	ROW("apps", "replicasets")                                                                                     \
	ROW("apps", "statefulsets")                                                                                    \
	ROW("", "replicationcontrollers")                                                                              \
	ROW("batch", "jobs")                                                                                           \
	ROW("scheduling.k8s.io", "podgroups")                                                                          \
	ROW("scheduling.x-k8s.io", "podgroups")                                                                        \
	ROW("scheduling.sigs.k8s.io", "podgroups")                                                                     \
	ROW("scheduling.volcano.sh", "podgroups")

#endif
