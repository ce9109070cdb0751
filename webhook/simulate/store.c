#include "webhook/simulate/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "webhook/ledger/fit.h"
#include "webhook/ledger/verdict.h"

#define TOO_MANY "there are more than 1024 DeviceClasses with an extendedResourceName"
_Static_assert(DEVICE_CLASSES_MAX == 1024, "the sentence names it");

struct simulation {
	struct ledger *ledger;
	struct device_class *classes; /* The strings of each are one allocation. */
	uint32_t class_count;
	const char *gap;
	bool changed; /* They are not in the policy yet. */
	struct slice_table slices;
	bool resliced; /* The ledger does not know them yet. */
	struct group_objects groups;
	int64_t now_ms;   /* Never 0, which the ledger reads as "not terminating". */
	uint64_t version; /* Of the last event. */
	uint64_t uids;    /* The number of uids assigned so far. */
	bool unstored;    /* What is admitted stays tentative, so it counts as pending. */
};

struct simulation *simulation_create(const struct policy *policy, struct error *err)
{
	const struct ledger_options options = {.policy = policy};
	struct simulation *simulation = calloc(1, sizeof *simulation);
	if (!simulation) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	simulation->now_ms = 1;
	simulation->ledger = ledger_create(&options, err);
	if (simulation->ledger)
		return simulation;
	free(simulation);
	return NULL;
}

static void free_class(const struct device_class *class)
{
	free((char *)(uintptr_t) class->name.ptr);
}

void simulation_destroy(struct simulation *simulation)
{
	if (!simulation)
		return;
	ledger_destroy(simulation->ledger);
	for (uint32_t i = 0; i < simulation->class_count; i++)
		free_class(&simulation->classes[i]);
	free(simulation->classes);
	slice_table_release(&simulation->slices);
	group_objects_release(&simulation->groups);
	free(simulation);
}

/* Copies a class. Returns false without memory. */
static bool copy_class(const struct device_class *class, struct device_class *out)
{
	char *text = malloc(class->name.len + class->resource.len);
	if (!text)
		return false;
	memcpy(text, class->name.ptr, class->name.len);
	memcpy(text + class->name.len, class->resource.ptr, class->resource.len);
	*out = (struct device_class){.name = {text, class->name.len},
				     .resource = {text + class->name.len, class->resource.len},
				     .created_ms = class->created_ms};
	return true;
}

static bool is_same(const struct device_class *a, const struct device_class *b)
{
	return str_eq(a->name, b->name) && str_eq(a->resource, b->resource) && a->created_ms == b->created_ms;
}

/* Puts a class at its place, or as a new one at the end. */
static int set_class(struct simulation *simulation, uint32_t at, const struct device_class *class)
{
	struct device_class *old = &simulation->classes[at], copy;
	bool known = at < simulation->class_count;
	if (known && is_same(old, class))
		return 0;
	if (!copy_class(class, &copy))
		return -1;
	if (known)
		free_class(old);
	simulation->class_count += !known;
	*old = copy;
	simulation->changed = true;
	return 0;
}

static void drop_class(struct simulation *simulation, uint32_t at)
{
	free_class(&simulation->classes[at]);
	simulation->classes[at] = simulation->classes[--simulation->class_count];
	simulation->changed = true;
}

int simulation_class(struct simulation *simulation, const struct device_class *class)
{
	uint32_t at = 0;
	if (!simulation->classes)
		simulation->classes = calloc(DEVICE_CLASSES_MAX, sizeof *simulation->classes);
	if (!simulation->classes)
		return -1;
	while (at < simulation->class_count && !str_eq(simulation->classes[at].name, class->name))
		at++;
	if (class->resource.len == 0) {
		if (at < simulation->class_count)
			drop_class(simulation, at);
		return 0;
	}
	if (at == DEVICE_CLASSES_MAX) {
		simulation_miss_classes(simulation, TOO_MANY);
		return 0;
	}
	return set_class(simulation, at, class);
}

void simulation_miss_classes(struct simulation *simulation, const char *gap)
{
	simulation->changed |= simulation->gap != gap;
	simulation->gap = gap;
}

int simulation_slice(struct simulation *simulation, const struct resource_slice *slice)
{
	int changed = slice_table_set(&simulation->slices, slice);
	simulation->resliced |= changed > 0;
	return changed < 0 ? -1 : 0;
}

static int renew_slices(struct simulation *simulation)
{
	struct named_pairs *nodes;
	uint32_t count;
	int seen;
	if (!simulation->resliced)
		return 0;
	if (slice_table_nodes(&simulation->slices, &nodes, &count) < 0)
		return -1;
	int result = ledger_set_devices(simulation->ledger, nodes, count, &seen);
	free(nodes);
	simulation->resliced = result < 0;
	return result;
}

