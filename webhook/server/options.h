/* options: the command-line options of `gpugate serve`. */
#ifndef WEBHOOK_SERVER_OPTIONS_H
#define WEBHOOK_SERVER_OPTIONS_H

#include "webhook/cert_controller/controller.h"
#include "webhook/cli/options.h"
#include "webhook/server/kinds.h"

struct serve_options {
	struct option_list policies;
	const char *listen;
	int certs;            /* An enum certs_kind. */
	const char *tls_cert; /* Used only with CERTS_KIND_FILES, as is tls_key. */
	const char *tls_key;
	/*
	 * Used only with CERTS_KIND_SELF_MANAGED, as are the options up to trust_seconds. NULL:
	 * "gpugate".
	 */
	const char *service;
	struct option_list certs_names;
	/* 0 means the default; the same holds for the next two. */
	long ca_seconds;
	long leaf_seconds;
	long trust_seconds;
	const char *client_ca; /* NULL: clients need no certificate. */
	struct option_list client_names;
	const char *path_secret; /* A file; NULL: none. */
	const char *admin;       /* NULL: no admin listener. */
	int ledger;              /* An enum ledger_kind. */
	/* NULL: use the Pod's ServiceAccount, if an API server is needed. */
	const char *kubeconfig;
	const char *replica; /* NULL: the host name. */
	long pending_seconds;
	long settle_seconds;
	long fold_milliseconds;
	long view_check_seconds; /* 0: never. */
	long threads;            /* 0: one per processor, at most 8. */
	long drain_seconds;
	int quota_failure, guard_failure; /* An enum failure_kind. */
	const char *record;               /* A folder; NULL: reviews are not recorded. */
	const char *record_max;           /* A quantity of bytes; NULL: the default. */
};

extern const struct option_table serve_options_table;

/* The lifetimes of self-managed certificates. */
struct certs_lifetimes serve_options_lifetimes(const struct serve_options *options);

/* The maximum size of a recording, in bytes. Only for options that serve_options_check accepts. */
int64_t serve_options_record_bytes(const struct serve_options *options);

/*
 * Checks what the table cannot express: options that require or exclude each other. Returns 0, or
 * -1 with an error.
 */
int serve_options_check(const struct serve_options *options, struct error *err);

#endif
