#include "webhook/simulate/admit.h"

#include "webhook/admission/apply.h"
#include "webhook/admission/patch.h"
#include "webhook/admission/response.h"

#define CHARGES_BYTES_MAX (64u << 10)
#define TEXT_BYTES_MAX ((size_t)32 << 20)

/* --- Groups of Pods --- */

/* What a request waits for is there already. */
struct asking {
	struct simulation *simulation;
	enum admission_state state;
};

static bool suspend(struct admission_request *request)
{
	(void)request;
	return true;
}

static void done(struct admission_request *request, enum admission_state state)
{
	struct asking *asking = request->context;
	asking->state = state;
}

static void read_group(struct admission_request *request, const struct pod_group *group)
{
	const struct asking *asking = request->context;
	struct str json = group_objects_find(simulation_groups(asking->simulation), request->review->namespace, group);
	admission_read(request,
		       json.len > GANG_OBJECT_BYTES_MAX ? GANG_OBJECT_TOO_LARGE
		       : str_present(json)              ? GANG_OBJECT_READ
							: GANG_OBJECT_ABSENT,
		       json);
}

/* --- Requests --- */

enum admission_state simulation_ask(enum admission_kind kind, struct simulation *simulation, struct review *review,
				    struct arena *arena, const struct trace *trace, struct buf *charges,
				    struct decision *decision)
{
	*decision = (struct decision){.denied = false};
	if (simulation_renew(simulation) < 0)
		return ADMISSION_NO_MEMORY;
	const struct ledger_store store = simulation_store(simulation);
	struct asking asking = {.simulation = simulation};
	struct admission_request request = {.kind = kind,
					    .policy = simulation_policy(simulation),
					    .ledger = &store,
					    .arena = arena,
					    .review = review,
					    .charges = charges,
					    .trace = trace,
					    .suspend = suspend,
					    .done = done,
					    .read = read_group,
					    .context = &asking};
	enum admission_state state = admission_decide(&request);
	*decision = request.decision;
	return state == ADMISSION_PENDING ? asking.state : state;
}

void simulation_admit(struct simulation *simulation, struct review *review, struct arena *arena,
		      const struct trace *trace, struct simulated *out)
{
	*out = (struct simulated){.before = review->object};
	buf_init(&out->charges, CHARGES_BYTES_MAX);
	out->state = simulation_ask(ADMISSION_MUTATE, simulation, review, arena, trace, &out->charges, &out->mutation);
	if (out->state != ADMISSION_DECIDED || out->mutation.denied)
		return;
	if (review->object.present && review->object.uid.len == 0)
		review->object.uid = simulation_uid(simulation, arena);
	if (review->claim.present && review->claim.uid.len == 0)
		review->claim.uid = simulation_uid(simulation, arena);
	if (pod_apply(&review->object, out->mutation.edits, out->mutation.edit_count, arena) < 0 ||
	    (review->object.present && review->object.uid.len == 0) ||
	    (review->claim.present && review->claim.uid.len == 0)) {
		out->state = ADMISSION_NO_MEMORY;
		return;
	}
	out->state =
	    simulation_ask(ADMISSION_VALIDATE, simulation, review, arena, trace, &out->charges, &out->validation);
	out->admitted = out->state == ADMISSION_DECIDED && !out->validation.denied;
}

json_t *simulated_message(const struct decision *decision)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	response_message(&text, decision);
	json_t *message = decision->denied ? json_stringn(text.ptr, text.len) : json_null();
	buf_release(&text);
	return message;
}

json_t *simulated_patch(const struct simulated *simulated)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (!simulated->mutation.denied)
		patch_write(&text, &simulated->before, simulated->mutation.edits, simulated->mutation.edit_count);
	json_t *patch = text.failed || text.len == 0 ? json_array() : json_loadb(text.ptr, text.len, 0, NULL);
	buf_release(&text);
	return patch;
}
