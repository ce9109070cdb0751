#include "webhook/kube/identity.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "gpugate/file.h"

/* --- Files --- */

int kube_identity_read(const char *path, const char *what, size_t most, struct buf *out, struct error *err)
{
	buf_init(out, most);
	int failed = file_read(AT_FDCWD, path, O_NONBLOCK, out), reason = failed ? errno : 0;
	if (!failed && out->len)
		return 0;
	buf_wipe(out);
	if (failed && reason != EFBIG)
		return error_set(
		    err, "%s cannot be read from %.300s: %s; the file has to exist and be readable for this user", what,
		    path, strerror(reason));
	return error_set(err, "%s in %.300s has to be of 1 to %zu bytes; %s", what, path, most,
			 failed ? "the file is larger" : "the file is empty");
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

/* --- The server --- */

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
	/* The port is set explicitly, because libcurl omits the default port of a scheme. */
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
			  problem); /* A password may precede the @. */
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
