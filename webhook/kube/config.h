/*
 * config: the address of the API server, and the credential with which gpugate authenticates.
 *
 * They come from the current context of a kubeconfig file, or from what Kubernetes provides to a
 * Pod: KUBERNETES_SERVICE_HOST and _PORT, and
 * /var/run/secrets/kubernetes.io/serviceaccount/{token,ca.crt,namespace}. The variable KUBECONFIG
 * is ignored.
 *
 * Of a kubeconfig it reads token, tokenFile, client certificate and CA (as data, or as files
 * relative to the kubeconfig) and tls-server-name, and for interactive commands also `exec`. It
 * rejects insecure-skip-tls-verify, passwords, impersonation and proxies with an error that names
 * the alternative. http:// is allowed only for addresses of this machine (kubectl proxy), and only
 * without a credential.
 *
 * Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
#ifndef WEBHOOK_KUBE_CONFIG_H
#define WEBHOOK_KUBE_CONFIG_H

#include <stdbool.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

struct kube_config;

/*
 * Loads a kubeconfig file, or the in-cluster configuration if `kubeconfig` is NULL. Returns new, or
 * NULL with an error that names the file, the location and a remedy. Errors never contain keys or
 * tokens.
 */
struct kube_config *kube_config_load(const char *kubeconfig, struct error *err);

/*
 * The same for a command that a user runs. A credential plug-in (`exec`) is started, may use the
 * terminal, and is waited for.
 */
struct kube_config *kube_config_load_for_command(const char *kubeconfig, struct error *err);

/*
 * The inputs of kube_config_load, made explicit for tests that do not run in a Pod. All strings are
 * borrowed during the call.
 */
struct kube_config_source {
	/* NULL: the in-cluster configuration, from `host`, `port` and `folder`. */
	const char *kubeconfig;
	bool plugins;       /* Whether credential plug-ins may be run. */
	const char *host;   /* KUBERNETES_SERVICE_HOST; may be NULL. */
	const char *port;   /* KUBERNETES_SERVICE_PORT; may be NULL. */
	const char *folder; /* Folder of the files token, ca.crt and namespace. */
};
struct kube_config *kube_config_load_from(const struct kube_config_source *source, struct error *err);

void kube_config_destroy(struct kube_config *config); /* Wipes the secrets; takes NULL. */

/*
 * "https://10.0.0.1:443": always with the port, IPv6 in brackets, possibly with a path, and without
 * a trailing slash. Borrowed.
 */
const char *kube_config_server(const struct kube_config *config);

/* The namespace of the context, or of the Pod; "default" if none is given. Borrowed. */
const char *kube_config_namespace(const struct kube_config *config);

/* PEM of the CA, and of the client's certificate and key. Absent: none. Borrowed. */
struct str kube_config_ca(const struct kube_config *config);
struct str kube_config_client_certificate(const struct kube_config *config);
struct str kube_config_client_key(const struct kube_config *config);
/* tls-server-name; NULL: the server's host. */
const char *kube_config_server_name(const struct kube_config *config);

/*
 * Returns the bearer token. It is read from its file again after 60 s, or if `fresh` is set (after
 * a 401). If the file cannot be read, the previous token is kept. Absent: none. Borrowed until the
 * next call. Not thread-safe.
 */
struct str kube_config_token(struct kube_config *config, int64_t now_ms, bool fresh);

#endif
