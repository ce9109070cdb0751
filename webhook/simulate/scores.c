#include "webhook/simulate/scores.h"

#include "webhook/json/text.h"

int scores_init(struct scores *scores)
{
	*scores = (struct scores){.suites = json_array()};
	return scores->suites ? 0 : -1;
}

void scores_release(struct scores *scores)
{
	json_decref(scores->suites);
	*scores = (struct scores){0};
}

int scores_add(struct scores *scores, const struct scores *others)
{
	scores->passed += others->passed;
	scores->failed += others->failed;
	scores->errors += others->errors;
	return json_array_extend(scores->suites, others->suites);
}

json_t *scores_suite(struct scores *scores, const char *name, const char *file, uint32_t line)
{
	json_t *suite = json_pack("{s:o, s:o, s:i, s:[]}", "name", json_text(str_of(name)), "file",
				  json_text(str_of(file)), "line", (int)line, "steps");
	json_array_append_new(scores->suites, suite);
	return suite;
}

void scores_step(struct scores *scores, json_t *suite, enum step_result result, json_t *step)
{
	static const char *const words[] = {[STEP_PASSED] = "passed", [STEP_FAILED] = "failed", [STEP_ERROR] = "error"};
	scores->passed += result == STEP_PASSED;
	scores->failed += result == STEP_FAILED;
	scores->errors += result == STEP_ERROR;
	json_object_set_new(step, "result", json_string(words[result]));
	json_array_append_new(json_object_get(suite, "steps"), step);
}

void scores_note(struct scores *scores, const char *file, enum step_result result, const char *text)
{
	scores_step(scores, scores_suite(scores, file, file, 1), result,
		    json_pack("{s:s, s:o}", "name", "suites", "message", json_text(str_of(text))));
}

void scores_note_all(struct scores *scores, const char *option, const char *text)
{
	json_t *suite = json_pack("{s:s, s:[]}", "name", option, "steps");
	json_array_append_new(scores->suites, suite);
	scores_step(scores, suite, STEP_FAILED,
		    json_pack("{s:s, s:o}", "name", option, "message", json_text(str_of(text))));
}
