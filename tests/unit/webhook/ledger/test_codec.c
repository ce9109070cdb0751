/*
 * test_codec: tests the text of pending entries. What is written can be read again, and any other
 * input is either refused or has a meaning.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/ledger/codec.h"
#include "webhook/ledger/ledger.h"

#define PODS 40
#define LISTS 5

/* Pods to compare: those that were written and those that were read. */
struct pods {
	struct consumer items[PODS];
	uint32_t count;
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

/*
 * Returns a uid that is mostly as Kubernetes makes them, and sometimes nearly so or quite
 * different.
 */
static struct str random_uid(struct arena *arena, uint32_t *seed)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", digits[] = "0123456789abcdef";
	char *uid = arena_alloc(arena, sizeof form);
	if (next_random(seed) % 4 == 0)
		return random_name(arena, seed, 64);
	for (size_t i = 0; i < sizeof form; i++)
		uid[i] = form[i] == 'x' ? digits[next_random(seed) % 16] : form[i];
	if (next_random(seed) % 4 == 0)
		uid[next_random(seed) % (sizeof form - 1)] = "-Afg:="[next_random(seed) % 6];
	return (struct str){uid, sizeof form - 1};
}

/* Makes a Pod a reservation of this group. */
static void make_reservation(struct consumer *consumer, struct str group, uint32_t *seed)
{
	*consumer = (struct consumer){.namespace = consumer->namespace,
				      .group = group,
				      .requests = consumer->requests,
				      .request_count = consumer->request_count,
				      .models = consumer->models,
				      .model_count = consumer->model_count,
				      .reserved_seconds = next_random(seed) % 4 ? 300 : LEDGER_RESERVED_MAX,
				      .renewal = next_random(seed) % 4 ? next_random(seed) : UINT32_MAX};
}

/*
 * In a form with claims, every second consumer is one. In one with groups, half of the Pods are in
 * one, and some of these are reservations.
 */
static struct consumer random_consumer(struct arena *arena, uint32_t *seed, unsigned form, const struct str *resources,
				       const struct str *models)
{
	struct resource_request *requests = arena_zalloc(arena, LISTS, sizeof *requests);
	struct str *landing = arena_zalloc(arena, LISTS, sizeof *landing);
	bool claim = form >= 3 && next_random(seed) % 2;
	struct consumer consumer = {.kind = claim ? CONSUMER_CLAIM : CONSUMER_POD,
				    .uid = random_uid(arena, seed),
				    .namespace = random_name(arena, seed, next_random(seed) % 2 ? 2 : 253),
				    .name = random_name(arena, seed, next_random(seed) % 4 ? 40 : 253),
				    .requests = requests,
				    .request_count = 1 + next_random(seed) % LISTS,
				    .models = landing,
				    .model_count = next_random(seed) % (LISTS + 1)};
	for (uint32_t i = 0; i < consumer.request_count; i++)
		requests[i] = (struct resource_request){resources[next_random(seed) % LISTS],
							next_random(seed) % 4   ? 1 + next_random(seed) % 8
							: next_random(seed) % 2 ? RESOURCE_REQUEST_MAX
										: COMPANION_MAX,
							claim && i && next_random(seed) % 2};
	for (uint32_t i = 0; i < consumer.model_count; i++)
		landing[i] = models[next_random(seed) % LISTS];
	if (form < 4 || claim || next_random(seed) % 2)
		return consumer;
	consumer.group = random_name(arena, seed, next_random(seed) % 4 ? 2 : 512);
	if (next_random(seed) % 2)
		make_reservation(&consumer, consumer.group, seed);
	return consumer;
}

static void write_pods(const struct pods *pods, struct buf *out, unsigned form)
{
	struct ledger_text text;
	ledger_text_begin(&text, out, form);
	for (uint32_t i = 0; i < pods->count; i++)
		ledger_text_add(&text, &pods->items[i]);
	ledger_text_end(&text);
}

static int take_pod(void *context, const struct consumer *consumer)
{
	struct pods *pods = context;
	assert_true(ledger_text_fits(consumer));
	if (pods->count < PODS)
		pods->items[pods->count] = *consumer;
	pods->count++;
	return 0;
}

