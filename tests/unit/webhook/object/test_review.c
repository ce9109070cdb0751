/*
 * test_review: tests the review reader: what it accepts as JSON, the facts it finds in real and
 * synthetic reviews, and its error messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <time.h>

#include "gpugate/buf.h"
#include "gpugate/pairs.h"
#include "webhook/object/review.h"

#define REVIEWS "tests/reviews/"
#define COUNT(array) (sizeof(array) / sizeof *(array))

/*
 * A text in a buffer of exactly its size and the padding. The padding is filled with bytes that
 * would mislead a careless reader.
 */
struct text {
	char *bytes;
	size_t len;
	struct arena arena;
	struct review review;
	struct pod pod;
	struct error err;
};

static void text_init(struct text *text, const char *bytes, size_t len)
{
	memset(text, 0, sizeof *text);
	text->bytes = malloc(len + REVIEW_PADDING);
	assert_non_null(text->bytes);
	memcpy(text->bytes, bytes, len);
	memset(text->bytes + len, '"', REVIEW_PADDING);
	text->len = len;
	arena_init(&text->arena, 4096, 64 << 20);
}

static void text_release(struct text *text)
{
	free(text->bytes);
	arena_release(&text->arena);
}

static int text_review(struct text *text)
{
	return review_read(text->bytes, text->len, &text->arena, &text->review, &text->err);
}

static int text_pod(struct text *text)
{
	return review_read_pod(text->bytes, text->len, &text->arena, &text->pod, &text->err);
}

static struct buf load(const char *name)
{
	struct buf buf;
	char path[256], block[4096];
	buf_init(&buf, 1 << 20);
	snprintf(path, sizeof path, REVIEWS "%s", name);
	FILE *in = fopen(path, "rb");
	if (!in)
		fail_msg("%s cannot be opened: run from the root of the repository", path);
	for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
		buf_add(&buf, block, n);
	fclose(in);
	return buf;
}

static void open_review(struct text *text, const char *name)
{
	struct buf buf = load(name);
	text_init(text, buf.ptr, buf.len);
	buf_release(&buf);
	if (text_review(text) < 0)
		fail_msg("%s: %s", name, text->err.text);
}

static void assert_str(struct str actual, const char *expected)
{
	if (!str_eq(actual, str_of(expected)) || str_present(actual) != (expected != NULL))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(actual), expected ? expected : "(absent)");
}

static void assert_pair(const struct pairs *pairs, uint32_t index, const char *key, const char *value)
{
	assert_true(index < pairs->count);
	assert_str(pairs->items[index].key, key);
	assert_str(pairs->items[index].value, value);
}

/* --- JSON --- */

struct snippet {
	struct str text;
	const char *error; /* NULL: valid. Otherwise a part of the message. */
};
#define GOOD(literal)                                                                                                  \
	{                                                                                                              \
		{(literal), sizeof(literal) - 1}, NULL                                                                 \
	}
#define BAD(literal, error)                                                                                            \
	{                                                                                                              \
		{(literal), sizeof(literal) - 1}, (error)                                                              \
	}

