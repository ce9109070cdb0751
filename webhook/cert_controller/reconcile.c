/*
 * reconcile: schedules passes, and checks whether the cluster trusts what it should. Used by
 * controller.c and steps.c.
 */
#include "webhook/cert_controller/machine.h"

#define BACKOFF_MAX_MS 30000

void certs_pass_in(struct kube_certs *certs, int64_t ms)
{
	certs->busy = false;
	kube_timer_set(certs->options.loop, &certs->timer, certs->again ? 0 : ms);
	certs->again = false;
}

/* Changes by others end the pause early, because they may resolve the failure. */
void certs_fail(struct kube_certs *certs, enum certs_failure failure, const char *doing, const char *why)
{
	struct kube_loop *loop = certs->options.loop;
	certs_report_failure(certs, failure, doing, why);
	int64_t ms = kube_random(loop, certs->backoff_ms / 2, certs->backoff_ms);
	certs->backoff_ms = certs->backoff_ms * 2 < BACKOFF_MAX_MS ? certs->backoff_ms * 2 : BACKOFF_MAX_MS;
	certs->again = false;
	certs_pass_in(certs, ms);
}

bool certs_seen(const struct kube_certs *certs)
{
	return certs->targets[CERTS_MUTATING].bundles.known && certs->targets[CERTS_VALIDATING].bundles.known;
}

static bool all_hold(const struct kube_certs *certs, const unsigned char *id)
{
	return bundles_hold(&certs->targets[CERTS_MUTATING].bundles, id) &&
	       bundles_hold(&certs->targets[CERTS_VALIDATING].bundles, id);
}

void certs_look(struct kube_certs *certs)
{
	bool wanted = certs->secret == SECRET_READ && certs->wanted.len;
	const struct authority *next =
	    authorities_next(&certs->authorities, certs_wall_s(), certs_lead_s(&certs->options.lifetimes));
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		certs->targets[i].right = wanted && bundles_right(&certs->targets[i].bundles, certs->wanted.ptr);
	certs_trust_note(&certs->trust, next, next && certs_seen(certs) && all_hold(certs, next->id), kube_now_ms());
	if (certs->shown.any && certs_seen(certs) && all_hold(certs, certs->shown.issuer))
		atomic_store(&certs->counts.ready, true);
}
