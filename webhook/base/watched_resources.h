/*
 * watched_resources: what the cluster ledger watches, one row for each resource. What follows from
 * a row: the watch (webhook/cluster/watches.c), its name in the log and in metrics, and the right
 * (webhook/registration/access.c). The order is that in which the watches start and appear in
 * /metrics.
 */
#ifndef WEBHOOK_BASE_WATCHED_RESOURCES_H
#define WEBHOOK_BASE_WATCHED_RESOURCES_H

/*
 * ROW(index, group, resource, verbs...). A watch needs "list" and "watch"; the other verbs are for
 * further requests, which may name any object of the resource.
 */
#define WATCHED_RESOURCES(ROW)                                                                                         \
	ROW(WATCH_NAMESPACES, "", "namespaces", "get", "list", "watch")                                                \
	ROW(WATCH_NODES, "", "nodes", "list", "watch")                                                                 \
	ROW(WATCH_PODS, "", "pods", "list", "watch")                                                                   \
	ROW(WATCH_CLAIMS, "resource.k8s.io", "resourceclaims", "list", "watch")                                        \
	ROW(WATCH_CLASSES, "resource.k8s.io", "deviceclasses", "list", "watch")                                        \
	ROW(WATCH_SLICES, "resource.k8s.io", "resourceslices", "list", "watch")                                        \
	ROW(WATCH_RECORD, "gpugate.io", "gpuledgers", "get", "list", "watch", "create")

#endif
