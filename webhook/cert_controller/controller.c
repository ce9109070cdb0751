/*
 * controller: passes. A pass reads the Secret, decides, and executes one step. Passes follow each
 * other until the only step is to wait. A change of the Secret or the configurations by others
 * starts a pass, too.
 */
#include "webhook/cert_controller/machine.h"

#include <stdlib.h>
#include <time.h>

#include "webhook/base/base64.h"

#define READ_MS 4000
#define BACKOFF_MS 1000

/* --- Passes --- */

static void pass_soon(struct kube_certs *certs)
{
	if (certs->busy)
		certs->again = true;
	else
		kube_timer_set(certs->options.loop, &certs->timer, 0);
}

/* --- Facts --- */

/* Sets `wanted` to the base64 of the bundle, as in caBundle. */
static void want(struct kube_certs *certs)
{
	struct buf pem;
	buf_init(&pem, AUTHORITIES_TEXT_MAX);
	authorities_bundle(&certs->authorities, &pem);
	buf_reset(&certs->wanted);
	if (!pem.failed)
		base64_encode(buf_view(&pem), &certs->wanted);
	buf_release(&pem);
}

void kube_certs_see(struct kube_certs *certs, bool mutating, struct str json)
{
	struct error err = {0};
	if (!certs)
		return;
	if (bundles_see(&certs->targets[mutating ? CERTS_MUTATING : CERTS_VALIDATING].bundles, json, &err) < 0)
		certs_report_failure(certs, FAILURE_BUNDLE, "reading the bundles", err.text);
	certs_look(certs);
	pass_soon(certs);
}

struct others {
	const struct authorities *known;
	int64_t now_s;
	bool found;
};

static int find_other(void *context, const struct certs_item *item)
{
	struct others *others = context;
	bool known = !item->authority || item->not_after <= others->now_s;
	for (size_t i = 0; !known && i < others->known->count; i++)
		known = memcmp(others->known->items[i].id, item->id, sizeof item->id) == 0;
	others->found |= !known;
	return others->found;
}

static void gather(struct kube_certs *certs, struct certs_facts *facts)
{
	struct others others = {&certs->authorities, certs_wall_s(), false};
	certs_look(certs);
	*facts = (struct certs_facts){.secret = certs->secret,
				      .authorities = &certs->authorities,
				      .read_ms = certs->read_ms,
				      .known = certs_seen(certs),
				      .trust = certs->trust,
				      .shown = certs->shown,
				      .now_s = others.now_s,
				      .now_ms = kube_now_ms()};
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		const struct certs_target *target = &certs->targets[i];
		facts->right[i] = target->right;
		facts->fresh[i] = strcmp(target->version_at_read, target->bundles.version) == 0;
		facts->patch_ms[i] = target->patch_ms;
		bundles_each(&target->bundles, find_other, &others);
	}
	facts->others_trusted = others.found;
}

/* --- Steps --- */

/*
 * Whether a bundle was just written, or could not be. It must be checked again before a recovery is
 * reported.
 */
static bool awaits_patch(const struct kube_certs *certs)
{
	bool awaits = false;
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		awaits |= !certs->targets[i].right && kube_now_ms() < certs->targets[i].patch_ms;
	return awaits;
}

static void rest(struct kube_certs *certs, int64_t ms)
{
	if (certs->secret == SECRET_NEWER) {
		certs->again = false;
	} else if (!awaits_patch(certs)) {
		certs->backoff_ms = BACKOFF_MS;
		certs_report_fine(certs);
	}
	certs_pass_in(certs, ms);
}

/* Starts the step that was decided. */
static void take_step(struct kube_certs *certs, const struct certs_decision *decision)
{
	int64_t now_s = certs_wall_s(), slack_s = certs_slack_s(&certs->options.lifetimes);
	const struct authority *next =
	    authorities_next(&certs->authorities, now_s, certs_lead_s(&certs->options.lifetimes));
	struct error err = {0};
	certs->step = decision->step;
	switch (decision->step) {
	case CERTS_WAIT:
		rest(certs, decision->wait_ms);
		return;
	case CERTS_READ:
	case CERTS_SIGN:
		certs_pass_in(certs, CERTS_CONFLICT_MS);
		return;
	case CERTS_BUNDLE:
		certs_write_bundle(certs, decision->configuration);
		return;
	case CERTS_FOUND:
	case CERTS_ADD:
		if (certs_make_authority(certs, decision->step == CERTS_FOUND, &err) < 0) {
			certs_fail(certs, FAILURE_ISSUE, "making an authority", err.text);
			return;
		}
		break;
	case CERTS_PROMOTE:
		/* It was valid when the decision was made, and time has passed since. */
		if (!next) {
			certs_pass_in(certs, CERTS_CONFLICT_MS);
			return;
		}
		authorities_promote(&certs->authorities, next, now_s);
		break;
	case CERTS_DROP:
		authorities_drop(&certs->authorities, now_s, slack_s);
		break;
	}
	certs_write_secret(certs);
}

