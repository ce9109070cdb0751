#include "webhook/cmd/lint_place.h"

#include "gpugate/policy.h"
#include "webhook/json/path.h"

/* Texts with escapes are copies, and some are of the policy. */
static bool is_in(struct str json, struct str text)
{
	return str_present(text) && text.ptr >= json.ptr && text.ptr + text.len <= json.ptr + json.len;
}

struct manifests_place lint_place_of(const struct manifest *manifest, const struct manifest_object *object,
				     struct str text)
{
	bool found = is_in(object->json, text);
	if (found && text.len > 1 && text.ptr[0] == '"')
		text = (struct str){text.ptr + 1, text.len - 2};
	const char *at = found ? text.ptr : object->json.ptr;
	bool quoted = at > object->json.ptr && at[-1] == '"';
	struct manifest_location location = manifest_location(manifest, at - quoted);
	return (struct manifests_place){location.line, location.column, found ? text : (struct str){NULL, 0}};
}

struct str lint_place_value(const struct manifest_object *object, const char *path)
{
	struct str value = {NULL, 0};
	struct error unused = {0};
	if (!path || json_find(object->json, path, &value, &unused) < 0)
		return (struct str){NULL, 0};
	return value;
}

static struct str counted(const struct policy *policy, const struct pairs *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct resource_request request = {.resource = map->items[i].key, .count = 1};
		if (policy_counts_some(policy, &request, 1))
			return map->items[i].key;
	}
	return (struct str){NULL, 0};
}

/* Returns the key before a value in JSON, or the value itself, which may be an item of a list. */
static struct str key_of(struct str json, struct str value)
{
	const char *end = value.ptr;
	while (end > json.ptr && strchr(" \t\r\n:", end[-1]))
		end--;
	if (end == json.ptr || end[-1] != '"')
		return value;
	const char *begin = --end;
	while (begin > json.ptr && begin[-1] != '"')
		begin--;
	return (struct str){begin, (size_t)(end - begin)};
}

struct str lint_place_in(const struct manifest_object *object, const struct subject *subject, struct str text)
{
	if (is_in(object->json, text))
		return text;
	return is_in(object->json, subject->at) ? key_of(object->json, subject->at) : (struct str){NULL, 0};
}

struct str lint_place_request(const struct policy *policy, const struct manifest_object *object,
			      const struct subject *subject)
{
	const struct pod *pod = &subject->review.object;
	struct str found = {NULL, 0};
	for (uint32_t i = 0; i < pod->container_count && !str_present(found); i++) {
		found = counted(policy, &pod->containers[i].limits);
		if (!str_present(found))
			found = counted(policy, &pod->containers[i].requests);
	}
	return lint_place_in(object, subject, found);
}

struct str lint_place_violation(const struct policy *policy, const struct manifest_object *object,
				const struct subject *subject, const struct violation *violation)
{
	bool of_namespace = violation->reason == REASON_UNTENANTED || violation->reason == REASON_AMBIGUOUS;
	if (is_in(object->json, violation->about))
		return violation->about;
	if (of_namespace && object->namespace.len > 0 && is_in(object->json, object->namespace))
		return object->namespace;
	return lint_place_request(policy, object, subject);
}
