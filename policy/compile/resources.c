/*
 * resources: the resource names that nodes advertise, and the unit in which all amounts are
 * integers.
 */
#include <stdlib.h>

#include "policy/compile/amount.h"
#include "policy/compile/classes.h"
#include "policy/compile/offers.h"
#include "policy/compile/partition.h"
#include "policy/compile/steps.h"
#include "policy/model/catalog.h"
#include "policy/model/class_part.h"

#define UNIT_MAX (INT64_C(1) << 32)
/* Always includes the sevenths, eighths and thirds of MIG. */
#define UNIT_MIN CATALOG_MIG_UNIT

static bool unit_add(int64_t *unit, int64_t denominator)
{
	int64_t more = denominator / gcd(*unit, denominator);
	return !__builtin_mul_overflow(*unit, more, unit) && *unit <= UNIT_MAX;
}

static const char no_unit[] =
    "with this number the weights, replicas and fractional quotas of the policy have no common unit; use a rounder "
    "one (fewer decimals, or replicas that are a multiple or a part of those of other Accelerators)";

/* Returns the location of the number that causes an offer's fraction. */
static struct location fraction_at(const struct doc_accelerator *doc, const struct offer *offer)
{
	return offer->shared          ? doc->sharing.replicas.at
	       : offer->division.step ? doc->capacity.step.at
	       : doc->weight.set      ? doc->weight.at
				      : doc->mig.at;
}

static bool unit_of_offers(struct compile *c, int64_t *unit)
{
	uint32_t count;
	const struct offer *offers = compile_offers(c, &count);
	for (uint32_t i = 0; i < count; i++) {
		int64_t steps = offers[i].division.step ? offers[i].division.steps : 1;
		/* A step is exact as well: gpus / (gpus_of * steps) of a device. */
		if (unit_add(unit, offers[i].gpus_of * steps / gcd(offers[i].gpus, offers[i].gpus_of * steps)) &&
		    unit_add(unit, offers[i].gpus_of) && unit_add(unit, offers[i].memory_of))
			continue;
		docs_report(c->report, c->docs, SEVERITY_ERROR,
			    fraction_at(c->accelerators[offers[i].model], &offers[i]), "%s", no_unit);
		return false;
	}
	return true;
}

static bool unit_of_quotas(struct compile *c, const struct doc_tenant *tenant, int64_t *unit)
{
	for (uint32_t q = 0; q < tenant->quotas.count; q++) {
		const struct doc_quota *quota = &tenant->quotas.items[q];
		wide nano = quota->hard.value.nano;
		if (quota->measure.value != MEASURE_GPUS || quota->hard.unlimited || nano <= 0)
			continue;
		if (unit_add(unit, QUANTITY_SCALE / gcd((int64_t)(nano % QUANTITY_SCALE), QUANTITY_SCALE)))
			continue;
		docs_report(c->report, c->docs, SEVERITY_ERROR, quota->hard.at, "%s", no_unit);
		return false;
	}
	return true;
}

void compile_unit(struct compile *c)
{
	int64_t unit = UNIT_MIN;
	bool fits = unit_of_offers(c, &unit);
	for (uint32_t t = 0; t < c->docs->tenants.count && fits; t++)
		fits = unit_of_quotas(c, &c->docs->tenants.items[t], &unit);
	/* With unit 0, every limit is 0, and none is reported because it does not fit. */
	c->policy->unit = fits ? unit : 0;
}

static int offer_order(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;
	int order = str_cmp(x->name, y->name);
	return order ? order : (x->model > y->model) - (x->model < y->model);
}

/*
 * Reports a part of a device that stands for different resources: once for each class, because the
 * same is wrong with all parts. `*reported` is the class that was reported last; offers are sorted
 * by name.
 */
