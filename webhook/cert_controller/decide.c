/*
 * decide: what a replica does next for its certificates. These rules ensure that every certificate
 * is verifiable with every bundle that an API server may still use:
 *
 * - An authority signs only after every entry has been seen to trust it for trust_s. The replica
 *   that promotes it measures this with its own monotonic clock, so that no clocks are compared.
 * - A replica issues a certificate immediately after it has read the Secret, from the authority
 *   that signs then. Therefore no replica uses an authority for longer than trust_s after the
 *   Secret says that it has stopped.
 * - A certificate lives for at most leaf_s. An authority stays trusted for leaf_s plus twice
 *   trust_s after it has stopped: once for such a late signature, and once for two clocks that are
 *   each off by half of trust_s.
 * - A bundle is written only against a version of the configuration that was seen before the Secret
 *   was read. Therefore no replica, however late, restores an outdated bundle.
 */
#include <string.h>

#include "webhook/cert_controller/state.h"

#define MS 1000
#define IDLE_MS (600 * (int64_t)MS) /* Checks again regularly, because wall clocks may be set. */
#define LIFETIME_FACTOR 3

int64_t certs_lead_s(const struct certs_lifetimes *lifetimes)
{
	int64_t third = lifetimes->ca_s / LIFETIME_FACTOR, least = lifetimes->leaf_s + 2 * lifetimes->trust_s;
	return third > least ? third : least;
}

int64_t certs_slack_s(const struct certs_lifetimes *lifetimes)
{
	return 2 * lifetimes->trust_s;
}

int64_t certs_renew_ms(int64_t life_ms, uint64_t random)
{
	int64_t least = life_ms * 6 / 10, most = life_ms * 2 / 3;
	return most > least ? least + (int64_t)(random % (uint64_t)(most - least + 1)) : least;
}

int certs_lifetimes_check(const struct certs_lifetimes *lifetimes, struct error *err)
{
	/* The third that remains at renewal is then 4/3 of trust_s. */
	int64_t leaf_min = 4 * lifetimes->trust_s;
	int64_t ca_min = 2 * (lifetimes->leaf_s + 2 * lifetimes->trust_s);
	if (lifetimes->leaf_s < leaf_min)
		return error_set(
		    err,
		    "--leaf-seconds %lld is too short for --trust-seconds %lld: what is left of a certificate "
		    "when it is renewed has to outlast the trust in a new authority; give --leaf-seconds %lld "
		    "or more",
		    (long long)lifetimes->leaf_s, (long long)lifetimes->trust_s, (long long)leaf_min);
	if (lifetimes->ca_s < ca_min)
		return error_set(
		    err,
		    "--ca-seconds %lld is too short for --leaf-seconds %lld and --trust-seconds %lld: an "
		    "authority has to live for twice a certificate and two times of trust; give --ca-seconds "
		    "%lld or more",
		    (long long)lifetimes->ca_s, (long long)lifetimes->leaf_s, (long long)lifetimes->trust_s,
		    (long long)ca_min);
	return 0;
}

