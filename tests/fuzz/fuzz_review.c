/*
 * fuzz_review: compares the review reader with jansson. For any bytes:
 *   - both accept the same texts as JSON, except what only jansson refuses (overflow of reals, NUL
 *     in keys) and depth;
 *   - text that is not JSON is refused, except for errors inside managedFields;
 *   - if review_read accepts a text, the facts match jansson's tree;
 *   - the same holds for review_read_pod;
 *   - of another object, the text is kept; a question about the Pods of a workload is bounded.
 * The text is copied to a buffer of exactly its size and the padding, so that AddressSanitizer
 * detects reads beyond it. The padding continues as JSON would, so that a reader which looks there
 * is noticed.
 */
#include <jansson.h>
#include <stdio.h>

#include "gpugate/pairs.h"
#include "tests/fuzz/load_policy.h"
#include "tests/fuzz/require.h"
#include "webhook/admission/early_target.h"
#include "webhook/json/balance.h"
#include "webhook/object/review.h"

#define JANSSON_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns a member unless it is missing or null. */
static json_t *get(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	return json_is_null(value) ? NULL : value;
}

static void same_bytes(json_t *string, struct str fact)
{
	REQUIRE(json_is_string(string) && json_string_length(string) == fact.len);
	REQUIRE(fact.len == 0 || memcmp(json_string_value(string), fact.ptr, fact.len) == 0);
}

static void same_string(json_t *object, const char *key, struct str fact)
{
	json_t *value = get(object, key);
	if (value)
		same_bytes(value, fact);
	else
		REQUIRE(!str_present(fact));
}

/* The tree does not contain the text of a number, so this compares values. */
static void same_number(json_t *number, struct str fact)
{
	char text[512];
	REQUIRE(json_is_number(number) && str_present(fact));
	if (fact.len >= sizeof text)
		return;
	memcpy(text, fact.ptr, fact.len);
	text[fact.len] = '\0';
	REQUIRE(strtod(text, NULL) == json_number_value(number));
}

static void same_number_at(json_t *object, const char *key, struct str fact)
{
	json_t *value = get(object, key);
	if (value)
		same_number(value, fact);
	else
		REQUIRE(!str_present(fact));
}

static void same_bool(json_t *object, const char *key, bool fact)
{
	json_t *value = get(object, key);
	REQUIRE(!value || json_is_boolean(value));
	REQUIRE(fact == json_is_true(value));
}

static void same_pairs(json_t *map, const struct pairs *pairs, bool quantities)
{
	REQUIRE(pairs->present == (map != NULL));
	REQUIRE(!map || (json_is_object(map) && json_object_size(map) == pairs->count));
	for (uint32_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->items[i];
		char *key = malloc(pair->key.len + 1);
		REQUIRE(key);
		memcpy(key, pair->key.ptr, pair->key.len);
		key[pair->key.len] = '\0';
		json_t *value = json_object_get(map, key);
		free(key);
		REQUIRE(value);
		if (json_is_null(value))
			REQUIRE(str_eq(pair->value, quantities ? STR("0") : STR("")));
		else if (quantities && json_is_number(value))
			same_number(value, pair->value);
		else
			same_bytes(value, pair->value);
	}
}

/* Checks the length of an array and returns the array. Its items are not checked. */
static json_t *same_count(json_t *object, const char *key, uint32_t count)
{
	json_t *array = get(object, key);
	REQUIRE(!array || json_is_array(array));
	REQUIRE(json_array_size(array) == count);
	return array;
}

static void same_strings(json_t *object, const char *key, const struct str *items, uint32_t count)
{
	json_t *array = same_count(object, key, count);
	for (uint32_t i = 0; i < count; i++) {
		json_t *item = json_array_get(array, i);
		if (json_is_null(item))
			REQUIRE(!str_present(items[i]));
		else
			same_bytes(item, items[i]);
	}
}

static void same_env(json_t *tree, const struct container *container)
{
	json_t *array = same_count(tree, "env", container->env_count);
	REQUIRE(container->has_env == (array != NULL));
	for (uint32_t i = 0; i < container->env_count; i++) {
		json_t *item = json_array_get(array, i);
		same_string(item, "name", container->env[i].name);
		same_string(item, "value", container->env[i].value);
		REQUIRE(container->env[i].value_from == json_is_object(get(item, "valueFrom")));
	}
}

