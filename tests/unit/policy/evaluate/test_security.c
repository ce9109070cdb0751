/* test_security: tests which privileges the review reader finds in a Pod. */
#include "tests/unit/policy_fixture.h"

#include "gpugate/pod.h"

static struct fixture_review review;

static const struct pod *read_spec(const char *spec)
{
	fixture_review(&review, "a", "{}", spec);
	return &review.review.object;
}

static void every_fact(void **state)
{
	(void)state;
	const struct pod *pod = read_spec(
	    "{'hostPID':true,'securityContext':{'runAsUser':0,'windowsOptions':{'gmsaCredentialSpecName':'x','"
	    "hostProcess':"
	    "true}},'initContainers':[{'name':'i','securityContext':{'procMount':'Unmasked'}}],'containers':[{'name':'"
	    "c',"
	    "'securityContext':{'capabilities':{'drop':['ALL'],'add':['SYS_ADMIN','\\u004bILL']},'windowsOptions':{"
	    "'hostProcess':true}}}],'ephemeralContainers':[{'name':'e','securityContext':{'privileged':true}}]}");
	assert_true(pod->host_pid && pod->host_process);
	assert_int_equal(pod->container_count, 3);
	const struct container *init = &pod->containers[0], *regular = &pod->containers[1];
	assert_true(str_eq(init->proc_mount, STR("Unmasked")) && !init->host_process && init->capabilities.count == 0);
	assert_true(regular->host_process && !regular->privileged && !str_present(regular->proc_mount));
	assert_int_equal(regular->capabilities.count, 2);
	assert_true(str_eq(regular->capabilities.items[0], STR("SYS_ADMIN")));
	assert_true(str_eq(regular->capabilities.items[1], STR("KILL")));
	assert_true(pod->containers[2].privileged);
	fixture_review_release(&review);
}

static void null_is_absent(void **state)
{
	(void)state;
	static const char *const specs[] = {
	    "{'hostPID':null,'securityContext':null,'containers':[{'name':'c','securityContext':null}]}",
	    "{'hostPID':false,'securityContext':{'windowsOptions':null},'containers':[{'name':'c','securityContext':{"
	    "'capabilities':null,'procMount':null,'windowsOptions':null,'privileged':null}}]}",
	    "{'securityContext':{'windowsOptions':{'hostProcess':null}},'containers':[{'name':'c','securityContext':{"
	    "'capabilities':{'add':null},'windowsOptions':{'hostProcess':false}}}]}"};
	for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
		const struct pod *pod = read_spec(specs[i]);
		const struct container *c = &pod->containers[0];
		assert_true(!pod->host_pid && !pod->host_process && !c->privileged && !c->host_process);
		assert_true(c->capabilities.count == 0 && !str_present(c->proc_mount));
		fixture_review_release(&review);
	}
}

static void wrong_types_are_errors(void **state)
{
	(void)state;
	static const char *const pods[] = {
	    "{'spec':{'hostPID':'true'}}",
	    "{'spec':{'securityContext':{'windowsOptions':{'hostProcess':1}}}}",
	    "{'spec':{'containers':[{'securityContext':{'capabilities':{'add':'SYS_ADMIN'}}}]}}",
	    "{'spec':{'containers':[{'securityContext':{'capabilities':['SYS_ADMIN']}}]}}",
	    "{'spec':{'containers':[{'securityContext':{'procMount':true}}]}}",
	    "{'spec':{'containers':[{'securityContext':{'privileged':true,'privileged':false}}]}}"};
	for (size_t i = 0; i < sizeof pods / sizeof pods[0]; i++) {
		char *bytes = calloc(1, strlen(pods[i]) + REVIEW_PADDING);
		struct arena arena;
		struct pod pod;
		struct error err = {0};
		memcpy(bytes, pods[i], strlen(pods[i]));
		for (char *c = bytes; *c; c++)
			if (*c == '\'')
				*c = '"';
		arena_init(&arena, 4096, 1 << 20);
		assert_int_equal(review_read_pod(bytes, strlen(bytes), &arena, &pod, &err), -1);
		arena_release(&arena);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_fact),
	    cmocka_unit_test(null_is_absent),
	    cmocka_unit_test(wrong_types_are_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
