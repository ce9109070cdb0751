#include "webhook/admission/early_answer.h"

#include "gpugate/error.h"
#include "webhook/admission/apply.h"
#include "webhook/admission/fits.h"
#include "webhook/admission/response.h"
#include "webhook/json/path.h"
#include "webhook/object/pod_review.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"

#define PODS_MAX INT32_MAX                /* As Kubernetes has it. */
#define TEXT_BYTES_MAX ((size_t)64 << 10) /* All violations of a decision, and more. */

/* --- The question --- */

static const struct workload_kind *kind_of(const struct review *review)
{
	const struct workload_kind *kind = workload_find_in(review->group, review->kind);
	return kind && *kind->template ? kind : NULL;
}

bool early_question_concerns(const struct review *review)
{
	return str_present(review->other_object) && review->subresource.len == 0 &&
	       (review->operation == OPERATION_CREATE || review->operation == OPERATION_UPDATE) && kind_of(review);
}

static int64_t at_most(int64_t number, int64_t most)
{
	return number < most ? number : most;
}

/* Whether an update leaves the spec as it is, as the updates of controllers mostly do. */
static bool keeps_spec(const struct review *review)
{
	struct error ignored = {0};
	struct str spec, old_spec;
	return json_find(review->other_object, "spec", &spec, &ignored) == 0 &&
	       json_find(review->old_other_object, "spec", &old_spec, &ignored) == 0 && str_eq(spec, old_spec);
}

static bool read_pod(const struct review *asked, const struct workload *workload, struct arena *arena,
		     struct review *review)
{
	const struct pod_creator by_controller = {.user = {NULL, 0}};
	struct error ignored = {0};
	*review = (struct review){.uid = asked->uid, .namespace = asked->namespace};
	return review_read_pod(workload->pod.ptr, workload->pod.len, arena, &review->object, &ignored) == 0 &&
	       pod_review_complete(review, workload->kind, asked->name, &by_controller, arena) == 0;
}

/* How many Pods the workload has at once, of those that have not ended. */
static int64_t pods_of(const struct workload *workload)
{
	return at_most(at_most(workload->replicas, workload->remaining), PODS_MAX);
}

/*
 * Reads what the update changes. Returns false if it cannot be read, or if it creates no Pods.
 * Sets the Pod that is created, which is still the old one if the workload is paused.
 */
static bool read_old(const struct review *review, struct workload *workload, struct arena *arena,
		     struct early_question *question)
{
	struct error ignored = {0};
	struct workload old;
	if (!str_present(review->old_other_object) || keeps_spec(review) ||
	    workload_read(workload->kind, review->old_other_object, &old, &ignored) < 0)
		return false;
	if (workload->paused)
		workload->pod = old.pod;
	bool same = str_eq(workload->pod, old.pod);
	question->kept = same || workload->keeps;
	question->mixed = question->kept && !same;
	question->existing = at_most(old.existing, PODS_MAX);
	question->pods = pods_of(workload);
	if (question->kept)
		return question->pods > question->existing && question->pods > pods_of(&old);
	if (question->pods == 0)
		return false;
	const struct workload_count count = {question->pods, workload->surge, workload->kind->per_node};
	const struct workload_count rollout = workload_rollout(&count, question->existing);
	question->pods = rollout.pods;
	question->surge = rollout.surge;
	return read_pod(review, &old, arena, &question->old_review);
}

bool early_question_read(const struct review *review, struct arena *arena, struct early_question *question)
{
	struct error ignored = {0};
	struct workload workload;
	*question = (struct early_question){.kind = kind_of(review), .kept = true};
	if (workload_read(question->kind, review->other_object, &workload, &ignored) < 0)
		return false;
	question->pods = at_most(workload.replicas, PODS_MAX);
	if (review->operation == OPERATION_UPDATE && !read_old(review, &workload, arena, question))
		return false;
	return read_pod(review, &workload, arena, &question->review);
}

/* --- The answer --- */

/*
 * Decides about a Pod as both webhooks do, without the ledger. Changes review->object. Of a Pod
 * that exists, what it requests is found even if it would be refused by now.
 */
static int judge(const struct policy *policy, struct review *review, struct arena *arena, bool exists,
		 struct decision *decision)
{
	if (policy_mutate(policy, review, arena, decision, NULL) < 0)
		return -1;
	if (decision->denied && !exists)
		return 0;
	/* A refused Pod has no edits. */
	if (pod_apply(&review->object, decision->edits, decision->edit_count, arena) < 0)
		return -1;
	return policy_validate(policy, review, arena, decision, NULL);
}

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

static void print_fits(const struct early_question *question, const struct fit_request *fit, struct buf *out)
{
	const struct fits words = {.fits = fit->fits,
				   .pods = question->pods,
				   .surge = question->surge,
				   .replaced = question->kept ? 0 : question->existing,
				   .kept = question->kept ? question->existing : 0};
	fits_print(&words, out);
	if (fit->most < question->pods && !question->mixed)
		buf_printf(out, ", and never more than %lld at once", (long long)fit->most);
	buf_text(out, ": ");
}

/* Turns the refusal of the first Pod that is not admitted into the answer. */
static int compose(const struct early_question *question, const struct fit_request *fit, enum early_answer wanted,
		   const struct decision *refusal, struct reservation_request *reservation)
{
	struct decision *answer = reservation->decision;
	bool denies = fit->never && question->pods && wanted == EARLY_ANSWER_DENY;
	enum enforcement enforcement = denies ? ENFORCEMENT_DENY : ENFORCEMENT_WARN;
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (!fit->never)
		print_fits(question, fit, &text);
	else if (!denies && reason_of(refusal)->reason != REASON_QUOTA)
		/* A Guard that only warns says the same about Pods that are admitted. */
		buf_text(&text, "its Pods would be refused: ");
	response_message(&text, refusal);
	int result =
	    text.failed ? -1 : add(answer, reservation->arena, reason_of(refusal), enforcement, buf_view(&text));
	if (result == 0 && !fit->never && question->surge && fit->fits >= question->pods - question->surge) {
		buf_reset(&text);
		fits_print_rollout(&text, question->kind->rolling.field);
		result = add(answer, reservation->arena, reason_of(refusal), ENFORCEMENT_WARN, buf_view(&text));
	}
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
	if (question->existing > kept && judge(policy, &question->old_review, reservation->arena, true, &old) < 0)
		return -1;
	if (old.consumer.request_count)
		fit->replaced = &old.consumer;
	fit->replaced_count = question->existing - kept;
	fit->count = question->pods ? question->pods - kept : 1;
	bool known = ledger->fit && ledger->fit(ledger->self, fit);
	fit->fits += kept;
	fit->replaced = NULL; /* `old` ends here. */
	return known;
}

int early_answer(struct early_question *question, const struct policy *policy, const struct ledger_store *ledger,
		 struct reservation_request *reservation)
{
	struct decision *decision = reservation->decision;
	struct fit_request fit = {.reservation = reservation, .never = true};
	if (judge(policy, &question->review, reservation->arena, false, decision) < 0)
		return -1;
	int known = decision->charged ? ask(question, policy, ledger, &fit) : 1;
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