static const struct snippet snippets[] = {
    GOOD("null"),
    GOOD("true"),
    GOOD(" \t\r\n false \n"),
    GOOD("\"\""),
    GOOD("{}"),
    GOOD("[]"),
    GOOD("[ ]"),
    GOOD("{ }"),
    GOOD("[1,[2,{\"a\":[]}],{}]"),
    GOOD("{\"a\" : 1 , \"b\" : [ null ] }"),
    GOOD("{\"\":0}"),
    /* Not a key that matters. */
    GOOD("{\"a\":1,\"a\":2}"),
    GOOD("0"),
    GOOD("-0"),
    GOOD("10"),
    GOOD("-1.50e+07"),
    GOOD("1E400"),
    GOOD("123456789012345678901234567890"),
    GOOD("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uAbCd\""),
    GOOD("\"\\ud83d\\ude00\""),
    GOOD("\"\x7f\""),
    GOOD("\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xec\xbf\xbf \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf\""),
    GOOD("\"\xf0\x90\x80\x80 \xf3\xbf\xbf\xbf \xf4\x8f\xbf\xbf\""),
    GOOD("\"a string that is longer than a block of sixteen \xc3\xa9 bytes, with \\n escapes\""),
    BAD("", "expected a value, found the end of the text (byte 0)"),
    BAD("  ", "expected a value, found the end of the text (byte 2)"),
    BAD("\xef\xbb\xbf{}", "found byte 0xef (byte 0)"),
    BAD("nul", "expected null"),
    BAD("nulL", "expected null"),
    BAD("True", "found 'T'"),
    BAD("truefalse", "expected nothing more, found a boolean (byte 4)"),
    BAD("{} {}", "expected nothing more, found an object (byte 3)"),
    BAD("1 2", "expected nothing more, found a number (byte 2)"),
    BAD("1\0", "found byte 0x00 (byte 1)"),
    BAD("{}\0", "found byte 0x00 (byte 2)"),
    BAD("[1,]", "expected a value, found ']' (byte 3)"),
    BAD("[,1]", "expected a value, found ','"),
    BAD("[1 2]", "expected ',' or ']', found a number (byte 3)"),
    BAD("[1}", "expected ',' or ']', found '}'"),
    BAD("{\"a\":1]", "expected ',' or '}', found ']'"),
    BAD("{\"a\":1,}", "expected a key in double quotes, found '}'"),
    BAD("{a:1}", "expected a key in double quotes, found 'a'"),
    BAD("{1:1}", "expected a key in double quotes, found a number"),
    BAD("{\"a\"}", "expected ':', found '}'"),
    BAD("{\"a\":}", "expected a value, found '}'"),
    BAD("{\"a\" 1}", "expected ':', found a number"),
    BAD("[", "found the end of the text"),
    BAD("[1", "ends inside an object or array"),
    BAD("{", "found the end of the text"),
    BAD("{\"a\"", "expected ':', found the end of the text"),
    BAD("]", "found ']'"),
    BAD("01", "leading zero"),
    BAD("-01", "leading zero"),
    BAD("-", "lacks digits (byte 1)"),
    BAD("+1", "found '+'"),
    BAD(".5", "found '.'"),
    BAD("1.", "lacks digits"),
    BAD("1.e5", "lacks digits"),
    BAD("1e", "lacks digits"),
    BAD("1e+", "lacks digits"),
    BAD("0x10", "expected nothing more, found 'x'"),
    BAD("NaN", "found 'N'"),
    BAD("'a'", "found '''"),
    BAD("\"abc", "the text ends inside a string (byte 4)"),
    BAD("\"abc\\", "the text ends inside a string (byte 5)"),
    BAD("\"a\nb\"", "control character 0x0a in a string: it must be escaped (byte 2)"),
    BAD("\"\0\"", "control character 0x00"),
    BAD("\"\x1f\"", "control character 0x1f"),
    BAD("\"\\x41\"", "an escape that JSON does not know (byte 1)"),
    BAD("\"\\\0\"", "an escape that JSON does not know"),
    BAD("\"\\u12g4\"", "four hexadecimal digits"),
    BAD("\"\\u12\"", "four hexadecimal digits"),
    BAD("\"\\ud800\"", "half of a surrogate pair (byte 1)"),
    BAD("\"\\udc00\"", "half of a surrogate pair"),
    BAD("\"\\ud800\\ud800\"", "half of a surrogate pair"),
    BAD("\"\\ud800 \\udc00\"", "half of a surrogate pair"),
    BAD("\"\\ud800\\n\"", "half of a surrogate pair"),
    BAD("\"\x80\"", "not UTF-8 (byte 1)"),
    BAD("\"\xc0\x80\"", "not UTF-8"),
    BAD("\"\xc1\xbf\"", "not UTF-8"),
    BAD("\"\xc3\"", "not UTF-8"),
    BAD("\"\xe0\x9f\xbf\"", "not UTF-8"),
    BAD("\"\xe2\x82\"", "not UTF-8"),
    BAD("\"\xed\xa0\x80\"", "not UTF-8"),
    BAD("\"\xf0\x8f\xbf\xbf\"", "not UTF-8"),
    BAD("\"\xf4\x90\x80\x80\"", "not UTF-8"),
    BAD("\"\xf5\x80\x80\x80\"", "not UTF-8"),
    BAD("\"\xff\"", "not UTF-8"),
};

static void snippets_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(snippets); i++) {
		struct text text;
		text_init(&text, snippets[i].text.ptr, snippets[i].text.len);
		int valid = review_scan_valid(text.bytes, text.len, &text.err);
		if ((valid == 0) != (snippets[i].error == NULL))
			fail_msg("%.*s: %s", STR_ARG(snippets[i].text), valid ? text.err.text : "accepted");
		if (valid < 0 && !strstr(text.err.text, snippets[i].error))
			fail_msg("%.*s: \"%s\" lacks \"%s\"", STR_ARG(snippets[i].text), text.err.text,
				 snippets[i].error);
		text_release(&text);
	}
}

/* The position of the relevant byte within a block of 16 must not matter. */
static void strings_end_anywhere(void **state)
{
	(void)state;
	static const struct snippet tails[] = {GOOD("\""),
					       BAD("", "ends inside"),
					       BAD("\x01\"", "control"),
					       GOOD("\\n\""),
					       BAD("\\q\"", "escape"),
					       GOOD("\xf0\x9f\x98\x80\""),
					       BAD("\xf0\x9f\x98", "ends inside a string"),
					       GOOD("\\\\\"")};
	for (size_t plain = 0; plain < 70; plain++) {
		for (size_t i = 0; i < COUNT(tails); i++) {
			char bytes[128] = "\"";
			struct text text;
			memset(bytes + 1, 'a', plain);
			memcpy(bytes + 1 + plain, tails[i].text.ptr, tails[i].text.len);
			text_init(&text, bytes, 1 + plain + tails[i].text.len);
			/* Would complete the truncated UTF-8. */
			memset(text.bytes + text.len, 0x80, REVIEW_PADDING);
			int valid = review_scan_valid(text.bytes, text.len, &text.err);
			assert_int_equal(valid, tails[i].error ? -1 : 0);
			if (valid < 0)
				assert_non_null(strstr(text.err.text, tails[i].error));
			text_release(&text);
		}
	}
}

