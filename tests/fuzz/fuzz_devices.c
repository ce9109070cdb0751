/*
 * fuzz_devices: reads each line of any bytes as the watches read a ResourceSlice, a DeviceClass,
 * and a ResourceClaim.
 *   - What is read is bounded: names, amounts, and the values of labels.
 *   - The products of the slices of all lines are labels that a node can have, once for each key.
 *   - Setting a slice again changes nothing, and without slices, no node has a label.
 *   - What a claim has been given is listed in no more rows than it has results and options.
 *   - What follows the texts changes nothing.
 */
#include "gpugate/claim.h"
#include "gpugate/consumer.h"
#include "gpugate/pod.h"
#include "gpugate/product_label.h"
#include "tests/fuzz/load_policy.h"
#include "tests/fuzz/require.h"
#include "webhook/object/device_class.h"
#include "webhook/object/resource_slice.h"
#include "webhook/object/review.h"
#include "webhook/object/slice_table.h"

#define TEXT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether Kubernetes allows it as the value of a label, which is not empty. */
static bool is_label_value(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!is_alphanumeric(value.ptr[i]) && !strchr("-_.", value.ptr[i]))
			return false;
	return value.len > 0 && value.len <= PRODUCT_LABEL_MAX && is_alphanumeric(value.ptr[0]) &&
	       is_alphanumeric(value.ptr[value.len - 1]);
}

/* --- Slices --- */

static void take_slice(struct slice_table *table, struct str json, struct arena *arena, struct buf *out)
{
	struct resource_slice slice;
	struct error err = {0};
	if (resource_slice_read(json, arena, &slice, &err) < 0) {
		REQUIRE(err.text[0]);
		buf_printf(out, "%s\n", err.text);
		return;
	}
	for (uint32_t i = 0; i < slice.device_count; i++) {
		char value[PRODUCT_LABEL_MAX];
		size_t len = product_label_value(slice.driver, slice.devices[i].product, value);
		REQUIRE(len == 0 || is_label_value((struct str){value, len}));
		buf_printf(out, "%.*s %.*s\n", STR_ARG(slice.devices[i].type), STR_ARG(slice.devices[i].memory));
	}
	REQUIRE(slice_table_set(table, &slice) >= 0);
	REQUIRE(slice_table_set(table, &slice) == 0);
}

/* Nodes and keys are in an order that depends on no address. */
static void check_nodes(const struct slice_table *table, struct buf *out)
{
	struct named_pairs *nodes;
	uint32_t count;
	REQUIRE(slice_table_nodes(table, &nodes, &count) == 0 && count <= table->map.count);
	for (uint32_t i = 0; i < count; i++) {
		REQUIRE(nodes[i].name.len && nodes[i].pairs.count);
		REQUIRE(i == 0 || str_cmp(nodes[i - 1].name, nodes[i].name) < 0);
		for (uint32_t p = 0; p < nodes[i].pairs.count; p++) {
			const struct pair *pair = &nodes[i].pairs.items[p];
			REQUIRE(is_label_value(pair->value));
			REQUIRE(p == 0 || str_cmp(pair[-1].key, pair->key) < 0);
			buf_printf(out, "%.*s: %.*s=%.*s\n", STR_ARG(nodes[i].name), STR_ARG(pair->key),
				   STR_ARG(pair->value));
		}
	}
	free(nodes);
}

/* A list without slices forgets all of them. */
static void check_end(struct slice_table *table)
{
	struct named_pairs *nodes;
	uint32_t count, before = table->map.count;
	slice_table_list_begin(table);
	REQUIRE(slice_table_list_end(table) == (before > 0));
	REQUIRE(slice_table_nodes(table, &nodes, &count) == 0 && count == 0);
	free(nodes);
	slice_table_release(table);
}

/* --- Classes and claims --- */

static void take_class(struct str json, struct arena *arena, struct buf *out)
{
	struct device_class class;
	struct error err = {0};
	if (device_class_read(json, arena, &class, &err) < 0) {
		REQUIRE(err.text[0]);
		buf_printf(out, "%s\n", err.text);
		return;
	}
	REQUIRE(class.name.len && class.name.len <= DEVICE_CLASS_NAME_MAX);
	REQUIRE(class.resource.len <= DEVICE_CLASS_ALIAS_MAX);
	REQUIRE(!str_present(class.resource) || resource_is_extended(class.resource));
	buf_printf(out, "%.*s %.*s %lld\n", STR_ARG(class.name), STR_ARG(class.resource), (long long)class.created_ms);
}

