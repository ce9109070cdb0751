/*
 * lint_autoscalers: the objects of manifests that set how many Pods another object has. To read
 * another kind, add a row to the table in lint_autoscalers.c and its name to
 * policy/manifest/classify.c.
 */
#ifndef WEBHOOK_CMD_LINT_AUTOSCALERS_H
#define WEBHOOK_CMD_LINT_AUTOSCALERS_H

#include "gpugate/arena.h"
#include "gpugate/manifests.h"
#include "webhook/object/manifest.h"

/* What is scaled. An absent group is any group. */
struct scaled {
	struct str namespace, group, kind, name;
};

struct autoscaler {
	struct str path; /* Of its file, NUL-terminated. */
	struct str kind, name;
	struct scaled target;
	const char *key;       /* Which says the number, such as maxReplicas. */
	int64_t most;          /* Pods. */
	bool fallback;         /* The object does not say it. */
	const char *least_key; /* Such as minReplicas. */
	int64_t least;         /* Pods. */
	struct manifests_place at;
};

struct autoscalers {
	struct autoscaler *items; /* Sorted by target after lint_autoscalers_sort. */
	uint32_t count, size;
	struct arena arena;
};

void lint_autoscalers_init(struct autoscalers *autoscalers);
void lint_autoscalers_release(struct autoscalers *autoscalers);

/*
 * Adds those of a file, which `path` borrows. `namespace` is that of objects that name none;
 * absent: these are passed over. What cannot be read has none.
 */
void lint_autoscalers_read(struct autoscalers *autoscalers, struct str path, struct str namespace);

void lint_autoscalers_sort(struct autoscalers *autoscalers);

/*
 * Returns the first one whose target has that namespace, kind, and name, and sets `*count` to how
 * many there are; NULL: none. Groups are not compared.
 */
const struct autoscaler *lint_autoscalers_of(const struct autoscalers *autoscalers, const struct scaled *target,
					     uint32_t *count);

/* What came of creating the Pods of an object one after the other. */
struct scaled_attempt {
	const struct manifest_object *object;
	int64_t fits;        /* Pods that were admitted. */
	const char *charges; /* Of each of them, such as "team-a/compute=1". */
	const char *message; /* Why the next one was refused. */
};

/* Adds a finding in the file of the autoscaler: it may ask for more Pods than were admitted. */
void lint_autoscalers_report(const struct autoscaler *autoscaler, const struct scaled_attempt *attempt,
			     struct report *report);

/* Returns the API group of an apiVersion; empty: the core group. */
struct str lint_autoscalers_group(struct str api_version);

#endif
