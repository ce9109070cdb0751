#include "webhook/server/admit.h"

#include <time.h>

#include "gpugate/policy.h"
#include "gpugate/policy_enums.h"
#include "webhook/admission/decide.h"
#include "webhook/admission/early_target.h"
#include "webhook/admission/response.h"
#include "webhook/object/review.h"
#include "webhook/server/object_path.h"

#define CHARGE_TEXT_MAX (16 << 10)
#define MARGIN_MIN_MS 50 /* between the ledger's deadline and the client's */
#define MARGIN_MAX_MS 500

static const struct {
	const char *path;
	enum metrics_endpoint metrics;
	enum admission_kind kind;
} endpoints[] = {[HTTP_MUTATE] = {"/mutate", METRICS_MUTATE, ADMISSION_MUTATE},
		 [HTTP_VALIDATE] = {"/validate", METRICS_VALIDATE, ADMISSION_VALIDATE}};

/* By enum admission_state: what is answered where there is no decision. */
static const struct {
	unsigned status;
	const char *sentence;
} failures[] = {
    [ADMISSION_OVERLOADED] = {503, "too many slow reviews are waiting to be decided; retry in a second"},
    [ADMISSION_NO_UID] = {415, "request.object.metadata.uid is missing: register this path in a "
			       "ValidatingWebhookConfiguration"},
    [ADMISSION_NO_MEMORY] = {500, "the review needs more memory than one request may use"},
};

/* A review in progress. It is in the arena of its HTTP request, as the ledger may respond later. */
struct admitting {
	const struct admission *admission;
	const struct policy *policy; /* retained */
	struct http_request *http;
	struct admission_request request;
	struct review review;
	struct buf charges;
	/* The review is about a workload, of whose Pods it says something. */
	bool early;
	/* The workload, if the review has another object. */
	struct early_target target;
	struct target_read read; /* Of the workload, or of what has the group of the Pod. */
	bool suspended;          /* From then on the answer may come from another thread. */
	uint64_t start_ns;
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
	for (uint32_t i = 0; i < a->request.decision.rule_count; i++)
		len += a->request.decision.rules[i].len + 1;
	char *text = arena_alloc(a->http->arena, len + 1);
	if (!text)
		return STR("");
	size_t at = 0;
	for (uint32_t i = 0; i < a->request.decision.rule_count; i++) {
		if (i)
			text[at++] = ',';
		memcpy(text + at, a->request.decision.rules[i].ptr, a->request.decision.rules[i].len);
		at += a->request.decision.rules[i].len;
	}
	return (struct str){text, at};
}

static void log_decision(const struct admitting *a, enum log_level level, const char *event, struct str message,
			 struct str rules)
{
	const struct str absent = {NULL, 0};
	const struct claim *claim = &a->review.claim;
	const struct log_field fields[] = {
	    {"path", str_of(endpoints[a->http->endpoint].path), false},
	    {"uid", claim->present ? claim->uid : a->review.object.uid, false},
	    {"namespace", a->review.namespace, false},
	    {"pod", claim->present ? absent : review_object_name(&a->review), false},
	    {"kind", claim->present ? a->review.kind : absent, false},
	    {"name", claim->present ? review_object_name(&a->review) : absent, false},
	    {"user", a->review.user, false},
	    {"tenant", a->request.decision.tenant, false},
	    {"dryRun", a->review.dry_run ? STR("true") : (struct str){NULL, 0}, true},
	    {"rules", rules, false},
	    {"message", message, false},
	};
	log_event(a->admission->log, level, event, fields, sizeof fields / sizeof fields[0]);
}

/* By enum enforcement: what a violation is counted and logged as. */
static const struct {
	enum metrics_violation metrics;
	const char *event;
} outcomes[] = {[ENFORCEMENT_DENY] = {METRICS_DENIAL, "denied"},
		[ENFORCEMENT_WARN] = {METRICS_WARNING, "warned"},
		[ENFORCEMENT_AUDIT] = {METRICS_AUDIT, "audited"}};

/* Logs what was said about a workload. Its Pods are counted as refused when they are. */
static void report_early(const struct admitting *a)
{
	const struct decision *decision = &a->request.decision;
	if (decision->violation_count == 0)
		return;
	const struct log_field fields[] = {
	    {"kind", a->review.kind, false},
	    {"namespace", a->review.namespace, false},
	    {"name", a->review.name.len ? a->review.name : (struct str){NULL, 0}, false},
	    {"user", a->review.user, false},
	    {"tenant", decision->tenant, false},
	    {"dryRun", a->review.dry_run ? STR("true") : (struct str){NULL, 0}, true},
	    {"allowed", decision->denied ? STR("false") : STR("true"), true},
	    {"message", decision->violations[0].message, false},
	};
	log_event(a->admission->log, LOG_INFO, "early_answer", fields, sizeof fields / sizeof fields[0]);
}