/* A result takes one row at most, and an option of a request that cannot be decided another one. */
static void check_allocation(const struct claim *claim, struct arena *arena, struct buf *out)
{
	struct consumer consumer;
	uint32_t most = claim->allocation.result_count;
	for (uint32_t i = 0; i < claim->request_count; i++)
		most += claim->requests[i].option_count;
	REQUIRE(policy_claim_allocated(claim, arena, &consumer) == 0 && consumer.allocated_count <= most);
	REQUIRE(consumer.is_allocated || consumer.allocated_count == 0);
	REQUIRE(!consumer.is_allocated || claim->allocation.present);
	for (uint32_t i = 0; i < consumer.allocated_count; i++) {
		const struct resource_request *given = &consumer.allocated[i];
		REQUIRE(given->count >= 1 && given->count <= COMPANION_MAX && resource_is_extended(given->resource));
		buf_printf(out, "given %.*s=%lld%s\n", STR_ARG(given->resource), (long long)given->count,
			   given->alternative ? " or" : "");
	}
}

static void take_claim(struct str json, struct arena *arena, struct buf *out)
{
	const struct resource_request *requests;
	struct pod pod;
	struct error err = {0};
	uint32_t count;
	if (review_read_claim_as_pod(json.ptr, json.len, arena, &pod, &err) < 0) {
		REQUIRE(err.text[0]);
		buf_printf(out, "%s\n", err.text);
		return;
	}
	REQUIRE(pod.as_claim && policy_claim_bounded(pod.as_claim));
	REQUIRE(policy_pod_requests(&pod, arena, &requests, &count) == 0 && count <= CLAIM_OPTIONS_MAX);
	REQUIRE(count == 0 || !requests[0].alternative);
	for (uint32_t i = 0; i < count; i++) {
		REQUIRE(requests[i].count >= 1 && requests[i].count <= COMPANION_MAX);
		REQUIRE(resource_is_extended(requests[i].resource));
		buf_printf(out, "%.*s=%lld%s\n", STR_ARG(requests[i].resource), (long long)requests[i].count,
			   requests[i].alternative ? " or" : "");
	}
	check_allocation(pod.as_claim, arena, out);
}

/* --- Lines --- */

/* Reads the line from an allocation of its own, so that AddressSanitizer sees what is kept. */
static void take_line(struct slice_table *table, const uint8_t *line, size_t len, const char *padding, struct buf *out)
{
	struct arena arena;
	char *bytes = malloc(len + REVIEW_PADDING);
	REQUIRE(bytes);
	if (len)
		memcpy(bytes, line, len);
	memcpy(bytes + len, padding, REVIEW_PADDING);
	arena_init(&arena, 4096, TEXT_MAX);
	take_slice(table, (struct str){bytes, len}, &arena, out);
	take_class((struct str){bytes, len}, &arena, out);
	take_claim((struct str){bytes, len}, &arena, out);
	arena_release(&arena);
	free(bytes);
}

static void run(const uint8_t *data, size_t size, const char *padding, struct buf *out)
{
	struct slice_table table = {.list = 0};
	for (size_t at = 0, len; at < size; at += len + 1) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		len = end ? (size_t)(end - data) - at : size - at;
		take_line(&table, data + at, len, padding, out);
	}
	check_nodes(&table, out);
	check_end(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tempting[] = "\"}]}]}  \"\":{}} 0000 uDC00 \x80\x80\x80\x80 \"a\":null,]]]]}}}}\"\"\"\"\"\""
				       "              ";
	static const char nothing[REVIEW_PADDING];
	struct buf one, other;
	REQUIRE(sizeof tempting > REVIEW_PADDING);
	buf_init(&one, TEXT_MAX);
	buf_init(&other, TEXT_MAX);
	run(data, size, nothing, &one);
	run(data, size, tempting, &other);
	REQUIRE(!one.failed && str_eq(buf_view(&one), buf_view(&other)));
	buf_release(&one);
	buf_release(&other);
	return 0;
}
