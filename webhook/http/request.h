/*
 * request: the life cycle of a connection and of its requests. Except for http_request_abandon,
 * every function is a libmicrohttpd callback, called on a worker thread; `service` is a struct
 * http_service.
 */
#ifndef WEBHOOK_HTTP_REQUEST_H
#define WEBHOOK_HTTP_REQUEST_H

#include <microhttpd.h>

#include "webhook/base/path_secret.h"
#include "webhook/http/conn.h"
#include "webhook/http/server.h"
#include "webhook/http/tls.h"

struct http_service {
	struct http_registry registry;
	struct http_tls *tls;
	char **client_names;
	size_t client_name_count;
	struct path_secret *secret; /* Borrowed. NULL if paths need no secret. */
	http_answer_fn *answer;
	void *answer_context;
	void (*rejected)(void *context, unsigned status);
	void *rejected_context;
	_Atomic bool draining; /* Every response carries `Connection: close`. */
	_Atomic bool stopping; /* Requests get 503 instead of reaching `answer`. */
	_Atomic unsigned held; /* Requests that are suspended, or being resumed. */
};

/*
 * Completes all suspended requests before the daemon stops. New requests get 503 from now on. Waits
 * up to one second for the owners of suspended requests, which must already be stopping, to answer
 * them. It then answers the remaining ones with 503.
 *
 * After it returns, no request is suspended or will be, and no thread is inside
 * http_request_respond. It waits for worker threads but not for clients.
 */
void http_request_abandon(struct http_service *service);

/* Callback for MHD_OPTION_NOTIFY_CONNECTION. Creates and frees the session of a connection. */
void http_request_connection(void *service, struct MHD_Connection *connection, void **session,
			     enum MHD_ConnectionNotificationCode code);

/* Callback for MHD_OPTION_HTTPS_CERT_CALLBACK2. Selects the server certificate for a handshake. */
int http_request_certificate(gnutls_session_t tls, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
			     unsigned *chain_length, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length,
			     gnutls_privkey_t *key, unsigned *flags);

/* Callback for MHD_OPTION_URI_LOG_CALLBACK. Begins a request when its request line has arrived. */
void *http_request_line(void *service, const char *target, struct MHD_Connection *connection);

/* An MHD_AccessHandlerCallback. Receives the body and sends the response. */
enum MHD_Result http_request_handle(void *service, struct MHD_Connection *connection, const char *target,
				    const char *method, const char *version, const char *bytes, size_t *count,
				    void **session);

/* Callback for MHD_OPTION_NOTIFY_COMPLETED. Cleans up after a request. */
void http_request_done(void *service, struct MHD_Connection *connection, void **session,
		       enum MHD_RequestTerminationCode why);

#endif
