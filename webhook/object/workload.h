/*
 * workload: the kinds of objects from which Pods come, and where in each its Pod template and its
 * number of Pods are. A new kind is a row of the table in workload.c.
 */
#ifndef WEBHOOK_OBJECT_WORKLOAD_H
#define WEBHOOK_OBJECT_WORKLOAD_H

#include "gpugate/error.h"
#include "gpugate/str.h"

struct workload_kind {
	const char *group; /* Of the API; "" is the core group. */
	const char *kind;
	const char *template;   /* Path of the Pod template; "": the object is a Pod. */
	const char *replicas;   /* Path of the number of Pods; NULL: always one. */
	const char *most;       /* Path of a number that there are never more of at once; NULL: none. */
	const char *suspend[2]; /* Paths of booleans; one that is true means no Pods now. */
	const char *controller; /* User that creates the Pods; NULL: the user who creates the object. */
	bool per_node;          /* One Pod for each node that matches; counted as one. */
};

struct workload {
	const struct workload_kind *kind;
	/* The Pod, or its template, for review_read_pod. Borrows from the object. */
	struct str pod;
	int64_t replicas; /* Number of Pods at once: 0 or more. 0 if it is suspended. */
};

/*
 * The kind of an object by its apiVersion, of which any version will do, and kind; NULL: no Pods
 * come from it.
 */
const struct workload_kind *workload_find(struct str api_version, struct str kind);

/*
 * Reads an object of that kind. REVIEW_PADDING readable bytes must follow `json`. Returns 0, or -1
 * with an error that names the path and the byte, as review_read does; a missing template is one.
 */
int workload_read(const struct workload_kind *kind, struct str json, struct workload *workload, struct error *err);

#endif
