/* quota_summary: what is held of a quota, as people read it. Pure. */
#ifndef WEBHOOK_QUOTA_SUMMARY_H
#define WEBHOOK_QUOTA_SUMMARY_H

#include "gpugate/policy.h"
#include "webhook/quota/document.h"
#include "webhook/usage/holders.h"

#define QUOTA_DIGEST_SIZE 33

/*
 * Whether more is held of a quota than its limits allow. Of a cohort that has too much together, only those are to blame that hold
 * more than their own. `held` has policy_quota_count() rows.
 */
bool quota_is_exceeded(const struct policy *policy, uint32_t quota, const struct held *held);

void quota_summary_digest(const struct policy *policy, char text[static QUOTA_DIGEST_SIZE]);

/*
 * Fills in everything of the document but name, versions and policy. `held` has policy_quota_count() rows, `holders` are those of the
 * quota in any order; NULL: nobody is listed. The document borrows from the policy and the arena alone. Returns -1 when the arena is
 * exhausted.
 */
int quota_summarize(const struct policy *policy, uint32_t quota, const struct held *held,
		    const struct tally_sum *holders, struct arena *arena, struct quota_document *document);

#endif
