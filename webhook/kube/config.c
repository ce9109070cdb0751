#include "webhook/kube/config.h"

#include <stdlib.h>

#include "webhook/kube/config_file.h"

#define POD_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_LIFE_MS 60000
#define NAMESPACE_BYTES_MAX 4096

/* --- The in-cluster configuration --- */

/* Returns the path of a mounted file, or NULL with an error if it is too long. */
static const char *pod_path(char path[static 512], const char *folder, const char *name, struct error *err)
{
	int len = snprintf(path, 512, "%s/%s", folder, name);
	if (len > 0 && len < 512)
		return path;
	error_set(err, "the folder %.200s has too long a name", folder);
	return NULL;
}

/* A missing or invalid file means "default". Returns 0, or -1 without memory. */
static int read_pod_namespace(struct kube_config *config, const char *path)
{
	struct buf text;
	struct str name = STR("default");
	buf_init(&text, 0);
	if (kube_identity_read(path, "the namespace", NAMESPACE_BYTES_MAX, &text, &(struct error){0}) == 0) {
		struct str given = buf_view(&text);
		if (kube_identity_trim_token(&given))
			name = given;
	}
	config->name_space = str_dup(name);
	buf_release(&text);
	return config->name_space ? 0 : -1;
}

static int load_pod(struct kube_config *config, const struct kube_config_source *source, struct error *err)
{
	char url[320], path[512];
	if (!source->host || !*source->host || !source->port || !*source->port)
		return error_set(err,
				 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is not a "
				 "Pod; outside the cluster give --kubeconfig FILE");
	bool bare_ipv6 = strchr(source->host, ':') && source->host[0] != '[';
	int len =
	    snprintf(url, sizeof url, bare_ipv6 ? "https://[%s]:%s" : "https://%s:%s", source->host, source->port);
	if (len < 0 || (size_t)len >= sizeof url)
		return error_set(err, "KUBERNETES_SERVICE_HOST is too long to be a host");
	if (kube_identity_server(config, "KUBERNETES_SERVICE_HOST and _PORT", url, err) < 0)
		return -1;
	if (!pod_path(path, source->folder, "namespace", err))
		return -1;
	if (read_pod_namespace(config, path) < 0)
		return error_set(err, "not enough memory for the configuration");
	if (!pod_path(path, source->folder, "ca.crt", err) ||
	    kube_identity_read(path, "the cluster's CA", KUBE_FILE_BYTES_MAX, &config->ca, err) < 0 ||
	    !pod_path(path, source->folder, "token", err) || kube_identity_read_token(path, &config->token, err) < 0)
		return error_wrap(err, "the Pod's service account (is automountServiceAccountToken false?)");
	config->token_file = strdup(path);
	return config->token_file ? 0 : error_set(err, "not enough memory for the configuration");
}

/* --- Both kinds of configuration --- */

struct kube_config *kube_config_load_from(const struct kube_config_source *source, struct error *err)
{
	struct kube_config *config = calloc(1, sizeof *config);
	if (!config) {
		error_set(err, "not enough memory for the configuration");
		return NULL;
	}
	int failed = source->kubeconfig ? kube_identity_from_file(config, source->kubeconfig, source->plugins, err)
					: load_pod(config, source, err);
	if (failed) {
		kube_config_destroy(config);
		return NULL;
	}
	return config;
}

static struct kube_config *load(const char *kubeconfig, bool plugins, struct error *err)
{
	struct kube_config_source source = {.kubeconfig = kubeconfig,
					    .plugins = plugins,
					    .host = getenv("KUBERNETES_SERVICE_HOST"),
					    .port = getenv("KUBERNETES_SERVICE_PORT"),
					    .folder = POD_FOLDER};
	return kube_config_load_from(&source, err);
}

struct kube_config *kube_config_load(const char *kubeconfig, struct error *err)
{
	return load(kubeconfig, false, err);
}

struct kube_config *kube_config_load_for_command(const char *kubeconfig, struct error *err)
{
	return load(kubeconfig, true, err);
}

void kube_config_destroy(struct kube_config *config)
{
	if (!config)
		return;
	buf_wipe(&config->token);
	buf_wipe(&config->key);
	buf_wipe(&config->certificate);
	buf_wipe(&config->ca);
	free(config->server);
	free(config->server_name);
	free(config->name_space);
	free(config->token_file);
	free(config);
}

const char *kube_config_server(const struct kube_config *config)
{
	return config->server;
}

const char *kube_config_namespace(const struct kube_config *config)
{
	return config->name_space;
}

static struct str view(const struct buf *buf)
{
	return buf->len ? buf_view(buf) : (struct str){NULL, 0};
}

struct str kube_config_ca(const struct kube_config *config)
{
	return view(&config->ca);
}

struct str kube_config_client_certificate(const struct kube_config *config)
{
	return view(&config->certificate);
}

struct str kube_config_client_key(const struct kube_config *config)
{
	return view(&config->key);
}

const char *kube_config_server_name(const struct kube_config *config)
{
	return config->server_name;
}

struct str kube_config_token(struct kube_config *config, int64_t now_ms, bool fresh)
{
	bool due = fresh || !config->token_read || now_ms - config->token_read_ms > TOKEN_LIFE_MS;
	struct buf token;
	buf_init(&token, 0);
	if (config->token_file && due) {
		config->token_read = true;
		config->token_read_ms = now_ms;
		if (kube_identity_read_token(config->token_file, &token, &(struct error){0}) == 0) {
			buf_wipe(&config->token);
			config->token = token;
		}
	}
	return view(&config->token);
}
