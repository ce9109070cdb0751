#include "webhook/http/request.h"

#include <sys/socket.h>

#include "webhook/http/info.h"

#define POLL_MS 1
#define OWNER_MS 1000 /* For owners of suspended requests to answer during shutdown. */

/* State of a request. The thread that moves it out of REQUEST_HELD must resume the connection. */
enum http_request_state {
	REQUEST_NONE,
	REQUEST_DECIDING, /* A worker is in the answer function. The request is not suspended. */
	REQUEST_HELD,     /* Suspended. */
	REQUEST_ANSWERED, /* The connection is (being) resumed. Its worker sends the response. */
};

/* The state of one connection. Freed when libmicrohttpd reports that the connection is closed. */
struct session {
	struct http_conn conn; /* Must be first, because find_held casts pointers to it. */
	struct http_service *service;
	struct MHD_Connection *connection;
	struct tls_identity *identity; /* From the handshake on. Shared until release. */
	uint64_t judged;               /* The generation of client CAs in `client_wrong`, or 0. */
	const char *client_wrong;      /* Why the client certificate is rejected. NULL: accepted. */

	/* The request in flight. */
	bool found; /* The target matches an endpoint, and `route` is set. */
	struct http_route route;
	struct http_refusal refusal;
	unsigned status; /* HTTP status of the response. */
	struct http_request request;
	_Atomic int request_state; /* enum http_request_state */
};

/*
 * GnuTLS calls this after reading or writing a Finished message. Once the client's has been read,
 * the server needs no further handshake message from the client.
 */
static int handshake_finished(gnutls_session_t tls, unsigned type, unsigned when, unsigned incoming,
			      const gnutls_datum_t *message)
{
	(void)type;
	(void)when;
	(void)message;
	struct session *session = http_info_context(gnutls_session_get_ptr(tls));
	if (incoming && session && atomic_load(&session->conn.phase) == HTTP_HANDSHAKE)
		http_conn_enter(&session->conn, HTTP_FRESH);
	return 0;
}

static void open_session(struct http_service *service, struct MHD_Connection *connection, void **context)
{
	int fd = http_info_fd(connection);
	gnutls_session_t tls = http_info_tls(connection);
	struct session *session = fd >= 0 && tls ? calloc(1, sizeof *session) : NULL;
	if (!session) {
		shutdown(fd, SHUT_RDWR); /* Without a session, no deadline would apply. */
		return;
	}
	session->service = service;
	session->connection = connection;
	http_conn_init(&session->conn, &service->registry, fd);
	gnutls_handshake_set_hook_function(tls, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, handshake_finished);
	if (http_tls_wants_clients(service->tls)) {
		/*
		 * Request a client certificate without listing authorities. Some clients send none
		 * if the list lacks theirs, and reloading the CA must not change the list that a
		 * client sees. The certificate is verified when a request arrives, not during the
		 * handshake.
		 */
		gnutls_certificate_server_set_request(tls, GNUTLS_CERT_REQUEST);
		gnutls_certificate_send_x509_rdn_sequence(tls, 1);
	}
	*context = session;
}

void http_request_connection(void *service, struct MHD_Connection *connection, void **context,
			     enum MHD_ConnectionNotificationCode code)
{
	struct session *session = *context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		open_session(service, connection, context);
	} else if (session) {
		http_conn_release(&session->conn);
		http_tls_release(session->service->tls, session->identity);
		free(session);
		*context = NULL;
	}
}

int http_request_certificate(gnutls_session_t tls, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
			     unsigned *chain_length, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length,
			     gnutls_privkey_t *key, unsigned *flags)
{
	(void)info;
	struct session *session = http_info_context(gnutls_session_get_ptr(tls));
	if (!session)
		return -1;
	/*
	 * In TLS 1.3 a HelloRetryRequest leads to a second call, which must return the same
	 * certificate.
	 */
	if (!session->identity)
		session->identity = http_tls_acquire(session->service->tls);
	if (!session->identity)
		return -1; /* No certificate has been loaded yet. */
	*chain = session->identity->chain;
	*chain_length = session->identity->chain_length;
	*ocsp = NULL;
	*ocsp_length = 0;
	*key = session->identity->key;
	*flags = 0; /* GnuTLS must not free any of these. */
	return 0;
}

void *http_request_line(void *service, const char *target, struct MHD_Connection *connection)
{
	struct http_service *self = service;
	struct session *session = http_info_context(connection);
	if (!session)
		return NULL;
	http_conn_enter(&session->conn, HTTP_HEADERS);
	http_conn_clear(&session->conn);
	session->found = http_route_find(self->secret, str_of(target), &session->route);
	session->refusal = (struct http_refusal){0};
	session->status = 0;
	return session;
}

static enum MHD_Result add_header(void *head, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	http_head_add(head, str_of(name), value ? str_of(value) : STR(""));
	return MHD_YES;
}

