#include "webhook/http/admin.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "webhook/http/gate.h"
#include "webhook/http/info.h"
#include "webhook/http/listen.h"

#define CONNECTIONS 256
#define CONNECTIONS_PER_ADDRESS 48
#define REQUEST_MS 10000

/*
 * Probes and scrapers send their request as soon as they connect, and kubelet probes time out after
 * one second by default.
 */
#define PROOF_MS 100
#define METRICS_BYTES_MAX (64u << 20)
#define CONNECTION_BYTES (16u << 10)
#define STACK_BYTES (256u << 10)

struct http_admin {
	struct http_registry registry;
	struct http_mutter mutter;
	struct http_gate gate;
	struct MHD_Daemon *daemon;
	const char *(*unready)(void *context);
	void (*metrics)(void *context, struct buf *out);
	void (*status)(void *context, struct buf *out);
	void *context;
	struct str page;
	const char *page_policy;
	char address[HTTP_ADDRESS_TEXT];
};

static unsigned show_health(struct http_admin *admin, struct buf *out)
{
	(void)admin;
	buf_text(out, "ok\n");
	return 200;
}

static unsigned show_readiness(struct http_admin *admin, struct buf *out)
{
	const char *why = admin->unready(admin->context);
	buf_text(out, why ? why : "ok");
	buf_char(out, '\n');
	return why ? 503 : 200;
}

static unsigned show_metrics(struct http_admin *admin, struct buf *out)
{
	admin->metrics(admin->context, out);
	return 200;
}

static unsigned show_status(struct http_admin *admin, struct buf *out)
{
	admin->status(admin->context, out);
	return 200;
}

static unsigned show_page(struct http_admin *admin, struct buf *out)
{
	buf_str(out, admin->page);
	return 200;
}

static const struct page {
	const char *path;
	const char *type;
	unsigned (*show)(struct http_admin *admin, struct buf *out);
} pages[] = {
    {"/healthz", "text/plain; charset=utf-8", show_health},
    {"/readyz", "text/plain; charset=utf-8", show_readiness},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", show_metrics},
    {"/status", "text/html; charset=utf-8", show_page},
    {"/status.json", "application/json", show_status},
};

static const struct page *find_page(const char *path)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (strcmp(pages[i].path, path) == 0)
			return &pages[i];
	return NULL;
}

static void connection_changed(void *self, struct MHD_Connection *connection, void **context,
			       enum MHD_ConnectionNotificationCode code)
{
	struct http_admin *admin = self;
	struct http_conn *conn = *context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		int fd = http_info_fd(connection);
		conn = fd >= 0 ? calloc(1, sizeof *conn) : NULL;
		if (conn)
			http_conn_init(conn, &admin->registry, fd);
		else
			shutdown(fd, SHUT_RDWR); /* No deadline applies without a http_conn. */
		*context = conn;
	} else if (conn) {
		http_conn_release(conn);
		free(conn);
		*context = NULL;
	}
}

static void *request_line(void *self, const char *target, struct MHD_Connection *connection)
{
	(void)self;
	(void)target;
	struct http_conn *conn = http_info_context(connection);
	if (!conn)
		return NULL;
	http_conn_enter(conn, HTTP_HEADERS);
	http_conn_clear(conn);
	return conn;
}

