/*
 * test_summary: tests what users see of quotas: names of objects, sums, namespaces, JSON in both
 * directions, and the table.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/quota/summary.h"
#include "webhook/quota/table.h"
#include "webhook/usage/held.h"

static const char policy_text[] = "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: x}\nspec: {resource: "
				  "nvidia.com/gpu, memory: 80Gi}\n---\n"
				  "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: lender}\nspec: "
				  "{namespaces: [l], cohort: c, borrowing: {q: "
				  "{lendUpTo: 2}}, quotas: [{name: q, measure: gpus, hard: 4}]}\n---\n"
				  "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: needy}\nspec: "
				  "{namespaces: [n], cohort: c, borrowing: {q: "
				  "{borrowUpTo: 3}}, quotas: [{name: q, measure: gpus, hard: 1}]}\n---\n"
				  "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: zed}\nspec: {namespaces: "
				  "[z], quotas: [{name: free, hard: "
				  "unlimited}, {name: mem, measure: memory, hard: 80Gi}]}\n";

enum { LENDER, NEEDY, FREE, MEM, QUOTAS };

struct fixture {
	struct policy *policy;
	struct held held[QUOTAS];
	struct tally tally;
	struct arena arena;
	struct quota_document documents[QUOTAS];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->policy = fixture_policy(policy_text, NULL, 0);
	arena_init(&f->arena, 65536, 1 << 20);
	*state = f;
	return f->policy && tally_open(&f->tally, QUOTAS) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	policy_release(f->policy);
	tally_close(&f->tally);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static void hold(struct fixture *f, uint32_t quota, const char *namespace, int64_t amount)
{
	wide units = (wide)amount * policy_unit(f->policy);
	f->held[quota].used += units;
	assert_non_null(tally_add(&f->tally, quota, str_of(namespace), units, 1));
}

static void summarize(struct fixture *f)
{
	static char names[QUOTAS][QUOTA_NAME_MAX + 1];
	for (uint32_t i = 0; i < QUOTAS; i++) {
		assert_int_equal(
		    quota_summarize(f->policy, i, f->held, f->tally.quotas[i], &f->arena, &f->documents[i]), 0);
		quota_document_name(f->documents[i].tenant, f->documents[i].quota, names[i]);
		f->documents[i].name = str_of(names[i]);
		f->documents[i].pod_version = STR("1234");
		f->documents[i].policy = STR("abcd");
	}
}

static void assert_text(struct str text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.ptr, expected, text.len);
}

/* --- Names --- */

static void assert_name(const char *tenant, const char *quota, const char *expected)
{
	char name[QUOTA_NAME_MAX + 1];
	quota_document_name(str_of(tenant), str_of(quota), name);
	assert_string_equal(name, expected);
}

static void test_names_are_what_users_expect(void **state)
{
	(void)state;
	assert_name("team-a", "compute", "team-a.compute");
	assert_name("a.b", "c", "a.b.c");
}

static void test_names_do_not_collide(void **state)
{
	char one[QUOTA_NAME_MAX + 1], other[QUOTA_NAME_MAX + 1];
	(void)state;
	quota_document_name(STR("a"), STR("b.c"), one);
	assert_true(str_starts(str_of(one), STR("a.b.c.x-")));
	/* A quota whose name is the end of such a name gets a different hash. */
	quota_document_name(STR("a.b.c"), str_tail(str_of(one), 6), other);
	assert_string_not_equal(one, other);
	assert_true(strlen(other) > strlen(one));
}

static void test_long_names_are_cut_and_stay_valid(void **state)
{
	char tenant[254], quota[254], name[QUOTA_NAME_MAX + 1], other[QUOTA_NAME_MAX + 1];
	(void)state;
	memset(tenant, 'a', 253);
	memset(quota, 'b', 253);
	tenant[253] = quota[253] = '\0';
	quota_document_name(str_of(tenant), str_of(quota), name);
	assert_true(strlen(name) <= QUOTA_NAME_MAX);
	quota[252] = 'c';
	quota_document_name(str_of(tenant), str_of(quota), other);
	assert_string_not_equal(name, other);
	/* A name cut after a '-' or '.' would be invalid before the next '.'. */
	for (size_t len = 200; len <= 253; len++) {
		memset(tenant, 'a', 253);
		tenant[len - 1] = '-';
		quota_document_name((struct str){tenant, 253}, STR("q.r"), name);
		assert_null(strstr(name, "-."));
		assert_null(strstr(name, ".."));
		assert_true(strlen(name) <= QUOTA_NAME_MAX);
	}
}