/* Nobody gives the uid of a reservation: reading makes it. */
static bool same_identity(const struct consumer *a, const struct consumer *b)
{
	return a->kind == b->kind && a->reserved_seconds == b->reserved_seconds && a->renewal == b->renewal &&
	       str_eq(a->namespace, b->namespace) && str_eq(a->group, b->group) &&
	       (a->reserved_seconds ? memchr(b->uid.ptr, ' ', b->uid.len) != NULL : str_eq(a->uid, b->uid));
}

/* `b` was read. Form 2 contains no names of Pods, and form 1 no unknown names. */
static bool same(const struct consumer *a, const struct consumer *b, unsigned form)
{
	bool equal = same_identity(a, b) &&
		     str_eq(form == 1 && !str_eq(a->name, STR("-")) ? a->name : STR(""), b->name) &&
		     a->request_count == b->request_count && a->model_count == b->model_count;
	for (uint32_t i = 0; equal && i < a->request_count; i++)
		equal = str_eq(a->requests[i].resource, b->requests[i].resource) &&
			a->requests[i].count == b->requests[i].count &&
			a->requests[i].alternative == b->requests[i].alternative;
	for (uint32_t i = 0; equal && i < a->model_count; i++)
		equal = str_eq(a->models[i], b->models[i]);
	return equal;
}

static void check_round_trip(uint32_t seed, unsigned form)
{
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
		pods.items[i] = random_consumer(&arena, &seed, form, resources, models);
		if (next_random(&seed) % 4 == 0)
			pods.items[i].name = STR("");
		assert_true(ledger_text_fits(&pods.items[i]));
		assert_true(ledger_text_first_form(&pods.items[i]) <= form);
		most += ledger_text_bytes(&pods.items[i]) + (form == 1 ? LEDGER_TEXT_FORM_1_BYTES : 0);
	}
	write_pods(&pods, &out, form);
	assert_false(out.failed);
	assert_true(out.len <= most);
	assert_int_equal(ledger_text_form(buf_view(&out)), pods.count ? form : 0);
	assert_int_equal(ledger_text_read(buf_view(&out), &again, take_pod, &read, &err), LEDGER_TEXT_READ);
	assert_int_equal(read.count, pods.count);
	for (uint32_t i = 0; i < pods.count; i++)
		assert_true(same(&pods.items[i], &read.items[i], form));
	buf_release(&out);
	arena_release(&arena);
	arena_release(&again);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++)
		for (unsigned form = 1; form <= LEDGER_FORM; form++)
			check_round_trip(seed, form);
}

/* Reads from memory that ends with the text, so that a sanitizer detects reads beyond it. */
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

static const char *const samples[] = {
    "1;R nvidia.com/gpu;M a100;M t4;P 0b5e a p 0=1 0,1;R amd.com/gpu;P 77 b-1 q.x 1=2,0=10 -;",
    "2;N a;R nvidia.com/gpu;M a100;M t4;P FdehqSQmQlSX5Q2jl5wT0w 0 0=1 0,1;N b-1;R amd.com/gpu;P =77 1 1=2,0=10 -;",
    "3;N a;R c/gpu;R c/mig;M t4;C FdehqSQmQlSX5Q2jl5wT0w 0 0=1|1=2,1=3 0;P =77 0 0=2,1=10 -;",
    "4;N a;G JobSet.x/j;R c/gpu;M t4;M l4;P FdehqSQmQlSX5Q2jl5wT0w 0 0=1 0,1 0;H 0 0 0=3 0,1 300 4294967295;",
};
#define SAMPLES (sizeof samples / sizeof *samples)
#define SAMPLE_MAX 200

static void test_every_prefix(void **state)
{
	(void)state;
	struct pods pods;
	struct error err;
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t whole = strlen(samples[i]);
		for (size_t len = 0; len <= whole; len++) {
			int result = read_exactly(samples[i], len, &pods, &err);
			/* Only a prefix that ends with a record is valid. */
			assert_int_equal(result, len == 0 || samples[i][len - 1] == ';' ? LEDGER_TEXT_READ
											: LEDGER_TEXT_CORRUPT);
		}
		assert_int_equal(pods.count, 2);
	}
}

