/*
 * review: decodes an admission.k8s.io/v1 AdmissionReview, or a single Pod, into the fields that the
 * policy uses. It reads object and oldObject if request.kind is core/v1 Pod or a claim of devices.
 * Other objects must be valid JSON; where they are is kept, and nothing of what they say.
 *
 * The input must be JSON (RFC 8259) in valid UTF-8, nested at most 512 levels deep, with the types
 * that Kubernetes gives to each field. To exclude ambiguity, a duplicate of a key that is read is
 * an error, and so is a duplicate key in a map that is read.
 */
#ifndef WEBHOOK_OBJECT_REVIEW_H
#define WEBHOOK_OBJECT_REVIEW_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/pod.h"
#include "gpugate/review.h"
#include "webhook/json/scan.h" /* REVIEW_PADDING */

/*
 * Reads a review. *review borrows from `bytes` and from the arena. REVIEW_PADDING readable bytes,
 * with any content, must follow the `len` bytes. Returns 0, or -1 with *review unchanged and an
 * error that gives the location, such as `request.object.spec.containers[0].name: expected a
 * string, found a number (byte 123)`. Thread-safe as long as each thread has its own arena.
 */
int review_read(const char *bytes, size_t len, struct arena *arena, struct review *review, struct error *err);

/*
 * A line of a recording (docs/recording.md), or an AdmissionReview without an answer. Borrows as
 * struct review does.
 */
struct recorded {
	/* The labels of its namespace are in it, if the line has them. */
	struct review review;
	struct str time;     /* Absent: unknown. */
	struct str endpoint; /* "/mutate" or "/validate". Absent: an AdmissionReview. */
	/* What was answered. */
	bool has_answer;
	bool allowed;
	struct str message; /* Absent: none. */
	struct str patch;   /* A JSON Patch; absent: none. */
};

/*
 * Reads a line of a recording, or an AdmissionReview. Otherwise like review_read. Returns 1; 0 if
 * the object is neither, because it has no member `request`; or -1.
 */
int review_read_recorded(const char *bytes, size_t len, struct arena *arena, struct recorded *recorded,
			 struct error *err);

/*
 * The name of its Pod or claim, or the beginning of the name that the API server will choose. Pure.
 */
struct str review_object_name(const struct review *review);

/*
 * The uid of its Pod or claim, or of the one that is deleted; absent: the API server has not chosen
 * it yet. Pure.
 */
struct str review_object_uid(const struct review *review);

/* Whether it is about a Pod or a claim, or a template of claims, that was read. Pure. */
bool review_has_subject(const struct review *review);

/* Whether it is about a Pod of core/v1. Only then object and old_object are read. Pure. */
bool review_is_pod(const struct review *review);

/*
 * Reads one Pod: an item of a list, the object of a watch event, or a manifest. kind and apiVersion
 * may be absent. The contents of metadata.managedFields are skipped without validation, because
 * clients control them and the API server returns them unchecked. Otherwise like review_read.
 */
int review_read_pod(const char *bytes, size_t len, struct arena *arena, struct pod *pod, struct error *err);

/* Reads an object of a kind of claim (claim_is_kind). Otherwise like review_read_pod. */
int review_read_claim(struct str kind, const char *bytes, size_t len, struct arena *arena, struct claim *claim,
		      struct error *err);

/*
 * Reads one ResourceClaim as a ledger keeps it, with `as_claim`, the metadata, and no labels: an
 * item of a list, or the object of a watch event. A claim with more requests than the API server
 * allows is an error (policy_claim_bounded). Otherwise like review_read_pod.
 */
int review_read_claim_as_pod(const char *bytes, size_t len, struct arena *arena, struct pod *pod, struct error *err);

#endif