static void report_part(struct compile *c, const struct resource *resource, const struct offer *offer,
			struct str *reported)
{
	const struct model *one = &c->policy->models[offer->model],
			   *other = &c->policy->models[resource->landings[0].model];
	if (str_eq(*reported, class_part_whole(offer->name)))
		return;
	*reported = class_part_whole(offer->name);
	docs_report(
	    c->report, c->docs, SEVERITY_ERROR, compile_class_at(c->accelerators[offer->model], offer->name),
	    "a slice of this class is \"%.*s\" here and \"%.*s\" for Accelerator \"%.*s\"%s; give each a class of "
	    "its own, or both the same %s",
	    STR_ARG(offer->stands_for), STR_ARG(resource->stands_for), STR_ARG(other->name),
	    one->strategy != other->strategy ? ", since only one of the two has the MIG strategy `single`" : "",
	    one->strategy != other->strategy ? "strategy" : "names of slices");
}

/*
 * Reports a device class that stands for different resources, or is the name of one. `reported` is
 * as for report_part.
 */
static void check_class(struct compile *c, const struct resource *resource, const struct offer *offer,
			struct str *reported)
{
	const struct policy *policy = c->policy;
	bool classes = str_present(resource->stands_for) && str_present(offer->stands_for);
	/* One Accelerator with two ways for a class is reported where classes are compiled. */
	bool same = resource->any == offer->any && (resource->any || str_eq(resource->stands_for, offer->stands_for));
	if (same || (classes && resource->landings[0].model == offer->model))
		return;
	if (class_part_is(offer->name)) {
		report_part(c, resource, offer, reported);
		return;
	}
	struct str other = policy->models[resource->landings[0].model].name;
	struct location at = compile_class_at(c->accelerators[offer->model], offer->name);
	if (!classes)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, at,
		    "\"%.*s\" is the `resource` of one Accelerator and a class of the other, \"%.*s\"; list the "
		    "class in deviceClasses of both",
		    STR_ARG(offer->name), STR_ARG(other));
	else if (resource->any != offer->any)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, at,
		    "a device of this class is a slice of any profile for one Accelerator and something else for "
		    "the other, \"%.*s\"; give each a class of its own, or write `any` in both",
		    STR_ARG(other));
	else
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, at,
		    "a device of this class is \"%.*s\" here and \"%.*s\" for Accelerator \"%.*s\"; give each a "
		    "class of its own, or both the same `resource`",
		    STR_ARG(offer->stands_for), STR_ARG(resource->stands_for), STR_ARG(other));
}

void compile_resources(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count;
	struct offer *offers = compile_offers(c, &count);
	struct str reported = {NULL, 0};
	if (count)
		qsort(offers, count, sizeof *offers, offer_order);
	struct resource *resources = compile_alloc(c, count, sizeof *resources);
	struct landing *landings = compile_alloc(c, count, sizeof *landings);
	if (index_init(&policy->resource_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	/* After an error, the numbers have no meaning. */
	int64_t unit = c->report->errors ? 0 : policy->unit;
	for (uint32_t i = 0; i < count; i++) {
		const struct offer *offer = &offers[i];
		landings[i] = (struct landing){.model = offer->model,
					       .shared = offer->shared,
					       .max_per_container = policy->models[offer->model].max_per_container,
					       .division = offer->division,
					       .gpus = (wide)offer->gpus * (unit / offer->gpus_of),
					       .memory = offer->memory == MEMORY_UNKNOWN
							     ? MEMORY_UNKNOWN
							     : (wide)offer->memory * (unit / offer->memory_of)};
		if (i == 0 || !str_eq(offers[i - 1].name, offer->name)) {
			struct resource *resource = &resources[policy->resource_count];
			*resource = (struct resource){.name = offer->name,
						      .stands_for = offer->stands_for,
						      .any = offer->any,
						      .slice = offer->slice,
						      .landings = &landings[i]};
			index_add(&policy->resource_names, offer->name, (struct str){NULL, 0},
				  policy->resource_count++);
		}
		check_class(c, &resources[policy->resource_count - 1], offer, &reported);
		/* What is a slice on some models only is none. */
		resources[policy->resource_count - 1].slice &= offer->slice;
		resources[policy->resource_count - 1].landing_count++;
	}
	policy->resources = resources;
	compile_partition(c, landings);
}
