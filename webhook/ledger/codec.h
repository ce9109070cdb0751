/*
 * codec: the pending entries of the cluster's ledger as one compact string, in which a name that comes often is
 * written once. It is a list of records, each ending in a semicolon:
 *
 *     2;N team-a;R nvidia.com/gpu;M a100-80gb;M h100;P FdehqSQmQlSX5Q2jl5wT0w 0 0=2 0,1;P ...
 *
 * The first says which form this is. N, R and M name the next namespace, resource or Accelerator, each counted from 0; P is a
 * Pod: its uid, the number of its namespace, what it asks, and the Accelerators that it could land on (`-`: none). The uid is
 * base64 of its 16 bytes without padding; one that is no UUID as Kubernetes writes it is itself, after `=`. The names of
 * Kubernetes hold neither blanks nor semicolons. A text that holds no Pod is empty: every version reads that.
 *
 * Form 1, of 0.1.0, has no N, and writes out what form 2 abbreviates or leaves out: P <uid> <namespace> <name> 0=2 0,1. Both are
 * read. Form 1 is written as long as a replica is there, or about to start, that reads no other (see peers.h).
 */
#ifndef WEBHOOK_LEDGER_CODEC_H
#define WEBHOOK_LEDGER_CODEC_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/holding.h"

#define LEDGER_FORM 2                /* the newest that this version reads and writes */
#define LEDGER_TEXT_MAX (512u << 10) /* bytes; an object of etcd may have 1.5 MiB */
#define LEDGER_TEXT_HEAD 2           /* of these, before the first Pod */

/* What form 1 adds to ledger_text_bytes of a Pod: the rest of a uid, and the name with its blank. */
#define LEDGER_TEXT_FORM_1_BYTES (36 - 22 + 253 + 1)

/* Names that have a number: one after the other, and to be found by their hash. */
struct text_names {
	const struct str **items;
	uint32_t *slots; /* number + 1; 0: free. Twice as many as `size` */
	uint32_t count, size;
};

struct ledger_text {
	struct buf *out;
	unsigned form;
	bool begun;
	struct text_names names[3]; /* of resources, Accelerators and namespaces */
};

/* Whether the ledger can say this of a Pod at all: it asks for something, and its names are short and plain. The Pod's own name may
 * be unknown: a Pod that was read in form 2 has none. */
bool ledger_text_fits(const struct holding *holding);

/* The most that a Pod adds to a text of form 2, in bytes, if all its names have to be named for it. */
size_t ledger_text_bytes(const struct holding *holding);

/* Writes a text of a form: begin, add for each Pod (which must stay where it is until the end), end. Failure shows in out->failed. */
void ledger_text_begin(struct ledger_text *text, struct buf *out, unsigned form);
void ledger_text_add(struct ledger_text *text, const struct holding *holding);
void ledger_text_end(struct ledger_text *text);

/* The form that a text says it has; 0: it is empty, or says none. */
unsigned ledger_text_form(struct str text);

enum ledger_text_result {
	LEDGER_TEXT_READ = 0,
	LEDGER_TEXT_CORRUPT = -1, /* it is of a form that is known, or of none, and makes no sense */
	LEDGER_TEXT_UNKNOWN = -2, /* it is of a form that this version does not know, so nobody can say what it holds */
	LEDGER_TEXT_NO_MEMORY = -3, /* there was none while it was read: it may be read again */
};

/*
 * Reads a text; an empty one holds no Pod. `found` gets each Pod, borrowed from `text` and from the arena, and may end
 * the reading with -1 where it has no memory. A failure comes with a sentence, which names the record that is corrupt.
 */
enum ledger_text_result ledger_text_read(struct str text, struct arena *arena,
					 int (*found)(void *context, const struct holding *holding), void *context,
					 struct error *err);

#endif
