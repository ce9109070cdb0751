#include "webhook/admit.h"

#include <time.h>

#include "webhook/answer.h"
#include "webhook/review_read.h"

#define CHARGE_TEXT_MAX (16 << 10)

static const struct {
	const char *path;
	enum metrics_endpoint metrics;
} endpoints[] = {[HTTP_MUTATE] = {"/mutate", METRICS_MUTATE}, [HTTP_VALIDATE] = {"/validate", METRICS_VALIDATE}};

/* One review on its way. */
struct admitting {
	const struct admission *admission;
	enum http_endpoint endpoint;
	struct arena *arena;
	struct review review;
	struct decision decision;
	struct buf charges;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The embedded ledger lives on reviews: a Pod that goes or has finished frees what it held. */
static void release_finished(const struct admitting *a)
{
	const struct review *review = &a->review;
	struct str uid = {NULL, 0};
	if (review->dry_run)
		return;
	if (review->operation == OPERATION_DELETE && review->subresource.len == 0)
		uid = review->old_object.uid;
	else if (review->operation == OPERATION_UPDATE && str_eq(review->subresource, STR("status")) &&
		 (str_eq(review->object.phase, STR("Succeeded")) || str_eq(review->object.phase, STR("Failed"))))
		uid = review->object.uid;
	if (uid.len)
		ledger_embedded_free(a->admission->ledger, uid);
}

/* Returns NULL, or the sentence of a request that cannot be answered; the status with it. */
static const char *decide(struct admitting *a, const struct policy *policy, unsigned *status)
{
	static const char exhausted[] = "the review needs more memory than one request may have";
	*status = 500;
	if (a->endpoint == HTTP_MUTATE)
		return policy_mutate(policy, &a->review, a->arena, &a->decision) < 0 ? exhausted : NULL;
	release_finished(a);
	if (policy_validate(policy, &a->review, a->arena, &a->decision) < 0)
		return exhausted;
	if (!a->decision.charged)
		return NULL;
	/* Pods are held by their uid, and the API server gives it before validating webhooks are called. */
	if (a->review.object.uid.len == 0) {
		*status = 400;
		return "request.object.metadata.uid is missing: register this path in a ValidatingWebhookConfiguration";
	}
	return ledger_embedded_admit(a->admission->ledger, a->review.dry_run, a->arena, &a->decision, &a->charges) < 0
		   ? exhausted
		   : NULL;
}

static struct str joined_rules(const struct admitting *a)
{
	size_t len = 0;
	for (uint32_t i = 0; i < a->decision.rule_count; i++)
		len += a->decision.rules[i].len + 1;
	char *text = arena_alloc(a->arena, len + 1);
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
	    {"path", str_of(endpoints[a->endpoint].path), false},
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
		log_decision(a, LOG_INFO, "rewritten", none, joined_rules(a));
	}
	for (uint32_t i = 0; i < decision->objection_count; i++) {
		const struct objection *objection = &decision->objections[i];
		metrics_object(a->admission->metrics, outcomes[objection->enforcement].metrics, decision->tenant,
			       str_of(reason_name(objection->reason)), objection->name);
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
		answer.warning = STR("gpugate judges Pods only; take other resources out of its webhook configuration");
	answer_write(out, &answer);
}

static unsigned refuse(struct buf *out, unsigned status, const char *sentence)
{
	buf_reset(out);
	buf_text(out, sentence);
	return status;
}

static unsigned answer_review(struct admitting *a, struct str body, enum metrics_outcome *result, struct buf *out)
{
	struct error err = {0};
	*result = METRICS_ERROR;
	if (review_read(body.ptr, body.len, a->arena, &a->review, &err) < 0)
		return refuse(out, 400, err.text);
	const struct policy *policy = policy_store_get(a->admission->policies);
	unsigned status;
	const char *problem = decide(a, policy, &status);
	if (problem) {
		status = refuse(out, status, problem);
	} else {
		status = 200;
		write_answer(a, out);
		report(a);
		*result = outcome(&a->decision);
	}
	policy_release(policy);
	if (out->failed)
		status = refuse(out, 500, "the answer needs more memory than one request may have");
	return status;
}

unsigned admit_answer(void *context, enum http_endpoint endpoint, struct str body, unsigned timeout_ms,
		      struct arena *arena, struct buf *out)
{
	(void)timeout_ms; /* the embedded ledger answers at once */
	uint64_t start = now_ns();
	struct admitting a = {.admission = context, .endpoint = endpoint, .arena = arena};
	enum metrics_outcome result;
	buf_init(&a.charges, CHARGE_TEXT_MAX);
	unsigned status = answer_review(&a, body, &result, out);
	buf_release(&a.charges);
	metrics_request(a.admission->metrics, endpoints[endpoint].metrics, result, now_ns() - start);
	return status;
}
