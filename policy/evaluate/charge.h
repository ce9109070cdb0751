/* charge: what one unit of a resource costs in a quota, by the models that it could be of. */
#ifndef POLICY_EVALUATE_CHARGE_H
#define POLICY_EVALUATE_CHARGE_H

#include "policy/model/snapshot.h"

/* The models of a resource that a Pod is charged by. */
struct scope {
	struct strs names; /* of Accelerators; none: all of the resource */
	bool unknown;      /* a model that the policy does not know, as well */
};

/* The scope that a list of names means for a resource. Names of Accelerators that the policy does not have (any more), or
 * that do not have the resource, say nothing: then any model could be meant. */
struct scope scope_of(const struct policy *policy, const struct resource *resource, const struct str *names,
		      uint32_t count);

/*
 * The scope of a holding for one of its resources. A Pod that is bound is charged by its node,
 * unless no quota would count it there: it must not become one that is counted nowhere.
 */
struct scope charge_scope(const struct policy *policy, const struct tenant *tenant, const struct holding *holding,
			  struct str name, const struct resource *resource);

/* Whether the model of a landing is in the scope. */
bool scope_has(const struct policy *policy, const struct scope *scope, const struct landing *landing);

/*
 * What one unit costs in the quota: the largest over the models of the scope that the quota counts. `resource` is that of the name,
 * NULL where no Accelerator has it. Returns false when the quota does not count it; `*each` is MEMORY_UNKNOWN when it cannot
 * be measured.
 */
bool charge_unit(const struct policy *policy, const struct quota *quota, struct str name,
		 const struct resource *resource, const struct scope *scope, wide *each);

/* Whether the quota counts a resource that a Pod asks for by this name, which may be another spelling of the resource of an Accelerator. */
bool charge_counts(const struct quota *quota, struct str name, const struct resource *resource);

/* What a unit costs in the quota on the nodes of one model, which the quota counts; may be MEMORY_UNKNOWN. */
wide charge_landing(const struct policy *policy, const struct quota *quota, const struct landing *landing);

#endif
