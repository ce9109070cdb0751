/* listen: parses "ADDRESS:PORT" and opens a listening socket. */
#ifndef WEBHOOK_HTTP_LISTEN_H
#define WEBHOOK_HTTP_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "gpugate/error.h"

#define HTTP_ADDRESS_TEXT 80 /* Bytes for the longest "[address%scope]:port", including the NUL. */

struct http_address {
	struct sockaddr_storage socket;
	socklen_t length;
	bool any; /* No address was given: listen on all IPv6 and IPv4 addresses. */
};

/*
 * Parses "127.0.0.1:8443", "[::1]:8443" or ":8443". Port 0 means any free port. Host names are
 * rejected. `option`, such as "--listen", appears in errors. Returns 0 or -1. Thread-safe.
 */
int http_address_parse(const char *text, const char *option, struct http_address *address, struct error *err);

/* Formats the address in the syntax of http_address_parse, or as "?" on failure. Thread-safe. */
void http_address_print(const struct http_address *address, char text[static HTTP_ADDRESS_TEXT]);

/*
 * Opens a non-blocking, close-on-exec listening socket and writes its address, including the port
 * that the kernel chose, into `bound`. Returns new (a descriptor), or -1 with an error that says
 * what to do. Thread-safe.
 */
int http_listen(const char *text, const char *option, char bound[static HTTP_ADDRESS_TEXT], struct error *err);

#endif
