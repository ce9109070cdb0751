/*
 * review: the fields of an AdmissionReview's request that gpugate uses. The reader in webhook/object fills them; they
 * live as long as its bytes and its arena, as pod.h says.
 */
#ifndef GPUGATE_REVIEW_H
#define GPUGATE_REVIEW_H

#include <stdbool.h>

#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "gpugate/str.h"

enum operation { OPERATION_CREATE, OPERATION_UPDATE, OPERATION_DELETE, OPERATION_CONNECT };

struct review {
	struct str uid;                  /* of the request: links nothing but the answer */
	struct str group, version, kind; /* request.kind */
	struct str resource;             /* request.resource.resource, e.g. pods */
	struct str subresource;          /* empty or absent: the Pod itself */
	struct str name;
	struct str namespace;
	struct pairs namespace_labels; /* as the cluster has them; not present: as the policy's Namespace documents say.
	                                  Not in the review: filled in by the caller */
	enum operation operation;
	bool dry_run;
	struct str user;
	struct strs groups;
	struct pod object;     /* filled only where request.kind is core v1 Pod */
	struct pod old_object; /* the same */
};

#endif