static void same_container(json_t *tree, const struct container *container)
{
	json_t *resources = get(tree, "resources"), *policy = get(tree, "restartPolicy"), *array;
	same_string(tree, "name", container->name);
	REQUIRE(container->has_resources == (resources != NULL));
	same_pairs(get(resources, "requests"), &container->requests, true);
	same_pairs(get(resources, "limits"), &container->limits, true);
	REQUIRE(container->sidecar == (policy && strcmp(json_string_value(policy), "Always") == 0 &&
				       json_string_length(policy) == strlen("Always")));
	json_t *security = get(tree, "securityContext");
	same_bool(security, "privileged", container->privileged);
	same_string(security, "procMount", container->proc_mount);
	same_bool(get(security, "windowsOptions"), "hostProcess", container->host_process);
	same_strings(get(security, "capabilities"), "add", container->capabilities.items,
		     container->capabilities.count);
	same_env(tree, container);
	array = same_count(tree, "volumeMounts", container->mount_count);
	for (uint32_t i = 0; i < container->mount_count; i++) {
		same_string(json_array_get(array, i), "name", container->mounts[i].volume);
		same_string(json_array_get(array, i), "mountPath", container->mounts[i].path);
	}
	array = same_count(tree, "volumeDevices", container->device_path_count);
	for (uint32_t i = 0; i < container->device_path_count; i++)
		same_string(json_array_get(array, i), "devicePath", container->device_paths[i]);
}

static void same_containers(json_t *spec, const struct pod *pod)
{
	static const struct {
		const char *key;
		enum container_list list;
	} lists[] = {{"initContainers", CONTAINER_INIT},
		     {"containers", CONTAINER_REGULAR},
		     {"ephemeralContainers", CONTAINER_EPHEMERAL}};
	uint32_t at = 0;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		json_t *array = get(spec, lists[i].key);
		REQUIRE(!array || json_is_array(array));
		for (uint32_t j = 0; j < json_array_size(array); j++, at++) {
			REQUIRE(at < pod->container_count);
			REQUIRE(pod->containers[at].list == lists[i].list && pod->containers[at].index == j);
			same_container(json_array_get(array, j), &pod->containers[at]);
		}
	}
	REQUIRE(at == pod->container_count);
}

static void same_affinity(json_t *spec, const struct pod *pod)
{
	json_t *required =
	    get(get(get(spec, "affinity"), "nodeAffinity"), "requiredDuringSchedulingIgnoredDuringExecution");
	json_t *terms = same_count(required, "nodeSelectorTerms", pod->node_term_count);
	REQUIRE(pod->has_required_affinity == (terms != NULL));
	for (uint32_t i = 0; i < pod->node_term_count; i++) {
		const struct node_term *term = &pod->node_terms[i];
		json_t *tree = json_array_get(terms, i);
		json_t *expressions = same_count(tree, "matchExpressions", term->count);
		same_count(tree, "matchFields", term->field_count);
		for (uint32_t j = 0; j < term->count; j++) {
			json_t *expression = json_array_get(expressions, j);
			same_string(expression, "key", term->expressions[j].key);
			same_string(expression, "operator", term->expressions[j].op);
			same_strings(expression, "values", term->expressions[j].values.items,
				     term->expressions[j].values.count);
		}
	}
}

static void same_tolerations(json_t *spec, const struct pod *pod)
{
	json_t *array = same_count(spec, "tolerations", pod->toleration_count);
	REQUIRE(pod->has_tolerations == (array != NULL));
	for (uint32_t i = 0; i < pod->toleration_count; i++) {
		json_t *item = json_array_get(array, i);
		same_string(item, "key", pod->tolerations[i].key);
		same_string(item, "operator", pod->tolerations[i].op);
		same_string(item, "value", pod->tolerations[i].value);
		same_string(item, "effect", pod->tolerations[i].effect);
		same_number_at(item, "tolerationSeconds", pod->tolerations[i].seconds);
	}
}

static void same_metadata(json_t *metadata, const struct pod *pod)
{
	json_t *owners = get(metadata, "ownerReferences"), *controller = NULL;
	same_string(metadata, "name", pod->name);
	same_string(metadata, "generateName", pod->generate_name);
	same_string(metadata, "namespace", pod->namespace);
	same_string(metadata, "uid", pod->uid);
	same_string(metadata, "resourceVersion", pod->resource_version);
	same_string(metadata, "deletionTimestamp", pod->deletion_timestamp);
	same_number_at(metadata, "deletionGracePeriodSeconds", pod->deletion_grace_seconds);
	same_pairs(get(metadata, "labels"), &pod->labels, false);
	same_pairs(get(metadata, "annotations"), &pod->annotations, false);
	for (size_t i = json_array_size(owners); i-- > 0;)
		if (json_is_true(get(json_array_get(owners, i), "controller")))
			controller = json_array_get(owners, i);
	same_string(controller, "apiVersion", pod->owner.api_version);
	same_string(controller, "kind", pod->owner.kind);
	same_string(controller, "name", pod->owner.name);
	same_string(controller, "uid", pod->owner.uid);
}

