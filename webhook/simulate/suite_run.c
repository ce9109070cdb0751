/* Runs the steps of one suite. */
#include <poll.h>
#include <stdlib.h>

#include "webhook/json/text.h"
#include "webhook/json/time.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_state.h"

#define ARENA_CHUNK ((size_t)256 << 10)
#define ARENA_MAX ((size_t)1 << 30)
#define SELECTED_BYTES_MAX 4096

static void name_step(const struct suite_step *step, uint32_t index, struct buf *out)
{
	if (str_present(step->name))
		buf_str(out, step->name);
	else
		buf_printf(out, "step %u", index + 1);
}

static bool is_selected(const struct suite_state *state, const char *step)
{
	struct buf text;
	bool selected = true;
	if (!state->means->select)
		return true;
	buf_init(&text, SELECTED_BYTES_MAX);
	buf_printf(&text, "%.*s/%s", STR_ARG(state->suite->metadata.name), step);
	buf_char(&text, '\0');
	selected = !text.failed && regexec(state->means->select, text.ptr, 0, NULL, 0) == 0;
	buf_release(&text);
	return selected;
}

/* Advances to the time of the step, if it says one. */
static int set_clock(struct suite_state *state, const struct suite_step *step, struct error *err)
{
	int64_t ms, now = simulation_now(state->simulation);
	if (!str_present(step->time))
		return 0;
	if (suite_time(state->manifest, step->time, step->at, &ms, err) < 0)
		return -1;
	if (ms >= now)
		return state_advance(state, ms - now, err);
	struct buf text;
	buf_init(&text, 64);
	time_print(now, &text);
	error_set(err, "at: the suite has already reached %.*s; write this or a later time", STR_ARG(buf_view(&text)));
	buf_release(&text);
	return suite_error_at(state->manifest, suite_place(state->manifest, step->time, step->at), err);
}

static int do_step(struct suite_state *state, const struct suite_step *step, struct step_report *report,
		   struct error *err)
{
	typedef int do_verb(struct suite_state *, const struct suite_step *, struct step_report *, struct error *);
	static do_verb *const verbs[STEP_VERBS] = {
	    [STEP_CREATE] = state_create, [STEP_FILE] = state_create, [STEP_SCALE] = state_scale,
	    [STEP_BIND] = state_pods,     [STEP_FINISH] = state_pods, [STEP_DELETE] = state_pods,
	    [STEP_WAIT] = state_wait,
	};
	return set_clock(state, step, err) < 0 ? -1 : verbs[suite_verb(step)](state, step, report, err);
}

static json_t *describe_step(const struct suite_state *state, const struct suite_step *step, const char *name)
{
	struct manifest_location location = manifest_location(state->manifest, step->at);
	return json_pack("{s:o, s:i, s:i}", "name", json_text(str_of(name)), "line", (int)location.line, "column",
			 (int)location.column);
}

/* Returns whether the next step can be run. */
static bool run_step(struct suite_state *state, uint32_t index, json_t *results)
{
	const struct suite_step *step = &state->suite->spec.steps[index];
	struct step_report report = {.differences = json_array()};
	struct error err = {0};
	struct buf name;
	enum step_result result = STEP_PASSED;
	buf_init(&name, SELECTED_BYTES_MAX);
	name_step(step, index, &name);
	buf_char(&name, '\0');
	json_t *told = describe_step(state, step, name.failed ? "step" : name.ptr);
	if (!report.differences)
		error_set(&err, "there is not enough memory");
	if (!report.differences || do_step(state, step, &report, &err) < 0) {
		json_object_set_new(told, "message", json_text(str_of(err.text)));
		result = STEP_ERROR;
	} else {
		expect_compare(&step->expect, &report.outcome, state->means->coverage->policy, state->simulation,
			       report.differences);
	}
	if (json_array_size(report.differences) && result == STEP_PASSED) {
		result = STEP_FAILED;
		json_object_set(told, "differences", report.differences);
		if (report.deciders)
			json_object_set(told, "decidedBy", report.deciders);
	}
	if (result == STEP_ERROR || is_selected(state, name.failed ? "" : name.ptr))
		scores_step(state->means->scores, results, result, told);
	else
		json_decref(told);
	buf_release(&name);
	outcome_release(&report.outcome);
	json_decref(report.deciders);
	json_decref(report.differences);
	return result != STEP_ERROR;
}

static bool is_stopped(int stop)
{
	struct pollfd poller = {.fd = stop, .events = POLLIN}; /* -1 is never ready. */
	return stop >= 0 && poll(&poller, 1, 0) > 0;
}

static void release(struct suite_state *state)
{
	simulation_destroy(state->simulation);
	for (struct suite_file *file = state->files; file; file = file->next)
		manifest_release(&file->manifest);
	free(state->pods);
	arena_release(&state->arena);
}

void suite_run(const struct suite_means *means, struct manifest *manifest, const struct suite *suite, json_t *results)
{
	struct error err = {0};
	struct suite_state state = {.means = means, .manifest = manifest, .suite = suite};
	arena_init(&state.arena, ARENA_CHUNK, ARENA_MAX);
	state.simulation = simulation_create(means->coverage->policy, &err);
	if (!state.simulation || state_given(&state, &err) < 0)
		scores_step(means->scores, results, STEP_ERROR,
			    json_pack("{s:s, s:o}", "name", "given", "message", json_text(str_of(err.text))));
	else
		for (uint32_t i = 0;
		     i < suite->spec.step_count && !is_stopped(means->stop) && run_step(&state, i, results); i++)
			;
	release(&state);
}
