/* rules_object: rules for objects of one kind. To judge another kind, add a row to `kinds`. */
#include "gpugate/autoscaler.h"
#include "policy/manifest/plugin_maps.h"
#include "policy/manifest/rules.h"

#include "policy/model/catalog.h"

/* --- Autoscalers and quotas --- */

/*
 * Whatever the feature gate HPAScaleToZero is, the API server asks for such a metric:
 * validateMetrics in pkg/apis/autoscaling/validation.
 */
static void check_zero(const struct view *view, const struct node *metrics)
{
	const struct node *least = view_path(view->root, "spec.minReplicas");
	bool wakes = false;
	if (view->partial || !str_starts(view->version, STR("v2")) || !str_eq(view_text(least), STR("0")))
		return;
	for (const struct node *item = metrics && metrics->type == NODE_LIST ? metrics->first : NULL; item;
	     item = item->next) {
		struct str type = view_text_of(item, STR("type"));
		wakes |= str_eq(type, STR("Object")) || str_eq(type, STR("External")) || view_is_template(type);
	}
	if (!wakes)
		VIEW_LINT(view, LINT_HPA_SCALES_TO_ZERO, least->at,
			  "only an Object or External metric can wake what has no Pods, so the API server refuses "
			  "minReplicas: 0 without one; add one, or write minReplicas: 1");
}

static void check_autoscaler(const struct view *view)
{
	static const struct str types[][2] = {{STR_INIT("Resource"), STR_INIT("resource")},
					      {STR_INIT("ContainerResource"), STR_INIT("containerResource")}};
	const struct node *metrics = view_path(view->root, "spec.metrics");
	char sentence[AUTOSCALER_TEXT_BYTES];
	check_zero(view, metrics);
	for (const struct node *item = metrics && metrics->type == NODE_LIST ? metrics->first : NULL; item;
	     item = item->next)
		for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
			const struct node *name = view_get(view_get(item, types[i][1]), STR("name"));
			struct str text = view_text(name);
			if (!str_eq(view_text_of(item, STR("type")), types[i][0]) || !autoscaler_metric_is_dead(text))
				continue;
			VIEW_LINT(view, LINT_HPA_METRIC, name->at, "%s", autoscaler_metric_text(text, sentence));
		}
}

static void check_quota_key(const struct view *view, const struct node *hard, const struct node *key)
{
	struct str name = key->text, limits = STR("limits.");
	bool prefixed = str_starts(name, limits);
	struct str bare = prefixed ? str_tail(name, limits.len) : name;
	char wanted[VIEW_NAME_MAX];
	/* Other names with a slash belong to other programs, such as count/jobs.batch. */
	if (!rules_is_extended(bare) || !catalog_find(bare) || bare.len > sizeof wanted - 16)
		return;
	size_t len = (size_t)snprintf(wanted, sizeof wanted, "requests.%.*s", STR_ARG(bare));
	bool twice = node_find(hard, (struct str){wanted, len}) != NULL;
	VIEW_LINT(view, LINT_QUOTA_NOT_ENFORCED, key->at,
		  "Kubernetes accepts \"" SHOW "\" in a ResourceQuota and never enforces it; %s \"%s\"", SHOWN(name),
		  twice ? "remove it, since the quota also has" : "write", wanted);
	/* Of two keys for one resource, the author chooses the amount. */
	char other[VIEW_NAME_MAX];
	size_t other_len = (size_t)snprintf(other, sizeof other, "%s%.*s", prefixed ? "" : "limits.", STR_ARG(bare));
	if (!twice && !node_find(hard, (struct str){other, other_len}))
		VIEW_FIX(view, LINT_QUOTA_NOT_ENFORCED, key, key, name, ((struct str){wanted, len}));
}

static void check_resource_quota(const struct view *view)
{
	const struct node *hard = view_path(view->root, "spec.hard");
	uint32_t checked = 0;
	for (const struct node *key = hard && hard->type == NODE_MAP ? hard->first : NULL;
	     key && checked < VIEW_ITEMS_MAX; key = key->next, checked++) {
		struct str requests = STR("requests.");
		if (!str_starts(key->text, requests)) {
			check_quota_key(view, hard, key);
			continue;
		}
		struct str name = str_tail(key->text, requests.len);
		if (rules_is_extended(name) && !view_is_template(name))
			rules_name(view, name, key->at);
	}
}

/* --- Workloads --- */

static bool has_images(const struct node *spec)
{
	const struct node *containers = view_path(spec, "template.spec.containers");
	if (!containers || containers->type != NODE_LIST || !containers->first)
		return false;
	for (const struct node *item = containers->first; item; item = item->next)
		if (!view_get(item, STR("image")))
			return false;
	return true;
}

