/*
 * ledger_text: the pending entries of the cluster's ledger as one compact string, in which a name that comes often is
 * written once. It is a list of records, each ending in a semicolon:
 *
 *     1;R nvidia.com/gpu;M a100-80gb;M h100;P <uid> <namespace> <name> 0=2 0,1;P ...
 *
 * The first says which form this is; R and M name the next resource or Accelerator, counted from 0; P is a Pod with what it
 * asks and the Accelerators that it could land on (`-`: none). The names of Kubernetes hold neither blanks nor semicolons.
 */
#ifndef WEBHOOK_LEDGER_TEXT_H
#define WEBHOOK_LEDGER_TEXT_H

#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/policy.h"

#define LEDGER_TEXT_MAX (256u << 10) /* bytes: 512 Pods whose names are as long as Kubernetes lets them be */
#define LEDGER_TEXT_HEAD 2           /* of these, before the first Pod */

/* Names that have a number: one after the other, and to be found by their hash. */
struct text_names {
	const struct str **items;
	uint32_t *slots; /* number + 1; 0: free. Twice as many as `size` */
	uint32_t count, size;
};

struct ledger_text {
	struct buf *out;
	struct text_names names[2]; /* of resources and of Accelerators */
};

/* Whether the ledger can say this of a Pod at all: it asks for something, and its names are short and plain. */
bool ledger_text_fits(const struct holding *holding);

/* The most that a Pod adds to a text, in bytes, if all its resources and Accelerators have to be named for it. */
size_t ledger_text_bytes(const struct holding *holding);

/* Writes a text: begin, add for each Pod (which must stay where it is until the end), end. Failure shows in out->failed. */
void ledger_text_begin(struct ledger_text *text, struct buf *out);
void ledger_text_add(struct ledger_text *text, const struct holding *holding);
void ledger_text_end(struct ledger_text *text);

/*
 * Reads a text; an empty one holds no Pod. `found` gets each Pod, borrowed from `text` and from the arena, and may end
 * the reading with -1. Returns 0, or -1 with a sentence that names the record.
 */
int ledger_text_read(struct str text, struct arena *arena, int (*found)(void *context, const struct holding *holding),
		     void *context, struct error *err);

#endif
