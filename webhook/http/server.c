#include "webhook/http/server.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "webhook/http/gate.h"
#include "webhook/http/listen.h"
#include "webhook/http/request.h"

#define PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"
#define STACK_BYTES (512u << 10)
#define CONNECTION_BYTES (32u << 10) /* libmicrohttpd's pool; limits the request head. */
#define ARENA_BYTES_MAX (64u << 20)  /* Per request. */
#define ANSWER_BYTES_MAX (16u << 20)
#define ANSWER_MS 35000 /* The longest timeout that Kubernetes allows (30 s), plus a margin. */
#define PROOF_MS 3000   /* Enough for a TLS handshake and a first response over a slow link. */
#define SETTLE_MS 500   /* For workers to notice closed connections and send the last responses. */
#define POLL_MS 5
#define DESCRIPTORS_BESIDES 320 /* Descriptors of the process that are not connections. */

struct http_server {
	struct http_service service;
	struct http_mutter mutter;
	struct http_gate gate;
	struct MHD_Daemon *daemon;
	struct log *log;
	bool running; /* The gate and the daemon have been started. */
	char address[HTTP_ADDRESS_TEXT];
};

static unsigned default_threads(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	return count < 1 ? 1 : count > 8 ? 8 : (unsigned)count;
}

static struct http_limits limits_of(const struct http_options *options)
{
	return (struct http_limits){
	    .connections = options->connections ? options->connections : 1024,
	    .handshake_ms = options->handshake_ms ? options->handshake_ms : 10000,
	    .header_ms = options->header_ms ? options->header_ms : 10000,
	    .body_ms = options->body_ms ? options->body_ms : 10000,
	    .idle_ms = options->idle_ms ? options->idle_ms : 120000,
	    .answer_ms = ANSWER_MS,
	    .proof_ms = PROOF_MS,
	    .body_bytes = HTTP_BODY_MAX,
	    .flight_bytes = HTTP_FLIGHT_MAX,
	    .padding = HTTP_BODY_PADDING,
	    .arena_bytes = ARENA_BYTES_MAX,
	    .answer_bytes = ANSWER_BYTES_MAX,
	};
}

static int copy_names(struct http_service *service, const struct http_options *options, struct error *err)
{
	service->client_names = calloc(options->client_name_count + 1, sizeof *service->client_names);
	if (!service->client_names)
		return error_set(err, "no memory for the listener");
	for (size_t i = 0; i < options->client_name_count; i++) {
		service->client_names[i] = strdup(options->client_names[i]);
		if (!service->client_names[i])
			return error_set(err, "no memory for the listener");
		service->client_name_count++;
	}
	return 0;
}

static int prepare(struct http_server *server, const struct http_options *options, struct error *err)
{
	struct http_limits limits = limits_of(options);
	struct http_service *service = &server->service;
	http_registry_init(&service->registry, &limits);
	server->log = options->log;
	server->mutter.log = options->log;
	service->secret = options->path_secret;
	service->answer = options->answer;
	service->answer_context = options->answer_context;
	service->rejected = options->rejected;
	service->rejected_context = options->rejected_context;
	if (copy_names(service, options, err) != 0)
		return -1;
	service->tls = http_tls_create(options->cert_file, options->key_file, options->client_ca_file, err);
	return service->tls ? 0 : -1;
}

/*
 * Raises the soft limit of descriptors to fit the connection limit, as far as the hard limit
 * allows.
 */
