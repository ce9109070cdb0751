/* serve_options: what `gpugate serve` is told on its command line. */
#ifndef WEBHOOK_SERVER_OPTIONS_H
#define WEBHOOK_SERVER_OPTIONS_H

#include "webhook/cert_controller/controller.h"
#include "webhook/cli/options.h"
#include "webhook/server/kinds.h"

struct serve_options {
	struct option_list policies;
	const char *listen;
	int certs;            /* enum certs_kind */
	const char *tls_cert; /* with CERTS_KIND_FILES only */
	const char *tls_key;
	const char *service; /* with CERTS_KIND_SELF_MANAGED only, down to trust_seconds; NULL: gpugate */
	struct option_list certs_names;
	long ca_seconds; /* 0, here and below: the usual */
	long leaf_seconds;
	long trust_seconds;
	const char *client_ca; /* NULL: clients need no certificate */
	struct option_list client_names;
	const char *path_secret; /* a file; NULL: none */
	const char *admin;       /* NULL: no admin listener */
	int ledger;              /* enum ledger_kind */
	const char *kubeconfig;  /* NULL: as a Pod of the cluster */
	const char *replica;     /* NULL: the host's name */
	long pending_seconds;
	long settle_seconds;
	long fold_milliseconds;
	long view_check_seconds; /* 0: never */
	long threads;            /* 0: as many as there are processors */
	long drain_seconds;
	int quota_failure, guard_failure; /* enum failure_kind */
};

extern const struct option_table serve_options_table;

/* The lifetimes of self-managed certificates. */
struct certs_lifetimes serve_options_lifetimes(const struct serve_options *options);

/* What the table cannot tell: options that mean nothing without another. */
int serve_options_check(const struct serve_options *options, struct error *err);

#endif
