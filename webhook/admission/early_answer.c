#include "webhook/admission/early_answer.h"

#include "gpugate/autoscaler.h"
#include "gpugate/error.h"
#include "webhook/admission/fits.h"
#include "webhook/admission/gang.h"
#include "webhook/admission/pod_template.h"
#include "webhook/admission/response.h"

#define MOST "maxReplicas" /* The keys of an autoscaler. */
#define LEAST "minReplicas"
#define TEXT_BYTES_MAX ((size_t)64 << 10) /* All violations of a decision, and more. */

static int add(struct decision *decision, struct arena *arena, const struct violation *like,
	       enum enforcement enforcement, struct str text)
{
	struct violation *violation = &decision->violations[decision->violation_count];
	*violation = *like;
	violation->enforcement = enforcement;
	violation->message = arena_str(arena, text);
	if (!str_present(violation->message))
		return -1;
	decision->violation_count++;
	decision->denied |= enforcement == ENFORCEMENT_DENY;
	return 0;
}

/* The first violation because of which the Pod is refused. */
static const struct violation *reason_of(const struct decision *refusal)
{
	uint32_t i = 0;
	while (i + 1 < refusal->violation_count && refusal->violations[i].enforcement != ENFORCEMENT_DENY)
		i++;
	return &refusal->violations[i];
}

static void print_fits(const struct early_question *question, const struct fit_request *fit, struct str gang_rule,
		       struct buf *out)
{
	const struct fits words = {.fits = fit->fits,
				   .pods = question->pods,
				   .surge = question->surge,
				   .replaced = question->kept ? 0 : question->existing,
				   .kept = question->kept ? question->existing : 0,
				   .more = question->more};
	if (question->autoscaler)
		buf_text(out, "at " MOST ", ");
	fits_print(&words, out);
	if (fit->most < question->pods && !question->mixed)
		buf_printf(out, ", and never more than %lld at once", (long long)fit->most);
	/* A Pod without others waits for none. The Pods of a DaemonSet are decided one by one. */
	if (str_present(gang_rule) && question->pods - question->surge > 1 &&
	    !(question->kind && question->kind->per_node))
		fits_print_gang(gang_rule, out);
	buf_text(out, ": ");
}

/* Sets the text to what helps. Returns false if there is nothing to say. */
static bool print_remedy(const struct early_question *question, const struct fit_request *fit, struct buf *out)
{
	const struct autoscaler_keys keys = {MOST, LEAST, question->least};
	char text[AUTOSCALER_TEXT_BYTES];
	bool rollout = !fit->never && question->surge && fit->fits >= question->pods - question->surge;
	/* Of other Pods that come in addition, it is not known how many are allowed. */
	bool too_many =
	    question->autoscaler && !fit->never && !question->more && !question->mixed && fit->most < question->pods;
	buf_reset(out);
	if (rollout)
		fits_print_rollout(out, question->kind->rolling.field);
	else if (too_many)
		buf_text(out, autoscaler_remedy_text(&keys, fit->most, text));
	return rollout || too_many;
}

/* --- A group that is admitted only as a whole --- */

/*
 * Whether limits never allow all Pods that are to come of the group. Of most custom resources, it
 * is not known which of their Pods are one group. Returns -1 if the arena is exhausted.
 */
static int is_too_large(const struct early_question *question, const struct fit_request *fit, struct str gang_rule,
			struct arena *arena)
{
	int64_t kept = question->kept ? question->existing : 0;
	bool known = str_present(gang_rule) && question->group_kind && !question->autoscaler && !question->mixed;
	if (!known || fit->never || question->pods - question->surge - kept <= fit->most)
		return 0;
	return pod_template_is_group(question->group_kind, &question->review.object, arena);
}

/* Says so, and which limit it is. Programs wait for words that must not be in it. */
static void print_too_large(const struct early_question *question, const struct fit_request *fit,
			    const struct decision *refusal, struct buf *out)
{
	struct decision limits = *refusal;
	for (uint32_t i = 0; i < limits.violation_count; i++)
		if (str_starts(limits.violations[i].message, STR(DECISION_WAIT)))
			limits.violations[i].message = str_tail(limits.violations[i].message, strlen(DECISION_WAIT));
	buf_printf(out,
		   "can never fit: never more than %lld of %lld Pods fit at once, and Rule \"%.*s\" admits all or "
		   "none: ",
		   (long long)fit->most, (long long)(question->pods - question->surge), STR_ARG(refusal->gang_rule));
	response_message(out, &limits);
}

