/* The text of what is pending: what is written is read again, and whatever else comes is refused or has a meaning. */
#include "policy_fixture.h"

#include "webhook/ledger_text.h"

#define PODS 40
#define LISTS 5

/* Pods that are compared: those written with those read. */
struct pods {
	struct holding items[PODS];
	uint32_t count;
	bool endless; /* only counts */
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct str random_name(struct arena *arena, uint32_t *seed, size_t most)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-./=,:_P1";
	size_t len = 1 + next_random(seed) % most;
	char *name = arena_alloc(arena, len);
	for (size_t i = 0; i < len; i++)
		name[i] = letters[next_random(seed) % (sizeof letters - 1)];
	return (struct str){name, len};
}

static struct holding random_holding(struct arena *arena, uint32_t *seed, const struct str *resources,
				     const struct str *models)
{
	struct demand *demands = arena_zalloc(arena, LISTS, sizeof *demands);
	struct str *landing = arena_zalloc(arena, LISTS, sizeof *landing);
	struct holding holding = {.uid = random_name(arena, seed, 64),
				  .namespace = random_name(arena, seed, 253),
				  .name = random_name(arena, seed, next_random(seed) % 4 ? 40 : 253),
				  .demands = demands,
				  .demand_count = 1 + next_random(seed) % LISTS,
				  .models = landing,
				  .model_count = next_random(seed) % (LISTS + 1)};
	for (uint32_t i = 0; i < holding.demand_count; i++)
		demands[i] = (struct demand){resources[next_random(seed) % LISTS],
					     next_random(seed) % 4   ? 1 + next_random(seed) % 8
					     : next_random(seed) % 2 ? DEMAND_MAX
								     : COMPANION_MAX};
	for (uint32_t i = 0; i < holding.model_count; i++)
		landing[i] = models[next_random(seed) % LISTS];
	return holding;
}

static void write_pods(const struct pods *pods, struct buf *out)
{
	struct ledger_text text;
	ledger_text_begin(&text, out);
	for (uint32_t i = 0; i < pods->count; i++)
		ledger_text_add(&text, &pods->items[i]);
	ledger_text_end(&text);
}

static int take_pod(void *context, const struct holding *holding)
{
	struct pods *pods = context;
	assert_true(ledger_text_fits(holding));
	if (!pods->endless && pods->count < PODS)
		pods->items[pods->count] = *holding;
	pods->count++;
	return 0;
}

static bool same(const struct holding *a, const struct holding *b)
{
	bool equal = str_eq(a->uid, b->uid) && str_eq(a->namespace, b->namespace) && str_eq(a->name, b->name) &&
		     a->demand_count == b->demand_count && a->model_count == b->model_count;
	for (uint32_t i = 0; equal && i < a->demand_count; i++)
		equal = str_eq(a->demands[i].resource, b->demands[i].resource) &&
			a->demands[i].count == b->demands[i].count;
	for (uint32_t i = 0; equal && i < a->model_count; i++)
		equal = str_eq(a->models[i], b->models[i]);
	return equal;
}

static void test_round_trip(void **state)
{
	(void)state;
	for (uint32_t round = 1; round <= 300; round++) {
		uint32_t seed = round;
		struct arena arena, again;
		struct str resources[LISTS], models[LISTS];
		struct pods pods = {.count = next_random(&seed) % PODS}, read = {0};
		struct error err = {0};
		struct buf out;
		size_t most = LEDGER_TEXT_HEAD;
		arena_init(&arena, 65536, 16 << 20);
		arena_init(&again, 65536, 16 << 20);
		for (int i = 0; i < LISTS; i++) {
			resources[i] = random_name(&arena, &seed, 253);
			models[i] = random_name(&arena, &seed, 63);
		}
		buf_init(&out, LEDGER_TEXT_MAX);
		for (uint32_t i = 0; i < pods.count; i++) {
			pods.items[i] = random_holding(&arena, &seed, resources, models);
			assert_true(ledger_text_fits(&pods.items[i]));
			most += ledger_text_bytes(&pods.items[i]);
		}
		write_pods(&pods, &out);
		assert_false(out.failed);
		assert_true(out.len <= most);
		assert_int_equal(ledger_text_read(buf_view(&out), &again, take_pod, &read, &err), 0);
		assert_int_equal(read.count, pods.count);
		for (uint32_t i = 0; i < pods.count; i++)
			assert_true(same(&read.items[i], &pods.items[i]));
		buf_release(&out);
		arena_release(&arena);
		arena_release(&again);
	}
}

/* Reads from memory that ends where the text ends, so that a sanitizer sees every byte too many. */
static int read_exactly(const char *text, size_t len, struct pods *pods, struct error *err)
{
	struct arena arena;
	char *copy = malloc(len ? len : 1);
	memcpy(copy, text, len);
	arena_init(&arena, 4096, 16 << 20);
	*pods = (struct pods){0};
	*err = (struct error){0};
	int result = ledger_text_read((struct str){copy, len}, &arena, take_pod, pods, err);
	assert_int_equal(result < 0, err->text[0] != '\0');
	arena_release(&arena);
	free(copy);
	return result;
}

static const char sample[] = "1;R nvidia.com/gpu;M a100;M t4;P 0b5e a p 0=1 0,1;R amd.com/gpu;P 77 b-1 q.x 1=2,0=10 -;";

static void test_every_prefix(void **state)
{
	(void)state;
	struct pods pods;
	struct error err;
	for (size_t len = 0; len < sizeof sample; len++) {
		int result = read_exactly(sample, len, &pods, &err);
		/* Only what ends with a record is one. */
		assert_int_equal(result, len == 0 || sample[len - 1] == ';' ? 0 : -1);
	}
	assert_int_equal(pods.count, 2);
}

