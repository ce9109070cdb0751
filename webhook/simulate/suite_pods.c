/* The steps about Pods that exist, and the step that lets time pass. */
#include "webhook/simulate/difference.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_names.h"
#include "webhook/simulate/suite_state.h"

static int bind(struct suite_state *state, struct known_pod *known, const struct suite_pods *pods)
{
	known->pod.node_name = pods->node;
	known->pod.phase = STR("Running");
	return simulation_pod(state->simulation, &known->pod);
}

static int finish(struct suite_state *state, struct known_pod *known, const struct suite_pods *pods)
{
	(void)pods;
	known->pod.phase = STR("Succeeded");
	known->finished = true;
	return simulation_pod(state->simulation, &known->pod);
}

static int delete (struct suite_state *state, struct known_pod *known, const struct suite_pods *pods)
{
	(void)pods;
	known->gone = true;
	simulation_gone(state->simulation, known->pod.uid);
	return 0;
}

/* The API server refuses to bind a Pod twice, and a Pod finishes once. Claims do neither. */
static bool is_open(const struct known_pod *known, enum step_verb verb)
{
	if (known->pod.as_claim && verb != STEP_DELETE)
		return false;
	return !known->gone && !known->unstored_ms && (verb == STEP_DELETE || !known->finished) &&
	       (verb != STEP_BIND || known->pod.node_name.len == 0);
}

static struct str namespace_of(const struct suite_pods *pods)
{
	return str_present(pods->namespace) ? pods->namespace : STR("default");
}

static bool is_meant(const struct known_pod *known, const struct suite_pods *pods)
{
	return str_eq(known->pod.namespace, namespace_of(pods)) &&
	       (str_eq(known->pod.name, pods->name) || str_eq(known->made_from, pods->name));
}

/* Whether there was something of this name, even if its Pods were refused or are gone. */
static bool is_named(const struct suite_state *state, const struct suite_pods *pods)
{
	bool named = suite_has_name(state, namespace_of(pods), pods->name);
	for (uint32_t i = 0; i < state->pod_count && !named; i++)
		named = is_meant(&state->pods[i], pods);
	return named;
}

int state_wait(struct suite_state *state, const struct suite_step *step, struct step_report *report, struct error *err)
{
	(void)report;
	return state_advance(state, suite_number(step->wait) * 1000, err);
}

static void miss(struct step_report *report, const struct suite_pods *pods, int64_t wanted, int64_t found)
{
	struct str namespace = namespace_of(pods);
	json_t *expected =
	    wanted == INT64_MAX
		? json_sprintf("a Pod \"%.*s\" in namespace \"%.*s\"", STR_ARG(pods->name), STR_ARG(namespace))
		: json_sprintf("%lld of the Pods \"%.*s\" in namespace \"%.*s\"", (long long)wanted,
			       STR_ARG(pods->name), STR_ARG(namespace));
	difference_add(report->differences, "pods", expected, found ? json_integer(found) : json_null());
}

int state_pods(struct suite_state *state, const struct suite_step *step, struct step_report *report, struct error *err)
{
	static int (*const verbs[])(struct suite_state *, struct known_pod *, const struct suite_pods *) = {
	    [STEP_BIND] = bind, [STEP_FINISH] = finish, [STEP_DELETE] = delete};
	const struct suite_pods *const targets[] = {
	    [STEP_BIND] = &step->bind, [STEP_FINISH] = &step->finish, [STEP_DELETE] = &step->delete};
	enum step_verb verb = suite_verb(step);
	const struct suite_pods *pods = targets[verb];
	int64_t wanted = str_present(pods->count) ? suite_number(pods->count) : INT64_MAX, found = 0;
	if (verb == STEP_BIND && suite_check_node(state, pods->node, pods->at, err) < 0)
		return -1;
	for (uint32_t i = 0; i < state->pod_count && found < wanted; i++) {
		if (!is_open(&state->pods[i], verb) || !is_meant(&state->pods[i], pods))
			continue;
		if (verbs[verb](state, &state->pods[i], pods) < 0)
			return state_no_memory(err);
		found++;
	}
	if (found == 0 && !is_named(state, pods)) {
		suite_refuse_name(state, suite_verbs[verb].name, namespace_of(pods), pods->name, false, err);
		return suite_error_at(state->manifest, pods->at, err);
	}
	if (found == 0 || (wanted != INT64_MAX && found < wanted))
		miss(report, pods, wanted, found);
	return 0;
}
