#include "webhook/kube/config_file.h"

#include <stdlib.h>

#include "webhook/base/base64.h"
#include "webhook/kube/config_exec.h"

/* --- Unsupported keys --- */

struct refusal {
	const char *key;
	const char *remedy;
};

static const struct refusal of_clusters[] = {
    {"insecure-skip-tls-verify", "would send credentials to any server that answers; give certificate-authority, and "
				 "tls-server-name where the name differs"},
    {"proxy-url", "is not supported; the API server has to be reached directly"},
};

static const struct refusal of_users[] = {
    {"auth-provider", "was removed from Kubernetes and is not supported; use token, tokenFile or a client certificate"},
    {"username", "and password were removed from Kubernetes; use token, tokenFile or a client certificate"},
    {"password", "and username were removed from Kubernetes; use token, tokenFile or a client certificate"},
    {"as", "(impersonation) is not supported; give gpugate's own account the rights"},
    {"as-uid", "(impersonation) is not supported; give gpugate's own account the rights"},
    {"as-groups", "(impersonation) is not supported; give gpugate's own account the rights"},
};

static int refuse(struct kube_reading *reading, const yaml_node_t *map, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *value;
		if (kube_reading_find(reading, map, rows[i].key, &value) < 0)
			return -1;
		if (value && !str_eq(kube_reading_scalar(value), STR("false")))
			return kube_reading_refuse(reading, value, rows[i].key, rows[i].remedy);
	}
	return 0;
}

/* --- Values --- */

/* Reads a PEM text from `key`-data, or else from the file that `key` names. */
static int take_pem(struct kube_reading *reading, const yaml_node_t *map, const char *key, struct buf *out)
{
	char data_key[64];
	struct str data, path;
	snprintf(data_key, sizeof data_key, "%s-data", key);
	if (kube_reading_text(reading, map, data_key, &data) < 0 || kube_reading_text(reading, map, key, &path) < 0)
		return -1;
	if (str_present(data))
		return base64_decode(data, out) == 0 ? 0 : kube_reading_refuse(reading, map, data_key, "is not base64");
	if (!str_present(path))
		return 0;
	char *file = kube_reading_path(reading, path);
	int failed = file ? kube_identity_read(file, key, KUBE_FILE_BYTES_MAX, out, reading->err)
			  : kube_reading_no_memory(reading);
	free(file);
	return failed ? error_wrap(reading->err, "%.200s", reading->path) : 0;
}

static int take_text(struct kube_reading *reading, const yaml_node_t *map, const char *key, const char *fallback,
		     char **out)
{
	struct str text;
	if (kube_reading_text(reading, map, key, &text) < 0)
		return -1;
	if (!str_present(text))
		text = str_of(fallback);
	if (str_present(text) && !(*out = str_dup(text)))
		return kube_reading_no_memory(reading);
	return 0;
}

/* tokenFile takes precedence over token, as in client-go. */
static int take_token(struct kube_reading *reading, const yaml_node_t *user, struct kube_config *config)
{
	struct str token, file;
	if (kube_reading_text(reading, user, "token", &token) < 0 ||
	    kube_reading_text(reading, user, "tokenFile", &file) < 0)
		return -1;
	if (str_present(file)) {
		config->token_file = kube_reading_path(reading, file);
		if (!config->token_file)
			return kube_reading_no_memory(reading);
		if (kube_identity_read_token(config->token_file, &config->token, reading->err) == 0)
			return 0;
		return error_wrap(reading->err, "%.200s", reading->path);
	}
	if (!str_present(token))
		return 0;
	if (!kube_identity_trim_token(&token))
		return kube_reading_refuse(reading, user, "token",
					   "is not a token; it has to be one line of plain characters");
	buf_init(&config->token, token.len);
	buf_str(&config->token, token);
	return config->token.failed ? kube_reading_no_memory(reading) : 0;
}

static int take_cluster(struct kube_reading *reading, const yaml_node_t *cluster, struct kube_config *config)
{
	char *server = NULL;
	if (refuse(reading, cluster, of_clusters, sizeof of_clusters / sizeof *of_clusters) < 0 ||
	    take_text(reading, cluster, "server", NULL, &server) < 0 ||
	    take_text(reading, cluster, "tls-server-name", NULL, &config->server_name) < 0 ||
	    take_pem(reading, cluster, "certificate-authority", &config->ca) < 0) {
		free(server);
		return -1;
	}
	int failed = server ? kube_identity_server(config, reading->path, server, reading->err)
			    : kube_reading_refuse(reading, cluster, "server", "is missing here");
	free(server);
	return failed;
}

/*
 * Without TLS, a credential can be read and used by anyone on the path, including other users of
 * this machine.
 */
