/*
 * charge: what one unit of a resource costs in a quota, depending on the models whose nodes the Pod
 * can run on.
 */
#ifndef POLICY_EVALUATE_CHARGE_H
#define POLICY_EVALUATE_CHARGE_H

#include "gpugate/consumer.h"
#include "gpugate/pairs.h"
#include "policy/model/snapshot.h"

/* The models of a resource that a charge takes into account. */
struct scope {
	struct strs names;  /* Names of Accelerators; empty: all models of the resource. */
	bool unknown;       /* Includes a model that the policy does not know. */
	struct strs within; /* Only those of `names` that are also in here; empty: all of them. */
};

/*
 * Returns the scope that a list of names of Accelerators means for a resource. Names that the
 * policy no longer has, or whose Accelerators do not have the resource, are ignored; if no others
 * are left, any model is possible. The scope borrows the list.
 */
struct scope scope_of(const struct policy *policy, const struct resource *resource, const struct str *names,
		      uint32_t count);

/*
 * The scope of a consumer for one of its resources. A Pod that is bound is charged by its node,
 * unless no quota would count it there: it must not become one that is counted nowhere. A claim
 * that requires products is charged by its node only for those that it requires: the label of a
 * node names one product, and the node may have devices of others.
 */
struct scope charge_scope(const struct policy *policy, const struct tenant *tenant, const struct consumer *consumer,
			  struct str name, const struct resource *resource);

/* Whether the model of a landing is in the scope. */
bool scope_has(const struct policy *policy, const struct scope *scope, const struct landing *landing);

/*
 * Computes what one unit costs in the quota: the maximum over the models in the scope that the
 * quota counts. `resource` is the one with that name, or NULL if no Accelerator has it. Returns
 * false if the quota does not count it. Sets `*each` to MEMORY_UNKNOWN if the cost cannot be
 * measured.
 */
bool charge_unit(const struct policy *policy, const struct quota *quota, struct str name,
		 const struct resource *resource, const struct scope *scope, wide *each);

/*
 * Whether the quota counts a resource under the name that the Pod uses, which may be another
 * spelling of the resource of an Accelerator, or the name that a DeviceClass gives to its devices.
 */
bool charge_counts(const struct policy *policy, const struct quota *quota, struct str name,
		   const struct resource *resource);

/*
 * Returns what one unit costs in the quota on nodes of one model, which the quota must count. May
 * be MEMORY_UNKNOWN. If `memory` is not 0, the unit is so many bytes of a device, as far as the
 * model divides its devices: never more than the whole one, and never nothing.
 */
wide charge_landing(const struct policy *policy, const struct quota *quota, const struct landing *landing,
		    int64_t memory);

#endif