static void depth_is_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *open, *close;
		int bound; /* Maximum number of repetitions. */
	} cases[] = {
	    {"[", "]", SCAN_DEPTH_MAX}, {"{\"a\":", "}", SCAN_DEPTH_MAX}, {"[{\"a\":", "}]", SCAN_DEPTH_MAX / 2}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int depth = cases[i].bound; depth <= cases[i].bound + 1; depth++) {
			struct buf buf;
			struct text text;
			buf_init(&buf, 1 << 20);
			for (int j = 0; j < depth; j++)
				buf_text(&buf, cases[i].open);
			buf_text(&buf, "1");
			for (int j = 0; j < depth; j++)
				buf_text(&buf, cases[i].close);
			text_init(&text, buf.ptr, buf.len);
			int valid = review_scan_valid(text.bytes, text.len, &text.err);
			assert_int_equal(valid, depth > cases[i].bound ? -1 : 0);
			if (valid < 0)
				assert_non_null(strstr(text.err.text, "nested deeper than 512"));
			text_release(&text);
			buf_release(&buf);
		}
	}
	/* Nesting inside decoded objects counts as well. */
	struct buf buf;
	struct text text;
	buf_init(&buf, 1 << 20);
	buf_text(&buf, "{\"spec\":{\"x\":");
	for (int j = 0; j < SCAN_DEPTH_MAX - 1; j++)
		buf_char(&buf, '[');
	text_init(&text, buf.ptr, buf.len);
	assert_int_equal(text_pod(&text), -1);
	assert_non_null(strstr(text.err.text, "spec.x: nested deeper than 512"));
	text_release(&text);
	buf_release(&buf);
}

/* --- Real reviews --- */

static void bare_pod(void **state)
{
	(void)state;
	struct text text;
	open_review(&text, "mutate-pod-bare.json");
	const struct review *review = &text.review;
	const struct pod *pod = &review->object;
	assert_int_equal(review->uid.len, 36);
	assert_str(review->group, "");
	assert_str(review->version, "v1");
	assert_str(review->kind, "Pod");
	assert_str(review->resource, "pods");
	assert_str(review->subresource, NULL);
	assert_str(review->namespace, "default");
	assert_int_equal(review->operation, OPERATION_CREATE);
	assert_false(review->dry_run);
	assert_str(review->user, "admin");
	assert_int_equal(review->groups.count, 2);
	assert_str(review->groups.items[0], "system:masters");
	assert_str(review->groups.items[1], "system:authenticated");
	assert_true(pod->present);
	assert_false(review->old_object.present);
	assert_str(pod->name, "gpu-demo");
	assert_str(pod->uid, NULL);
	assert_str(pod->owner.kind, NULL);
	assert_false(pod->labels.present);
	assert_int_equal(pod->annotations.count, 1);
	assert_true(str_starts(pod->annotations.items[0].value, STR("{\"apiVersion\":\"v1\",")));
	assert_true(str_ends(pod->annotations.items[0].value, STR("}}\n")));
	assert_int_equal(pod->container_count, 1);
	assert_int_equal(pod->containers[0].list, CONTAINER_REGULAR);
	assert_str(pod->containers[0].name, "cuda-container");
	assert_true(pod->containers[0].has_resources);
	assert_false(pod->containers[0].has_env);
	assert_pair(&pod->containers[0].requests, 0, "nvidia.com/gpu", "1");
	assert_pair(&pod->containers[0].limits, 0, "nvidia.com/gpu", "1");
	assert_true(pod->has_tolerations);
	assert_int_equal(pod->toleration_count, 2);
	assert_str(pod->tolerations[1].key, "node.kubernetes.io/unreachable");
	assert_str(pod->tolerations[1].op, "Exists");
	assert_str(pod->tolerations[1].value, NULL);
	assert_str(pod->tolerations[1].effect, "NoExecute");
	assert_str(pod->tolerations[1].seconds, "300");
	text_release(&text);
}

static void init_and_sidecar(void **state)
{
	(void)state;
	struct text text;
	open_review(&text, "validate-pod-of-job-init-sidecar.json");
	const struct pod *pod = &text.review.object;
	assert_true(str_starts(pod->name, STR("j-")));
	assert_str(pod->generate_name, "j-");
	assert_int_equal(pod->uid.len, 36);
	assert_str(pod->owner.kind, "Job");
	assert_str(pod->owner.name, "j");
	assert_int_equal(pod->owner.uid.len, 36);
	assert_int_equal(pod->labels.count, 4);
	assert_pair(&pod->labels, 1, "batch.kubernetes.io/job-name", "j");
	assert_int_equal(pod->container_count, 3);
	assert_int_equal(pod->containers[0].list, CONTAINER_INIT);
	assert_str(pod->containers[0].name, "warm");
	assert_false(pod->containers[0].sidecar);
	assert_int_equal(pod->containers[1].list, CONTAINER_INIT);
	assert_int_equal(pod->containers[1].index, 1);
	assert_true(pod->containers[1].sidecar);
	assert_int_equal(pod->containers[2].list, CONTAINER_REGULAR);
	assert_int_equal(pod->containers[2].index, 0);
	assert_pair(&pod->containers[2].requests, 0, "nvidia.com/mig-1g.10gb", "1");
	text_release(&text);
}

