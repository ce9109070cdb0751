/*
 * stream: what a Kubernetes API server sends for a watch or a list, in pieces as they come, into single objects. Only
 * one object is ever in memory. Where an object ends is all that is found out here; the reader of the object checks that it
 * is JSON.
 *
 * A watch is a sequence of events {"type": "ADDED", "object": {...}} with white space between them, or none. A list is one
 * document {"metadata": {...}, "items": [{...}, ...]}. In both, members may stand in any order, and others are skipped
 * (of objects and arrays among them only the end is found).
 *
 * Not thread-safe; each stream belongs to one thread.
 */
#ifndef WEBHOOK_KUBE_STREAM_H
#define WEBHOOK_KUBE_STREAM_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/json/balance.h"
#include "webhook/kube/list_meta.h"
#include "webhook/kube/token.h"

/* Bytes of one object. etcd takes about 1.5 MiB, but of a more compact form: as JSON a `<` is six bytes, and so are others. One object
 * that is too large would end every watch of its kind, for as long as it is there. */
#define KUBE_STREAM_ITEM_MAX (16u << 20)
#define KUBE_STREAM_KEPT_MAX (64u << 10) /* bytes of the buffer that stay after an object has been told */

enum kube_stream_kind { KUBE_STREAM_WATCH, KUBE_STREAM_LIST };

struct kube_stream {
	enum kube_stream_kind kind;
	/*
	 * Takes an object: `json` is followed by REVIEW_PADDING readable bytes and borrowed during the call. `type` is that of the
	 * event ("ADDED"), borrowed too; absent for an item of a list. Returns 0, or -1 with an error to end the stream. The
	 * stream must not be released from here.
	 */
	int (*item)(void *context, struct str type, struct str json, struct error *err);
	void *context;

	struct kube_list list; /* of a list, once it has ended; borrowed from the stream */
	uint64_t item_count;   /* objects that were told so far */

	/* The rest is the stream's own. */
	uint64_t offset;   /* bytes before the piece at hand */
	const char *piece; /* that piece */
	const char *from;  /* what is kept of the value at hand begins here, in the piece */
	uint64_t value_at; /* where it begins, in the stream */
	unsigned state;    /* what is expected next */
	unsigned role;     /* what the value at hand is */
	unsigned seen;     /* roles that the document has had, by bits */
	bool held;         /* an event's object stands in `kept` and waits for the type */
	struct kube_nest nest;
	struct kube_word word; /* the key or value at hand */
	struct kube_word type;
	struct buf kept;    /* the value at hand, as far as it does not lie whole in one piece */
	struct arena arena; /* of `list` */
};

/* On the caller's memory. Allocates nothing yet. */
void kube_stream_init(struct kube_stream *stream, enum kube_stream_kind kind,
		      int (*item)(void *context, struct str type, struct str json, struct error *err), void *context);
void kube_stream_release(struct kube_stream *stream);

/*
 * Takes the next piece, borrowed during the call, and tells every object that is complete now. Nothing beyond the piece is
 * read. Returns 0, or -1 with a sentence that names the byte of the stream; the stream is of no use any more then.
 */
int kube_stream_feed(struct kube_stream *stream, const char *bytes, size_t len, struct error *err);

/* No more pieces come: fails when that is in the middle of an event or list, or a list had no items. Returns 0 or -1. */
int kube_stream_finish(struct kube_stream *stream, struct error *err);

#endif
