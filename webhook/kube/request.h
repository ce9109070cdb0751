/*
 * request: a call in progress. request.c contains its life cycle: when it is attempted, abandoned,
 * reported and freed. attempt.c contains one attempt: the options of libcurl's handle, and its
 * callbacks. client.c contains what all requests share. Private to these three files; loop thread
 * only.
 */
#ifndef WEBHOOK_KUBE_REQUEST_H
#define WEBHOOK_KUBE_REQUEST_H

#include "webhook/kube/client.h"
#include "webhook/kube/problem.h"

#define KUBE_IDLE_MAX 16 /* Maximum number of easy handles that are kept. */

enum request_state {
	REQUEST_WAITING,   /* Waits for its next attempt, or for other calls to end. */
	REQUEST_UNDER_WAY, /* Its transfer is in the loop. */
	REQUEST_CANCELLED, /* Its transfer is still in the loop: libcurl may be executing it. */
	REQUEST_OVER,
};

struct kube_request {
	struct kube_client *client;
	struct kube_request *prev, *next;
	enum request_state state;
	bool reserve;
	bool queued;           /* Waits because the maximum number of calls is running. */
	bool counted;          /* Included in client->under_way. */
	struct kube_call call; /* Its strings point into `texts`. */
	struct kube_transfer transfer;
	struct curl_slist *headers;
	/*
	 * How an attempt ends: libcurl has finished, or there was no memory to start. `context` is
	 * the request.
	 */
	void (*ended)(void *context, CURLcode code);
	void (*without_memory)(void *context);
	/* Starts the next attempt; after a cancellation, frees the request. */
	struct kube_timer turn;
	/* The deadline; of an open stream, the end of the permitted silence. */
	struct kube_timer limit;
	int64_t deadline_ms;
	int64_t last_activity_ms; /* When an open stream last delivered data. */
	/* Delay before the next attempt, if the server does not send Retry-After. */
	int64_t delay_ms;
	bool renewed; /* Was attempted with a token that was read again. */
	/* The fields below, except for `problem` and `texts`, belong to the current attempt. */
	bool headed;   /* Its headers are complete. */
	bool open;     /* The headers are complete, and it is a stream with status 200. */
	bool refused;  /* `received` returned -1. */
	bool too_long; /* The body exceeds body_max. */
	bool whole;    /* The transfer completed, so that the handle can be used again. */
	unsigned status;
	size_t sent;     /* Number of bytes of the call's body that were sent. */
	struct buf body; /* At most body_max bytes, and the padding. */
	size_t body_max;
	char detail[CURL_ERROR_SIZE];
	char problem[KUBE_PROBLEM_BYTES]; /* Of the last attempt. */
	char texts[];
};

struct kube_client {
	struct kube_loop *loop;
	struct kube_config *config;
	char *base;                    /* The URL to which paths are appended. */
	char *endpoint;                /* "HOST:PORT", for messages. */
	struct curl_slist *connect_to; /* Set if the host in the URL is not the server's. */
	CURL *idle[KUBE_IDLE_MAX];
	size_t idle_count;
	struct kube_request *requests; /* All requests that are not over, the newest first. */
	struct kube_request *reserves;
	unsigned most, under_way; /* Maximum and current number of calls; `most` 0: unlimited. */
};

/* Starts an attempt. Called when the request may run. `context` is the request. */
void kube_try_begin(void *context);

/*
 * Cleans up after an attempt: releases the handle, which must no longer be in the loop, and the
 * headers. Also accepts a request without a handle.
 */
void kube_try_clear(struct kube_request *request);

/*
 * Writes the reason why there is no response to request->problem. Must be called before
 * kube_try_clear.
 */
void kube_try_describe(struct kube_request *request, CURLcode code);

static inline bool kube_request_is_stream(const struct kube_request *request)
{
	return request->call.received != NULL;
}

/*
 * Allocates the reserve: requests that can fail without allocating memory. Returns 0, or -1 without
 * memory. In both cases kube_requests_release frees them.
 */
int kube_requests_init(struct kube_client *client);

/* Aborts and frees all requests of the client. */
void kube_requests_release(struct kube_client *client);

#endif
