/*
 * client: requests to the Kubernetes API server, over connections that are kept. Everything happens on the thread of
 * the loop; callbacks come from there. HTTP/1.1, so that a long answer holds nobody up; gzip is not asked for (it would cost more than it
 * saves on the way to a neighbour).
 */
#ifndef WEBHOOK_KUBE_CLIENT_H
#define WEBHOOK_KUBE_CLIENT_H

#include "gpugate/buf.h"
#include "webhook/kube/config.h"
#include "webhook/kube/loop.h"

/* What to accept where an object's, or a list's, metadata is enough; a server that cannot cut it out sends all of it. */
#define KUBE_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define KUBE_METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

struct kube_client;

/* Borrows both, for as long as it lives. Returns NULL with an error (a CA or key that OpenSSL cannot read, ...). */
struct kube_client *kube_client_create(struct kube_loop *loop, struct kube_config *config, struct error *err);
/*
 * At most so many calls are under way at a time from now on, streams among them; more wait for their turn, in their order, within their
 * time. All clients of a loop share its connections: this leaves some to the others.
 */
void kube_client_bound(struct kube_client *client, unsigned most);
void kube_client_destroy(struct kube_client *client); /* after the loop has stopped: aborts everything; takes NULL */

/*
 * What came back. `status` 0: no answer, and `problem` says why; for a request that changes something this means that the
 * outcome is unknown, as it does for 5xx. 409, 404, 410 are values like any other. Borrowed during the call.
 */
struct kube_answer {
	unsigned status;
	struct str body;         /* the whole body, but for streams; of a failed stream its first 4 KiB. Followed by
	                            REVIEW_PADDING readable bytes */
	unsigned retry_after_ms; /* of a Retry-After header; 0: none */
	const char *problem;     /* one sentence for people: of status 0 and of 400 and above (Kubernetes' own
	                            Status.message where the body has one); NULL otherwise */
};

struct kube_request; /* a call under way */

struct kube_call {
	const char *method;       /* GET POST PUT PATCH DELETE */
	const char *path;         /* with its query, escaped: "/api/v1/pods?limit=500" */
	const char *content_type; /* of the body; NULL: application/json */
	const char *accept;       /* NULL: application/json */
	struct str body;          /* absent: none. Copied. */
	int64_t timeout_ms;       /* to the whole answer; of a stream, to its headers; over all tries; 0: 30 s */
	int64_t silence_ms;       /* of a stream: it has failed when nothing came for so long; 0: never */
	size_t body_max;          /* of a whole answer; 0: 4 MiB. More is status 0 */
	bool secret;              /* bodies hold keys: both are kept in one piece and overwritten when they are freed */
	/*
	 * Tries again, within the time, on 429, 500, 502, 503, 504 and when no answer came: after Retry-After, else after 50 ms
	 * doubling to 2 s, jittered. For requests that may be repeated. Without it, 429 alone is tried again where the server
	 * sent Retry-After: priority and fairness refuses before anything is done. A stream that has been opened is not begun
	 * again. (Without a body, a request on a kept connection that breaks before any answer is sent again in any case.)
	 */
	bool retry;
	/* Of a stream: its headers have come, with 200. May be NULL. */
	void (*opened)(void *context);
	/* A stream: bytes as they come, of a 200 only; -1 ends the call as failed. NULL: the answer is collected. */
	int (*received)(void *context, const char *bytes, size_t len);
	/* Once, at the end. Not called for a call that was cancelled. Must not be NULL. */
	void (*done)(void *context, const struct kube_answer *answer);
	void *context;
};

/*
 * Begins a call, of which all texts are copied. Returns what kube_cancel takes, borrowed until `done` has been called; never
 * NULL: without memory `done` comes on the next turn of the loop, with status 0 (32 calls can fail so at a time; beyond
 * that the program ends). A 401 is tried once more at once with a token that was read anew. Loop thread, or before the loop
 * starts.
 */
struct kube_request *kube_call(struct kube_client *client, const struct kube_call *call);

/* Nothing is called for it any more. From inside any callback, `received` of the same call included. Takes NULL. */
void kube_cancel(struct kube_client *client, struct kube_request *request);

/* Appends a name to a path or a query: what is not unreserved (RFC 3986, 2.3) is escaped. */
void kube_escape(struct buf *path, struct str name);

#endif
