/*
 * claim: the fields of a ResourceClaim, or of a ResourceClaimTemplate, that gpugate uses
 * (resource.k8s.io/v1, v1beta2 and v1beta1). Of its status, only the view of the cluster uses the
 * allocation, and only if the policy says so: a claim can be allocated again without an admission.
 * The reader in webhook/object fills them, and pod.h says how long they live.
 */
#ifndef GPUGATE_CLAIM_H
#define GPUGATE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/pod.h"
#include "gpugate/str.h"

/* `allocationMode`: how many devices a request is for. */
enum claim_mode {
	CLAIM_EXACT_COUNT, /* `count` devices; also if the mode is absent. */
	CLAIM_ALL,         /* All that match on the node. */
	CLAIM_MODE_UNKNOWN /* This version of gpugate does not know the mode. */
};

/*
 * The API server allows 32 requests with 8 alternatives each (resource.k8s.io:
 * DeviceRequestsMaxSize, FirstAvailableDeviceRequestMaxSize).
 */
#define CLAIM_OPTIONS_MAX 256

/* The longest profile that is read: a longer one is none. */
#define CLAIM_PROFILE_MAX 63

/* The most devices that a claim can be given (resource.k8s.io: AllocationResultsMaxSize). */
#define CLAIM_DEVICES_MAX 32

/*
 * One way in which a request can be met: `exactly`, or one of the alternatives in `firstAvailable`.
 * In v1beta1, the request itself.
 */
struct claim_option {
	struct str name;         /* Of an alternative, as an allocation names it. */
	struct str device_class; /* Absent: this version of gpugate does not know the request. */
	enum claim_mode mode;
	struct str mode_text;  /* `allocationMode` as it is written; absent: it is not. */
	int64_t count;         /* 1 if none, or 0, is written; 0 if that is no number of devices. */
	struct str count_text; /* `count` as it is written; absent: it is not. */
	bool admin_access;     /* It uses devices that others may hold. */
	struct str admin_text; /* What `adminAccess` is in the text of the claim. */
	/*
	 * What is known of the devices that can be given: the MIG profile, and the name of the
	 * product with the driver that uses it, which its selectors require; absent: any. A profile
	 * has at most CLAIM_PROFILE_MAX letters, digits, `.`, `+` and `-`.
	 */
	struct str profile, product, product_driver;
	/*
	 * Bytes of the capacity `memory` that it requests of each device; 0: it requests none, or
	 * not only that.
	 */
	int64_t memory;
	/* It requests another capacity. How much of a device that takes is not known. */
	bool other_capacity;
};

struct claim_request {
	struct str name;
	const struct claim_option *options;
	uint32_t option_count; /* At least 1. */
};

/* A device that a claim has been given. */
struct claim_result {
	struct str request; /* NAME, or NAME/ALTERNATIVE. */
	/*
	 * Bytes of the capacity `memory` that it takes of a device which is shared by capacity; 0:
	 * none is known, so that it takes the whole device.
	 */
	int64_t memory;
};

/* `status.allocation`: what a claim has been given. */
struct claim_allocation {
	bool present;
	struct str node; /* Where it has to be used; absent: not on one node that is known. */
	const struct claim_result *results;
	uint32_t result_count; /* The API server allows CLAIM_DEVICES_MAX. */
};

/*
 * The annotation by which a scheduler marks the claim that it creates for the extended resources of
 * a Pod. Anyone can set it.
 */
#define CLAIM_EXTENDED_MARK "resource.kubernetes.io/extended-resource-claim"

struct claim {
	bool present;
	struct str name, generate_name;
	struct str namespace;
	struct str uid;
	struct str resource_version;
	struct str deletion_timestamp;     /* Absent: not terminating. */
	struct str deletion_grace_seconds; /* deletionGracePeriodSeconds as text. */
	/* The ownerReference with `controller: true`; an absent kind means none. */
	struct owner owner;
	bool marked_extended;     /* It has the annotation CLAIM_EXTENDED_MARK. */
	struct str extended_mark; /* Its value. */
	const struct claim_request *requests;
	uint32_t request_count;
	struct claim_allocation allocation;
};

#endif