/* Logs a line for each denial, each rewrite, and each violation that did not deny. */
static void report(const struct admitting *a)
{
	const struct decision *decision = &a->request.decision;
	const struct str none = {NULL, 0};
	if (decision->denied) {
		struct buf message;
		buf_init(&message, 64 << 10);
		response_message(&message, decision);
		log_decision(a, LOG_WARN, "denied", buf_view(&message), none);
		buf_release(&message);
	} else if (decision->edit_count) {
		log_decision(a, LOG_INFO, admission_updates_pod(&a->review) ? "restored" : "rewritten", none,
			     joined_rules(a));
	}
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		const struct violation *violation = &decision->violations[i];
		admission_metrics_violation(a->admission->metrics, outcomes[violation->enforcement].metrics,
					    decision->tenant, str_of(reason_name(violation->reason)), violation->name);
		recent_denials_note(a->admission->denials, &a->review, decision, violation, time(NULL));
		if (violation->enforcement != ENFORCEMENT_DENY)
			log_decision(a, LOG_INFO, outcomes[violation->enforcement].event, violation->message, none);
	}
}

static enum metrics_outcome outcome(const struct decision *decision)
{
	return decision->denied ? METRICS_DENIED : decision->edit_count ? METRICS_PATCHED : METRICS_ALLOWED;
}

static void write_answer(const struct admitting *a, struct buf *out)
{
	struct admission_response answer = {.uid = a->review.uid,
					    .pod = &a->review.object,
					    .decision = &a->request.decision,
					    .charge = a->request.decision.denied || a->early ? (struct str){NULL, 0}
											     : buf_view(&a->charges)};
	if (!a->early && !a->review.claim.present && !str_eq(a->review.resource, STR("pods")))
		answer.warning = STR("gpugate evaluates only Pods, workloads and claims of devices; remove other "
				     "resources from its webhook configuration");
	response_write(out, &answer);
}

/*
 * Records the review if it is about a Pod or a claim. It depends on no other object, except for
 * that which has the group of a Pod: a replay decides such a Pod alone.
 */
static void record(const struct admitting *a)
{
	const struct review *review = &a->review;
	bool pod = review->object.present || review->old_object.present;
	if (a->http->out->failed || !(pod || review->claim.present || review->old_claim.present))
		return;
	recorder_note(a->admission->recorder, &(struct review_source){.endpoint = endpoints[a->http->endpoint].path,
								      .body = a->http->body,
								      .response = buf_view(a->http->out),
								      .policy = a->policy,
								      .namespace_labels = &review->namespace_labels});
}

static unsigned refuse(struct buf *out, unsigned status, const char *sentence)
{
	buf_reset(out);
	buf_text(out, sentence);
	return status;
}

/* --- The end of a review. Each returns the HTTP status of the answer. --- */

static unsigned end(struct admitting *a, unsigned status, enum metrics_outcome result)
{
	if (a->http->out->failed)
		status = refuse(a->http->out, 500, "the response needs more memory than one request may use");
	if (a->policy)
		policy_release(a->policy);
	buf_release(&a->charges);
	admission_metrics_request(a->admission->metrics, endpoints[a->http->endpoint].metrics, result,
				  now_ns() - a->start_ns);
	return status;
}

static unsigned fail(struct admitting *a, unsigned status, const char *sentence)
{
	return end(a, refuse(a->http->out, status, sentence), METRICS_ERROR);
}

static unsigned finish(struct admitting *a, enum admission_state state)
{
	/* Nothing is said about a workload without a decision. Its Pods are decided later. */
	if (state != ADMISSION_DECIDED && a->early)
		a->request.decision = (struct decision){.denied = false};
	else if (state != ADMISSION_DECIDED)
		return fail(a, failures[state].status, failures[state].sentence);
	write_answer(a, a->http->out);
	record(a);
	if (a->early)
		report_early(a);
	else
		report(a);
	return end(a, 200, outcome(&a->request.decision));
}

static bool on_suspend(struct admission_request *request)
{
	struct admitting *a = request->context;
	if (!a->suspended && !http_request_may_wait(a->http))
		return false;
	if (!a->suspended)
		http_request_suspend(a->http);
	a->suspended = true;
	return true;
}

static void on_decided(struct admission_request *request, enum admission_state state)
{
	struct admitting *a = request->context;
	struct http_request *http = a->http; /* `a` is gone with the answer */
	http_request_respond(http, finish(a, state));
}

/* When an answer of the ledger must be there, so that it still reaches the client. */
static int64_t answer_by(const struct http_request *http, uint64_t start_ns)
{
	int64_t left_ms = http->deadline_ms - (int64_t)(start_ns / 1000000);
	int64_t margin_ms = left_ms / 10;
	return http->deadline_ms - (margin_ms < MARGIN_MIN_MS   ? MARGIN_MIN_MS
				    : margin_ms > MARGIN_MAX_MS ? MARGIN_MAX_MS
								: margin_ms);
}