static void edge_pod_with_host_path(void **state)
{
	(void)state;
	struct text text;
	open_review(&text, "validate-pod-of-statefulset-edge-hostpath.json");
	const struct pod *pod = &text.review.object;
	const struct container *container = pod->containers;
	assert_str(pod->owner.kind, "StatefulSet");
	assert_int_equal(pod->volume_count, 1);
	assert_str(pod->volumes[0].name, "d");
	assert_str(pod->volumes[0].host_path, "/dev/nvidia0");
	assert_true(container->has_env && container->has_resources);
	assert_int_equal(container->env_count, 1);
	assert_str(container->env[0].name, "NVIDIA_VISIBLE_DEVICES");
	assert_str(container->env[0].value, "all");
	assert_false(container->env[0].value_from);
	assert_false(container->requests.present);
	assert_int_equal(container->mount_count, 1);
	assert_str(container->mounts[0].volume, "d");
	assert_str(container->mounts[0].path, "/dev/nvidia0");
	assert_true(pod->node_selector.present);
	assert_pair(&pod->node_selector, 0, "accelerator", "nvidia-tesla-t4");
	assert_pair(&pod->node_selector, 1, "node-type", "edge");
	text_release(&text);
}

static void deletion_and_subresources(void **state)
{
	(void)state;
	struct text text;
	open_review(&text, "validate-pod-delete.json");
	assert_int_equal(text.review.operation, OPERATION_DELETE);
	assert_false(text.review.object.present);
	assert_true(text.review.old_object.present);
	assert_str(text.review.old_object.phase, "Succeeded");
	assert_str(text.review.old_object.node_name, "gpu-0");
	assert_str(text.review.old_object.resource_version, "356");
	assert_pair(&text.review.old_object.labels, 0, "a", "b");
	text_release(&text);
	open_review(&text, "mutate-pod-resize-refused-later.json");
	assert_str(text.review.subresource, "resize");
	assert_int_equal(text.review.operation, OPERATION_UPDATE);
	assert_pair(&text.review.object.containers[0].requests, 0, "nvidia.com/gpu", "2");
	assert_pair(&text.review.old_object.containers[0].requests, 0, "nvidia.com/gpu", "1");
	assert_int_equal(text.review.object.containers[1].list, CONTAINER_EPHEMERAL);
	assert_str(text.review.object.containers[1].name, "debugger-bq98k");
	text_release(&text);
	open_review(&text, "mutate-pod-ephemeralcontainers.json");
	assert_str(text.review.subresource, "ephemeralcontainers");
	assert_int_equal(text.review.object.container_count, 2);
	assert_int_equal(text.review.old_object.container_count, 1);
	text_release(&text);
	open_review(&text, "validate-pod-status.json");
	assert_str(text.review.subresource, "status");
	assert_str(text.review.object.phase, "Pending");
	text_release(&text);
	open_review(&text, "validate-pod-dra.json");
	assert_int_equal(text.review.object.claim_count, 2);
	text_release(&text);
	open_review(&text, "mutate-pod-binding.json");
	assert_str(text.review.subresource, "binding");
	assert_str(text.review.kind, "Binding");
	assert_false(text.review.object.present);
	text_release(&text);
}

/* Every file is read. Pods are read as Pods, and nothing else is. */
static void every_real_review(void **state)
{
	(void)state;
	DIR *dir = opendir(REVIEWS);
	size_t count = 0;
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct text text;
		if (!str_ends(str_of(entry->d_name), STR(".json")))
			continue;
		open_review(&text, entry->d_name);
		bool is_pod = str_eq(text.review.kind, STR("Pod"));
		assert_int_equal(text.review.object.present || text.review.old_object.present, is_pod);
		if (is_pod)
			assert_true((text.review.object.present ? &text.review.object : &text.review.old_object)
					->container_count > 0);
		text_release(&text);
		count++;
	}
	closedir(dir);
	assert_true(count >= 28);
}

static void cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct buf buf = load("mutate-pod-of-job-init-sidecar.json");
	size_t len = buf.len;
	while (scan_is_blank(buf.ptr[len - 1]))
		len--;
	for (size_t cut = 0; cut < len; cut++) {
		struct text text;
		text_init(&text, buf.ptr, cut);
		memcpy(text.bytes + cut, buf.ptr + cut, len - cut < REVIEW_PADDING ? len - cut : REVIEW_PADDING);
		assert_int_equal(text_review(&text), -1);
		assert_true(text.err.text[0] != '\0');
		text_release(&text);
	}
	buf_release(&buf);
}

/* --- Synthetic Pods --- */

