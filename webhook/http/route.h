/*
 * route: interprets and validates the request line and headers of a request. Except for
 * http_route_find, which reads the current path secret, all functions are pure. All are
 * thread-safe.
 */
#ifndef WEBHOOK_HTTP_ROUTE_H
#define WEBHOOK_HTTP_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"
#include "webhook/base/path_secret.h"

/* The default and the maximum of timeoutSeconds in Kubernetes' admissionregistration/v1. */
#define HTTP_TIMEOUT_DEFAULT_MS 10000
#define HTTP_TIMEOUT_MAX_MS 30000

enum http_endpoint { HTTP_MUTATE, HTTP_VALIDATE };

struct http_route {
	enum http_endpoint endpoint;
	/* The `timeout` query parameter, or HTTP_TIMEOUT_DEFAULT_MS if it is absent or invalid. */
	unsigned timeout_ms;
};

/*
 * Finds the endpoint and the timeout of a request target ("/mutate?timeout=10s", as sent, not
 * decoded). Returns false if path_secret_admits accepts no endpoint. Thread-safe.
 */
bool http_route_find(struct path_secret *secret, struct str target, struct http_route *route);

/*
 * Converts a Go duration ("10s", "1m0.5s", "500ms") to milliseconds, rounded up and limited to
 * HTTP_TIMEOUT_MAX_MS. Returns 0 if the text is invalid or the duration is zero.
 */
unsigned http_duration_ms(struct str text);

/* Whether a Content-Type is application/json, ignoring case and parameters. */
bool http_is_json(struct str type);

/* The properties of a request head that http_head_framing and http_head_purpose check. */
struct http_head {
	bool found;    /* The target matches an endpoint. */
	bool post;     /* The method is POST. */
	bool http11;   /* The version is HTTP/1.1, not 1.0. */
	bool odd_name; /* A header name is empty or contains a space or a control character. */
	bool chunked;  /* The last Transfer-Encoding header is exactly "chunked". */
	bool json;     /* The last Content-Type header is application/json. */
	bool expects;  /* There is an "Expect: 100-continue" header. */

	/* The number of Host, Content-Length, Transfer-Encoding and Content-Type headers. */
	unsigned hosts, lengths, encodings, types;
	uint64_t length; /* The last Content-Length. Absent: 0; invalid or too large: UINT64_MAX. */
};

/* Records one header. Names are compared without regard to case. */
void http_head_add(struct http_head *head, struct str name, struct str value);

/*
 * A body above the limit is read and discarded up to this multiple of the limit; beyond that, the
 * connection is closed at once. For an unknown path or a rejected client certificate, it is closed
 * at once if Content-Length exceeds the limit itself.
 *
 * Discarding protects the path secret. Closing with unread bytes resets the connection, and the API
 * server then shows the URL, including the secret, to the user who created the Pod. The bound must
 * therefore exceed the longest possible review: a request of 3 MiB and a stored object of 1.5 MiB,
 * where JSON may write each byte as six.
 */
#define HTTP_DRAIN_FACTOR 8

struct http_refusal {
	unsigned status;  /* HTTP status. 0 if the request is not refused. */
	const char *text; /* One sentence. A static string. */

	/*
	 * Respond without reading the body. Its end is unknown, it is too long, or the client waits
	 * for "100 Continue" before sending it.
	 */
	bool at_once;
};

/*
 * Checks for errors that make the end of the request ambiguous (request smuggling). Call this
 * first.
 */
struct http_refusal http_head_framing(const struct http_head *head);

/* Checks path, method, length and content type, in this order. `body_max` is in bytes. */
struct http_refusal http_head_purpose(const struct http_head *head, uint64_t body_max);

#endif
