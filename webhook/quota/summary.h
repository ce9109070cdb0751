/* quota_summary: what is held of a quota, as people read it. Pure. */
#ifndef WEBHOOK_QUOTA_SUMMARY_H
#define WEBHOOK_QUOTA_SUMMARY_H

#include "gpugate/policy.h"
#include "webhook/quota/document.h"
#include "webhook/usage/holders.h"

#define QUOTA_DIGEST_SIZE 33

void quota_summary_digest(const struct policy *policy, char text[static QUOTA_DIGEST_SIZE]);

/*
 * Fills in everything of the document but name, versions and policy. `held` has policy_quota_count() rows, `holders` are those of the
 * quota in any order; NULL: nobody is listed. The document borrows from the policy and the arena alone. Returns -1 when the arena is
 * exhausted.
 */
int quota_summarize(const struct policy *policy, uint32_t quota, const struct held *held,
		    const struct tally_sum *holders, struct arena *arena, struct quota_document *document);

#endif
