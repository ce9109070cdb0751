/*
 * request: a call under way. request.c has its life: when it is attempted, given up, reported and freed. attempt.c has
 * one attempt: the options of libcurl's handle, and its callbacks. client.c has what all requests share. Private to these
 * three; loop thread only.
 */
#ifndef WEBHOOK_KUBE_REQUEST_H
#define WEBHOOK_KUBE_REQUEST_H

#include "webhook/kube/client.h"
#include "webhook/kube/problem.h"

#define KUBE_IDLE_MAX 16 /* easy handles that are kept */

enum request_state {
	REQUEST_WAITING,   /* for its first or next try, or for its turn */
	REQUEST_UNDER_WAY, /* its transfer is in the loop */
	REQUEST_CANCELLED, /* still in the loop: libcurl may be in the middle of it */
	REQUEST_OVER,
};

struct kube_request {
	struct kube_client *client;
	struct kube_request *prev, *next;
	enum request_state state;
	bool reserve;
	bool queued;           /* for its turn: as many calls are under way as may be */
	bool counted;          /* among those under way */
	struct kube_call call; /* its texts follow this struct */
	struct kube_transfer transfer;
	struct curl_slist *headers;
	/* How an attempt ends: libcurl is done with it, or there was no memory to begin it. `context` is the request. */
	void (*ended)(void *context, CURLcode code);
	void (*without_memory)(void *context);
	struct kube_timer turn;  /* the next try; after a cancellation: the end */
	struct kube_timer limit; /* the deadline; of an open stream: its silence */
	int64_t deadline_ms;
	int64_t heard_ms; /* of an open stream */
	int64_t delay_ms; /* before the next try, when the server does not say */
	bool renewed;     /* tried with a token read anew */
	/* Of the try under way: */
	bool headed;   /* its headers are complete */
	bool open;     /* and it is a stream of a 200 */
	bool refused;  /* by `received` */
	bool too_long; /* for body_max */
	bool whole;    /* it came to its end: the handle is as good as new */
	unsigned status;
	size_t sent;     /* bytes of the call's body */
	struct buf body; /* at most body_max, and the padding */
	size_t body_max;
	char detail[CURL_ERROR_SIZE];
	char problem[KUBE_PROBLEM_BYTES]; /* of the last try */
	char texts[];
};

struct kube_client {
	struct kube_loop *loop;
	struct kube_config *config;
	char *base;                    /* the URL that paths are appended to */
	char *place;                   /* "HOST:PORT", for sentences */
	struct curl_slist *connect_to; /* where the host of the URL is not the server's */
	CURL *idle[KUBE_IDLE_MAX];
	size_t idle_count;
	struct kube_request *requests; /* all that are not over */
	struct kube_request *reserves;
	unsigned most, under_way; /* calls at a time; most 0: no bound */
};

/* Begins a try: what the timer `turn` calls. `context` is the request. */
void kube_try_begin(void *context);

/* After a try: gives the handle back, which is no longer in the loop, and forgets the headers. For a request without one, too. */
void kube_try_clear(struct kube_request *request);

/* Into request->problem: why there is no answer. Before kube_try_clear. */
void kube_try_describe(struct kube_request *request, CURLcode code);

static inline bool kube_request_is_stream(const struct kube_request *request)
{
	return request->call.received != NULL;
}

/* Allocates the requests that need no more memory to fail. Returns 0, or -1 without memory; then release what there is. */
int kube_requests_init(struct kube_client *client);

/* Aborts and frees all requests of the client. */
void kube_requests_release(struct kube_client *client);

#endif
