#include "policy/evaluate/given_claims.h"

#include <stdio.h>

#include "gpugate/arena.h"

#define PREFIX STR("gpugate-")

_Static_assert(GIVEN_NAMES_MAX >= 2 * GIVEN_CLAIMS_MAX && GIVEN_NAMES_MAX <= 1000, "a free number of three digits");

/* Returns the number in a name such as gpugate-7, or GIVEN_NONE. */
static uint32_t number_of(struct str name)
{
	uint32_t number = 0;
	if (name.len <= PREFIX.len || name.len > PREFIX.len + 3 || !str_starts(name, PREFIX))
		return GIVEN_NONE;
	for (size_t i = PREFIX.len; i < name.len; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '9' || (i > PREFIX.len && number == 0))
			return GIVEN_NONE;
		number = 10 * number + (uint32_t)(name.ptr[i] - '0');
	}
	return number < GIVEN_NAMES_MAX ? number : GIVEN_NONE;
}

static void take(struct given_claims *given, uint32_t number)
{
	given->count += !given_has(&given->taken, number);
	given_put(&given->taken, number);
}

/* A name that a container uses is not free, although the Pod may lack the claim. */
static void read_uses(struct given_claims *given, uint32_t at, const struct container *container)
{
	for (uint32_t i = 0; i < container->claim_count; i++) {
		uint32_t number = number_of(container->claims[i]);
		if (number == GIVEN_NONE)
			continue;
		take(given, number);
		given_put(&given->uses[at].had, number);
		given->use_count++;
	}
}

struct given_claims *given_claims_read(const struct pod *pod, struct arena *arena)
{
	struct given_claims *given = arena_zalloc(arena, 1, sizeof *given);
	struct given_uses *uses = arena_zalloc(arena, pod->container_count, sizeof *uses);
	if (!given || !uses)
		return NULL;
	given->uses = uses;
	for (uint32_t i = 0; i < pod->claim_count; i++) {
		uint32_t number = number_of(pod->claims[i].name);
		if (number == GIVEN_NONE || given_has(&given->listed, number))
			continue;
		given_put(&given->listed, number);
		given->templates[number] = pod->claims[i].template;
		take(given, number);
	}
	for (uint32_t i = 0; i < pod->container_count; i++)
		read_uses(given, i, &pod->containers[i]);
	return given;
}

/* Whether Rules turn `value` of `from` into a claim from the template. */
static bool converts(const struct policy *policy, struct str from, struct str template, int64_t value)
{
	const struct index *index = &policy->conversions;
	for (const struct index_entry *e = index_find(index, from, template); e; e = index_next(index, e))
		if (policy->conversion_counts[e->id] == value)
			return true;
	return false;
}

struct given_set given_claims_for(const struct given_claims *given, const struct policy *policy, uint32_t container,
				  struct str from, int64_t value)
{
	struct given_set found = {{0}};
	const struct given_set *had = &given->uses[container].had;
	if (given_is_empty(had))
		return found;
	for (uint32_t n = 0; n < GIVEN_NAMES_MAX; n++)
		if (given_has(had, n) && given_has(&given->listed, n) && given->templates[n].len &&
		    converts(policy, from, given->templates[n], value))
			given_put(&found, n);
	return found;
}

bool given_claims_uses(const struct given_claims *given, uint32_t container, struct str template)
{
	const struct given_set *had = &given->uses[container].had;
	for (uint32_t n = 0; !given_is_empty(had) && n < GIVEN_NAMES_MAX; n++)
		if (given_has(had, n) && given_has(&given->listed, n) && str_eq(given->templates[n], template))
			return true;
	return false;
}

uint32_t given_claims_add(struct given_claims *given, struct str template)
{
	uint32_t number = 0;
	if (given->count >= GIVEN_CLAIMS_MAX)
		return GIVEN_NONE;
	/* No more numbers are taken than `count`, so one is free. */
	while (given_has(&given->taken, number) || given_has(&given->added, number))
		number++;
	given_put(&given->added, number);
	given->templates[number] = template;
	given->count++;
	return number;
}

void given_claims_use(struct given_claims *given, uint32_t container, uint32_t number)
{
	given_put(&given->uses[container].added, number);
	given->use_count++;
}

struct str given_claims_name(struct arena *arena, uint32_t number)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%.*s%u", STR_ARG(PREFIX), number);
	return arena_str(arena, (struct str){text, (size_t)len});
}

static uint32_t set_size(const struct given_set *set)
{
	uint32_t size = 0;
	for (uint32_t n = 0; n < GIVEN_NAMES_MAX; n++)
		size += given_has(set, n);
	return size;
}

uint32_t given_claims_edit_count(const struct given_claims *given, const struct pod *pod)
{
	uint32_t count = set_size(&given->added);
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (!given_is_empty(&given->uses[i].added))
			count += set_size(&given->uses[i].added);
	return count;
}

static int write_set(const struct given_set *set, struct arena *arena, struct edit edit, const struct str *templates,
		     struct edit **edits)
{
	for (uint32_t n = 0; n < GIVEN_NAMES_MAX; n++) {
		if (!given_has(set, n))
			continue;
		edit.key = given_claims_name(arena, n);
		if (!str_present(edit.key))
			return -1;
		if (templates)
			edit.value = templates[n];
		*(*edits)++ = edit;
	}
	return 0;
}

int given_claims_edits(const struct given_claims *given, const struct pod *pod, struct arena *arena, struct edit *edits)
{
	if (write_set(&given->added, arena, (struct edit){.kind = EDIT_CLAIM}, given->templates, &edits) < 0)
		return -1;
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (!given_is_empty(&given->uses[i].added) &&
		    write_set(&given->uses[i].added, arena, (struct edit){.kind = EDIT_CLAIM_USE, .container = i}, NULL,
			      &edits) < 0)
			return -1;
	return 0;
}
