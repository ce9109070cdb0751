/* replay_changes: what two outcomes of a review differ in, how often, and the first examples. */
#ifndef WEBHOOK_SIMULATE_REPLAY_CHANGES_H
#define WEBHOOK_SIMULATE_REPLAY_CHANGES_H

#include <jansson.h>

#include "webhook/simulate/replay_side.h"

enum replay_change {
	REPLAY_NEWLY_REFUSED,
	REPLAY_NEWLY_ADMITTED,
	REPLAY_NEWLY_REWRITTEN, /* Admitted both times, with another patch. */
	REPLAY_OVER_QUOTA,      /* A Pod does not fit a quota, and did: refused or only reported. */
	REPLAY_QUOTA_EXCEEDED,  /* A quota, by all Pods that exist, and it was not. */
	/*
	 * Admitted, only since the enforcement is warn or audit, whether or not it was so before.
	 */
	REPLAY_WOULD_BE_REFUSED,
	REPLAY_REWORDED, /* The same verdict, with another sentence or other warnings. */
	REPLAY_CHANGES,
};

/* The words for them, such as "newly-refused". NULL ends the list. */
extern const char *const replay_change_names[REPLAY_CHANGES + 1];

/* The review that an outcome is of, for messages. All strings are borrowed. */
struct replay_subject {
	const char *file;
	uint64_t line;   /* 0: it has no line. */
	struct str time; /* Absent: unknown. */
	struct str kind; /* Pod, or the kind of a claim. */
	struct str namespace, name, user;
	const struct pod *pod; /* As its creator sent it; NULL: not known. */
};

struct replay_changes {
	uint64_t counts[REPLAY_CHANGES];
	json_t *tenants;  /* By name: an object with a count for each change. */
	json_t *examples; /* The first differences. */
	uint32_t show;    /* How many are kept of each change. */
	/* Memory of the examples. If one more does not fit, no more are kept. */
	size_t bytes, bytes_max;
	bool full;
	uint64_t shown[REPLAY_CHANGES];
	uint64_t omitted; /* Reviews with changes that are not among the examples. */
};

/* Returns 0, or -1 without memory. Release it in any case. */
int replay_changes_init(struct replay_changes *changes, uint32_t show, size_t bytes_max);
void replay_changes_release(struct replay_changes *changes);

/* Returns the changes of a review, as bits 1 << enum replay_change. Thread-safe. */
unsigned replay_changes_compare(const struct replay_outcome outcomes[REPLAY_SIDES]);

/* Whether both patches have the same operations. An absent one has none. */
bool replay_same_patch(struct str a, struct str b);

/* Counts changes for a tenant, which may be absent. Returns 0, or -1 without memory. */
int replay_changes_count(struct replay_changes *changes, unsigned bits, struct str tenant);

/*
 * Counts a review with changes, and keeps it if it is among the first. Returns 0, or -1 without
 * memory.
 */
int replay_changes_note(struct replay_changes *changes, unsigned bits, const struct replay_subject *subject,
			const struct replay_outcome outcomes[REPLAY_SIDES]);

#endif
