#include "webhook/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/str.h"

#define BACKLOG 1024

static int refuse(const char *text, const char *option, const char *why, struct error *err)
{
	return error_set(err, "%s %.100s: %s; give ADDRESS:PORT, such as 127.0.0.1:8443, [::1]:8443 or :8443", option,
			 text, why);
}

/* Parses a port from 0 to 65535. Accepts only decimal digits. Returns -1 if the text is invalid. */
static int parse_port(const char *text)
{
	int port = 0;
	size_t digits = 0;
	for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
		port = port * 10 + (text[digits] - '0');
		if (digits >= 5)
			return -1;
	}
	return digits > 0 && text[digits] == '\0' && port <= 65535 ? port : -1;
}

static void set_port(struct http_address *address, int port)
{
	if (address->socket.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&address->socket)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&address->socket)->sin_port = htons((uint16_t)port);
}

static void set_any(struct http_address *address, int family)
{
	*address = (struct http_address){.any = true};
	address->socket.ss_family = (sa_family_t)family;
	address->length = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int parse_host(struct str host, int family, struct http_address *address)
{
	char name[HTTP_ADDRESS_TEXT];
	if (host.len >= sizeof name)
		return -1;
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	/*
	 * getaddrinfo also accepts "127.1" and "0x7f.1" as IPv4 addresses. Reject them as likely
	 * mistakes.
	 */
	struct in_addr plain;
	if (family == AF_INET && inet_pton(AF_INET, name, &plain) != 1)
		return -1;
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *found = NULL;
	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return -1;
	*address = (struct http_address){.length = found->ai_addrlen};
	memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int http_address_parse(const char *text, const char *option, struct http_address *address, struct error *err)
{
	const char *scheme = strstr(text, "://");
	const char *colon = strrchr(text, ':');
	int port = colon ? parse_port(colon + 1) : -1;
	if (scheme)
		return error_set(err, "%s %.100s: leave out %.*s; did you mean %.100s?", option, text,
				 (int)(scheme + 3 - text), text, scheme + 3);
	if (!colon && parse_port(text) >= 0)
		return error_set(err, "%s %.100s: did you mean :%.100s?", option, text, text);
	if (!colon)
		return refuse(text, option, "the port is missing", err);
	if (port < 0)
		return refuse(text, option, "the port is not a number from 0 to 65535", err);
	struct str host = {text, (size_t)(colon - text)};
	if (host.len == 0) {
		set_any(address, AF_INET6);
	} else if (host.ptr[0] == '[') {
		struct str inner = {host.ptr + 1, host.len - 2};
		if (host.len < 3 || host.ptr[host.len - 1] != ']' || parse_host(inner, AF_INET6, address) != 0)
			return refuse(text, option, "the text in brackets is not an IPv6 address", err);
	} else if (str_has_char(host, ':')) {
		return refuse(text, option, "an IPv6 address has to be in brackets", err);
	} else if (str_eq(host, STR("localhost"))) {
		return error_set(err, "%s %.100s: did you mean 127.0.0.1%.20s?", option, text, colon);
	} else if (parse_host(host, AF_INET, address) != 0) {
		return refuse(text, option, "the address is not an IP address (names are not looked up)", err);
	}
	set_port(address, port);
	return 0;
}

void http_address_print(const struct http_address *address, char text[static HTTP_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
	char port[8];
	if (getnameinfo((const struct sockaddr *)&address->socket, address->length, host, sizeof host, port,
			sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(text, HTTP_ADDRESS_TEXT, "?");
	else
		snprintf(text, HTTP_ADDRESS_TEXT, address->socket.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
			 port);
}

static int fail(const char *text, const char *option, int number, struct error *err)
{
	static const struct {
		int number;
		const char *remedy;
	} remedies[] = {
	    {EADDRINUSE, "the port is taken; choose another with"},
	    {EACCES, "this user is not allowed to open the port; choose one above 1023 with"},
	    {EADDRNOTAVAIL, "this machine does not have the address; choose another with"},
	    {EAFNOSUPPORT, "this machine has no IPv6; choose an IPv4 address with"},
	};
	for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
		if (remedies[i].number == number)
			return error_set(err, "cannot listen on %.100s: %s %s", text, remedies[i].remedy, option);
	return error_set(err, "cannot listen on %.100s: %s; choose another address with %s", text, strerror(number),
			 option);
}

/* Returns new (a descriptor), or -1 with errno. */
static int open_socket(const struct http_address *address)
{
	int family = address->socket.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	int yes = 1;
	int only_v6 = !address->any;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6) != 0) ||
	    bind(fd, (const struct sockaddr *)&address->socket, address->length) != 0 || listen(fd, BACKLOG) != 0) {
		int number = errno;
		close(fd);
		errno = number;
		return -1;
	}
	return fd;
}

int http_listen(const char *text, const char *option, char bound[static HTTP_ADDRESS_TEXT], struct error *err)
{
	struct http_address address = {0};
	if (http_address_parse(text, option, &address, err) != 0)
		return -1;
	int fd = open_socket(&address);
	if (fd < 0 && address.any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		/* The kernel has no IPv6, so listen on all IPv4 addresses. */
		int port = ntohs(((struct sockaddr_in6 *)&address.socket)->sin6_port);
		set_any(&address, AF_INET);
		set_port(&address, port);
		fd = open_socket(&address);
	}
	if (fd < 0)
		return fail(text, option, errno, err);
	address.length = sizeof address.socket;
	if (getsockname(fd, (struct sockaddr *)&address.socket, &address.length) != 0) {
		int number = errno;
		close(fd);
		return fail(text, option, number, err);
	}
	http_address_print(&address, bound);
	return fd;
}
