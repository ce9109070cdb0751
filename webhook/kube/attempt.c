/* attempt: one attempt of a request: the options of libcurl's handle, and its callbacks. */
#include <stdlib.h>

#include "webhook/json/scan.h" /* REVIEW_PADDING */
#include "webhook/kube/request.h"

#define STREAM_BUFFER_BYTES (64 << 10)
#define CONNECT_MS 5000

/* --- Callbacks of libcurl --- */

static void open_stream(struct kube_request *request)
{
	request->open = true;
	request->last_activity_ms = kube_loop_now_ms(request->client->loop);
	if (request->call.silence_ms > 0)
		kube_timer_set(request->client->loop, &request->limit, request->call.silence_ms);
	else
		kube_timer_clear(request->client->loop, &request->limit);
	if (request->call.opened)
		request->call.opened(request->call.context);
}

/*
 * Called for every header line. An empty line ends the headers, including those of an interim
 * response (1xx), which are ignored.
 */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct kube_request *request = context;
	size_t len = size * count;
	long status = 0;
	if (request->headed || len == 0 || (bytes[0] != '\r' && bytes[0] != '\n'))
		return len;
	curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return len;
	request->headed = true;
	request->status = (unsigned)status;
	if (kube_request_is_stream(request) && status == 200 && request->state == REQUEST_UNDER_WAY)
		open_stream(request);
	return len;
}

/* Collects the body, with room for the padding after it. */
static size_t collect(struct kube_request *request, const char *bytes, size_t len)
{
	size_t left = request->body_max - request->body.len;
	if (len > left && !kube_request_is_stream(request)) {
		request->too_long = true;
		return 0;
	}
	if (request->call.secret && !request->body.ptr)
		buf_reserve(&request->body, request->body_max + REVIEW_PADDING);
	/* The rest is read and discarded, to keep the connection usable. */
	size_t take = len < left ? len : left;
	char *to = buf_reserve(&request->body, take + REVIEW_PADDING);
	if (!to)
		return 0;
	memcpy(to, bytes, take);
	request->body.len += take;
	return len;
}

/* A return value other than `len` ends the transfer; request->ended follows. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct kube_request *request = context;
	size_t len = size * count;
	if (request->state != REQUEST_UNDER_WAY)
		return 0;
	if (!request->open)
		return collect(request, bytes, len);
	request->last_activity_ms = kube_loop_now_ms(request->client->loop);
	if (len == 0 || request->call.received(request->call.context, bytes, len) == 0)
		return request->state == REQUEST_UNDER_WAY ? len : 0;
	request->refused = true;
	return 0;
}

static size_t on_send(char *to, size_t size, size_t count, void *context)
{
	struct kube_request *request = context;
	struct str rest = str_tail(request->call.body, request->sent);
	size_t len = rest.len < size * count ? rest.len : size * count;
	memcpy(to, rest.ptr, len);
	request->sent += len;
	return len;
}

/*
 * libcurl resends a request of any method by itself if a kept connection breaks before the first
 * byte of the response. If part of the body was sent, it must call this function first. A request
 * that may have taken effect is resent only if the caller allows retries.
 */
static int on_rewind(void *context, curl_off_t offset, int origin)
{
	struct kube_request *request = context;
	if (!request->call.retry || origin != SEEK_SET || offset < 0 || (size_t)offset > request->call.body.len)
		return CURL_SEEKFUNC_FAIL;
	request->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* --- Options --- */

static void add_header(struct kube_request *request, const char *name, struct str value, bool *failed)
{
	struct buf line;
	buf_init(&line, strlen(name) + value.len + 4);
	/* The buffer never moves, so that no copies of a token are left behind. */
	buf_reserve(&line, line.max);
	buf_printf(&line, "%s:%s", name, value.len ? " " : "");
	buf_str(&line, value);
	buf_char(&line, '\0');
	struct curl_slist *more = line.failed ? NULL : curl_slist_append(request->headers, line.ptr);
	if (line.ptr)
		explicit_bzero(line.ptr, line.size);
	buf_release(&line);
	*failed |= !more;
	if (more)
		request->headers = more;
}

static bool set_headers(struct kube_request *request)
{
	struct kube_client *client = request->client;
	const struct kube_call *call = &request->call;
	struct str token = kube_config_token(client->config, kube_loop_now_ms(client->loop), false);
	bool failed = false;
	add_header(request, "Accept", str_of(call->accept), &failed);
	/* Removes the header: otherwise libcurl may wait up to a second for a 100 response. */
	add_header(request, "Expect", (struct str){NULL, 0}, &failed);
	if (str_present(call->body))
		add_header(request, "Content-Type", str_of(call->content_type), &failed);
	if (str_present(token)) {
		struct buf value;
		buf_init(&value, token.len + 8);
		buf_reserve(&value, token.len + 8);
		buf_text(&value, "Bearer ");
		buf_str(&value, token);
		failed |= value.failed;
		add_header(request, "Authorization", buf_view(&value), &failed);
		if (value.ptr)
			explicit_bzero(value.ptr, value.size);
		buf_release(&value);
	}
	return !failed;
}

static struct curl_blob blob(struct str text)
{
	return (struct curl_blob){.data = (void *)(uintptr_t)text.ptr, .len = text.len, .flags = CURL_BLOB_NOCOPY};
}

static void set_tls(const struct kube_client *client, CURL *easy)
{
	struct curl_blob ca = blob(kube_config_ca(client->config));
	struct curl_blob certificate = blob(kube_config_client_certificate(client->config));
	struct curl_blob key = blob(kube_config_client_key(client->config));
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	/* Trust only this CA: libcurl's default folder of CAs must not count as well. */
	if (ca.data) {
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	}
	if (certificate.data) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
		curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
	}
}

