#include "webhook/http/request.h"

#include <sys/socket.h>

#include "webhook/http/info.h"

#define POLL_MS 1
#define OWNER_MS 1000 /* for the owners of asks, which have been told to stop, to answer */

/* Where an ask stands. Whoever takes it out of ASK_HELD resumes the connection. */
enum ask_state {
	ASK_NONE,
	ASK_DECIDING, /* within the answer function, not suspended */
	ASK_HELD,     /* suspended */
	ASK_ANSWERED, /* the connection is resumed or will be in a moment; its worker sends the answer */
};

/* One connection, as this listener sees it. Freed when libmicrohttpd says that the connection is closed. */
struct session {
	struct http_conn conn; /* first: the registry hands out pointers to it */
	struct http_service *service;
	struct MHD_Connection *connection;
	struct tls_identity *identity; /* what the handshake used */
	uint64_t judged;               /* generation of the client CA that `client_wrong` is of; 0: none */
	const char *client_wrong;      /* NULL: the client may ask */

	/* The request in flight. */
	bool found;
	struct http_route route;
	struct http_refusal refusal;
	unsigned status; /* of the answer */
	struct http_ask ask;
	_Atomic int ask_state; /* enum ask_state */
};

/* GnuTLS has read or written a Finished message; the client's is the last of a handshake. */
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
		shutdown(fd, SHUT_RDWR); /* nothing would watch its deadlines */
		return;
	}
	session->service = service;
	session->connection = connection;
	http_conn_init(&session->conn, &service->registry, fd);
	gnutls_handshake_set_hook_function(tls, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, handshake_finished);
	if (http_tls_wants_clients(service->tls)) {
		/*
		 * Requested without naming authorities: some clients present nothing when the list lacks theirs, and
		 * what they see must not depend on when they connected. Verified with the request, not here.
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
	/* TLS 1.3 may ask twice (a second ClientHello): the answer stays the same. */
	if (!session->identity)
		session->identity = http_tls_acquire(session->service->tls);
	if (!session->identity)
		return -1; /* there is none yet */
	*chain = session->identity->chain;
	*chain_length = session->identity->chain_length;
	*ocsp = NULL;
	*ocsp_length = 0;
	*key = session->identity->key;
	*flags = 0; /* nothing is GnuTLS's to free */
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
 * A refused request's body is read to its end and dropped, so that the answer arrives (a close with bytes unread resets
 * the connection) and the connection can be used again. A chunked body far beyond the limit is not read to its end.
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

static unsigned say_stopping(struct http_ask *ask)
{
	buf_reset(ask->out);
	buf_text(ask->out, "gpugate is stopping; retry");
	return 503;
}

static unsigned ask(struct session *session)
{
	struct http_service *service = session->service;
	struct http_conn *conn = &session->conn;
	session->ask = (struct http_ask){.endpoint = session->route.endpoint,
					 .body = buf_view(&conn->body),
					 .deadline_ms = conn->begun_ms + session->route.timeout_ms,
					 .arena = &conn->arena,
					 .out = &conn->out};
	/* Either http_request_abandon sees this state, or this sees that the server stops. */
	atomic_store(&session->ask_state, ASK_DECIDING);
	unsigned status = atomic_load(&service->stopping) ? say_stopping(&session->ask)
							  : service->answer(service->answer_context, &session->ask);
	if (status != HTTP_LATER)
		atomic_store_explicit(&session->ask_state, ASK_NONE, memory_order_release);
	return status;
}

/* Called for a request's end, and again for an answer that came later. */
static enum MHD_Result finish(struct session *session, struct MHD_Connection *connection)
{
	struct http_conn *conn = &session->conn;
	if (atomic_load_explicit(&session->ask_state, memory_order_acquire) == ASK_ANSWERED) {
		atomic_store_explicit(&session->ask_state, ASK_NONE, memory_order_relaxed);
		return conclude(session, connection, session->status);
	}
	http_conn_enter(conn, HTTP_ANSWER);
	if (!session->refusal.status && conn->body.len == 0)
		session->refusal =
		    (struct http_refusal){400, "the request has no body; an AdmissionReview in JSON is needed", false};
	if (session->refusal.status)
		return refuse(session, connection);
	memset(conn->body.ptr + conn->body.len, 0, conn->registry->limits.padding); /* reserved with the last bytes */
	unsigned status = ask(session);
	return status == HTTP_LATER ? MHD_YES : conclude(session, connection, status);
}

enum MHD_Result http_request_handle(void *service, struct MHD_Connection *connection, const char *target,
				    const char *method, const char *version, const char *bytes, size_t *count,
				    void **context)
{
	(void)service;
	(void)target; /* decoded; the route was found in the target as it was sent */
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

static struct session *session_of_ask(struct http_ask *ask)
{
	return (struct session *)((char *)ask - offsetof(struct session, ask));
}

bool http_ask_may_wait(struct http_ask *ask)
{
	return http_conn_charge_wait(&session_of_ask(ask)->conn);
}

/* In this order: an ask that is seen to be held can be resumed, and is counted. */
void http_ask_suspend(struct http_ask *ask)
{
	struct session *session = session_of_ask(ask);
	atomic_fetch_add(&session->service->held, 1);
	MHD_suspend_connection(session->connection);
	atomic_store(&session->ask_state, ASK_HELD);
}

void http_ask_answer(struct http_ask *ask, unsigned status)
{
	struct session *session = session_of_ask(ask);
	struct http_service *service = session->service;
	session->status = status;
	atomic_store(&session->ask_state, ASK_ANSWERED);
	MHD_resume_connection(session->connection); /* it, and the session with it, may be gone when this returns */
	atomic_fetch_sub(&service->held, 1);
}

/* Finds a suspended ask; NULL: none. `deciding`: some worker is within the answer function, and may suspend yet. */
static struct http_ask *find_held(struct http_registry *registry, bool *deciding)
{
	struct http_ask *found = NULL;
	*deciding = false;
	pthread_mutex_lock(&registry->mutex);
	for (struct http_conn *conn = registry->first; conn && !found; conn = conn->next) {
		struct session *session = (struct session *)conn;
		int state = atomic_load(&session->ask_state);
		*deciding |= state == ASK_DECIDING;
		if (state == ASK_HELD)
			found = &session->ask;
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

/* Who holds an ask answers it, even while it stops, and nobody else may then: only what has no owner is answered here. */
void http_request_abandon(struct http_service *service)
{
	atomic_store(&service->stopping, true);
	if (wait_for_owner(service))
		return;
	for (;;) {
		bool deciding;
		struct http_ask *ask = find_held(&service->registry, &deciding);
		if (ask)
			http_ask_answer(ask, say_stopping(ask));
		else if (!deciding && atomic_load(&service->held) == 0)
			return;
		else
			http_sleep_ms(POLL_MS);
	}
}