static void test_every_byte_changed(void **state)
{
	(void)state;
	char text[SAMPLE_MAX];
	struct pods pods;
	struct error err;
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t len = strlen(samples[i]);
		int good = 0;
		for (size_t at = 0; at < len; at++)
			for (int byte = 0; byte < 256; byte++) {
				memcpy(text, samples[i], len);
				text[at] = (char)byte;
				good += read_exactly(text, len, &pods, &err) == 0;
				/* Also omits the byte. */
				memmove(text + at, samples[i] + at + 1, len - at - 1);
				read_exactly(text, len - 1, &pods, &err);
			}
		assert_true(good > 100 && good < 256 * (int)len / 2);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
	    "1",
	    "2",
	    "3",
	    "4",
	    "5",
	    "0;",
	    "01;",
	    "02;R a;",
	    "-3;",
	    "3x;",
	    "99999999999999999999;",
	    "three;",
	    "1;N n;",
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
	    "2;R a;P =u 0 0=1 -;",
	    "2;N n;R a;P =u 1 0=1 -;",
	    "2;N n;R a;P =u n 0=1 -;",
	    "2;N n;R a;P =u  0=1 -;",
	    "2;N n;R a;P =u 0 p 0=1 -;",
	    "2;N n;R a;P = 0 0=1 -;",
	    "2;N n;R a;P u 0 0=1 -;",
	    "2;N n;R a;P =u 0 0=1;",
	    "2;N n m;R a;P =u 0 0=1 -;",
	    "2;N n;R a;P FdehqSQmQlSX5Q2jl5wT0 0 0=1 -;",
	    /* A bit beyond the 16 bytes. */
	    "2;N n;R a;P FdehqSQmQlSX5Q2jl5wT0x 0 0=1 -;",
	    "2;N n;R a;P FdehqSQmQlSX5Q2jl5wT0w== 0 0=1 -;",
	    "2;N n;R a;P FdehqSQmQlSX5Q2jl5wT0! 0 0=1 -;",
	    "2;N n;R a;P \tdehqSQmQlSX5Q2jl5wT0w 0 0=1 -;",
	    "2;N n;R a;P dehqSQmQlSX5Q2jl5wT0w\n 0 0=1 -;",
	    "2;N n;R a;P 15d7a1a9-2426-4254-97e5-0da3979c13d3 0 0=1 -;",
	    /* Claims, and alternatives, which only claims have. */
	    "1;R a;C u n p 0=1 -;",
	    "2;N n;R a;C =u 0 0=1 -;",
	    "2;N n;R a;P =u 0 0=1|0=2 -;",
	    "3;N n;R a;P =u 0 0=1|0=2 -;",
	    "3;N n;R a;C =u 0 |0=1 -;",
	    "3;N n;R a;C =u 0 0=1| -;",
	    "3;N n;R a;C =u 0 0=1||0=1 -;",
	    "3;N n;R a;C =u 0 0=1,|0=1 -;",
	    "3;N n;R a;C =u 0 0=1|,0=1 -;",
	    "3;N n;R a;C =u 0 0|=1 -;",
	    "3;N n;R a;C =u 0 | -;",
	    "3;N n;R a;C =u 0 - -;",
	    "3;N n;R a;M m;M k;C =u 0 0=1 0|1;",
	    "3;N n;R a;C =u n p 0=1 -;",
	    "3;N n;R a;C;",
	    "3;N n;R a;C ;",
	    "3;N n;R a;D =u 0 0=1 -;",
	    /* Groups and reservations. */
	    "3;G g;",
	    "3;N n;R a;P =u 0 0=1 - 0;",
	    "3;N n;R a;H 0 0 0=1 - 300 1;",
	    "4;G ;",
	    "4;G a b;",
	    "4;N n;R a;P =u 0 0=1 - 0;",
	    "4;N n;G g;R a;P =u 0 0=1 - 1;",
	    "4;N n;G g;R a;P =u 0 0=1 - g;",
	    "4;N n;G g;R a;P =u 0 0=1 - ;",
	    "4;N n;G g;R a;P =u 0 0=1 - 0 ;",
	    "4;N n;G g;R a;P =u 0 0=1 - 0 0;",
	    "4;N n;G g;R a;P =u 0 0=1 0;",
	    "4;N n;G g;R a;C =u 0 0=1 - 0;",
	    "4;N n;G g;R a;H 0 0 0=1 - 300;",
	    "4;N n;G g;R a;H 0 0 0=1 - 300 ;",
	    "4;N n;G g;R a;H 0 0 0=1 - 300 1 ;",
	    "4;N n;G g;R a;H 0 0 0=1 - 300 1 1;",
	    "4;N n;G g;R a;H 0 0 0=1 - 300 -1;",
	    "4;N n;G g;R a;H 0 0 0=1 - 300 4294967296;",
	    "4;N n;G g;R a;H 0 0 0=1 - 0 1;",
	    "4;N n;G g;R a;H 0 0 0=1 - 86401 1;",
	    "4;N n;G g;R a;H 0 0 0=1 -;",
	    "4;N n;G g;R a;H 0 0 0=1;",
	    "4;N n;G g;R a;H 0 0 - - 300 1;",
	    "4;N n;G g;R a;H 0 0 0=0 - 300 1;",
	    "4;N n;G g;R a;H 0 0 0=1|0=1 - 300 1;",
	    "4;N n;G g;R a;H 0 0 0=1 0 300 1;",
	    "4;N n;G g;R a;H 1 0 0=1 - 300 1;",
	    "4;N n;G g;R a;H 0 1 0=1 - 300 1;",
	    "4;N n;G g;R a;H n g 0=1 - 300 1;",
	    "4;N n;G g;R a;H 0 0=1 - 300 1;",
	    "4;N n;G g;R a;H =u 0 0=1 - 300 1;",
	};
	struct pods pods;
	struct error err;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (read_exactly(texts[i], strlen(texts[i]), &pods, &err) != LEDGER_TEXT_CORRUPT)
			fail_msg("not corrupt: %s", texts[i]);
	assert_int_equal(read_exactly("1;R a;M m;P u n p 0=1 -;", 24, &pods, &err), 0);
	assert_int_equal(pods.count, 1);
}

