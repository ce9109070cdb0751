/*
 * fuzz_patch: tests the patch of /mutate. A small generator makes a Pod from the input, so that
 * Rules apply to most inputs. The Pod is read and mutated, and an RFC 6902 interpreter on jansson
 * applies the patch. Then:
 *   - the patch applies: every parent exists, and nothing absent is removed;
 *   - the patched object equals the original after the edits of the decision are made directly;
 *   - reading and mutating the patched object again changes nothing;
 *   - replacing the patched object by the original gives the patched one again, and so does
 *     merging the original into it as an apply does. This excludes containers that request
 *     both names of a rewrite, if a name was removed from them;
 *   - the patch of an update applies, whatever the update changes.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "tests/fuzz/load_policy.h"
#include "webhook/admission/patch.h"
#include "webhook/object/review.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\n"
    "spec: {resource: nvidia.com/gpu, nodeLabels: {prod/uct.x: a100}, deviceClasses: [gpu], mig: {}, sharing: {resource: "
    "nvidia.com/gpu.shared, replicas: 4}}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: mi300}\nspec: {resource: amd.com/gpu, "
    "deviceClasses: [amd]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: i}\nspec: {resource: gpu.intel.com/i915, "
    "deviceClasses: [i]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: mig}\n"
    "spec: {order: 1, match: {podSelector: {matchLabels: {k0: v0}}}, rewrite: [{from: nvidia.com/gpu, toMig: "
    "{accelerator: a100-80gb, "
    "memoryFrom: 'annotation:k1', default: 10Gi, pin: true}}], onConflict: keep}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: share}\n"
    "spec: {order: 2, match: {podSelector: {matchLabels: {k1: v1}}}, rewrite: [{from: nvidia.com/gpu, to: "
    "nvidia.com/gpu.shared, maxPerContainer: 2}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: chain}\n"
    "spec: {order: 3, rewrite: [{from: amd.com/gpu, to: amd.com/cpx_nps4}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: place}\n"
    "spec: {order: 4, match: {requests: {amd.com/cpx_nps4: {}}}, inject: {nodeSelector: {k0: v0, prod/uct.x: b}, "
    "runtimeClassName: r, "
    "tolerations: [{key: a, operator: Exists}, {key: b, value: c, effect: NoExecute, tolerationSeconds: 5}]}, "
    "onConflict: override}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: claims}\n"
    "spec: {order: 5, match: {podSelector: {matchLabels: {k1: a100}}}, rewrite: [{from: nvidia.com/gpu, toClaim: "
    "{template: t}}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: several}\n"
    "spec: {order: 6, match: {podSelector: {matchExpressions: [{key: prod/uct.x, operator: Exists}]}}, rewrite: "
    "[{from: nvidia.com/gpu.shared, toClaim: {template: two, count: 2}}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: all}\n"
    "spec: {order: 0, match: {podSelector: {matchLabels: {k0: x}}}, rewrite: [{from: nvidia.com/gpu, toClaim: {template: t}}, "
    "{from: amd.com/gpu, toClaim: {template: u}}, {from: gpu.intel.com/i915, toClaim: {template: v}}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: v}\nspec: {visibleDevices: void}\n";

static const struct policy *policy;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	policy = load_policy(policy_text);
	return 0;
}

/* The generator: each byte of the input makes one choice. */
struct source {
	const uint8_t *data;
	size_t size;
};

static unsigned pick(struct source *s, unsigned below)
{
	if (s->size == 0)
		return 0;
	s->size--;
	return *s->data++ % below;
}

static json_t *pick_map(struct source *s, const char *const *keys, unsigned key_count, const char *const *values,
			unsigned value_count)
{
	json_t *map = json_object();
	for (unsigned n = pick(s, 4); n > 0; n--)
		json_object_set_new(map, keys[pick(s, key_count)], json_string(values[pick(s, value_count)]));
	return map;
}

static const char *const resources[] = {"nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-1g.10gb",
					"amd.com/gpu",    "amd.com/cpx_nps4",      "cpu"};
static const char *const counts[] = {"0", "1", "2", "1000m", "3"};
static const char *const keys[] = {"k0", "k1", "prod/uct.x", "a\"\\b"};
static const char *const values[] = {"v0", "v1", "a100", "30Gi", "b", "90Gi", "x"};
static const char *const variables[] = {"NVIDIA_VISIBLE_DEVICES", "AMD_VISIBLE_DEVICES", "PATH",
					"HABANA_VISIBLE_DEVICES"};