static void every_fact_of_a_pod(void **state)
{
	(void)state;
	static const char json[] =
	    "{\"status\":{\"phase\":\"Running\"},\"spec\":{\"ephemeralContainers\":[{\"name\":\"e\"}],"
	    "\"containers\":[{\"name\":\"c0\",\"restartPolicy\":\"Always\"},{\"name\":\"c1\","
	    "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{}}},{\"name\":\"B\",\"value\":\"\",\"valueFrom\":"
	    "null}],"
	    "\"resources\":{\"limits\":{\"nvidia.com/gpu\":2,\"x/y\":1e3,\"z\":null},\"requests\":{}},"
	    "\"volumeDevices\":[{\"devicePath\":\"/dev/a\"},{\"devicePath\":\"/dev/b\"}],"
	    "\"securityContext\":{\"runAsUser\":0,\"privileged\":true}}],\"initContainers\":[{\"name\":\"i\",\"env\":[]"
	    "}],"
	    "\"affinity\":{\"podAffinity\":{},\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
	    "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"k\",\"operator\":\"In\",\"values\":[\"a\",\"b\"]"
	    "}]},"
	    "{\"matchFields\":[{\"key\":\"metadata.name\"}]}]}}},\"tolerations\":[],\"runtimeClassName\":\"nvidia\","
	    "\"nodeName\":\"n\",\"nodeSelector\":{},\"overhead\":{\"cpu\":\"1\"},\"resourceClaims\":[{},null]},"
	    "\"metadata\":{\"deletionTimestamp\":\"T\",\"deletionGracePeriodSeconds\":30,\"labels\":{\"a\":null},"
	    "\"annotations\":null,\"ownerReferences\":[{\"kind\":\"A\"},{\"kind\":\"B\",\"controller\":true}]}}";
	struct text text;
	text_init(&text, json, sizeof json - 1);
	if (text_pod(&text) < 0)
		fail_msg("%s", text.err.text);
	const struct pod *pod = &text.pod;
	static const char *const names[] = {"i", "c0", "c1", "e"};
	static const enum container_list lists[] = {CONTAINER_INIT, CONTAINER_REGULAR, CONTAINER_REGULAR,
						    CONTAINER_EPHEMERAL};
	assert_int_equal(pod->container_count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_str(pod->containers[i].name, names[i]);
		assert_int_equal(pod->containers[i].list, lists[i]);
		assert_int_equal(pod->containers[i].index, i == 2);
	}
	assert_true(pod->containers[0].has_env && pod->containers[0].env_count == 0);
	const struct container *c1 = &pod->containers[2];
	assert_true(c1->env[0].value_from && !c1->env[1].value_from);
	assert_str(c1->env[0].value, NULL);
	assert_str(c1->env[1].value, "");
	assert_true(c1->requests.present && c1->requests.count == 0);
	assert_pair(&c1->limits, 0, "nvidia.com/gpu", "2");
	assert_pair(&c1->limits, 1, "x/y", "1e3");
	assert_pair(&c1->limits, 2, "z", "0");
	assert_int_equal(c1->device_path_count, 2);
	assert_str(c1->device_paths[1], "/dev/b");
	assert_true(c1->privileged && !pod->containers[1].privileged);
	assert_true(pod->has_required_affinity);
	assert_int_equal(pod->node_term_count, 2);
	assert_int_equal(pod->node_terms[0].count, 1);
	assert_str(pod->node_terms[0].expressions[0].op, "In");
	assert_int_equal(pod->node_terms[0].expressions[0].values.count, 2);
	assert_str(pod->node_terms[0].expressions[0].values.items[1], "b");
	assert_int_equal(pod->node_terms[1].field_count, 1);
	assert_true(pod->has_tolerations && pod->toleration_count == 0);
	assert_true(pod->node_selector.present && pod->node_selector.count == 0);
	assert_pair(&pod->overhead, 0, "cpu", "1");
	assert_pair(&pod->labels, 0, "a", "");
	assert_false(pod->annotations.present);
	assert_int_equal(pod->claim_count, 2);
	assert_str(pod->runtime_class, "nvidia");
	assert_str(pod->node_name, "n");
	assert_str(pod->phase, "Running");
	assert_str(pod->deletion_timestamp, "T");
	assert_str(pod->deletion_grace_seconds, "30");
	assert_str(pod->owner.kind, "B");
	assert_str(pod->owner.uid, NULL);
	text_release(&text);
}

struct pod_case {
	const char *json;
	const char *error;
};

