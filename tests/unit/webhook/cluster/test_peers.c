/*
 * Tests webhook/cluster/peers.c: which Pods are gpugate's own, their order, their removal, and the
 * form that all of them read.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/pairs.h"
#include "webhook/cluster/peers.h"
#include "webhook/ledger/codec.h"

static struct pod pod_of(const char *name)
{
	static const struct pair labels[] = {{STR("app.kubernetes.io/instance"), STR("one")},
					     {STR("app.kubernetes.io/name"), STR("gpugate")}};
	return (struct pod){.name = str_of(name),
			    .namespace = STR("gpugate"),
			    .phase = STR("Running"),
			    .labels = {labels, sizeof labels / sizeof *labels, true}};
}

static void see(struct peers *peers, const char *name, bool ready)
{
	struct pod pod = pod_of(name);
	peers_see(peers, &pod, ready, false);
}

/* Compares with text such as "a:ready b:stopping c". */
static void assert_peers(const struct peers *peers, const char *wanted)
{
	char text[1024] = "";
	for (unsigned i = 0; i < peers->count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s%s", i ? " " : "",
			 peers->items[i].name, peers->items[i].ready ? ":ready" : "",
			 peers->items[i].stopping ? ":stopping" : "");
	assert_string_equal(text, wanted);
}

static void test_which_pods_are_gpugate(void **state)
{
	(void)state;
	struct pod pod = pod_of("a");
	assert_true(peer_is_one(&pod, "gpugate"));
	assert_false(peer_is_one(&pod, "gpugate-2"));
	const struct pair other[] = {{STR("app.kubernetes.io/name"), STR("gpugate-dashboard")}};
	pod.labels = (struct pairs){other, 1, true};
	assert_false(peer_is_one(&pod, "gpugate"));
	pod.labels = (struct pairs){.present = false};
	assert_false(peer_is_one(&pod, "gpugate"));
	char name[PEER_NAME_MAX + 2];
	memset(name, 'a', sizeof name);
	name[PEER_NAME_MAX + 1] = '\0';
	pod = pod_of(name);
	assert_false(peer_is_one(&pod, "gpugate"));
	name[PEER_NAME_MAX] = '\0';
	pod = pod_of(name);
	assert_true(peer_is_one(&pod, "gpugate"));
}

