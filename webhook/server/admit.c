#include "webhook/server/admit.h"

#include <time.h>

#include "webhook/admission/response.h"
#include "webhook/object/review.h"

#define CHARGE_TEXT_MAX (16 << 10)
#define MARGIN_LEAST_MS 50 /* between the ledger's deadline and the client's */
#define MARGIN_MOST_MS 500

static const struct {
	const char *path;
	enum metrics_endpoint metrics;
} endpoints[] = {[HTTP_MUTATE] = {"/mutate", METRICS_MUTATE}, [HTTP_VALIDATE] = {"/validate", METRICS_VALIDATE}};

/* One review on its way; in the arena of its request, since the ledger may answer later. */
struct admitting {
	const struct admission *admission;
	const struct policy *policy; /* retained */
	struct http_ask *http;
	struct ledger_ask ledger;
	struct review review;
	struct decision decision;
	struct buf charges;
	uint64_t start_ns;
	bool suspended;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct str joined_rules(const struct admitting *a)
{
	size_t len = 0;
	for (uint32_t i = 0; i < a->decision.rule_count; i++)
		len += a->decision.rules[i].len + 1;
	char *text = arena_alloc(a->http->arena, len + 1);
	if (!text)
		return STR("");
	size_t at = 0;
	for (uint32_t i = 0; i < a->decision.rule_count; i++) {
		if (i)
			text[at++] = ',';
		memcpy(text + at, a->decision.rules[i].ptr, a->decision.rules[i].len);
		at += a->decision.rules[i].len;
	}
	return (struct str){text, at};
}

static void log_decision(const struct admitting *a, enum log_level level, const char *event, struct str message,
			 struct str rules)
{
	const struct pod *pod = &a->review.object;
	const struct log_field fields[] = {
	    {"path", str_of(endpoints[a->http->endpoint].path), false},
	    {"uid", pod->uid, false},
	    {"namespace", a->review.namespace, false},
	    {"pod", pod->name.len ? pod->name : pod->generate_name, false},
	    {"user", a->review.user, false},
	    {"tenant", a->decision.tenant, false},
	    {"dryRun", a->review.dry_run ? STR("true") : (struct str){NULL, 0}, true},
	    {"rules", rules, false},
	    {"message", message, false},
	};
	log_event(a->admission->log, level, event, fields, sizeof fields / sizeof fields[0]);
}

/* A Pod that exists is changed: what is put back and what is refused then is the same under any labels of the namespace. */
static bool updates_pod(const struct review *review)
{
	return review->operation == OPERATION_UPDATE && review->subresource.len == 0;
}

/* By enum enforcement: what an objection is counted and logged as. */
static const struct {
	enum metrics_objection metrics;
	const char *event;
} outcomes[] = {[ENFORCEMENT_DENY] = {METRICS_DENIAL, "denied"},
		[ENFORCEMENT_WARN] = {METRICS_WARNING, "warned"},
		[ENFORCEMENT_AUDIT] = {METRICS_AUDIT, "audited"}};

/* What people and dashboards learn: a line for each refusal, each rewrite, and each objection that did not refuse. */
static void report(const struct admitting *a)
{
	const struct decision *decision = &a->decision;
	const struct str none = {NULL, 0};
	if (decision->denied) {
		struct buf message;
		buf_init(&message, 64 << 10);
		answer_message(&message, decision);
		log_decision(a, LOG_WARN, "denied", buf_view(&message), none);
		buf_release(&message);
	} else if (decision->edit_count) {
		log_decision(a, LOG_INFO, updates_pod(&a->review) ? "restored" : "rewritten", none, joined_rules(a));
	}
	for (uint32_t i = 0; i < decision->objection_count; i++) {
		const struct objection *objection = &decision->objections[i];
		metrics_object(a->admission->metrics, outcomes[objection->enforcement].metrics, decision->tenant,
			       str_of(reason_name(objection->reason)), objection->name);
		refusals_note(a->admission->refusals, &a->review, decision, objection, time(NULL));
		if (objection->enforcement != ENFORCEMENT_DENY)
			log_decision(a, LOG_INFO, outcomes[objection->enforcement].event, objection->message, none);
	}
}

static enum metrics_outcome outcome(const struct decision *decision)
{
	return decision->denied ? METRICS_DENIED : decision->edit_count ? METRICS_PATCHED : METRICS_ALLOWED;
}

static void write_answer(const struct admitting *a, struct buf *out)
{
	struct answer answer = {.uid = a->review.uid,
				.pod = &a->review.object,
				.decision = &a->decision,
				.charge = a->decision.denied ? (struct str){NULL, 0} : buf_view(&a->charges)};
	if (!str_eq(a->review.resource, STR("pods")))
		answer.warning =
		    STR("gpugate evaluates only Pods; remove other resources from its webhook configuration");
	answer_write(out, &answer);
}

static unsigned refuse(struct buf *out, unsigned status, const char *sentence)
{
	buf_reset(out);
	buf_text(out, sentence);
	return status;
}

/* --- The steps of a review. Each returns the HTTP status of the answer, or HTTP_LATER. --- */

static unsigned end(struct admitting *a, unsigned status, enum metrics_outcome result)
{
	if (a->http->out->failed)
		status = refuse(a->http->out, 500, "the response needs more memory than one request may use");
	if (a->policy)
		policy_release(a->policy);
	buf_release(&a->charges);
	metrics_request(a->admission->metrics, endpoints[a->http->endpoint].metrics, result, now_ns() - a->start_ns);
	return status;
}

static unsigned fail(struct admitting *a, unsigned status, const char *sentence)
{
	return end(a, refuse(a->http->out, status, sentence), METRICS_ERROR);
}

static unsigned fail_memory(struct admitting *a)
{
	return fail(a, 500, "the review needs more memory than one request may use");
}

static unsigned finish(struct admitting *a)
{
	if (a->ledger.result < 0)
		return fail_memory(a);
	write_answer(a, a->http->out);
	report(a);
	return end(a, 200, outcome(&a->decision));
}

/* From here on the answer may come from another thread. Returns whether it may wait at all. */
static bool suspend(struct admitting *a)
{
	if (a->suspended)
		return true;
	if (!http_ask_may_wait(a->http))
		return false;
	http_ask_suspend(a->http);
	a->suspended = true;
	return true;
}

static unsigned fail_crowded(struct admitting *a)
{
	return fail(a, 503, "too many slow reviews are waiting to be decided; retry in a second");
}

static void on_admitted(struct ledger_ask *ask)
{
	struct admitting *a = ask->context;
	struct http_ask *http = a->http; /* `a` is gone with the answer */
	http_ask_answer(http, finish(a));
}

static unsigned ask_ledger(struct admitting *a)
{
	const struct ledger_store *ledger = &a->admission->ledger;
	/* Pods are held by their uid, and the API server gives it before validating webhooks are called. */
	if (a->review.object.uid.len == 0)
		return fail(a, 415,
			    "request.object.metadata.uid is missing: register this path in a "
			    "ValidatingWebhookConfiguration");
	if (ledger->waits && !suspend(a))
		return fail_crowded(a);
	a->ledger.done = on_admitted;
	return ledger->admit(ledger->self, &a->ledger) ? finish(a) : HTTP_LATER;
}

/* A ledger that lives on reviews: a Pod that goes or has finished frees what it held. */
static void release_finished(const struct admitting *a)
{
	const struct review *review = &a->review;
	const struct ledger_store *ledger = &a->admission->ledger;
	struct str uid = {NULL, 0};
	if (review->dry_run || !ledger->finished)
		return;
	if (review->operation == OPERATION_DELETE && review->subresource.len == 0)
		uid = review->old_object.uid;
	else if (review->operation == OPERATION_UPDATE && str_eq(review->subresource, STR("status")) &&
		 (str_eq(review->object.phase, STR("Succeeded")) || str_eq(review->object.phase, STR("Failed"))))
		uid = review->object.uid;
	if (uid.len)
		ledger->finished(ledger->self, uid);
}

static unsigned evaluate(struct admitting *a)
{
	struct arena *arena = a->http->arena;
	if (a->http->endpoint == HTTP_MUTATE)
		return policy_mutate(a->policy, &a->review, arena, &a->decision) < 0 ? fail_memory(a) : finish(a);
	release_finished(a);
	if (policy_validate(a->policy, &a->review, arena, &a->decision) < 0)
		return fail_memory(a);
	return a->decision.charged ? ask_ledger(a) : finish(a);
}

/* Whose namespace it is, and so what a Pod with devices may do, is not known. Others are not held up. */
static unsigned evaluate_unknown(struct admitting *a)
{
	const struct demand *demands;
	uint32_t count;
	if (policy_demands(&a->review.object, a->http->arena, &demands, &count) < 0)
		return fail_memory(a);
	if (updates_pod(&a->review) || !policy_counts_some(a->policy, demands, count))
		return evaluate(a);
	a->ledger.result =
	    a->ledger.hasty
		? policy_object_busy(a->policy,
				     STR("the request left too little time to read the labels of its namespace"),
				     a->http->arena, &a->decision)
		: policy_object_outage(a->policy, STR("the labels of its namespace could not be read"), a->http->arena,
				       &a->decision);
	return finish(a);
}

static void on_labels(struct ledger_ask *ask)
{
	struct admitting *a = ask->context;
	struct http_ask *http = a->http;
	a->review.namespace_labels = ask->labels;
	unsigned status = ask->result < 0 ? fail_memory(a) : ask->labels.present ? evaluate(a) : evaluate_unknown(a);
	if (status != HTTP_LATER)
		http_ask_answer(http, status);
}

/* The labels of its namespace, where they decide anything and are kept somewhere. */
static unsigned find_labels(struct admitting *a)
{
	const struct ledger_store *ledger = &a->admission->ledger;
	bool restores = updates_pod(&a->review) && a->http->endpoint == HTTP_MUTATE;
	if (!ledger->labels || !a->review.object.present || restores || !policy_reads_namespaces(a->policy))
		return evaluate(a);
	if (!ledger->labels(ledger->self, &a->ledger)) {
		if (!suspend(a))
			return fail_crowded(a);
		a->ledger.done = on_labels;
		ledger->fetch(ledger->self, &a->ledger);
		return HTTP_LATER;
	}
	if (a->ledger.result < 0)
		return fail_memory(a);
	a->review.namespace_labels = a->ledger.labels;
	return evaluate(a);
}

/* When an answer of the ledger must be there, so that it still reaches the client. */
static int64_t answer_by(const struct http_ask *http, uint64_t start_ns)
{
	int64_t left_ms = http->deadline_ms - (int64_t)(start_ns / 1000000);
	int64_t margin_ms = left_ms / 10;
	return http->deadline_ms - (margin_ms < MARGIN_LEAST_MS  ? MARGIN_LEAST_MS
				    : margin_ms > MARGIN_MOST_MS ? MARGIN_MOST_MS
								 : margin_ms);
}

unsigned admit_answer(void *context, struct http_ask *http)
{
	struct error err = {0};
	struct admitting *a = arena_zalloc(http->arena, 1, sizeof *a);
	if (!a)
		return refuse(http->out, 500, "there is not enough memory for the review");
	a->admission = context;
	a->http = http;
	a->start_ns = now_ns();
	buf_init(&a->charges, CHARGE_TEXT_MAX);
	if (review_read(http->body.ptr, http->body.len, http->arena, &a->review, &err) < 0)
		return fail(a, http->arena->exhausted ? 500 : 415, err.text);
	a->policy = policy_store_get(a->admission->policies);
	a->ledger = (struct ledger_ask){.dry = a->review.dry_run,
					.deadline_ms = answer_by(http, a->start_ns),
					.arena = http->arena,
					.namespace = a->review.namespace,
					.decision = &a->decision,
					.charges = &a->charges,
					.context = a};
	return find_labels(a);
}
