/* test_json_schema: tests that the JSON Schema is printed as a whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "gpugate/schema.h"
#include "policy/document/schema.h"

/* How many of jansson's allocations succeed before one fails. Negative: none fails. */
static long fails_in = -1;

static void *allocate(size_t bytes)
{
	return fails_in >= 0 && fails_in-- == 0 ? NULL : malloc(bytes);
}

static int print(const char *kind, struct buf *out, size_t max)
{
	struct error err = {0};
	buf_init(out, max);
	int result = schema_print(kind, NULL, out, &err);
	assert_int_equal(result == 0, err.text[0] == '\0');
	return result;
}

static void test_every_kind(void **state)
{
	struct buf out;
	(void)state;
	for (size_t i = 0; i <= KINDS; i++) {
		assert_int_equal(print(i < KINDS ? schema_kinds[i].kind.ptr : NULL, &out, SCHEMA_BYTES_MAX), 0);
		json_t *schema = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(schema);
		assert_non_null(json_object_get(schema, "$id"));
		assert_int_equal(out.ptr[out.len - 1], '\n');
		json_decref(schema);
		buf_release(&out);
	}
	assert_int_equal(print("Pod", &out, SCHEMA_BYTES_MAX), -1);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

/*
 * Whichever allocation fails, an incomplete schema is never printed. The schema of Settings has no
 * conditions, which are read by jansson's parser; version 2.14 of it does not survive a failed
 * allocation.
 */
static void test_little_memory(void **state)
{
	struct buf whole, out;
	(void)state;
	json_set_alloc_funcs(allocate, free);
	assert_int_equal(print("Settings", &whole, SCHEMA_BYTES_MAX), 0);
	assert_int_equal(print("Settings", &out, whole.len - 1), -1);
	buf_release(&out);
	long allocations = 0;
	for (bool failed = true; failed; allocations++) {
		fails_in = allocations;
		int result = print("Settings", &out, SCHEMA_BYTES_MAX);
		failed = fails_in < 0;
		fails_in = -1;
		if (result == 0)
			assert_true(str_eq(buf_view(&out), buf_view(&whole)));
		assert_true(failed || result == 0);
		buf_release(&out);
	}
	assert_true(allocations > 100);
	buf_release(&whole);
	json_set_alloc_funcs(malloc, free);
}

/* What several fields hold is a definition; what one holds, or belongs to the document, is not. */
static void test_shared_objects(void **state)
{
	unsigned shared = 0;
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		const struct schema_object *object = schema_kinds[i].object;
		assert_false(schema_is_shared(object));
		for (size_t k = 0; k < object->field_count; k++) {
			const struct schema_object *part = object->fields[k].object;
			assert_false(part && schema_is_shared(part));
			for (size_t n = 0; part && n < part->field_count; n++)
				shared += part->fields[n].object && schema_is_shared(part->fields[n].object);
		}
	}
	assert_int_equal(shared, 1); /* A Tenant's namespaceSelector; a Rule's are nested. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_kind),
	    cmocka_unit_test(test_little_memory),
	    cmocka_unit_test(test_shared_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
