/* report: logs, Events and metrics of the self-managed certificates. They never contain a key. */
#include <time.h>

#include "webhook/cert_controller/machine.h"

static const char *const reasons[BUNDLE_REASONS + 1] = {
    [BUNDLE_FILLED] = "filled", [BUNDLE_ROTATED] = "rotated", [BUNDLE_RESTORED] = "restored"};

static void log_message(struct kube_certs *certs, enum log_level level, const char *event, const char *message)
{
	struct log_field field = {.key = "message", .text = str_of(message)};
	log_event(certs->options.log, level, event, &field, 1);
}

static struct log_field time_field(const char *key, int64_t when_s, char text[static 32])
{
	time_t when = (time_t)when_s;
	struct tm parts;
	gmtime_r(&when, &parts);
	return (struct log_field){.key = key, .text = {text, strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts)}};
}

/* --- Failures --- */

/* Whether a failure is known by now. Two that alternate are each reported once. */
static bool was_reported(struct kube_certs *certs, uint64_t hash)
{
	for (unsigned i = 0; i < CERTS_REPORTED_MAX && i < certs->reported_count; i++)
		if (certs->reported[i] == hash)
			return true;
	certs->reported[certs->reported_count++ % CERTS_REPORTED_MAX] = hash;
	return false;
}

void certs_report_failure(struct kube_certs *certs, enum certs_failure failure, const char *doing, const char *why)
{
	char text[1200];
	snprintf(text, sizeof text, "%s failed: %s", doing, why ? why : "no answer");
	atomic_fetch_add(&certs->counts.failures[failure], 1);
	if (was_reported(certs, str_hash(str_of(text))))
		return;
	log_message(certs, LOG_ERROR, "certificates_failing", text);
	kube_events_emit(certs->options.events, true, "CertificatesFailing", text);
}

void certs_report_fine(struct kube_certs *certs)
{
	if (certs->reported_count == 0)
		return;
	certs->reported_count = 0;
	log_message(certs, LOG_INFO, "certificates_recovered", "certificates are looked after again");
}

void certs_report_secret(struct kube_certs *certs, const char *why)
{
	char text[1200] = "there is no Secret " CERTS_SECRET "; an authority is made";
	if (certs->secret == certs->complained)
		return;
	certs->complained = certs->secret;
	if (certs->secret == SECRET_READ)
		return;
	if (certs->secret == SECRET_EMPTY)
		snprintf(text, sizeof text, "of the Secret " CERTS_SECRET ": %s; an authority is made", why);
	else if (certs->secret == SECRET_BROKEN)
		snprintf(text, sizeof text,
			 "the Secret " CERTS_SECRET " cannot be used: %s; a new authority takes its place", why);
	else if (certs->secret == SECRET_NEWER)
		snprintf(text, sizeof text,
			 "the Secret " CERTS_SECRET " is left alone: %s; run the newer gpugate again, or delete the "
			 "Secret: then a new authority is made",
			 why);
	if (certs->secret == SECRET_NEWER) {
		certs_report_failure(certs, FAILURE_READ, "reading the authorities", text);
		return;
	}
	log_message(certs, certs->secret == SECRET_BROKEN ? LOG_ERROR : LOG_WARN,
		    certs->secret == SECRET_BROKEN ? "authority_unreadable" : "authority_missing", text);
	if (certs->secret == SECRET_BROKEN)
		kube_events_emit(certs->options.events, true, "AuthorityUnreadable", text);
}

/* --- Completed steps --- */

void certs_report_issued(struct kube_certs *certs, time_t not_after)
{
	char text[32];
	struct log_field field = time_field("expires", not_after, text);
	atomic_fetch_add(&certs->counts.issued, 1);
	atomic_store(&certs->counts.issued_once, true);
	log_event(certs->options.log, LOG_INFO, "certificate_issued", &field, 1);
}

void certs_report_written(struct kube_certs *certs)
{
	static const struct {
		const char *event, *reason, *message;
	} rows[] = {
	    [CERTS_FOUND] = {"authority_created", "AuthorityCreated",
			     "a new authority signs gpugate's certificates; nobody has trusted another"},
	    [CERTS_ADD] = {"authority_added", "AuthorityAdded",
			   "a new authority is trusted from now on, and will sign gpugate's certificates"},
	    [CERTS_PROMOTE] = {"authority_rotated", "AuthorityRotated",
			       "the new authority signs gpugate's certificates from now on; the old one is trusted for "
			       "as long as what it has signed"},
	    [CERTS_DROP] = {"authority_dropped", "AuthorityDropped",
			    "an authority that signs no more is trusted no more"},
	};
	enum certs_step step = certs->step;
	if (step == CERTS_FOUND || step == CERTS_ADD)
		atomic_fetch_add(&certs->counts.made, 1);
	if (step == CERTS_PROMOTE)
		atomic_fetch_add(&certs->counts.rotated, 1);
	log_message(certs, LOG_INFO, rows[step].event, rows[step].message);
	kube_events_emit(certs->options.events, false, rows[step].reason, rows[step].message);
}

void certs_report_bundle(struct kube_certs *certs, const struct certs_target *target)
{
	bool restored = target->reason == BUNDLE_RESTORED;
	const char *name = certs->patching == CERTS_MUTATING ? "mutating" : "validating";
	char text[256];
	snprintf(text, sizeof text,
		 restored
		     ? "caBundle of the %s webhook configuration was changed by somebody else, and is written back; "
		       "keep it out of manifests (gpugate render --certs self-managed)"
		     : "caBundle of the %s webhook configuration is written",
		 name);
	const struct log_field fields[] = {
	    {.key = "configuration", .text = str_of(name)},
	    {.key = "reason", .text = str_of(reasons[target->reason])},
	    {.key = "message", .text = str_of(text)},
	};
	atomic_fetch_add(&certs->counts.bundles[target->reason], 1);
	log_event(certs->options.log, restored ? LOG_WARN : LOG_INFO, "bundle_written", fields,
		  sizeof fields / sizeof *fields);
	if (restored)
		kube_events_emit(certs->options.events, true, "CABundleRestored", text);
}

