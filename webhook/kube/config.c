#include "webhook/kube/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "webhook/kube/identity.h"

#define POD_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_LIFE_MS 60000
#define NAMESPACE_BYTES_MAX 4096

/* ---- files ---- */

static int unreadable(const char *path, const char *what, int reason, struct error *err)
{
	return error_set(err, "%s cannot be read from %.300s: %s; the file has to exist and be readable for this user",
			 what, path, strerror(reason));
}

int kube_identity_read(const char *path, const char *what, size_t most, struct buf *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe must not hold us */
	if (fd < 0)
		return unreadable(path, what, errno, err);
	buf_init(out, most + 1);
	char *to = buf_reserve(out, most + 1);
	ssize_t got = to ? 1 : -1;
	int reason = to ? 0 : ENOMEM;
	while (got > 0 && out->len <= most) {
		got = read(fd, to + out->len, most + 1 - out->len);
		reason = errno;
		if (got < 0 && reason == EINTR)
			got = 1;
		else if (got > 0)
			out->len += (size_t)got;
	}
	close(fd);
	if (got >= 0 && out->len > 0 && out->len <= most)
		return 0;
	bool large = out->len > most;
	buf_wipe(out);
	if (got < 0)
		return unreadable(path, what, reason, err);
	return error_set(err, "%s in %.300s has to be of 1 to %zu bytes; %s", what, path, most,
			 large ? "the file is larger" : "the file is empty");
}

bool kube_identity_trim_token(struct str *token)
{
	while (token->len > 0 && isspace((unsigned char)token->ptr[token->len - 1]))
		token->len--;
	while (token->len > 0 && isspace((unsigned char)token->ptr[0]))
		*token = str_tail(*token, 1);
	for (size_t i = 0; i < token->len; i++)
		if (token->ptr[i] <= ' ' || token->ptr[i] > '~')
			return false;
	return token->len > 0 && token->len <= KUBE_TOKEN_BYTES_MAX;
}

int kube_identity_read_token(const char *path, struct buf *out, struct error *err)
{
	if (kube_identity_read(path, "the token", KUBE_TOKEN_BYTES_MAX, out, err) < 0)
		return -1;
	struct str token = buf_view(out);
	if (out->ptr && kube_identity_trim_token(&token)) {
		memmove(out->ptr, token.ptr, token.len);
		out->len = token.len;
		return 0;
	}
	buf_wipe(out);
	return error_set(err, "%.300s does not contain a token, which is one line of plain characters", path);
}

/* ---- the server ---- */

static bool is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;
	char bare[64];
	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	size_t len = strlen(host);
	if (len < 3 || len > sizeof bare || host[0] != '[')
		return false;
	memcpy(bare, host + 1, len - 2);
	bare[len - 2] = '\0';
	return inet_pton(AF_INET6, bare, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static const char *server_problem(CURLU *url)
{
	static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT};
	const char *problem = NULL;
	char *scheme = NULL, *host = NULL;
	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
		char *part = NULL;
		if (curl_url_get(url, unwanted[i], &part, 0) == CURLUE_OK)
			problem = "it may have no user, query or fragment";
		curl_free(part);
	}
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		problem = "it has to begin with https:// and name a host";
	else if (strcmp(scheme, "http") == 0 && !is_loopback(host))
		problem = "http:// is only for 127.0.0.1, [::1] and localhost (kubectl proxy), without a credential; "
			  "use https://";
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		problem = "it has to begin with https://";
	curl_free(scheme);
	curl_free(host);
	return problem;
}

int kube_identity_server(struct kube_config *config, const char *where, const char *url, struct error *err)
{
	CURLU *parts = curl_url();
	char *text = NULL, *port = NULL;
	const char *problem = NULL;
	if (!parts)
		return error_set(err, "%s: not enough memory", where);
	/* The port is set outright, or libcurl would leave out what is the scheme's own. */
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		problem = "it has to look like https://HOST:PORT (IPv6 in brackets)";
	else
		problem = server_problem(parts);
	if (!problem && (curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
			 curl_url_set(parts, CURLUPART_PORT, port, 0) != CURLUE_OK ||
			 curl_url_get(parts, CURLUPART_URL, &text, 0) != CURLUE_OK))
		problem = "it cannot be read as a URL";
	if (problem)
		error_set(err, "%s: the server \"%.200s\" cannot be used: %s", where, strchr(url, '@') ? "…@…" : url,
			  problem); /* a password may stand before the @ */
	else if (!(config->server = strdup(text)))
		error_set(err, "%s: not enough memory", where);
	else
		for (size_t len = strlen(text); len > 0 && config->server[len - 1] == '/'; len--)
			config->server[len - 1] = '\0';
	curl_free(text);
	curl_free(port);
	curl_url_cleanup(parts);
	return config->server ? 0 : -1;
}

/* ---- inside a Pod ---- */

/* The path of a file of the Pod's; NULL with an error when it does not fit. */
static const char *pod_path(char path[static 512], const char *folder, const char *name, struct error *err)
{
	int len = snprintf(path, 512, "%s/%s", folder, name);
	if (len > 0 && len < 512)
		return path;
	error_set(err, "the folder %.200s has too long a name", folder);
	return NULL;
}

/* A Pod without it is in "default" to us. */
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
	config->name_space = strndup(name.ptr, name.len);
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

/* ---- the whole ---- */

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
