/*
 * steps: executes the steps of a pass: writes the Secret or a bundle, creates an authority, issues
 * a certificate.
 */
#include <stdlib.h>
#include <time.h>

#include "webhook/cert_controller/machine.h"

#define WRITE_MS 10000
#define PATCH_BYTES_MAX (8u << 20)
#define PATCH_AGAIN_MS 1000 /* Until the watch has reported the write. */
/* If a bundle is changed again within this time, it is restored more slowly. */
#define FIGHT_MS 60000
#define FIGHT_DELAY_MAX_MS 30000
#define MS 1000
#define RANDOM_MAX (INT64_MAX - 1) /* The largest range for kube_random. */

static const char *const kinds[CERTS_CONFIGURATIONS] = {
    [CERTS_MUTATING] = "mutatingwebhookconfigurations",
    [CERTS_VALIDATING] = "validatingwebhookconfigurations",
};

/* --- The Secret --- */

static void on_written(void *context, const struct kube_response *response)
{
	struct kube_certs *certs = context;
	if (response->status == 200 || response->status == 201) {
		certs_report_written(certs);
		certs_pass_in(certs, 0);
	} else if (response->status == 409 || (response->status == 404 && certs->secret != SECRET_ABSENT)) {
		/*
		 * Another replica was first. (A 404 for a POST is a failure: the namespace is
		 * missing.)
		 */
		certs_pass_in(certs, kube_random(certs->options.loop, 0, CERTS_CONFLICT_MS));
	} else {
		certs_fail(certs, FAILURE_WRITE, "writing the Secret " CERTS_SECRET, response->problem);
	}
}

/*
 * Writes the authorities against the version that was read. After any outcome, they are read again
 * before the next step.
 */
void certs_write_secret(struct kube_certs *certs)
{
	const char *namespace = certs->options.namespace;
	bool there = certs->secret != SECRET_ABSENT;
	struct buf path, body;
	buf_init(&path, 1024);
	buf_init(&body, CERTS_SECRET_BYTES_MAX);
	buf_printf(&path, "/api/v1/namespaces/%s/secrets%s?fieldManager=" CERTS_MANAGER, namespace,
		   there ? "/" CERTS_SECRET : "");
	authorities_write(&certs->authorities, namespace, there ? certs->version : NULL, &body);
	if (path.failed || body.failed)
		certs_fail(certs, FAILURE_WRITE, "writing the Secret " CERTS_SECRET, "there is no memory for it");
	else
		kube_call(certs->options.client,
			  &(struct kube_call){.method = there ? "PATCH" : "POST",
					      .path = path.ptr,
					      .content_type = there ? "application/merge-patch+json" : NULL,
					      .accept = KUBE_METADATA,
					      .body = buf_view(&body),
					      .timeout_ms = WRITE_MS,
					      .secret = true,
					      .done = on_written,
					      .context = certs});
	buf_wipe(&body);
	buf_release(&path);
}

struct keeping {
	struct authorities *all;
	int64_t leaf_s, now_s;
	struct error err;
};

static int keep(void *context, const struct certs_item *item)
{
	struct keeping *keeping = context;
	return authorities_keep(keeping->all, item, keeping->leaf_s, keeping->now_s, &keeping->err);
}

/*
 * Creates an authority. If the Secret had no authorities, keeps those that are trusted, because
 * they may have signed certificates that other replicas serve.
 */
int certs_make_authority(struct kube_certs *certs, bool signs, struct error *err)
{
	const struct certs_lifetimes *lifetimes = &certs->options.lifetimes;
	struct keeping keeping = {&certs->authorities, lifetimes->leaf_s, certs_wall_s(), {.line = 0}};
	struct certs_pair pair;
	struct tm parts;
	char name[64];
	time_t now = (time_t)keeping.now_s;
	if (certs->secret != SECRET_READ)
		for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
			bundles_each(&certs->targets[i].bundles, keep, &keeping);
	gmtime_r(&now, &parts);
	strftime(name, sizeof name, "gpugate authority of %Y-%m-%dT%H:%M:%SZ", &parts);
	certs_pair_init(&pair);
	int failed = certs_authority_create(&pair, name, now, lifetimes->ca_s, err);
	if (!failed)
		failed = authorities_add(&certs->authorities, &pair, signs ? keeping.now_s : 0, lifetimes->leaf_s, err);
	certs_pair_release(&pair);
	return failed;
}

/* --- Certificates --- */

static int deliver(struct kube_certs *certs, const struct certs_pair *pair, struct error *err)
{
	int failed = 0;
	pthread_mutex_lock(&certs->delivering);
	if (!certs->stopped)
		failed = certs->options.deliver(certs->options.context, &pair->certificate, &pair->key, err);
	pthread_mutex_unlock(&certs->delivering);
	return failed;
}