static void raise_descriptors(unsigned connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + DESCRIPTORS_BESIDES;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * Sets no libmicrohttpd timeout, because the registry's deadlines cover every phase, and because
 * that timeout takes a lock for every read. The gate enforces the connection limit (see
 * HTTP_GATE_BEYOND).
 */
static struct MHD_Daemon *start_daemon(struct http_server *server, unsigned threads, unsigned per_address)
{
	struct http_service *service = &server->service;
	struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, threads, NULL}, {MHD_OPTION_END, 0, NULL}};
	if (threads == 1)
		pool[0].option = MHD_OPTION_END; /* libmicrohttpd warns about a pool of one. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	struct MHD_Daemon *daemon = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET |
		MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, http_request_handle, service, MHD_OPTION_EXTERNAL_LOGGER, http_mutter, &server->mutter,
	    MHD_OPTION_ARRAY, pool, MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_HTTPS_CERT_CALLBACK2,
	    http_request_certificate, MHD_OPTION_NOTIFY_CONNECTION, http_request_connection, service,
	    MHD_OPTION_NOTIFY_COMPLETED, http_request_done, service, MHD_OPTION_URI_LOG_CALLBACK, http_request_line,
	    service, MHD_OPTION_CONNECTION_LIMIT, threads * HTTP_GATE_BEYOND, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
	    per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE,
	    (size_t)STACK_BYTES, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

static void warn_of_expiry(const struct http_server *server)
{
	char storage[24];
	time_t expiry = http_tls_expiry(server->service.tls);
	if (expiry == 0 || expiry > time(NULL))
		return;
	struct log_field fields[] = {
	    {.key = "message", .text = STR("the certificate has expired; clients will refuse it")},
	    log_number("expired", (int64_t)expiry, storage)};
	log_event(server->log, LOG_WARN, "certificate_expired", fields, 2);
}

static int start(struct http_server *server, const struct http_options *options, struct error *err)
{
	unsigned threads = options->threads ? options->threads : default_threads();
	unsigned connections = server->service.registry.limits.connections;
	unsigned per_address =
	    options->connections_per_address ? options->connections_per_address : (connections * 3ull + 3) / 4;
	int fd = http_listen(options->listen, "--listen", server->address, err);
	if (fd < 0)
		return -1;
	raise_descriptors(connections);
	server->daemon = start_daemon(server, threads, per_address);
	if (!server->daemon) {
		close(fd);
		return error_set(
		    err, "cannot start %u worker threads; allow this process more, or ask for fewer with --threads",
		    threads);
	}
	return http_gate_start(&server->gate, fd, server->daemon, &server->service.registry, server->log, err);
}

struct http_server *http_server_create(const struct http_options *options, struct error *err)
{
	struct http_server *server = calloc(1, sizeof *server);
	if (!server) {
		error_set(err, "no memory for the listener");
		return NULL;
	}
	server->running = prepare(server, options, err) == 0 && start(server, options, err) == 0;
	if (server->running) {
		warn_of_expiry(server);
		return server;
	}
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	http_server_destroy(server);
	return NULL;
}

const char *http_server_address(const struct http_server *server)
{
	return server->address;
}

int http_server_reload_tls(struct http_server *server, struct error *err)
{
	int result = http_tls_reload(server->service.tls, err);
	warn_of_expiry(server);
	return result;
}

int http_server_exchange(struct http_server *server, const struct buf *certificate, const struct buf *key,
			 struct error *err)
{
	return http_tls_exchange(server->service.tls, certificate, key, err);
}

void http_server_certificate(const struct http_server *server, struct buf *pem)
{
	http_tls_chain(server->service.tls, pem);
}

time_t http_server_certificate_expiry(const struct http_server *server)
{
	return http_tls_expiry(server->service.tls);
}

time_t http_server_certificate_begin(const struct http_server *server)
{
	return http_tls_begin(server->service.tls);
}

unsigned http_server_connections(const struct http_server *server)
{
	return atomic_load(&server->service.registry.count);
}

unsigned http_server_in_flight(const struct http_server *server)
{
	return atomic_load(&server->service.registry.in_flight);
}

static void stop(struct http_server *server)
{
	struct http_service *service = &server->service;
	http_gate_stop(&server->gate);
	http_request_abandon(service);
	int64_t end_ms = http_now_ms() + SETTLE_MS;
	while (atomic_load(&service->registry.in_flight) && http_now_ms() < end_ms)
		http_sleep_ms(POLL_MS);
	MHD_stop_daemon(server->daemon);
}

void http_server_drain(struct http_server *server, unsigned seconds)
{
	struct http_registry *registry = &server->service.registry;
	atomic_store(&server->service.draining, true);
	http_sleep_ms(seconds * 1000);
	http_gate_close(&server->gate);
	/*
	 * The loop normally ends when all connections have closed. A request that no worker has
	 * read yet is not counted as in flight, so the loop also ends if none has been seen for
	 * SETTLE_MS.
	 */
	int64_t end_ms = http_now_ms() + ANSWER_MS, quiet_ms = http_now_ms();
	while (atomic_load(&registry->count) && http_now_ms() < end_ms) {
		bool busy = http_registry_close_idle(registry) || atomic_load(&registry->in_flight);
		if (busy)
			quiet_ms = http_now_ms();
		else if (http_now_ms() - quiet_ms > SETTLE_MS)
			break;
		http_sleep_ms(POLL_MS);
	}
}

void http_server_destroy(struct http_server *server)
{
	if (!server)
		return;
	if (server->running)
		stop(server);
	struct http_service *service = &server->service;
	http_tls_destroy(service->tls);
	for (size_t i = 0; i < service->client_name_count; i++)
		free(service->client_names[i]);
	free(service->client_names);
	http_registry_release(&service->registry);
	free(server);
}
