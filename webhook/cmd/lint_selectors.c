#include "webhook/cmd/lint_selectors.h"

#include "gpugate/trace.h"
#include "webhook/cmd/lint_place.h"
#include "webhook/simulate/admit.h"

#define LABELS_MAX 256 /* Of a nodeSelector that is judged, so that the time stays linear. */
#define ROUNDS_MAX 3

/* What Rules set where the Pod has its labels. */
struct label {
	struct str rule;
	struct policy_location at;
	bool dropped; /* The Pod is tried without it. */
	bool set;     /* Rules set it to the value that the Pod has. */
};

struct labels {
	const struct pairs *written;
	struct label items[LABELS_MAX];
};

/* If a label is set several times, the last value counts. */
static void on_event(void *context, const struct trace_event *event)
{
	struct labels *labels = context;
	const struct trace_change *change = &event->change;
	if (event->kind != TRACE_CHANGE || change->by_guard || change->kind != EDIT_NODE_SELECTOR)
		return;
	for (uint32_t i = 0; i < labels->written->count; i++) {
		const struct pair *pair = &labels->written->items[i];
		struct label *label = &labels->items[i];
		if (!str_eq(pair->key, change->key))
			continue;
		label->set = str_eq(pair->value, change->value);
		label->rule = change->by;
		label->at = event->at;
	}
}

/* Decides about the Pod without what is dropped. Returns 1; 0 if it is refused; or -1. */
static int try_without(const struct lint_judged *judged, struct labels *labels)
{
	struct trial *trial = judged->trial;
	const struct trace trace = {on_event, labels};
	struct review review = judged->subject->review;
	struct decision decision;
	struct buf charges;
	struct pair *rest = arena_alloc(&trial->decision, labels->written->count * sizeof *rest);
	if (!rest)
		return -1;
	review.dry_run = true;
	review.object.node_selector = (struct pairs){.items = rest, .present = true};
	for (uint32_t i = 0; i < labels->written->count; i++) {
		labels->items[i].set = false;
		if (!labels->items[i].dropped)
			rest[review.object.node_selector.count++] = labels->written->items[i];
	}
	buf_init(&charges, 1);
	enum admission_state state =
	    simulation_ask(ADMISSION_MUTATE, trial->simulation, &review, &trial->decision, &trace, &charges, &decision);
	buf_release(&charges);
	return state == ADMISSION_DECIDED ? !decision.denied : -1;
}

/*
 * Drops labels until Rules set all that are dropped. What a Rule does can depend on what the Pod
 * selects, so that other labels must stay. Returns 1, 0 if no label is left, or -1.
 */
static int find_set(const struct lint_judged *judged, struct labels *labels)
{
	for (uint32_t i = 0; i < labels->written->count; i++)
		labels->items[i] = (struct label){.dropped = true};
	for (int round = 0; round < ROUNDS_MAX; round++) {
		uint32_t dropped = 0, missing = 0;
		int tried = try_without(judged, labels);
		if (tried <= 0)
			return tried;
		for (uint32_t i = 0; i < labels->written->count; i++) {
			struct label *label = &labels->items[i];
			missing += label->dropped && !label->set;
			label->dropped &= label->set;
			dropped += label->dropped;
		}
		if (dropped == 0 || missing == 0)
			return dropped > 0;
	}
	return 0;
}

static void report_label(const struct lint_judged *judged, const struct pair *pair, const struct label *label)
{
	lint_find_in(judged->file, judged->object, LINT_SELECTOR_INJECTED,
		     lint_place_in(judged->object, judged->subject, pair->key),
		     "Rule \"" LINT_NAME "\" (" LINT_NAME ":%u) sets nodeSelector " LINT_NAME ": " LINT_NAME
		     " by itself; leave it out of the manifest, or the Pod may be refused when the Rule changes",
		     LINT_NAME_ARG(label->rule), LINT_NAME_ARG(label->at.file), label->at.line,
		     LINT_NAME_ARG(pair->key), LINT_NAME_ARG(pair->value));
}

int lint_selectors(const struct lint_judged *judged)
{
	struct labels labels = {.written = &judged->subject->review.object.node_selector};
	struct policy_counts counts;
	policy_counts(judged->trial->policy, &counts);
	if (labels.written->count == 0 || labels.written->count > LABELS_MAX || counts.rules == 0)
		return 0;
	int found = find_set(judged, &labels);
	for (uint32_t i = 0; found > 0 && i < labels.written->count; i++)
		if (labels.items[i].dropped)
			report_label(judged, &labels.written->items[i], &labels.items[i]);
	return found < 0 ? -1 : 0;
}
