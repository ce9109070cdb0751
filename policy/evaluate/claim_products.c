/*
 * claim_products: on which nodes a ResourceClaim can be given devices, by the products that its
 * selectors require, as a Pod would require the labels of these products.
 */
#include "gpugate/arena.h"
#include "gpugate/claim.h"
#include "gpugate/consumer.h"
#include "gpugate/product_label.h"

/* Terms that are being listed. */
struct terms {
	struct arena *arena;
	struct node_term *items;
	uint32_t count;
};

static bool has_term(const struct terms *terms, struct str key, struct str value)
{
	for (uint32_t i = 0; i < terms->count; i++)
		if (str_eq(terms->items[i].expressions->key, key) &&
		    str_eq(terms->items[i].expressions->values.items[0], value))
			return true;
	return false;
}

/* Adds a term for the product of an option. Returns 1, 0 if it tells none, or -1. */
static int add(struct terms *terms, const struct claim_option *option)
{
	char text[PRODUCT_LABEL_MAX];
	size_t len = product_label_value(option->product_driver, option->product, text);
	struct str key = product_label_key(option->product_driver), value = {text, len};
	if (len == 0 || has_term(terms, key, value))
		return len > 0;
	struct node_expression *expression = arena_zalloc(terms->arena, 1, sizeof *expression);
	struct str *values = arena_alloc(terms->arena, sizeof *values);
	char *copy = arena_alloc(terms->arena, len);
	if (!expression || !values || !copy)
		return -1;
	memcpy(copy, text, len);
	*values = (struct str){copy, len};
	*expression = (struct node_expression){.key = key, .op = STR("In"), .values = {values, 1}};
	terms->items[terms->count++] = (struct node_term){.expressions = expression, .count = 1};
	return 1;
}

int policy_claim_placement(const struct claim *claim, struct arena *arena, struct pod *placement)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < claim->request_count && most < CLAIM_OPTIONS_MAX; i++)
		most += claim->requests[i].option_count;
	struct terms terms = {.arena = arena, .items = arena_zalloc(arena, most, sizeof *terms.items)};
	if (!terms.items)
		return -1;
	for (uint32_t i = 0; i < claim->request_count; i++)
		for (uint32_t k = 0; k < claim->requests[i].option_count; k++) {
			const struct claim_option *option = &claim->requests[i].options[k];
			int result = option->admin_access ? 1 : terms.count == most ? 0 : add(&terms, option);
			if (result <= 0)
				return result;
		}
	struct pod placed = *placement;
	placed.by_product = placed.has_required_affinity = terms.count > 0;
	placed.node_terms = terms.items;
	placed.node_term_count = terms.count;
	/* More products than can be kept and compared tell nothing. */
	if (policy_placement_bounded(&placed))
		*placement = placed;
	return 0;
}