static const char *const devices[] = {"all", "void", "none", "0"};

static const char *const claim_names[] = {"gpugate-0", "gpugate-1", "own"};
static const char *const templates[] = {"t", "two"};

/* The claims of a Pod, or the uses of claims of a container; names may occur twice. */
static json_t *pick_claims(struct source *s, bool of_pod)
{
	json_t *claims = json_array();
	for (unsigned n = pick(s, 3); n > 0; n--) {
		json_t *claim = json_pack("{s:s}", "name", claim_names[pick(s, 3)]);
		if (of_pod)
			json_object_set_new(claim, "resourceClaimTemplateName", json_string(templates[pick(s, 2)]));
		json_array_append_new(claims, claim);
	}
	return claims;
}

static json_t *pick_container(struct source *s, bool init)
{
	json_t *c = json_pack("{s:s}", "name", "c");
	json_t *requirements = json_object();
	if (pick(s, 3))
		json_object_set_new(requirements, "limits", pick_map(s, resources, 6, counts, 5));
	if (pick(s, 3))
		json_object_set_new(requirements, "requests", pick_map(s, resources, 6, counts, 5));
	if (pick(s, 4) == 1)
		json_object_set_new(requirements, "claims", pick_claims(s, false));
	if (json_object_size(requirements) || pick(s, 2))
		json_object_set(c, "resources", requirements);
	json_decref(requirements);
	if (init && pick(s, 2))
		json_object_set_new(c, "restartPolicy", json_string("Always"));
	if (pick(s, 2)) {
		json_t *env = json_array();
		for (unsigned n = pick(s, 4); n > 0; n--)
			json_array_append_new(
			    env, json_pack("{s:s,s:s}", "name", variables[pick(s, 4)], "value", devices[pick(s, 4)]));
		json_object_set_new(c, "env", env);
	}
	return c;
}

/* Adds containers that each request one of all resources that become claims. */
static void add_many(struct source *s, json_t *containers)
{
	for (unsigned n = pick(s, 2) ? pick(s, 80) : 0; n > 0; n--)
		json_array_append_new(containers,
				      json_pack("{s:s,s:{s:{s:s,s:s,s:s}}}", "name", "m", "resources", "limits",
						"nvidia.com/gpu", "1", "amd.com/gpu", "1", "gpu.intel.com/i915", "1"));
}

static json_t *pick_pod(struct source *s)
{
	json_t *metadata = json_pack("{s:s}", "name", "p"), *spec = json_object();
	if (pick(s, 4))
		json_object_set_new(metadata, "labels", pick_map(s, keys, 4, values, 7));
	if (pick(s, 2))
		json_object_set_new(metadata, "annotations", pick_map(s, keys, 4, values, 7));
	json_t *containers = json_array(), *inits = json_array();
	for (unsigned n = pick(s, 3) + 1; n > 0; n--)
		json_array_append_new(containers, pick_container(s, false));
	for (unsigned n = pick(s, 3); n > 0; n--)
		json_array_append_new(inits, pick_container(s, true));
	json_object_set_new(spec, "containers", containers);
	json_object_set_new(spec, "initContainers", inits);
	if (pick(s, 2))
		json_object_set_new(spec, "nodeSelector", pick_map(s, keys, 4, values, 7));
	if (pick(s, 2))
		json_object_set_new(spec, "tolerations",
				    pick(s, 2)
					? json_array()
					: json_pack("[{s:s,s:s}]", "key", resources[pick(s, 4)], "operator", "Exists"));
	if (pick(s, 3) == 0)
		json_object_set_new(spec, "runtimeClassName", json_string("own"));
	if (pick(s, 4) == 1)
		json_object_set_new(spec, "resourceClaims", pick_claims(s, true));
	add_many(s, containers);
	return json_pack("{s:s,s:s,s:o,s:o}", "kind", "Pod", "apiVersion", "v1", "metadata", metadata, "spec", spec);
}

struct read_pod {
	struct arena arena;
	char *bytes;
	struct review review;
	struct decision decision;
};