static void check_workload(const struct view *view)
{
	const struct node *key = node_find(view->root, STR("spec"));
	const struct node *spec = view_get(view->root, STR("spec"));
	const struct node *labels = view_path(spec, "template.metadata.labels");
	const struct node *wanted = view_path(spec, "selector.matchLabels");
	uint32_t checked = 0;
	if (view->partial || !spec || !has_images(spec))
		return;
	if (!node_find(spec, STR("selector")))
		VIEW_LINT(
		    view, LINT_SELECTOR_MISMATCH, key->at,
		    "the %.*s has no selector, so the API server refuses it; write spec.selector.matchLabels with "
		    "the labels of its template",
		    STR_ARG(view->kind));
	for (const struct node *label = wanted && wanted->type == NODE_MAP ? wanted->first : NULL;
	     label && checked < VIEW_ITEMS_MAX; label = label->next, checked++) {
		struct str value = view_text(label->value);
		if (view_is_template(value) || view_is_template(label->text) ||
		    (labels && str_eq(view_text_of(labels, label->text), value)))
			continue;
		VIEW_LINT(view, LINT_SELECTOR_MISMATCH, label->at,
			  "the labels of the template do not have " SHOW ": " SHOW
			  ", so the API server refuses the %.*s; write it in spec.template.metadata.labels",
			  SHOWN(label->text), SHOWN(value), STR_ARG(view->kind));
	}
}

/* --- The GPU Operator --- */

static void check_cluster_policy(const struct view *view)
{
	static const struct str words[] = {STR_INIT("none"), STR_INIT("single"), STR_INIT("mixed")};
	const struct node *strategy = view_path(view->root, "spec.mig.strategy");
	struct str text = view_text(strategy);
	bool known = text.len == 0 || view_is_template(text);
	const struct node *spec = view_get(view->root, STR("spec"));
	const struct node *misplaced = spec ? node_find(spec, STR("migStrategy")) : NULL;
	view->plugin_maps->has_policy = true;
	if (misplaced)
		VIEW_LINT(view, LINT_MIG_STRATEGY_WRONG, misplaced->at,
			  "a ClusterPolicy has no field spec.migStrategy; write spec.mig.strategy");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		known |= str_eq(text, words[i]);
	if (!known)
		VIEW_LINT(view, LINT_MIG_STRATEGY_WRONG, strategy->at,
			  "\"" SHOW "\" is no MIG strategy; write none, single, or mixed", SHOWN(text));
}

static void check_node(const struct view *view)
{
	const struct node *spec = view_get(view->root, STR("spec"));
	const struct node *gpu = spec ? node_find(spec, STR("gpu")) : NULL;
	if (gpu)
		VIEW_LINT(view, LINT_MIG_STRATEGY_WRONG, gpu->at,
			  "a Node has no field spec.gpu; set mig.strategy of the ClusterPolicy, and the node label "
			  "nvidia.com/mig.config");
}

/* --- Prometheus --- */

static void check_monitor(const struct view *view)
{
	const struct node *version = view_get(view->root, STR("apiVersion"));
	struct str right = STR("monitoring.coreos.com/v1");
	if (!str_eq(view_text(version), STR("v1")))
		return;
	VIEW_LINT(view, LINT_API_VERSION_WRONG, version->at,
		  "the API server knows no %.*s of apiVersion v1; write %.*s", STR_ARG(view->kind), STR_ARG(right));
	VIEW_FIX(view, LINT_API_VERSION_WRONG, version, version, STR("v1"), right);
}

static const struct {
	struct str group, kind;
	void (*check)(const struct view *view);
} kinds[] = {
#define KIND(group, kind, check)                                                                                       \
	{                                                                                                              \
		STR_INIT(group), STR_INIT(kind), check                                                                 \
	}
    KIND("autoscaling", "HorizontalPodAutoscaler", check_autoscaler),
    KIND("", "ResourceQuota", check_resource_quota),
    KIND("apps", "Deployment", check_workload),
    KIND("apps", "ReplicaSet", check_workload),
    KIND("apps", "StatefulSet", check_workload),
    KIND("apps", "DaemonSet", check_workload),
    KIND("resource.k8s.io", "ResourceClaim", rules_claim),
    KIND("resource.k8s.io", "ResourceClaimTemplate", rules_claim_template),
    KIND("nvidia.com", "ClusterPolicy", check_cluster_policy),
    KIND("", "ConfigMap", rules_config_map),
    KIND("", "Node", check_node),
    KIND("", "ServiceMonitor", check_monitor),
    KIND("", "PodMonitor", check_monitor),
    KIND("", "PrometheusRule", check_monitor),
};

void rules_object(const struct view *view)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (str_eq(view->kind, kinds[i].kind) && str_eq(view->group, kinds[i].group))
			kinds[i].check(view);
}
