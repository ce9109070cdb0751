#include "webhook/kube/config_exec.h"

#include <stdlib.h>
#include <unistd.h>

#include "gpugate/arena.h"
#include "webhook/kube/exec.h"

#define INFO "KUBERNETES_EXEC_INFO"
#define LIMIT_MS (60 * INT64_C(1000))
#define INTERACTIVE_LIMIT_MS (15 * INT64_C(60000)) /* The user may have to log in with a browser. */
#define ARENA_BYTES (4u << 20)

/* An `exec` section that is being read. All strings are in the arena. */
struct plugin {
	struct kube_reading *reading;
	const yaml_node_t *node;
	struct arena arena;
	const char *version;
	struct kube_exec how;
};

static int refuse(const struct plugin *plugin, const yaml_node_t *node, const char *problem)
{
	return kube_reading_refuse(plugin->reading, node ? node : plugin->node, "exec", problem);
}

static char *keep(struct plugin *plugin, struct str text)
{
	char *copy = (char *)(uintptr_t)arena_str(&plugin->arena, text).ptr;
	if (!copy)
		kube_reading_no_memory(plugin->reading);
	return copy;
}

static size_t list_length(const yaml_node_t *list)
{
	return list ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start) : 0;
}

/* Finds a list of the exec section; NULL if there is none. */
static int find_list(struct plugin *plugin, const char *key, yaml_node_t **list)
{
	if (kube_reading_find(plugin->reading, plugin->node, key, list) < 0)
		return -1;
	if (*list && (*list)->type != YAML_SEQUENCE_NODE)
		return kube_reading_refuse(plugin->reading, *list, key, "has to be a list");
	return 0;
}

static yaml_node_t *list_item(struct plugin *plugin, const yaml_node_t *list, size_t at)
{
	return yaml_document_get_node(&plugin->reading->document, list->data.sequence.items.start[at]);
}

/* --- The command --- */

/* A path is relative to the kubeconfig's folder; a bare name is looked up in PATH. */
static char *read_command(struct plugin *plugin)
{
	struct str command;
	if (kube_reading_text(plugin->reading, plugin->node, "command", &command) < 0)
		return NULL;
	if (!str_present(command)) {
		refuse(plugin, NULL, "has no command; give the program that prints the credential");
		return NULL;
	}
	if (!str_has_char(command, '/'))
		return keep(plugin, command);
	char *path = kube_reading_path(plugin->reading, command);
	char *copy = keep(plugin, str_of(path));
	free(path);
	return copy;
}

static int read_args(struct plugin *plugin)
{
	yaml_node_t *list;
	if (find_list(plugin, "args", &list) < 0)
		return -1;
	size_t count = list_length(list);
	const char **args = arena_zalloc(&plugin->arena, count + 2, sizeof *args);
	if (!args)
		return kube_reading_no_memory(plugin->reading);
	if (!(args[0] = read_command(plugin)))
		return -1;
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item = list_item(plugin, list, i);
		struct str text = kube_reading_scalar(item);
		if (!str_present(text) || str_has_char(text, '\0'))
			return kube_reading_refuse(plugin->reading, item, "args", "has to be a list of texts");
		if (!(args[i + 1] = keep(plugin, text)))
			return -1;
	}
	plugin->how.args = args;
	return 0;
}

/* --- The environment --- */

/* Sets NAME=VALUE: replaces the variable of the same name, or appends a new one. */
static int set_variable(struct plugin *plugin, const char **list, size_t *count, const char *name, struct str value)
{
	size_t len = strlen(name), at = 0;
	char *line = arena_alloc(&plugin->arena, len + value.len + 2);
	if (!line)
		return kube_reading_no_memory(plugin->reading);
	memcpy(line, name, len);
	line[len] = '=';
	if (value.len)
		memcpy(line + len + 1, value.ptr, value.len);
	line[len + 1 + value.len] = '\0';
	while (at < *count && (strncmp(list[at], name, len) != 0 || list[at][len] != '='))
		at++;
	list[at] = line;
	*count += at == *count;
	return 0;
}

static int set_given(struct plugin *plugin, const yaml_node_t *given, const char **list, size_t *count)
{
	for (size_t i = 0; i < list_length(given); i++) {
		yaml_node_t *item = list_item(plugin, given, i);
		struct str name, value;
		if (kube_reading_text(plugin->reading, item, "name", &name) < 0 ||
		    kube_reading_text(plugin->reading, item, "value", &value) < 0)
			return -1;
		if (!str_present(name) || str_has_char(name, '='))
			return kube_reading_refuse(plugin->reading, item, "env", "has to be a list of name and value");
		const char *copy = keep(plugin, name);
		if (!copy || set_variable(plugin, list, count, copy, value) < 0)
			return -1;
	}
	return 0;
}

