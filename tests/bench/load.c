/*
 * load: a client for measurements. It has one thread and N keep-alive TLS connections, each with
 * one request in flight. It keeps and sorts every latency and estimates none.
 *
 * It sends as fast as the server answers (closed loop) or, with --rate, at fixed times (open loop).
 * In an open loop, latency counts from when a request was due, so requests that a stall delays show
 * it. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/bench/load_options.h"
#include "tests/bench/quantile.h"
#include "tests/bench/stream.h"

#define ANSWER_MAX 65536
#define SECOND INT64_C(1000000000)

struct connection {
	SSL *ssl;
	int fd;
	bool waits_for_room; /* EPOLLOUT is enabled. */
	bool busy;           /* A request is in flight. */
	int64_t from;        /* When it was sent, or was due. */
	int64_t due;         /* In an open loop: when the next one is due. */
	struct cursor cursor;
	char *request;
	size_t request_len;
	size_t answer_len;
	char answer[ANSWER_MAX + 1];
};

struct load {
	struct options options;
	struct stream stream;
	int epoll;
	struct connection *connections;
	int64_t start; /* Start of the measurement. */
	int64_t end;
	uint64_t sent;
	uint32_t *latencies; /* In nanoseconds. */
	size_t latency_count;
	size_t latency_size;
	uint64_t answered;
	uint64_t allowed;
	uint64_t patched;
	uint64_t others; /* Answers with another status than expected. */
	char first_other[400];
	size_t running;
};

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static void record(struct load *load, int64_t from, int64_t to)
{
	if (from < load->start)
		return;
	if (load->latency_count == load->latency_size) {
		load->latency_size = load->latency_size ? load->latency_size * 2 : 1 << 20;
		load->latencies = realloc(load->latencies, load->latency_size * sizeof *load->latencies);
		if (!load->latencies)
			err(2, "memory");
	}
	int64_t took = to - from;
	load->latencies[load->latency_count++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

static SSL_CTX *create_context(const struct options *options)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
	    !SSL_CTX_load_verify_file(context, options->ca))
		errx(2, "%s: %s", options->ca, ERR_reason_error_string(ERR_peek_last_error()));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

static void connect_one(struct load *load, SSL_CTX *context, uint32_t number)
{
	struct connection *c = &load->connections[number];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->options.port)};
	if (inet_pton(AF_INET, load->options.host, &to.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", load->options.host);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to))
		err(2, "connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	c->ssl = SSL_new(context);
	if (!c->ssl || !SSL_set_fd(c->ssl, c->fd) ||
	    !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), "127.0.0.1") || SSL_connect(c->ssl) != 1)
		errx(2, "TLS: %s", ERR_reason_error_string(ERR_peek_last_error()));
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK))
		err(2, "fcntl");
	c->cursor.connection = number;
	c->request = malloc(load->stream.longest);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	if (!c->request || epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event))
		err(2, "connection");
}

static void want_room(struct load *load, struct connection *c, bool room)
{
	if (c->waits_for_room == room)
		return;
	struct epoll_event event = {.events = EPOLLIN | (room ? EPOLLOUT : 0), .data.ptr = c};
	if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, c->fd, &event))
		err(2, "epoll_ctl");
	c->waits_for_room = room;
}

/* One SSL_write sends the whole request or nothing. */
static void flush(struct load *load, struct connection *c)
{
	int wrote = SSL_write(c->ssl, c->request, (int)c->request_len);
	if (wrote <= 0 && SSL_get_error(c->ssl, wrote) != SSL_ERROR_WANT_WRITE)
		errx(1, "the server closed a connection");
	want_room(load, c, wrote <= 0);
}

static bool over(const struct load *load, int64_t now)
{
	return load->options.requests ? load->sent >= (uint64_t)load->options.requests : now >= load->end;
}

static void start_request(struct load *load, struct connection *c)
{
	int64_t now = now_ns();
	if (over(load, now)) {
		load->running--;
		c->due = INT64_MAX;
		return;
	}
	if (load->options.rate && now < c->due)
		return;
	c->request_len = stream_next(&load->stream, &c->cursor, c->request);
	c->answer_len = 0;
	c->busy = true;
	c->from = load->options.rate ? c->due : now;
	if (load->options.rate)
		c->due += load->options.connections * SECOND / load->options.rate;
	load->sent++;
	flush(load, c);
}

/*
 * Whether the answer in flight is complete. A chunked answer (RFC 9112, 7.1) ends with the empty
 * chunk. JSON on one line does not contain such a line.
 */
static bool is_complete(const struct connection *c, const char *end)
{
	static const char last_chunk[] = "\r\n0\r\n\r\n";
	size_t tail = strlen(last_chunk);
	char *length = strcasestr(c->answer, "\r\ncontent-length:");
	if (length && length < end)
		return c->answer_len >=
		       (size_t)(end + 4 - c->answer) + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
	char *chunked = strcasestr(c->answer, "\r\ntransfer-encoding: chunked");
	if (!chunked || chunked > end)
		errx(1, "an answer that does not say how long it is");
	return strcmp(c->answer + c->answer_len - tail, last_chunk) == 0;
}

static void note_other(struct load *load, const struct connection *c)
{
	if (load->others++ == 0)
		snprintf(load->first_other, sizeof load->first_other, "%.12s: %.350s", c->answer,
			 strstr(c->answer, "\r\n\r\n") + 4);
}

