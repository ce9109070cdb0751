/*
 * test_label_cache: compares the label cache with a plain array of what was last set, and tests
 * lists that omit objects.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/ledger/label_cache.h"

#define NAMES 700
#define LABELS 3

struct kept {
	bool known, listed;
	int values[LABELS];
	int count;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct str name_of(int index, char text[16])
{
	snprintf(text, 16, "n%d", index);
	return str_of(text);
}

/* Returns labels k0=v..., k1=v... The caller owns the texts. */
static struct pairs pairs_of(const struct kept *kept, struct pair items[LABELS], char texts[LABELS][2][16])
{
	for (int i = 0; i < kept->count; i++) {
		snprintf(texts[i][0], 16, "k%d", i);
		snprintf(texts[i][1], 16, "%s%d", kept->values[i] ? "v" : "", kept->values[i]);
		items[i] = (struct pair){str_of(texts[i][0]), str_of(texts[i][1])};
	}
	return (struct pairs){items, (uint32_t)kept->count, true};
}

static void check(const struct labels *labels, const struct kept *kept)
{
	uint32_t count = 0;
	for (int n = 0; n < NAMES; n++) {
		char text[16], texts[LABELS][2][16];
		struct pair items[LABELS];
		const struct pairs *got = labels_get(labels, name_of(n, text)), want = pairs_of(&kept[n], items, texts);
		assert_int_equal(got != NULL, kept[n].known);
		count += kept[n].known;
		if (!got)
			continue;
		assert_true(got->present);
		assert_int_equal(got->count, want.count);
		for (uint32_t i = 0; i < want.count; i++)
			assert_true(str_eq(got->items[i].key, want.items[i].key) &&
				    str_eq(got->items[i].value, want.items[i].value));
	}
	assert_int_equal(labels->map.count, count);
}

/* Sets random labels. Returns what labels_set must return. */
static int set(struct labels *labels, struct kept *kept, int n, uint32_t *seed)
{
	char text[16], texts[LABELS][2][16];
	struct pair items[LABELS];
	struct kept fresh = {true, true, {0}, (int)(next_random(seed) % (LABELS + 1))};
	for (int i = 0; i < fresh.count; i++)
		fresh.values[i] = (int)(next_random(seed) % 2);
	bool same = kept->known && kept->count == fresh.count &&
		    memcmp(kept->values, fresh.values, (size_t)fresh.count * sizeof(int)) == 0;
	const struct pairs pairs = pairs_of(&fresh, items, texts);
	assert_int_equal(labels_set(labels, name_of(n, text), &pairs), !same);
	*kept = fresh;
	return !same;
}

struct unlisted {
	struct labels *labels;
	struct kept *kept;
	int count;
};

static void on_gone(void *context, struct str name)
{
	struct unlisted *unlisted = context;
	char number[16];
	snprintf(number, sizeof number, "%.*s", STR_ARG(str_tail(name, 1)));
	struct kept *kept = &unlisted->kept[atoi(number)];
	assert_true(kept->known && !kept->listed);
	assert_null(labels_get(unlisted->labels, name));
	kept->known = false;
	unlisted->count++;
}

static void test_against_array(void **state)
{
	(void)state;
	static struct kept kept[NAMES];
	struct labels labels;
	uint32_t seed = 1, gone = 0;
	labels_init(&labels);
	check(&labels, kept);
	for (int round = 0; round < 30; round++) {
		bool list = round % 3 == 2;
		for (int n = 0; n < NAMES; n++)
			kept[n].listed = false;
		if (list)
			labels_list_begin(&labels);
		for (int step = 0; step < 900; step++) {
			int n = (int)(next_random(&seed) % NAMES);
			char text[16];
			if (next_random(&seed) % 5) {
				set(&labels, &kept[n], n, &seed);
			} else {
				assert_int_equal(labels_remove(&labels, name_of(n, text)), kept[n].known);
				kept[n].known = false;
			}
		}
		struct unlisted unlisted = {&labels, kept, 0};
		if (list)
			labels_list_end(&labels, on_gone, &unlisted);
		gone += (uint32_t)unlisted.count;
		check(&labels, kept);
	}
	assert_true(gone > 100);
	labels_release(&labels);
	check(&labels, (struct kept[NAMES]){0});
	labels_release(&labels);
}

/*
 * The caller may free its input. Names and values may contain any byte. An empty map is not the
 * same as an unknown one.
 */
static void test_copies(void **state)
{
	(void)state;
	struct labels labels;
	char name[] = "na\0me", key[] = "key";
	struct pair item = {{key, 3}, {"", 0}};
	const struct pairs one = {&item, 1, true}, none = {NULL, 0, true};
	labels_init(&labels);
	assert_false(labels_remove(&labels, STR("nobody")));
	assert_int_equal(labels_set(&labels, (struct str){name, 5}, &one), 1);
	memset(name, 'x', 5);
	memset(key, 'x', 3);
	const struct pairs *got = labels_get(&labels, STR("na\0me"));
	assert_non_null(got);
	assert_true(str_eq(got->items[0].key, STR("key")) && got->items[0].value.len == 0);
	assert_null(labels_get(&labels, STR("na")));
	assert_int_equal(labels_set(&labels, STR("na\0me"), &none), 1);
	assert_int_equal(labels_get(&labels, STR("na\0me"))->count, 0);
	assert_int_equal(labels_set(&labels, STR("na\0me"), &none), 0);
	labels_release(&labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_array), cmocka_unit_test(test_copies)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
