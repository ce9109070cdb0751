/* What a suite is given, before its first step. */
#include "gpugate/quota.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_names.h"
#include "webhook/simulate/suite_state.h"
#include "webhook/simulate/usage.h"

/* --- Pods, namespaces, and nodes --- */

static int give_held(struct suite_state *state, const struct suite_held *held, struct error *err)
{
	struct container *container = arena_zalloc(&state->arena, 1, sizeof *container);
	struct str uid = simulation_uid(state->simulation, &state->arena);
	if (!container || uid.len == 0)
		return state_no_memory(err);
	if (suite_check_held(state, held, err) < 0 ||
	    suite_note_name(state, held->namespace, held->name, false, err) < 0)
		return -1;
	*container = (struct container){.list = CONTAINER_REGULAR,
					.name = STR("held"),
					.has_resources = true,
					.requests = held->requests,
					.limits = held->requests};
	const struct pod pod = {.present = true,
				.name = held->name.len ? held->name : uid,
				.namespace = held->namespace,
				.uid = uid,
				.containers = container,
				.container_count = 1,
				.node_name = held->node,
				.phase = STR("Running")};
	if (simulation_pod(state->simulation, &pod) < 0)
		return state_no_memory(err);
	return state_remember(state, &(struct known_pod){.made_from = pod.name, .pod = pod}, err);
}

typedef int give_labels(struct simulation *, struct str, const struct pairs *);

static int give(struct suite_state *state, const struct suite_namespace *items, uint32_t count, give_labels *take,
		struct error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct pairs labels = items[i].labels;
		labels.present = true;
		if (take(state->simulation, items[i].name, &labels) < 0)
			return state_no_memory(err);
	}
	return 0;
}

/* --- Amounts --- */

/*
 * Messages truncate what is not exact, so the next unit above is taken: `0.28` is then two sevenths
 * again.
 */
static int read_amount(const struct policy *policy, const struct quota_view *quota, struct str text, wide *amount,
		       struct error *err)
{
	struct quantity value;
	int64_t unit = policy_unit(policy);
	enum quantity_result result = suite_amount(text, &value);
	if (result != QUANTITY_OK)
		return error_set(err, "given.usage: \"%.*s\" %s; write an amount as messages print it, such as %s",
				 (int)(text.len < 64 ? text.len : 64), text.ptr, quantity_problem(result),
				 quota->measure == MEASURE_MEMORY ? "40Gi" : "3");
	if (quota->measure == MEASURE_MEMORY && quantity_lacks_unit(text, &value))
		return error_set(err, "given.usage: \"%.*s\" is memory in bytes; write a unit, such as %.*sGi",
				 STR_ARG(text), (int)(text.len < 8 ? text.len : 8), text.ptr);
	*amount = (value.nano * unit + QUANTITY_SCALE - 1) / QUANTITY_SCALE;
	return 0;
}

static int give_amounts(struct suite_state *state, struct error *err)
{
	const struct pairs *usage = &state->suite->spec.given.usage;
	const struct policy *policy = state->means->coverage->policy;
	for (uint32_t i = 0; i < usage->count; i++) {
		const struct pair *pair = &usage->items[i];
		uint32_t index = suite_quota(policy, pair->key);
		struct quota_view quota;
		wide amount = 0;
		bool known = index != UINT32_MAX;
		if (known)
			policy_quota(policy, index, &quota);
		if ((known ? read_amount(policy, &quota, pair->value, &amount, err)
			   : suite_refuse_quota(policy, "given.usage", pair->key, err)) < 0)
			return suite_error_at(state->manifest,
					      suite_place(state->manifest, pair->key, state->suite->at), err);
		if (amount > 0)
			simulation_assume(state->simulation, index, amount);
	}
	return 0;
}

/* --- All --- */

static int give_time(struct suite_state *state, struct error *err)
{
	struct str time = state->suite->spec.given.time;
	int64_t ms;
	if (!str_present(time))
		return 0;
	if (suite_time(state->manifest, time, state->suite->at, &ms, err) < 0)
		return -1;
	simulation_begin(state->simulation, ms);
	return 0;
}

int state_given(struct suite_state *state, struct error *err)
{
	const struct suite_given *given = &state->suite->spec.given;
	if (give_time(state, err) < 0 || give_amounts(state, err) < 0 ||
	    give(state, given->namespaces, given->namespace_count, simulation_namespace, err) < 0 ||
	    give(state, given->nodes, given->node_count, simulation_node, err) < 0)
		return -1;
	for (uint32_t i = 0; i < given->files.count; i++) {
		const struct manifest *manifest = state_read(state, given->files.items[i], err);
		if (!manifest || simulation_usage(state->simulation, manifest, NULL, err) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < given->held_count; i++)
		if (give_held(state, &given->held[i], err) < 0)
			return -1;
	return 0;
}
