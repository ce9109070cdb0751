/*
 * scaled_resources: the resources of Kubernetes that have the subresource `scale`, one row for
 * each. What follows from a row: `serve` answers about its `scale` and about an autoscaler of it
 * (webhook/admission/early_target.c), and `render` prints the rule of the webhook and the right to
 * read it (webhook/registration).
 */
#ifndef GPUGATE_SCALED_RESOURCES_H
#define GPUGATE_SCALED_RESOURCES_H

/* ROW(group, kind, resource); all are of version v1. */
#define SCALED_RESOURCES(ROW)                                                                                          \
	ROW("apps", "Deployment", "deployments")                                                                       \
	ROW("apps", "ReplicaSet", "replicasets")                                                                       \
	ROW("apps", "StatefulSet", "statefulsets")                                                                     \
	ROW("", "ReplicationController", "replicationcontrollers")

#endif