/* --- The answer --- */

/*
 * Turns the refusal of the first Pod that is not admitted into the answer. Sets fit->never also if
 * the Pods are a group that is too large.
 */
static int compose(const struct early_question *question, struct fit_request *fit, enum early_answer wanted,
		   const struct decision *refusal, struct reservation_request *reservation)
{
	struct decision *answer = reservation->decision;
	int too_large = is_too_large(question, fit, refusal->gang_rule, reservation->arena);
	if (too_large < 0)
		return -1;
	fit->never |= too_large;
	bool denies = fit->never && question->pods && wanted == EARLY_ANSWER_DENY;
	enum enforcement enforcement = denies ? ENFORCEMENT_DENY : ENFORCEMENT_WARN;
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (!fit->never)
		print_fits(question, fit, refusal->gang_rule, &text);
	else if (!denies && reason_of(refusal)->reason != REASON_QUOTA)
		/* A Guard that only warns says the same about Pods that are admitted. */
		buf_text(&text, "its Pods would be refused: ");
	if (question->part_count > 1)
		buf_printf(&text, "%.*s: ", STR_ARG(question->where));
	if (too_large)
		print_too_large(question, fit, refusal, &text);
	else
		response_message(&text, refusal);
	int result =
	    text.failed ? -1 : add(answer, reservation->arena, reason_of(refusal), enforcement, buf_view(&text));
	if (result == 0 && print_remedy(question, fit, &text))
		result = add(answer, reservation->arena, reason_of(refusal), ENFORCEMENT_WARN, buf_view(&text));
	buf_release(&text);
	return result;
}

/*
 * Asks the ledger about the Pods of the decision. Returns 1, 0 if it does not know, or -1 if the
 * arena is exhausted.
 */
static int ask(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
	       struct fit_request *fit)
{
	struct reservation_request *reservation = fit->reservation;
	struct decision old = {.charged = false};
	int64_t kept = question->kept ? question->existing : 0;
	question->old_review.namespace_labels = question->review.namespace_labels;
	if (question->existing > kept &&
	    pod_template_judge(policy, &question->old_review, reservation->arena, true, &old) < 0)
		return -1;
	if (old.consumer.request_count)
		fit->replaced = &old.consumer;
	fit->replaced_count = question->existing - kept;
	fit->own_group = question->own_group;
	fit->count = question->pods ? question->pods - kept : 1;
	bool known = ledger->fit && ledger->fit(ledger->self, fit);
	fit->fits += kept;
	fit->replaced = NULL; /* `old` ends here. */
	return known;
}

static int answer_one(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
		      struct reservation_request *reservation)
{
	struct decision *decision = reservation->decision;
	struct fit_request fit = {.reservation = reservation, .never = true};
	if (pod_template_judge(policy, &question->review, reservation->arena, false, decision) < 0)
		return -1;
	int known = decision->undecided ? 0 : decision->charged ? ask(question, policy, ledger, &fit) : 1;
	struct decision refusal = *decision;
	enum early_answer wanted = policy_early_answer(policy, refusal.tenant);
	*decision = (struct decision){.tenant = refusal.tenant};
	if (known <= 0)
		return known;
	/* Without Pods for now, there may be room when there are some. */
	bool later = !fit.never && question->pods == 0;
	return refusal.denied && !later && wanted != EARLY_ANSWER_OFF
		   ? compose(question, &fit, wanted, &refusal, reservation)
		   : 0;
}

/* --- Several groups of Pods --- */

/* The groups that fit, and that are created before the next one. */
struct together {
	struct fit_pods items[WORKLOAD_PARTS_MAX];
	uint32_t count;
	int64_t pods, of; /* How many Pods these are, of all that there are at the same time. */
};

static int add_together(struct together *together, const struct decision *decision, int64_t pods, struct arena *arena)
{
	together->pods += pods;
	if (!decision->charged || pods == 0)
		return 0;
	struct consumer *consumer = arena_alloc(arena, sizeof *consumer);
	if (!consumer)
		return -1;
	*consumer = decision->consumer;
	together->items[together->count++] = (struct fit_pods){consumer, pods};
	return 0;
}

