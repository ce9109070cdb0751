/*
 * http_route: what a request line and its headers ask for, and what is wrong with them. Pure: strings in, verdicts out.
 */
#ifndef WEBHOOK_HTTP_ROUTE_H
#define WEBHOOK_HTTP_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/error.h"
#include "gpugate/str.h"
#include "webhook/base/path_secret.h"

#define HTTP_TIMEOUT_DEFAULT_MS 10000 /* Kubernetes' default for webhooks (admissionregistration/v1, timeoutSeconds) */
#define HTTP_TIMEOUT_MAX_MS 30000     /* the largest that Kubernetes allows there */

enum http_endpoint { HTTP_MUTATE, HTTP_VALIDATE };

struct http_route {
	enum http_endpoint endpoint;
	unsigned timeout_ms; /* of the `timeout` query parameter, HTTP_TIMEOUT_DEFAULT_MS without a readable one */
};

/*
 * Finds the endpoint and the timeout of a request target ("/mutate?timeout=10s", as it was sent, not decoded).
 * path_secret_admits says which paths exist. Returns false for all others. Thread-safe.
 */
bool http_route_find(struct path_secret *secret, struct str target, struct http_route *route);

/* A Go duration ("10s", "1m0.5s", "500ms") in milliseconds, rounded up, at most HTTP_TIMEOUT_MAX_MS; 0: not readable. */
unsigned http_duration_ms(struct str text);

/* Whether a Content-Type is application/json, with or without parameters, in any case. */
bool http_is_json(struct str type);

/* What the judgement of a request's head needs to know of it. */
struct http_head {
	bool found;                                /* the target leads somewhere */
	bool post;                                 /* the method is POST */
	bool http11;                               /* the version is HTTP/1.1, not 1.0 */
	bool odd_name;                             /* some header's name has a blank or a control character */
	bool chunked;                              /* the only Transfer-Encoding is chunked */
	bool json;                                 /* the Content-Type is application/json */
	bool expects;                              /* Expect: 100-continue */
	unsigned hosts, lengths, encodings, types; /* headers of these names */
	uint64_t length;                           /* of Content-Length */
};

/* Adds one header. Names are compared without case. */
void http_head_add(struct http_head *head, struct str name, struct str value);

/*
 * A body that is too long is read to its end and dropped up to so many times the limit; beyond that, and for whoever does not
 * know the path, the connection is closed at once. A close with bytes unread resets the connection, and the API server then tells
 * whoever made the Pod the URL that it could not write to, with the path secret in it. So the bound is above the
 * longest review: 3 MiB of a request and 1.5 MiB of a stored object, each byte of which JSON may write as six.
 */
#define HTTP_DRAIN_FACTOR 8

struct http_refusal {
	unsigned status;  /* 0: nothing is wrong */
	const char *text; /* one sentence, static */
	bool at_once;     /* do not wait for the body: where it ends is unknown, or it is too long to wait for */
};

/* Framing: what makes it unsafe to say where this request ends. Checked before anything else. */
struct http_refusal http_head_framing(const struct http_head *head);

/* Everything else: path, method, length, content type, in this order. */
struct http_refusal http_head_purpose(const struct http_head *head, uint64_t body_max);

#endif
