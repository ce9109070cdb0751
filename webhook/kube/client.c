#include "webhook/kube/client.h"

#include <stdlib.h>

#include "webhook/kube/request.h"
#include "webhook/kube/tls.h"

/*
 * With tls-server-name, the host of the URL is the name in the server's certificate, and the
 * connection still goes to the server's address.
 */
static int set_addresses(struct kube_client *client)
{
	const char *name = kube_config_server_name(client->config);
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL, *base = NULL, *where = NULL;
	int failed = -1;
	if (url && curl_url_set(url, CURLUPART_URL, kube_config_server(client->config), 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    asprintf(&client->endpoint, "%s:%s", host, port) >= 0) {
		if (name && asprintf(&where, "::%s", client->endpoint) >= 0)
			client->connect_to = curl_slist_append(NULL, where);
		failed = name && (!client->connect_to || curl_url_set(url, CURLUPART_HOST, name, 0) != CURLUE_OK);
		if (!failed && curl_url_get(url, CURLUPART_URL, &base, 0) == CURLUE_OK)
			client->base = strdup(base);
	}
	if (client->base) /* libcurl adds a slash to a URL without a path. */
		for (size_t len = strlen(client->base); len > 0 && client->base[len - 1] == '/'; len--)
			client->base[len - 1] = '\0';
	free(where);
	curl_free(base);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return client->base ? 0 : -1;
}

struct kube_client *kube_client_create(struct kube_loop *loop, struct kube_config *config, struct error *err)
{
	if (kube_tls_check(config, err) < 0)
		return NULL;
	struct kube_client *client = calloc(1, sizeof *client);
	if (!client) {
		error_set(err, "not enough memory to talk to the Kubernetes API server");
		return NULL;
	}
	client->loop = loop;
	client->config = config;
	if (kube_requests_init(client) < 0) {
		error_set(err, "not enough memory to talk to the Kubernetes API server");
		kube_client_destroy(client);
		return NULL;
	}
	if (set_addresses(client) < 0) {
		error_set(err, "the API server's address %.200s cannot be used with the tls-server-name \"%.200s\"",
			  kube_config_server(config),
			  kube_config_server_name(config) ? kube_config_server_name(config) : "");
		kube_client_destroy(client);
		return NULL;
	}
	return client;
}

void kube_client_bound(struct kube_client *client, unsigned most)
{
	client->most = most;
}

void kube_client_destroy(struct kube_client *client)
{
	if (!client)
		return;
	kube_requests_release(client);
	while (client->idle_count > 0)
		curl_easy_cleanup(client->idle[--client->idle_count]);
	curl_slist_free_all(client->connect_to);
	free(client->base);
	free(client->endpoint);
	free(client);
}

void kube_escape(struct buf *path, struct str name)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c && strchr("-._~", c))) {
			buf_char(path, (char)c);
		} else {
			buf_char(path, '%');
			buf_char(path, digits[c >> 4]);
			buf_char(path, digits[c & 15]);
		}
	}
}
