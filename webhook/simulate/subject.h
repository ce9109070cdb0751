/*
 * subject: what the API server would ask about the Pods of an object: of a Pod, of a workload whose
 * controller creates Pods, or in a recorded AdmissionReview.
 */
#ifndef WEBHOOK_SIMULATE_SUBJECT_H
#define WEBHOOK_SIMULATE_SUBJECT_H

#include "gpugate/review.h"
#include "webhook/object/manifest.h"
#include "webhook/object/workload.h"

/* Pods of one object that are tried. An object that has more is tried with that many. */
#define SUBJECT_PODS_MAX 100000

struct subject_creator {
	struct str namespace; /* Of objects that name none. */
	struct str user;      /* Who creates the Pods; absent: as the kind of object says. */
	struct strs groups;   /* ... in addition to system:authenticated; none without a user. */
};

struct subject {
	struct review review; /* Of each of the Pods. */
	/* JSON of the Pod or its template. May be absent in an AdmissionReview. */
	struct str pod;
	const struct workload_kind *kind; /* NULL: an AdmissionReview. */
	struct workload_count count;      /* At most SUBJECT_PODS_MAX Pods. */
};

bool subject_is_review(const struct manifest_object *object);

/*
 * Reads an object. The review borrows from the manifest, the creator and the arena.
 * Returns 1, 0 if no Pods come from this kind of object, or -1 with an error that begins with
 * FILE:LINE.
 */
int subject_read(struct subject *subject, const struct manifest *manifest, const struct manifest_object *object,
		 const struct subject_creator *creator, struct arena *arena, struct error *err);

#endif