static void same_pod(json_t *tree, const struct pod *pod)
{
	json_t *spec = get(tree, "spec"), *volumes;
	REQUIRE(pod->present == (tree != NULL));
	REQUIRE(!tree || json_is_object(tree));
	same_metadata(get(tree, "metadata"), pod);
	same_containers(spec, pod);
	same_affinity(spec, pod);
	same_tolerations(spec, pod);
	same_pairs(get(spec, "nodeSelector"), &pod->node_selector, false);
	same_pairs(get(spec, "overhead"), &pod->overhead, true);
	volumes = same_count(spec, "volumes", pod->volume_count);
	for (uint32_t i = 0; i < pod->volume_count; i++) {
		json_t *volume = json_array_get(volumes, i);
		same_string(volume, "name", pod->volumes[i].name);
		same_string(get(volume, "hostPath"), "path", pod->volumes[i].host_path);
	}
	same_string(spec, "runtimeClassName", pod->runtime_class);
	same_string(spec, "nodeName", pod->node_name);
	same_bool(spec, "hostPID", pod->host_pid);
	same_bool(get(get(spec, "securityContext"), "windowsOptions"), "hostProcess", pod->host_process);
	json_t *claims = same_count(spec, "resourceClaims", pod->claim_count);
	for (uint32_t i = 0; i < pod->claim_count; i++) {
		json_t *claim = json_array_get(claims, i);
		same_string(claim, "name", pod->claims[i].name);
		same_string(claim, "resourceClaimName", pod->claims[i].claim);
		same_string(claim, "resourceClaimTemplateName", pod->claims[i].template);
	}
	same_string(get(tree, "status"), "phase", pod->phase);
}

static void same_option(json_t *option, const struct claim_option *read)
{
	same_string(option, "deviceClassName", read->device_class);
	same_string(option, "allocationMode", read->mode_text);
	same_bool(option, "adminAccess", read->admin_access);
	json_t *count = get(option, "count");
	REQUIRE(str_present(read->count_text) == (count != NULL));
	if (!count)
		REQUIRE(read->count == 1);
	else if (json_is_integer(count) && json_integer_value(count) > 0)
		REQUIRE(read->count == json_integer_value(count));
}

/* Each form in which a request is written is an option. A request without any has an empty one. */
static void same_request(json_t *request, const struct claim_request *read)
{
	json_t *exactly = get(request, "exactly"), *alternatives = get(request, "firstAvailable");
	uint32_t count = 0;
	same_string(request, "name", read->name);
	if (exactly)
		same_option(exactly, &read->options[count++]);
	if (get(request, "deviceClassName"))
		same_option(request, &read->options[count++]);
	for (size_t i = 0; i < json_array_size(alternatives); i++)
		same_option(json_array_get(alternatives, i), &read->options[count++]);
	REQUIRE(read->option_count == (count ? count : 1));
	REQUIRE(count || !str_present(read->options[0].device_class));
}

static void same_allocation(json_t *status, const struct claim_allocation *read)
{
	json_t *allocation = get(status, "allocation"), *results = get(get(allocation, "devices"), "results");
	REQUIRE(read->present == (allocation != NULL));
	REQUIRE(read->result_count == json_array_size(results));
	for (uint32_t i = 0; i < read->result_count; i++) {
		json_t *result = json_array_get(results, i);
		same_string(result, "request", read->results[i].request);
		REQUIRE(read->results[i].memory >= 0);
		REQUIRE(read->results[i].memory == 0 || get(result, "consumedCapacity"));
	}
	REQUIRE(!str_present(read->node) ||
		json_array_size(get(get(allocation, "nodeSelector"), "nodeSelectorTerms")) == 1);
}

static void same_claim(json_t *tree, bool is_template, const struct claim *claim)
{
	json_t *spec = get(tree, "spec"), *metadata = get(tree, "metadata");
	json_t *requests = get(get(is_template ? get(spec, "spec") : spec, "devices"), "requests");
	REQUIRE(claim->present == (tree != NULL));
	REQUIRE(claim->request_count == json_array_size(requests));
	for (uint32_t i = 0; i < claim->request_count; i++)
		same_request(json_array_get(requests, i), &claim->requests[i]);
	same_allocation(is_template ? NULL : get(tree, "status"), &claim->allocation);
	same_string(metadata, "name", claim->name);
	same_string(metadata, "generateName", claim->generate_name);
	same_string(metadata, "namespace", claim->namespace);
	same_string(metadata, "uid", claim->uid);
	same_string(metadata, "resourceVersion", claim->resource_version);
	REQUIRE(claim->marked_extended == (json_object_get(get(metadata, "annotations"),
							   "resource.kubernetes.io/extended-resource-claim") != NULL));
}

