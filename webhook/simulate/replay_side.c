#include "webhook/simulate/replay_side.h"

#include "webhook/admission/patch.h"
#include "webhook/admission/response.h"
#include "webhook/object/review.h"
#include "webhook/simulate/admit.h"

#define TEXT_BYTES_MAX ((size_t)32 << 20)
#define CHARGES_BYTES_MAX (64u << 10)

int replay_side_init(struct replay_side *side, const struct policy *policy, bool enforced, struct error *err)
{
	*side = (struct replay_side){.policy = policy, .enforced = enforced};
	if (!policy)
		return 0;
	side->simulation = simulation_create(policy, err);
	if (!side->simulation || enforced)
		return side->simulation ? 0 : -1;
	side->existing = simulation_create(policy, err);
	return side->existing ? 0 : -1;
}

void replay_side_release(struct replay_side *side)
{
	simulation_destroy(side->simulation);
	simulation_destroy(side->existing);
}

static bool same_labels(const struct pairs *a, const struct pairs *b)
{
	if (!a || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!str_eq(a->items[i].key, b->items[i].key) || !str_eq(a->items[i].value, b->items[i].value))
			return false;
	return true;
}

int replay_side_namespace(struct replay_side *side, struct str name, const struct pairs *labels)
{
	if (same_labels(ledger_namespace_labels(simulation_ledger(side->simulation), name), labels))
		return 0;
	return simulation_namespace(side->simulation, name, labels) < 0 ||
		       (side->existing && simulation_namespace(side->existing, name, labels) < 0)
		   ? -1
		   : 0;
}

/* --- Decisions --- */

/* Copies the text to the arena, and releases the buffer. Returns 0, or -1 without memory. */
static int keep(struct buf *text, struct arena *arena, struct str *kept)
{
	bool failed = text->failed;
	if (text->len)
		*kept = arena_str(arena, buf_view(text));
	failed |= text->len && !str_present(*kept);
	buf_release(text);
	return failed ? -1 : 0;
}

static void add_violations(struct replay_outcome *outcome, struct buf *warnings, const struct decision *decision)
{
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		const struct violation *violation = &decision->violations[i];
		outcome->over |= violation->reason == REASON_QUOTA;
		if (violation->enforcement != ENFORCEMENT_WARN)
			continue;
		if (warnings->len)
			buf_char(warnings, '\n');
		buf_str(warnings, violation->message);
	}
}

static int add_patch(struct replay_outcome *outcome, const struct simulated *simulated, struct arena *arena)
{
	struct buf text;
	if (simulated->mutation.denied || simulated->mutation.edit_count == 0)
		return 0;
	buf_init(&text, TEXT_BYTES_MAX);
	patch_write(&text, &simulated->before, simulated->mutation.edits, simulated->mutation.edit_count);
	return keep(&text, arena, &outcome->patch);
}

/* Appends everything that was found against the Pod, whatever its enforcement. */
static bool add_objections(struct buf *message, const struct decision *decision)
{
	bool some = false;
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		if (decision->violations[i].only_changes)
			continue;
		buf_text(message, some ? "; " : "");
		buf_str(message, decision->violations[i].message);
		some = true;
	}
	return some;
}

/*
 * Refuses what the policy objects to. A refused Pod holds nothing. A mirror Pod is never refused,
 * and after a refusal by /mutate, /validate is not called.
 */
static void enforce(struct replay_side *side, const struct review *review, const struct simulated *simulated,
		    struct replay_outcome *outcome, struct buf *message)
{
	if (!outcome->admitted || simulated_decision(simulated)->mirror)
		return;
	outcome->admitted =
	    !add_objections(message, &simulated->mutation) && !add_objections(message, &simulated->validation);
	if (!outcome->admitted && review->operation == OPERATION_CREATE && review->subresource.len == 0)
		simulation_gone(side->simulation, review_object_uid(review));
}

static int describe(struct replay_side *side, const struct review *review, const struct simulated *simulated,
		    struct arena *arena, struct replay_outcome *outcome)
{
	const struct decision *decision = simulated_decision(simulated);
	struct buf message, warnings;
	buf_init(&message, TEXT_BYTES_MAX);
	buf_init(&warnings, TEXT_BYTES_MAX);
	*outcome = (struct replay_outcome){.admitted = !decision->denied};
	outcome->tenant = str_present(decision->tenant) ? decision->tenant : simulated->mutation.tenant;
	if (decision->denied)
		response_message(&message, decision);
	add_violations(outcome, &warnings, &simulated->mutation);
	add_violations(outcome, &warnings, &simulated->validation);
	if (side->enforced)
		enforce(side, review, simulated, outcome, &message);
	int result = keep(&message, arena, &outcome->message);
	result |= keep(&warnings, arena, &outcome->warnings);
	return result | add_patch(outcome, simulated, arena);
}

int replay_side_decide(struct replay_side *side, enum replay_step step, const struct review *review,
		       struct arena *arena, struct replay_outcome *outcome)
{
	struct review copy = *review;
	struct simulated simulated = {.before = review->object};
	if (step == REPLAY_WHOLE) {
		simulation_admit(side->simulation, &copy, arena, NULL, &simulated);
	} else {
		enum admission_kind kind = step == REPLAY_MUTATION ? ADMISSION_MUTATE : ADMISSION_VALIDATE;
		buf_init(&simulated.charges, CHARGES_BYTES_MAX);
		if (step == REPLAY_VALIDATION && copy.object.present && copy.object.uid.len == 0)
			copy.object.uid = simulation_uid(side->simulation, arena);
		if (step == REPLAY_VALIDATION && copy.claim.present && copy.claim.uid.len == 0)
			copy.claim.uid = simulation_uid(side->simulation, arena);
		simulated.state = simulation_ask(kind, side->simulation, &copy, arena, NULL, &simulated.charges,
						 step == REPLAY_MUTATION ? &simulated.mutation : &simulated.validation);
	}
	int result = simulated.state == ADMISSION_DECIDED ? describe(side, &copy, &simulated, arena, outcome) : -1;
	outcome->uid = review_object_uid(&copy);
	buf_release(&simulated.charges);
	return result;
}