static const struct pod_case bad_pods[] = {
    {"[]", "expected an object, found an array (byte 0)"},
    {"null", "expected an object, found null"},
    {"{} 1", "expected nothing more, found a number (byte 3)"},
    {"{\"kind\":\"Deployment\"}", "kind: expected \"Pod\""},
    {"{\"kind\":\"Pod\",\"apiVersion\":\"v2\"}", "apiVersion: expected \"v1\""},
    {"{\"spec\":[]}", "spec: expected an object, found an array (byte 8)"},
    {"{\"spec\":{\"containers\":{}}}", "spec.containers: expected an array, found an object"},
    {"{\"spec\":{\"containers\":[{},{\"name\":1}]}}",
     "spec.containers[1].name: expected a string, found a number (byte 34)"},
    {"{\"spec\":{\"containers\":[7]}}", "spec.containers[0]: expected an object, found a number"},
    {"{\"spec\":{\"containers\":[{\"image\":tru}]}}", "spec.containers[0].image: expected true"},
    {"{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"a/b\":true}}}]}}",
     "spec.containers[0].resources.limits[\"a/b\"]: expected a string or a number, found a boolean"},
    {"{\"spec\":{\"containers\":[{\"securityContext\":{\"privileged\":\"true\"}}]}}",
     "spec.containers[0].securityContext.privileged: expected true or false, found a string"},
    {"{\"spec\":{\"containers\":[{\"env\":[{\"valueFrom\":1}]}]}}",
     "spec.containers[0].env[0].valueFrom: expected an object, found a number"},
    {"{\"spec\":{\"tolerations\":[{\"tolerationSeconds\":\"1\"}]}}",
     "spec.tolerations[0].tolerationSeconds: expected a number, found a string"},
    {"{\"spec\":{\"resourceClaims\":[{},1]}}", "spec.resourceClaims[1]: expected an object, found a number"},
    {"{\"spec\":{\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
     "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"values\":[\"a\",2]}]}]}}}}}",
     "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
     "matchExpressions[0].values[1]: expected a string, found a number"},
    {"{\"metadata\":{\"labels\":{\"a\":1}}}", "metadata.labels[\"a\"]: expected a string, found a number"},
    {"{\"metadata\":{\"labels\":[]}}", "metadata.labels: expected an object, found an array"},
    {"{\"metadata\":{\"labels\":{\"a\":\"1\",\"\\u0061\":\"2\"}}}", "metadata.labels[\"a\"]: the key is given twice"},
    {"{\"metadata\":{\"annotations\":{\"a\":\"1\",\"a\":\"1\"}}}",
     "metadata.annotations[\"a\"]: the key is given twice"},
    {"{\"spec\":{\"nodeSelector\":{\"a\":\"1\",\"a\":\"1\"}}}", "spec.nodeSelector[\"a\"]: the key is given twice"},
    {"{\"spec\":{\"overhead\":{\"a\":\"1\",\"a\":\"1\"}}}", "spec.overhead[\"a\"]: the key is given twice"},
    {"{\"spec\":{},\"sp\\u0065c\":{}}", "spec: the key is given twice"},
    {"{\"spec\":null,\"spec\":{}}", "spec: the key is given twice"},
    {"{\"spec\":{\"x\\u0001y\":nope}}", "spec.x\\u0001y: expected null"},
    {"{\"metadata\":{\"name\":\"a}", "metadata.name: the text ends inside a string"},
    {"{\"metadata\":{\"name\":\"a\",}", "metadata: expected a key in double quotes, found '}'"},
    {"{\"metadata\":{\"labels\":{\"a\":\"b\" \"c\":\"d\"}}}", "metadata.labels: expected ',' or '}', found a string"},
};

static void errors_name_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_pods); i++) {
		struct text text;
		text_init(&text, bad_pods[i].json, strlen(bad_pods[i].json));
		if (text_pod(&text) == 0)
			fail_msg("%s: accepted", bad_pods[i].json);
		if (strncmp(text.err.text, bad_pods[i].error, strlen(bad_pods[i].error)) != 0)
			fail_msg("%s: %s", bad_pods[i].json, text.err.text);
		text_release(&text);
	}
}

static void escapes_count(void **state)
{
	(void)state;
	static const char json[] =
	    "{\"m\\u0065tadata\":{\"\\u006e\\u0061\\u006d\\u0065\":\"a\\u0000b\\/\","
	    "\"labels\":{\"\\u00e9\\n\":\"\\ud83d\\ude00\\u20AC\"},\"na\\u006de2\":1,\"\\nname\":2}}";
	struct text text;
	text_init(&text, json, sizeof json - 1);
	if (text_pod(&text) < 0)
		fail_msg("%s", text.err.text);
	assert_true(str_eq(text.pod.name, STR("a\0b/")));
	assert_pair(&text.pod.labels, 0, "\xc3\xa9\n", "\xf0\x9f\x98\x80\xe2\x82\xac");
	text_release(&text);
}

/*
 * The owner of the Pod may write invalid UTF-8, unpaired surrogates or any nesting there. The rest
 * of the Pod is still read.
 */
static void managed_fields_hide_nothing(void **state)
{
	(void)state;
	static const char head[] = "{\"metadata\":{\"managedFields\":[{\"f:\xff]\\\"\":\"\\ud800\"},";
	static const char tail[] = "],\"name\":\"p\"}}";
	struct buf json;
	struct text text;
	buf_init(&json, 1 << 20);
	buf_text(&json, head);
	for (int i = 0; i < 10000; i++)
		buf_text(&json, "{\"f:a\":");
	buf_text(&json, "{}");
	for (int i = 0; i < 10000; i++)
		buf_char(&json, '}');
	buf_text(&json, tail);
	text_init(&text, json.ptr, json.len);
	if (text_pod(&text) < 0)
		fail_msg("%s", text.err.text);
	assert_str(text.pod.name, "p");
	text_release(&text);
	text_init(&text, json.ptr, json.len - sizeof tail + 1);
	assert_int_equal(text_pod(&text), -1);
	assert_non_null(strstr(text.err.text, "metadata.managedFields: the text ends inside an object or array"));
	text_release(&text);
	buf_release(&json);
}

