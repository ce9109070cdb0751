/*
 * replay: sends recorded reviews, and Pods that exist or would be created, through one or two
 * policies, and says who would be treated otherwise.
 *
 *     struct replay *replay = replay_create(&options, &err);
 *     replay_value(replay, "recording.jsonl", &value, &err);  // in the order of the recording
 *     replay_finish(replay, &err);
 *     json_t *report = replay_report(replay, &input);
 *
 * Each policy has a ledger of its own, which the order of the input drives. A Pod that a policy
 * admits counts until its end is in the input. The members of the report are documented in
 * docs/policy-as-code.md. Not thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_REPLAY_H
#define WEBHOOK_SIMULATE_REPLAY_H

#include <jansson.h>

#include "webhook/json/values.h"
#include "webhook/object/manifest.h"
#include "webhook/simulate/replay_changes.h"

struct replay;

struct replay_options {
	const struct policy *policy;  /* Retained by the ledger. */
	const struct policy *against; /* NULL: what was recorded is compared with. */
	uint32_t show;                /* How many examples of each change are kept. */
	/*
	 * How long a recorded Pod holds quota at most, by the times of the lines; 0: until its end
	 * is in the input.
	 */
	int64_t hold_ms;
	/* Maximum numbers of bytes. 0: those of replay.c. */
	struct replay_limits {
		size_t pods;     /* Of all Pods that exist in one input. More are an error. */
		size_t examples; /* Of the examples. More are only counted. */
		size_t uids;     /* Of each list of Pods without an end. The oldest then end. */
	} limits;
};

/* Returns new, or NULL with an error. */
struct replay *replay_create(const struct replay_options *options, struct error *err);
void replay_destroy(struct replay *replay); /* Accepts NULL. */

/*
 * What a manifest says already holds quota, as for `gpugate explain --usage`. Returns 0, or -1 with
 * an error that begins with FILE:LINE.
 */
int replay_usage(struct replay *replay, const struct manifest *manifest, struct error *err);

/*
 * Replays an object. `file` is its name for messages, borrowed while the replay exists. Returns 0,
 * or -1 with an error that begins with FILE:LINE.
 */
int replay_value(struct replay *replay, const char *file, const struct json_value *value, struct error *err);

/* The same for all objects of a file that has been read as a whole. */
int replay_manifest(struct replay *replay, const struct manifest *manifest, const char *file, struct error *err);

/* Takes only the labels of the Namespaces and Nodes in a file. Returns 0, or -1 with an error. */
int replay_labels(struct replay *replay, const struct manifest *manifest, struct error *err);

/* Notes a file of a folder that is passed over; the report names the first ones. */
void replay_note_passed_over(struct replay *replay, struct str file);

/*
 * Ends an input: Pods in it that exist are replayed in the order of their creation. Returns 0, or
 * -1 with an error.
 */
int replay_end_input(struct replay *replay, struct error *err);

/* Forgets the Pods that exist of the current input, which is read again from its beginning. */
void replay_restart_input(struct replay *replay);

/* Counts an incomplete line, which a server that was killed has left at the end of a file. */
void replay_note_incomplete(struct replay *replay);

/* Ends the replay. Returns 0, or -1 with an error. */
int replay_finish(struct replay *replay, struct error *err);

/* How many reviews of Pods were replayed so far. */
uint64_t replay_reviews(const struct replay *replay);

/* What to do about the first object of a kind that no policy names, or NULL. Borrowed. */
const char *replay_unnamed(const struct replay *replay);

/* How often there is this change, once the replay has ended. The report has the same numbers. */
uint64_t replay_count(const struct replay *replay, enum replay_change change);

/* Returns the result, new; NULL without memory. */
json_t *replay_report(const struct replay *replay);

/* Appends a report as text. */
void replay_print(const json_t *report, bool color, struct buf *out);

#endif