void certs_trust_note(struct certs_trust *trust, const struct authority *next, bool held, int64_t now_ms)
{
	bool same = next && trust->held && memcmp(trust->id, next->id, sizeof trust->id) == 0;
	if (!next || !held) {
		trust->held = false;
	} else if (!same) {
		trust->held = true;
		trust->since_ms = now_ms;
		memcpy(trust->id, next->id, sizeof trust->id);
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Whether any API server may still rely on an authority other than the next one. If so, a new
 * authority must not sign at once.
 */
static bool anybody_trusts(const struct certs_facts *facts)
{
	for (size_t i = 0; i < facts->authorities->count; i++)
		if (facts->authorities->items[i].signs && facts->authorities->items[i].not_after > facts->now_s)
			return true;
	return facts->others_trusted;
}

/* Whether a certificate must be issued. */
static bool leaf_is_due(const struct certs_facts *facts, const struct authority *signer)
{
	const struct certs_shown *shown = &facts->shown;
	return !shown->any || facts->now_ms >= shown->renew_ms || facts->now_s >= shown->not_after ||
	       memcmp(shown->issuer, signer->id, sizeof shown->issuer) != 0;
}

/* Finds the first configuration that lacks the bundle and may be written. */
static bool bundle_is_due(const struct certs_facts *facts, struct certs_decision *decision)
{
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		if (facts->right[i] || facts->now_ms < facts->patch_ms[i])
			continue;
		decision->step = facts->fresh[i] ? CERTS_BUNDLE : CERTS_READ;
		decision->configuration = (enum certs_configuration)i;
		return true;
	}
	return false;
}

static bool over(const struct certs_lifetimes *lifetimes, const struct certs_facts *facts)
{
	for (size_t i = 0; i < facts->authorities->count; i++)
		if (authority_is_over(&facts->authorities->items[i], facts->now_s, certs_slack_s(lifetimes)))
			return true;
	return false;
}

/* Milliseconds until the passage of time alone makes something due. */
static int64_t wait_ms(const struct certs_lifetimes *lifetimes, const struct certs_facts *facts,
		       const struct authority *signer, const struct authority *next)
{
	int64_t wait = IDLE_MS, slack_s = certs_slack_s(lifetimes);
	if (signer && facts->shown.any)
		wait = sooner(wait, facts->shown.renew_ms - facts->now_ms);
	if (signer && !next)
		wait = sooner(wait, (signer->not_after - certs_lead_s(lifetimes) - facts->now_s) * MS);
	if (next && facts->trust.held)
		wait = sooner(wait, facts->trust.since_ms + lifetimes->trust_s * MS - facts->now_ms);
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		if (facts->known && !facts->right[i])
			wait = sooner(wait, facts->patch_ms[i] - facts->now_ms);
	for (size_t i = 0; i < facts->authorities->count; i++) {
		const struct authority *authority = &facts->authorities->items[i];
		int64_t end_s = authority->stopped ? authority->stopped + authority->leaf_s : authority->not_after;
		wait = sooner(wait, (end_s + slack_s - facts->now_s) * MS);
	}
	return wait > 0 ? wait : 1;
}

static enum certs_step add(const struct certs_facts *facts)
{
	return !facts->known ? CERTS_WAIT : anybody_trusts(facts) ? CERTS_ADD : CERTS_FOUND;
}

struct certs_decision certs_decide(const struct certs_lifetimes *lifetimes, const struct certs_facts *facts)
{
	struct certs_decision decision = {.step = CERTS_WAIT, .wait_ms = IDLE_MS};
	int64_t lead_s = certs_lead_s(lifetimes);
	const struct authority *signer = authorities_signer(facts->authorities, facts->now_s);
	const struct authority *next = authorities_next(facts->authorities, facts->now_s, lead_s);
	bool read = facts->secret == SECRET_READ; /* Otherwise there are no authorities. */
	bool late = facts->now_ms - facts->read_ms > lifetimes->trust_s * MS;
	if (facts->secret == SECRET_NEWER)
		return decision;
	if (late)
		decision.step = CERTS_READ; /* The Secret was read too long ago to act on it. */
	else if (signer && leaf_is_due(facts, signer))
		decision.step = CERTS_SIGN;
	else if (read && facts->known && bundle_is_due(facts, &decision))
		return decision;
	else if (!next && (!signer || signer->not_after - facts->now_s <= lead_s))
		decision.step = add(facts);
	else if (next && facts->trust.held && facts->now_ms - facts->trust.since_ms >= lifetimes->trust_s * MS)
		decision.step = CERTS_PROMOTE;
	else if (over(lifetimes, facts))
		decision.step = CERTS_DROP;
	else
		decision.wait_ms = wait_ms(lifetimes, facts, signer, next);
	return decision;
}
