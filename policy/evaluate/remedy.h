/*
 * remedy: the end of a message about an exceeded quota: what is free, what fits into that, and
 * which model the Pod was counted as.
 */
#ifndef POLICY_EVALUATE_REMEDY_H
#define POLICY_EVALUATE_REMEDY_H

#include "gpugate/buf.h"
#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/quota.h"
#include "policy/evaluate/charge.h"

/* What a Pod requests, and why it is denied. */
struct refused_request {
	const struct policy *policy;
	const struct consumer *consumer;
	const struct quota_denial *denial;
};

/* Prints an amount of the quota with its unit: `1 GPU`, `2.5 GPUs`, `40Gi`, `3`. */
void remedy_print_amount(const struct policy *policy, const struct quota *quota, wide amount, struct buf *out);

/*
 * Prints `; 0.78 GPU is free; fits: 1 x nvidia.com/mig-3g.40gb (0.5)`, with a resource of a vendor
 * that the Pod requests. Only what no denying limit forbids is said to fit.
 */
void remedy_print_free(const struct refused_request *request, const struct quota_violation *quota_violation,
		       struct buf *out);

/*
 * Prints `; NAME counts as DeviceClass "CLASS"` for requested names that stand for a class, because
 * a DeviceClass of the cluster has them. So the message says why a quota counts what it does not
 * name.
 */
void remedy_print_classes(const struct refused_request *request, const struct quota_violation *quota_violation,
			  struct buf *out);

/*
 * Prints `; counted as MODEL` and the reason, if the Pod could have been counted as another model.
 */
void remedy_print_model(const struct refused_request *request, const struct quota_violation *quota_violation,
			struct buf *out);

#endif