/* A text in an unknown form is not corrupt, whatever follows the form. */
static void test_unknown_forms(void **state)
{
	static const char *const texts[] = {"6;", "6;P x", "6;\x01 anything", "12;R a;", "9999;AAAA"};
	(void)state;
	struct pods pods;
	struct error err;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(read_exactly(texts[i], strlen(texts[i]), &pods, &err), LEDGER_TEXT_UNKNOWN);
	assert_non_null(strstr(err.text, "form 9999"));
	assert_non_null(strstr(err.text, "Update gpugate"));
	struct buf text;
	buf_init(&text, 4 << 20);
	buf_text(&text, "6;");
	while (text.len <= 2 * LEDGER_TEXT_MAX)
		buf_text(&text, "longer than this version would write it;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), LEDGER_TEXT_UNKNOWN);
	buf_release(&text);
}

static int no_memory_for(void *context, const struct consumer *consumer)
{
	(void)consumer;
	return --*(int *)context < 0 ? -1 : 0;
}

/* If memory is exhausted, nothing is concluded about the text. It is read again. */
static void test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		bool read = false;
		/* More and more memory, until it suffices. */
		for (size_t bytes = 64; bytes < 4096; bytes += 8) {
			struct arena arena;
			struct error err = {0};
			int left = 2;
			arena_init(&arena, 16, bytes);
			int result = ledger_text_read(str_of(samples[i]), &arena, no_memory_for, &left, &err);
			assert_int_equal(result, read || result == 0 ? LEDGER_TEXT_READ : LEDGER_TEXT_NO_MEMORY);
			read = result == LEDGER_TEXT_READ;
			arena_release(&arena);
		}
		assert_true(read);
		for (int most = 0; most < 2; most++) {
			struct arena arena;
			struct error err = {0};
			int left = most;
			arena_init(&arena, 4096, 65536);
			assert_int_equal(ledger_text_read(str_of(samples[i]), &arena, no_memory_for, &left, &err),
					 LEDGER_TEXT_NO_MEMORY);
			assert_non_null(strstr(err.text, "no memory"));
			arena_release(&arena);
		}
	}
}

