/* names: the subject alternative names of self-managed certificates. */
#ifndef WEBHOOK_SERVER_NAMES_H
#define WEBHOOK_SERVER_NAMES_H

#include "webhook/server/options.h"

/* Number of DNS names of the Service. */
#define SERVE_SERVICE_NAMES 3

struct serve_names {
	char service[SERVE_SERVICE_NAMES][256];
	const char *dns[CERTS_NAMES_MAX]; /* Borrow from `service` or the options. */
	size_t dns_count;
	const char *ips[CERTS_NAMES_MAX];
	size_t ip_count;
};

/*
 * Adds the DNS names of the Service in that namespace, then those of --certs-name. `names` must be
 * zeroed. Returns -1 with an error if a certificate cannot contain one of them.
 */
int serve_names_fill(struct serve_names *names, const struct serve_options *options, const char *namespace,
		     struct error *err);

#endif