/* What is said of a group. That of the highest value is the answer, and the first of these. */
enum part_answer {
	PART_FITS, /* Or nothing can be said. */
	PART_LATER,
	PART_NEVER,
	PART_NEVER_NOW /* Never, and there are Pods. Only this one can be a reason to deny. */
};

/* Sets reservation->decision. Returns an enum part_answer, or -1. */
static int answer_part(struct early_question *question, const struct early_part *part, const struct policy *policy,
		       const struct ledger_store *ledger, struct together *together,
		       struct reservation_request *reservation)
{
	struct decision *decision = reservation->decision;
	struct fit_request fit = {.reservation = reservation, .never = true};
	if (!part->alone) {
		fit.before = together->items;
		fit.before_count = together->count;
	}
	*decision = (struct decision){.denied = false};
	question->pods = part->pods;
	if (pod_template_judge(policy, &question->review, reservation->arena, false, decision) < 0)
		return -1;
	int known = decision->undecided ? 0 : decision->charged ? ask(question, policy, ledger, &fit) : 1;
	struct decision refusal = *decision;
	enum early_answer wanted = policy_early_answer(policy, refusal.tenant);
	*decision = (struct decision){.tenant = refusal.tenant};
	bool later = !fit.never && part->pods == 0;
	if (known <= 0)
		return known < 0 ? -1 : PART_FITS;
	if (!refusal.denied || later || wanted == EARLY_ANSWER_OFF)
		return !part->alone && add_together(together, &refusal, part->pods, reservation->arena) < 0 ? -1
													    : PART_FITS;
	question->where = part->where;
	question->mixed = question->part_count > 1;
	if (!part->alone && part->pods) {
		question->pods = together->of;
		fit.fits += together->pods;
	}
	if (part->alone)
		refusal.gang_rule = (struct str){NULL, 0}; /* Its Pods are no group with others. */
	if (compose(question, &fit, wanted, &refusal, reservation) < 0)
		return -1;
	return !fit.never ? PART_LATER : part->pods ? PART_NEVER_NOW : PART_NEVER;
}

/*
 * Judges all groups, as one that only has to wait must not hide another that is never admitted.
 * Returns an enum part_answer, or -1.
 */
static int answer_parts(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
			struct reservation_request *reservation)
{
	struct together *together = arena_zalloc(reservation->arena, 1, sizeof *together);
	const struct pairs labels = question->review.namespace_labels;
	struct decision best = {.denied = false};
	struct review best_review = question->review;
	struct str best_where = {NULL, 0};
	int64_t of = 0;
	int most = -1;
	if (!together)
		return -1;
	for (uint32_t i = 0; i < question->part_count; i++)
		of += question->parts[i].alone ? 0 : question->parts[i].pods;
	together->of = of;
	for (uint32_t i = 0; i < question->part_count; i++) {
		question->review = question->parts[i].review;
		question->review.namespace_labels = labels;
		int said = answer_part(question, &question->parts[i], policy, ledger, together, reservation);
		if (said < 0)
			return -1;
		if (said <= most)
			continue;
		most = said;
		best = *reservation->decision;
		best_review = question->review;
		best_where = question->where;
	}
	*reservation->decision = best;
	question->review = best_review;
	question->where = best_where;
	return most;
}

/* --- A custom resource whose Pods are a group --- */

/*
 * Judges the first Pod that a Rule admits only with its group, and finds what that requests.
 * Sets whether the object has several such groups. Returns 1, 0 if there is no such Pod or it is
 * not known, or -1.
 */
static int judge_first(struct early_question *question, const struct policy *policy,
		       struct reservation_request *reservation, bool *several)
{
	const struct pairs labels = question->review.namespace_labels;
	struct decision *decision = reservation->decision;
	for (uint32_t i = 0; i < question->part_count; i++) {
		const struct early_part *part = &question->parts[i];
		if (part->pods == 0 || part->alone || !str_present(part->group.key))
			continue;
		question->review = part->review;
		question->review.namespace_labels = labels;
		*decision = (struct decision){.denied = false};
		if (pod_template_judge(policy, &question->review, reservation->arena, false, decision) < 0)
			return -1;
		if (decision->denied || !decision->charged || !str_present(decision->gang_rule))
			continue;
		decision->consumer.group = part->group.key;
		if (gang_read(policy, &question->review, &part->group, GANG_OBJECT_READ, question->object,
			      reservation->arena, decision) < 0)
			return -1;
		*several = part->group.groups_path != NULL;
		return decision->consumer.gang && !decision->denied;
	}
	return 0;
}

