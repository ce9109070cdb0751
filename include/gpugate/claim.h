/*
 * claim: the fields of a ResourceClaim, or of a ResourceClaimTemplate, that gpugate uses
 * (resource.k8s.io/v1, v1beta2 and v1beta1). The reader in webhook/object fills them, and pod.h
 * says how long they live.
 */
#ifndef GPUGATE_CLAIM_H
#define GPUGATE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/*
 * One way in which a request can be met: `exactly`, or one of the alternatives in `firstAvailable`.
 * In v1beta1, the request itself.
 */
struct claim_option {
	struct str device_class; /* Absent: this version of gpugate does not know the request. */
	bool admin_access;       /* It uses devices that others may hold. */
	struct str admin_text;   /* What `adminAccess` is in the text of the claim. */
};

struct claim_request {
	struct str name;
	const struct claim_option *options;
	uint32_t option_count; /* At least 1. */
};

struct claim {
	bool present;
	struct str name, generate_name;
	/*
	 * The annotation by which a scheduler marks the claim that it creates for the extended
	 * resources of a Pod. Anyone can set it.
	 */
	bool marked_extended;
	const struct claim_request *requests;
	uint32_t request_count;
};

#endif
