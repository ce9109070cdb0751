#include "policy/evaluate/rules_claims.h"

#include "gpugate/quantity.h"
#include "policy/base/show.h"
#include "policy/evaluate/trace.h"
#include "policy/evaluate/violation.h"
#include "policy/model/catalog.h"

_Static_assert(GIVEN_CLAIMS_MAX == 64 && GIVEN_USES_MAX == 1024, "the sentences name these");

/* --- Whether it can be done --- */

/* An amount of zero says nothing of a device. */
static bool is_zero(struct str amount)
{
	int64_t count;
	return quantity_count(amount, &count) == QUANTITY_OK && count == 0;
}

static bool has_companion_in(const struct policy *policy, const struct pairs *map, struct str vendor)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (str_eq(catalog_vendor(map->items[i].key), vendor) &&
		    snapshot_role(policy, map->items[i].key) == ROLE_COMPANION && !is_zero(map->items[i].value))
			return true;
	return false;
}

static bool has_companion(const struct evaluation *e, uint32_t container, struct str from)
{
	const struct container *c = &e->pod->containers[container];
	struct str vendor = catalog_vendor(from);
	return has_companion_in(e->policy, &c->limits, vendor) || has_companion_in(e->policy, &c->requests, vendor);
}

bool rules_claims_exact(const struct evaluation *e, const struct rewrite *rewrite)
{
	const struct working_pod *working = &e->working;
	uint32_t name = working_pod_name(working, rewrite->from);
	for (uint32_t i = 0; name != INDEX_NONE && i < working->amount_count; i++) {
		const struct amount_of *amount = &working->amounts[i];
		if (amount->name == name && amount_value(amount) > 0 &&
		    (amount_value(amount) != rewrite->claim_count ||
		     has_companion(e, amount->container, rewrite->from)))
			return false;
	}
	return true;
}

/* How many containers request the name; each may need a claim of its own. */
static uint32_t requesting(const struct working_pod *working, struct str from)
{
	uint32_t name = working_pod_name(working, from), count = 0;
	for (uint32_t i = 0; name != INDEX_NONE && i < working->amount_count; i++)
		count += working->amounts[i].name == name && amount_value(&working->amounts[i]) > 0;
	return count;
}

static int refuse_claims(struct evaluation *e, const struct rule *rule, struct str from)
{
	return decision_add_violation(
	    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
	    "Rule \"" SHOW "\" would give the Pod claims of devices for " SHOW
	    ", and with them it would have more than 64 claims with names such as gpugate-0; request devices in fewer "
	    "containers, and give your own claims other names",
	    SHOWN(rule->name), SHOWN(from));
}

static int refuse_uses(struct evaluation *e, const struct rule *rule, struct str from)
{
	return decision_add_violation(
	    e->decision, e->arena, REASON_RULE, rule->enforcement, rule->name,
	    "Rule \"" SHOW "\" would give the Pod claims of devices for " SHOW
	    ", and with them its containers would use claims with names such as gpugate-0 more than 1024 times; give "
	    "your own claims other names",
	    SHOWN(rule->name), SHOWN(from));
}

int rules_claims_bounded(struct evaluation *e, const struct rule *rule, const struct plan *plan, bool *denied)
{
	const struct given_claims *given = e->working.given;
	uint64_t more = 0;
	for (uint32_t w = 0; w < rule->rewrite_count; w++) {
		struct str from = rule->rewrites[w].from;
		if (!str_present(plan->targets[w].template))
			continue;
		more += requesting(&e->working, from);
		bool claims = given->count + more > GIVEN_CLAIMS_MAX;
		*denied = claims || given->use_count + more > GIVEN_USES_MAX;
		if (*denied)
			return claims ? refuse_claims(e, rule, from) : refuse_uses(e, rule, from);
	}
	return 0;
}

bool rules_claims_has(const struct evaluation *e, const struct amount_of *amount, const struct results *results)
{
	const struct given_claims *given = e->working.given;
	if (!given || given_claims_exceed(given))
		return false;
	for (uint32_t i = 0; i < results->claim_count; i++)
		if (results->claims[i]->claim_count == amount_value(amount) &&
		    given_claims_uses(given, amount->container, results->claims[i]->template))
			return true;
	return false;
}

/* --- The change --- */

/*
 * Containers that are being given claims by one rewrite. What cannot get one keeps its request, so
 * that no device is lost; rules_claims_bounded refuses such a Pod before.
 */
struct giving {
	struct evaluation *e;
	const struct rule *rule;
	const struct rewrite *rewrite;
	uint32_t name;
	bool *changed;
};

static bool ends_first(const struct container *container)
{
	return container->list == CONTAINER_INIT && !container->sidecar;
}

static struct amount_of *requested(const struct giving *g, uint32_t container)
{
	struct amount_of *amount = working_pod_amount(&g->e->working, container, g->name);
	return amount && amount_value(amount) > 0 ? amount : NULL;
}

static void use(struct giving *g, struct amount_of *amount, uint32_t number)
{
	trace_amount(g->e, g->rule, amount, (struct str){NULL, 0});
	trace_claim(g->e, g->rule, amount->container, number, g->rewrite->template);
	given_claims_use(g->e->working.given, amount->container, number);
	amount->request = amount->limit = AMOUNT_ABSENT;
	*g->changed = true;
}

/*
 * Containers that run until the Pod ends get claims of their own. Returns the numbers by container.
 */
static uint32_t *give_own(struct giving *g)
{
	struct working_pod *working = &g->e->working;
	uint32_t *numbers = arena_alloc(g->e->arena, g->e->pod->container_count * sizeof *numbers);
	for (uint32_t i = 0; numbers && i < g->e->pod->container_count; i++) {
		struct amount_of *amount = ends_first(&g->e->pod->containers[i]) ? NULL : requested(g, i);
		numbers[i] = GIVEN_NONE;
		if (!amount)
			continue;
		numbers[i] = given_claims_add(working->given, g->rewrite->template);
		if (numbers[i] != GIVEN_NONE)
			use(g, amount, numbers[i]);
	}
	return numbers;
}

/*
 * Init containers run one after another, so each uses a claim of a container that starts after it,
 * as it would use the same devices of a device plugin.
 */
static void give_shared(struct giving *g, const uint32_t *numbers)
{
	uint32_t later = GIVEN_NONE;
	for (uint32_t i = g->e->pod->container_count; i-- > 0;) {
		struct amount_of *amount = ends_first(&g->e->pod->containers[i]) ? requested(g, i) : NULL;
		if (numbers[i] != GIVEN_NONE)
			later = numbers[i];
		if (!amount)
			continue;
		if (later == GIVEN_NONE)
			later = given_claims_add(g->e->working.given, g->rewrite->template);
		if (later != GIVEN_NONE)
			use(g, amount, later);
	}
}

int rules_claims_give(struct evaluation *e, const struct rule *rule, const struct rewrite *rewrite, bool *changed)
{
	struct giving g = {e, rule, rewrite, working_pod_name(&e->working, rewrite->from), changed};
	if (g.name == INDEX_NONE)
		return 0;
	const uint32_t *numbers = give_own(&g);
	if (!numbers)
		return -1;
	give_shared(&g, numbers);
	return 0;
}