/* --- Sums --- */

static void test_borrowing_and_lending(void **state)
{
	struct fixture *f = *state;
	hold(f, LENDER, "l", 1);
	hold(f, NEEDY, "n", 2);
	f->held[NEEDY].pending = policy_unit(f->policy) / 2;
	summarize(f);
	assert_text(f->documents[LENDER].borrowed, "0");
	assert_text(f->documents[LENDER].lendable, "2");
	assert_text(f->documents[NEEDY].used, "2");
	assert_text(f->documents[NEEDY].pending, "0.5");
	assert_text(f->documents[NEEDY].hard, "1");
	assert_text(f->documents[NEEDY].borrowed, "1.5");
	assert_text(f->documents[NEEDY].lendable, "0");
	assert_text(f->documents[NEEDY].cohort, "c");
	assert_false(f->documents[NEEDY].exceeded);
	assert_text(f->documents[FREE].hard, "unlimited");
	assert_false(str_present(f->documents[MEM].cohort));
	assert_false(str_present(f->documents[MEM].lendable));
}

static void test_exceeded_is_exact(void **state)
{
	struct fixture *f = *state;
	/* All that the lender lends (2), and its own. */
	f->held[NEEDY].used = 3 * (wide)policy_unit(f->policy);
	f->held[MEM].used = ((wide)policy_unit(f->policy) << 30) * 80;
	summarize(f);
	assert_false(f->documents[NEEDY].exceeded);
	assert_false(f->documents[MEM].exceeded);
	/* The smallest unit, which is less than is shown. */
	f->held[NEEDY].used += 1;
	f->held[MEM].used += 1;
	summarize(f);
	assert_true(f->documents[NEEDY].exceeded);
	assert_true(f->documents[MEM].exceeded);
	assert_text(f->documents[MEM].used, "80Gi");
	assert_int_equal(quota_table_exceeded(f->documents, QUOTAS), 2);
}

/*
 * What other members of a cohort hold matters only by whether all together hold too much. So a
 * quota need only be visited again when that changes.
 */
static void test_others_matter_by_one_bit(void **state)
{
	struct fixture *f = *state;
	const uint32_t *members;
	unsigned together = 0;
	assert_int_equal(policy_cohort(f->policy, LENDER, &members), 2);
	assert_true(members[0] + members[1] == LENDER + NEEDY);
	assert_int_equal(policy_cohort(f->policy, FREE, &members), 0);
	assert_false(policy_cohort_exceeded(f->policy, FREE, f->held));
	for (int lender = 0; lender <= 12; lender++)
		for (int needy = 0; needy <= 12; needy++) {
			const int halves[] = {[LENDER] = lender, [NEEDY] = needy}, hard[] = {8, 2}, borrow[] = {0, 6};
			f->held[LENDER].used = (wide)lender * policy_unit(f->policy) / 2;
			f->held[NEEDY].pending = (wide)needy * policy_unit(f->policy) / 2;
			bool exceeded = policy_cohort_exceeded(f->policy, LENDER, f->held);
			assert_int_equal(exceeded, policy_cohort_exceeded(f->policy, NEEDY, f->held));
			for (uint32_t q = LENDER; q <= NEEDY; q++)
				assert_int_equal(quota_is_exceeded(f->policy, q, f->held),
						 halves[q] > hard[q] + borrow[q] || (halves[q] > hard[q] && exceeded));
			together += exceeded;
		}
	assert_in_range(together, 20, 150);
}

static void test_holders_are_the_largest_first(void **state)
{
	struct fixture *f = *state;
	char namespace[16];
	for (int i = 0; i < 500; i++) {
		snprintf(namespace, sizeof namespace, "n-%03d", i);
		hold(f, FREE, namespace, 1 + i % 100);
		if (i % 100 == 99)
			hold(f, FREE, namespace, 5);
	}
	hold(f, MEM, "other", 1);
	summarize(f);
	const struct quota_document *document = &f->documents[FREE];
	assert_int_equal(document->holder_count, QUOTA_HOLDERS_MAX);
	assert_text(document->holders[0].namespace, "n-099");
	assert_text(document->holders[0].amount, "105");
	assert_text(document->holders[0].pods, "2");
	assert_text(document->holders[4].namespace, "n-499");
	assert_text(document->holders[5].namespace, "n-098");
	assert_int_equal(f->documents[MEM].holder_count, 1);
	assert_int_equal(f->documents[LENDER].holder_count, 0);
}

