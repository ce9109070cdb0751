/*
 * policy_enums: the enumerated values of the policy language. The documents, the compiled policy,
 * and the interfaces to the rest of the program use them. Each word in policy/document/schema_*.c
 * states its value.
 */
#ifndef GPUGATE_POLICY_ENUMS_H
#define GPUGATE_POLICY_ENUMS_H

/* From the strictest to the most lenient; code relies on that order. */
enum enforcement { ENFORCEMENT_DENY, ENFORCEMENT_WARN, ENFORCEMENT_AUDIT, ENFORCEMENT_ALLOW };
enum measure { MEASURE_COUNT, MEASURE_GPUS, MEASURE_MEMORY };
enum mig_strategy { MIG_MIXED, MIG_SINGLE };
enum on_conflict { CONFLICT_DENY, CONFLICT_KEEP, CONFLICT_OVERRIDE };
/* Of the webhooks, as Kubernetes has it. */
enum failure_policy { FAILURE_POLICY_FAIL, FAILURE_POLICY_IGNORE };
enum visible_devices { VISIBLE_DEVICES_REFUSE, VISIBLE_DEVICES_VOID };
/* What applying a workload answers about its Pods. */
enum early_answer { EARLY_ANSWER_WARN, EARLY_ANSWER_DENY, EARLY_ANSWER_OFF };
enum selector_op { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };
enum toleration_op { TOLERATION_EQUAL, TOLERATION_EXISTS };
enum toleration_effect { EFFECT_NO_SCHEDULE, EFFECT_PREFER_NO_SCHEDULE, EFFECT_NO_EXECUTE };

/* Kinds of custom resources of which gpugate knows where they keep their Pods. */
enum shipped_workload {
	SHIPPED_PYTORCH_JOB,
	SHIPPED_TF_JOB,
	SHIPPED_MPI_JOB,
	SHIPPED_TRAIN_JOB,
	SHIPPED_NOTEBOOK,
	SHIPPED_INFERENCE_SERVICE,
	SHIPPED_LLM_INFERENCE_SERVICE,
	SHIPPED_RAY_CLUSTER,
	SHIPPED_RAY_JOB,
	SHIPPED_RAY_SERVICE,
	SHIPPED_LEADER_WORKER_SET,
	SHIPPED_JOB_SET,
	SHIPPED_ARGO_WORKFLOW,
	SHIPPED_VOLCANO_JOB,
	SHIPPED_SPARK_APPLICATION,
	SHIPPED_WORKLOADS,
};

/* Settings.chargeClaims: what a claim that is allocated costs. */
enum claim_charge {
	CLAIM_CHARGE_REQUESTED, /* What it requests, as before it was allocated. */
	CLAIM_CHARGE_ALLOCATED, /* What it has been given. */
};

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
	GUARD_DEVICE_ANNOTATIONS,
	GUARD_FRACTION_ANNOTATIONS,
	GUARD_SEVERAL_SLICES,
	/*
	 * The kinds above are words of the list `deny`; the kinds from here on have their own keys.
	 */
	GUARD_WORDS,
	GUARD_HOST_PATHS = GUARD_WORDS, /* The key hostPaths. */
	GUARD_CLAIMS,                   /* The key resourceClaims. */
	GUARD_KINDS,
	/*
	 * The key visibleDevices, if it is `void`. It has no check of its own: messages call what
	 * it objects to visibleDevicesEnv.
	 */
	GUARD_VOID = GUARD_KINDS,
	GUARD_PARTS,
};

#endif
