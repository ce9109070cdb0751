/*
 * codec: encodes the pending entries of the cluster's ledger as one compact string, in which
 * repeated names are written once. It is a list of records, each terminated by a semicolon:
 *
 *     5;N team-a;R nvidia.com/gpu;M a100-80gb;M h100;P FdehqSQmQlSX5Q2jl5wT0w 0 0=2 0,1;P ...
 *
 * The first record is the form. N, R and M name the next namespace, resource or Accelerator, each
 * numbered from 0. P is a Pod: its uid, the number of its namespace, its requests, and the
 * Accelerators that it could land on (`-`: none). The uid is base64 of its 16 bytes without
 * padding. One that is not a UUID as Kubernetes writes it is kept as it is, after `=`. Names in
 * Kubernetes contain neither blanks nor semicolons. C is a ResourceClaim, with the same parts. An
 * alternative to the request before it is after a bar instead of a comma:
 *
 *     C FdehqSQmQlSX5Q2jl5wT0w 0 0=1|1=2,2=1 -;
 *
 * G names the next group of Pods, as the ledger knows it. A Pod that is in one has its number after
 * the Accelerators. H is a reservation for the Pods of a group that are still to come: the numbers
 * of its namespace and its group, what it holds for them, their Accelerators, for how many seconds,
 * and the number of its renewal:
 *
 *     G JobSet.jobset.x-k8s.io/train;P FdehqSQmQlSX5Q2jl5wT0w 0 0=1 0 0;H 0 0 0=3 0 300 2876141;
 *
 * A text without any of these is empty, which every version can read.
 *
 * Form 4 has no names for parts of devices (consumer.h): where one is requested, the text has the
 * name of its class, which an older version counts. Of a profile that no Accelerator offers, the
 * class can cost less than the part. Then other replicas count too little from the admission of the
 * claim until their watch shows them the claim itself, which takes about a second. Form 4 has no
 * name of a resource with more than 253 bytes, either.
 *
 * Form 3 has no groups and no reservations: what is pending in it is in no group. Form 2, of
 * version 0.2.0, has no C records. Form 1, of version 0.1.0, has no N records, either, and does not
 * abbreviate:
 *
 *     P <uid> <namespace> <name> 0=2 0,1;
 *
 * All forms can be read. An older one is written while any replica exists, or is about to start,
 * that can read no other (see peers.h). Claims are then not admitted, and gangs neither.
 */
#ifndef WEBHOOK_LEDGER_CODEC_H
#define WEBHOOK_LEDGER_CODEC_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/consumer.h"
#include "gpugate/error.h"

#define LEDGER_FORM 5                /* The newest form that this version reads and writes. */
#define LEDGER_TEXT_MAX (512u << 10) /* In bytes; an object in etcd may take 1.5 MiB. */
#define LEDGER_TEXT_HEAD 2           /* Bytes before the first Pod. */
#define LEDGER_RESERVED_MAX 86400    /* Maximum number of seconds of a reservation. */

/*
 * What form 1 adds to ledger_text_bytes for each Pod: the rest of the uid, and the name with its
 * blank.
 */
#define LEDGER_TEXT_FORM_1_BYTES (36 - 22 + 253 + 1)

/* Numbered names: an array in order of their numbers, and a hash table of them. */
struct text_names {
	struct str *items;
	uint32_t *slots; /* Number + 1; 0: free. Has 2 * `size` elements. */
	uint32_t count, size;
};

struct ledger_text {
	struct buf *out;
	unsigned form;
	bool begun;
	struct text_names names[4]; /* Of resources, Accelerators, namespaces and groups. */
};

/*
 * Whether a Pod, a claim or a reservation can be encoded in the newest form: it has requests, and
 * its names are short and plain. The name of the Pod may be absent, because form 2 does not store
 * it. An older form may not be able to hold it: see ledger_text_first_form.
 */
bool ledger_text_fits(const struct consumer *consumer);

/*
 * Returns the first form that can hold the consumer: 4 for a reservation, 3 for a claim, or 5 if
 * the name of a class is too long for older ones, and 1 for a Pod, which is written without its
 * group in forms before 4. Pure.
 */
unsigned ledger_text_first_form(const struct consumer *consumer);

/*
 * Returns the uid of a reservation in the ledger, made from its namespace, group and renewal. It
 * contains blanks, so it is the uid of no Pod. Absent if the arena is exhausted.
 */
struct str ledger_reservation_uid(const struct consumer *consumer, struct arena *arena);

/*
 * The maximum number of bytes that it adds to a text of form 2 or later, reached if none of its
 * names has a number yet.
 */
size_t ledger_text_bytes(const struct consumer *consumer);

/*
 * Write a text: begin, add for each Pod, claim and reservation, end. The consumers must stay valid
 * until the end. Failure sets out->failed; so does a consumer that the form cannot hold, which the
 * caller must leave out if the others are to be written.
 */
void ledger_text_begin(struct ledger_text *text, struct buf *out, unsigned form);
void ledger_text_add(struct ledger_text *text, const struct consumer *consumer);
void ledger_text_end(struct ledger_text *text);

/* Returns the form that a text declares; 0: it is empty or declares none. */
unsigned ledger_text_form(struct str text);

enum ledger_text_result {
	LEDGER_TEXT_READ = 0,
	LEDGER_TEXT_CORRUPT = -1, /* The form is known or missing, and the content is invalid. */
	/* The form is unknown to this version, so that the content is unknown. */
	LEDGER_TEXT_UNKNOWN = -2,
	LEDGER_TEXT_NO_MEMORY = -3, /* There was no memory to read it; reading may be retried. */
};

/*
 * Decodes a text; an empty one has no Pods. Calls `found` for each consumer, which is borrowed
 * from `text` and the arena. `found` returns 0, or -1 without memory to end the reading. A failure
 * sets an error, which names the corrupt record.
 */
enum ledger_text_result ledger_text_read(struct str text, struct arena *arena,
					 int (*found)(void *context, const struct consumer *consumer), void *context,
					 struct error *err);

#endif
