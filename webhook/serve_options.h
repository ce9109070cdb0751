/* serve_options: what `gpugate serve` is told on its command line. */
#ifndef GPUGATE_SERVE_OPTIONS_H
#define GPUGATE_SERVE_OPTIONS_H

#include "webhook/options.h"

struct serve_options {
	struct option_list policies;
	const char *listen;
	const char *tls_cert;
	const char *tls_key;
	const char *client_ca; /* NULL: clients need no certificate */
	struct option_list client_names;
	const char *path_secret; /* a file; NULL: none */
	const char *admin;       /* NULL: no admin listener */
	int ledger;              /* there is one so far: embedded */
	long threads;            /* 0: as many as there are processors */
	long drain_seconds;
};

extern const struct option_table serve_options_table;

/* What the table cannot tell: options that mean nothing without another. */
int serve_options_check(const struct serve_options *options, struct error *err);

#endif