static void test_every_byte_changed(void **state)
{
	(void)state;
	char text[sizeof sample];
	struct pods pods;
	struct error err;
	int good = 0;
	for (size_t at = 0; at < sizeof sample - 1; at++)
		for (int byte = 0; byte < 256; byte++) {
			memcpy(text, sample, sizeof text);
			text[at] = (char)byte;
			good += read_exactly(text, sizeof text - 1, &pods, &err) == 0;
			memmove(text + at, sample + at + 1, sizeof text - at - 1); /* and left out */
			read_exactly(text, sizeof text - 2, &pods, &err);
		}
	assert_true(good > 100 && good < 256 * (int)sizeof sample / 2);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
	    "2;",
	    "1",
	    ";",
	    "1;;",
	    "1;X y;",
	    "1;R ;",
	    "1;R a b;",
	    "1;R a;P u n p 1=1 -;",
	    "1;P u n p 0=1 -;",
	    "1;R a;P u n p 0=0 -;",
	    "1;R a;P u n p 0=-1 -;",
	    "1;R a;P u n p 0=9007199254740993 -;",
	    "1;R a;P u n p 0=99999999999999999999 -;",
	    "1;R a;P u n p =1 -;",
	    "1;R a;P u n p 0= -;",
	    "1;R a;P u n p 0 -;",
	    "1;R a;P u n p  -;",
	    "1;R a;P u n p - -;",
	    "1;R a;P u n p 0=1, -;",
	    "1;R a;P u n p 0=1;",
	    "1;R a;P u n p 0=1 ;",
	    "1;R a;P u n p 0=1 0;",
	    "1;R a;M m;P u n p 0=1 0,;",
	    "1;R a;M m;P u n p 0=1 1;",
	    "1;R a;P u n p 0=1 - ;",
	    "1;R a;P  n p 0=1 -;",
	    "1;R a;P u  p 0=1 -;",
	    "1;R a;P u n  0=1 -;",
	    "1;R a;P u n p 0=1 -",
	    "1;R a;P u n \"p 0=1 -;",
	    "1;R a;P u n p\\ 0=1 -;",
	    "1;R a;P u n p\x7f 0=1 -;",
	    "1;R a;P u n p\n 0=1 -;",
	};
	struct pods pods;
	struct error err;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (read_exactly(texts[i], strlen(texts[i]), &pods, &err) == 0)
			fail_msg("taken: %s", texts[i]);
	assert_int_equal(read_exactly("1;R a;M m;P u n p 0=1 -;", 24, &pods, &err), 0);
	assert_int_equal(pods.count, 1);
}

/* More than a text may hold is refused; so are more names than there is memory for. */
static void test_too_much(void **state)
{
	(void)state;
	struct buf text;
	struct pods pods;
	struct error err;
	buf_init(&text, 16 << 20);
	buf_text(&text, "1;");
	while (text.len < LEDGER_TEXT_MAX)
		buf_text(&text, "R r;M m;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), 0);
	while (text.len < 8 << 20)
		buf_text(&text, "R r;M m;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), -1);
	buf_reset(&text);
	buf_text(&text, "1;R a;P u n p ");
	for (int i = 0; i < 257; i++)
		buf_text(&text, i ? ",0=1" : "0=1");
	buf_text(&text, " -;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), -1);
	buf_release(&text);

	struct demand demand = {STR("r"), 1}, many[257];
	char name[300];
	memset(name, 'n', sizeof name);
	for (int i = 0; i < 257; i++)
		many[i] = demand;
	struct holding holding = {
	    .uid = STR("u"), .namespace = STR("n"), .name = {name, 253}, .demands = &demand, .demand_count = 1};
	assert_true(ledger_text_fits(&holding));
	holding.name.len = 254;
	assert_false(ledger_text_fits(&holding));
	holding.name = STR("a b");
	assert_false(ledger_text_fits(&holding));
	holding.name = STR("p");
	demand.count = 0;
	assert_false(ledger_text_fits(&holding));
	demand.count = 1;
	holding.demand_count = 0;
	assert_false(ledger_text_fits(&holding));
	holding.demands = many;
	holding.demand_count = 257;
	assert_false(ledger_text_fits(&holding));
}

/* 512 Pods with names as long as they may be, and what one takes that is as usual. */
static void test_sizes(void **state)
{
	(void)state;
	static const struct str models[] = {{"a100-80gb", 9}, {"h100-80gb", 9}};
	struct ledger_text text;
	struct buf out;
	char name[253], uid[37];
	struct demand demand = {STR("nvidia.com/mig-1g.10gb"), 1};
	memset(name, 'n', sizeof name);
	for (int usual = 0; usual < 2; usual++) {
		buf_init(&out, LEDGER_TEXT_MAX);
		ledger_text_begin(&text, &out);
		for (int i = 0; i < 512; i++) {
			snprintf(uid, sizeof uid, "%036d", i);
			struct holding holding = {.uid = str_of(uid),
						  .namespace = {name, usual ? 12 : 63},
						  .name = {name, usual ? 36 : 253},
						  .demands = &demand,
						  .demand_count = 1,
						  .models = models,
						  .model_count = 2};
			ledger_text_add(&text, &holding);
		}
		ledger_text_end(&text);
		assert_false(out.failed);
		print_message("512 %s Pods: %zu bytes, %zu each\n", usual ? "usual" : "longest", out.len,
			      out.len / 512);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_every_prefix),
	    cmocka_unit_test(test_every_byte_changed), cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_too_much),           cmocka_unit_test(test_sizes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
