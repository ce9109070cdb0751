#include "webhook/cmd/lint_requests.h"

#include "gpugate/quantity.h"
#include "gpugate/quota.h"
#include "gpugate/slice_choice.h"
#include "webhook/cmd/lint_place.h"

#define OFFERS_MAX 16 /* Resources of one object that are named. */
#define AMOUNT_BYTES 64

/* Resources that findings about an object have named. */
struct named {
	struct str items[OFFERS_MAX];
	uint32_t count;
};

/* Whether nothing is to be said about a resource: the container has none of it, or it was said. */
static bool is_passed_over(const struct lint_judged *judged, const struct pair *pair, const struct named *named)
{
	struct str about = judged->outcome->about;
	bool over = str_eq(pair->value, STR("0")) || named->count == OFFERS_MAX ||
		    (str_present(about) && str_eq(about, pair->key));
	for (uint32_t n = 0; n < named->count; n++)
		over |= str_eq(named->items[n], pair->key);
	return over;
}

/* --- What no Accelerator has --- */

/* Names a resource that no Accelerator has, once for an object. */
static void find_lacking(const struct lint_judged *judged, const struct pairs *map, struct named *named)
{
	for (uint32_t i = 0; i < map->count; i++) {
		struct str name = map->items[i].key, near;
		if (is_passed_over(judged, &map->items[i], named) ||
		    !policy_lacks_resource(judged->trial->policy, name, &near))
			continue;
		named->items[named->count++] = name;
		lint_find_in(judged->file, judged->object, LINT_RESOURCE_NOT_OFFERED,
			     lint_place_in(judged->object, judged->subject, name),
			     "no Accelerator of the policy has " LINT_NAME
			     ", so that a Pod which requests it is probably never scheduled; %s%.*s%s",
			     LINT_NAME_ARG(name),
			     str_present(near) ? "did you mean "
					       : "request what an Accelerator has, or add an Accelerator",
			     STR_ARG(near), str_present(near) ? "?" : "");
	}
}

/* --- Shares --- */

/*
 * Names the first request for several shares that no Guard refuses. Those with the suffix .shared
 * are found without a policy.
 */
static bool find_shares(const struct lint_judged *judged, const struct pairs *map)
{
	struct str about = judged->outcome->about;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct pair *pair = &map->items[i];
		int64_t count, limit = policy_share_limit(judged->trial->policy, pair->key);
		if (limit == 0 || str_ends(pair->key, STR(".shared")) ||
		    quantity_count(pair->value, &count) != QUANTITY_OK || count <= limit ||
		    (str_present(about) && str_eq(about, pair->key)))
			continue;
		lint_find_in(judged->file, judged->object, LINT_SHARE_ABOVE_ONE,
			     lint_place_in(judged->object, judged->subject, pair->value),
			     "a container requests %lld shares of a device by the name " LINT_NAME
			     ", of which two can be of the same device; write %lld",
			     (long long)count, LINT_NAME_ARG(pair->key), (long long)limit);
		return true;
	}
	return false;
}

/* --- Slices of several sizes --- */

/* The size of a slice, with its memory if that tells the two apart. */
struct size {
	char text[AMOUNT_BYTES];
};

static struct size size_of(const struct policy *policy, const struct slice_view *slice, const struct slice_view *other)
{
	struct size size = {""};
	struct buf out;
	buf_init(&out, sizeof size.text - 1);
	amount_print(slice->gpus, policy_unit(policy), MEASURE_GPUS, &out);
	buf_text(&out, " GPU");
	if (slice->memory >= 0 && slice->memory != other->memory) {
		buf_text(&out, " with ");
		amount_print(slice->memory, policy_unit(policy), MEASURE_MEMORY, &out);
	}
	snprintf(size.text, sizeof size.text, "%.*s", STR_ARG(buf_view(&out)));
	buf_release(&out);
	return size;
}

static void report_choice(const struct lint_judged *judged, struct str name, const struct slice_choice *choice)
{
	const struct slice_view *most = &choice->most, *least = &choice->least;
	const struct policy *policy = judged->trial->policy;
	lint_find_in(
	    judged->file, judged->object, LINT_SLICE_AMBIGUOUS, lint_place_in(judged->object, judged->subject, name),
	    LINT_NAME " is %s on nodes of " LINT_NAME " (" LINT_NAME ":%u) and %s on nodes of " LINT_NAME " (" LINT_NAME
		      ":%u), and the Pod can run on both, so that a quota of GPUs charges the "
		      "largest; select the model: " LINT_NAME "%s or " LINT_NAME "%s",
	    LINT_NAME_ARG(name), size_of(policy, most, least).text, LINT_NAME_ARG(most->accelerator),
	    LINT_NAME_ARG(most->at.file), most->at.line, size_of(policy, least, most).text,
	    LINT_NAME_ARG(least->accelerator), LINT_NAME_ARG(least->at.file), least->at.line,
	    LINT_NAME_ARG(most->accelerator), most->requires, LINT_NAME_ARG(least->accelerator), least->requires);
}

/* What a Rule requests instead is the policy's affair. */
static bool is_written(const struct lint_judged *judged, uint32_t container, struct str name)
{
	const struct container *written = &judged->subject->review.object.containers[container];
	return pairs_value(&written->limits, name) || pairs_value(&written->requests, name);
}

/* Names a slice whose size depends on the node, once for an object. */
static int find_choices(const struct lint_judged *judged, uint32_t container, const struct pairs *map,
			struct named *named)
{
	for (uint32_t i = 0; i < map->count; i++) {
		struct str name = map->items[i].key;
		struct slice_choice choice;
		if (is_passed_over(judged, &map->items[i], named))
			continue;
		int found = policy_slice_choice(judged->trial->policy, &judged->outcome->pod, name,
						&judged->trial->decision, &choice);
		if (found < 0)
			return -1;
		if (!found || !is_written(judged, container, name))
			continue;
		named->items[named->count++] = name;
		report_choice(judged, name, &choice);
	}
	return 0;
}

/* What the Rules leave as it is must be there on some node of the fleet, and be of use. */
int lint_requests(const struct lint_judged *judged)
{
	struct named lacking = {.count = 0}, choices = {.count = 0};
	bool shares = false;
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < judged->outcome->pod.container_count; i++) {
		const struct container *container = &judged->outcome->pod.containers[i];
		find_lacking(judged, &container->limits, &lacking);
		find_lacking(judged, &container->requests, &lacking);
		shares = shares || find_shares(judged, &container->limits) || find_shares(judged, &container->requests);
		result = find_choices(judged, i, &container->limits, &choices);
		if (result == 0)
			result = find_choices(judged, i, &container->requests, &choices);
	}
	return result;
}
