/* rules_pods: finds the Pods and templates of Pods in an object of any kind, and judges them. */
#include "policy/base/path.h"
#include "policy/manifest/rules.h"
#include "policy/model/catalog.h"

/* Lists of containers of a Pod. */
static const struct str lists[] = {STR_INIT("initContainers"), STR_INIT("containers"), STR_INIT("ephemeralContainers")};

static void check_annotations(const struct pod_view *pod)
{
	const struct node *annotations = view_get(pod->metadata, STR("annotations"));
	for (const struct node *key = annotations && annotations->type == NODE_MAP ? annotations->first : NULL; key;
	     key = key->next) {
		if (catalog_is_device_annotation(key->text))
			VIEW_LINT(pod->view, LINT_DEVICE_ANNOTATION, key->at,
				  "the annotation " SHOW
				  " gives containers devices that no quota counts; request an accelerator in "
				  "resources.limits",
				  SHOWN(key->text));
		else if (catalog_is_fraction_annotation(key->text))
			VIEW_LINT(pod->view, LINT_FRACTION_ANNOTATION, key->at,
				  "the annotation " SHOW
				  " asks for a part of a GPU that no quota counts; request an accelerator in "
				  "resources.limits",
				  SHOWN(key->text));
	}
}

/* Parents of device files such as / are mounted by many agents, so that only /dev counts here. */
static bool is_device_path(struct str path)
{
	char normal[PATH_BYTES_MAX];
	size_t len;
	if (path.len == 0 || !path_normalize(path, normal, &len))
		return false;
	struct str real = {normal, len};
	return str_eq(real, STR("/dev")) || (str_starts(real, STR("/dev/")) && catalog_reaches_devices(real));
}

static void check_volumes(const struct pod_view *pod)
{
	const struct node *volumes = view_get(pod->spec, STR("volumes"));
	for (const struct node *item = volumes && volumes->type == NODE_LIST ? volumes->first : NULL; item;
	     item = item->next) {
		const struct node *path = view_path(item, "hostPath.path");
		if (is_device_path(view_text(path)))
			VIEW_LINT(
			    pod->view, LINT_DEVICE_PATH, path->at,
			    "the host path " SHOW
			    " gives access to accelerators that no quota counts; remove the volume, and request one "
			    "in resources.limits",
			    SHOWN(path->text));
	}
}

static void check_node_name(const struct pod_view *pod)
{
	const struct node *name = view_get(pod->spec, STR("nodeName"));
	if (pod->accelerated && view_text(name).len > 0)
		VIEW_LINT(pod->view, LINT_NODE_NAME_SET, name->at,
			  "nodeName bypasses the scheduler, which counts the devices of the node; use a nodeSelector");
}

/* --- Claims --- */

static bool uses_claim(const struct node *spec, struct str name)
{
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const struct node *list = view_get(spec, lists[i]);
		if (list && (list->type != NODE_LIST || list->count > VIEW_ITEMS_MAX))
			return true;
		for (const struct node *container = list ? list->first : NULL; container; container = container->next) {
			const struct node *claims = view_path(container, "resources.claims");
			uint32_t checked = 0;
			for (const struct node *item = claims && claims->type == NODE_LIST ? claims->first : NULL; item;
			     item = item->next)
				if (++checked > VIEW_ITEMS_MAX || str_eq(view_text_of(item, STR("name")), name))
					return true;
		}
	}
	return false;
}

/* Where the Pod says which claim it is. */
static void check_claim_source(const struct view *view, const struct node *item)
{
	const struct node *source = node_find(item, STR("source")),
			  *template = view_given(item, STR("resourceClaimTemplateName"));
	if (source)
		VIEW_LINT(
		    view, LINT_CLAIM_REQUEST_WRONG, source->at,
		    "since Kubernetes 1.31, the API server refuses `source`; write what is in it beside the name");
	else if (template && view_given(item, STR("resourceClaimName")))
		VIEW_LINT(
		    view, LINT_CLAIM_REQUEST_WRONG, template->at,
		    "the Pod names a claim and a template for the same claim, so the API server refuses it; remove "
		    "one");
}

static void check_claims(const struct pod_view *pod)
{
	const struct node *claims = view_get(pod->spec, STR("resourceClaims"));
	uint32_t checked = 0;
	for (const struct node *item = claims && claims->type == NODE_LIST ? claims->first : NULL;
	     item && checked < VIEW_ITEMS_MAX; item = item->next, checked++) {
		const struct node *name = view_get(item, STR("name"));
		check_claim_source(pod->view, item);
		if (pod->view->partial || view_text(name).len == 0 || uses_claim(pod->spec, name->text))
			continue;
		VIEW_LINT(pod->view, LINT_CLAIM_UNUSED, name->at,
			  "no container uses the claim \"" SHOW
			  "\", so its device is allocated and never used; name it in resources.claims of a container",
			  SHOWN(name->text));
	}
}

/* --- Placement --- */