static void note_shown(struct kube_certs *certs, const struct authority *signer, time_t not_after)
{
	int64_t life_ms = ((int64_t)not_after - certs_wall_s()) * MS;
	certs->shown.any = true;
	certs->shown.not_after = not_after;
	certs->shown.renew_ms =
	    kube_now_ms() + certs_renew_ms(life_ms, (uint64_t)kube_random(certs->options.loop, 0, RANDOM_MAX));
	memcpy(certs->shown.issuer, signer->id, sizeof certs->shown.issuer);
	certs_report_issued(certs, not_after);
	certs_look(certs);
}

int certs_issue_own(struct kube_certs *certs, struct error *err)
{
	const struct kube_certs_options *options = &certs->options;
	const struct authority *signer = authorities_signer(&certs->authorities, certs_wall_s());
	if (!signer)
		return error_set(err, "no authority signs");
	int64_t leaf_s = options->lifetimes.leaf_s < signer->leaf_s ? options->lifetimes.leaf_s : signer->leaf_s;
	const struct certs_leaf leaf = {.usage = CERTS_SERVER,
					.common_name = "gpugate",
					.dns = options->dns,
					.dns_count = options->dns_count,
					.ips = options->ips,
					.ip_count = options->ip_count,
					.seconds = leaf_s};
	struct certs_pair pair;
	certs_pair_init(&pair);
	int failed = certs_issue(&pair, buf_view(&signer->certificate), buf_view(&signer->key), &leaf, time(NULL), err);
	if (!failed)
		failed = deliver(certs, &pair, err);
	if (!failed)
		note_shown(certs, signer, pair.not_after);
	certs_pair_release(&pair);
	return failed;
}

/* --- Bundles --- */

/* The first foreign change is reverted at once, and further ones more and more slowly. */
static void note_patched(struct certs_target *target, int64_t now_ms)
{
	target->patch_ms = now_ms + PATCH_AGAIN_MS;
	if (target->reason != BUNDLE_RESTORED)
		return;
	bool fight = target->restored_ms && now_ms - target->restored_ms < FIGHT_MS;
	int64_t delay_ms = fight ? target->mend_delay_ms * 2 : PATCH_AGAIN_MS;
	target->mend_delay_ms = delay_ms < FIGHT_DELAY_MAX_MS ? delay_ms : FIGHT_DELAY_MAX_MS;
	target->patch_ms = now_ms + target->mend_delay_ms;
	target->restored_ms = now_ms;
}

static void on_patched(void *context, const struct kube_response *response)
{
	struct kube_certs *certs = context;
	struct certs_target *target = &certs->targets[certs->patching];
	if (response->status == 200) {
		note_patched(target, kube_now_ms());
		certs_report_bundle(certs, target);
		certs_pass_in(certs, 0);
	} else if (response->status == 409 || response->status == 404) {
		/* The watch will report the current version. */
		target->patch_ms = kube_now_ms() + 2 * CERTS_CONFLICT_MS;
		certs_pass_in(certs, kube_random(certs->options.loop, 0, CERTS_CONFLICT_MS));
	} else {
		/* Other steps continue meanwhile. */
		target->patch_ms = kube_now_ms() + certs->backoff_ms;
		certs_fail(certs, FAILURE_BUNDLE, "writing caBundle", response->problem);
	}
}

void certs_write_bundle(struct kube_certs *certs, enum certs_configuration configuration)
{
	struct certs_target *target = &certs->targets[configuration];
	struct buf path, body;
	certs->patching = configuration;
	target->reason = bundles_reason(&target->bundles, certs->wanted.ptr);
	buf_init(&path, 256);
	buf_init(&body, PATCH_BYTES_MAX);
	buf_printf(&path, "/apis/admissionregistration.k8s.io/v1/%s/gpugate?fieldManager=" CERTS_MANAGER,
		   kinds[configuration]);
	bundles_patch(&target->bundles, certs->wanted.ptr, &body);
	if (path.failed || body.failed)
		certs_fail(certs, FAILURE_BUNDLE, "writing caBundle", "there is no memory for it");
	else
		kube_call(certs->options.client,
			  &(struct kube_call){.method = "PATCH",
					      .path = path.ptr,
					      .content_type = "application/strategic-merge-patch+json",
					      .accept = KUBE_METADATA,
					      .body = buf_view(&body),
					      .timeout_ms = WRITE_MS,
					      .done = on_patched,
					      .context = certs});
	buf_release(&path);
	buf_release(&body);
}
