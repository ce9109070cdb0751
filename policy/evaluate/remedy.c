#include "policy/evaluate/remedy.h"

#include "gpugate/policy_enums.h"
#include "policy/base/show.h"
#include "policy/evaluate/companions.h"
#include "policy/evaluate/requirements.h"
#include "policy/model/class_part.h"

#define ADVICE_MAX 200 /* Bytes for what a model requires, so that the rest of the sentence fits. */

void remedy_print_amount(const struct policy *policy, const struct quota *quota, wide amount, struct buf *out)
{
	amount_print(amount, policy->unit, quota->measure, out);
	if (quota->measure == MEASURE_GPUS)
		buf_text(out, amount > policy->unit ? " GPUs" : " GPU");
}

/* --- What fits. --- */

#define CLASSES_SHOWN 2 /* Names that stand for device classes, in one message. */

/*
 * Units of a resource, on any nodes or on those of one model, that the Pod could request instead.
 */
struct fitting {
	struct str name;               /* Absent: nothing fits. */
	const struct landing *landing; /* NULL: no Accelerator has the resource. */
	int64_t memory;                /* Bytes of a device; 0: a whole one. */
	/* On nodes of other models, it does not fit or is not counted here. */
	bool elsewhere;
	wide each, count;
};

/* Returns the name of the resource for which a requested name stands, as a device class does. */
static struct str meant_resource(const struct policy *policy, struct str name)
{
	const struct resource *resource = snapshot_resource(policy, name);
	struct str class = snapshot_class(policy, name);
	if (resource && str_present(resource->stands_for))
		return resource->stands_for;
	return str_present(class) ? class : name;
}

/*
 * The name of a device class that no Accelerator lists does not identify the vendor of its devices.
 */
static bool is_any_vendor(struct str vendor)
{
	return str_eq(vendor, STR("deviceclass.resource.kubernetes.io"));
}

/* Whether the Pod requests a resource of that vendor that the quota counts. */
static bool requests_vendor(const struct refused_request *request, const struct quota *quota, struct str vendor)
{
	for (uint32_t d = 0; d < request->consumer->request_count; d++) {
		struct str name = request->consumer->requests[d].resource;
		struct str of = catalog_vendor(meant_resource(request->policy, name));
		if (charge_counts(request->policy, quota, name, snapshot_resource(request->policy, name)) &&
		    (is_any_vendor(of) || str_eq(of, vendor)))
			return true;
	}
	return false;
}

/*
 * Returns the vendor of a requested resource that the quota counts, or an absent string if it is
 * unknown.
 */
static struct str requested_vendor(const struct refused_request *request, const struct quota *quota)
{
	for (uint32_t d = 0; d < request->consumer->request_count; d++) {
		struct str name = request->consumer->requests[d].resource;
		struct str vendor = catalog_vendor(meant_resource(request->policy, name));
		if (!is_any_vendor(vendor) && requests_vendor(request, quota, vendor))
			return vendor;
	}
	return (struct str){NULL, 0};
}

/*
 * Returns how many units of a resource the Pod or claim requests, by its name and those of device
 * classes, with the largest of each group of alternatives; 1 if it requests another resource.
 */
static wide requested_count(const struct refused_request *request, struct str name)
{
	const struct consumer *consumer = request->consumer;
	wide count = 0;
	for (uint32_t d = 0, next; d < consumer->request_count; d = next) {
		wide most = 0;
		next = consumer_group_end(consumer, d);
		for (uint32_t i = d; i < next; i++)
			if (consumer->requests[i].count > most &&
			    (str_eq(consumer->requests[i].resource, name) ||
			     str_eq(class_part_whole(consumer->requests[i].resource), name) ||
			     str_eq(meant_resource(request->policy, consumer->requests[i].resource), name)))
				most = consumer->requests[i].count;
		count += most;
	}
	return count > 0 ? count : 1;
}

/*
 * Returns what one unit costs in a quota; 0 if the cost is unknown or the quota does not count it.
 */
static wide unit_cost(const struct policy *policy, const struct quota *quota, const struct fitting *unit)
{
	wide each = 0;
	if (!charge_counts(policy, quota, unit->name, snapshot_resource(policy, unit->name)))
		return 0;
	if (!unit->landing)
		return companions_cost(policy, quota, unit->name, &each) && each > 0 ? each : 0;
	each = quota_counts_model(quota, unit->landing->model)
		   ? charge_landing(policy, quota, unit->landing, unit->memory)
		   : 0;
	return each > 0 ? each : 0;
}

static wide smaller(wide a, wide b)
{
	return a < b ? a : b;
}

