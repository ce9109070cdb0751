/* serve_names: whom a certificate that `gpugate serve` makes for itself is for. */
#ifndef WEBHOOK_SERVER_NAMES_H
#define WEBHOOK_SERVER_NAMES_H

#include "webhook/server/options.h"

#define SERVE_SERVICE_NAMES 3

struct serve_names {
	char service[SERVE_SERVICE_NAMES][256];
	const char *dns[CERTS_NAMES_MAX]; /* in `service`, or in the options */
	size_t dns_count;
	const char *ips[CERTS_NAMES_MAX];
	size_t ip_count;
};

/* The Service's names in that namespace, and what --certs-name gives. Refuses what no certificate can be for. */
int serve_names_fill(struct serve_names *names, const struct serve_options *options, const char *namespace,
		     struct error *err);

#endif