/* Reads and mutates a create request, or an update if there is an old object. */
static void read_and_mutate(json_t *pod, json_t *old, struct read_pod *out)
{
	json_t *review = json_pack("{s:s,s:s,s:{s:s,s:{s:s,s:s,s:s},s:{s:s,s:s,s:s},s:s,s:s,s:{s:s},s:O,s:O?}}", "kind",
				   "AdmissionReview", "apiVersion", "admission.k8s.io/v1", "request", "uid", "u",
				   "kind", "group", "", "version", "v1", "kind", "Pod", "resource", "group", "",
				   "version", "v1", "resource", "pods", "operation", old ? "UPDATE" : "CREATE",
				   "namespace", "n", "userInfo", "username", "x", "object", pod, "oldObject", old);
	CHECK(review);
	char *text = json_dumps(review, JSON_COMPACT);
	size_t len = strlen(text);
	out->bytes = malloc(len + REVIEW_PADDING);
	memcpy(out->bytes, text, len);
	memset(out->bytes + len, 0, REVIEW_PADDING);
	free(text);
	json_decref(review);
	arena_init(&out->arena, 16384, 16 << 20);
	struct error err = {0};
	CHECK(review_read(out->bytes, len, &out->arena, &out->review, &err) == 0);
	CHECK(policy_mutate(policy, &out->review, &out->arena, &out->decision, NULL) == 0);
}

static void release(struct read_pod *pod)
{
	arena_release(&pod->arena);
	free(pod->bytes);
}

/* Returns the parent of the target of an RFC 6901 pointer, and the unescaped last part. */
static json_t *resolve(json_t *root, const char *pointer, char *last, size_t size)
{
	json_t *at = root;
	CHECK(*pointer == '/');
	for (;;) {
		const char *end = strchr(++pointer, '/');
		size_t n = 0;
		for (const char *c = pointer; *c && c != end; c++) {
			CHECK(n + 1 < size);
			if (*c == '~') {
				c++;
				CHECK(*c == '0' || *c == '1');
				last[n++] = *c == '0' ? '~' : '/';
			} else {
				last[n++] = *c;
			}
		}
		last[n] = '\0';
		if (!end)
			return at;
		at = json_is_array(at) ? json_array_get(at, (size_t)atol(last)) : json_object_get(at, last);
		/* Without that parent, the API server would answer 500. */
		CHECK(at);
		pointer = end;
	}
}

static void apply(json_t *root, json_t *patch)
{
	size_t i;
	json_t *operation;
	json_array_foreach(patch, i, operation)
	{
		const char *op = json_string_value(json_object_get(operation, "op"));
		json_t *value = json_object_get(operation, "value");
		char last[256];
		json_t *parent =
		    resolve(root, json_string_value(json_object_get(operation, "path")), last, sizeof last);
		if (strcmp(op, "remove") == 0) {
			CHECK(json_object_del(parent, last) == 0);
		} else if (strcmp(op, "replace") == 0) {
			CHECK(json_is_array(parent) && json_array_set(parent, (size_t)atol(last), value) == 0);
		} else {
			CHECK(strcmp(op, "add") == 0 && value);
			if (json_is_array(parent))
				CHECK(strcmp(last, "-") == 0 && json_array_append(parent, value) == 0);
			else
				CHECK(json_object_set(parent, last, value) == 0);
		}
	}
}

static json_t *member(json_t *object, const char *key, json_t *otherwise)
{
	json_t *there = json_object_get(object, key);
	if (there) {
		json_decref(otherwise);
		return there;
	}
	json_object_set_new(object, key, otherwise);
	return otherwise;
}

static void set_str(json_t *object, struct str key, struct str text)
{
	char name[256];
	snprintf(name, sizeof name, "%.*s", STR_ARG(key));
	json_object_set_new(object, name, json_stringn(text.ptr, text.len));
}