static int read_environment(struct plugin *plugin, const char *info)
{
	yaml_node_t *given;
	size_t count = 0;
	if (find_list(plugin, "env", &given) < 0)
		return -1;
	while (environ[count])
		count++;
	const char **list = arena_zalloc(&plugin->arena, count + list_length(given) + 2, sizeof *list);
	if (!list)
		return kube_reading_no_memory(plugin->reading);
	memcpy(list, environ, count * sizeof *list);
	plugin->how.environment = list;
	return set_given(plugin, given, list, &count) < 0 ? -1 : set_variable(plugin, list, &count, INFO, str_of(info));
}

/* --- How it runs --- */

static int read_version(struct plugin *plugin)
{
	static const char *const versions[] = {"client.authentication.k8s.io/v1",
					       "client.authentication.k8s.io/v1beta1"};
	struct str version;
	if (kube_reading_text(plugin->reading, plugin->node, "apiVersion", &version) < 0)
		return -1;
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
		if (str_eq(version, str_of(versions[i])))
			plugin->version = versions[i];
	return plugin->version
		   ? 0
		   : refuse(plugin, NULL,
			    "its apiVersion has to be client.authentication.k8s.io/v1 or …/v1beta1; update the "
			    "plug-in and write the kubeconfig again");
}

/* `interactiveMode`: whether the program may use the terminal. */
static int read_mode(struct plugin *plugin)
{
	bool terminal = isatty(STDIN_FILENO);
	struct str mode;
	if (kube_reading_text(plugin->reading, plugin->node, "interactiveMode", &mode) < 0)
		return -1;
	if (!str_present(mode) && str_eq(str_of(plugin->version), STR("client.authentication.k8s.io/v1beta1")))
		mode = STR("IfAvailable");
	if (str_eq(mode, STR("Always")) && !terminal)
		return refuse(plugin, NULL, "its interactiveMode is Always, and standard input is not a terminal");
	if (!str_eq(mode, STR("Always")) && !str_eq(mode, STR("IfAvailable")) && !str_eq(mode, STR("Never")))
		return refuse(plugin, NULL, "its interactiveMode has to be Never, IfAvailable or Always");
	plugin->how.interactive = terminal && !str_eq(mode, STR("Never"));
	plugin->how.limit_ms = plugin->how.interactive ? INTERACTIVE_LIMIT_MS : LIMIT_MS;
	return 0;
}

static int read_hint(struct plugin *plugin)
{
	struct str hint;
	if (kube_reading_text(plugin->reading, plugin->node, "installHint", &hint) < 0)
		return -1;
	char *copy = str_present(hint) ? keep(plugin, hint) : NULL;
	for (char *at = copy; at && *at; at++)
		if ((unsigned char)*at < ' ' && *at != '\n')
			*at = ' '; /* Nothing that a terminal interprets. */
	plugin->how.hint = copy;
	return copy || !str_present(hint) ? 0 : -1;
}

static int read_all(struct plugin *plugin, const yaml_node_t *cluster, const struct kube_config *config)
{
	struct str wanted;
	if (read_version(plugin) < 0 || read_mode(plugin) < 0 || read_hint(plugin) < 0 || read_args(plugin) < 0 ||
	    kube_reading_text(plugin->reading, plugin->node, "provideClusterInfo", &wanted) < 0)
		return -1;
	json_t *info = kube_exec_info(plugin->reading, plugin->version, str_eq(wanted, STR("true")) ? cluster : NULL,
				      config, plugin->how.interactive);
	char *text = info ? json_dumps(info, JSON_COMPACT) : NULL;
	int failed = text ? read_environment(plugin, text) : kube_reading_no_memory(plugin->reading);
	free(text);
	json_decref(info);
	return failed;
}

static int run(struct plugin *plugin, struct kube_config *config)
{
	struct error *err = plugin->reading->err;
	struct buf output;
	buf_init(&output, KUBE_EXEC_OUTPUT_MAX);
	int failed = kube_exec_run(&plugin->how, &output, err);
	if (!failed && kube_exec_credential(buf_view(&output), plugin->version, config, err) < 0)
		failed = error_wrap(err, "the program \"%.200s\"", plugin->how.args[0]);
	buf_wipe(&output);
	return failed ? error_wrap(err, "%.200s:%zu:%zu: exec", plugin->reading->path,
				   plugin->node->start_mark.line + 1, plugin->node->start_mark.column + 1)
		      : 0;
}

int kube_config_exec(struct kube_reading *reading, const yaml_node_t *cluster, const yaml_node_t *exec,
		     struct kube_config *config)
{
	struct plugin plugin = {.reading = reading, .node = exec};
	arena_init(&plugin.arena, 16 << 10, ARENA_BYTES);
	int failed = read_all(&plugin, cluster, config) < 0 || run(&plugin, config) < 0 ? -1 : 0;
	arena_release(&plugin.arena);
	return failed;
}
