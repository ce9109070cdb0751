/* summary: the usage of one quota, formatted for users. Pure. */
#ifndef WEBHOOK_QUOTA_SUMMARY_H
#define WEBHOOK_QUOTA_SUMMARY_H

#include "gpugate/policy.h"
#include "gpugate/quota.h"
#include "webhook/quota/document.h"
#include "webhook/usage/holders.h"

/* Bytes of a digest in hexadecimal, including the NUL. */
#define QUOTA_DIGEST_SIZE 33

void quota_summary_digest(const struct policy *policy, char text[static QUOTA_DIGEST_SIZE]);

/*
 * Fills in every field of the document except the name, the versions, and the policy. `held` has
 * policy_quota_count() rows. `holders` is the quota's list from ledger_holders, in any order; if
 * NULL, no namespace is listed. The document borrows only from the policy and the arena. Returns -1
 * if the arena is exhausted.
 */
int quota_summarize(const struct policy *policy, uint32_t quota, const struct held *held,
		    const struct tally_sum *holders, struct arena *arena, struct quota_document *document);

#endif
