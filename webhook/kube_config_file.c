/* kube_config_file: kubeconfig files, which are YAML. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <yaml.h>

#include "webhook/kube_identity.h"

#define DEPTH_MAX 32

/* A kubeconfig that is being read. */
struct reading {
	const char *path;
	yaml_document_t document;
	struct error *err;
};

/* Where the path's folder ends; relative paths in the file begin there. */
static int folder_bytes(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (int)(slash - path) + 1 : 0;
}

/* ---- before libyaml builds a tree: what could make that costly, or the tree no tree ---- */

static int refuse_at(const struct reading *reading, yaml_mark_t mark, const char *problem)
{
	return error_set(reading->err, "%.300s:%zu:%zu: %s", reading->path, mark.line + 1, mark.column + 1, problem);
}

static int check_event(const struct reading *reading, const yaml_event_t *event, unsigned *depth, unsigned *documents)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return refuse_at(reading, event->start_mark, "aliases (\"*\") are not read here; write the value out");
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++*depth > DEPTH_MAX)
			return refuse_at(reading, event->start_mark, "this is nested too deep for a kubeconfig");
		return 0;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return refuse_at(reading, event->start_mark,
					 "a kubeconfig is one document; remove what follows \"---\"");
		return 0;
	default:
		return 0;
	}
}

static int syntax_error(const struct reading *reading, const yaml_parser_t *parser)
{
	return refuse_at(reading, parser->problem_mark, parser->problem ? parser->problem : "this is not YAML");
}

static int check_events(const struct reading *reading, struct str text)
{
	yaml_parser_t parser;
	unsigned depth = 0, documents = 0;
	int failed = 0;
	bool over = false;
	if (!yaml_parser_initialize(&parser))
		return error_set(reading->err, "%.300s: not enough memory", reading->path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	while (!failed && !over) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			failed = syntax_error(reading, &parser);
			break;
		}
		failed = check_event(reading, &event, &depth, &documents);
		over = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return failed;
}

static int load_document(struct reading *reading, struct str text)
{
	yaml_parser_t parser;
	if (check_events(reading, text) < 0)
		return -1;
	if (!yaml_parser_initialize(&parser))
		return error_set(reading->err, "%.300s: not enough memory", reading->path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	int failed = yaml_parser_load(&parser, &reading->document) ? 0 : syntax_error(reading, &parser);
	yaml_parser_delete(&parser);
	return failed;
}

/* Tokens and keys stand in its scalars. */
static void wipe_document(yaml_document_t *document)
{
	for (yaml_node_t *node = document->nodes.start; node && node < document->nodes.top; node++)
		if (node->type == YAML_SCALAR_NODE)
			explicit_bzero(node->data.scalar.value, node->data.scalar.length);
	yaml_document_delete(document);
}

/* ---- nodes ---- */

static struct str text_of(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return (struct str){NULL, 0};
	return (struct str){(const char *)node->data.scalar.value, node->data.scalar.length};
}

/* YAML's null, and what means as much in a kubeconfig. */
static bool is_nothing(const yaml_node_t *node)
{
	struct str text = text_of(node);
	bool plain = node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return (node->type == YAML_SCALAR_NODE && text.len == 0) ||
	       (plain && (str_eq(text, STR("null")) || str_eq(text, STR("~"))));
}

static int refuse_node(const struct reading *reading, const yaml_node_t *node, const char *key, const char *problem)
{
	return error_set(reading->err, "%.300s:%zu:%zu: %s: %s", reading->path, node->start_mark.line + 1,
			 node->start_mark.column + 1, key, problem);
}

/* The value of a key of a map; NULL where there is none or it is nothing. A key given twice fails. */
static int find(struct reading *reading, const yaml_node_t *map, const char *key, yaml_node_t **value)
{
	*value = NULL;
	if (map->type != YAML_MAPPING_NODE)
		return refuse_node(reading, map, key, "is looked for here, where a map is expected");
	bool found = false;
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(&reading->document, pair->key);
		yaml_node_t *node = yaml_document_get_node(&reading->document, pair->value);
		if (!name || !node || !str_eq(text_of(name), str_of(key)))
			continue;
		if (found)
			return refuse_node(reading, name, key, "is given twice; remove one");
		found = true;
		*value = is_nothing(node) ? NULL : node;
	}
	return 0;
}