static void decide(struct kube_certs *certs)
{
	struct certs_facts facts;
	struct error err = {0};
	gather(certs, &facts);
	struct certs_decision decision = certs_decide(&certs->options.lifetimes, &facts);
	if (decision.step == CERTS_SIGN) {
		if (certs_issue_own(certs, &err) < 0) {
			certs_fail(certs, FAILURE_ISSUE, "issuing a certificate", err.text);
			return;
		}
		gather(certs, &facts);
		decision = certs_decide(&certs->options.lifetimes, &facts);
	}
	take_step(certs, &decision);
}

static void on_read(void *context, const struct kube_response *response)
{
	struct kube_certs *certs = context;
	struct error err = {0};
	if (response->status != 200 && response->status != 404) {
		certs_fail(certs, FAILURE_READ, "reading the Secret " CERTS_SECRET, response->problem);
		return;
	}
	authorities_release(&certs->authorities);
	certs->secret = SECRET_ABSENT;
	certs->version[0] = '\0';
	if (response->status == 200)
		certs->secret = authorities_read(&certs->authorities, response->body, certs->version, &err);
	/* Without a version, nothing could be written against it. */
	if (response->status == 200 && !certs->version[0]) {
		certs_fail(certs, FAILURE_READ, "reading the Secret " CERTS_SECRET, err.text);
		return;
	}
	want(certs);
	certs_report_secret(certs, err.text);
	certs_report_authorities(certs, certs_wall_s());
	decide(certs);
}

/* Reads without a resourceVersion are answered from storage, not from a cache. */
static void run_pass(void *context)
{
	struct kube_certs *certs = context;
	struct buf path;
	certs->busy = true;
	certs->again = false;
	certs->read_ms = kube_now_ms();
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		memcpy(certs->targets[i].version_at_read, certs->targets[i].bundles.version,
		       sizeof certs->targets[i].version_at_read);
	buf_init(&path, 1024);
	buf_printf(&path, "/api/v1/namespaces/%s/secrets/" CERTS_SECRET, certs->options.namespace);
	if (path.failed)
		certs_fail(certs, FAILURE_READ, "reading the Secret " CERTS_SECRET, "there is no memory for it");
	else
		kube_call(certs->options.client, &(struct kube_call){.method = "GET",
								     .path = path.ptr,
								     .timeout_ms = READ_MS,
								     .body_max = CERTS_SECRET_BYTES_MAX,
								     .secret = true,
								     .retry = true,
								     .done = on_read,
								     .context = certs});
	buf_release(&path);
}

/* --- The watch of the Secret --- */

static void on_begin(void *context)
{
	(void)context;
}

static void on_listed(void *context, struct str json)
{
	(void)json;
	pass_soon(context);
}

static void on_version(void *context, uint64_t version)
{
	(void)version;
	pass_soon(context);
}

static void on_changed(void *context, bool gone, struct str json)
{
	(void)gone, (void)json;
	pass_soon(context);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

static int open_watch(struct kube_certs *certs, struct error *err)
{
	buf_printf(&certs->watched, "/api/v1/namespaces/%s/secrets", certs->options.namespace);
	if (certs->watched.failed)
		return error_set(err, "there is no memory to watch the Secret " CERTS_SECRET);
	const struct kube_watch_options how = {
	    .name = "secrets",
	    .path = certs->watched.ptr,
	    .query = "fieldSelector=metadata.name%3D" CERTS_SECRET,
	    .metadata = true,
	    .events = {on_begin, on_listed, on_version, on_changed, on_bookmark, certs},
	    .log = certs->options.log,
	};
	certs->watch = kube_watch_create(certs->options.loop, certs->options.client, &how, err);
	return certs->watch ? 0 : -1;
}

/* --- Life cycle --- */

struct kube_certs *kube_certs_create(const struct kube_certs_options *options, struct error *err)
{
	struct kube_certs *certs = calloc(1, sizeof *certs);
	if (!certs) {
		error_set(err, "there is no memory for certificates");
		return NULL;
	}
	certs->options = *options;
	certs->timer = (struct kube_timer){.run = run_pass, .context = certs};
	certs->backoff_ms = BACKOFF_MS;
	certs->complained = SECRET_READ;
	authorities_init(&certs->authorities);
	buf_init(&certs->watched, 1024);
	buf_init(&certs->wanted, 2 * AUTHORITIES_TEXT_MAX);
	pthread_mutex_init(&certs->delivering, NULL);
	if (open_watch(certs, err) < 0) {
		kube_certs_destroy(certs);
		return NULL;
	}
	kube_watch_start(certs->watch);
	kube_timer_set(options->loop, &certs->timer, 0);
	return certs;
}

void kube_certs_stop(struct kube_certs *certs)
{
	if (!certs)
		return;
	pthread_mutex_lock(&certs->delivering);
	certs->stopped = true;
	pthread_mutex_unlock(&certs->delivering);
}

void kube_certs_destroy(struct kube_certs *certs)
{
	if (!certs)
		return;
	kube_timer_clear(certs->options.loop, &certs->timer);
	kube_watch_destroy(certs->watch);
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		bundles_release(&certs->targets[i].bundles);
	authorities_release(&certs->authorities);
	buf_release(&certs->watched);
	buf_release(&certs->wanted);
	pthread_mutex_destroy(&certs->delivering);
	free(certs);
}