/* More than a text may contain is refused. */
static void test_too_much(void **state)
{
	(void)state;
	struct buf text;
	struct pods pods;
	struct error err;
	buf_init(&text, 16 << 20);
	buf_text(&text, "1;");
	while (text.len + 8 <= LEDGER_TEXT_MAX)
		buf_text(&text, "R r;M m;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), LEDGER_TEXT_READ);
	buf_text(&text, "R r;M m;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), LEDGER_TEXT_CORRUPT);
	buf_reset(&text);
	buf_text(&text, "1;R a;P u n p ");
	for (int i = 0; i < 257; i++)
		buf_text(&text, i ? ",0=1" : "0=1");
	buf_text(&text, " -;");
	assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), -1);
	for (int most = 256; most <= 257; most++) {
		buf_reset(&text);
		buf_text(&text, "3;N n;R a;C =u 0 ");
		for (int i = 0; i < most; i++)
			buf_text(&text, i == 0 ? "0=1" : i % 2 ? "|0=1" : ",0=1");
		buf_text(&text, " -;");
		assert_int_equal(read_exactly(text.ptr, text.len, &pods, &err), most == 256 ? 0 : -1);
	}
	buf_release(&text);

	struct resource_request resource_request = {.resource = STR("r"), .count = 1}, many[257];
	char name[300];
	memset(name, 'n', sizeof name);
	for (int i = 0; i < 257; i++)
		many[i] = resource_request;
	struct consumer consumer = {.uid = STR("u"),
				    .namespace = STR("n"),
				    .name = {name, 253},
				    .requests = &resource_request,
				    .request_count = 1};
	assert_true(ledger_text_fits(&consumer));
	consumer.name.len = 254;
	assert_false(ledger_text_fits(&consumer));
	consumer.name = STR("a b");
	assert_false(ledger_text_fits(&consumer));
	/* An unknown name. */
	consumer.name = STR("");
	assert_true(ledger_text_fits(&consumer));
	consumer.namespace = STR("");
	assert_false(ledger_text_fits(&consumer));
	consumer.namespace = STR("n");
	resource_request.count = 0;
	assert_false(ledger_text_fits(&consumer));
	resource_request.count = 1;
	consumer.request_count = 0;
	assert_false(ledger_text_fits(&consumer));
	consumer.requests = many;
	consumer.request_count = 257;
	assert_false(ledger_text_fits(&consumer));
}

/* A claim is written in no form that has none, and a Pod has no alternatives. */
static void test_claims_need_their_form(void **state)
{
	(void)state;
	struct resource_request requests[2] = {{.resource = STR("a"), .count = 1},
					       {.resource = STR("b"), .count = 2, .alternative = true}};
	struct consumer consumer = {
	    .kind = CONSUMER_CLAIM, .uid = STR("u"), .namespace = STR("n"), .requests = requests, .request_count = 2};
	assert_true(ledger_text_fits(&consumer));
	assert_int_equal(ledger_text_first_form(&consumer), 3);
	for (unsigned form = 1; form <= LEDGER_FORM; form++) {
		const struct pods pods = {.items[0] = consumer, .count = 1};
		struct buf out;
		buf_init(&out, 4096);
		write_pods(&pods, &out, form);
		assert_int_equal(out.failed, form < 3);
		if (form == 3)
			assert_true(str_eq(buf_view(&out), STR("3;N n;R a;R b;C =u 0 0=1|1=2 -;")));
		buf_release(&out);
	}
	requests[0].alternative = true;
	assert_false(ledger_text_fits(&consumer));
	requests[0].alternative = false;
	consumer.kind = CONSUMER_POD;
	assert_int_equal(ledger_text_first_form(&consumer), 1);
	assert_false(ledger_text_fits(&consumer));
	requests[1].alternative = false;
	assert_true(ledger_text_fits(&consumer));
}

/* An older form has the class of a part, which an older version counts. */
static void test_parts_need_their_form(void **state)
{
	(void)state;
#define CLASS "deviceclass.resource.kubernetes.io/"
	struct resource_request requests[] = {
	    {.resource = STR(CLASS "c[profile=1g.10gb]"), .count = 1},
	    {.resource = STR(CLASS "c[memory=10Gi]"), .count = 2, .alternative = true},
	    {.resource = STR(CLASS "d[x"), .count = 3},
	    {.resource = STR("a[memory=1]"), .count = 4}};
	struct consumer consumer = {
	    .kind = CONSUMER_CLAIM, .uid = STR("u"), .namespace = STR("n"), .requests = requests, .request_count = 4};
	assert_true(ledger_text_fits(&consumer));
	assert_int_equal(ledger_text_first_form(&consumer), 3);
	for (unsigned form = 3; form <= LEDGER_FORM; form++) {
		const struct pods pods = {.items[0] = consumer, .count = 1};
		char expected[256];
		struct buf out;
		buf_init(&out, 4096);
		write_pods(&pods, &out, form);
		snprintf(expected, sizeof expected, "%u;N n;%sR " CLASS "d[x;R a[memory=1];C =u 0 %s -;", form,
			 form < 5 ? "R " CLASS "c;" : "R " CLASS "c[profile=1g.10gb];R " CLASS "c[memory=10Gi];",
			 form < 5 ? "0=1|0=2,1=3,2=4" : "0=1|1=2,2=3,3=4");
		assert_true(str_eq(buf_view(&out), str_of(expected)));
		assert_true(out.len <= LEDGER_TEXT_HEAD + ledger_text_bytes(&consumer));
		struct pods read = {0};
		struct error err;
		assert_int_equal(read_exactly(expected, strlen(expected), &read, &err), LEDGER_TEXT_READ);
		buf_release(&out);
	}
#undef CLASS
}

