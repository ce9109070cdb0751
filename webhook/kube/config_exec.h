/*
 * config_exec: kubeconfig users whose credential comes from a plug-in (`exec`), as in EKS, GKE and
 * AKS. The plug-in gets KUBERNETES_EXEC_INFO and prints an ExecCredential. Private to config*.c and
 * exec*.c.
 *
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
#ifndef WEBHOOK_KUBE_CONFIG_EXEC_H
#define WEBHOOK_KUBE_CONFIG_EXEC_H

#include <jansson.h>

#include "webhook/kube/config_yaml.h"
#include "webhook/kube/identity.h"

/*
 * Runs the plug-in that `exec` describes, and sets the token or the client certificate and key in
 * `config`. `cluster` is the cluster's map; `config` already has its CA and server. Blocks. Returns
 * 0, or -1 with an error that names the location in the kubeconfig.
 */
int kube_config_exec(struct kube_reading *reading, const yaml_node_t *cluster, const yaml_node_t *exec,
		     struct kube_config *config);

/*
 * Builds the value of KUBERNETES_EXEC_INFO. If `cluster` is NULL, the plug-in gets no information
 * about the cluster. Returns new, or NULL with an error.
 */
json_t *kube_exec_info(struct kube_reading *reading, const char *version, const yaml_node_t *cluster,
		       const struct kube_config *config, bool interactive);

/*
 * Reads the credential from an ExecCredential, which must have the apiVersion `version`, into
 * `config`. Returns 0 or -1.
 */
int kube_exec_credential(struct str json, const char *version, struct kube_config *config, struct error *err);

#endif
