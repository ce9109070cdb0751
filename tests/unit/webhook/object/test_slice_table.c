/*
 * test_slice_table: compares the table with a plain array of what was last set, at random, and
 * tests its bounds.
 */
#include "gpugate/product_label.h"
#include "tests/unit/policy_fixture.h"

#include "webhook/object/slice_table.h"

#define SLICES 24
#define NODES 5
#define POOLS 4
#define PRODUCTS 3

static const char *const drivers[] = {"gpu.nvidia.com", "gpu.amd.com", "gpu.example.com"};
static const char *const names[] = {"", "A 1", "B"};
static const char *const values[2][PRODUCTS] = {{"", "A-1", "B"}, {"", "A_1", "B"}};

struct kept {
	bool known, listed;
	unsigned driver, node, pool, generation; /* Node 0: of no node. */
	unsigned products[2];
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct str name_of(char kind, unsigned number, char text[16])
{
	snprintf(text, 16, "%c%u", kind, number);
	return str_of(text);
}

static int set(struct slice_table *table, unsigned number, const struct kept *kept)
{
	char name[16], node[16], pool[16];
	const struct slice_device devices[] = {{.product = str_of(names[kept->products[0]])},
					       {.product = str_of(names[kept->products[1]])}};
	const struct resource_slice slice = {.name = name_of('s', number, name),
					     .driver = str_of(drivers[kept->driver]),
					     .node =
						 kept->node ? name_of('n', kept->node, node) : (struct str){NULL, 0},
					     .pool = name_of('p', kept->pool, pool),
					     .generation = kept->generation,
					     .devices = devices,
					     .device_count = 2};
	return slice_table_set(table, &slice);
}

static bool is_current(const struct kept *all, const struct kept *one)
{
	for (unsigned i = 0; i < SLICES; i++)
		if (all[i].known && all[i].driver == one->driver && all[i].pool == one->pool &&
		    all[i].generation > one->generation)
			return false;
	return one->known;
}

/* Returns the only product of a node's devices; 0: there is none, or several. */
static unsigned product_of(const struct kept *all, unsigned node, unsigned driver)
{
	unsigned found = 0;
	for (unsigned i = 0; i < 2 * SLICES; i++) {
		const struct kept *slice = &all[i / 2];
		unsigned product = slice->products[i % 2];
		if (slice->node != node || slice->driver != driver || !is_current(all, slice) || !product)
			continue;
		if (found && found != product)
			return 0;
		found = product;
	}
	return found;
}

static void assert_same(const struct slice_table *table, const struct kept *all)
{
	struct named_pairs *nodes;
	uint32_t count, seen = 0;
	char name[16];
	assert_int_equal(slice_table_nodes(table, &nodes, &count), 0);
	for (unsigned node = 1; node < NODES; node++) {
		const struct named_pairs *found = NULL;
		unsigned labels = 0;
		for (uint32_t i = 0; i < count; i++)
			if (str_eq(nodes[i].name, name_of('n', node, name)))
				found = &nodes[i];
		for (unsigned driver = 0; driver < 2; driver++) {
			unsigned product = product_of(all, node, driver);
			labels += product > 0;
			for (uint32_t i = 0; found && i < found->pairs.count; i++)
				if (str_eq(found->pairs.items[i].key, product_label_key(str_of(drivers[driver]))))
					assert_true(product && str_eq(found->pairs.items[i].value,
								      str_of(values[driver][product])));
		}
		assert_int_equal(found ? found->pairs.count : 0, labels);
		seen += found != NULL;
	}
	assert_int_equal(seen, count);
	free(nodes);
}

static void test_at_random(void **state)
{
	struct slice_table table = {.list = 0};
	struct kept all[SLICES] = {{0}};
	uint32_t seed = 7;
	char name[16];
	(void)state;
	for (int step = 0; step < 20000; step++) {
		unsigned at = next_random(&seed) % SLICES;
		struct kept fresh = {.known = true,
				     .driver = next_random(&seed) % 3,
				     .node = next_random(&seed) % NODES,
				     .pool = next_random(&seed) % POOLS,
				     .generation = next_random(&seed) % 3,
				     .products = {next_random(&seed) % PRODUCTS, next_random(&seed) % PRODUCTS}};
		if (next_random(&seed) % 4) {
			assert_true(set(&table, at, &fresh) >= 0);
			assert_int_equal(set(&table, at, &fresh), 0);
			all[at] = fresh;
			all[at].known = fresh.driver < 2;
		} else {
			assert_int_equal(slice_table_remove(&table, name_of('s', at, name)), all[at].known);
			all[at].known = false;
		}
		if (step % 500 == 499) {
			bool some = false;
			slice_table_list_begin(&table);
			for (unsigned i = 0; i < SLICES; i++) {
				bool listed = all[i].known && next_random(&seed) % 2;
				if (listed)
					assert_int_equal(set(&table, i, &all[i]), 0);
				some |= all[i].known && !listed;
				all[i].known = listed;
			}
			assert_int_equal(slice_table_list_end(&table), some);
		}
		assert_same(&table, all);
	}
	slice_table_release(&table);
}

/* What differs anywhere is a change, except for devices that no label tells apart. */
static void test_what_is_a_change(void **state)
{
	struct slice_table table = {.list = 0};
	struct kept first = {.node = 1, .generation = 1, .products = {1, 0}};
	struct kept changes[5] = {first, first, first, first, first};
	(void)state;
	changes[0].node = 2;
	changes[1].pool = 1;
	changes[2].generation = 2;
	changes[3].products[0] = 2;
	changes[4].products[1] = 2;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(set(&table, 1, &first), 1);
		assert_int_equal(set(&table, 1, &first), 0);
		assert_int_equal(set(&table, 1, &changes[i]), 1);
	}
	first.products[1] = 1;
	assert_int_equal(set(&table, 1, &first), 1);
	first.products[1] = 0;
	assert_int_equal(set(&table, 1, &first), 0);
	first.driver = 2; /* Of a driver without a label. */
	assert_int_equal(set(&table, 1, &first), 1);
	assert_int_equal(table.map.count, 0);
	slice_table_release(&table);
}

