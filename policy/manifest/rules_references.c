/* rules_references: which ConfigMaps a document names, so that what nothing names is found. */
#include "policy/manifest/plugin_maps.h"
#include "policy/manifest/rules.h"

/* Keys of maps whose `name` is that of a ConfigMap, or may be. */
static const struct {
	struct str key;
	bool operator; /* The GPU Operator and the device plugin have it in their values. */
} keys[] = {
    {STR_INIT("config"), true},
    {STR_INIT("configMap"), false},
    {STR_INIT("configMapRef"), false},
    {STR_INIT("configMapKeyRef"), false},
};

/* Parts of the GPU Operator's values whose `config` is one of another program. */
static const struct str others[] = {STR_INIT("migManager"), STR_INIT("dcgmExporter"), STR_INIT("vgpuDeviceManager")};

static void refer(struct plugin_maps *maps, struct str name, bool operator)
{
	if (view_is_template(name))
		maps->unknown |= operator;
	else
		plugin_maps_refer(maps, name);
}

/* A parameter of Helm, as Argo CD has it: {name: devicePlugin.config.name, value: NAME}. */
static void check_parameter(struct plugin_maps *maps, const struct node *map)
{
	if (str_ends(view_text_of(map, STR("name")), STR("config.name")))
		refer(maps, view_text_of(map, STR("value")), true);
}

static void check_key(struct plugin_maps *maps, const struct node *key)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (str_eq(key->text, keys[i].key))
			refer(maps, view_text_of(key->value, STR("name")), keys[i].operator);
}

/* Values of Helm can be a text within an object, of a HelmChart for example. */
static void check_text(struct plugin_maps *maps, struct str text)
{
	if (text.len > 0 && memmem(text.ptr, text.len, "devicePlugin", 12))
		plugin_maps_mention(maps, text, true);
}

static bool is_of_others(struct str key)
{
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (str_eq(key, others[i]))
			return true;
	return false;
}

/* The depth of the tree is bounded by its reader. */
static void search(struct plugin_maps *maps, const struct node *node)
{
	if (node->bad)
		return;
	if (node->type == NODE_SCALAR)
		check_text(maps, node->text);
	if (node->type == NODE_MAP)
		check_parameter(maps, node);
	for (const struct node *child = node->first; child; child = child->next) {
		bool map = node->type == NODE_MAP;
		if (map)
			check_key(maps, child);
		if (!map || !is_of_others(child->text))
			search(maps, map ? child->value : child);
	}
}

void rules_references(const struct view *view)
{
	search(view->plugin_maps, view->root);
}
