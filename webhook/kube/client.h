/*
 * client: requests to the Kubernetes API server over persistent connections.
 *
 * All callbacks run on the loop's thread, where the functions must be called too unless a comment
 * says otherwise. It uses HTTP/1.1, so that a long response does not delay other requests. It does
 * not request gzip, because compression costs more than it saves within a cluster.
 */
#ifndef WEBHOOK_KUBE_CLIENT_H
#define WEBHOOK_KUBE_CLIENT_H

#include "gpugate/buf.h"
#include "webhook/kube/config.h"
#include "webhook/kube/loop.h"

/*
 * Values for kube_call.accept if the metadata of an object, or of the objects of a list, is enough.
 * A server that does not support them sends whole objects.
 */
#define KUBE_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define KUBE_METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

struct kube_client;

/*
 * Returns new. Borrows both arguments while it exists. Returns NULL with an error, for example if
 * OpenSSL cannot read a CA or key.
 */
struct kube_client *kube_client_create(struct kube_loop *loop, struct kube_config *config, struct error *err);
/*
 * Limits the number of calls that run at the same time, including streams. Further calls wait in
 * order, within their timeouts. All clients of a loop share its connections, and this limit leaves
 * some for the others.
 */
void kube_client_bound(struct kube_client *client, unsigned most);
/* Aborts everything. Call it after the loop has stopped; takes NULL. */
void kube_client_destroy(struct kube_client *client);

/*
 * The response to a call; borrowed during the callback. If `status` is 0, there was no response and
 * `problem` says why. The outcome of a request that changes something is then unknown, as it is
 * after 5xx. 404, 409 and 410 are reported like any other status.
 */
struct kube_response {
	unsigned status;
	/*
	 * The whole body; of a stream, the first 4 KiB of a response other than 200. REVIEW_PADDING
	 * readable bytes follow.
	 */
	struct str body;
	unsigned retry_after_ms; /* From the Retry-After header; 0: none. */
	/*
	 * One sentence for users if the status is 0, or 400 and above (the message of a Kubernetes
	 * Status if the body is one); otherwise NULL.
	 */
	const char *problem;
	bool too_long; /* The body is longer than body_max, so there is none. */
};

struct kube_request; /* A call in progress. */

struct kube_call {
	const char *method;       /* GET, POST, PUT, PATCH or DELETE. */
	const char *path;         /* With the query, escaped: "/api/v1/pods?limit=500". */
	const char *content_type; /* Type of the body; NULL: application/json. */
	const char *accept;       /* NULL: application/json. */
	struct str body;          /* Copied. Absent: no body. */
	/*
	 * Until the whole response has arrived, or the headers of a stream, over all attempts; 0:
	 * 30 s.
	 */
	int64_t timeout_ms;
	int64_t silence_ms; /* A stream fails if nothing arrives for this long; 0: never. */
	/*
	 * Maximum bytes of a response that is not a stream; 0: 4 MiB. A longer one is reported as
	 * status 0.
	 */
	size_t body_max;
	/*
	 * The bodies contain keys: each is kept in one buffer that never moves, and that is
	 * overwritten before it is freed.
	 */
	bool secret;
	/*
	 * Retries the request, which must be safe to repeat, after 429, 500, 502, 503 and 504, and
	 * if there was no response. All attempts share the timeout. The delay is Retry-After,
	 * otherwise 50 ms, doubling up to 2 s, with jitter. Without this flag, only a 429 with
	 * Retry-After is retried, because API priority and fairness rejects requests before they
	 * take effect. A stream that was opened is not retried. libcurl always resends a request
	 * without a body if a kept connection breaks before any response.
	 */
	bool retry;
	/* The headers of a stream have arrived, with status 200. May be NULL. */
	void (*opened)(void *context);
	/*
	 * Makes the call a stream: receives the bytes of a 200 as they arrive. Returns 0, or -1 to
	 * end the call as failed. NULL: the response is collected.
	 */
	int (*received)(void *context, const char *bytes, size_t len);
	/* Called once, at the end, unless the call was canceled. Must not be NULL. */
	void (*done)(void *context, const struct kube_response *response);
	void *context;
};

/*
 * Starts a call and copies its strings and body. Returns a handle for kube_cancel, which is
 * borrowed until `done` is called and never NULL. Without memory, `done` is called with status 0 on
 * the next turn of the loop. That works for 32 calls at a time; beyond that the program aborts. A
 * 401 is retried once, immediately, with a token that was read again. Loop thread, or before the
 * loop starts.
 */
struct kube_request *kube_call(struct kube_client *client, const struct kube_call *call);

/*
 * Cancels a call: none of its callbacks is called any more. May be called from any callback,
 * including `received` of the same call. Takes NULL.
 */
void kube_cancel(struct kube_client *client, struct kube_request *request);

/*
 * Appends a name to a path or query, and percent-encodes everything that is not unreserved
 * (RFC 3986, section 2.3).
 */
void kube_escape(struct buf *path, struct str name);

#endif
