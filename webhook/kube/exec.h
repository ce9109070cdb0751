/*
 * exec: runs a credential plug-in, a program that a kubeconfig names and that writes a credential
 * to its standard output. The arguments are passed unchanged, without a shell. It blocks and is
 * only for commands that a user runs, because the server starts no processes.
 */
#ifndef WEBHOOK_KUBE_EXEC_H
#define WEBHOOK_KUBE_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

#define KUBE_EXEC_OUTPUT_MAX (1 << 20) /* Maximum bytes of a plug-in's standard output. */

struct kube_exec {
	/* The program first: a path, or a name that is looked up in PATH. Ends in NULL. */
	const char *const *args;
	/* The whole environment of the program, as "NAME=VALUE". Ends in NULL. */
	const char *const *environment;
	const char *hint; /* How to install the program; NULL: unknown. */
	bool interactive; /* Whether its standard input is the terminal; otherwise it is empty. */
	int64_t limit_ms; /* Milliseconds after which it is killed. */
};

/*
 * Runs the program and collects its standard output in `out`, which was initialized with
 * KUBE_EXEC_OUTPUT_MAX. `out` is wiped on failure. Standard error is inherited. Returns 0, or -1
 * with an error that names the program if it is missing, fails, takes too long or writes too much.
 */
int kube_exec_run(const struct kube_exec *exec, struct buf *out, struct error *err);

#endif