/* --- Synthetic reviews --- */

#define VERSION "\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\""
#define POD_KIND "\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"}"

static const struct pod_case bad_reviews[] = {
    {"{}", "apiVersion: expected \"admission.k8s.io/v1\", found nothing"},
    {"{\"apiVersion\":\"v1\"}", "apiVersion: expected \"admission.k8s.io/v1\", found \"v1\""},
    {"{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\"}",
     "apiVersion: \"admission.k8s.io/v1beta1\" is not supported: set admissionReviewVersions: [v1]"},
    {"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"Pod\"}", "kind: expected \"AdmissionReview\", found \"Pod\""},
    {"{\"apiVersion\":\"admission.k8s.io/v1\"}", "kind: expected \"AdmissionReview\", found nothing"},
    {"{" VERSION "}", "request: expected an object, found nothing"},
    {"{" VERSION ",\"request\":null}", "request: expected an object, found nothing"},
    {"{" VERSION ",\"request\":[]}", "request: expected an object, found an array"},
    {"{" VERSION ",\"request\":{}}", "request.uid: expected the id of the request, found nothing"},
    {"{" VERSION ",\"request\":{\"uid\":\"\"}}", "request.uid: expected the id of the request, found \"\""},
    {"{" VERSION ",\"request\":{\"uid\":\"u\"}}",
     "request.operation: expected CREATE, UPDATE, DELETE or CONNECT, found nothing"},
    {"{" VERSION ",\"request\":{\"uid\":\"u\",\"operation\":\"create\\u0007\"}}",
     "request.operation: expected CREATE, UPDATE, DELETE or CONNECT, found \"create?\""},
    {"{" VERSION ",\"request\":{\"uid\":\"u\",\"operation\":"
     "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}}",
     "request.operation: expected CREATE, UPDATE, DELETE or CONNECT, found "
     "\"012345678901234567890123456789012345678901234567890123456789012...\""},
    {"{" VERSION ",\"request\":{\"uid\":\"u\",\"operation\":\"CREATE\",\"dryRun\":\"yes\"}}",
     "request.dryRun: expected true or false, found a string"},
    {"{" VERSION ",\"request\":{\"uid\":\"u\",\"operation\":\"CREATE\",\"object\":7}}",
     "request.object: expected an object, found a number"},
    {"{" VERSION ",\"request\":{" POD_KIND ",\"object\":{\"spec\":{\"containers\":[{\"name\":7}]}}}}",
     "request.object.spec.containers[0].name: expected a string, found a number"},
    {"{" VERSION
     ",\"request\":{\"uid\":\"u\",\"operation\":\"CREATE\",\"oldObject\":{\"spec\":{\"nodeName\":7}}," POD_KIND "}}",
     "request.oldObject.spec.nodeName: expected a string, found a number (byte"},
    {"{" VERSION ",\"request\":{" POD_KIND ",\"object\":{},\"object\":{}}}", "request.object: the key is given twice"},
    {"{" VERSION ",\"request\":{\"uid\":\"u\",\"operation\":\"CREATE\"}}x", "expected nothing more, found 'x'"},
};

static void wrong_reviews_say_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_reviews); i++) {
		struct text text;
		text_init(&text, bad_reviews[i].json, strlen(bad_reviews[i].json));
		if (text_review(&text) == 0)
			fail_msg("%s: accepted", bad_reviews[i].json);
		if (strncmp(text.err.text, bad_reviews[i].error, strlen(bad_reviews[i].error)) != 0)
			fail_msg("%s: %s", bad_reviews[i].json, text.err.text);
		text_release(&text);
	}
}

/* `object` may precede or follow the keys that say that it is a Pod. */
static void key_order_does_not_matter(void **state)
{
	(void)state;
	static const char *const orders[] = {
	    "{" VERSION ",\"request\":{\"uid\":\"u\",\"operation\":\"CONNECT\"," POD_KIND
	    ",\"object\":{\"metadata\":{\"name\":\"p\"}},\"oldObject\":{\"metadata\":{\"name\":\"q\"}}}}",
	    "{" VERSION ",\"request\":{\"object\":{\"metadata\":{\"name\":\"p\"}}," POD_KIND
	    ",\"oldObject\":{\"metadata\":{\"name\":\"q\"}},\"uid\":\"u\",\"operation\":\"CONNECT\"}}",
	    "{\"request\":{\"oldObject\":{\"metadata\":{\"name\":\"q\"}},\"object\":{\"metadata\":{\"name\":\"p\"}},"
	    "\"uid\":\"u\",\"operation\":\"CONNECT\"," POD_KIND "}," VERSION "}",
	};
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct text text;
		text_init(&text, orders[i], strlen(orders[i]));
		if (text_review(&text) < 0)
			fail_msg("%s: %s", orders[i], text.err.text);
		assert_int_equal(text.review.operation, OPERATION_CONNECT);
		assert_true(text.review.object.present && text.review.old_object.present);
		assert_str(text.review.object.name, "p");
		assert_str(text.review.old_object.name, "q");
		text_release(&text);
	}
	/* A Pod of another API group is not a Kubernetes Pod. */
	static const char foreign[] =
	    "{" VERSION ",\"request\":{\"object\":{\"spec\":7},\"uid\":\"u\",\"operation\":\"CREATE\","
	    "\"kind\":{\"group\":\"x.io\",\"version\":\"v1\",\"kind\":\"Pod\"}}}";
	struct text text;
	text_init(&text, foreign, sizeof foreign - 1);
	assert_int_equal(text_review(&text), 0);
	assert_false(text.review.object.present);
	text_release(&text);
}

