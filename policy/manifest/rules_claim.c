/* rules_claim: rules for ResourceClaims and ResourceClaimTemplates. */
#include "gpugate/quantity.h"
#include "policy/manifest/rules.h"

static const struct node *first_of(const struct node *list)
{
	return list && list->type == NODE_LIST ? list->first : NULL;
}

/* --- Names --- */

static void check_class(const struct view *view, const struct node *request)
{
	const struct node *name = view_get(request, STR("deviceClassName"));
	struct str text = view_text(name);
	if (str_has_char(text, '/') && !view_is_template(text))
		VIEW_LINT(view, LINT_DEVICE_CLASS_WRONG, name->at,
			  "\"" SHOW
			  "\" is no name of a DeviceClass, so the API server refuses the claim; write one such "
			  "as gpu.nvidia.com",
			  SHOWN(text));
}

/* --- Capacity --- */

static void check_amount(const struct view *view, const struct node *key)
{
	char meant[32];
	struct quantity quantity;
	struct str text = view_text(key->value);
	if (text.len == 0 || view_is_template(text) || node_is_null(key->value))
		return;
	if (quantity_parse(text, &quantity) == QUANTITY_SYNTAX) {
		bool known = quantity_meant(text, meant, sizeof meant) != NULL;
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, key->value->at,
			  "\"" SHOW "\" is not a quantity, so the API server refuses it; %s%s%s", SHOWN(text),
			  known ? "did you mean " : "write one such as 6Gi", known ? meant : "", known ? "?" : "");
	} else if (str_eq(key->text, STR("memory")) && quantity_parse(text, &quantity) == QUANTITY_OK &&
		   quantity_lacks_unit(text, &quantity)) {
		VIEW_LINT(view, LINT_CLAIM_MEMORY_UNIT, key->value->at,
			  "\"" SHOW
			  "\" is an amount of bytes, so the claim gets the smallest part of a device; add the "
			  "unit, such as Gi",
			  SHOWN(text));
	}
}

static void check_capacity(const struct view *view, const struct node *request)
{
	const struct node *requests = view_path(request, "capacity.requests");
	for (const struct node *key = requests && requests->type == NODE_MAP ? requests->first : NULL; key;
	     key = key->next)
		check_amount(view, key);
}

/* --- What says which devices --- */

/* Whether a scalar is there, is no template, and is none of the words; `words` ends with NULL. */
static bool is_other(const struct node *value, const char *const *words)
{
	struct str text = view_text(value);
	if (text.len == 0 || view_is_template(text) || node_is_null(value))
		return false;
	while (*words && !str_eq(text, str_of(*words)))
		words++;
	return *words == NULL;
}

static void check_mode(const struct view *view, const struct node *request)
{
	static const char *const modes[] = {"ExactCount", "All", NULL};
	const struct node *mode = view_get(request, STR("allocationMode")), *count = view_get(request, STR("count"));
	struct quantity number;
	/* The API server treats a count of 0 as absent. */
	bool counts = count && quantity_parse(view_text(count), &number) == QUANTITY_OK && number.nano != 0;
	if (is_other(mode, modes))
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, mode->at,
			  "\"" SHOW "\" is no allocationMode, so the API server refuses it; write ExactCount or All",
			  SHOWN(mode->text));
	else if (counts && str_eq(view_text(mode), STR("All")))
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, count->at,
			  "with allocationMode: All, the API server refuses a count; remove it");
	else if (counts && number.nano < 0)
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, count->at,
			  "the API server refuses a negative count; write at least 1");
}

/* What `exactly` or an alternative says. */
static void check_devices(const struct view *view, const struct node *request)
{
	if (!request)
		return;
	check_class(view, request);
	check_mode(view, request);
	check_capacity(view, request);
}

/* The same, where the version of the API requires the class there. */
static void check_choice(const struct view *view, const struct node *choice)
{
	if (choice && choice->type == NODE_MAP && !view->partial && !node_find(choice, STR("deviceClassName")))
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, choice->at,
			  "this request names no deviceClassName, so the API server refuses it; add one such as "
			  "gpu.nvidia.com");
	check_devices(view, choice);
}

/* --- The form of a request --- */

/* What says which devices, and how many. Versions before v1beta2 have it in the request itself. */
static const struct str of_devices[] = {
    STR_INIT("deviceClassName"), STR_INIT("selectors"),   STR_INIT("allocationMode"), STR_INIT("count"),
    STR_INIT("adminAccess"),     STR_INIT("tolerations"), STR_INIT("capacity")};

/* Returns the first of these keys in the request; NULL: it has none. */
static const struct node *find_flat(const struct node *request)
{
	for (size_t i = 0; i < sizeof of_devices / sizeof of_devices[0]; i++) {
		const struct node *key = node_find(request, of_devices[i]);
		if (key)
			return key;
	}
	return NULL;
}

static void check_form(const struct view *view, const struct node *request)
{
	const struct node *exactly = view_given(request, STR("exactly")),
			  *first = view_given(request, STR("firstAvailable")), *flat = find_flat(request);
	bool known = str_eq(view->version, STR("v1")) || str_eq(view->version, STR("v1beta2"));
	if (view->partial || request->type != NODE_MAP)
		return;
	if (!known && exactly)
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, exactly->at,
			  "resource.k8s.io/%.*s has no `exactly`, so the API server refuses this; write apiVersion: "
			  "resource.k8s.io/v1",
			  STR_ARG(view->version));
	if (!known)
		return;
	if (flat)
		VIEW_LINT(
		    view, LINT_CLAIM_REQUEST_WRONG, flat->at,
		    "in resource.k8s.io/%.*s, " SHOW
		    " belongs below `exactly`, so the API server refuses this; indent what belongs to the devices "
		    "below `exactly:`",
		    STR_ARG(view->version), SHOWN(flat->text));
	else if (exactly && first)
		VIEW_LINT(
		    view, LINT_CLAIM_REQUEST_WRONG, first->at,
		    "a request may have only one of `exactly` and `firstAvailable`, and this one has both, so the API "
		    "server refuses it; remove one");
	else if (!exactly && !first)
		VIEW_LINT(view, LINT_CLAIM_REQUEST_WRONG, request->at,
			  "this request has neither `exactly` nor `firstAvailable`, so the API server refuses it; "
			  "add `exactly` with a deviceClassName");
}

/* --- Requests --- */

static void check_requests(const struct view *view, const struct node *spec)
{
	for (const struct node *item = first_of(view_path(spec, "devices.requests")); item; item = item->next) {
		check_form(view, item);
		check_devices(view, item);
		check_choice(view, view_get(item, STR("exactly")));
		for (const struct node *choice = first_of(view_get(item, STR("firstAvailable"))); choice;
		     choice = choice->next)
			check_choice(view, choice);
	}
}

void rules_claim(const struct view *view)
{
	check_requests(view, view_get(view->root, STR("spec")));
}

void rules_claim_template(const struct view *view)
{
	check_requests(view, view_path(view->root, "spec.spec"));
}