/*
 * Returns how many units no limit forbids: not that of the quota itself, and no other one on the
 * path of the tenant that denies.
 */
static wide count_allowed(const struct refused_request *request, const struct quota *quota, const struct fitting *unit)
{
	const struct policy *policy = request->policy;
	wide count = AMOUNT_MAX;
	for (uint32_t i = 0; i < request->denial->room_count; i++) {
		const struct charge *room = &request->denial->room[i];
		const struct quota *other = &policy->quotas[room->quota];
		bool counts = other == quota || policy->tenants[other->tenant].enforcement == ENFORCEMENT_DENY;
		wide each = counts ? unit_cost(policy, other, unit) : 0;
		if (each > 0)
			count = smaller(count, room->amount / each);
	}
	return count;
}

/*
 * Makes the units the best ones if each costs more than the previous best, or as much with a
 * shorter name, without extensions; and at least one fits.
 */
static bool consider(const struct refused_request *request, const struct quota *quota, wide left, struct fitting unit,
		     struct fitting *best)
{
	unit.each = unit_cost(request->policy, quota, &unit);
	bool better = unit.each > best->each || (unit.each == best->each && unit.name.len < best->name.len);
	if (!better || unit.each > left)
		return false;
	unit.count = count_allowed(request, quota, &unit);
	if (unit.count == 0)
		return false;
	unit.count = smaller(unit.count, requested_count(request, unit.name));
	*best = unit;
	return true;
}

/* Does the same for the largest part of a device that is left. */
static bool consider_part(const struct refused_request *request, const struct quota *quota, wide left,
			  struct fitting unit, struct fitting *best)
{
	const struct division *division = &unit.landing->division;
	if (division->step == 0)
		return false;
	wide whole = unit_cost(request->policy, quota, &unit), steps = left / (whole / division->steps + (whole == 0));
	if (whole == 0 || steps < division->least || steps >= division->steps)
		return false;
	unit.memory = (int64_t)steps * division->step;
	return consider(request, quota, left, unit, best);
}

/*
 * If no unit fits on some model, or it is not counted here, the message names the model. Otherwise
 * it says how many fit on all models.
 */
static void look_elsewhere(const struct refused_request *request, const struct quota *quota,
			   const struct resource *resource, struct fitting *best)
{
	wide count = best->count;
	for (uint32_t l = 0; l < resource->landing_count && !best->elsewhere; l++) {
		const struct fitting unit = {
		    .name = best->name, .landing = &resource->landings[l], .memory = best->memory};
		wide each = unit_cost(request->policy, quota, &unit);
		count = smaller(count, each > 0 ? count_allowed(request, quota, &unit) : 0);
		best->elsewhere = count == 0;
	}
	if (!best->elsewhere)
		best->count = count;
}

static bool is_divided(const struct resource *resource)
{
	bool divided = false;
	for (uint32_t l = 0; l < resource->landing_count; l++)
		divided |= resource->landings[l].division.step > 0;
	return divided;
}

/* Whether the Pod or claim requests the resource, or a part of such a device. */
static bool is_requested(const struct refused_request *request, const struct resource *resource)
{
	struct str whole = class_part_whole(resource->name);
	for (uint32_t d = 0; d < request->consumer->request_count; d++) {
		struct str name = request->consumer->requests[d].resource;
		if (str_eq(name, resource->name) || str_eq(class_part_whole(name), whole) ||
		    str_eq(snapshot_class(request->policy, name), resource->name))
			return true;
	}
	return false;
}

/*
 * Whether a message may name a resource. A claim can request nothing but device classes, and its
 * own ones come before `others`. To a Pod, a class is named only if the Pod requests it, and what
 * it stands for is no resource of an Accelerator that the quota counts; unless a part of its
 * devices may fit.
 */
static bool is_named(const struct refused_request *request, const struct quota *quota, const struct resource *resource,
		     bool others)
{
	if (request->consumer->kind == CONSUMER_CLAIM)
		return is_any_vendor(catalog_vendor(resource->name)) && (others || is_requested(request, resource));
	if (!str_present(resource->stands_for))
		return true;
	if (!is_divided(resource) && quota_counts_resource(quota, resource->stands_for) &&
	    snapshot_resource(request->policy, resource->stands_for))
		return false;
	return is_requested(request, resource);
}

/* Returns the parts of devices that a claim requests, with no other request; or NULL. */
static const struct resource_request *sole_part(const struct consumer *consumer)
{
	bool sole = consumer->kind == CONSUMER_CLAIM && consumer->request_count == 1 &&
		    class_part_is(consumer->requests[0].resource);
	return sole ? &consumer->requests[0] : NULL;
}

