/*
 * config_exec: users of a kubeconfig whose credential comes from a plug-in (`exec`), as EKS, GKE and AKS have it. The
 * program gets KUBERNETES_EXEC_INFO and answers with an ExecCredential:
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 * Private to config*.c and exec*.c.
 */
#ifndef WEBHOOK_KUBE_CONFIG_EXEC_H
#define WEBHOOK_KUBE_CONFIG_EXEC_H

#include <jansson.h>

#include "webhook/kube/config_yaml.h"
#include "webhook/kube/identity.h"

/*
 * Runs the plug-in that `exec` describes and fills in the token or the client certificate and key. `cluster` is the cluster's
 * map, whose CA and server `config` has already. Blocks. The error names the place in the kubeconfig.
 */
int kube_config_exec(struct kube_reading *reading, const yaml_node_t *cluster, const yaml_node_t *exec,
		     struct kube_config *config);

/* What KUBERNETES_EXEC_INFO holds. `cluster` NULL: not shown to the plug-in. Returns new; NULL with an error. */
json_t *kube_exec_info(struct kube_reading *reading, const char *version, const yaml_node_t *cluster,
		       const struct kube_config *config, bool interactive);

/* Takes the credential out of an ExecCredential of that apiVersion. */
int kube_exec_credential(struct str json, const char *version, struct kube_config *config, struct error *err);

#endif
