/*
 * http_info: what libmicrohttpd knows of a connection, by value. MHD_get_connection_info is called nowhere else: since
 * 1.0 all its answers of one connection lie in the same memory, so the next question overwrites the last answer.
 * To be called by the connection's worker only.
 */
#ifndef WEBHOOK_HTTP_INFO_H
#define WEBHOOK_HTTP_INFO_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

/* The descriptor of its socket; -1: unknown. */
int http_info_fd(struct MHD_Connection *connection);

/* Its TLS session; NULL: none. */
gnutls_session_t http_info_tls(struct MHD_Connection *connection);

/* What MHD_OPTION_NOTIFY_CONNECTION's callback has stored; NULL: nothing. */
void *http_info_context(struct MHD_Connection *connection);

#endif
