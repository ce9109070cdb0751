/*
 * kinds: choices that `serve` and `render` have to make alike, the words for them on the command
 * line, and the rows of the options that both have.
 */
#ifndef WEBHOOK_SERVER_KINDS_H
#define WEBHOOK_SERVER_KINDS_H

#include "webhook/cli/options.h"

enum ledger_kind { LEDGER_KIND_EMBEDDED, LEDGER_KIND_CLUSTER };

/* Where the serving certificate comes from. */
enum certs_kind { CERTS_KIND_FILES, CERTS_KIND_SELF_MANAGED };

/* What sets the failurePolicy of a webhook: the Settings of the policy, or the command line. */
enum failure_kind { FAILURE_KIND_POLICY, FAILURE_KIND_FAIL, FAILURE_KIND_IGNORE };

/* The words on the command line, by enum; each list ends in NULL. */
extern const char *const serve_ledgers[], *const serve_certs[], *const serve_failures[];

/* The failurePolicy of an enum failure_kind, static; NULL: the policy sets it. */
const char *serve_failure(int kind);

/*
 * Rows of options that several commands have. `at` is the offset of the command's value; `more` is
 * a string literal with what only this command has to say, each sentence with a blank before it.
 */
#define SERVE_OPTION_POLICY(at, more)                                                                                  \
	{                                                                                                              \
		.name = "--policy", .word = "PATH", .type = OPTION_LIST, .offset = (at), .required = true,             \
		.help = "A folder of policy files, or one file." more,                                                 \
	}

#define SERVE_OPTION_LEDGER(at, more)                                                                                  \
	{                                                                                                              \
		.name = "--ledger", .type = OPTION_CHOICE, .offset = (at), .fallback = "embedded",                     \
		.choices = serve_ledgers,                                                                              \
		.help =                                                                                                \
		    "Where the ledger of what Pods use is kept. embedded: in the process of serve, for one "           \
		    "replica; it is lost at exit. cluster: in the cluster, shared by any number of replicas." more,    \
	}

#define SERVE_OPTION_CERTS(at, more)                                                                                   \
	{                                                                                                              \
		.name = "--certs", .type = OPTION_CHOICE, .offset = (at), .fallback = "files", .choices = serve_certs, \
		.help = "Where the certificate of serve comes from. files: its --tls-cert and --tls-key. "             \
			"self-managed: gpugate makes and renews it, and writes its authority into the webhook "        \
			"configurations." more,                                                                        \
	}

#define SERVE_OPTION_SERVICE(at, more)                                                                                 \
	{                                                                                                              \
		.name = "--service", .word = "NAME", .type = OPTION_STRING, .offset = (at),                            \
		.help = "The Service through which the API server reaches gpugate, in gpugate's own namespace; "       \
			"gpugate by default." more,                                                                    \
	}

#define SERVE_OPTION_PATH_SECRET(at, more)                                                                             \
	{                                                                                                              \
		.name = "--path-secret", .word = "FILE", .type = OPTION_STRING, .offset = (at),                        \
		.help = "A file with a secret. The API server then calls /mutate/SECRET and /validate/SECRET, "        \
			"and serve answers no other paths." more,                                                      \
	}

#define SERVE_OPTION_QUOTA_FAILURE(at, more)                                                                           \
	{                                                                                                              \
		.name = "--quota-failure-policy", .type = OPTION_CHOICE, .offset = (at), .fallback = "policy",         \
		.choices = serve_failures,                                                                             \
		.help = "The failurePolicy of quota.gpugate.io: what becomes of a Pod that asks for devices while "    \
			"gpugate does not answer. Fail: it is refused. Ignore: it is admitted uncounted. policy: "     \
			"as Settings.quotaFailurePolicy says." more,                                                   \
	}

#define SERVE_OPTION_GUARD_FAILURE(at, more)                                                                           \
	{                                                                                                              \
		.name = "--guard-failure-policy", .type = OPTION_CHOICE, .offset = (at), .fallback = "policy",         \
		.choices = serve_failures,                                                                             \
		.help = "The failurePolicy of guard.gpugate.io, for Pods that only Guards could refuse. policy: as "   \
			"Settings.guardFailurePolicy says." more,                                                      \
	}

#define SERVE_OPTION_KUBECONFIG(at, more)                                                                              \
	{                                                                                                              \
		.name = "--kubeconfig", .word = "FILE", .type = OPTION_STRING, .offset = (at),                         \
		.help = "A kubeconfig file that says how to reach the API server; its current context is used." more,  \
	}

#endif
