#include "webhook/kube/request.h"

#include <stdlib.h>

#include "webhook/json/scan.h" /* REVIEW_PADDING */

#define RESERVES 32 /* Requests that can fail without allocating memory. */
#define BODY_MAX_BYTES ((size_t)4 << 20)
#define BODY_LIMIT_BYTES ((size_t)1 << 30)
#define STREAM_ERROR_BYTES 4096
#define TIMEOUT_MS 30000
#define DELAY_MIN_MS 50
#define DELAY_MAX_MS 2000
#define RETRY_AFTER_MAX_S 3600

/* --- Memory, and the limit on concurrent calls --- */

static void link_request(struct kube_request **list, struct kube_request *request)
{
	request->prev = NULL;
	request->next = *list;
	if (*list)
		(*list)->prev = request;
	*list = request;
}

static void unlink_request(struct kube_request **list, struct kube_request *request)
{
	if (request->prev)
		request->prev->next = request->next;
	else
		*list = request->next;
	if (request->next)
		request->next->prev = request->prev;
}

/* Returns the oldest request that waits for other calls to end, or NULL. */
static struct kube_request *find_queued(const struct kube_client *client)
{
	struct kube_request *oldest = NULL;
	for (struct kube_request *request = client->requests; request; request = request->next)
		if (request->queued)
			oldest = request;
	return oldest;
}

static void count_in(struct kube_request *request)
{
	request->queued = false;
	request->counted = true;
	request->client->under_way++;
}

/* Starts an attempt, unless too many calls are running. `context` is the request. */
static void begin_try(void *context)
{
	struct kube_request *request = context;
	const struct kube_client *client = request->client;
	request->queued = !request->counted && client->most && client->under_way >= client->most;
	if (request->queued)
		return;
	if (!request->counted)
		count_in(request);
	kube_try_begin(request);
}

/* Ends an attempt, whether or not it succeeded, and lets the next waiting request run. */
static void end_try(struct kube_request *request)
{
	struct kube_client *client = request->client;
	kube_try_clear(request);
	request->queued = false;
	if (!request->counted)
		return;
	request->counted = false;
	client->under_way--;
	struct kube_request *next = find_queued(client);
	if (!next)
		return;
	count_in(next);
	kube_timer_set(client->loop, &next->turn, 0);
}

static void wipe(struct kube_request *request)
{
	if (request->body.ptr)
		explicit_bzero(request->body.ptr, request->body.size);
	/* The body of a reserve belongs to the caller. */
	if (request->call.body.len && !request->reserve)
		explicit_bzero((char *)request->call.body.ptr, request->call.body.len);
}

static void free_request(struct kube_request *request)
{
	struct kube_client *client = request->client;
	kube_timer_clear(client->loop, &request->turn);
	kube_timer_clear(client->loop, &request->limit);
	end_try(request);
	if (request->call.secret)
		wipe(request);
	buf_release(&request->body);
	unlink_request(&client->requests, request);
	if (request->reserve)
		link_request(&client->reserves, request);
	else
		free(request);
}

static void abort_transfer(struct kube_request *request)
{
	if (request->transfer.easy)
		kube_transfer_remove(request->client->loop, &request->transfer);
}

/*
 * Reports the end of a call and frees the request. The body is what has been collected; the problem
 * is request->problem.
 */
static void finish(struct kube_request *request, unsigned status, unsigned retry_after_ms)
{
	static const char nothing[REVIEW_PADDING] = "";
	struct kube_response response = {.status = status,
					 .body = {nothing, 0},
					 .retry_after_ms = retry_after_ms,
					 .problem = status == 0 || status >= 400 ? request->problem : NULL,
					 .too_long = request->too_long};
	if (status && request->body.len) {
		memset(request->body.ptr + request->body.len, 0, REVIEW_PADDING);
		response.body = buf_view(&request->body);
	}
	request->state = REQUEST_OVER;
	kube_timer_clear(request->client->loop, &request->turn);
	kube_timer_clear(request->client->loop, &request->limit);
	request->call.done(request->call.context, &response);
	free_request(request);
}

static size_t body_max(const struct kube_request *request)
{
	if (kube_request_is_stream(request))
		return STREAM_ERROR_BYTES;
	size_t most = request->call.body_max ? request->call.body_max : BODY_MAX_BYTES;
	return most < BODY_LIMIT_BYTES ? most : BODY_LIMIT_BYTES;
}

