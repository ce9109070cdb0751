/*
 * Adds to an explanation what the API server answers about the workload itself. It asks the webhook
 * about the workload first, and its controller then creates the Pods.
 */
#include <stdlib.h>

#include "gpugate/consumer.h"
#include "webhook/admission/early_answer.h"
#include "webhook/simulate/explain.h"

/* "replicaset-controller" */
static const char *controller_name(const struct workload_kind *kind)
{
	const char *colon = kind->controller ? strrchr(kind->controller, ':') : NULL;
	return colon ? colon + 1 : "controller";
}

/* Whether the API server asks about the workload: only if Pods of it request devices. */
static bool is_asked(const struct subjects *subjects, struct arena *arena)
{
	for (uint32_t i = 0; i < subjects->count; i++) {
		const struct resource_request *requests;
		uint32_t count = 0;
		if (policy_pod_requests(&subjects->items[i].review.object, arena, &requests, &count) == 0 && count > 0)
			return true;
	}
	return false;
}

/*
 * Asks as for a workload that is created. Returns false if there is no answer. Sets `where` to the
 * group of Pods that it is about, absent if the workload has no groups.
 */
static bool ask(const struct explain_context *context, const struct subjects *subjects,
		const struct manifest_object *object, struct arena *arena, struct decision *decision, struct str *where)
{
	const struct ledger_store store = simulation_store(context->simulation);
	const struct review review = {.uid = STR("simulated"),
				      .group = workload_group(object->api_version),
				      .version = STR("v1"),
				      .kind = object->kind,
				      .name = object->name,
				      .namespace = subjects->items[0].review.namespace,
				      .operation = OPERATION_CREATE,
				      .other_object = object->json};
	struct early_question question;
	struct buf charges;
	if (!is_asked(subjects, arena) || !early_question_concerns(context->policy, &review) ||
	    !early_question_read(context->policy, &review, arena, &question))
		return false;
	buf_init(&charges, (size_t)64 << 10);
	struct admission_request request = {.kind = ADMISSION_VALIDATE,
					    .policy = context->policy,
					    .ledger = &store,
					    .arena = arena,
					    .review = &question.review,
					    .question = &question,
					    .charges = &charges};
	bool known = admission_decide(&request) == ADMISSION_DECIDED;
	*decision = request.decision;
	*where = question.where;
	buf_release(&charges);
	return known;
}

json_t *explain_workload(const struct explain_context *context, const struct subjects *subjects,
			 const struct manifest_object *object, struct arena *arena)
{
	const struct workload_kind *kind = subjects->items[0].kind;
	struct str where = {NULL, 0};
	struct decision *decision = arena_zalloc(arena, 1, sizeof *decision);
	if (!decision || !kind || !*kind->template)
		return NULL;
	bool known = ask(context, subjects, object, arena, decision, &where);
	json_t *workload =
	    json_pack("{s:s, s:b, s:s}", "verdict", known && decision->denied ? "refused" : "accepted", "warned",
		      known && !decision->denied && decision->violation_count > 0, "controller", controller_name(kind));
	if (known && decision->violation_count && str_present(where))
		json_object_set_new(workload, "part", explain_string(where));
	return workload;
}

void explain_early_answer(const struct policy *policy, json_t *tree)
{
	static const char *const words[] = {
	    [EARLY_ANSWER_WARN] = "warn", [EARLY_ANSWER_DENY] = "deny", [EARLY_ANSWER_OFF] = "off"};
	const char *tenant = json_string_value(json_object_get(json_object_get(tree, "tenant"), "name"));
	json_t *workload = json_object_get(tree, "workload");
	struct str name = tenant ? str_of(tenant) : (struct str){NULL, 0};
	if (workload)
		json_object_set_new(workload, "earlyAnswer", json_string(words[policy_early_answer(policy, name)]));
}
