/*
 * subject: what the API server would ask about the Pods of an object: of a Pod, of a workload whose
 * controller creates Pods, or in a recorded AdmissionReview; or about a claim of devices.
 */
#ifndef WEBHOOK_SIMULATE_SUBJECT_H
#define WEBHOOK_SIMULATE_SUBJECT_H

#include "gpugate/policy.h"
#include "gpugate/review.h"
#include "webhook/object/manifest.h"
#include "webhook/object/workload.h"
#include "webhook/simulate/group_objects.h"

/* Pods of one object that are tried. An object that has more is tried with that many. */
#define SUBJECT_PODS_MAX 100000

struct subject_creator {
	struct str namespace; /* Of objects that name none. */
	struct str user;      /* Who creates the Pods; absent: as the kind of object says. */
	struct strs groups;   /* ... in addition to system:authenticated; none without a user. */
	/* Says where custom resources keep their Pods; NULL: nothing does. */
	const struct policy *policy;
};

struct subject {
	struct review review; /* Of each of the Pods, or of the claim, which counts as one. */
	/* JSON of the claim, or of the Pod or its template. May be absent in an AdmissionReview. */
	struct str pod;
	const struct workload_kind *kind; /* NULL: an AdmissionReview or a claim. */
	struct str owner;                 /* What its Pods call the kind of the object. */
	struct workload_count count;      /* At most SUBJECT_PODS_MAX Pods. */
	int64_t replicas;                 /* The number of these Pods, without that bound. */
	/* Where a custom resource has these Pods, such as spec.tasks[1].template. */
	struct str part;
	struct str at; /* The value there, in the JSON of the object; absent if `part` is. */
	bool alone;    /* Other Pods of the object do not exist at the same time. */
	/* As subjects_set_groups sets them: */
	/* The object that says how many Pods there are in a group, unless they name another. */
	struct group_object group;
	int64_t per_group; /* How many of these are in each replica of a LeaderWorkerSet; else 0. */
};

struct subjects {
	struct subject *items; /* In the arena. */
	uint32_t count;
};

/*
 * Returns the review of one of the Pods, of which `number` were created before. It borrows from the
 * subject and the arena. Returns 0, or -1 if the arena is exhausted.
 */
int subject_member(const struct subject *subject, int64_t number, struct arena *arena, struct review *review);

/*
 * The kind of an owner with its API group, such as "Job.batch.volcano.sh"; without the group, if
 * that is one of Kubernetes. In the arena or borrowed; absent without memory.
 */
struct str subject_owner(struct str api_version, struct str kind, struct arena *arena);

/*
 * Whether the object is a custom resource that the policy does not name, so that it has no subject,
 * though it may have Pods. Then sets an error that is not set yet: it begins with FILE:LINE, and
 * says what to do.
 */
bool subject_is_unnamed(const struct policy *policy, const struct manifest *manifest,
			const struct manifest_object *object, struct error *err);

bool subject_is_review(const struct manifest_object *object);

/*
 * Reads an object, which has one subject, or, if it is a custom resource, one for each group of its
 * Pods. The reviews borrow from the manifest, the creator and the arena. Returns 1, 0 if no Pods
 * come from this object, or -1 with an error that begins with FILE:LINE.
 */
int subjects_read(struct subjects *subjects, const struct manifest *manifest, const struct manifest_object *object,
		  const struct subject_creator *creator, struct arena *arena, struct error *err);

/* What separates the name of an object from its number, in the name that the Pods know. */
#define SUBJECT_NUMBER_MARK "?"

/*
 * Sets the groups of subjects that subjects_read has read from the object, and in the reviews what
 * the Pods will say of them. The number tells the object from others of its name. Returns 0, or -1
 * if the arena is exhausted.
 */
int subjects_set_groups(struct subjects *subjects, const struct manifest_object *object, uint64_t number,
			struct arena *arena);

#endif