/* The text of a key; absent where there is none. Borrows from the document. Texts with a NUL in them are refused. */
static int find_text(struct reading *reading, const yaml_node_t *map, const char *key, struct str *text)
{
	yaml_node_t *value;
	*text = (struct str){NULL, 0};
	if (find(reading, map, key, &value) < 0)
		return -1;
	if (!value)
		return 0;
	*text = text_of(value);
	if (!str_present(*text) || str_has_char(*text, '\0'))
		return refuse_node(reading, value, key, "has to be a text");
	return 0;
}

/* The map `inner` of the item of that name in the list `list`: clusters, users, contexts. */
static yaml_node_t *find_named(struct reading *reading, const char *list, const char *inner, struct str name)
{
	yaml_node_t *root = yaml_document_get_root_node(&reading->document), *items, *map = NULL;
	if (find(reading, root, list, &items) < 0)
		return NULL;
	if (items && items->type != YAML_SEQUENCE_NODE) {
		refuse_node(reading, items, list, "has to be a list");
		return NULL;
	}
	for (yaml_node_item_t *at = items ? items->data.sequence.items.start : NULL;
	     items && at < items->data.sequence.items.top; at++) {
		yaml_node_t *item = yaml_document_get_node(&reading->document, *at);
		struct str own;
		if (find_text(reading, item, "name", &own) < 0)
			return NULL;
		if (!str_eq(own, name))
			continue;
		if (find(reading, item, inner, &map) < 0)
			return NULL;
		if (!map)
			refuse_node(reading, item, inner, "is missing here");
		return map;
	}
	error_set(reading->err, "%.300s: %s has none of the name \"%.*s\"; `kubectl config view` shows what there is",
		  reading->path, list, name.len > 100 ? 100 : (int)name.len, name.ptr ? name.ptr : "");
	return NULL;
}

/* ---- what is not done ---- */

struct refusal {
	const char *key;
	const char *remedy;
};

static const struct refusal of_clusters[] = {
    {"insecure-skip-tls-verify", "would send credentials to whoever answers; give certificate-authority, and "
				 "tls-server-name where the name differs"},
    {"proxy-url", "is not supported; the API server has to be reached directly"},
};

static const struct refusal of_users[] = {
    {"exec", "runs a program, which gpugate does not; use a service account's token (kubectl create token) in "
	     "tokenFile, or a client certificate"},
    {"auth-provider", "has left Kubernetes and is not supported; use token, tokenFile or a client certificate"},
    {"username", "and password have left Kubernetes; use token, tokenFile or a client certificate"},
    {"password", "and username have left Kubernetes; use token, tokenFile or a client certificate"},
    {"as", "(impersonation) is not supported; give gpugate's own account the rights"},
    {"as-uid", "(impersonation) is not supported; give gpugate's own account the rights"},
    {"as-groups", "(impersonation) is not supported; give gpugate's own account the rights"},
};

static int refuse(struct reading *reading, const yaml_node_t *map, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *value;
		if (find(reading, map, rows[i].key, &value) < 0)
			return -1;
		if (value && !str_eq(text_of(value), STR("false")))
			return refuse_node(reading, value, rows[i].key, rows[i].remedy);
	}
	return 0;
}

/* ---- values ---- */

static int no_memory(const struct reading *reading)
{
	return error_set(reading->err, "%.300s: not enough memory", reading->path);
}

/* A path as the kubeconfig means it. Returns new. */
static char *resolve(const struct reading *reading, struct str path)
{
	char *text = NULL;
	int folder = path.len > 0 && path.ptr[0] == '/' ? 0 : folder_bytes(reading->path);
	if (asprintf(&text, "%.*s%.*s", folder, reading->path, STR_ARG(path)) < 0)
		return NULL;
	return text;
}

/* Blocks of four, as RFC 4648 has them; line breaks are left out. EVP_DecodeBlock counts the padding as zero bytes. */
static int decode(struct str text, struct buf *out)
{
	buf_init(out, text.len + 4);
	unsigned char *packed = malloc(text.len + 1);
	char *to = buf_reserve(out, text.len + 4);
	size_t len = 0, padding = 0;
	for (size_t i = 0; packed && i < text.len; i++)
		if (!strchr(" \t\r\n", text.ptr[i]))
			packed[len++] = (unsigned char)text.ptr[i];
	while (padding < 2 && padding < len && packed[len - 1 - padding] == '=')
		padding++;
	bool pure = len > 0 && len % 4 == 0 && packed && !memchr(packed, '=', len - padding);
	int got = to && pure ? EVP_DecodeBlock((unsigned char *)to, packed, (int)len) : -1;
	if (packed)
		explicit_bzero(packed, len);
	free(packed);
	if (got <= (int)padding)
		return -1;
	out->len = (size_t)got - padding;
	return 0;
}