void certs_report_authorities(struct kube_certs *certs, int64_t now_s)
{
	const struct authority *signer = authorities_signer(&certs->authorities, now_s);
	unsigned next = 0, signing = 0, retired = 0;
	for (size_t i = 0; i < certs->authorities.count; i++) {
		const struct authority *item = &certs->authorities.items[i];
		signing += item == signer;
		retired += item->stopped != 0;
		next += !item->signs && !item->stopped;
	}
	atomic_store(&certs->counts.expiry_s, signer ? signer->not_after : 0);
	atomic_store(&certs->counts.next, next);
	atomic_store(&certs->counts.signing, signing);
	atomic_store(&certs->counts.retired, retired);
}

/* --- For other threads --- */

const char *kube_certs_unready(const struct kube_certs *certs)
{
	if (!certs || atomic_load(&certs->counts.ready))
		return NULL;
	return atomic_load(&certs->counts.issued_once)
		   ? "the webhook configurations do not trust the certificate yet."
		   : "there is no certificate yet; the log says what gpugate waits for.";
}

void kube_certs_health(const struct kube_certs *certs, struct kube_certs_health *health)
{
	*health = (struct kube_certs_health){
	    .expires = (time_t)atomic_load(&certs->counts.expiry_s),
	    .next = atomic_load(&certs->counts.next),
	    .signing = atomic_load(&certs->counts.signing),
	    .retired = atomic_load(&certs->counts.retired),
	};
}

/* --- Metrics --- */

enum row { AUTHORITY_EXPIRY, TRUSTED, ISSUED, MADE, ROTATED, BUNDLES, FAILED, ROWS };

static const struct metric rows[ROWS] = {
    [AUTHORITY_EXPIRY] = {.name = "gpugate_certificate_authority_expiry_timestamp_seconds",
			  .type = METRIC_GAUGE,
			  .unit = "seconds since 1970",
			  .help = "When the authority that signs ends, since the Unix epoch in seconds.",
			  .details = "It has no sample until the Secret was read.",
			  .alerts = "GpugateAuthorityExpires"},
    [TRUSTED] = {.name = "gpugate_certificate_authorities",
		 .type = METRIC_GAUGE,
		 .unit = "authorities",
		 .help = "Authorities that are trusted, by what they do.",
		 .labels = {{"state", METRIC_VALUES("next", "signing", "retired")}},
		 .alerts = "GpugateAuthorityWaits"},
    [ISSUED] = {.name = "gpugate_certificate_issued_total",
		.type = METRIC_COUNTER,
		.unit = "certificates",
		.help = "Certificates that this replica has made for itself."},
    [MADE] = {.name = "gpugate_certificate_authorities_created_total",
	      .type = METRIC_COUNTER,
	      .unit = "authorities",
	      .help = "Authorities that this replica has created."},
    [ROTATED] = {.name = "gpugate_certificate_rotations_total",
		 .type = METRIC_COUNTER,
		 .unit = "rotations",
		 .help = "Times that this replica has let the next authority sign."},
    [BUNDLES] = {.name = "gpugate_certificate_bundles_written_total",
		 .type = METRIC_COUNTER,
		 .unit = "configurations",
		 .help =
		     "Webhook configurations whose caBundle this replica has written, by why; restored: somebody else "
		     "had changed it.",
		 .labels = {{"reason", reasons}},
		 .details = "`filled`: it was empty. `rotated`: the authorities have changed.",
		 .alerts = "GpugateBundlesFought"},
    [FAILED] = {.name = "gpugate_certificate_failures_total",
		.type = METRIC_COUNTER,
		.unit = "failures",
		.help = "What failed in looking after certificates, by what it was; it is tried again.",
		/* By enum certs_failure. */
		.labels = {{"what", METRIC_VALUES("read", "write", "bundle", "issue")}},
		.details = "`read` and `write` are of the Secret.",
		.alerts = "GpugateCertificatesFail"},
};

const struct metric_set kube_certs_metrics = {"Self-managed certificates", "With `--certs self-managed`.",
					      METRIC_ROWS(rows)};

static void print_counts(struct buf *out, const struct metric *metric, const _Atomic uint64_t *counts)
{
	int64_t numbers[BUNDLE_REASONS + FAILURES]; /* Room for any of these families. */
	for (size_t i = 0; i < metric_combinations(metric); i++)
		numbers[i] = (int64_t)atomic_load(&counts[i]);
	metric_integers(out, metric, numbers);
}

void kube_certs_metrics_render(void *context, struct buf *out)
{
	struct kube_certs *certs = context;
	struct certs_counts *counts = &certs->counts;
	struct kube_certs_health health;
	kube_certs_health(certs, &health);
	metric_head(out, &rows[AUTHORITY_EXPIRY]);
	if (health.expires)
		metric_integer(out, &rows[AUTHORITY_EXPIRY], 0, (int64_t)health.expires);
	metric_integers(out, &rows[TRUSTED], (int64_t[]){health.next, health.signing, health.retired});
	print_counts(out, &rows[ISSUED], &counts->issued);
	print_counts(out, &rows[MADE], &counts->made);
	print_counts(out, &rows[ROTATED], &counts->rotated);
	print_counts(out, &rows[BUNDLES], counts->bundles);
	print_counts(out, &rows[FAILED], counts->failures);
}
