/*
 * lint_id: the findings that have an id. They are mistakes in the meaning of documents that are
 * well-formed. Ids are a public interface: pipelines compare them, and `gpugate lint --allow` takes
 * them. To add one, add a row in policy/document/lint_id.c.
 */
#ifndef GPUGATE_LINT_ID_H
#define GPUGATE_LINT_ID_H

#include "gpugate/str.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };
#define SEVERITIES 2

enum lint_id {
	LINT_AMBIGUOUS_NAMESPACE,
	LINT_API_VERSION_WRONG,
	LINT_AUDIT_REFUSES,
	LINT_AUTOSCALER_ABOVE_QUOTA,
	LINT_CHILD_ABOVE_PARENT,
	LINT_CLAIM_CHARGE_UNUSED,
	LINT_CLAIM_COSTS_MORE,
	LINT_CLAIM_MEMORY_UNIT,
	LINT_CLAIM_REFUSED,
	LINT_CLAIM_REQUEST_WRONG,
	LINT_CLAIM_UNCOUNTED,
	LINT_CLAIM_UNDEFINED,
	LINT_CLAIM_UNUSED,
	LINT_CONFIG_DIFFERS,
	LINT_CONFIG_KEY_IGNORED,
	LINT_CONFIG_MISSING,
	LINT_COUNT_WITH_UNIT,
	LINT_DEVICE_ANNOTATION,
	LINT_DEVICE_CLASS_WRONG,
	LINT_DEVICE_PATH,
	LINT_DEVICE_PLUGIN_CONFIG,
	LINT_DEVICE_VOLUME,
	LINT_EXEMPT_BROAD,
	LINT_EXEMPT_KUBE_SYSTEM,
	LINT_EXEMPT_TENANT,
	LINT_FILE_IGNORED,
	LINT_FRACTION_ANNOTATION,
	LINT_GANGS_NO_CHANGE,
	LINT_GANGS_NOT_ENFORCED,
	LINT_GANGS_REWRITTEN,
	LINT_GANGS_SHADOWED,
	LINT_GPU_OPERATOR_VERSION,
	LINT_HPA_METRIC,
	LINT_HPA_SCALES_TO_ZERO,
	LINT_IDLE_COHORT,
	LINT_LABEL_MISSPELLED,
	LINT_MANIFEST_UNREADABLE,
	LINT_MEMORY_DIFFERS,
	LINT_MEMORY_WITHOUT_UNIT,
	LINT_MIG_PROFILE_UNKNOWN,
	LINT_MIG_STRATEGY_WRONG,
	LINT_MIXED_MIG_PROFILES,
	LINT_MODEL_OVERLAP,
	LINT_MODEL_WITHOUT_QUOTA,
	LINT_MONITOR_RESOURCE,
	LINT_NODE_NAME_SET,
	LINT_NODE_SELECTOR_UNKNOWN,
	LINT_OTHER_RESOURCES,
	LINT_PIN_LEAKS,
	LINT_PLUGIN_CONFIG_UNUSED,
	LINT_POD_LEVEL_ACCELERATOR,
	LINT_POLICY_REFUSES,
	LINT_POLICY_WARNS,
	LINT_PRIVILEGED_ACCELERATOR,
	LINT_PROFILE_NOT_OFFERED,
	LINT_QUOTA_MIXES_UNITS,
	LINT_QUOTA_NOT_ENFORCED,
	LINT_REPLICAS_ABOVE_QUOTA,
	LINT_REQUEST_DIFFERS,
	LINT_REQUEST_NOT_INTEGER,
	LINT_REQUEST_PREFIX,
	LINT_REQUEST_WITHOUT_LIMIT,
	LINT_RESOURCE_MISSPELLED,
	LINT_RESOURCE_NOT_OFFERED,
	LINT_RESOURCE_PATTERN,
	LINT_RESOURCE_PREFIX,
	LINT_REWRITE_SHADOWED,
	LINT_REWRITE_UNCOVERED,
	LINT_SAME_NODE_LABELS,
	LINT_SELECTOR_INJECTED,
	LINT_SELECTOR_MISMATCH,
	LINT_SEVERAL_PARTS,
	LINT_SHARE_ABOVE_ONE,
	LINT_SLICE_AMBIGUOUS,
	LINT_SUPPRESSION_UNUSED,
	LINT_SURGE_ABOVE_QUOTA,
	LINT_TENANT_UNUSED,
	LINT_TENANT_WITHOUT_QUOTA,
	LINT_VISIBLE_DEVICES,
	LINT_WHOLE_AND_PART,
	LINT_IDS,
};

/* Errors in a policy are refused by `gpugate serve`; nobody can suppress them. */
enum lint_about { LINT_OF_POLICIES, LINT_OF_MANIFESTS };

struct lint_row {
	struct str id;
	enum severity severity;
	enum lint_about about;
	const char *what; /* Says in sentences what was found. */
	/* Says in sentences what to do, or how to declare that it is intended. */
	const char *remedy;
};

/* Indexed by enum lint_id, and sorted by id. */
extern const struct lint_row lint_rows[LINT_IDS];

/*
 * What outputs that need an id call the findings without one: the errors in the form of documents.
 * It is no `enum lint_id`, so it cannot be allowed.
 */
extern const struct lint_row lint_invalid_policy;

/* Returns the row number of that id, or LINT_IDS if there is none. */
enum lint_id lint_find(struct str name);

/* Returns the row of that id, or lint_invalid_policy if there is none. */
const struct lint_row *lint_row_of(struct str name);

/* Returns "error" or "warning". */
const char *severity_name(enum severity severity);

#endif