/*
 * No proxy, not even from the environment: the API server is in the same cluster, and variables
 * that are injected into every Pod must not redirect gpugate's credentials.
 *
 * HTTP/1.1: over a single HTTP/2 connection, a write of the ledger would wait for the bytes of a
 * list, and all watches would break at the same time. In measurements against a kube-apiserver,
 * multiplexing was not faster, for one request at a time or for a thousand.
 */
static void set_connection(const struct kube_client *client, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, client->connect_to);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "gpugate/" GPUGATE_VERSION);
	set_tls(client, easy);
}

static bool set_request(struct kube_request *request, CURL *easy)
{
	const struct kube_call *call = &request->call;
	struct buf url;
	size_t size = strlen(request->client->base) + strlen(call->path) + 1;
	buf_init(&url, size);
	buf_text(&url, request->client->base);
	buf_text(&url, call->path);
	buf_char(&url, '\0');
	bool failed = url.failed || curl_easy_setopt(easy, CURLOPT_URL, url.ptr) != CURLE_OK;
	buf_release(&url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	if (str_present(call->body)) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(easy, CURLOPT_READDATA, request);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, request);
	}
	failed |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method) != CURLE_OK;
	failed |= !set_headers(request);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->detail);
	if (kube_request_is_stream(request))
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)STREAM_BUFFER_BYTES);
	return !failed;
}

/* --- The attempt --- */

/* Wipes the headers, which may contain a token. libcurl's own copies cannot be reached. */
static void free_headers(struct kube_request *request)
{
	for (struct curl_slist *at = request->headers; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(request->headers);
	request->headers = NULL;
}

/*
 * A handle whose transfer failed is not used again. After curl_easy_reset of libcurl 8.14, it still
 * tries to rewind the old body, and every later transfer fails.
 */
void kube_try_clear(struct kube_request *request)
{
	struct kube_client *client = request->client;
	CURL *easy = request->transfer.easy;
	request->transfer.easy = NULL;
	if (easy && request->whole && client->idle_count < KUBE_IDLE_MAX) {
		curl_easy_reset(easy);
		client->idle[client->idle_count++] = easy;
	} else if (easy) {
		curl_easy_cleanup(easy);
	}
	free_headers(request);
}

void kube_try_describe(struct kube_request *request, CURLcode code)
{
	const char *endpoint = request->client->endpoint;
	if (request->too_long)
		snprintf(request->problem, sizeof request->problem,
			 "the response of the API server at %.200s is longer than %zu bytes, the most that is read",
			 endpoint, request->body_max);
	else if (request->refused)
		snprintf(request->problem, sizeof request->problem, "what the API server at %.200s sent cannot be used",
			 endpoint);
	else
		kube_problem_transfer(request->transfer.easy, code, endpoint, request->detail, request->problem);
}

void kube_try_begin(void *context)
{
	struct kube_request *request = context;
	struct kube_client *client = request->client;
	CURL *easy = client->idle_count > 0 ? client->idle[--client->idle_count] : curl_easy_init();
	request->transfer = (struct kube_transfer){.easy = easy, .ended = request->ended, .context = request};
	request->headed = request->open = request->refused = request->too_long = request->whole = false;
	request->status = 0;
	request->sent = 0;
	request->detail[0] = '\0';
	buf_reset(&request->body);
	if (easy)
		set_connection(client, easy);
	if (!easy || !set_request(request, easy) || kube_transfer_add(client->loop, &request->transfer) < 0)
		request->without_memory(request);
	else
		request->state = REQUEST_UNDER_WAY;
}