/* Returns whether the answer is complete. */
static bool judge(struct load *load, struct connection *c)
{
	c->answer[c->answer_len] = '\0';
	char *end = strstr(c->answer, "\r\n\r\n");
	if (!end || !is_complete(c, end))
		return false;
	load->answered++;
	if (strtol(c->answer + strlen("HTTP/1.1 "), NULL, 10) != load->options.status)
		note_other(load, c);
	load->allowed += strstr(end, "\"allowed\":true") != NULL;
	load->patched += strstr(end, "\"patch\":") != NULL;
	return true;
}

static void receive(struct load *load, struct connection *c)
{
	for (;;) {
		if (c->answer_len == ANSWER_MAX)
			errx(1, "an answer of more than %d bytes", ANSWER_MAX);
		int got = SSL_read(c->ssl, c->answer + c->answer_len, (int)(ANSWER_MAX - c->answer_len));
		if (got <= 0 && SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ)
			return;
		if (got <= 0)
			errx(1, "the server closed a connection");
		c->answer_len += (size_t)got;
		if (c->busy && judge(load, c)) {
			record(load, c->from, now_ns());
			c->busy = false;
			start_request(load, c);
			return;
		}
	}
}

/*
 * Returns how long to sleep: forever in a closed loop, or until the next request is due in an open
 * one.
 */
static const struct timespec *patience(const struct load *load, struct timespec *out)
{
	if (!load->options.rate)
		return NULL;
	int64_t next = INT64_MAX;
	for (long i = 0; i < load->options.connections; i++)
		if (!load->connections[i].busy && load->connections[i].due < next)
			next = load->connections[i].due;
	if (next == INT64_MAX)
		return NULL;
	int64_t wait = next - now_ns();
	wait = wait > 0 ? wait : 0;
	*out = (struct timespec){.tv_sec = wait / SECOND, .tv_nsec = wait % SECOND};
	return out;
}

static void run(struct load *load)
{
	long count = load->options.connections;
	int64_t begin = now_ns();
	load->start = begin + (int64_t)(load->options.warmup * (double)SECOND);
	load->end = load->start + (int64_t)(load->options.seconds * (double)SECOND);
	load->running = (size_t)count;
	for (long i = 0; i < count; i++) {
		load->connections[i].due = begin + (load->options.rate ? i * SECOND / load->options.rate : 0);
		start_request(load, &load->connections[i]);
	}
	while (load->running > 0) {
		struct epoll_event events[64];
		struct timespec timeout;
		int ready = epoll_pwait2(load->epoll, events, 64, patience(load, &timeout), NULL);
		if (ready < 0 && errno != EINTR)
			err(2, "epoll_pwait2");
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				flush(load, c);
			if (events[i].events & ~(uint32_t)EPOLLOUT)
				receive(load, c);
		}
		for (long i = 0; load->options.rate && i < count; i++)
			if (!load->connections[i].busy && load->connections[i].due <= now_ns())
				start_request(load, &load->connections[i]);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Returns a quantile of the latencies, in microseconds. */
static double quantile(const struct load *load, unsigned permille)
{
	return load->latencies[quantile_index(load->latency_count, permille)] / 1e3;
}

static void report(struct load *load, int64_t finish)
{
	if (load->latency_count == 0)
		errx(1, "nothing was measured");
	qsort(load->latencies, load->latency_count, sizeof *load->latencies, compare);
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	double seconds = (double)(finish - load->start) / 1e9;
	printf("{\"requests\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
	       "\"p999_us\":%.1f,\"max_us\":%.1f,\"answered\":%llu,\"allowed\":%llu,\"patched\":%llu,\"others\":%llu,"
	       "\"client_cpu_seconds\":%.3f}\n",
	       load->latency_count, seconds, (double)load->latency_count / seconds, quantile(load, 500),
	       quantile(load, 900), quantile(load, 990), quantile(load, 999), quantile(load, 1000),
	       (unsigned long long)load->answered, (unsigned long long)load->allowed, (unsigned long long)load->patched,
	       (unsigned long long)load->others, cpu);
	if (load->others)
		warnx("an answer of another status: %s", load->first_other);
}

static void read_stream(struct stream *stream, const struct options *o)
{
	for (size_t i = 0; i < o->create_count; i++) {
		template_read(&stream->creates[i], o->creates[i], o->host, o->path, o->token);
		if (stream->creates[i].len > stream->longest)
			stream->longest = stream->creates[i].len;
	}
	stream->create_count = o->create_count;
	if (o->remove) {
		template_read(&stream->remove, o->remove, o->host, o->path, o->token);
		if (stream->remove.len > stream->longest)
			stream->longest = stream->remove.len;
	}
	stream->alive = (size_t)(o->alive / o->connections);
	if (stream->alive == 0)
		stream->alive = 1;
	if (stream->longest > INT32_MAX)
		errx(2, "a request that is too long");
}

int main(int argc, char **argv)
{
	struct load load = {0};
	options_parse(&load.options, argc, argv);
	read_stream(&load.stream, &load.options);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.connections = calloc((size_t)load.options.connections, sizeof *load.connections);
	if (load.epoll < 0 || !load.connections)
		err(2, "start");
	SSL_CTX *context = create_context(&load.options);
	for (long i = 0; i < load.options.connections; i++)
		connect_one(&load, context, (uint32_t)i);
	run(&load);
	report(&load, now_ns());
	for (long i = 0; i < load.options.connections; i++) {
		SSL_free(load.connections[i].ssl);
		close(load.connections[i].fd);
		free(load.connections[i].request);
	}
	SSL_CTX_free(context);
	stream_release(&load.stream);
	free(load.connections);
	free(load.latencies);
	close(load.epoll);
	return load.others ? 1 : 0;
}
