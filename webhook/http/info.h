/*
 * info: returns libmicrohttpd's information about a connection by value. Nothing else should call
 * MHD_get_connection_info: since version 1.0 its results for one connection share memory, so each
 * call overwrites the previous result. Only the connection's worker thread may call these
 * functions.
 */
#ifndef WEBHOOK_HTTP_INFO_H
#define WEBHOOK_HTTP_INFO_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

/* Returns the socket's descriptor, or -1 if it is unknown. Borrowed. */
int http_info_fd(struct MHD_Connection *connection);

/* Returns the TLS session, or NULL if there is none. Borrowed. */
gnutls_session_t http_info_tls(struct MHD_Connection *connection);

/*
 * Returns the pointer that the MHD_OPTION_NOTIFY_CONNECTION callback has stored, or NULL. Borrowed.
 */
void *http_info_context(struct MHD_Connection *connection);

#endif