static int check_encrypted(struct kube_reading *reading, const yaml_node_t *user, const struct kube_config *config)
{
	static const char *const credentials[] = {"token", "tokenFile", "client-certificate", "client-certificate-data",
						  "exec"};
	char problem[320];
	if (strncmp(config->server, "https:", 6) == 0)
		return 0;
	for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
		yaml_node_t *value;
		if (kube_reading_find(reading, user, credentials[i], &value) < 0)
			return -1;
		if (!value)
			continue;
		snprintf(problem, sizeof problem,
			 "is a credential, and the server %.150s is reached without TLS; use https://, or a context "
			 "without a user (kubectl proxy)",
			 config->server);
		return kube_reading_refuse(reading, value, credentials[i], problem);
	}
	return 0;
}

/* Runs the plug-in last, when everything else is known to be valid. */
static int take_plugin(struct kube_reading *reading, const yaml_node_t *cluster, const yaml_node_t *user,
		       struct kube_config *config, bool plugins)
{
	yaml_node_t *exec;
	if (kube_reading_find(reading, user, "exec", &exec) < 0)
		return -1;
	if (!exec)
		return 0;
	if (!plugins)
		return kube_reading_refuse(reading, exec, "exec",
					   "runs a program, and the server starts none; use a service account's token "
					   "(kubectl create token) in tokenFile, or a client certificate");
	if (config->token.len || config->certificate.len)
		return kube_reading_refuse(reading, exec, "exec", "is given next to another credential; remove one");
	return kube_config_exec(reading, cluster, exec, config);
}

static int take_user(struct kube_reading *reading, const yaml_node_t *cluster, const yaml_node_t *user,
		     struct kube_config *config, bool plugins)
{
	if (refuse(reading, user, of_users, sizeof of_users / sizeof *of_users) < 0 ||
	    check_encrypted(reading, user, config) < 0 || take_token(reading, user, config) < 0 ||
	    take_pem(reading, user, "client-certificate", &config->certificate) < 0 ||
	    take_pem(reading, user, "client-key", &config->key) < 0)
		return -1;
	if (!config->certificate.len != !config->key.len)
		return kube_reading_refuse(reading, user, config->key.len ? "client-key" : "client-certificate",
					   "needs its other half; give client-certificate and client-key");
	return take_plugin(reading, cluster, user, config, plugins);
}

/* Rejects files of another kind. A file without a kind is accepted, as by kubectl. */
static int check_kind(struct kube_reading *reading, yaml_node_t *root)
{
	struct str kind;
	if (kube_reading_text(reading, root, "kind", &kind) < 0)
		return -1;
	if (!str_present(kind) || str_eq(kind, STR("Config")))
		return 0;
	return error_set(reading->err, "%.300s is not a kubeconfig, but of kind %.*s; name a file of kind Config",
			 reading->path, (int)(kind.len < 64 ? kind.len : 64), kind.ptr);
}

static int take_context(struct kube_reading *reading, struct kube_config *config, bool plugins)
{
	yaml_node_t *root = yaml_document_get_root_node(&reading->document), *context, *cluster, *user;
	struct str current, name;
	if (!root)
		return error_set(reading->err, "%.300s is empty; it has to be a kubeconfig", reading->path);
	if (check_kind(reading, root) < 0 || kube_reading_text(reading, root, "current-context", &current) < 0)
		return -1;
	if (!str_present(current))
		return error_set(reading->err,
				 "%.300s has no current-context; set it with `kubectl config use-context NAME`",
				 reading->path);
	if (!(context = kube_reading_named(reading, "contexts", "context", current)) ||
	    kube_reading_text(reading, context, "cluster", &name) < 0 ||
	    !(cluster = kube_reading_named(reading, "clusters", "cluster", name)) ||
	    take_cluster(reading, cluster, config) < 0 ||
	    take_text(reading, context, "namespace", "default", &config->name_space) < 0 ||
	    kube_reading_text(reading, context, "user", &name) < 0)
		return -1;
	if (!str_present(name))
		return 0; /* No user: for kubectl proxy. */
	user = kube_reading_named(reading, "users", "user", name);
	return user ? take_user(reading, cluster, user, config, plugins) : -1;
}

int kube_identity_from_file(struct kube_config *config, const char *path, bool plugins, struct error *err)
{
	struct kube_reading reading = {.path = path, .err = err};
	struct buf text;
	if (kube_identity_read(path, "the kubeconfig", KUBE_FILE_BYTES_MAX, &text, err) < 0)
		return -1;
	int failed = kube_reading_load(&reading, buf_view(&text));
	if (!failed) {
		failed = take_context(&reading, config, plugins);
		kube_reading_wipe(&reading);
	}
	buf_wipe(&text);
	return failed;
}
