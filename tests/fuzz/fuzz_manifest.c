/*
 * Fuzz target: any bytes as a file of manifests. What is read must be JSON, objects must lie in the
 * file in its order, with lines that it has, and every workload must be readable or refused with a
 * sentence. The same bytes give the same objects again, and the JSON of an object is read as
 * itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/require.h"
#include "webhook/object/manifest.h"
#include "webhook/object/review.h"
#include "webhook/object/workload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t lines_of(struct str bytes)
{
	uint32_t lines = 1;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];
		/* YAML has several kinds of line breaks; these are their last bytes. */
		lines += c == '\n' || c == '\r' || c == 0x85 || c == 0xa8 || c == 0xa9;
	}
	return lines;
}

static void check_error(const struct error *err, const char *begin)
{
	REQUIRE(strncmp(err->text, begin, strlen(begin)) == 0);
	/* Only the end says where; a name in the sentence may contain anything. */
	const char *last = strrchr(err->text, '(');
	REQUIRE(!last || strncmp(last, "(byte ", 6) != 0 || err->text[strlen(err->text) - 1] != ')');
}

static void check_workload(const struct manifest *manifest, const struct manifest_object *object)
{
	const struct workload_kind *kind = workload_find(object->api_version, object->kind);
	struct workload workload;
	struct error err = {0};
	struct arena arena;
	struct pod pod;
	if (!kind)
		return;
	arena_init(&arena, 4096, 16 << 20);
	if (workload_read(kind, object->json, &workload, &err) < 0) {
		manifest_explain(manifest, object, &err);
		REQUIRE(strncmp(err.text, "f:", 2) == 0);
	} else {
		REQUIRE(workload.replicas >= 0 && workload.surge >= 0 && workload.remaining >= 0);
		REQUIRE(workload.pod.ptr >= object->json.ptr &&
			workload.pod.ptr + workload.pod.len <= object->json.ptr + object->json.len);
		review_read_pod(workload.pod.ptr, workload.pod.len, &arena, &pod, &err);
	}
	arena_release(&arena);
}

static void check_object(const struct manifest *manifest, const struct manifest_object *object, uint32_t lines)
{
	struct error err = {0};
	REQUIRE(review_scan_valid(object->json.ptr, object->json.len, &err) == 0);
	REQUIRE(object->line >= 1 && object->line <= lines);
	uint32_t end = manifest_line(manifest, object, object->json.len);
	/* What is not written, such as the value in "?", libyaml places after the last line. */
	REQUIRE(end >= object->line && end <= lines + 1);
	check_workload(manifest, object);
}

/* The JSON of one object as a file is that object. */
static void check_again(const struct manifest_object *object)
{
	struct manifest again;
	struct error err = {0};
	if (str_ends(object->kind, STR("List")))
		return;
	REQUIRE(manifest_read(&again, "f", object->json, &err) == 0);
	REQUIRE(again.count == 1 && str_eq(again.objects[0].json, object->json));
	REQUIRE(str_eq(again.objects[0].name, object->name) && str_eq(again.objects[0].namespace, object->namespace));
	manifest_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct manifest manifest;
	struct error err = {0};
	if (manifest_read(&manifest, "f", bytes, &err) < 0) {
		check_error(&err, "f:");
		return 0;
	}
	REQUIRE(err.text[0] == '\0');
	for (uint32_t i = 0; i < manifest.count; i++) {
		check_object(&manifest, &manifest.objects[i], lines_of(bytes));
		check_again(&manifest.objects[i]);
		REQUIRE(i == 0 || manifest.objects[i].json.ptr > manifest.objects[i - 1].json.ptr);
	}
	manifest_release(&manifest);
	return 0;
}
