/*
 * review: the fields of an AdmissionReview's request that gpugate uses. The reader in
 * webhook/object fills them, and pod.h says how long they live.
 */
#ifndef GPUGATE_REVIEW_H
#define GPUGATE_REVIEW_H

#include <stdbool.h>

#include "gpugate/claim.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/str.h"

enum operation { OPERATION_CREATE, OPERATION_UPDATE, OPERATION_DELETE, OPERATION_CONNECT };

struct review {
	struct str uid;                  /* Links the response to the request. */
	struct str group, version, kind; /* request.kind */
	struct str resource;             /* request.resource.resource, such as pods. */
	struct str resource_group;       /* request.resource.group */
	struct str subresource;          /* Empty or absent: the Pod itself. */
	struct str name;
	struct str namespace;
	/*
	 * The labels of the namespace in the cluster. They are not in the AdmissionReview, so the
	 * caller fills them in. Not present: the Namespace documents of the policy apply.
	 */
	struct pairs namespace_labels;
	enum operation operation;
	bool dry_run;
	struct str user;
	struct strs groups;
	struct pod object;     /* Filled only if request.kind is Pod of core/v1. */
	struct pod old_object; /* Filled under the same condition. */
	/* The object, if it is a ResourceClaim or a ResourceClaimTemplate. */
	struct claim claim;
	struct claim old_claim; /* The old one, on UPDATE and DELETE. */
	/* The JSON of an object of another kind, and of the old one; absent: none. */
	struct str other_object, old_other_object;
};

#endif