/* A claim of a class with a long name waits for the newest form. A Pod has no such name. */
static void test_long_names_need_their_form(void **state)
{
	(void)state;
#define PREFIX "deviceclass.resource.kubernetes.io/"
	char name[RESOURCE_NAME_MAX + 1];
	memset(name, 'c', sizeof name);
	memcpy(name, PREFIX, sizeof PREFIX - 1);
	struct resource_request request = {.resource = {name, 254}, .count = 1};
	struct consumer consumer = {
	    .kind = CONSUMER_CLAIM, .uid = STR("u"), .namespace = STR("n"), .requests = &request, .request_count = 1};
	for (unsigned form = 3; form <= LEDGER_FORM; form++) {
		struct pods pods = {.items[0] = consumer, .count = 1}, read = {0};
		struct error err;
		struct buf out;
		buf_init(&out, 4096);
		write_pods(&pods, &out, form);
		assert_int_equal(out.failed, form < 5);
		if (form == 5)
			assert_int_equal(read_exactly(out.ptr, out.len, &read, &err), LEDGER_TEXT_READ);
		buf_release(&out);
	}
	assert_true(ledger_text_fits(&consumer));
	assert_int_equal(ledger_text_first_form(&consumer), 5);
	request.resource.len = RESOURCE_NAME_MAX;
	assert_true(ledger_text_fits(&consumer));
	request.resource.len = RESOURCE_NAME_MAX + 1;
	assert_false(ledger_text_fits(&consumer));
	request.resource.len = 253;
	assert_int_equal(ledger_text_first_form(&consumer), 3);
	request.resource.len = 254;
	consumer.kind = CONSUMER_POD;
	assert_false(ledger_text_fits(&consumer));
	assert_int_equal(ledger_text_first_form(&consumer), 1);
#undef PREFIX
}

/* A Pod is written without its group in an older form, and a reservation is not written. */
static void test_groups_need_their_form(void **state)
{
	static const char *const texts[] = {[1] = "1;R a;P u n - 0=1 -;",
					    [2] = "2;N n;R a;P =u 0 0=1 -;",
					    [3] = "3;N n;R a;P =u 0 0=1 -;",
					    [4] = "4;N n;G g;R a;P =u 0 0=1 - 0;",
					    [5] = "5;N n;G g;R a;P =u 0 0=1 - 0;"};
	struct resource_request request = {.resource = STR("a"), .count = 1};
	struct consumer pod = {
	    .uid = STR("u"), .namespace = STR("n"), .group = STR("g"), .requests = &request, .request_count = 1};
	struct consumer reservation = pod;
	uint32_t seed = 1;
	(void)state;
	make_reservation(&reservation, STR("g"), &seed);
	reservation.reserved_seconds = 300;
	reservation.renewal = 7;
	assert_true(ledger_text_fits(&pod) && ledger_text_fits(&reservation));
	assert_int_equal(ledger_text_first_form(&pod), 1);
	assert_int_equal(ledger_text_first_form(&reservation), 4);
	for (unsigned form = 1; form <= LEDGER_FORM; form++) {
		const struct pods pods = {.items[0] = pod, .count = 1},
				  reserved = {.items[0] = reservation, .count = 1};
		struct buf out;
		buf_init(&out, 4096);
		write_pods(&pods, &out, form);
		assert_true(str_eq(buf_view(&out), str_of(texts[form])));
		buf_reset(&out);
		write_pods(&reserved, &out, form);
		assert_int_equal(out.failed, form < 4);
		if (form == 4)
			assert_true(str_eq(buf_view(&out), STR("4;N n;G g;R a;H 0 0 0=1 - 300 7;")));
		buf_release(&out);
	}
}

