/*
 * rules: what is judged in manifests. Each rule adds findings to the report of the view. Its ids
 * are rows of policy/document/lint_id.c.
 */
#ifndef POLICY_MANIFEST_RULES_H
#define POLICY_MANIFEST_RULES_H

#include "policy/manifest/view.h"

/* Rules for an object by its kind: autoscalers, quotas, selectors. */
void rules_object(const struct view *view);

/* A rule for the versions of charts, in an object, or in a file that has no kind. */
void rules_charts(const struct view *view);

/* Rules for the configurations of NVIDIA's device plugin in a ConfigMap. */
void rules_config_map(const struct view *view);

/* Notes to which ConfigMaps the document refers. */
void rules_references(const struct view *view);

/* Rules for what a ResourceClaim or a ResourceClaimTemplate requests. */
void rules_claim(const struct view *view);
void rules_claim_template(const struct view *view);

/* Rules for every Pod and every template of Pods in the object. */
void rules_pods(const struct view *view);

/* Rules for one container of a Pod. */
void rules_container(const struct pod_view *pod, const struct node *container);

/* Rules for what a container requests. */
void rules_resources(const struct pod_view *pod, const struct node *container);

/* Whether a container requests an accelerator that the catalog knows, and how many units. */
bool rules_asks(const struct node *container);

/* Whether a key names an extended resource: it has a domain that is not one of Kubernetes. */
bool rules_is_extended(struct str name);

/*
 * Whether the API server requires a whole number of that resource, and a limit that equals the
 * request. It does not for deviceclass.resource.kubernetes.io/..., which rules_is_extended includes
 * (pkg/apis/core/validation and helper: IsExtendedResourceName).
 */
bool rules_is_limited(struct str name);

/* Rules for the name of an extended resource. `at` is the place of the name. */
void rules_name(const struct view *view, struct str name, struct location at);

/* A rule for the key of a node label. */
void rules_label(const struct view *view, const struct node *key);

#endif