/* Makes an edit directly in the tree, without a pointer. */
static void make_edit(json_t *pod, const struct pod *facts, const struct edit *edit)
{
	json_t *spec = json_object_get(pod, "spec"), *container = NULL;
	if (edit->kind == EDIT_RESOURCE || edit->kind == EDIT_ENV || edit->kind == EDIT_CLAIM_USE) {
		const struct container *c = &facts->containers[edit->container];
		container = json_array_get(
		    json_object_get(spec, c->list == CONTAINER_INIT ? "initContainers" : "containers"), c->index);
	}
	if (edit->kind == EDIT_RESOURCE) {
		json_t *map =
		    json_object_get(json_object_get(container, "resources"), edit->limits ? "limits" : "requests");
		char from[256];
		snprintf(from, sizeof from, "%.*s", STR_ARG(edit->from));
		if (edit->from.len)
			CHECK(json_object_del(map, from) == 0);
		else
			set_str(map, edit->key, edit->value);
	} else if (edit->kind == EDIT_ENV) {
		json_t *env = member(container, "env", json_array()), *entry = json_object();
		set_str(entry, STR("name"), edit->key);
		set_str(entry, STR("value"), edit->value);
		if (edit->env_index >= 0)
			json_array_set_new(env, (size_t)edit->env_index, entry);
		else
			json_array_append_new(env, entry);
	} else if (edit->kind == EDIT_CLAIM || edit->kind == EDIT_CLAIM_USE) {
		json_t *entry = json_object();
		bool of_pod = edit->kind == EDIT_CLAIM;
		set_str(entry, STR("name"), edit->key);
		if (of_pod)
			set_str(entry, STR("resourceClaimTemplateName"), edit->value);
		json_t *list = of_pod ? member(spec, "resourceClaims", json_array())
				      : member(json_object_get(container, "resources"), "claims", json_array());
		json_array_append_new(list, entry);
	} else if (edit->kind == EDIT_NODE_SELECTOR) {
		set_str(member(spec, "nodeSelector", json_object()), edit->key, edit->value);
	} else if (edit->kind == EDIT_RUNTIME_CLASS) {
		set_str(spec, STR("runtimeClassName"), edit->value);
	} else {
		json_t *entry = json_object();
		set_str(entry, STR("key"), edit->toleration.key);
		set_str(entry, STR("operator"), edit->toleration.op);
		if (edit->toleration.value.len)
			set_str(entry, STR("value"), edit->toleration.value);
		if (edit->toleration.effect.len)
			set_str(entry, STR("effect"), edit->toleration.effect);
		if (str_present(edit->toleration.seconds))
			json_object_set_new(entry, "tolerationSeconds",
					    json_integer(atol(edit->toleration.seconds.ptr)));
		json_array_append_new(member(spec, "tolerations", json_array()), entry);
	}
}

/* Returns the new patch of a decision. */
static json_t *patch_of(const struct read_pod *read)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	patch_write(&text, &read->review.object, read->decision.edits, read->decision.edit_count);
	json_t *patch = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_is_array(patch));
	buf_release(&text);
	return patch;
}

/*
 * Merges as an apply does into a stored Pod: maps and the entries of `env` are merged, other lists
 * are replaced.
 */
static void merge_env(json_t *into, json_t *env)
{
	size_t i;
	json_t *entry;
	/* Variables keep their positions. */
	json_array_foreach(env, i, entry) json_array_set(into, i, entry);
}

static void merge(json_t *into, json_t *from)
{
	const char *key;
	json_t *value;
	json_object_foreach(from, key, value)
	{
		json_t *there = json_object_get(into, key);
		size_t i;
		json_t *item;
		if (json_is_object(there))
			merge(there, value);
		else if (there && strcmp(key, "env") == 0)
			merge_env(there, value);
		else if (there && (strcmp(key, "containers") == 0 || strcmp(key, "initContainers") == 0))
			json_array_foreach(value, i, item) merge(json_array_get(there, i), item);
		else
			json_object_set_new(into, key, json_deep_copy(value));
	}
}

/*
 * An update to `pod` (taken) of the stored object is patched back to the stored object, and
 * repeating it changes nothing.
 */
static void check_restored(json_t *pod, json_t *stored)
{
	struct read_pod update, again;
	read_and_mutate(pod, stored, &update);
	json_t *patch = patch_of(&update);
	apply(pod, patch);
	if (!json_equal(pod, stored)) {
		json_dumpf(pod, stderr, 0), fputc('\n', stderr);
		json_dumpf(stored, stderr, 0), fputc('\n', stderr);
	}
	CHECK(json_equal(pod, stored));
	read_and_mutate(pod, stored, &again);
	CHECK(again.decision.edit_count == 0);
	release(&again);
	release(&update);
	json_decref(patch);
	json_decref(pod);
}

static int devices_in(json_t *container, const char *map_name)
{
	json_t *map = json_object_get(json_object_get(container, "resources"), map_name), *value;
	const char *key;
	int sum = 0;
	json_object_foreach(map, key, value)
	{
		const char *text = json_string_value(value);
		if (strcmp(key, "cpu") != 0)
			sum += strcmp(text, "1000m") == 0 ? 1 : atoi(text);
	}
	return sum;
}

