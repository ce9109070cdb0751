/*
 * exec: runs a credential plug-in: a program that a kubeconfig names and that writes a credential to its standard output.
 * Started with its arguments as they are, without a shell. Only for commands that a person runs: it blocks, and the server
 * starts no processes.
 */
#ifndef WEBHOOK_KUBE_EXEC_H
#define WEBHOOK_KUBE_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

#define KUBE_EXEC_OUTPUT_MAX (1 << 20) /* bytes that a plug-in may write to its standard output */

struct kube_exec {
	const char *const *args; /* the program first: a path, or a name that is looked up in PATH; ends in NULL */
	const char *const *environment; /* "NAME=VALUE", all that the program gets; ends in NULL */
	const char *hint;               /* how to install it; NULL: not known */
	bool interactive;               /* it gets the terminal's input, else none */
	int64_t limit_ms;               /* it is killed when it takes longer */
};

/*
 * Runs it and collects its standard output in `out`, initialised with KUBE_EXEC_OUTPUT_MAX; on failure that is wiped. Its
 * standard error stays the caller's. The errors of a program that is missing, fails, takes too long or writes too much name it.
 */
int kube_exec_run(const struct kube_exec *exec, struct buf *out, struct error *err);

#endif
