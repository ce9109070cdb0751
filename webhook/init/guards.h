/* guards: what the Guards of a first policy deny, and the policy that finds out what Pods do. */
#ifndef WEBHOOK_INIT_GUARDS_H
#define WEBHOOK_INIT_GUARDS_H

#include "gpugate/buf.h"
#include "gpugate/policy.h"
#include "webhook/init/fleet.h"

/* A way around quotas that Guards deny. Its index is its bit in fleet_namespace.violations. */
struct guard_word {
	struct str word; /* In the list `deny`. */
	struct str name; /* Of a Guard for it alone. */
	const char *why;
};

const struct guard_word *guards_words(uint32_t *count);

/* Returns the bit of the word, by which violations of Guards are called; 0: it is none. */
uint32_t guards_bit(struct str word);

/*
 * Returns a policy in which each word has a Guard of its own, everything is denied, and nothing is
 * limited. It finds what running Pods do. New, or NULL with an error.
 */
struct policy *guards_probe(const struct fleet *fleet, struct error *err);

/*
 * Appends the Guards: one for what no running Pod does, and one for each word that would refuse
 * some, with the namespaces where that is so exempt.
 */
void guards_write(const struct fleet *fleet, struct buf *out);

/* Whether Settings exempt the namespace: it installs what hands out devices, and uses none. */
bool guards_exempts(const struct fleet_namespace *space);

#endif