/* A product of which no label can be made is none of those that have one. */
static void test_a_product_without_a_label(void **state)
{
	struct slice_table table = {.list = 0};
	struct named_pairs *nodes;
	uint32_t count;
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct slice_device devices[] = {{.product = i ? STR("%%") : STR("A 1")},
						       {.product = i ? STR("A 1") : STR("%%")}};
		const struct resource_slice slice = {.name = STR("s"),
						     .driver = STR("gpu.nvidia.com"),
						     .node = STR("n1"),
						     .pool = STR("p"),
						     .devices = devices,
						     .device_count = 2};
		assert_int_equal(slice_table_set(&table, &slice), i == 0);
		assert_int_equal(slice_table_nodes(&table, &nodes, &count), 0);
		assert_int_equal(count, 0);
		free(nodes);
	}
	slice_table_release(&table);
}

static void test_bounds(void **state)
{
	struct slice_table table = {.list = 0};
	struct kept kept = {.node = 1, .products = {1, 1}};
	struct named_pairs *nodes;
	uint32_t count;
	char name[300];
	(void)state;
	assert_int_equal(slice_table_nodes(&table, &nodes, &count), 0);
	assert_int_equal(count, 0);
	free(nodes);
	memset(name, 'a', sizeof name);
	struct resource_slice slice = {.name = {name, 254}, .driver = STR("gpu.nvidia.com"), .node = STR("n1")};
	assert_int_equal(slice_table_set(&table, &slice), 0);
	assert_int_equal(table.map.count, 0);
	for (unsigned i = 0; i < RESOURCE_SLICES_MAX; i++)
		assert_int_equal(set(&table, i, &kept), 1);
	assert_int_equal(set(&table, RESOURCE_SLICES_MAX, &kept), -1);
	/* Those that are known can change. */
	kept.node = 2;
	assert_int_equal(set(&table, 7, &kept), 1);
	assert_int_equal(slice_table_nodes(&table, &nodes, &count), 0);
	assert_int_equal(count, 2);
	free(nodes);
	slice_table_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_at_random),
	    cmocka_unit_test(test_what_is_a_change),
	    cmocka_unit_test(test_a_product_without_a_label),
	    cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
