/* suite_state: what a running suite has, and what its steps do to it. */
#ifndef WEBHOOK_SIMULATE_SUITE_STATE_H
#define WEBHOOK_SIMULATE_SUITE_STATE_H

#include "webhook/object/workload.h"
#include "webhook/simulate/expect.h"
#include "webhook/simulate/subject.h"
#include "webhook/simulate/suite_run.h"

/* An object with Pods that a step has created. */
struct known_workload {
	struct known_workload *next;
	const struct workload_kind *kind;
	/* As the step that created it last had it. */
	struct manifest *manifest;
	struct manifest_object object;
	const struct subject *subject;
};

/* As `gpugate serve` without --pending-seconds. */
#define STATE_PENDING_MS 40000

/* A Pod that exists in the simulation, or is pending because it was never stored. */
struct known_pod {
	struct str made_from;                  /* Name of the object that it was made from. */
	const struct known_workload *workload; /* That object; NULL: a review, or what is given. */
	struct pod pod;
	bool finished, gone;
	int64_t unstored_ms; /* When it was admitted, if it is never stored; 0: it is stored. */
};

/* A file with objects, from which Pods of the suite borrow. */
struct suite_file {
	struct suite_file *next;
	struct manifest manifest;
};

/* What the suite calls an object that a step has tried to create, or a Pod that is held. */
struct known_name {
	struct known_name *next;
	struct str namespace, name;
	bool workload; /* Steps can name it in `scale`. */
};

struct suite_state {
	const struct suite_means *means;
	struct manifest *manifest; /* Of the file of the suite. */
	const struct suite *suite;
	struct simulation *simulation;
	struct arena arena; /* For all that lives as long as the suite. */
	struct suite_file *files;
	struct known_workload *workloads; /* The newest first. */
	struct known_name *names;         /* The newest first. */
	struct known_pod *pods;           /* Owned, in the order of their creation. */
	uint32_t pod_count, pod_size;
};

/* What one step leaves for its expectations. */
struct step_report {
	struct outcome outcome;
	json_t *deciders; /* Of the Pod that `outcome` is about. */
	/* What the step itself finds missing, and then what its expectations find. */
	json_t *differences;
};

/*
 * Sets up what the suite says is given. Returns 0, or -1 with an error that begins with FILE:LINE.
 */
int state_given(struct suite_state *state, struct error *err);

/* Does what the step says. Returns 0, or -1 with an error that begins with FILE:LINE. */
int state_create(struct suite_state *state, const struct suite_step *step, struct step_report *report,
		 struct error *err);
int state_scale(struct suite_state *state, const struct suite_step *step, struct step_report *report,
		struct error *err);
int state_pods(struct suite_state *state, const struct suite_step *step, struct step_report *report, struct error *err);
int state_wait(struct suite_state *state, const struct suite_step *step, struct step_report *report, struct error *err);

/* Remembers a Pod, which is copied. Returns 0, or -1 without memory. */
int state_remember(struct suite_state *state, const struct known_pod *pod, struct error *err);

/*
 * Advances the clock. Pods that are never stored stop being pending in time. Returns 0, or -1
 * without memory.
 */
int state_advance(struct suite_state *state, int64_t ms, struct error *err);

/*
 * Remembers an object of a kind with Pods, or finds the one of this kind, namespace, and name,
 * which the new one then replaces. That of a dry run is not found later. It borrows from the
 * manifest and the subject. Returns NULL without memory.
 */
struct known_workload *state_workload(struct suite_state *state, struct manifest *manifest,
				      const struct manifest_object *object, const struct subject *subject,
				      bool dry_run);

/* Reads a file with objects, relative to the suite. Returns NULL with an error. */
struct manifest *state_read(struct suite_state *state, struct str path, struct error *err);

int state_no_memory(struct error *err);

#endif
