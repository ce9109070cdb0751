/* names: checks the names that a server certificate may contain. */
#include "gpugate/certs.h"

#include <arpa/inet.h>

#define DNS_NAME_MAX 253
#define DNS_LABEL_MAX 63

bool certs_is_ip(const char *text)
{
	unsigned char bytes[16];
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static int check_label(const char *name, const char *label, size_t len, struct error *err)
{
	if (len == 0)
		return error_set(err, "\"%s\" is not a DNS name: a label between two dots, or at an end, is empty",
				 name);
	if (len > DNS_LABEL_MAX)
		return error_set(err, "\"%s\" is not a DNS name: a label has %zu bytes, at most %d are allowed", name,
				 len, DNS_LABEL_MAX);
	for (size_t i = 0; i < len; i++)
		if (!label_char(label[i]))
			return error_set(err,
					 "\"%s\" is not a DNS name: only a-z, 0-9, \"-\" and dots are allowed, "
					 "and \"*.\" in front",
					 name);
	if (label[0] == '-' || label[len - 1] == '-')
		return error_set(err, "\"%s\" is not a DNS name: a label neither begins nor ends with \"-\"", name);
	return 0;
}

int certs_check_dns(const char *name, struct error *err)
{
	size_t len = strlen(name);
	if (len == 0 || len > DNS_NAME_MAX)
		return error_set(err, "a DNS name has %zu bytes; 1 to %d are allowed", len, DNS_NAME_MAX);
	if (certs_is_ip(name))
		return error_set(err, "\"%s\" is an address, not a DNS name", name);
	const char *label = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	for (;;) {
		size_t label_len = strcspn(label, ".");
		if (check_label(name, label, label_len, err))
			return -1;
		if (label[label_len] == '\0')
			return 0;
		label += label_len + 1;
	}
}

int certs_check_ip(const char *address, struct error *err)
{
	if (certs_is_ip(address))
		return 0;
	return error_set(err, "\"%.253s\" is not an IP address: write it like 10.0.0.1 or fd00::1, without brackets",
			 address);
}
