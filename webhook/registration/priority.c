/*
 * priority: objects of API Priority and Fairness. The ledger's writes must not queue behind the Pod
 * creations that wait for them.
 */
#include "webhook/registration/render.h"

#define GROUP "flowcontrol.apiserver.k8s.io/"
/*
 * After the system's own FlowSchemas, but before `service-accounts` (9000), which would match as
 * well.
 */
#define PRECEDENCE 1000
/* Of about 245 in all. The default level workload-low has 100. */
#define SHARES 20

static const char *version(const struct render_target *target)
{
	return target->minor < 29 ? GROUP "v1beta3" : GROUP "v1";
}

static json_t *level(const struct render_target *target)
{
	json_t *response = json_pack("{s:s, s:{s:i, s:i, s:i}}", "type", "Queue", "queuing", "queues", 16, "handSize",
				     4, "queueLengthLimit", 50);
	return json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:{s:i, s:i, s:o}}}", "apiVersion", version(target), "kind",
			 "PriorityLevelConfiguration", "metadata", "name", RENDER_NAME, "spec", "type", "Limited",
			 "limited", "nominalConcurrencyShares", SHARES, "lendablePercent", 50, "limitResponse",
			 response);
}

static json_t *flow(const struct render_target *target)
{
	json_t *subject = json_pack("{s:s, s:{s:s, s:s}}", "kind", "ServiceAccount", "serviceAccount", "name",
				    RENDER_NAME, "namespace", target->namespace);
	json_t *resources = json_pack("{s:[s], s:[s], s:[s], s:[s], s:b}", "verbs", "*", "apiGroups", "*", "resources",
				      "*", "namespaces", "*", "clusterScope", 1);
	return json_pack("{s:s, s:s, s:{s:s}, s:{s:i, s:{s:s}, s:{s:s}, s:[{s:[o], s:[o]}]}}", "apiVersion",
			 version(target), "kind", "FlowSchema", "metadata", "name", RENDER_NAME, "spec",
			 "matchingPrecedence", PRECEDENCE, "priorityLevelConfiguration", "name", RENDER_NAME,
			 "distinguisherMethod", "type", "ByUser", "rules", "subjects", subject, "resourceRules",
			 resources);
}

json_t *render_priority(const struct render_target *target)
{
	return json_pack("[o, o]", level(target), flow(target));
}
