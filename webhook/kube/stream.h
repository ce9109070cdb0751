/*
 * stream: splits the response to a watch or a list, which arrives in pieces, into single objects.
 *
 * Only one object is in memory at a time. A stream only finds where an object ends; the reader of
 * the object checks that it is valid JSON.
 *
 * A watch is a sequence of events {"type": "ADDED", "object": {...}}, optionally separated by white
 * space. A list is one document {"metadata": {...}, "items": [{...}, ...]}. Both may have their
 * members in any order. Other members are skipped; objects and arrays among them are not validated.
 *
 * Not thread-safe: each stream belongs to one thread.
 */
#ifndef WEBHOOK_KUBE_STREAM_H
#define WEBHOOK_KUBE_STREAM_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "webhook/json/balance.h"
#include "webhook/kube/list_meta.h"
#include "webhook/kube/token.h"

/*
 * Maximum bytes of one object. etcd accepts about 1.5 MiB, but JSON can be larger: a `<`, for
 * example, takes six bytes. A limit that is too low would end every watch of the object's kind
 * while the object exists.
 */
#define KUBE_STREAM_ITEM_MAX (16u << 20)
/* Maximum bytes of the buffer that are kept allocated between objects. */
#define KUBE_STREAM_KEPT_MAX (64u << 10)

enum kube_stream_kind { KUBE_STREAM_WATCH, KUBE_STREAM_LIST };

struct kube_stream {
	enum kube_stream_kind kind;
	/*
	 * Receives an object. `json` is followed by REVIEW_PADDING readable bytes. `type` is the
	 * type of the event ("ADDED"); it is absent for an item of a list. Both are borrowed during
	 * the call. Returns 0, or -1 with an error to end the stream. Must not release the stream.
	 */
	int (*item)(void *context, struct str type, struct str json, struct error *err);
	void *context;

	/* Metadata of a list, valid once the list has ended; borrowed from the stream. */
	struct kube_list list;
	uint64_t item_count; /* Number of objects that were delivered so far. */

	/* The fields below are private. */
	uint64_t offset;   /* Number of bytes before the current piece. */
	const char *piece; /* The current piece. */
	/* Where the part of the current value in this piece begins, if the value is to be kept. */
	const char *from;
	uint64_t value_at; /* Offset of the current value in the stream. */
	unsigned state;    /* What is expected next. */
	unsigned role;     /* The role of the current value. */
	unsigned seen;     /* The roles that the document has had, as bits. */
	bool held;         /* The object of an event is in `kept`, and waits for the type. */
	struct kube_nest nest;
	struct kube_word word; /* The current key or value. */
	struct kube_word type;
	struct buf kept;    /* The current value, unless it is complete in one piece. */
	struct arena arena; /* Holds the strings of `list`. */
};

/* Initializes the stream in the caller's memory, without allocating anything yet. */
void kube_stream_init(struct kube_stream *stream, enum kube_stream_kind kind,
		      int (*item)(void *context, struct str type, struct str json, struct error *err), void *context);
void kube_stream_release(struct kube_stream *stream);

/*
 * Processes the next piece, borrowed during the call, and delivers every object that is now
 * complete. It does not read beyond the piece. Returns 0, or -1 with an error that names the byte
 * of the stream. After an error, the stream can only be released.
 */
int kube_stream_feed(struct kube_stream *stream, const char *bytes, size_t len, struct error *err);

/*
 * Ends the input. Returns 0, or -1 if it is incomplete: it stops within an event or list, or before
 * the list.
 */
int kube_stream_finish(struct kube_stream *stream, struct error *err);

#endif