/* A heap keeps the largest ones in whatever order they come. What the others hold is not lost. */
static void test_the_largest_of_many(void **state)
{
	struct fixture *f = *state;
	struct holder_sum largest[100];
	char namespace[24];
	wide rest, total = 0, kept = 0;
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(namespace, sizeof namespace, "namespace-%04u", i * 1237 % 5000);
		/* Each amount occurs twice. */
		wide amount = 1 + i * 1237 % 5000 / 2;
		assert_non_null(tally_add(&f->tally, FREE, str_of(namespace), amount, 1));
		total += amount;
	}
	assert_int_equal(holders_largest(f->tally.quotas[FREE], largest, 100, &rest), 100);
	holders_sort(largest, 100);
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(namespace, sizeof namespace, "namespace-%04u", 4998 - i / 2 * 2 + i % 2);
		assert_text(largest[i].namespace, namespace);
		assert_int_equal((int64_t)largest[i].amount, 2500 - i / 2);
		kept += largest[i].amount;
	}
	assert_true(rest == total - kept);
	assert_int_equal(holders_largest(NULL, largest, 100, &rest), 0);
}

/* --- JSON --- */

static void test_what_is_written_is_read_again(void **state)
{
	struct fixture *f = *state;
	hold(f, NEEDY, "n", 2);
	hold(f, NEEDY, "m", 1);
	summarize(f);
	for (uint32_t i = 0; i < QUOTAS; i++) {
		struct quota_document again;
		struct error err = {0};
		struct buf json;
		buf_init(&json, 65536);
		f->documents[i].resource_version = STR("77");
		quota_document_write(&json, &f->documents[i]);
		size_t len = json.len;
		memset(buf_reserve(&json, REVIEW_PADDING), 0, REVIEW_PADDING);
		assert_int_equal(quota_document_read((struct str){json.ptr, len}, &f->arena, &again, &err), 0);
		assert_true(quota_document_content(&again) == quota_document_content(&f->documents[i]));
		assert_text(again.resource_version, "77");
		assert_text(again.pod_version, "1234");
		assert_text(again.policy, "abcd");
		assert_true(str_eq(again.name, f->documents[i].name));
		assert_int_equal(again.holder_count, f->documents[i].holder_count);
		buf_release(&json);
	}
}

static void test_content_is_all_that_users_read(void **state)
{
	struct fixture *f = *state;
	hold(f, NEEDY, "n", 2);
	summarize(f);
	struct quota_document document = f->documents[NEEDY];
	uint64_t before = quota_document_content(&document);
	document.pod_version = STR("9");
	document.policy = STR("another");
	assert_true(quota_document_content(&document) == before);
	struct str *const fields[] = {&document.used,     &document.pending,  &document.hard,
				      &document.borrowed, &document.lendable, &document.cohort};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct str kept = *fields[i];
		*fields[i] = STR("17");
		assert_true(quota_document_content(&document) != before);
		*fields[i] = kept;
	}
	document.exceeded = !document.exceeded;
	assert_true(quota_document_content(&document) != before);
	document.exceeded = !document.exceeded;
	document.holder_count = 0;
	assert_true(quota_document_content(&document) != before);
}

/* --- The table --- */

static void assert_table(struct fixture *f, struct quota_style style, const char *expected)
{
	struct buf out;
	buf_init(&out, 65536);
	quota_table_print(f->documents, QUOTAS, style, &out);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buf_release(&out);
}