/* A PEM text: `key`-data, else the file that `key` names. */
static int take_pem(struct reading *reading, const yaml_node_t *map, const char *key, struct buf *out)
{
	char data_key[64];
	struct str data, path;
	snprintf(data_key, sizeof data_key, "%s-data", key);
	if (find_text(reading, map, data_key, &data) < 0 || find_text(reading, map, key, &path) < 0)
		return -1;
	if (str_present(data))
		return decode(data, out) == 0 ? 0 : refuse_node(reading, map, data_key, "is not base64");
	if (!str_present(path))
		return 0;
	char *file = resolve(reading, path);
	int failed = file ? kube_identity_read(file, key, KUBE_FILE_BYTES_MAX, out, reading->err) : no_memory(reading);
	free(file);
	return failed ? error_wrap(reading->err, "%.200s", reading->path) : 0;
}

static int take_text(struct reading *reading, const yaml_node_t *map, const char *key, const char *fallback, char **out)
{
	struct str text;
	if (find_text(reading, map, key, &text) < 0)
		return -1;
	if (!str_present(text))
		text = str_of(fallback);
	if (str_present(text) && !(*out = strndup(text.ptr, text.len)))
		return no_memory(reading);
	return 0;
}

/* tokenFile goes before token, as in client-go. */
static int take_token(struct reading *reading, const yaml_node_t *user, struct kube_config *config)
{
	struct str token, file;
	if (find_text(reading, user, "token", &token) < 0 || find_text(reading, user, "tokenFile", &file) < 0)
		return -1;
	if (str_present(file)) {
		config->token_file = resolve(reading, file);
		if (!config->token_file)
			return no_memory(reading);
		if (kube_identity_read_token(config->token_file, &config->token, reading->err) == 0)
			return 0;
		return error_wrap(reading->err, "%.200s", reading->path);
	}
	if (!str_present(token))
		return 0;
	if (!kube_identity_trim_token(&token))
		return refuse_node(reading, user, "token", "is not a token; it has to be one line of plain characters");
	buf_init(&config->token, token.len);
	buf_str(&config->token, token);
	return config->token.failed ? no_memory(reading) : 0;
}

static int take_cluster(struct reading *reading, const yaml_node_t *cluster, struct kube_config *config)
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
			    : refuse_node(reading, cluster, "server", "is missing here");
	free(server);
	return failed;
}

static int take_user(struct reading *reading, const yaml_node_t *user, struct kube_config *config)
{
	if (refuse(reading, user, of_users, sizeof of_users / sizeof *of_users) < 0 ||
	    take_token(reading, user, config) < 0 ||
	    take_pem(reading, user, "client-certificate", &config->certificate) < 0 ||
	    take_pem(reading, user, "client-key", &config->key) < 0)
		return -1;
	if (!config->certificate.len == !config->key.len)
		return 0;
	return refuse_node(reading, user, config->key.len ? "client-key" : "client-certificate",
			   "needs its other half; give client-certificate and client-key");
}

static int take_context(struct reading *reading, struct kube_config *config)
{
	yaml_node_t *root = yaml_document_get_root_node(&reading->document), *context, *cluster, *user;
	struct str current, name;
	if (!root)
		return error_set(reading->err, "%.300s is empty; it has to be a kubeconfig", reading->path);
	if (find_text(reading, root, "current-context", &current) < 0)
		return -1;
	if (!str_present(current))
		return error_set(reading->err,
				 "%.300s has no current-context; set it with `kubectl config use-context NAME`",
				 reading->path);
	if (!(context = find_named(reading, "contexts", "context", current)) ||
	    find_text(reading, context, "cluster", &name) < 0 ||
	    !(cluster = find_named(reading, "clusters", "cluster", name)) ||
	    take_cluster(reading, cluster, config) < 0 ||
	    take_text(reading, context, "namespace", "default", &config->name_space) < 0 ||
	    find_text(reading, context, "user", &name) < 0)
		return -1;
	if (!str_present(name))
		return 0; /* nobody: for kubectl proxy */
	return (user = find_named(reading, "users", "user", name)) ? take_user(reading, user, config) : -1;
}

int kube_identity_from_file(struct kube_config *config, const char *path, struct error *err)
{
	struct reading reading = {.path = path, .err = err};
	struct buf text;
	if (kube_identity_read(path, "the kubeconfig", KUBE_FILE_BYTES_MAX, &text, err) < 0)
		return -1;
	int failed = load_document(&reading, buf_view(&text));
	if (!failed) {
		failed = take_context(&reading, config);
		wipe_document(&reading.document);
	}
	buf_wipe(&text);
	return failed;
}
