/* options: the command-line options of `gpugate serve`. */
#ifndef WEBHOOK_SERVER_OPTIONS_H
#define WEBHOOK_SERVER_OPTIONS_H

#include "webhook/cert_controller/controller.h"
#include "webhook/cli/options.h"

enum ledger_kind { LEDGER_KIND_EMBEDDED, LEDGER_KIND_CLUSTER };

/* The source of the serving certificate. */
enum certs_kind { CERTS_KIND_FILES, CERTS_KIND_SELF_MANAGED };

/* The source of a webhook's failurePolicy: the policy's Settings, or the command line. */
enum failure_kind { FAILURE_KIND_POLICY, FAILURE_KIND_FAIL, FAILURE_KIND_IGNORE };

/* The option values of these enums, in order and NULL-terminated. */
extern const char *const serve_ledgers[], *const serve_certs[], *const serve_failures[];

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
};

extern const struct option_table serve_options_table;

/* The failurePolicy for an enum failure_kind; NULL: the policy's Settings decide. */
const char *serve_failure(int kind);

/* The lifetimes of self-managed certificates, with defaults filled in. */
struct certs_lifetimes serve_options_lifetimes(const struct serve_options *options);

/*
 * Checks what the table cannot express: options that require or exclude each other. Returns 0, or
 * -1 with an error.
 */
int serve_options_check(const struct serve_options *options, struct error *err);

#endif
