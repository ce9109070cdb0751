/*
 * lint_id: the findings that have a name of their own: mistakes of meaning, in documents that are well formed. Names are stable: pipelines
 * compare them and `gpugate lint --allow` takes them. A new one is a row in policy/document/lint_id.c.
 */
#ifndef GPUGATE_LINT_ID_H
#define GPUGATE_LINT_ID_H

#include "gpugate/str.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

enum lint_id {
	LINT_AMBIGUOUS_NAMESPACE,
	LINT_AUDIT_REFUSES,
	LINT_CHILD_ABOVE_PARENT,
	LINT_COUNT_WITH_UNIT,
	LINT_EXEMPT_BROAD,
	LINT_EXEMPT_KUBE_SYSTEM,
	LINT_EXEMPT_TENANT,
	LINT_FILE_IGNORED,
	LINT_IDLE_COHORT,
	LINT_LABEL_MISSPELLED,
	LINT_MEMORY_DIFFERS,
	LINT_MEMORY_WITHOUT_UNIT,
	LINT_MODEL_OVERLAP,
	LINT_MODEL_WITHOUT_QUOTA,
	LINT_NODE_SELECTOR_UNKNOWN,
	LINT_OTHER_RESOURCES,
	LINT_PIN_LEAKS,
	LINT_PROFILE_NOT_OFFERED,
	LINT_QUOTA_MIXES_UNITS,
	LINT_RESOURCE_MISSPELLED,
	LINT_RESOURCE_PATTERN,
	LINT_RESOURCE_PREFIX,
	LINT_REWRITE_SHADOWED,
	LINT_REWRITE_UNCOVERED,
	LINT_SAME_NODE_LABELS,
	LINT_SEVERAL_PARTS,
	LINT_TENANT_UNUSED,
	LINT_TENANT_WITHOUT_QUOTA,
	LINT_IDS,
};

struct lint_row {
	struct str id;
	enum severity severity;
	const char *what;   /* in a sentence: what is found */
	const char *remedy; /* in a sentence: what to do, or how to say that it is meant */
};

/* By enum lint_id, in the order of the names. */
extern const struct lint_row lint_rows[LINT_IDS];

/* The id of that name, or LINT_IDS. */
enum lint_id lint_find(struct str name);

#endif
