#include "webhook/simulate/replay_quotas.h"

#include "gpugate/quota.h"
#include "webhook/json/text.h"
#include "webhook/simulate/explain.h"

/* What the Pods that exist hold of a quota. */
struct load {
	struct quota_view quota;
	wide used;
	bool over;
};

static struct load load_of(const struct replay_side *side, uint32_t quota)
{
	struct load load;
	policy_quota(side->policy, quota, &load.quota);
	load.used = ledger_held(simulation_ledger(side->existing))[quota].used;
	load.over = !load.quota.unlimited && load.used > load.quota.hard + load.quota.borrow;
	return load;
}

static bool was_over(const struct replay *replay, const struct quota_view *quota)
{
	const struct replay_side *side = &replay->sides[REPLAY_BEFORE];
	uint32_t count = side->policy ? policy_quota_count(side->policy) : 0;
	for (uint32_t i = 0; i < count; i++) {
		struct load load = load_of(side, i);
		if (str_eq(load.quota.tenant, quota->tenant) && str_eq(load.quota.name, quota->name))
			return load.over;
	}
	return false;
}

int replay_quotas_count(struct replay *replay)
{
	const struct replay_side *side = &replay->sides[REPLAY_AFTER];
	for (uint32_t i = 0; i < policy_quota_count(side->policy); i++) {
		struct load load = load_of(side, i);
		if (load.over && !was_over(replay, &load.quota) &&
		    replay_changes_count(&replay->changes, 1u << REPLAY_QUOTA_EXCEEDED, load.quota.tenant) < 0)
			return -1;
	}
	return 0;
}

static json_t *amount(const struct replay_side *side, wide amount, enum measure measure)
{
	struct buf text;
	buf_init(&text, 256);
	amount_print(amount, policy_unit(side->policy), measure, &text);
	json_t *string = json_text(buf_view(&text));
	buf_release(&text);
	return string;
}

static bool is_cut(const struct replay_side *side, const struct load *load)
{
	const struct quota_view *quota = &load->quota;
	int64_t unit = policy_unit(side->policy);
	return amount_is_cut(load->used, unit, quota->measure) ||
	       amount_is_cut(quota->hard + quota->borrow, unit, quota->measure);
}

static json_t *load_json(const struct replay *replay, const struct load *load)
{
	const struct replay_side *side = &replay->sides[REPLAY_AFTER];
	const struct quota_view *quota = &load->quota;
	wide limit = quota->hard + quota->borrow;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "tenant", json_text(quota->tenant), "quota",
			 json_text(quota->name), "used", amount(side, load->used, quota->measure), "limit",
			 amount(side, limit, quota->measure), "over", amount(side, load->used - limit, quota->measure),
			 "newly", !was_over(replay, quota), "at", explain_location(quota->at.file, quota->at.line));
}

json_t *replay_quotas_json(const struct replay *replay, bool *cut)
{
	const struct replay_side *side = &replay->sides[REPLAY_AFTER];
	json_t *list = json_array();
	for (uint32_t i = 0; i < policy_quota_count(side->policy); i++) {
		struct load load = load_of(side, i);
		if (!load.over)
			continue;
		json_array_append_new(list, load_json(replay, &load));
		*cut |= is_cut(side, &load);
	}
	return list;
}