/* The text of an object of another kind is that object. */
static void same_other(json_t *object, struct str text)
{
	REQUIRE(str_present(text) == (object != NULL));
	json_t *tree = object ? json_loadb(text.ptr, text.len, JANSSON_FLAGS, NULL) : NULL;
	REQUIRE(!object || (tree && json_equal(tree, object)));
	json_decref(tree);
}

static const char policy_text[] = "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\n"
				  "spec: {workloads: [pytorchjobs.kubeflow.org, workflows.argoproj.io]}\n";

/* A question about a workload has Pods that were read, and numbers that cannot overflow. */
static void check_question(const struct early_question *question)
{
	REQUIRE(question->review.object.present);
	REQUIRE(question->kept || question->no_pods || question->old_review.object.present);
	REQUIRE(!question->kept || question->existing < question->pods || question->pods == 0);
	REQUIRE(question->pods >= question->surge && question->surge >= 0 && question->pods <= 2 * (int64_t)INT32_MAX);
	REQUIRE(question->existing >= 0 && question->existing <= INT32_MAX);
	for (uint32_t i = 0; i < question->part_count; i++)
		REQUIRE(question->parts[i].review.object.present && question->parts[i].pods >= 0 &&
			question->parts[i].pods <= INT32_MAX && question->parts[i].where.len);
}

/* The workload is that of the review, or the old object of a `scale` or an autoscaler. */
static void check_target(const struct policy *policy, const struct review *review, struct arena *arena)
{
	struct early_question question;
	struct early_target target = {.wanted = true,
				      .group = review->group,
				      .kind = review->kind,
				      .autoscaler = review->uid.len % 2,
				      .pods = 7,
				      .old_pods = (int64_t)review->name.len};
	struct str workload = review->other_object;
	if (early_target_concerns(review)) {
		if (!early_target_read(policy, review, &target))
			return;
		workload = review->old_other_object;
		REQUIRE(target.wanted || str_present(target.metric));
		REQUIRE(!target.wanted || (target.resource.len && target.kind.len && target.name.len &&
					   target.version.len && target.pods > 0));
	}
	if (!early_target_question(policy, review, &target, workload, arena, &question))
		return;
	REQUIRE(question.no_pods ? str_present(question.metric) : str_present(workload));
	check_question(&question);
}

/* Nothing is asked about a Pod. */
static void check_questions(const struct review *review, struct arena *arena)
{
	static struct policy *policy;
	struct early_question question;
	if (!policy)
		policy = load_policy(policy_text);
	check_target(policy, review, arena);
	if (!early_question_concerns(policy, review) || !early_question_read(policy, review, arena, &question))
		return;
	REQUIRE(str_present(review->other_object));
	check_question(&question);
}

static bool string_is(json_t *string, const char *text)
{
	return json_is_string(string) && json_string_length(string) == strlen(text) &&
	       strcmp(json_string_value(string), text) == 0;
}

static void same_review(json_t *tree, const struct review *review)
{
	static const char *const operations[] = {"CREATE", "UPDATE", "DELETE", "CONNECT"};
	json_t *request = get(tree, "request"), *kind = get(request, "kind"), *user = get(request, "userInfo");
	REQUIRE(string_is(get(tree, "apiVersion"), "admission.k8s.io/v1"));
	REQUIRE(string_is(get(tree, "kind"), "AdmissionReview"));
	REQUIRE(review->uid.len > 0);
	same_string(request, "uid", review->uid);
	same_string(kind, "group", review->group);
	same_string(kind, "version", review->version);
	same_string(kind, "kind", review->kind);
	same_string(get(request, "resource"), "resource", review->resource);
	same_string(get(request, "resource"), "group", review->resource_group);
	same_string(request, "subResource", review->subresource);
	same_string(request, "name", review->name);
	same_string(request, "namespace", review->namespace);
	REQUIRE(string_is(get(request, "operation"), operations[review->operation]));
	same_bool(request, "dryRun", review->dry_run);
	same_string(user, "username", review->user);
	same_strings(user, "groups", review->groups.items, review->groups.count);
	bool is_pod =
	    review->group.len == 0 && string_is(get(kind, "version"), "v1") && string_is(get(kind, "kind"), "Pod");
	same_other(is_pod ? NULL : get(request, "object"), review->other_object);
	same_other(is_pod ? NULL : get(request, "oldObject"), review->old_other_object);
	bool is_template = string_is(get(kind, "kind"), "ResourceClaimTemplate");
	bool is_claim = string_is(get(kind, "group"), "resource.k8s.io") &&
			(is_template || string_is(get(kind, "kind"), "ResourceClaim"));
	same_claim(is_claim ? get(request, "object") : NULL, is_template, &review->claim);
	same_claim(is_claim && review->operation == OPERATION_UPDATE ? get(request, "oldObject") : NULL, is_template,
		   &review->old_claim);
	same_pod(is_pod ? get(request, "object") : NULL, &review->object);
	same_pod(is_pod ? get(request, "oldObject") : NULL, &review->old_object);
}

