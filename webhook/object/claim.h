/* claim: a reader function of webhook/json for ResourceClaims and ResourceClaimTemplates. */
#ifndef WEBHOOK_OBJECT_CLAIM_H
#define WEBHOOK_OBJECT_CLAIM_H

#include "gpugate/claim.h"
#include "webhook/json/reader.h"

/* Whether objects of this kind of that API group are claims or templates of claims. Pure. */
bool claim_is_kind(struct str group, struct str kind);

/* Whether they are claims. Pure. */
bool claim_is_claim(struct str group, struct str kind);

/*
 * Reads the object of such a kind at the current position. A request of a form that no known
 * version has is kept as an option without a class. Borrows as struct pod does. Returns 0 or -1.
 */
int reader_claim(struct reader *reader, struct str kind, struct claim *claim);

/*
 * Reads a ResourceClaim at the current position as a ledger keeps it: with `as_claim`, and the
 * metadata. A claim that policy_claim_bounded refuses is an error. Borrows as struct pod does.
 * Returns 0 or -1.
 */
int reader_claim_as_pod(struct reader *reader, struct pod *pod);

#endif
