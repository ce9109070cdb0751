/* rules_resources: what a container requests, and whether the API server and the node allow it. */
#include "policy/manifest/rules.h"

#include "gpugate/quantity.h"
#include "policy/base/glob.h"
#include "policy/model/catalog.h"

/* What one container requests, over all resources. */
struct asked {
	struct str whole, part, slice; /* The first of each. */
	struct str other_slice;
	struct location part_at, other_at;
};

static bool is_part(struct str name)
{
	return str_starts(name, CATALOG_MIG_PREFIX) || str_ends(name, CATALOG_SHARED_SUFFIX);
}

/* Whether the name is that of whole devices only, and not one that something may be renamed to. */
static bool is_whole(struct str name)
{
	const struct catalog_resource *row = catalog_find(name);
	return row && row->role == ROLE_DEVICE && glob_is_exact(row->pattern) &&
	       !str_eq(catalog_vendor(name), STR("gpu.intel.com"));
}

static void note(struct asked *asked, struct str name, struct location at)
{
	bool slice = str_starts(name, CATALOG_MIG_PREFIX);
	if (is_part(name) && !str_present(asked->part)) {
		asked->part = name;
		asked->part_at = at;
	}
	if (is_whole(name) && !str_present(asked->whole))
		asked->whole = name;
	if (slice && !str_present(asked->slice)) {
		asked->slice = name;
	} else if (slice && !str_eq(asked->slice, name) && !str_present(asked->other_slice)) {
		asked->other_slice = name;
		asked->other_at = at;
	}
}

static void check_amount(const struct view *view, const struct node *key, struct asked *asked)
{
	const struct node *value = key->value;
	int64_t count = 0;
	if (value->bad || value->type != NODE_SCALAR || view_is_template(value->text) || node_is_null(value))
		return;
	bool whole = quantity_count(value->text, &count) == QUANTITY_OK;
	if (!whole && rules_is_limited(key->text))
		VIEW_LINT(
		    view, LINT_REQUEST_NOT_INTEGER, value->at,
		    "\"" SHOW "\" of " SHOW
		    " is no whole number, so the API server refuses the Pod; write 1, or request a slice or a share "
		    "by its own name",
		    SHOWN(value->text), SHOWN(key->text));
	if (!whole || count == 0)
		return;
	note(asked, key->text, key->at);
	if (count > 1 && str_ends(key->text, CATALOG_SHARED_SUFFIX))
		VIEW_LINT(
		    view, LINT_SHARE_ABOVE_ONE, value->at,
		    "the container requests %lld shares of a device, of which two can be of the same device; write "
		    "1, or request a whole device",
		    (long long)count);
}

/* Only a ResourceQuota has keys that begin with "requests.". */
static void check_prefix(const struct view *view, const struct node *map, const struct node *key)
{
	struct str prefix = STR("requests."), name = key->text, bare;
	if (!str_starts(name, prefix))
		return;
	bare = str_tail(name, prefix.len);
	if (!rules_is_limited(bare) || view_is_template(bare))
		return;
	VIEW_LINT(view, LINT_REQUEST_PREFIX, key->at,
		  "\"" SHOW "\" is the key of a ResourceQuota, so the API server refuses the Pod; write \"" SHOW "\"",
		  SHOWN(name), SHOWN(bare));
	if (!node_find(map, bare))
		VIEW_FIX(view, LINT_REQUEST_PREFIX, key, key, name, bare);
}

/*
 * Only Kubernetes' own resources have names without a domain, so the API server refuses "gpu". Any
 * other wrong name is no concern of this program.
 */
static void check_domain(const struct view *view, const struct node *key)
{
	static const struct str words[] = {STR_INIT("gpu"), STR_INIT("gpus"), STR_INIT("nvidia"), STR_INIT("mig")};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_eq(key->text, words[i]))
			VIEW_LINT(view, LINT_RESOURCE_MISSPELLED, key->at,
				  "no resource of a container is called \"" SHOW
				  "\", so the API server refuses the Pod; did you mean \"nvidia.com/gpu\"?",
				  SHOWN(key->text));
}

/* Names and amounts of one of the two maps; `other` is the one that was checked before. */
static void check_map(const struct view *view, const struct node *map, const struct node *other, struct asked *asked)
{
	uint32_t checked = 0;
	for (const struct node *key = map && map->type == NODE_MAP ? map->first : NULL; key && checked < VIEW_ITEMS_MAX;
	     key = key->next, checked++) {
		const struct node *same = other ? node_find(other, key->text) : NULL;
		check_prefix(view, map, key);
		check_domain(view, key);
		if (!rules_is_extended(key->text) || view_is_template(key->text))
			continue;
		if (!same)
			rules_name(view, key->text, key->at);
		if (!same || !str_eq(view_text(same->value), view_text(key->value)))
			check_amount(view, key, asked);
	}
}