static void fail_without_memory(void *context)
{
	struct kube_request *request = context;
	kube_problem_transfer(NULL, CURLE_OUT_OF_MEMORY, request->client->endpoint, "", request->problem);
	finish(request, 0, 0);
}

/* --- Attempts --- */

static void schedule(struct kube_request *request, int64_t ms)
{
	end_try(request);
	request->state = REQUEST_WAITING;
	kube_timer_set(request->client->loop, &request->turn, ms);
}

static unsigned retry_after_ms(const struct kube_request *request)
{
	curl_off_t seconds = 0;
	curl_easy_getinfo(request->transfer.easy, CURLINFO_RETRY_AFTER, &seconds);
	seconds = seconds < 0 ? 0 : seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
	return (unsigned)seconds * 1000;
}

static bool worth_a_retry(const struct kube_request *request, unsigned status, unsigned after_ms)
{
	if (request->open || request->refused || request->too_long)
		return false;
	if (!request->call.retry)
		return status == 429 && after_ms > 0;
	return status == 0 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/*
 * Schedules another attempt if the failure is retryable and there is time. Returns whether it did.
 */
static bool try_again(struct kube_request *request, unsigned status, unsigned after_ms)
{
	struct kube_loop *loop = request->client->loop;
	if (!worth_a_retry(request, status, after_ms))
		return false;
	int64_t ms = after_ms ? kube_random(loop, after_ms, after_ms + after_ms / 10)
			      : kube_random(loop, request->delay_ms / 2, request->delay_ms);
	if (ms >= request->deadline_ms - kube_now_ms())
		return false;
	if (!after_ms)
		request->delay_ms = request->delay_ms * 2 < DELAY_MAX_MS ? request->delay_ms * 2 : DELAY_MAX_MS;
	schedule(request, ms);
	return true;
}

/*
 * Retries once after a 401, because the token may have been rotated since it was read. A 401 has no
 * effects, so that this is safe for every method.
 */
static bool try_renewed(struct kube_request *request)
{
	struct kube_client *client = request->client;
	if (request->status != 401 || request->renewed ||
	    !str_present(kube_config_token(client->config, kube_loop_now_ms(client->loop), true)))
		return false;
	request->renewed = true;
	schedule(request, 0);
	return true;
}

static void on_ended(void *context, CURLcode code)
{
	struct kube_request *request = context;
	request->whole = code == CURLE_OK;
	if (request->state == REQUEST_CANCELLED) {
		free_request(request);
		return;
	}
	unsigned status = code == CURLE_OK ? request->status : 0, after_ms = 0;
	if (status == 0) {
		kube_try_describe(request, code);
	} else if (status >= 400) {
		after_ms = retry_after_ms(request);
		kube_problem_status(status, buf_view(&request->body), request->client->endpoint, request->problem);
	}
	if (!try_renewed(request) && !try_again(request, status, after_ms))
		finish(request, status, after_ms);
}

/* The deadline has passed, or an open stream must be checked for silence. */
static void on_limit(void *context)
{
	struct kube_request *request = context;
	const char *endpoint = request->client->endpoint;
	char before[KUBE_PROBLEM_BYTES];
	if (request->open) {
		int64_t silent = kube_loop_now_ms(request->client->loop) - request->last_activity_ms;
		if (silent < request->call.silence_ms) {
			kube_timer_set(request->client->loop, &request->limit, request->call.silence_ms - silent);
			return;
		}
		snprintf(request->problem, sizeof request->problem,
			 "the API server at %.200s has sent nothing for %lld ms", endpoint, (long long)silent);
	} else {
		memcpy(before, request->problem, sizeof before);
		snprintf(request->problem, sizeof request->problem,
			 "the API server at %.200s did not answer within %lld ms%s%.600s", endpoint,
			 (long long)request->call.timeout_ms, *before ? "; before that, " : "", before);
	}
	abort_transfer(request);
	finish(request, 0, 0);
}

/* --- Calls --- */

static const char *copy_text(char **at, const char *text, const char *fallback)
{
	text = text ? text : fallback;
	size_t bytes = strlen(text) + 1;
	char *copy = memcpy(*at, text, bytes);
	*at += bytes;
	return copy;
}

static size_t text_bytes(const char *text, const char *fallback)
{
	return strlen(text ? text : fallback) + 1;
}

#define JSON_TYPE "application/json"

/* Returns new, with copies of the call's strings and body; NULL without memory. */
static struct kube_request *copy_call(const struct kube_call *call)
{
	size_t texts = text_bytes(call->method, "") + text_bytes(call->path, "") +
		       text_bytes(call->content_type, JSON_TYPE) + text_bytes(call->accept, JSON_TYPE);
	size_t bytes;
	if (__builtin_add_overflow(sizeof(struct kube_request) + texts, call->body.len, &bytes))
		return NULL;
	struct kube_request *request = bytes < SIZE_MAX / 2 ? malloc(bytes) : NULL;
	if (!request)
		return NULL;
	*request = (struct kube_request){.call = *call};
	char *at = request->texts;
	request->call.method = copy_text(&at, call->method, "");
	request->call.path = copy_text(&at, call->path, "");
	request->call.content_type = copy_text(&at, call->content_type, JSON_TYPE);
	request->call.accept = copy_text(&at, call->accept, JSON_TYPE);
	if (str_present(call->body))
		request->call.body.ptr = call->body.len ? memcpy(at, call->body.ptr, call->body.len) : "";
	return request;
}

/*
 * Without a reserve, `done` could never be called, and callers depend on it. Aborting is the only
 * safe reaction.
 */
static struct kube_request *take_reserve(struct kube_client *client, const struct kube_call *call)
{
	struct kube_request *request = client->reserves;
	if (!request)
		abort();
	unlink_request(&client->reserves, request);
	*request = (struct kube_request){.call = *call, .reserve = true};
	return request;
}

struct kube_request *kube_call(struct kube_client *client, const struct kube_call *call)
{
	struct kube_request *request = copy_call(call);
	void (*run)(void *context) = begin_try;
	if (!request) {
		request = take_reserve(client, call);
		run = fail_without_memory;
	}
	request->client = client;
	request->state = REQUEST_WAITING;
	request->delay_ms = DELAY_MIN_MS;
	request->turn = (struct kube_timer){.run = run, .context = request};
	request->limit = (struct kube_timer){.run = on_limit, .context = request};
	request->ended = on_ended;
	request->without_memory = fail_without_memory;
	if (request->call.timeout_ms <= 0)
		request->call.timeout_ms = TIMEOUT_MS;
	request->deadline_ms = kube_now_ms() + request->call.timeout_ms;
	request->body_max = body_max(request);
	buf_init(&request->body, request->body_max + REVIEW_PADDING);
	link_request(&client->requests, request);
	kube_timer_set(client->loop, &request->turn, 0);
	kube_timer_set(client->loop, &request->limit, request->call.timeout_ms);
	return request;
}

static void end_cancelled(void *context)
{
	struct kube_request *request = context;
	abort_transfer(request);
	free_request(request);
}

/*
 * A running transfer is removed later by a timer: this may be called from `received`, and libcurl
 * refuses to remove a transfer within its own callbacks.
 */
void kube_cancel(struct kube_client *client, struct kube_request *request)
{
	if (!request || request->state == REQUEST_CANCELLED || request->state == REQUEST_OVER)
		return;
	if (request->state == REQUEST_WAITING) {
		free_request(request);
		return;
	}
	request->state = REQUEST_CANCELLED;
	kube_timer_clear(client->loop, &request->limit);
	request->turn.run = end_cancelled;
	kube_timer_set(client->loop, &request->turn, 0);
}

/* --- All requests of a client --- */

int kube_requests_init(struct kube_client *client)
{
	for (int i = 0; i < RESERVES; i++) {
		struct kube_request *request = calloc(1, sizeof *request);
		if (!request)
			return -1;
		link_request(&client->reserves, request);
	}
	return 0;
}

void kube_requests_release(struct kube_client *client)
{
	for (struct kube_request *request = client->requests, *next; request; request = next) {
		next = request->next;
		abort_transfer(request);
		free_request(request);
	}
	for (struct kube_request *request = client->reserves, *next; request; request = next) {
		next = request->next;
		free(request);
	}
}
