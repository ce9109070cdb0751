/*
 * config: where the API server is and how gpugate authenticates to it: from a kubeconfig file (its current context:
 * token, tokenFile, client certificate, CA, as data or files relative to the kubeconfig, tls-server-name; for commands that a
 * person runs also `exec`; insecure-skip-tls-verify, passwords, impersonation and proxies are refused with a sentence that
 * names the alternative), or from what Kubernetes mounts into a Pod (KUBERNETES_SERVICE_HOST and _PORT,
 * /var/run/secrets/kubernetes.io/serviceaccount/{token,ca.crt,namespace}). The variable KUBECONFIG is not looked at.
 * http:// is for addresses of this machine only (kubectl proxy), and only without a credential. Format:
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
#ifndef WEBHOOK_KUBE_CONFIG_H
#define WEBHOOK_KUBE_CONFIG_H

#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

struct kube_config;

/*
 * `kubeconfig` NULL: the in-cluster configuration. Returns new; NULL with an error that names the file, the place and the
 * remedy. Keys and tokens never stand in errors.
 */
struct kube_config *kube_config_load(const char *kubeconfig, struct error *err);

/* The same for a command that a person runs: a credential plug-in (`exec`) is run, may use the terminal, and is waited for. */
struct kube_config *kube_config_load_for_command(const char *kubeconfig, struct error *err);

/* What kube_config_load reads, said outright: tests have no Pod around them. Borrows all strings during the call. */
struct kube_config_source {
	const char *kubeconfig; /* NULL: the in-cluster configuration, by the next three */
	bool plugins;           /* credential plug-ins are run */
	const char *host;       /* KUBERNETES_SERVICE_HOST; may be NULL */
	const char *port;       /* KUBERNETES_SERVICE_PORT; may be NULL */
	const char *folder;     /* of token, ca.crt and namespace */
};
struct kube_config *kube_config_load_from(const struct kube_config_source *source, struct error *err);

void kube_config_destroy(struct kube_config *config); /* wipes secrets; takes NULL */

/* "https://10.0.0.1:443", always with its port, IPv6 in brackets, perhaps with a path, without a slash at the end. Borrowed. */
const char *kube_config_server(const struct kube_config *config);

/* The context's namespace, or the Pod's own; "default" where none is said. Borrowed. */
const char *kube_config_namespace(const struct kube_config *config);

/* PEM of the CA and of the client's certificate and key; absent: none. Borrowed. */
struct str kube_config_ca(const struct kube_config *config);
struct str kube_config_client_certificate(const struct kube_config *config);
struct str kube_config_client_key(const struct kube_config *config);
const char *kube_config_server_name(const struct kube_config *config); /* tls-server-name; NULL: the server's host */

/*
 * The bearer token, read again from its file when it was read more than 60 s ago or `fresh` is set (after a 401); what
 * was read last stays when the file cannot be read now. Absent: none. Borrowed until the next call. One thread only.
 */
struct str kube_config_token(struct kube_config *config, int64_t now_ms, bool fresh);

#endif
