/*
 * test_kinds: tests that nothing is decided before the views of both kinds of consumer can be
 * relied on, and in which version of the API claims are watched.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#include "webhook/cluster/document.h"

#define UNLIMITED TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: 100}]}")
#define LIST_9 "{\"metadata\":{\"resourceVersion\":\"9\"}}"
#define GROUP_PATH "/apis/resource.k8s.io"
#define GROUP(versions) "{\"kind\":\"APIGroup\",\"versions\":[" versions "]}"
#define VERSION(name) "{\"groupVersion\":\"resource.k8s.io/" name "\",\"version\":\"" name "\"}"

static void turn(struct fixture *f, int watch)
{
	struct kube_watch *turned = f->cluster.watches[watch];
	atomic_fetch_add(&turned->transitions, 1);
	turned->options.events.turned(turned->options.events.context);
}

/* The copy is ahead of the view of claims only. */
static void test_each_view_must_have_reached_its_version(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	struct error err = {0};
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	const struct ledger_versions ahead = {{7, 6}};
	assert_int_equal(ledger_load(cluster->ledger, ahead, STR(""), kube_now_ms(), &err), 0);
	submit(f, 0, "a");
	assert_false(cluster->record.writing);
	ledger_reach(cluster->ledger, CONSUMER_POD, 1000);
	cluster_step(cluster);
	assert_false(cluster->record.writing);
	ledger_reach(cluster->ledger, CONSUMER_CLAIM, 6);
	cluster_step(cluster);
	written(f);
	close_fixture(f);
}

/*
 * A version of claims that was known holds, whatever an older replica leaves out or another one
 * adds, until the record settles: then it may have been of another history.
 */
static void test_a_known_version_of_claims_holds(void **state)
{
	static const struct ledger_versions copies[] = {{{7, 6}}, {{7, 0}}, {{7, 4}}, {{7, 5}}};
	struct fixture *f = *state;
	struct ledger *ledger;
	struct error err = {0};
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	ledger = f->cluster.ledger;
	assert_false(ledger_behind(ledger));
	for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
		assert_int_equal(ledger_load(ledger, copies[i], STR(""), kube_now_ms(), &err), 0);
		assert_true(ledger_behind(ledger));
		assert_int_equal(ledger_lacks_claim_version(ledger), copies[i].of[CONSUMER_CLAIM] == 0);
	}
	ledger_forget_claim_version(ledger);
	assert_int_equal(ledger_load(ledger, copies[3], STR(""), kube_now_ms(), &err), 0);
	assert_false(ledger_behind(ledger));
	close_fixture(f);
}

/* After a turn of the watch of claims, the version of claims is asked for, and not that of Pods. */
static void test_each_watch_is_verified_by_itself(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	turn(f, WATCH_CLAIMS);
	assert_true(cluster->queries[CONSUMER_CLAIM].in_flight);
	assert_false(cluster->queries[CONSUMER_POD].in_flight);
	submit(f, 0, "a");
	assert_false(cluster->record.writing);
	turn(f, WATCH_PODS);
	answer(cluster->options.client, "GET", "/api/v1/pods", 200, LIST_9);
	assert_false(cluster->record.writing);
	answer(cluster->options.client, "GET", CLAIMS_PATH, 200, LIST_9);
	written(f);
	close_fixture(f);
}

/* A claim's version below that of its view shows that the storage was restored. */
static void test_a_restore_is_noticed_by_claims(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	ledger_reach(cluster->ledger, CONSUMER_CLAIM, 10);
	turn(f, WATCH_CLAIMS);
	answer(cluster->options.client, "GET", CLAIMS_PATH, 200, LIST_9);
	assert_true(cluster->record.invalidated);
	assert_false(view_is_listed(cluster, CONSUMER_POD) || view_is_listed(cluster, CONSUMER_CLAIM));
	close_fixture(f);
}

static void test_a_settled_record_needs_both_versions(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	struct record *record = &cluster->record;
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	record->state = RECORD_SETTLING;
	record->open_ms = 1;
	tick(f);
	answer(cluster->options.client, "GET", "/api/v1/pods", 200, LIST_9);
	ledger_reach(cluster->ledger, CONSUMER_POD, 9);
	ledger_reach(cluster->ledger, CONSUMER_CLAIM, 8);
	tick(f);
	assert_false(record->writing);
	answer(cluster->options.client, "GET", CLAIMS_PATH, 200, LIST_9);
	tick(f);
	assert_false(record->writing);
	ledger_reach(cluster->ledger, CONSUMER_CLAIM, 9);
	tick(f);
	assert_true(record->writing);
	static const char versions[] = "\"version\":\"0\",\"claimVersion\":\"1\"";
	assert_non_null(memmem(record->body.ptr, record->body.len, versions, sizeof versions - 1));
	close_fixture(f);
}

