/* test_pod_review: the review of a Pod of a workload, as its controller creates it. */
#include "tests/unit/policy_fixture.h"

#include "webhook/object/pod_review.h"

#define SPEC                                                                                                           \
	"{'nodeSelector':{'a':'b'},'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{"     \
	"'nodeSelectorTerms':[{'matchExpressions':[{'key':'k','operator':'Exists'}]},{'matchFields':[]}]}}}}"

static void complete(struct fixture_review *r, const char *group, const char *kind)
{
	const struct pod_creator by_controller = {.user = {NULL, 0}};
	fixture_review(r, "a", "{}", SPEC);
	assert_int_equal(pod_review_complete(&r->review, workload_find_in(str_of(group), str_of(kind)), STR("w"),
					     &by_controller, &r->arena),
			 0);
	assert_int_equal(r->review.object.node_selector.count, 1);
}

/* Its controller requires the node by its name, whatever the template requires. */
static void test_pods_of_a_daemon_set(void **state)
{
	struct fixture_review r;
	const struct pod *pod = &r.review.object;
	(void)state;
	complete(&r, "apps", "DaemonSet");
	assert_true(pod->has_required_affinity);
	assert_int_equal(pod->node_term_count, 1);
	assert_int_equal(pod->node_terms[0].count, 0);
	assert_int_equal(pod->node_terms[0].field_count, 1);
	fixture_review_release(&r);
}

static void test_pods_of_others(void **state)
{
	struct fixture_review r;
	const struct pod *pod = &r.review.object;
	(void)state;
	complete(&r, "apps", "Deployment");
	assert_int_equal(pod->node_term_count, 2);
	assert_int_equal(pod->node_terms[0].count, 1);
	fixture_review_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pods_of_a_daemon_set),
					   cmocka_unit_test(test_pods_of_others)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
