/*
 * policy: an immutable snapshot compiled from a folder of documents, and the decisions that it makes. Nothing here does
 * I/O (but for policy_load, which reads files), takes a lock, looks at a clock or keeps state between calls: the same
 * snapshot and the same facts give the same decision on every thread and every machine.
 */
#ifndef GPUGATE_POLICY_H
#define GPUGATE_POLICY_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/facts.h"
#include "gpugate/quantity.h"
#include "gpugate/report.h"
#include "gpugate/str.h"

enum enforcement { ENFORCEMENT_DENY, ENFORCEMENT_WARN, ENFORCEMENT_AUDIT, ENFORCEMENT_ALLOW };
enum measure { MEASURE_COUNT, MEASURE_GPUS, MEASURE_MEMORY };
enum mig_strategy { MIG_MIXED, MIG_SINGLE };
enum on_conflict { CONFLICT_DENY, CONFLICT_KEEP, CONFLICT_OVERRIDE };
enum visible_devices { VISIBLE_DEVICES_REFUSE, VISIBLE_DEVICES_VOID };
enum selector_op { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };

enum guard_kind {
	GUARD_VISIBLE_DEVICES_ENV,
	GUARD_HOST_DEVICE_MOUNTS,
	GUARD_DEVICE_VOLUME_MOUNTS,
	GUARD_MIXED_MIG,
	GUARD_SHARED_ABOVE_ONE,
	GUARD_PREBOUND_NODE_NAME,
	GUARD_PRIVILEGED,
	GUARD_EPHEMERAL_CONTAINERS,
	GUARD_RESOURCE_CLAIMS,
	GUARD_KINDS,
};

struct policy;

#endif