/* --- Malicious sizes --- */

static double seconds_for_pod(struct buf *buf, struct text *text)
{
	struct timespec start, end;
	assert_false(buf->failed);
	text_init(text, buf->ptr, buf->len);
	buf_release(buf);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (text_pod(text) < 0)
		fail_msg("%s", text->err.text);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

static void many_env_entries(void **state)
{
	(void)state;
	struct buf buf;
	struct text text;
	buf_init(&buf, 8 << 20);
	buf_text(&buf, "{\"spec\":{\"containers\":[{\"env\":[{}");
	for (int i = 1; i < 60000; i++)
		buf_printf(&buf, ",{\"name\":\"N%d\",\"value\":\"%d\"}", i, i);
	buf_text(&buf, "]}]}}");
	assert_true(seconds_for_pod(&buf, &text) < 2);
	assert_int_equal(text.pod.containers[0].env_count, 60000);
	assert_str(text.pod.containers[0].env[59999].name, "N59999");
	assert_str(text.pod.containers[0].env[31234].value, "31234");
	text_release(&text);
}

static void many_labels(void **state)
{
	(void)state;
	struct buf buf;
	struct text text;
	buf_init(&buf, 8 << 20);
	buf_text(&buf, "{\"metadata\":{\"labels\":{\"first\":\"\"");
	for (int i = 1; i < 100000; i++)
		buf_printf(&buf, ",\"the-same-long-beginning-%d\":\"\"", i);
	size_t len = buf.len;
	buf_text(&buf, "}}}");
	char *again = malloc(len);
	assert_non_null(again);
	memcpy(again, buf.ptr, len);
	assert_true(seconds_for_pod(&buf, &text) < 2);
	assert_int_equal(text.pod.labels.count, 100000);
	assert_str(text.pod.labels.items[99999].key, "the-same-long-beginning-99999");
	text_release(&text);
	buf_add(&buf, again, len);
	buf_text(&buf, ",\"first\":\"\"}}}");
	free(again);
	text_init(&text, buf.ptr, buf.len);
	buf_release(&buf);
	assert_int_equal(text_pod(&text), -1);
	assert_non_null(strstr(text.err.text, "metadata.labels[\"first\"]: the key is given twice"));
	text_release(&text);
}

static void memory_is_bounded(void **state)
{
	(void)state;
	static const size_t limits[] = {0, 1000, 5000, 30000, 200000, 1000000};
	struct buf buf;
	struct text text;
	buf_init(&buf, 8 << 20);
	buf_text(&buf, "{\"metadata\":{\"name\":\"a\\nb\",\"labels\":{\"a\\n\":\"\\n\"");
	for (int i = 0; i < 100; i++)
		buf_printf(&buf, ",\"%d\\n\":\"\"", i);
	buf_text(&buf, "}},\"spec\":{\"containers\":[{}");
	for (int i = 0; i < 10000; i++)
		buf_text(&buf, ",{}");
	buf_text(&buf, "]}}");
	text_init(&text, buf.ptr, buf.len);
	buf_release(&buf);
	for (size_t i = 0; i < COUNT(limits); i++) {
		arena_release(&text.arena);
		arena_init(&text.arena, 16, limits[i]);
		text.err.text[0] = '\0';
		assert_int_equal(text_pod(&text), -1);
		assert_non_null(strstr(text.err.text, "the review needs more memory than allowed"));
	}
	text_release(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(snippets_are_judged),
	    cmocka_unit_test(strings_end_anywhere),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(bare_pod),
	    cmocka_unit_test(init_and_sidecar),
	    cmocka_unit_test(edge_pod_with_host_path),
	    cmocka_unit_test(deletion_and_subresources),
	    cmocka_unit_test(every_real_review),
	    cmocka_unit_test(cut_anywhere_is_refused),
	    cmocka_unit_test(every_fact_of_a_pod),
	    cmocka_unit_test(errors_name_the_place),
	    cmocka_unit_test(escapes_count),
	    cmocka_unit_test(wrong_reviews_say_why),
	    cmocka_unit_test(key_order_does_not_matter),
	    cmocka_unit_test(many_env_entries),
	    cmocka_unit_test(many_labels),
	    cmocka_unit_test(managed_fields_hide_nothing),
	    cmocka_unit_test(memory_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