static void check_selector(const struct pod_view *pod)
{
	const struct node *selector = view_get(pod->spec, STR("nodeSelector"));
	for (const struct node *key = selector && selector->type == NODE_MAP ? selector->first : NULL; key;
	     key = key->next)
		rules_label(pod->view, key);
}

static void check_expressions(const struct pod_view *pod, const struct node *term)
{
	const struct node *expressions = view_get(term, STR("matchExpressions"));
	for (const struct node *item = expressions && expressions->type == NODE_LIST ? expressions->first : NULL; item;
	     item = item->next) {
		const struct node *key = view_get(item, STR("key"));
		if (view_text(key).len > 0)
			rules_label(pod->view, key);
	}
}

static void check_affinity(const struct pod_view *pod)
{
	const struct node *node = view_path(pod->spec, "affinity.nodeAffinity");
	const struct node *terms = view_path(node, "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
	const struct node *preferred = view_get(node, STR("preferredDuringSchedulingIgnoredDuringExecution"));
	for (const struct node *term = terms && terms->type == NODE_LIST ? terms->first : NULL; term; term = term->next)
		check_expressions(pod, term);
	for (const struct node *item = preferred && preferred->type == NODE_LIST ? preferred->first : NULL; item;
	     item = item->next)
		check_expressions(pod, view_get(item, STR("preference")));
}

static void check_tolerations(const struct pod_view *pod)
{
	const struct node *tolerations = view_get(pod->spec, STR("tolerations"));
	for (const struct node *item = tolerations && tolerations->type == NODE_LIST ? tolerations->first : NULL; item;
	     item = item->next) {
		const struct node *key = view_get(item, STR("key"));
		const struct catalog_resource *row = catalog_find(view_text(key));
		if (row && pod->accelerated && row->role == ROLE_DEVICE && rules_is_extended(key->text) &&
		    !catalog_is_label(key->text))
			rules_name(pod->view, key->text, key->at);
	}
}

/* --- Pods --- */

static void check_pod_level(const struct pod_view *pod)
{
	static const struct str maps[] = {STR_INIT("limits"), STR_INIT("requests")};
	const struct node *resources = view_get(pod->spec, STR("resources"));
	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		const struct node *map = view_get(resources, maps[i]);
		for (const struct node *key = map && map->type == NODE_MAP ? map->first : NULL; key; key = key->next)
			if (rules_is_extended(key->text) && catalog_find(key->text))
				VIEW_LINT(
				    pod->view, LINT_POD_LEVEL_ACCELERATOR, key->at,
				    "only containers can request " SHOW
				    ", so the API server refuses the Pod; move it to resources.limits of a container",
				    SHOWN(key->text));
	}
}

static bool is_accelerated(const struct node *spec)
{
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const struct node *list = view_get(spec, lists[i]);
		for (const struct node *item = list && list->type == NODE_LIST ? list->first : NULL; item;
		     item = item->next)
			if (rules_asks(item))
				return true;
	}
	return false;
}

static void check_pod(const struct view *view, const struct node *metadata, const struct node *spec)
{
	static void (*const rules[])(const struct pod_view *pod) = {
	    check_claims, check_selector, check_affinity, check_tolerations, check_pod_level,
	    /* Where no Guard looks by default, nothing is evaded. */
	    check_annotations, check_volumes, check_node_name};
	bool exempt = str_eq(view->namespace, STR("kube-system"));
	const struct pod_view pod = {view, metadata, spec, is_accelerated(spec)};
	for (size_t i = 0; i < (exempt ? 5 : sizeof rules / sizeof rules[0]); i++)
		rules[i](&pod);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const struct node *list = view_get(spec, lists[i]);
		for (const struct node *item = list && list->type == NODE_LIST ? list->first : NULL; item;
		     item = item->next)
			if (item->type == NODE_MAP && !item->bad)
				rules_container(&pod, item);
	}
}

/* Whether a map is the spec of a Pod: it has containers, and each has a name. */
static bool is_pod_spec(const struct node *map)
{
	const struct node *list = view_get(map, STR("containers"));
	if (!list || list->type != NODE_LIST || !list->first)
		return false;
	for (const struct node *item = list->first; item; item = item->next)
		if (view_text_of(item, STR("name")).len == 0)
			return false;
	return true;
}

/* The depth of the tree is bounded by its reader. */
static void search(const struct view *view, const struct node *node, const struct node *parent)
{
	if (node->bad || node->type == NODE_SCALAR)
		return;
	if (is_pod_spec(node)) {
		check_pod(view, view_get(parent, STR("metadata")), node);
		return;
	}
	for (const struct node *child = node->first; child; child = child->next)
		search(view, node->type == NODE_MAP ? child->value : child, node);
}

void rules_pods(const struct view *view)
{
	static const struct str others[] = {STR_INIT("CustomResourceDefinition"), STR_INIT("ConfigMap"),
					    STR_INIT("Secret"), STR_INIT("PodMetrics")};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (str_eq(view->kind, others[i]))
			return;
	search(view, view->root, NULL);
}
