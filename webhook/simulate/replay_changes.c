#include "webhook/simulate/replay_changes.h"

#include "webhook/json/text.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/patch_changes.h"

const char *const replay_change_names[REPLAY_CHANGES + 1] = {
    [REPLAY_NEWLY_REFUSED] = "newly-refused",
    [REPLAY_NEWLY_ADMITTED] = "newly-admitted",
    [REPLAY_NEWLY_REWRITTEN] = "newly-rewritten",
    [REPLAY_OVER_QUOTA] = "over-quota",
    [REPLAY_QUOTA_EXCEEDED] = "quota-exceeded",
    [REPLAY_WOULD_BE_REFUSED] = "would-be-refused",
    [REPLAY_REWORDED] = "reworded",
};

int replay_changes_init(struct replay_changes *changes, uint32_t show, size_t bytes_max)
{
	*changes = (struct replay_changes){
	    .tenants = json_object(), .examples = json_array(), .show = show, .bytes_max = bytes_max};
	return changes->tenants && changes->examples ? 0 : -1;
}

void replay_changes_release(struct replay_changes *changes)
{
	json_decref(changes->tenants);
	json_decref(changes->examples);
}

/* A recording may have been written again by a tool that adds white space. */
bool replay_same_patch(struct str a, struct str b)
{
	if (str_eq(a, b))
		return true;
	json_t *left = a.len ? json_loadb(a.ptr, a.len, 0, NULL) : json_array();
	json_t *right = b.len ? json_loadb(b.ptr, b.len, 0, NULL) : json_array();
	bool same = left && right && json_equal(left, right);
	json_decref(left);
	json_decref(right);
	return same;
}

unsigned replay_changes_compare(const struct replay_outcome outcomes[REPLAY_SIDES])
{
	const struct replay_outcome *before = &outcomes[REPLAY_BEFORE], *after = &outcomes[REPLAY_AFTER];
	unsigned bits = 0;
	if (after->over && !before->over)
		bits |= 1u << REPLAY_OVER_QUOTA;
	if (after->admitted && !outcomes[REPLAY_ENFORCED].admitted)
		bits |= 1u << REPLAY_WOULD_BE_REFUSED;
	if (before->admitted != after->admitted)
		return bits | 1u << (after->admitted ? REPLAY_NEWLY_ADMITTED : REPLAY_NEWLY_REFUSED);
	if (after->admitted && !replay_same_patch(before->patch, after->patch))
		bits |= 1u << REPLAY_NEWLY_REWRITTEN;
	if (!str_eq(before->message, after->message) || !str_eq(before->warnings, after->warnings))
		bits |= 1u << REPLAY_REWORDED;
	return bits;
}

/* --- Counts --- */

int replay_changes_count(struct replay_changes *changes, unsigned bits, struct str tenant)
{
	json_t *name = json_text(str_present(tenant) ? tenant : STR("(none)"));
	const char *key = json_string_value(name);
	json_t *row = key ? json_object_get(changes->tenants, key) : NULL;
	if (key && !row) {
		row = json_object();
		for (int i = 0; row && i < REPLAY_CHANGES; i++)
			json_object_set_new(row, replay_change_names[i], json_integer(0));
		json_object_set_new(changes->tenants, key, row);
	}
	for (int i = 0; row && i < REPLAY_CHANGES; i++) {
		json_t *number = json_object_get(row, replay_change_names[i]);
		changes->counts[i] += bits >> i & 1;
		json_integer_set(number, json_integer_value(number) + (bits >> i & 1));
	}
	json_decref(name);
	return row ? 0 : -1;
}

/* --- Examples --- */

static json_t *lines_of(struct str text)
{
	json_t *list = json_array();
	while (text.len) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;
		json_array_append_new(list, json_text((struct str){text.ptr, len}));
		text = str_tail(text, end ? len + 1 : len);
	}
	return list;
}

static json_t *outcome_json(const struct replay_outcome *outcome, const struct pod *pod)
{
	json_t *patch = outcome->patch.len ? json_loadb(outcome->patch.ptr, outcome->patch.len, 0, NULL) : NULL;
	if (!patch)
		patch = json_array();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "verdict", outcome->admitted ? "admitted" : "refused", "message",
			 json_text_or_null(outcome->message), "warnings", lines_of(outcome->warnings), "changes",
			 patch_changes(patch, pod), "patch", patch);
}

static json_t *change_list(unsigned bits)
{
	json_t *list = json_array();
	for (int i = 0; i < REPLAY_CHANGES; i++)
		if (bits >> i & 1)
			json_array_append_new(list, json_string(replay_change_names[i]));
	return list;
}

static json_t *example(unsigned bits, const struct replay_subject *subject,
		       const struct replay_outcome outcomes[REPLAY_SIDES])
{
	const struct replay_outcome *after = &outcomes[REPLAY_AFTER];
	json_t *difference = json_pack(
	    "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "changes", change_list(bits), "kind",
	    json_text(subject->kind), "namespace", json_text(subject->namespace), "name", json_text(subject->name),
	    "user", json_text(subject->user), "tenant", json_text_or_null(after->tenant), "time",
	    json_text_or_null(subject->time), "at", explain_location(str_of(subject->file), (uint32_t)subject->line),
	    "before", outcome_json(&outcomes[REPLAY_BEFORE], subject->pod), "after", outcome_json(after, subject->pod));
	if (bits >> REPLAY_WOULD_BE_REFUSED & 1)
		json_object_set_new(difference, "enforced", outcome_json(&outcomes[REPLAY_ENFORCED], subject->pod));
	return difference;
}

/* About what jansson allocates for a value, which is much more than its text if it has parts. */
static size_t bytes_of(const json_t *value)
{
	size_t bytes = 64 + json_string_length(value), i;
	const char *key;
	json_t *part;
	json_object_foreach((json_t *)(uintptr_t)value, key, part) bytes += 64 + strlen(key) + bytes_of(part);
	json_array_foreach(value, i, part) bytes += bytes_of(part);
	return bytes;
}

/* Adds it, unless the examples then take too much memory. Takes it. */
static int keep(struct replay_changes *changes, unsigned bits, json_t *object)
{
	changes->bytes += bytes_of(object);
	changes->full = changes->bytes > changes->bytes_max;
	if (changes->full) {
		changes->omitted++;
		json_decref(object);
		return 0;
	}
	for (int i = 0; i < REPLAY_CHANGES; i++)
		changes->shown[i] += bits >> i & 1;
	return json_array_append_new(changes->examples, object);
}

int replay_changes_note(struct replay_changes *changes, unsigned bits, const struct replay_subject *subject,
			const struct replay_outcome outcomes[REPLAY_SIDES])
{
	bool wanted = false;
	if (!bits)
		return 0;
	if (replay_changes_count(changes, bits, outcomes[REPLAY_AFTER].tenant) < 0)
		return -1;
	for (int i = 0; i < REPLAY_CHANGES; i++)
		wanted |= (bits >> i & 1) && changes->shown[i] < changes->show;
	if (!wanted || changes->full) {
		changes->omitted++;
		return 0;
	}
	json_t *object = example(bits, subject, outcomes);
	return object ? keep(changes, bits, object) : -1;
}