static void test_table(void **state)
{
	struct fixture *f = *state;
	hold(f, LENDER, "l", 1);
	hold(f, NEEDY, "n", 2);
	f->held[LENDER].pending = policy_unit(f->policy);
	f->held[MEM].used = ((wide)policy_unit(f->policy) << 30) * 90;
	summarize(f);
	assert_table(f, (struct quota_style){0},
		     "TENANT  QUOTA  USED  PENDING       HARD  BORROWED\n"
		     "lender  q         1        1          4         0  [##+++.....]  50%\n"
		     "    l holds 1 (1 Pod)\n"
		     "needy   q         2        0          1         1  [##########] 200%\n"
		     "    n holds 2 (1 Pod)\n"
		     "zed     free      0        0  unlimited         0\n"
		     "zed     mem    90Gi        0       80Gi         0  [##########] 112% EXCEEDED\n"
		     "\n"
		     "Cohort c, quota q: borrowed by needy 1; lent, or free to be borrowed, from lender 2\n"
		     "\n"
		     "4 quotas of 3 tenants: 1 exceeded, 1 borrowing\n");
}

static void test_table_of_blocks_and_colors(void **state)
{
	struct fixture *f = *state;
	hold(f, LENDER, "l", 3);
	f->held[LENDER].pending = policy_unit(f->policy) / 2;
	f->held[NEEDY].used = 9 * (wide)policy_unit(f->policy);
	f->held[MEM].used = ((wide)policy_unit(f->policy) << 30) * 75;
	summarize(f);
	struct buf out;
	buf_init(&out, 65536);
	quota_table_print(f->documents, QUOTAS, (struct quota_style){.blocks = true, .colour = true}, &out);
	buf_char(&out, '\0');
	/* The cohort is exceeded, not the quota. */
	assert_non_null(strstr(out.ptr, "\033[32m███████▌▒░\033[0m  87%\n"));
	assert_non_null(strstr(out.ptr, "\033[31m██████████\033[0m 900% EXCEEDED\n"));
	assert_non_null(strstr(out.ptr, "\033[33m█████████▍\033[0m  93%\n"));
	buf_release(&out);
}

/* A user who may write gpuquotas must not be able to control the terminal of one who reads them. */
static void test_table_of_hostile_objects(void **state)
{
	const struct quota_holder holder = {STR("\033[2J"), STR("1"), STR("x\ny")};
	const struct quota_document document = {.tenant = STR("a\033]0;b\007"),
						.quota = STR("\xc3\xa4\x80"),
						.used = STR("-1"),
						.hard = STR("1e999"),
						.holders = &holder,
						.holder_count = 1};
	struct buf out;
	(void)state;
	buf_init(&out, 65536);
	quota_table_print(&document, 1, (struct quota_style){0}, &out);
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.ptr[i] == '\n' || (out.ptr[i] >= ' ' && out.ptr[i] <= '~'));
	buf_release(&out);
}

static void test_amounts_of_nothing(void **state)
{
	struct quota_document documents[] = {
	    {.tenant = STR("a"), .quota = STR("q"), .used = STR("0"), .pending = STR("0"), .hard = STR("0")},
	    {.tenant = STR("b"), .quota = STR("q"), .used = STR("1"), .pending = STR("0"), .hard = STR("0")},
	    {.tenant = STR("c"), .quota = STR("q"), .used = STR("9000000000"), .pending = STR("0"), .hard = STR("1")},
	    {.tenant = STR("d"), .quota = STR("q")},
	};
	struct buf out;
	(void)state;
	buf_init(&out, 65536);
	quota_table_print(documents, 4, (struct quota_style){0}, &out);
	buf_char(&out, '\0');
	assert_non_null(strstr(out.ptr, "a       q               0        0     0         -  [..........]   0%\n"));
	assert_non_null(strstr(out.ptr, "b       q               1        0     0         -  [##########] 100%\n"));
	assert_non_null(strstr(out.ptr, "[##########] 999%\n"));
	assert_non_null(strstr(out.ptr, "d       q               -        -     -         -\n"));
	buf_release(&out);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_names_are_what_users_expect),
	    TEST(test_names_do_not_collide),
	    TEST(test_long_names_are_cut_and_stay_valid),
	    TEST(test_borrowing_and_lending),
	    TEST(test_exceeded_is_exact),
	    TEST(test_others_matter_by_one_bit),
	    TEST(test_holders_are_the_largest_first),
	    TEST(test_the_largest_of_many),
	    TEST(test_what_is_written_is_read_again),
	    TEST(test_content_is_all_that_users_read),
	    TEST(test_table),
	    TEST(test_table_of_blocks_and_colors),
	    TEST(test_table_of_hostile_objects),
	    TEST(test_amounts_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