/* --- Requests and limits --- */

/* An amount that is no whole number is reported as that. */
static bool differ(const struct node *left, const struct node *right)
{
	int64_t a, b;
	return !left->bad && !right->bad && left->type == NODE_SCALAR && right->type == NODE_SCALAR &&
	       quantity_count(left->text, &a) == QUANTITY_OK && quantity_count(right->text, &b) == QUANTITY_OK &&
	       a != b;
}

/* A request that has no limit becomes the limit, which is then the request as well. */
static void fix_requests(const struct view *view, const struct node *resources, const struct node *key)
{
	const struct node *requests = node_find(resources, STR("requests"));
	if (node_find(resources, STR("limits")))
		return;
	for (const struct node *other = requests->value->first; other; other = other->next)
		if (!rules_is_extended(other->text))
			return;
	VIEW_FIX(view, LINT_REQUEST_WITHOUT_LIMIT, key, requests, STR("requests"), STR("limits"));
}

static void compare(const struct pod_view *pod, const struct node *resources, bool whole)
{
	const struct view *view = pod->view;
	const struct node *requests = view_get(resources, STR("requests")),
			  *limits = view_get(resources, STR("limits"));
	uint32_t checked = 0;
	for (const struct node *key = requests && requests->type == NODE_MAP ? requests->first : NULL;
	     key && checked < VIEW_ITEMS_MAX; key = key->next, checked++) {
		const struct node *limit = limits ? node_find(limits, key->text) : NULL;
		if (!rules_is_limited(key->text) || view_is_template(key->text))
			continue;
		if (!limit && whole) {
			VIEW_LINT(view, LINT_REQUEST_WITHOUT_LIMIT, key->at,
				  SHOW " is requested without a limit, so the API server refuses the Pod; write it in "
				       "resources.limits",
				  SHOWN(key->text));
			if (requests->count <= VIEW_ITEMS_MAX)
				fix_requests(view, resources, key);
		} else if (limit && differ(key->value, limit->value)) {
			VIEW_LINT(view, LINT_REQUEST_DIFFERS, key->value->at,
				  "the request of " SHOW " is " SHOW " and its limit " SHOW
				  ", so the API server refuses the Pod; write the limit only",
				  SHOWN(key->text), SHOWN(key->value->text), SHOWN(limit->value->text));
		}
	}
}

void rules_resources(const struct pod_view *pod, const struct node *container)
{
	const struct view *view = pod->view;
	const struct node *resources = view_get(container, STR("resources"));
	const struct node *requests = view_get(resources, STR("requests")),
			  *limits = view_get(resources, STR("limits"));
	struct asked asked = {.whole = {NULL, 0}};
	bool whole = !view->partial && view_get(container, STR("image"));
	check_map(view, limits, NULL, &asked);
	check_map(view, requests, limits, &asked);
	compare(pod, resources, whole);
	if (str_present(asked.other_slice))
		VIEW_LINT(view, LINT_MIXED_MIG_PROFILES, asked.other_at,
			  "the container requests " SHOW " and another MIG profile, of which it sees only one; request "
			  "one profile, or use two containers",
			  SHOWN(asked.other_slice));
	if (str_present(asked.whole) && str_present(asked.part) &&
	    str_eq(catalog_vendor(asked.whole), catalog_vendor(asked.part)))
		VIEW_LINT(view, LINT_WHOLE_AND_PART, asked.part_at,
			  "the container requests " SHOW " beside " SHOW
			  ", of which it sees only one; request one of them, or use two containers",
			  SHOWN(asked.part), SHOWN(asked.whole));
}

bool rules_asks(const struct node *container)
{
	static const struct str maps[] = {STR_INIT("limits"), STR_INIT("requests")};
	const struct node *resources = view_get(container, STR("resources"));
	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		const struct node *map = view_get(resources, maps[i]);
		for (const struct node *key = map && map->type == NODE_MAP ? map->first : NULL; key; key = key->next) {
			const struct catalog_resource *row = catalog_find(key->text);
			int64_t count;
			struct str text = view_text(key->value);
			if (row && role_is_accelerator(row->role) && text.len > 0 &&
			    (quantity_count(text, &count) != QUANTITY_OK || count > 0))
				return true;
		}
	}
	return false;
}