/*
 * Finds how many fewer of the requested parts fit, wherever the claim could get them. Other parts
 * may be too small for what it is to run, so these are the first choice.
 */
static bool find_fewer(const struct refused_request *request, const struct quota *quota, wide left,
		       struct fitting *best)
{
	const struct policy *policy = request->policy;
	const struct consumer *consumer = request->consumer;
	const struct resource_request *part = sole_part(consumer);
	const struct resource *resource = part ? snapshot_resource(policy, part->resource) : NULL;
	if (!resource)
		return false;
	struct scope scope = scope_of(policy, resource, consumer->models, consumer->model_count);
	struct fitting fewer = {.name = part->resource, .count = part->count - 1};
	for (uint32_t l = 0; l < resource->landing_count && fewer.count > 0; l++) {
		const struct fitting unit = {.name = part->resource,
					     .landing = &resource->landings[l],
					     .memory = class_part_memory(part->resource)};
		if (!scope_has(policy, &scope, unit.landing))
			continue;
		wide each = unit_cost(policy, quota, &unit);
		fewer.each = each > fewer.each ? each : fewer.each;
		fewer.count = smaller(fewer.count, count_allowed(request, quota, &unit));
	}
	if (fewer.each == 0 || scope.unknown)
		return false;
	fewer.count = smaller(fewer.count, left / fewer.each);
	if (fewer.count > 0)
		*best = fewer;
	return fewer.count > 0;
}

/* Whether nodes of the model offer it. Claims for other profiles are charged as well. */
static bool is_offered(const struct policy *policy, const struct landing *landing, struct str name)
{
	const struct model *model = &policy->models[landing->model];
	struct str part = str_tail(name, class_part_whole(name).len);
	bool offered = part.len == 0;
	for (uint32_t p = 0; p < model->profile_count && !offered; p++) {
		const struct class_part profile = {.profile = model->profiles[p].name};
		char text[CLASS_PART_TEXT_MAX];
		class_part_print(&profile, text);
		offered = str_eq(part, str_of(text));
	}
	return offered;
}

/* Returns the best resource of those that may be named, or NULL. */
static const struct resource *find_resource(const struct refused_request *request, const struct quota *quota, wide left,
					    bool others, struct fitting *best)
{
	const struct policy *policy = request->policy;
	const struct resource *found = NULL;
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		const struct resource *resource = &policy->resources[r];
		if (!is_named(request, quota, resource, others) ||
		    !charge_counts(policy, quota, resource->name, resource) ||
		    !requests_vendor(request, quota, catalog_vendor(meant_resource(policy, resource->name))))
			continue;
		for (uint32_t l = 0; l < resource->landing_count; l++) {
			const struct fitting unit = {.name = resource->name, .landing = &resource->landings[l]};
			if (is_offered(policy, unit.landing, unit.name) &&
			    (consider(request, quota, left, unit, best) ||
			     consider_part(request, quota, left, unit, best)))
				found = resource;
		}
	}
	return found;
}

/* Finds the resource whose single unit uses the largest part of what is left in the quota. */
static struct fitting find_fitting(const struct refused_request *request, const struct quota *quota, wide left)
{
	const struct policy *policy = request->policy;
	struct fitting best = {.each = 0};
	if (find_fewer(request, quota, left, &best))
		return best;
	const struct resource *found = find_resource(request, quota, left, false, &best);
	if (!found && request->consumer->kind == CONSUMER_CLAIM)
		found = find_resource(request, quota, left, true, &best);
	for (uint32_t d = 0; d < request->consumer->request_count; d++) {
		struct str name = request->consumer->requests[d].resource;
		if (!snapshot_resource(policy, name) &&
		    consider(request, quota, left, (struct fitting){.name = class_part_whole(name)}, &best))
			found = NULL;
	}
	if (found)
		look_elsewhere(request, quota, found, &best);
	return best;
}

static void print_fitting(const struct refused_request *request, const struct quota *quota, wide left, struct buf *out)
{
	const struct policy *policy = request->policy;
	struct fitting fitting = find_fitting(request, quota, left);
	if (!str_present(fitting.name)) {
		struct str vendor = requested_vendor(request, quota);
		buf_printf(out, ", but no%s" SHOW " resource fits", str_present(vendor) ? " " : "", SHOWN(vendor));
		return;
	}
	buf_text(out, "; fits: ");
	buf_number(out, (uint64_t)fitting.count);
	const struct class_part part = {.memory = fitting.memory};
	char text[CLASS_PART_TEXT_MAX];
	class_part_print(&part, text);
	buf_printf(out, " x %.*s%s", STR_ARG(fitting.name), text);
	if (fitting.elsewhere)
		buf_printf(out, " on %.*s", STR_ARG(policy->models[fitting.landing->model].name));
	buf_text(out, " (");
	amount_print(fitting.each * fitting.count, policy->unit, quota->measure, out);
	buf_char(out, ')');
}

