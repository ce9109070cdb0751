/* kinds: choices that `serve` and `render` have to make alike, and the words for them on the command line. */
#ifndef WEBHOOK_SERVER_KINDS_H
#define WEBHOOK_SERVER_KINDS_H

enum ledger_kind { LEDGER_KIND_EMBEDDED, LEDGER_KIND_CLUSTER };

/* Where the serving certificate comes from. */
enum certs_kind { CERTS_KIND_FILES, CERTS_KIND_SELF_MANAGED };

/* What sets the failurePolicy of a webhook: the Settings of the policy, or the command line. */
enum failure_kind { FAILURE_KIND_POLICY, FAILURE_KIND_FAIL, FAILURE_KIND_IGNORE };

/* The words on the command line, by enum; each list ends in NULL. */
extern const char *const serve_ledgers[], *const serve_certs[], *const serve_failures[];

/* The failurePolicy of an enum failure_kind, static; NULL: the policy sets it. */
const char *serve_failure(int kind);

#endif