static enum MHD_Result respond(const struct http_admin *admin, struct http_conn *conn,
			       struct MHD_Connection *connection, unsigned status, const char *type)
{
	const struct {
		const char *name, *value;
	} headers[] = {
	    {"Content-Type", type},
	    {"Content-Security-Policy", admin->page_policy},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cache-Control", "no-store"},
	    {"Connection", "close"},
	};
	struct MHD_Response *response =
	    conn->out.failed ? NULL
			     : MHD_create_response_from_buffer(conn->out.len, conn->out.ptr, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	bool fine = status != 405 || MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		fine &= MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_YES;
	enum MHD_Result result = fine ? MHD_queue_response(connection, status, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
}

/* Discards the request body, if any, and responds once the whole request has arrived. */
static enum MHD_Result handle(void *self, struct MHD_Connection *connection, const char *path, const char *method,
			      const char *version, const char *bytes, size_t *count, void **context)
{
	(void)version;
	(void)bytes;
	struct http_admin *admin = self;
	struct http_conn *conn = *context;
	if (!conn)
		return MHD_NO;
	if (atomic_load(&conn->phase) == HTTP_HEADERS) {
		http_conn_enter(conn, HTTP_BODY);
		return MHD_YES;
	}
	if (*count) {
		*count = 0;
		return MHD_YES;
	}
	http_conn_enter(conn, HTTP_ANSWER);
	const struct page *page = find_page(path);
	if (!page) {
		buf_text(
		    &conn->out,
		    "there is nothing at this path; /healthz, /readyz, /metrics, /status and /status.json are here\n");
		return respond(admin, conn, connection, 404, "text/plain; charset=utf-8");
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		buf_text(&conn->out, "this path takes only the methods GET and HEAD\n");
		return respond(admin, conn, connection, 405, "text/plain; charset=utf-8");
	}
	unsigned status = page->show(admin, &conn->out);
	if (!conn->out.failed && !http_conn_charge_answer(conn)) {
		buf_text(&conn->out, "too many answers have not been fetched yet; retry in a few seconds\n");
		return respond(admin, conn, connection, 503, "text/plain; charset=utf-8");
	}
	return respond(admin, conn, connection, status, page->type);
}

static void request_done(void *self, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	(void)self;
	(void)connection;
	(void)why;
	struct http_conn *conn = *context;
	if (!conn)
		return;
	http_conn_rest(conn);
	http_conn_enter(conn, HTTP_IDLE);
	*context = NULL;
}

static struct MHD_Daemon *start_daemon(struct http_admin *admin)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	struct MHD_Daemon *daemon = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET |
		MHD_USE_ERROR_LOG,
	    0, NULL, NULL, handle, admin, MHD_OPTION_EXTERNAL_LOGGER, http_mutter, &admin->mutter,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_changed, admin, MHD_OPTION_NOTIFY_COMPLETED, request_done, admin,
	    MHD_OPTION_URI_LOG_CALLBACK, request_line, admin, MHD_OPTION_CONNECTION_LIMIT, HTTP_GATE_BEYOND,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

static int start(struct http_admin *admin, const struct http_admin_options *options, struct error *err)
{
	int fd = http_listen(options->listen, "--admin", admin->address, err);
	if (fd < 0)
		return -1;
	admin->daemon = start_daemon(admin);
	if (!admin->daemon) {
		close(fd);
		return error_set(err, "cannot start the admin listener's thread; allow this process more threads");
	}
	if (http_gate_start(&admin->gate, fd, admin->daemon, &admin->registry, options->log, err) == 0)
		return 0;
	MHD_stop_daemon(admin->daemon);
	return -1;
}

struct http_admin *http_admin_create(const struct http_admin_options *options, struct error *err)
{
	const struct http_limits limits = {
	    .connections = CONNECTIONS,
	    .handshake_ms = REQUEST_MS, /* Without TLS, this is the time until the request line. */
	    .idle_ms = REQUEST_MS,
	    .header_ms = REQUEST_MS,
	    .body_ms = REQUEST_MS,
	    .answer_ms = REQUEST_MS,
	    .proof_ms = PROOF_MS,
	    .flight_bytes = METRICS_BYTES_MAX,
	    .answer_bytes = METRICS_BYTES_MAX,
	};
	struct http_admin *admin = calloc(1, sizeof *admin);
	if (!admin) {
		error_set(err, "no memory for the admin listener");
		return NULL;
	}
	http_registry_init(&admin->registry, &limits);
	admin->mutter.log = options->log;
	admin->unready = options->unready;
	admin->metrics = options->metrics;
	admin->status = options->status;
	admin->page = options->page;
	admin->page_policy = options->page_policy;
	admin->context = options->context;
	if (start(admin, options, err) == 0)
		return admin;
	http_registry_release(&admin->registry);
	free(admin);
	return NULL;
}

const char *http_admin_address(const struct http_admin *admin)
{
	return admin->address;
}

void http_admin_destroy(struct http_admin *admin)
{
	if (!admin)
		return;
	http_gate_stop(&admin->gate);
	MHD_stop_daemon(admin->daemon);
	http_registry_release(&admin->registry);
	free(admin);
}
