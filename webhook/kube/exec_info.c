/*
 * exec_info: what a credential plug-in learns about the cluster, in the variable
 * KUBERNETES_EXEC_INFO.
 */
#include <stdlib.h>

#include "webhook/base/base64.h"
#include "webhook/kube/config_exec.h"

#define EXTENSION "client.authentication.k8s.io/exec" /* Its value is for the plug-in. */

/*
 * Converts a plain scalar to null, a boolean or a number if it is one in JSON, and otherwise to a
 * string.
 */
static json_t *json_of_scalar(const yaml_node_t *node)
{
	struct str text = kube_reading_scalar(node);
	json_t *value = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
			    ? json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL)
			    : NULL;
	return value ? value : json_stringn(text.ptr, text.len);
}

static json_t *json_of(yaml_document_t *document, const yaml_node_t *node);

static json_t *json_of_list(yaml_document_t *document, const yaml_node_t *node)
{
	json_t *list = json_array();
	for (yaml_node_item_t *at = node->data.sequence.items.start; at < node->data.sequence.items.top; at++)
		json_array_append_new(list, json_of(document, yaml_document_get_node(document, *at)));
	return list;
}

static json_t *json_of_map(yaml_document_t *document, const yaml_node_t *node)
{
	json_t *map = json_object();
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		struct str key = kube_reading_scalar(yaml_document_get_node(document, pair->key));
		if (str_present(key))
			json_object_setn_new(map, key.ptr, key.len,
					     json_of(document, yaml_document_get_node(document, pair->value)));
	}
	return map;
}

/* Recursion is bounded: kube_reading_load limits the depth. Returns new. */
static json_t *json_of(yaml_document_t *document, const yaml_node_t *node)
{
	if (!node)
		return json_null();
	return node->type == YAML_MAPPING_NODE    ? json_of_map(document, node)
	       : node->type == YAML_SEQUENCE_NODE ? json_of_list(document, node)
						  : json_of_scalar(node);
}

static json_t *base64_of(struct str bytes)
{
	struct buf text;
	buf_init(&text, 2 * bytes.len + 5);
	base64_encode(bytes, &text);
	json_t *value = text.failed ? NULL : json_stringn(text.ptr, text.len);
	buf_release(&text);
	return value;
}

/* Finds the cluster's extension for the plug-in. */
static int find_extension(struct kube_reading *reading, const yaml_node_t *cluster, yaml_node_t **extension)
{
	yaml_node_t *list;
	*extension = NULL;
	if (kube_reading_find(reading, cluster, "extensions", &list) < 0)
		return -1;
	if (!list || list->type != YAML_SEQUENCE_NODE)
		return 0;
	for (yaml_node_item_t *at = list->data.sequence.items.start; at < list->data.sequence.items.top; at++) {
		yaml_node_t *item = yaml_document_get_node(&reading->document, *at);
		struct str name;
		if (kube_reading_text(reading, item, "name", &name) < 0)
			return -1;
		if (str_eq(name, STR(EXTENSION)))
			return kube_reading_find(reading, item, "extension", extension);
	}
	return 0;
}

static json_t *describe(struct kube_reading *reading, const yaml_node_t *cluster, const struct kube_config *config)
{
	yaml_node_t *extension;
	struct str server;
	if (kube_reading_text(reading, cluster, "server", &server) < 0 ||
	    find_extension(reading, cluster, &extension) < 0)
		return NULL;
	json_t *info = json_pack("{s:s%}", "server", server.ptr, server.len);
	if (config->server_name)
		json_object_set_new(info, "tls-server-name", json_string(config->server_name));
	if (config->ca.len)
		json_object_set_new(info, "certificate-authority-data", base64_of(buf_view(&config->ca)));
	if (extension)
		json_object_set_new(info, "config", json_of(&reading->document, extension));
	return info;
}

json_t *kube_exec_info(struct kube_reading *reading, const char *version, const yaml_node_t *cluster,
		       const struct kube_config *config, bool interactive)
{
	json_t *info = json_pack("{s:s, s:s, s:{s:b}}", "kind", "ExecCredential", "apiVersion", version, "spec",
				 "interactive", (int)interactive);
	json_t *shown = cluster && info ? describe(reading, cluster, config) : NULL;
	if (shown)
		json_object_set_new(json_object_get(info, "spec"), "cluster", shown);
	if (info && (shown || !cluster))
		return info;
	json_decref(info);
	kube_reading_no_memory(reading); /* Keeps an earlier error. */
	return NULL;
}