static const char *client_wrong(struct session *session, struct MHD_Connection *connection)
{
	struct http_service *service = session->service;
	if (!http_tls_wants_clients(service->tls))
		return NULL;
	uint64_t generation = http_tls_generation(service->tls);
	if (session->judged != generation) {
		session->client_wrong = http_tls_refuse_client(service->tls, http_info_tls(connection),
							       service->client_names, service->client_name_count);
		session->judged = generation;
	}
	return session->client_wrong;
}

static struct http_refusal judge(struct session *session, struct MHD_Connection *connection, const char *method,
				 const char *version)
{
	struct http_head head = {
	    .found = session->found, .post = strcmp(method, "POST") == 0, .http11 = strcmp(version, "HTTP/1.0") != 0};
	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &head);
	struct http_refusal refusal = http_head_framing(&head);
	if (refusal.status)
		return refusal;
	size_t body_max = session->service->registry.limits.body_bytes;
	const char *wrong = client_wrong(session, connection);
	if (wrong)
		return (struct http_refusal){403, wrong, head.length > body_max || head.expects};
	return http_head_purpose(&head, body_max);
}

static enum MHD_Result respond(struct session *session, struct MHD_Connection *connection, unsigned status)
{
	static const struct {
		unsigned status;
		const char *name, *value;
	} extras[] = {{405, "Allow", "POST"}, {503, "Retry-After", "1"}};
	struct http_service *service = session->service;
	struct buf *out = &session->conn.out;
	if (status >= 400 && (out->len == 0 || out->ptr[out->len - 1] != '\n'))
		buf_char(out, '\n');
	struct MHD_Response *response =
	    out->failed ? NULL : MHD_create_response_from_buffer(out->len, out->ptr, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	bool fine =
	    MHD_add_response_header(response, "Content-Type",
				    status == 200 ? "application/json" : "text/plain; charset=utf-8") == MHD_YES;
	for (size_t i = 0; i < sizeof extras / sizeof *extras; i++)
		if (extras[i].status == status)
			fine &= MHD_add_response_header(response, extras[i].name, extras[i].value) == MHD_YES;
	if (atomic_load_explicit(&service->draining, memory_order_relaxed))
		fine &= MHD_add_response_header(response, "Connection", "close") == MHD_YES;
	session->status = status;
	if (status >= 400 && service->rejected)
		service->rejected(service->rejected_context, status);
	enum MHD_Result result = fine ? MHD_queue_response(connection, status, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct session *session, struct MHD_Connection *connection)
{
	buf_reset(&session->conn.out);
	buf_text(&session->conn.out, session->refusal.text);
	return respond(session, connection, session->refusal.status);
}

static enum MHD_Result begin(struct session *session, struct MHD_Connection *connection, const char *method,
			     const char *version)
{
	session->refusal = judge(session, connection, method, version);
	http_conn_enter(&session->conn, HTTP_BODY);
	if (!session->refusal.at_once)
		return MHD_YES;
	http_conn_enter(&session->conn, HTTP_ANSWER);
	return refuse(session, connection);
}

/*
 * Appends to the body, or discards the body of a refused request. Reading it to the end ensures
 * that the response arrives, because closing with unread bytes resets the connection. It also keeps
 * the connection usable. A body far beyond the limit is an exception: the connection is then
 * closed.
 */
static enum MHD_Result receive(struct session *session, const char *bytes, size_t count)
{
	struct http_conn *conn = &session->conn;
	if (session->refusal.status) {
		conn->received += count;
		return conn->received > HTTP_DRAIN_FACTOR * (uint64_t)conn->registry->limits.body_bytes ? MHD_NO
													: MHD_YES;
	}
	unsigned status = http_conn_take(conn, bytes, count);
	if (status == 413)
		session->refusal = (struct http_refusal){
		    413, "the body is larger than 8 MiB (8388608 bytes), which is the most that is accepted", false};
	else if (status)
		session->refusal =
		    (struct http_refusal){status, "too many request bodies are in flight; retry in a second", false};
	return MHD_YES;
}

static enum MHD_Result conclude(struct session *session, struct MHD_Connection *connection, unsigned status)
{
	const struct buf *out = &session->conn.out;
	bool there = !out->failed && out->len;
	http_conn_decided(&session->conn);
	if (there && http_conn_charge_answer(&session->conn))
		return respond(session, connection, status);
	session->refusal =
	    there ? (struct http_refusal){503, "too many responses are in flight; retry in a second", false}
		  : (struct http_refusal){500, "there is not enough memory for the response", false};
	return refuse(session, connection);
}

static unsigned say_stopping(struct http_request *request)
{
	buf_reset(request->out);
	buf_text(request->out, "gpugate is stopping; retry");
	return 503;
}

static unsigned pass_on(struct session *session)
{
	struct http_service *service = session->service;
	struct http_conn *conn = &session->conn;
	session->request = (struct http_request){.endpoint = session->route.endpoint,
						 .body = buf_view(&conn->body),
						 .deadline_ms = conn->begun_ms + session->route.timeout_ms,
						 .arena = &conn->arena,
						 .out = &conn->out};
	/*
	 * http_request_abandon sets `stopping` before it reads this state. Both accesses are
	 * sequentially consistent, so either it sees REQUEST_DECIDING, or the next statement sees
	 * `stopping`.
	 */
	atomic_store(&session->request_state, REQUEST_DECIDING);
	unsigned status = atomic_load(&service->stopping) ? say_stopping(&session->request)
							  : service->answer(service->answer_context, &session->request);
	if (status != HTTP_LATER)
		atomic_store_explicit(&session->request_state, REQUEST_NONE, memory_order_release);
	return status;
}

/* Called at the end of a request, and again after a suspended request has been answered. */
static enum MHD_Result finish(struct session *session, struct MHD_Connection *connection)
{
	struct http_conn *conn = &session->conn;
	if (atomic_load_explicit(&session->request_state, memory_order_acquire) == REQUEST_ANSWERED) {
		atomic_store_explicit(&session->request_state, REQUEST_NONE, memory_order_relaxed);
		return conclude(session, connection, session->status);
	}
	http_conn_enter(conn, HTTP_ANSWER);
	if (!session->refusal.status && conn->body.len == 0)
		session->refusal =
		    (struct http_refusal){400, "the request has no body; an AdmissionReview in JSON is needed", false};
	if (session->refusal.status)
		return refuse(session, connection);
	/* http_conn_take has reserved room for the padding. */
	memset(conn->body.ptr + conn->body.len, 0, conn->registry->limits.padding);
	unsigned status = pass_on(session);
	return status == HTTP_LATER ? MHD_YES : conclude(session, connection, status);
}

enum MHD_Result http_request_handle(void *service, struct MHD_Connection *connection, const char *target,
				    const char *method, const char *version, const char *bytes, size_t *count,
				    void **context)
{
	(void)service;
	(void)target; /* Decoded. http_request_line has already routed the raw one. */
	struct session *session = *context;
	if (!session)
		return MHD_NO;
	if (atomic_load_explicit(&session->conn.phase, memory_order_relaxed) == HTTP_HEADERS)
		return begin(session, connection, method, version);
	if (*count == 0)
		return finish(session, connection);
	enum MHD_Result result = receive(session, bytes, *count);
	*count = 0;
	return result;
}

void http_request_done(void *service, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode why)
{
	(void)service;
	(void)connection;
	struct session *session = *context;
	if (!session)
		return;
	if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK && session->status == 200)
		atomic_store_explicit(&session->conn.trusted, true, memory_order_relaxed);
	http_conn_rest(&session->conn);
	http_conn_enter(&session->conn, HTTP_IDLE);
	*context = NULL;
}

static struct session *session_of_request(struct http_request *request)
{
	return (struct session *)((char *)request - offsetof(struct session, request));
}

bool http_request_may_wait(struct http_request *request)
{
	return http_conn_charge_wait(&session_of_request(request)->conn);
}

/*
 * The order matters: once another thread sees REQUEST_HELD, the request is counted and can be
 * resumed.
 */
void http_request_suspend(struct http_request *request)
{
	struct session *session = session_of_request(request);
	atomic_fetch_add(&session->service->held, 1);
	MHD_suspend_connection(session->connection);
	atomic_store(&session->request_state, REQUEST_HELD);
}

void http_request_respond(struct http_request *request, unsigned status)
{
	struct session *session = session_of_request(request);
	struct http_service *service = session->service;
	session->status = status;
	atomic_store(&session->request_state, REQUEST_ANSWERED);
	/* The connection and the session may already be freed when this returns. */
	MHD_resume_connection(session->connection);
	atomic_fetch_sub(&service->held, 1);
}

/*
 * Returns a suspended request, or NULL if there is none. Sets *deciding if a worker is inside the
 * answer function and may still suspend a request; it is complete only if the result is NULL.
 */
static struct http_request *find_held(struct http_registry *registry, bool *deciding)
{
	struct http_request *found = NULL;
	*deciding = false;
	pthread_mutex_lock(&registry->mutex);
	for (struct http_conn *conn = registry->first; conn && !found; conn = conn->next) {
		struct session *session = (struct session *)conn;
		int state = atomic_load(&session->request_state);
		*deciding |= state == REQUEST_DECIDING;
		if (state == REQUEST_HELD)
			found = &session->request;
	}
	pthread_mutex_unlock(&registry->mutex);
	return found;
}

static bool wait_for_owner(struct http_service *service)
{
	bool deciding = true;
	for (int64_t end_ms = http_now_ms() + OWNER_MS; http_now_ms() < end_ms; http_sleep_ms(POLL_MS))
		if (!find_held(&service->registry, &deciding) && !deciding && atomic_load(&service->held) == 0)
			return true;
	return false;
}

/*
 * First waits for owners, because a request may be answered only once and its owner may be doing
 * so. Only requests that no owner has answered by then are answered here.
 */
void http_request_abandon(struct http_service *service)
{
	atomic_store(&service->stopping, true);
	if (wait_for_owner(service))
		return;
	for (;;) {
		bool deciding;
		struct http_request *request = find_held(&service->registry, &deciding);
		if (request)
			http_request_respond(request, say_stopping(request));
		else if (!deciding && atomic_load(&service->held) == 0)
			return;
		else
			http_sleep_ms(POLL_MS);
	}
}