/* How many devices the claims of the Pod that a container uses are for. */
static int claimed_in(json_t *pod, json_t *container)
{
	size_t i, k;
	json_t *use, *claim;
	int sum = 0;
	json_array_foreach(json_object_get(json_object_get(container, "resources"), "claims"), i, use)
	{
		json_array_foreach(json_object_get(json_object_get(pod, "spec"), "resourceClaims"), k, claim)
		{
			const char *template = json_string_value(json_object_get(claim, "resourceClaimTemplateName"));
			if (json_equal(json_object_get(claim, "name"), json_object_get(use, "name")))
				sum += strcmp(template, "two") == 0 ? 2 : 1;
		}
	}
	return sum;
}

/* Whether one map of a container has all of its devices. */
static bool in_one_map(json_t *container)
{
	return devices_in(container, "limits") == 0 || devices_in(container, "requests") == 0;
}

/* Whether both maps of a container have the same devices. */
static bool in_both_maps(json_t *container)
{
	json_t *limits = json_deep_copy(json_object_get(json_object_get(container, "resources"), "limits"));
	json_t *requests = json_deep_copy(json_object_get(json_object_get(container, "resources"), "requests"));
	json_object_del(limits, "cpu");
	json_object_del(requests, "cpu");
	bool same = json_equal(limits, requests);
	json_decref(limits);
	json_decref(requests);
	return same;
}

/*
 * Whether a container requests as many devices as before, in requests and in limits. Those of a new
 * claim were in one of them, or in both. The API server stores no Pod whose requests and limits of
 * devices differ, and what was in which of them could not be told from such a Pod.
 */
static bool keeps_devices(json_t *before, json_t *was, json_t *after, json_t *is)
{
	int limits = devices_in(was, "limits") - devices_in(is, "limits");
	int requests = devices_in(was, "requests") - devices_in(is, "requests");
	int claimed = claimed_in(after, is) - claimed_in(before, was);
	if (claimed && !in_one_map(was) && !in_both_maps(was))
		return false;
	return (limits == 0 || limits == claimed) && (requests == 0 || requests == claimed) &&
	       (limits == claimed || requests == claimed);
}

/* Whether every container requests as many devices as before. */
static bool keeps_amounts(json_t *before, json_t *after)
{
	static const char *const lists[] = {"containers", "initContainers"};
	bool same = true;
	for (size_t l = 0; l < 2; l++) {
		json_t *list = json_object_get(json_object_get(before, "spec"), lists[l]), *container;
		size_t i;
		json_array_foreach(list, i, container)
		{
			json_t *now = json_array_get(json_object_get(json_object_get(after, "spec"), lists[l]), i);
			same = same && keeps_devices(before, container, after, now);
		}
	}
	return same;
}

/* Updates `old` to any other Pod. Takes both. */
static void check_update(json_t *pod, json_t *old)
{
	struct read_pod update;
	CHECK(pod && old);
	read_and_mutate(pod, old, &update);
	json_t *patch = patch_of(&update);
	apply(pod, patch);
	json_decref(patch);
	release(&update);
	json_decref(pod);
	json_decref(old);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = {data, size};
	json_t *pod = pick_pod(&source);
	CHECK(pod);
	check_update(pick_pod(&source), json_deep_copy(pod));
	struct read_pod first, again;
	read_and_mutate(pod, NULL, &first);
	if (!first.decision.denied) {
		json_t *original = json_deep_copy(pod), *expected = json_deep_copy(pod);
		for (uint32_t i = 0; i < first.decision.edit_count; i++)
			make_edit(expected, &first.review.object, &first.decision.edits[i]);
		json_t *patch = patch_of(&first);
		apply(pod, patch);
		CHECK(json_equal(pod, expected));
		read_and_mutate(pod, NULL, &again);
		if (again.decision.denied || again.decision.edit_count) {
			json_dumpf(original, stderr, 0), fputc('\n', stderr);
			json_dumpf(pod, stderr, 0), fputc('\n', stderr);
		}
		CHECK(!again.decision.denied && again.decision.edit_count == 0);
		release(&again);
		bool same = keeps_amounts(original, pod);
		json_t *applied = json_deep_copy(pod);
		merge(applied, original);
		if (same)
			check_restored(json_incref(applied), pod);
		json_decref(applied);
		if (same)
			check_restored(json_incref(original), pod);
		json_decref(original);
		json_decref(patch);
		json_decref(expected);
	}
	release(&first);
	json_decref(pod);
	return 0;
}
