/* rules_container: variables, mounts, privileges, and claims of a container. */
#include "policy/manifest/rules.h"

#include "policy/model/catalog.h"

/* Kubernetes itself exempts nothing, but no Guard looks into this namespace by default. */
#define EXEMPT STR("kube-system")

static void check_variables(const struct pod_view *pod, const struct node *container)
{
	const struct node *env = view_get(container, STR("env"));
	bool asks = rules_asks(container);
	for (const struct node *item = env && env->type == NODE_LIST ? env->first : NULL; item; item = item->next) {
		const struct node *name = view_get(item, STR("name")), *value = view_get(item, STR("value"));
		struct str text = view_text(value);
		bool from = view_get(item, STR("valueFrom")) != NULL;
		if (catalog_variable(view_text(name)) < 0 || (!from && catalog_hides_devices(text)))
			continue;
		VIEW_LINT(pod->view, LINT_VISIBLE_DEVICES, name->at,
			  asks
			      ? "the container sets " SHOW
				", which shows it other devices than those that it requests; remove the variable"
			      : "the container sets " SHOW
				" and requests no accelerator, so it sees devices that no quota counts; request one in "
				"resources.limits",
			  SHOWN(name->text));
	}
}

static void check_mounts(const struct pod_view *pod, const struct node *container)
{
	const struct node *mounts = view_get(container, STR("volumeMounts"));
	for (const struct node *item = mounts && mounts->type == NODE_LIST ? mounts->first : NULL; item;
	     item = item->next) {
		const struct node *path = view_get(item, STR("mountPath"));
		if (path && view_text(path).len > 0 && catalog_is_device_mount(path->text))
			VIEW_LINT(
			    pod->view, LINT_DEVICE_VOLUME, path->at,
			    "the mount path " SHOW
			    " chooses devices that no quota counts; remove the mount, and request an accelerator in "
			    "resources.limits",
			    SHOWN(path->text));
	}
}

static void check_privileges(const struct pod_view *pod, const struct node *container)
{
	const struct node *privileged = view_path(container, "securityContext.privileged");
	if (pod->accelerated && str_eq(view_text(privileged), STR("true")))
		VIEW_LINT(pod->view, LINT_PRIVILEGED_ACCELERATOR, privileged->at,
			  "a privileged container sees every device of its node, whatever the Pod requests; remove "
			  "`privileged`, which a requested device does not need");
}

/* Returns whether the Pod lists a claim of that name. */
static bool lists_claim(const struct node *claims, struct str name)
{
	uint32_t checked = 0;
	for (const struct node *item = claims && claims->type == NODE_LIST ? claims->first : NULL;
	     item && checked < VIEW_ITEMS_MAX; item = item->next, checked++)
		if (str_eq(view_text_of(item, STR("name")), name))
			return true;
	return claims && claims->count > VIEW_ITEMS_MAX;
}

static void check_claims(const struct pod_view *pod, const struct node *container)
{
	const struct node *claims = view_path(container, "resources.claims");
	const struct node *listed = view_get(pod->spec, STR("resourceClaims"));
	for (const struct node *item = claims && claims->type == NODE_LIST ? claims->first : NULL; item;
	     item = item->next) {
		const struct node *name = view_get(item, STR("name"));
		if (pod->view->partial || view_text(name).len == 0 || lists_claim(listed, name->text))
			continue;
		VIEW_LINT(pod->view, LINT_CLAIM_UNDEFINED, name->at,
			  "the Pod has no claim \"" SHOW
			  "\", so the API server refuses it; list the claim in spec.resourceClaims",
			  SHOWN(name->text));
	}
}

void rules_container(const struct pod_view *pod, const struct node *container)
{
	rules_resources(pod, container);
	check_claims(pod, container);
	if (str_eq(pod->view->namespace, EXEMPT))
		return;
	check_variables(pod, container);
	check_mounts(pod, container);
	check_privileges(pod, container);
}
