#include "webhook/simulate/suite_strays.h"

#include "webhook/json/scan.h"
#include "webhook/json/string.h"

const struct suite_stray suite_strays[STRAYS] = {
    [STRAY_CREATE] = {.key = "create",
		      .shape = &suite_step_shape,
		      .within = {"metadata", "spec"},
		      .legal_in = "metadata",
		      .legal = {"name", "namespace"}},
    [STRAY_OBJECT] = {.key = "object", .shape = &suite_expect_shape},
    [STRAY_REQUESTS] = {.key = "requests", .shape = &suite_held_shape},
};

static bool is_legal_in(const struct suite_stray *stray, const char *within, struct str key)
{
	if (!stray->legal_in || strcmp(stray->legal_in, within) != 0)
		return false;
	for (size_t i = 0; stray->legal[i]; i++)
		if (str_eq(key, str_of(stray->legal[i])))
			return true;
	return false;
}

bool suite_is_stray(const struct suite_stray *stray, const char *within, struct str key)
{
	for (uint32_t i = 0; i < stray->shape->count; i++)
		if (str_eq(key, (struct str){stray->shape->fields[i].key, stray->shape->fields[i].key_len}))
			return !is_legal_in(stray, within, key);
	return false;
}

static int refuse(const struct manifest *manifest, const struct suite_stray *stray, const char *within, struct str key,
		  const char *at, struct error *err)
{
	char also[64] = "";
	if (stray->legal_in && is_legal_in(stray, stray->legal_in, key))
		snprintf(also, sizeof also, "within `%s`, or ", stray->legal_in);
	error_set(err, "%s%s%s: \"%.*s\" means nothing here; it belongs %sbeside `%s`", stray->key, *within ? "." : "",
		  within, STR_ARG(key), also, stray->key);
	return suite_error_at(manifest, at, err);
}

/* The object within the value whose key this is, or NULL. */
static const char *find_within(const struct suite_stray *stray, const char *within, struct str key)
{
	for (size_t i = 0; !*within && stray->within[i]; i++)
		if (str_eq(key, str_of(stray->within[i])))
			return stray->within[i];
	return NULL;
}

/* Reads the object at the current position, whose JSON is valid. */
static int check_object(const struct manifest *manifest, const struct suite_stray *stray, const char *within,
			struct scan *scan, struct error *err)
{
	struct str key;
	bool escaped;
	char text[READER_KEY_MAX * 6];
	if (scan_open(scan) < 0)
		return 0;
	for (bool first = true; scan_member(scan, first, &key, &escaped) > 0; first = false) {
		const char *at = key.ptr - 1;
		if (escaped && key.len <= sizeof text)
			key = (struct str){text, scan_unescape(key, text)};
		if (suite_is_stray(stray, within, key))
			return refuse(manifest, stray, within, key, at, err);
		const char *inner = find_within(stray, within, key);
		int result =
		    inner && scan_peek(scan) == '{' ? check_object(manifest, stray, inner, scan, err) : scan_skip(scan);
		if (result < 0)
			return -1;
	}
	return 0;
}

int suite_check_strays(const struct manifest *manifest, enum suite_stray_id id, struct str json, struct error *err)
{
	struct scan scan;
	scan_init(&scan, json.ptr, json.len);
	return check_object(manifest, &suite_strays[id], "", &scan, err);
}

int suite_check_stray_pairs(const struct manifest *manifest, enum suite_stray_id id, const struct pairs *pairs,
			    const char *otherwise, struct error *err)
{
	for (uint32_t i = 0; i < pairs->count; i++) {
		struct str key = pairs->items[i].key;
		if (suite_is_stray(&suite_strays[id], "", key))
			return refuse(manifest, &suite_strays[id], "", key, suite_place(manifest, key, otherwise), err);
	}
	return 0;
}