/* Says what the first Pod will be told: the group never fits, or not now. */
static int compose_whole(const struct fit_request *fit, enum early_answer wanted, const struct decision *refusal,
			 struct reservation_request *reservation)
{
	bool denies = fit->never && wanted == EARLY_ANSWER_DENY;
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (!fit->never)
		buf_text(&text, "its whole group of Pods does not fit now: ");
	response_message(&text, refusal);
	int result = text.failed ? -1
				 : add(reservation->decision, reservation->arena, reason_of(refusal),
				       denies ? ENFORCEMENT_DENY : ENFORCEMENT_WARN, buf_view(&text));
	buf_release(&text);
	return result;
}

/*
 * Asks about the whole group, as the first of its Pods will be decided. Returns 1 if that is the
 * answer; 0 if it is not known, or if it says nothing of other groups that the object has; or -1.
 */
static int answer_whole(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
			struct reservation_request *reservation)
{
	struct decision *decision = reservation->decision;
	struct fit_request fit = {.reservation = reservation, .count = 1, .whole = true};
	bool several = false;
	int judged = judge_first(question, policy, reservation, &several);
	if (judged <= 0)
		return judged;
	bool known = ledger->fit && ledger->fit(ledger->self, &fit);
	struct decision refusal = *decision;
	enum early_answer wanted = policy_early_answer(policy, refusal.tenant);
	*decision = (struct decision){.tenant = refusal.tenant};
	if (!known)
		return 0;
	if (!refusal.denied)
		return !several;
	question->where = (struct str){NULL, 0};
	return wanted != EARLY_ANSWER_OFF && compose_whole(&fit, wanted, &refusal, reservation) < 0 ? -1 : 1;
}

/* What is never admitted, by itself, comes first. */
static int answer_custom(struct early_question *question, const struct policy *policy,
			 const struct ledger_store *ledger, struct reservation_request *reservation)
{
	int said = answer_parts(question, policy, ledger, reservation);
	if (said < 0 || said >= PART_NEVER || question->autoscaler)
		return said < 0 ? -1 : 0;
	const struct decision by_parts = *reservation->decision;
	const struct review review = question->review;
	int whole = answer_whole(question, policy, ledger, reservation);
	if (whole == 0) {
		*reservation->decision = by_parts;
		question->review = review;
	}
	return whole < 0 ? -1 : 0;
}

/* --- Autoscalers --- */

/* Adds that the autoscaler never scales by its metric, unless the tenant wants no answers. */
static int answer_metric(const struct early_question *question, const struct policy *policy,
			 struct reservation_request *reservation)
{
	static const struct violation about_metric = {.reason = REASON_NONE};
	const struct review nobody = {.uid = question->review.uid,
				      .namespace = question->review.namespace,
				      .namespace_labels = question->review.namespace_labels,
				      .object = {.present = true}};
	struct decision *answer = reservation->decision, found = {.denied = false};
	char text[AUTOSCALER_TEXT_BYTES];
	if (policy_validate(policy, &nobody, reservation->arena, &found, NULL) < 0)
		return -1;
	answer->tenant = found.tenant;
	if (found.exempt || policy_early_answer(policy, found.tenant) == EARLY_ANSWER_OFF)
		return 0;
	return add(answer, reservation->arena, &about_metric, ENFORCEMENT_WARN,
		   str_of(autoscaler_metric_text(question->metric, text)));
}

int early_answer(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
		 struct reservation_request *reservation)
{
	int result = question->no_pods      ? 0
		     : question->part_count ? answer_custom(question, policy, ledger, reservation)
					    : answer_one(question, policy, ledger, reservation);
	return result == 0 && str_present(question->metric) ? answer_metric(question, policy, reservation) : result;
}