static int renew_classes(struct simulation *simulation)
{
	const struct device_classes classes = {simulation->classes, simulation->class_count, simulation->gap};
	if (!simulation->changed)
		return 0;
	const struct policy *policy = policy_with_classes(simulation_policy(simulation), &classes);
	int result = policy ? ledger_rebase(simulation->ledger, policy) : -1;
	policy_release(policy);
	simulation->changed = result < 0;
	return result;
}

int simulation_renew(struct simulation *simulation)
{
	return renew_classes(simulation) < 0 || renew_slices(simulation) < 0 ? -1 : 0;
}

struct group_objects *simulation_groups(struct simulation *simulation)
{
	return &simulation->groups;
}

const struct policy *simulation_policy(const struct simulation *simulation)
{
	return ledger_policy(simulation->ledger);
}

static bool admit(void *self, struct reservation_request *request)
{
	struct simulation *simulation = self;
	const struct consumer *consumer = &request->decision->consumer;
	struct ledger_verdict verdict;
	enum ledger_mode mode = request->dry ? LEDGER_DRY : request->decision->mirror ? LEDGER_FORCE : LEDGER_HOLD;
	ledger_end_reservations(simulation->ledger, simulation->now_ms);
	ledger_decide(simulation->ledger, consumer, mode, simulation->now_ms, request->arena, request->trace, &verdict);
	if (verdict.outcome == LEDGER_ADMITTED && !request->dry && !simulation->unstored)
		ledger_hold(simulation->ledger, consumer->uid);
	reservation_apply_verdict(request, &verdict);
	return true;
}

static bool fit(void *self, struct fit_request *request)
{
	const struct simulation *simulation = self;
	struct ledger_verdict verdict;
	return ledger_fit(simulation->ledger, request, &verdict) && fit_apply_verdict(request, &verdict) == 0;
}

/* If the labels are not known, they are absent, and the policy's own documents are used. */
static bool find_labels(void *self, struct reservation_request *request)
{
	const struct simulation *simulation = self;
	const struct pairs *labels = ledger_namespace_labels(simulation->ledger, request->namespace);
	request->labels = labels ? *labels : (struct pairs){0};
	return true;
}

static void finished(void *self, struct str uid)
{
	simulation_gone(self, uid);
}

struct ledger_store simulation_store(struct simulation *simulation)
{
	return (struct ledger_store){
	    .self = simulation, .admit = admit, .fit = fit, .labels = find_labels, .finished = finished};
}

int simulation_pod(struct simulation *simulation, const struct pod *pod)
{
	return ledger_see(simulation->ledger, pod, ++simulation->version, false, simulation->now_ms) < 0 ? -1 : 0;
}

void simulation_list_begin(struct simulation *simulation, enum consumer_kind kind)
{
	ledger_list_begin(simulation->ledger, kind);
}

int simulation_list_end(struct simulation *simulation, enum consumer_kind kind)
{
	return ledger_list_end(simulation->ledger, kind, ++simulation->version, simulation->now_ms) < 0 ? -1 : 0;
}

struct str simulation_uid(struct simulation *simulation, struct arena *arena)
{
	char text[32];
	snprintf(text, sizeof text, "simulated-%llu", (unsigned long long)++simulation->uids);
	return arena_str(arena, str_of(text));
}

bool simulation_gone(struct simulation *simulation, struct str uid)
{
	bool held = ledger_free(simulation->ledger, uid);
	ledger_end_reservations(simulation->ledger, simulation->now_ms);
	return held;
}

int simulation_namespace(struct simulation *simulation, struct str name, const struct pairs *labels)
{
	return ledger_namespace(simulation->ledger, name, labels) < 0 ? -1 : 0;
}

int simulation_node(struct simulation *simulation, struct str name, const struct pairs *labels)
{
	return ledger_node(simulation->ledger, name, labels) < 0 ? -1 : 0;
}

bool simulation_has_namespace(const struct simulation *simulation, struct str name)
{
	return ledger_namespace_labels(simulation->ledger, name) != NULL;
}

bool simulation_has_node(const struct simulation *simulation, struct str name)
{
	return ledger_node_labels(simulation->ledger, name) != NULL;
}

void simulation_store_pods(struct simulation *simulation, bool stored)
{
	simulation->unstored = !stored;
}

void simulation_assume(struct simulation *simulation, uint32_t quota, wide amount)
{
	ledger_assume(simulation->ledger, quota, amount);
}

int64_t simulation_now(const struct simulation *simulation)
{
	return simulation->now_ms;
}

void simulation_begin(struct simulation *simulation, int64_t now_ms)
{
	simulation->now_ms = now_ms;
}

int simulation_advance(struct simulation *simulation, int64_t ms)
{
	simulation->now_ms += ms;
	return ledger_tick(simulation->ledger, simulation->now_ms) < 0 ? -1 : 0;
}

wide simulation_used(const struct simulation *simulation, uint32_t quota)
{
	return ledger_held(simulation->ledger)[quota].used;
}

const struct ledger *simulation_ledger(const struct simulation *simulation)
{
	return simulation->ledger;
}