/*
 * The version of claims is added by a write of its own, and at most every ten seconds: an older
 * definition of the resource drops it.
 */
static void test_a_missing_version_of_claims_is_added(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	struct error err = {0};
	const struct ledger_versions older = {{7, 0}};
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	tick(f);
	assert_false(cluster->record.writing);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(ledger_load(cluster->ledger, older, STR(""), kube_now_ms(), &err), 0);
		tick(f);
		assert_int_equal(cluster->record.writing, round == 0);
		cluster->record.writing = false;
	}
	cluster->record.claims_ms = 0;
	tick(f);
	assert_true(cluster->record.writing);
	close_fixture(f);
}

static void test_which_version_of_the_api_is_watched(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		const char *path; /* NULL: there are no claims; "": it is not known. */
	} rows[] = {
	    {200, GROUP(VERSION("v1beta1") "," VERSION("v1")), CLAIMS_PATH},
	    {200, GROUP(VERSION("v1beta1") "," VERSION("v1beta2")), GROUP_PATH "/v1beta2/resourceclaims"},
	    {200, GROUP(VERSION("v1alpha3") "," VERSION("v1beta1")), GROUP_PATH "/v1beta1/resourceclaims"},
	    {200, GROUP(VERSION("v1alpha3")), NULL},
	    {200, "{}", NULL},
	    {404, "{}", NULL},
	    {200, "[]", ""},
	    {403, "{}", ""},
	    {500, "{}", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture *f = *state;
		struct claims_api *api = &f->cluster.claims_api;
		open_fixture(f, UNLIMITED);
		*api = (struct claims_api){.state = CLAIMS_API_UNKNOWN};
		claims_api_ask(&f->cluster);
		submit(f, 0, "a");
		assert_false(f->cluster.record.writing);
		answer(f->cluster.options.client, "GET", GROUP_PATH, rows[i].status, rows[i].body);
		enum claims_api_state wanted = !rows[i].path     ? CLAIMS_API_ABSENT
					       : rows[i].path[0] ? CLAIMS_API_SERVED
								 : CLAIMS_API_UNKNOWN;
		assert_int_equal(api->state, wanted);
		if (wanted == CLAIMS_API_SERVED)
			assert_string_equal(f->cluster.watches[WATCH_CLAIMS]->options.path, rows[i].path);
		/* Without claims, nothing waits for them. */
		assert_int_equal(f->cluster.record.writing, wanted == CLAIMS_API_ABSENT);
		if (f->cluster.record.writing)
			written(f);
		close_fixture(f);
	}
}

static void ask_again(struct fixture *f, unsigned status, const char *body)
{
	f->cluster.claims_api.again_ms = 1;
	tick(f);
	answer(f->cluster.options.client, "GET", GROUP_PATH, status, body);
}

/*
 * If the API group disappears, as after a downgrade of the cluster, the claims are gone, and V of
 * claims holds nobody up. One answer is not enough: another API server may say otherwise.
 */
static void test_claims_that_are_not_served_any_more(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	struct error err = {0};
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	const struct ledger_versions ahead = {{7, 6}};
	assert_int_equal(ledger_load(cluster->ledger, ahead, STR(""), kube_now_ms(), &err), 0);
	for (int i = 0; i < 4; i++)
		ask_again(f, 404, "{}");
	ask_again(f, 200, GROUP(VERSION("v1")));
	for (int i = 0; i < 4; i++)
		ask_again(f, 404, "{}");
	submit(f, 0, "a");
	assert_int_equal(cluster->claims_api.state, CLAIMS_API_SERVED);
	assert_false(cluster->record.writing);
	ask_again(f, 404, "{}");
	assert_int_equal(cluster->claims_api.state, CLAIMS_API_ABSENT);
	assert_true(cluster->record.writing);
	written(f);
	/*
	 * The copy names claims: it is asked again soon, and they are listed before anything is
	 * decided.
	 */
	assert_true(cluster->claims_api.again_ms <= kube_now_ms() + 2000);
	ask_again(f, 200, GROUP(VERSION("v1")));
	assert_int_equal(cluster->claims_api.state, CLAIMS_API_SERVED);
	submit(f, 1, "a");
	assert_false(cluster->record.writing);
	close_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_each_view_must_have_reached_its_version), TEST(test_a_known_version_of_claims_holds),
	    TEST(test_each_watch_is_verified_by_itself),        TEST(test_a_restore_is_noticed_by_claims),
	    TEST(test_a_settled_record_needs_both_versions),    TEST(test_a_missing_version_of_claims_is_added),
	    TEST(test_which_version_of_the_api_is_watched),     TEST(test_claims_that_are_not_served_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