static void test_ready_is_what_the_condition_says(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		bool ready;
	} rows[] = {
	    {"{\"status\":{\"conditions\":[{\"type\":\"Initialized\",\"status\":\"False\"},"
	     "{\"type\":\"Ready\",\"status\":\"True\"}]}}",
	     true},
	    {"{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},"
	     "{\"type\":\"ContainersReady\",\"status\":\"True\"}]}}",
	     false},
	    {"{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\"}]}}", false},
	    {"{\"status\":{\"conditions\":[{\"type\":1,\"status\":\"True\"},{\"type\":\"Ready\"},7]}}", false},
	    {"{\"status\":{\"conditions\":{}}}", false},
	    {"{\"status\":{\"phase\":\"Pending\"}}", false},
	    {"{}", false},
	    {"[]", false},
	    {"{\"status\":", false},
	    {"", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (peer_is_ready(str_of(rows[i].json)) != rows[i].ready)
			fail_msg("row %zu", i);
}

static void test_they_come_and_go(void **state)
{
	(void)state;
	struct peers peers = {.count = 0};
	see(&peers, "b", false);
	see(&peers, "ab", true);
	see(&peers, "a", false);
	assert_peers(&peers, "a ab:ready b");
	see(&peers, "b", true);
	struct pod pod = pod_of("a");
	pod.deletion_timestamp = STR("2030-01-01T00:00:00Z");
	peers_see(&peers, &pod, false, false);
	assert_peers(&peers, "a:stopping ab:ready b:ready");
	peers_see(&peers, &pod, false, true);
	peers_see(&peers, &pod, false, true); /* Reported twice. */
	assert_peers(&peers, "ab:ready b:ready");
	pod = pod_of("ab");
	pod.phase = STR("Failed"); /* Evicted: the Pod stays as an object. */
	peers_see(&peers, &pod, false, false);
	pod = pod_of("never");
	peers_see(&peers, &pod, false, true);
	assert_peers(&peers, "b:ready");
}

static void test_a_list_shows_who_is_gone(void **state)
{
	(void)state;
	struct peers peers = {.count = 0};
	for (const char *names = "a\0b\0c\0"; *names; names += 2)
		see(&peers, names, true);
	peers_list_begin(&peers);
	see(&peers, "b", false);
	assert_peers(&peers, "a:ready b c:ready"); /* Until the list is complete. */
	see(&peers, "d", true);
	peers_list_end(&peers);
	assert_peers(&peers, "b d:ready");
	peers_list_begin(&peers);
	peers_list_end(&peers);
	assert_peers(&peers, "");
}

static void test_no_more_than_there_is_room_for(void **state)
{
	(void)state;
	struct peers peers = {.count = 0};
	char name[16];
	for (unsigned i = 0; i < PEERS_MAX + 5; i++) {
		snprintf(name, sizeof name, "p%03u", PEERS_MAX + 5 - i);
		see(&peers, name, true);
	}
	assert_int_equal(peers.count, PEERS_MAX);
	assert_string_equal(peers.items[0].name, "p006");
	see(&peers, "p006", false); /* Known Pods still change. */
	assert_false(peers.items[0].ready);
	struct pod pod = pod_of("p006");
	peers_see(&peers, &pod, false, true);
	see(&peers, "p001", true);
	assert_string_equal(peers.items[0].name, "p001");
	assert_string_equal(peers.items[PEERS_MAX - 1].name, "p037");
}

/* Returns a Pod with one annotation, or without any if `key` is NULL. */
static struct pod annotated(const char *name, const char *key, const char *value, struct pair *item)
{
	struct pod pod = pod_of(name);
	*item = (struct pair){str_of(key ? key : ""), str_of(value)};
	if (key)
		pod.annotations = (struct pairs){item, 1, true};
	return pod;
}

static void test_which_form_they_read(void **state)
{
	static const struct {
		const char *key, *value;
		unsigned form;
	} rows[] = {
	    {NULL, "", 1},
	    {"gpugate.io/other", "2", 1},
	    {PEER_FORM_ANNOTATION, "", 1},
	    {PEER_FORM_ANNOTATION, "0", 1},
	    {PEER_FORM_ANNOTATION, "1", 1},
	    {PEER_FORM_ANNOTATION, "two", 1},
	    {PEER_FORM_ANNOTATION, "2", 2},
	    {PEER_FORM_ANNOTATION, "3", 3},
	    {PEER_FORM_ANNOTATION, "4", 4},
	    {PEER_FORM_ANNOTATION, "5", 5},
	    {PEER_FORM_ANNOTATION, "6", 5}, /* This version does not write form 6. */
	    {PEER_FORM_ANNOTATION, "99999999999", 5},
	};
	(void)state;
	struct peers peers = {.count = 0};
	struct pair item, also;
	struct pod pod = annotated("new", PEER_FORM_ANNOTATION, "5", &also);
	assert_int_equal(peers_form(&peers), LEDGER_FORM);
	peers_see(&peers, &pod, true, false);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pod = annotated("a", rows[i].key, rows[i].value, &item);
		peers_see(&peers, &pod, false, false);
		if (peers_form(&peers) != rows[i].form)
			fail_msg("%s=%s: %u", rows[i].key, rows[i].value, peers_form(&peers));
	}
	pod = annotated("a", NULL, "", &item);
	pod.deletion_timestamp = STR("2030-01-01T00:00:00Z"); /* It still runs. */
	peers_see(&peers, &pod, false, false);
	assert_int_equal(peers_form(&peers), 1);
	peers_see(&peers, &pod, false, true);
	assert_int_equal(peers_form(&peers), 5);
}

/* A Pod that was left out may be an old one, until a list shows that there is none. */
static void test_the_form_of_omitted_pods_is_unknown(void **state)
{
	(void)state;
	struct peers peers = {.count = 0};
	struct pair item;
	char name[16];
	for (unsigned i = 0; i <= PEERS_MAX; i++) {
		assert_int_equal(peers_form(&peers), 5);
		snprintf(name, sizeof name, "p%03u", i);
		struct pod pod = annotated(name, PEER_FORM_ANNOTATION, "5", &item);
		peers_see(&peers, &pod, true, false);
	}
	assert_int_equal(peers_form(&peers), 1);
	peers_list_begin(&peers);
	assert_int_equal(peers_form(&peers), 1);
	struct pod pod = annotated("p000", PEER_FORM_ANNOTATION, "5", &item);
	peers_see(&peers, &pod, true, false);
	peers_list_end(&peers);
	assert_int_equal(peers_form(&peers), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_which_pods_are_gpugate),
	    cmocka_unit_test(test_ready_is_what_the_condition_says),
	    cmocka_unit_test(test_they_come_and_go),
	    cmocka_unit_test(test_a_list_shows_who_is_gone),
	    cmocka_unit_test(test_no_more_than_there_is_room_for),
	    cmocka_unit_test(test_which_form_they_read),
	    cmocka_unit_test(test_the_form_of_omitted_pods_is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
