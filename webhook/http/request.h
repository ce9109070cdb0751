/*
 * http_request: the life of a connection and of each request on it, as libmicrohttpd tells of it. Every function here is
 * one of its callbacks; `service` is their closure.
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
	struct path_secret *secret; /* borrowed; NULL: none */
	http_answer_fn *answer;
	void *answer_context;
	void (*rejected)(void *context, unsigned status);
	void *rejected_context;
	_Atomic bool draining;
	_Atomic bool stopping; /* nothing is asked any more */
	_Atomic unsigned held; /* asks that are suspended, or whose connection is just being resumed */
};

/*
 * Lets those who hold suspended asks answer them, for a second; they must have been told to stop. Then answers with 503 what is suspended
 * still, and every later request. When it returns, nothing is suspended nor will be, so that
 * the daemon can be stopped, and nobody is within http_ask_answer. Waits for workers, not for clients.
 */
void http_request_abandon(struct http_service *service);

/* MHD_OPTION_NOTIFY_CONNECTION */
void http_request_connection(void *service, struct MHD_Connection *connection, void **session,
			     enum MHD_ConnectionNotificationCode code);

/* MHD_OPTION_HTTPS_CERT_CALLBACK2 */
int http_request_certificate(gnutls_session_t tls, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
			     unsigned *chain_length, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length,
			     gnutls_privkey_t *key, unsigned *flags);

/* MHD_OPTION_URI_LOG_CALLBACK: the first line of a request has arrived. */
void *http_request_line(void *service, const char *target, struct MHD_Connection *connection);

/* MHD_AccessHandlerCallback */
enum MHD_Result http_request_handle(void *service, struct MHD_Connection *connection, const char *target,
				    const char *method, const char *version, const char *bytes, size_t *count,
				    void **session);

/* MHD_OPTION_NOTIFY_COMPLETED */
void http_request_done(void *service, struct MHD_Connection *connection, void **session,
		       enum MHD_RequestTerminationCode why);

#endif