/* --- Workloads --- */

static enum admission_state ask(struct admitting *a, struct early_question *question)
{
	a->request.question = question;
	a->request.review = &question->review;
	return admission_decide(&a->request);
}

static enum admission_state ask_about_workload(struct admitting *a)
{
	struct early_question *question = arena_zalloc(a->http->arena, 1, sizeof *question);
	bool asks = question && early_question_read(a->policy, &a->review, a->http->arena, question);
	return asks ? ask(a, question) : ADMISSION_DECIDED;
}

/* Decides once the workload is known, or cannot be read: then `json` is absent. */
static enum admission_state ask_about_target(struct admitting *a, struct str json)
{
	struct arena *arena = a->http->arena;
	struct early_question *question = arena_zalloc(arena, 1, sizeof *question);
	bool asks = question && early_target_question(a->policy, &a->review, &a->target, json, arena, question);
	return asks ? ask(a, question) : ADMISSION_DECIDED;
}

/* Copies an object that was read, with its padding; absent without memory. */
static struct str copy(struct arena *arena, struct str json)
{
	char *to = str_present(json) ? arena_zalloc(arena, json.len + REVIEW_PADDING, 1) : NULL;
	if (!to)
		return (struct str){NULL, 0};
	memcpy(to, json.ptr, json.len);
	return (struct str){to, json.len};
}

static void on_target(struct target_read *read, enum target_state target, struct str json)
{
	struct admitting *a = read->context;
	(void)target;
	enum admission_state state = ask_about_target(a, copy(a->http->arena, json));
	if (state != ADMISSION_PENDING)
		on_decided(&a->request, state);
}

/* Reads the workload that the review is about, and decides then. */
static enum admission_state read_target(struct admitting *a)
{
	const char *path;
	if (!early_target_read(a->policy, &a->review, &a->target))
		return ADMISSION_DECIDED;
	const struct object_name object = {a->target.group, a->target.version, a->review.namespace, a->target.resource,
					   a->target.name};
	if (!a->target.wanted || !a->admission->targets || !(path = object_path(&object, a->http->arena)) ||
	    !on_suspend(&a->request))
		return ask_about_target(a, (struct str){NULL, 0});
	a->read =
	    (struct target_read){.path = path, .deadline_ms = a->request.deadline_ms, .done = on_target, .context = a};
	target_reader_read(a->admission->targets, &a->read);
	return ADMISSION_PENDING;
}

/* --- Groups of Pods --- */

_Static_assert(GANG_OBJECT_BYTES_MAX == TARGET_BYTES_MAX, "larger objects are not read");

static void on_group(struct target_read *read, enum target_state target, struct str json)
{
	static const enum gang_object states[] = {[TARGET_READ] = GANG_OBJECT_READ,
						  [TARGET_ABSENT] = GANG_OBJECT_ABSENT,
						  [TARGET_UNREAD] = GANG_OBJECT_UNREAD,
						  [TARGET_TOO_LARGE] = GANG_OBJECT_TOO_LARGE};
	struct admitting *a = read->context;
	admission_read(&a->request, states[target], json);
}

/* Reads the object that has the group of a Pod. No object has a name that makes no path. */
static void read_group(struct admission_request *request, const struct pod_group *group)
{
	struct admitting *a = request->context;
	const struct object_name object = {group->api_group, group->version, a->review.namespace, group->resource,
					   group->name};
	const char *path = object_path(&object, a->http->arena);
	if (!path) {
		admission_read(request, a->http->arena->exhausted ? GANG_OBJECT_UNREAD : GANG_OBJECT_ABSENT,
			       (struct str){NULL, 0});
		return;
	}
	a->read = (struct target_read){
	    .path = path, .deadline_ms = request->deadline_ms, .waits = true, .done = on_group, .context = a};
	target_reader_read(a->admission->targets, &a->read);
}

unsigned admit_answer(void *context, struct http_request *http)
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
	a->request = (struct admission_request){.kind = endpoints[http->endpoint].kind,
						.policy = a->policy,
						.ledger = &a->admission->ledger,
						.arena = http->arena,
						.review = &a->review,
						.charges = &a->charges,
						.deadline_ms = answer_by(http, a->start_ns),
						.suspend = on_suspend,
						.done = on_decided,
						.read = a->admission->targets ? read_group : NULL,
						.context = a};
	bool validates = http->endpoint == HTTP_VALIDATE;
	bool workload = validates && early_question_concerns(a->policy, &a->review);
	bool target = validates && !workload && early_target_concerns(&a->review);
	a->early = workload || target;
	enum admission_state state = workload ? ask_about_workload(a)
				     : target ? read_target(a)
					      : admission_decide(&a->request);
	return state == ADMISSION_PENDING ? HTTP_LATER : finish(a, state);
}