void remedy_print_free(const struct refused_request *request, const struct quota_violation *quota_violation,
		       struct buf *out)
{
	const struct policy *policy = request->policy;
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	if (quota_violation->left <= 0) {
		buf_text(out, "; nothing is free");
		return;
	}
	buf_text(out, "; ");
	remedy_print_amount(policy, quota, quota_violation->left, out);
	buf_text(out,
		 quota->measure == MEASURE_MEMORY || quota_violation->left <= policy->unit ? " is free" : " are free");
	/* What one Pod could request instead does not help a group. */
	if (quota->measure != MEASURE_COUNT && quota_violation->of_group == 0)
		print_fitting(request, quota, quota_violation->left, out);
}

/* --- The model that the Pod was counted as. --- */

/* What a resource costs in a quota, over the models in a scope. */
struct costs {
	/* The most expensive landing that the quota counts; NULL: none. */
	const struct landing *dearest;
	/* A landing that costs less or is not counted; NULL: none. */
	const struct landing *cheaper;
	uint32_t count; /* Number of landings in the scope. */
};

static struct costs find_costs(const struct policy *policy, const struct quota *quota, const struct resource *resource,
			       const struct scope *scope, int64_t memory)
{
	struct costs costs = {0};
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		const struct landing *landing = &resource->landings[i];
		if (!scope_has(policy, scope, landing))
			continue;
		costs.count++;
		const struct landing *other = landing;
		if (quota_counts_model(quota, landing->model) &&
		    (!costs.dearest || charge_landing(policy, quota, landing, memory) >
					   charge_landing(policy, quota, costs.dearest, memory))) {
			other = costs.dearest;
			costs.dearest = landing;
		}
		if (other && (!quota_counts_model(quota, other->model) ||
			      charge_landing(policy, quota, other, memory) <
				  charge_landing(policy, quota, costs.dearest, memory)))
			costs.cheaper = other;
	}
	return costs;
}

static void print_counted_as(const struct policy *policy, const struct costs *costs, bool claim, struct buf *out)
{
	char known[ADVICE_MAX];
	buf_printf(out, "; counted as " SHOW, SHOWN(policy->models[costs->dearest->model].name));
	/* A claim selects devices by expressions, which are not as easily corrected. */
	if (costs->count == 1 || claim)
		return;
	const struct model *cheaper = &policy->models[costs->cheaper->model];
	requirements_print(cheaper, known, sizeof known);
	buf_printf(out, ": nothing in the Pod's node selectors rules it out; if " SHOW " is meant, select its nodes%s",
		   SHOWN(cheaper->name), known);
}

void remedy_print_model(const struct refused_request *request, const struct quota_violation *quota_violation,
			struct buf *out)
{
	const struct policy *policy = request->policy;
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	const struct consumer *consumer = request->consumer;
	for (uint32_t d = 0; d < consumer->request_count; d++) {
		struct str name = consumer->requests[d].resource;
		const struct resource *resource = snapshot_resource(policy, name);
		if (!resource || resource->landing_count < 2 || !charge_counts(policy, quota, name, resource))
			continue;
		struct scope scope = scope_of(policy, resource, consumer->models, consumer->model_count);
		struct costs costs = find_costs(policy, quota, resource, &scope, class_part_memory(name));
		if (!costs.dearest || (costs.count > 1 && !costs.cheaper))
			continue;
		print_counted_as(policy, &costs, consumer->kind == CONSUMER_CLAIM, out);
		return;
	}
}

void remedy_print_classes(const struct refused_request *request, const struct quota_violation *quota_violation,
			  struct buf *out)
{
	const struct policy *policy = request->policy;
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	uint32_t printed = 0;
	for (uint32_t d = 0; d < request->consumer->request_count && printed < CLASSES_SHOWN; d++) {
		struct str name = request->consumer->requests[d].resource, class = policy_class_of(policy, name);
		if (!str_present(class) || !charge_counts(policy, quota, name, snapshot_resource(policy, name)))
			continue;
		buf_printf(out, "; " SHOW " counts as DeviceClass \"" SHOW "\"", SHOWN(name), SHOWN(class));
		printed++;
	}
}
