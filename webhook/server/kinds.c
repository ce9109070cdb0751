#include "webhook/server/kinds.h"

#include <stddef.h>

const char *const serve_ledgers[] = {
    [LEDGER_KIND_EMBEDDED] = "embedded", [LEDGER_KIND_CLUSTER] = "cluster", [LEDGER_KIND_CLUSTER + 1] = NULL};
const char *const serve_certs[] = {
    [CERTS_KIND_FILES] = "files", [CERTS_KIND_SELF_MANAGED] = "self-managed", [CERTS_KIND_SELF_MANAGED + 1] = NULL};

const char *const serve_failures[] = {[FAILURE_KIND_POLICY] = "policy",
				      [FAILURE_KIND_FAIL] = "Fail",
				      [FAILURE_KIND_IGNORE] = "Ignore",
				      [FAILURE_KIND_IGNORE + 1] = NULL};

const char *serve_failure(int kind)
{
	return kind == FAILURE_KIND_POLICY ? NULL : serve_failures[kind];
}
