#include "webhook/cmd/certs_fetch.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STEP_SECONDS 10
#define HOST_BYTES 256

/* Splits "HOST:PORT" or "[HOST]:PORT" into two strings. */
static int split(const char *address, char host[static HOST_BYTES], const char **port, struct error *err)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;
	bool bracketed = len > 2 && address[0] == '[' && address[len - 1] == ']';
	if (len == 0 || len >= HOST_BYTES || colon[1] == '\0')
		return error_set(err, "\"%.253s\" is not an address; write HOST:PORT, such as 127.0.0.1:8443", address);
	len -= bracketed ? 2 : 0;
	memcpy(host, address + bracketed, len);
	host[len] = '\0';
	*port = colon + 1;
	return 0;
}

static int connect_to(const char *address, struct error *err)
{
	char host[HOST_BYTES];
	const char *port = "";
	if (split(address, host, &port, err) < 0)
		return -1;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int code = getaddrinfo(host, port, &hints, &list);
	if (code != 0)
		return error_set(err, "%.253s cannot be found: %s", address, gai_strerror(code));
	int fd = -1, number = 0;
	for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
		struct timeval limit = {.tv_sec = STEP_SECONDS};
		fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
		    connect(fd, at->ai_addr, at->ai_addrlen) < 0) {
			number = errno == EINPROGRESS ? ETIMEDOUT : errno;
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd >= 0 ? fd
		       : error_set(err, "%.253s cannot be reached: %s; check the address, and that the server runs",
				   address, strerror(number));
}

static int add_peers(gnutls_session_t session, const char *address, struct buf *pem, struct error *err)
{
	unsigned count = 0;
	const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &count);
	if (!certs || count == 0)
		return error_set(err, "%.253s sent no certificate", address);
	for (unsigned i = 0; i < count; i++) {
		gnutls_datum_t text = {NULL, 0};
		if (gnutls_pem_base64_encode2("CERTIFICATE", &certs[i], &text) < 0)
			return error_set(err, "not enough memory for the certificates of %.253s", address);
		buf_str(pem, (struct str){(const char *)text.data, text.size});
		gnutls_free(text.data);
	}
	return pem->failed ? error_set(err, "%.253s sent more certificates than can be read", address) : 0;
}

/* Describes a failed handshake without the terms of the TLS library. */
static const char *handshake_problem(int code)
{
	switch (code) {
	case GNUTLS_E_AGAIN:
	case GNUTLS_E_TIMEDOUT:
		return "does not respond to TLS within 10 s";
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
	case GNUTLS_E_RECORD_LIMIT_REACHED:
		return "answers without TLS; is it the admin port, or plain HTTP?";
	case GNUTLS_E_PUSH_ERROR:
	case GNUTLS_E_PULL_ERROR:
		return "closed the connection; is it the admin port, or plain HTTP?";
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return "refused TLS; does it expect another name (--name)?";
	default:
		return "and gpugate have no TLS version or cipher in common";
	}
}

static int handshake(gnutls_session_t session, const char *address, struct error *err)
{
	int code;
	do
		code = gnutls_handshake(session);
	while (code < 0 && !gnutls_error_is_fatal(code) && code != GNUTLS_E_AGAIN);
	unsigned count = 0;
	/*
	 * A server that requires a client certificate disconnects only after it has sent its own.
	 */
	if (code == GNUTLS_E_SUCCESS || gnutls_certificate_get_peers(session, &count))
		return 0;
	return error_set(err, "%.253s %s", address, handshake_problem(code));
}

static int ask(int fd, const char *address, const char *server_name, struct buf *pem, struct error *err)
{
	gnutls_certificate_credentials_t nobody = NULL;
	gnutls_session_t session = NULL;
	int result = -1;
	if (gnutls_certificate_allocate_credentials(&nobody) < 0 || gnutls_init(&session, GNUTLS_CLIENT) < 0 ||
	    gnutls_set_default_priority(session) < 0 ||
	    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, nobody) < 0 ||
	    (server_name && gnutls_server_name_set(session, GNUTLS_NAME_DNS, server_name, strlen(server_name)) < 0)) {
		error_set(err, "not enough memory for TLS with %.253s", address);
	} else {
		gnutls_transport_set_int(session, fd);
		gnutls_handshake_set_timeout(session, STEP_SECONDS * 1000);
		result = handshake(session, address, err);
		if (result == 0)
			result = add_peers(session, address, pem, err);
	}
	if (session)
		gnutls_deinit(session);
	if (nobody)
		gnutls_certificate_free_credentials(nobody);
	return result;
}

int certs_fetch(const char *address, const char *server_name, struct buf *pem, struct error *err)
{
	int fd = connect_to(address, err);
	if (fd < 0)
		return -1;
	int result = ask(fd, address, server_name, pem, err);
	close(fd);
	return result;
}