/* What cannot be a reservation or the group of a Pod. */
static void test_groups_that_do_not_fit(void **state)
{
	char name[513];
	struct resource_request request = {.resource = STR("a"), .count = 1};
	struct consumer consumer = {.namespace = STR("n"),
				    .group = {name, 512},
				    .requests = &request,
				    .request_count = 1,
				    .reserved_seconds = 1};
	(void)state;
	memset(name, 'g', sizeof name);
	assert_true(ledger_text_fits(&consumer));
	consumer.group.len = 513;
	assert_false(ledger_text_fits(&consumer));
	consumer.group.len = 0;
	assert_false(ledger_text_fits(&consumer));
	consumer.group = STR("a;b");
	assert_false(ledger_text_fits(&consumer));
	consumer.group = STR("g");
	consumer.reserved_seconds = LEDGER_RESERVED_MAX + 1;
	assert_false(ledger_text_fits(&consumer));
	consumer.reserved_seconds = 1;
	consumer.kind = CONSUMER_CLAIM;
	assert_false(ledger_text_fits(&consumer));
	consumer.kind = CONSUMER_POD;
	consumer.reserved_seconds = 0;
	consumer.uid = STR("u");
	assert_true(ledger_text_fits(&consumer));
	consumer.group = STR("a b");
	assert_false(ledger_text_fits(&consumer));
}

/*
 * Writes as many pending Pods as are allowed: usual ones, or with names as long as Kubernetes
 * allows. Returns the number of bytes.
 */
static size_t size_of(unsigned form, bool usual, int namespaces, size_t *most)
{
	static const struct str models[] = {{"a100-80gb", 9}, {"h100-80gb", 9}};
	struct ledger_text text;
	struct buf out;
	char name[253], uid[37], spaces[64][64];
	struct resource_request resource_request = {.resource = STR("nvidia.com/mig-1g.10gb"), .count = 1};
	memset(name, 'n', sizeof name);
	buf_init(&out, LEDGER_TEXT_MAX);
	ledger_text_begin(&text, &out, form);
	*most = LEDGER_TEXT_HEAD;
	for (int i = 0; i < namespaces; i++)
		snprintf(spaces[i], sizeof spaces[i], usual ? "team-%06d" : "%063d", i);
	for (int i = 0; i < LEDGER_PENDING_MAX; i++) {
		snprintf(uid, sizeof uid, "15d7a1a9-2426-4254-97e5-%012x", i);
		struct consumer consumer = {.uid = str_of(uid),
					    .namespace = str_of(spaces[i % namespaces]),
					    .name = {name, usual ? 36 : 253},
					    .requests = &resource_request,
					    .request_count = 1,
					    .models = models,
					    .model_count = 2};
		ledger_text_add(&text, &consumer);
		*most += ledger_text_bytes(&consumer);
	}
	ledger_text_end(&text);
	assert_false(usual && out.failed);
	size_t bytes = out.len;
	print_message("form %u, %d %s Pods of %d namespaces: %zu bytes, %zu each; at most %zu each\n", form,
		      LEDGER_PENDING_MAX, usual ? "usual" : "longest", namespaces, bytes, bytes / LEDGER_PENDING_MAX,
		      *most / LEDGER_PENDING_MAX);
	buf_release(&out);
	return bytes;
}

static void test_sizes(void **state)
{
	(void)state;
	size_t most;
	for (int usual = 0; usual < 2; usual++) {
		assert_true(size_of(2, usual, 1, &most) < 44 * LEDGER_PENDING_MAX);
		assert_true(size_of(2, usual, 64, &most) < 44 * LEDGER_PENDING_MAX);
		assert_true(size_of(3, usual, 64, &most) < 44 * LEDGER_PENDING_MAX);
		/* All of them are admitted. */
		assert_true(most <= LEDGER_TEXT_MAX);
	}
	/* What a rollback finds can be written in the older form. */
	size_of(1, true, 64, &most);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
					   cmocka_unit_test(test_every_prefix),
					   cmocka_unit_test(test_every_byte_changed),
					   cmocka_unit_test(test_refused),
					   cmocka_unit_test(test_too_much),
					   cmocka_unit_test(test_sizes),
					   cmocka_unit_test(test_unknown_forms),
					   cmocka_unit_test(test_no_memory),
					   cmocka_unit_test(test_claims_need_their_form),
					   cmocka_unit_test(test_parts_need_their_form),
					   cmocka_unit_test(test_long_names_need_their_form),
					   cmocka_unit_test(test_groups_need_their_form),
					   cmocka_unit_test(test_groups_that_do_not_fit)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
