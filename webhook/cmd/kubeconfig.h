/* kubeconfig: the API server and the credential of a command that a person runs. */
#ifndef WEBHOOK_CMD_KUBECONFIG_H
#define WEBHOOK_CMD_KUBECONFIG_H

#include "webhook/kube/config.h"
#include "webhook/server/kinds.h"

/* The row of --kubeconfig for such commands; `more` is as for SERVE_OPTION_KUBECONFIG. */
#define KUBECONFIG_OPTION(at, more)                                                                                    \
	SERVE_OPTION_KUBECONFIG(at, " Without it: the file that KUBECONFIG names, else "                               \
				    "~/.kube/config, else as a Pod of the cluster, by its ServiceAccount." more)

/*
 * Loads the file at `path`, or if it is NULL, the one that kubectl would use. Credential plug-ins
 * are run. Returns new, or NULL with an error that says what to do.
 */
struct kube_config *kubeconfig_load(const char *path, struct error *err);

#endif
