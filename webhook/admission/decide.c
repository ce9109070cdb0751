#include "webhook/admission/decide.h"
#include "gpugate/policy.h"

#include "gpugate/consumer.h"

bool admission_updates_pod(const struct review *review)
{
	return review->operation == OPERATION_UPDATE && review->subresource.len == 0;
}

static enum admission_state decided(int result)
{
	return result < 0 ? ADMISSION_NO_MEMORY : ADMISSION_DECIDED;
}

/*
 * Prepares for an asynchronous response from the ledger. Returns whether the caller can wait for
 * one.
 */
static bool suspend(struct admission_request *request)
{
	if (!request->suspended)
		request->suspended = request->suspend(request);
	return request->suspended;
}

static void on_charged(struct reservation_request *reservation)
{
	struct admission_request *request = reservation->context;
	request->done(request, decided(reservation->result));
}

static enum admission_state ask_ledger(struct admission_request *request)
{
	const struct ledger_store *ledger = request->ledger;
	struct reservation_request *reservation = &request->reservation;
	if (ledger->waits && !suspend(request))
		return ADMISSION_OVERLOADED;
	reservation->done = on_charged;
	return ledger->admit(ledger->self, reservation) ? decided(reservation->result) : ADMISSION_PENDING;
}

/* Asks the ledger about the Pod, and about the rest of its group if a Rule says so. */
static enum admission_state charge(struct admission_request *request)
{
	/*
	 * The ledger identifies Pods and claims by uid, which the API server sets before it calls
	 * validating webhooks.
	 */
	if (request->decision.consumer.uid.len == 0)
		return ADMISSION_NO_UID;
	int reads = gang_find(request->policy, request->review, request->arena, &request->decision, &request->group);
	if (reads < 0)
		return ADMISSION_NO_MEMORY;
	if (reads == 0 || !request->read)
		return ask_ledger(request);
	if (!suspend(request))
		return ADMISSION_OVERLOADED;
	request->read(request, &request->group);
	return ADMISSION_PENDING;
}

void admission_read(struct admission_request *request, enum gang_object object, struct str json)
{
	struct decision *decision = &request->decision;
	int result =
	    gang_read(request->policy, request->review, &request->group, object, json, request->arena, decision);
	enum admission_state state = result < 0         ? ADMISSION_NO_MEMORY
				     : decision->denied ? ADMISSION_DECIDED
							: ask_ledger(request);
	if (state != ADMISSION_PENDING)
		request->done(request, state);
}

/*
 * Frees the quota of a deleted or finished Pod, or of a deleted claim, in a ledger that does not
 * watch the cluster.
 */
static void release_finished(const struct admission_request *request)
{
	const struct review *review = request->review;
	const struct ledger_store *ledger = request->ledger;
	struct str uid = {NULL, 0};
	if (review->dry_run || !ledger->finished)
		return;
	if (review->operation == OPERATION_DELETE && review->subresource.len == 0)
		uid = review->old_claim.present ? review->old_claim.uid : review->old_object.uid;
	else if (review->operation == OPERATION_UPDATE && str_eq(review->subresource, STR("status")) &&
		 (str_eq(review->object.phase, STR("Succeeded")) || str_eq(review->object.phase, STR("Failed"))))
		uid = review->object.uid;
	if (uid.len)
		ledger->finished(ledger->self, uid);
}

static enum admission_state evaluate(struct admission_request *request)
{
	if (request->question)
		return decided(
		    early_answer(request->question, request->policy, request->ledger, &request->reservation));
	if (request->kind == ADMISSION_MUTATE)
		return decided(policy_mutate(request->policy, request->review, request->arena, &request->decision,
					     request->trace));
	release_finished(request);
	if (policy_validate(request->policy, request->review, request->arena, &request->decision, request->trace) < 0)
		return ADMISSION_NO_MEMORY;
	return request->decision.charged ? charge(request) : ADMISSION_DECIDED;
}

/*
 * Whether some quota may count what a review creates. A claim of which nothing can be read may
 * request anything. Returns -1 if the arena is exhausted.
 */
static int may_be_counted(const struct admission_request *request)
{
	const struct review *review = request->review;
	const struct resource_request *requests;
	struct claim claim = review->claim;
	uint32_t count;
	/* Nobody is known to be the scheduler of a claim that is created. */
	claim.marked_extended = false;
	bool claims = claim.present && str_eq(review->kind, STR("ResourceClaim"));
	if (claims && !policy_counts_claims(request->policy))
		return 0;
	if (claims && !policy_claim_bounded(&claim))
		return 1;
	if ((claims ? policy_claim_requests(&claim, request->arena, &requests, &count)
		    : policy_pod_requests(&review->object, request->arena, &requests, &count)) < 0)
		return -1;
	return (claims && count == 0) || policy_counts_some(request->policy, requests, count);
}

/*
 * Whether the result of an update does not depend on the labels. That of a claim depends on them if
 * it gets the mark of a scheduler, with which it would not be counted any more.
 */
static bool is_free_update(const struct review *review)
{
	return admission_updates_pod(review) && review->claim.marked_extended == review->old_claim.marked_extended;
}

/*
 * Decides without the namespace labels, which could not be read, so the tenant is unknown. If a
 * quota may count the Pod or claim, the decision is an outage, or busy if the request left too
 * little time.
 */
static enum admission_state evaluate_without_labels(struct admission_request *request)
{
	if (request->question)
		return ADMISSION_DECIDED; /* Nothing is known, and so nothing is said. */
	int counted = may_be_counted(request);
	if (counted < 0)
		return ADMISSION_NO_MEMORY;
	if (is_free_update(request->review) || !counted)
		return evaluate(request);
	return decided(
	    request->reservation.hasty
		? policy_add_busy_violation(request->policy,
					    STR("the request left too little time to read the labels of its namespace"),
					    request->arena, &request->decision)
		: policy_add_outage_violation(request->policy, STR("the labels of its namespace could not be read"),
					      request->arena, &request->decision));
}

static void on_labels(struct reservation_request *reservation)
{
	struct admission_request *request = reservation->context;
	request->review->namespace_labels = reservation->labels;
	enum admission_state state = reservation->result < 0       ? ADMISSION_NO_MEMORY
				     : reservation->labels.present ? evaluate(request)
								   : evaluate_without_labels(request);
	if (state != ADMISSION_PENDING)
		request->done(request, state);
}

static bool needs_labels(const struct admission_request *request)
{
	bool restores = admission_updates_pod(request->review) && request->kind == ADMISSION_MUTATE;
	return request->ledger->labels && (request->review->object.present || request->review->claim.present) &&
	       !restores && policy_reads_namespaces(request->policy);
}

enum admission_state admission_decide(struct admission_request *request)
{
	const struct ledger_store *ledger = request->ledger;
	struct reservation_request *reservation = &request->reservation;
	*reservation = (struct reservation_request){.dry = request->review->dry_run,
						    .deadline_ms = request->deadline_ms,
						    .arena = request->arena,
						    .namespace = request->review->namespace,
						    .decision = &request->decision,
						    .charges = request->charges,
						    .trace = request->trace,
						    .context = request};
	if (!needs_labels(request))
		return evaluate(request);
	if (!ledger->labels(ledger->self, reservation)) {
		if (!suspend(request))
			return ADMISSION_OVERLOADED;
		reservation->done = on_labels;
		ledger->fetch(ledger->self, reservation);
		return ADMISSION_PENDING;
	}
	if (reservation->result < 0)
		return ADMISSION_NO_MEMORY;
	request->review->namespace_labels = reservation->labels;
	return evaluate(request);
}
