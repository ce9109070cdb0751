/* http_listen: from "ADDR:PORT" to a listening socket. */
#ifndef WEBHOOK_HTTP_LISTEN_H
#define WEBHOOK_HTTP_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "gpugate/error.h"

#define HTTP_ADDRESS_TEXT 80 /* bytes of the longest "[address%scope]:port", NUL included */

struct http_address {
	struct sockaddr_storage socket;
	socklen_t length;
	bool any; /* no address was given: all of them, IPv6 and IPv4 */
};

/*
 * Reads "127.0.0.1:8443", "[::1]:8443" or ":8443". Port 0 is any free port. `option` ("--listen") is named in errors.
 * Addresses are numbers: names are not looked up. Thread-safe.
 */
int http_address_parse(const char *text, const char *option, struct http_address *address, struct error *err);

/* Prints the address as http_address_parse reads it. */
void http_address_print(const struct http_address *address, char text[static HTTP_ADDRESS_TEXT]);

/*
 * Opens a non-blocking, close-on-exec listening socket and prints the address it really got, with the real port, into
 * `bound`. Returns the descriptor, which the caller closes, or -1 with an error that says what to do. Thread-safe.
 */
int http_listen(const char *text, const char *option, char bound[static HTTP_ADDRESS_TEXT], struct error *err);

#endif