/*
 * Returns whether the two parsers may disagree. jansson refuses some texts that RFC 8259 allows:
 * overflow of reals, and NUL in keys. It also accepts some invalid ones: its lexer puts back a byte
 * after a number or a word, and loses that byte if it is NUL.
 */
static bool may_differ(const char *text, size_t size, bool valid, const struct error *err, const json_t *tree,
		       const json_error_t *json_err)
{
	if (size && memchr(text, '\0', size))
		return !valid;
	if (tree)
		return !valid && strstr(err->text, "nested deeper");
	enum json_error_code code = json_error_code(json_err);
	return valid && (code == json_error_numeric_overflow || code == json_error_null_byte_in_key);
}

/* Blanks the content of arrays called managedFields, in which the reader only looks for the end. */
static void blank_opaque(char *text, size_t size)
{
	static const char key[] = "\"managedFields\"";
	const char *end = text + size;
	for (char *at = text; (at = memmem(at, (size_t)(end - at), key, sizeof key - 1));) {
		at += sizeof key - 1;
		while (at < end && strchr(" \t\r\n:", *at) && *at)
			at++;
		if (at == end || *at != '[')
			continue;
		struct kube_nest nest;
		kube_nest_init(&nest);
		const char *after = kube_nest_end(&nest, ++at, end);
		if (!after)
			return;
		memset(at, ' ', (size_t)(after - 1 - at));
		/* The reader does not distinguish brackets and braces there. */
		text[after - 1 - text] = ']';
	}
}

/*
 * Whether the reader may accept a text that is not JSON: only if the error is inside managedFields,
 * or if the text contains escapes that could spell that key.
 */
static bool may_accept(char *text, size_t size)
{
	struct error err = {.text = ""};
	blank_opaque(text, size);
	return review_scan_valid(text, size, &err) == 0 || memmem(text, size, "\\u", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tempting[] =
	    "\"}]}]}  \"\":{}} 0000 uDC00 \x80\x80\x80\x80 \"a\":null,]]]]}}}}\"\"\"\"\"\"              ";
	struct arena arena;
	struct review review;
	struct pod pod;
	struct error err = {.text = ""}, review_err = {.text = ""}, pod_err = {.text = ""};
	json_error_t json_err;
	char *text = malloc(size + REVIEW_PADDING);
	REQUIRE(text && sizeof tempting > REVIEW_PADDING);
	if (size)
		memcpy(text, data, size);
	memcpy(text + size, tempting, REVIEW_PADDING);

	json_t *tree = json_loadb(text, size, JANSSON_FLAGS, &json_err);
	int valid = review_scan_valid(text, size, &err);
	if ((valid == 0) != (tree != NULL) && !may_differ(text, size, valid == 0, &err, tree, &json_err)) {
		fprintf(stderr, "reader: %s\njansson: %s\n", valid ? err.text : "fine", tree ? "fine" : json_err.text);
		abort();
	}
	arena_init(&arena, 4096, 64 << 20);
	int as_review = review_read(text, size, &arena, &review, &review_err);
	int as_pod = review_read_pod(text, size, &arena, &pod, &pod_err);
	REQUIRE((as_review < 0) == (review_err.text[0] != '\0') && (as_pod < 0) == (pod_err.text[0] != '\0'));
	if (tree && as_review == 0)
		same_review(tree, &review);
	if (as_review == 0)
		check_questions(&review, &arena);
	if (tree && as_pod == 0)
		same_pod(tree, &pod);
	arena_release(&arena);
	json_decref(tree);
	REQUIRE(valid == 0 || (as_review < 0 && as_pod < 0) || may_accept(text, size));
	free(text);
	return 0;
}
