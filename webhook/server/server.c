#include "webhook/server/server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "webhook/base/path_secret.h"
#include "webhook/cli/terminal.h"
#include "webhook/http/admin.h"
#include "webhook/http/server.h"
#include "webhook/metrics/process.h"
#include "webhook/server/admit.h"
#include "webhook/server/ledger.h"
#include "webhook/server/metric_sets.h"
#include "webhook/server/recording.h"
#include "webhook/server/reload.h"
#include "webhook/server/server_metrics.h"
#include "webhook/server/status.h"
#include "webhook/server/status_page.h"

#define REPORT_BYTES_MAX (1 << 20)

struct serve {
	const struct serve_options *options;
	struct path_secret *secret; /* NULL: none */
	struct log *log;
	struct metrics *metrics;
	struct admission_metrics *counts;
	struct server_metrics_sources gauges;
	double started; /* The result of metrics_process_started. */
	struct policy_store *policies;
	struct serve_kube kube;
	struct serve_ledger ledger;
	struct recent_denials denials;
	struct recorder *recorder; /* NULL: none. */
	struct admission admission;
	struct http_server *server;
	struct http_admin *admin;
	struct watch *watch;
	char page_policy[STATUS_PAGE_POLICY_BYTES];
	atomic_bool draining;
};

static void log_message(struct serve *serve, enum log_level level, const char *event, const char *message)
{
	struct log_field field = {.key = "message", .text = str_of(message)};
	log_event(serve->log, level, event, &field, 1);
}

/* Hooks: how the parts call each other without depending on each other. */

static void on_http_rejected(void *context, unsigned status)
{
	admission_metrics_rejected(((struct serve *)context)->counts, status);
}

static const char *unready(void *context)
{
	struct serve *serve = context;
	if (atomic_load(&serve->draining))
		return "gpugate is draining and will stop soon.";
	const char *why = kube_certs_unready(serve->kube.certs);
	if (!why)
		why = registration_watch_unready(serve->kube.registration);
	return why ? why : serve_ledger_unready(&serve->ledger);
}

static int on_issued(void *context, const struct buf *certificate, const struct buf *key, struct error *err)
{
	struct serve *serve = context;
	if (http_server_exchange(serve->server, certificate, key, err) < 0)
		return -1;
	trust_watch_serve(serve->kube.trust, buf_view(certificate));
	return 0;
}

static void render_metrics(void *context, struct buf *out)
{
	metrics_render(((struct serve *)context)->metrics, out);
}

static void render_status(void *context, struct buf *out)
{
	struct serve *serve = context;
	struct status_sources sources = {.policies = serve->policies,
					 .denials = &serve->denials,
					 .registration = serve->kube.registration,
					 .cluster = serve->ledger.cluster,
					 .replica = serve->kube.replica,
					 .unready = unready(context),
					 .certs = serve->kube.certs,
					 .certificate_expiry = http_server_certificate_expiry(serve->server),
					 .now = time(NULL)};
	serve_ledger_sums(&serve->ledger, &sources.sums);
	status_write(&sources, out);
	ledger_sums_release(&sources.sums);
}

static int on_new_policy(void *context, const struct policy *policy)
{
	struct serve *serve = context;
	if (serve_ledger_rebase(&serve->ledger, policy) < 0)
		return -1;
	registration_watch_rebase(serve->kube.registration, policy);
	return 0;
}

static void on_policy_told(void *context, bool accepted, const char *message)
{
	kube_events_emit(((struct serve *)context)->kube.events, !accepted,
			 accepted ? "PolicyLoaded" : "PolicyRejected", message);
}

static void on_policy_files(void *context)
{
	policy_store_reload(((struct serve *)context)->policies);
}

static void log_certificate(struct serve *serve)
{
	time_t expiry = http_server_certificate_expiry(serve->server);
	if (!serve->options->tls_cert)
		return; /* logged by what issues it */
	struct tm parts;
	char text[32];
	gmtime_r(&expiry, &parts);
	size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	struct log_field field = {.key = "expires", .text = {text, len}};
	log_event(serve->log, LOG_INFO, "certificate_loaded", &field, 1);
}

/* Certificates from files; on_issued has the others. */
static void check_trust(struct serve *serve)
{
	struct buf chain;
	buf_init(&chain, CERTS_PEM_MAX);
	http_server_certificate(serve->server, &chain);
	trust_watch_serve(serve->kube.trust, buf_view(&chain));
	buf_release(&chain);
}

static void on_certificate_files(void *context)
{
	struct serve *serve = context;
	struct error err = {0};
	int failed = http_server_reload_tls(serve->server, &err);
	check_trust(serve); /* where only the client CA was refused, the certificate was taken */
	if (!failed) {
		log_certificate(serve);
		return;
	}
	atomic_fetch_add(&serve->gauges.certificate_failures, 1);
	log_message(serve, LOG_ERROR, "certificate_rejected", err.text);
}

static void on_path_secret_file(void *context)
{
	struct serve *serve = context;
	struct error err = {0};
	int result = path_secret_reload(serve->secret, &err);
	if (result < 0)
		log_message(serve, LOG_ERROR, "path_secret_rejected", err.text);
	if (result <= 0)
		return;
	log_message(
	    serve, LOG_INFO, "path_secret_loaded",
	    "the path secret has changed; the one before is answered as well until the next change or a restart");
	registration_watch_again(serve->kube.registration);
}

/* Start: each step fails with an error that says what to do. */

static void print_report(const struct report *report)
{
	struct buf text;
	buf_init(&text, REPORT_BYTES_MAX);
	report_print(report, terminal_has_colors(STDERR_FILENO), &text);
	fwrite(text.ptr, 1, text.len, stderr);
	buf_release(&text);
}

static int open_policy(struct serve *serve, struct error *err)
{
	struct report report;
	report_init(&report);
	const struct option_list *paths = &serve->options->policies;
	serve->policies = policy_store_create(paths->items, paths->count, serve->log, &report, err);
	if (!serve->policies && report.errors > 0) {
		print_report(&report);
		error_set(err, "the policy has %u error%s; fix %s and start again (`gpugate lint` prints the same)",
			  report.errors, report.errors == 1 ? "" : "s", report.errors == 1 ? "it" : "them");
	}
	report_release(&report);
	return serve->policies ? metrics_attach(serve->metrics, &policy_store_metrics, policy_store_metrics_render,
						serve->policies, err)
			       : -1;
}

static int open_secret(struct serve *serve, struct error *err)
{
	const char *file = serve->options->path_secret;
	serve->secret = file ? path_secret_create(file, err) : NULL;
	return file && !serve->secret ? -1 : 0;
}

static int open_recorder(struct serve *serve, struct error *err)
{
	return serve_recording_open(&serve->recorder, serve->options, serve->log, serve->metrics, err);
}

static int open_ledger(struct serve *serve, struct error *err)
{
	const struct policy *policy = policy_store_get(serve->policies);
	const struct serve_options *options = serve->options;
	const struct serve_delivery delivery = {on_issued, serve};
	serve->kube.secret = serve->secret;
	int result = serve_kube_open(&serve->kube, options, policy, &delivery, serve->log, serve->metrics, err);
	if (result == 0)
		result = serve_ledger_open(&serve->ledger, &serve->kube, options, serve->policies, serve->log,
					   serve->metrics, err);
	policy_release(policy);
	if (result < 0)
		return -1;
	policy_store_hook(serve->policies, on_new_policy, serve);
	policy_store_notify(serve->policies, on_policy_told, serve);
	return 0;
}

/* After the server, to which certificates are delivered. */
static int start_kube(struct serve *serve, struct error *err)
{
	return serve_kube_start(&serve->kube, err);
}

static int open_server(struct serve *serve, struct error *err)
{
	const struct serve_options *options = serve->options;
	serve->admission = (struct admission){.policies = serve->policies,
					      .ledger = serve_ledger_store(&serve->ledger),
					      .targets = serve->kube.targets,
					      .metrics = serve->counts,
					      .log = serve->log,
					      .denials = &serve->denials,
					      .recorder = serve->recorder};
	serve->server = http_server_create(
	    &(struct http_options){
		.listen = options->listen,
		.cert_file = options->tls_cert,
		.key_file = options->tls_key,
		.client_ca_file = options->client_ca,
		.client_names = options->client_names.items,
		.client_name_count = options->client_names.count,
		.path_secret = serve->secret,
		.threads = (unsigned)options->threads,
		.answer = admit_answer,
		.answer_context = &serve->admission,
		.rejected = on_http_rejected,
		.rejected_context = serve,
		.log = serve->log,
	    },
	    err);
	if (!serve->server)
		return -1;
	log_certificate(serve);
	check_trust(serve);
	serve->gauges.server = serve->server;
	serve->gauges.log = serve->log;
	return metrics_attach(serve->metrics, &server_metrics, server_metrics_render, &serve->gauges, err);
}

static int open_admin(struct serve *serve, struct error *err)
{
	if (!serve->options->admin)
		return 0;
	status_page_policy(serve->page_policy);
	serve->admin = http_admin_create(
	    &(struct http_admin_options){
		.listen = serve->options->admin,
		.unready = unready,
		.metrics = render_metrics,
		.status = render_status,
		.page = status_page(),
		.page_policy = serve->page_policy,
		.context = serve,
		.log = serve->log,
	    },
	    err);
	return serve->admin ? 0 : -1;
}

/* The metrics that belong to no other part. */
static int open_metrics(struct serve *serve, struct error *err)
{
	serve->started = metrics_process_started();
	serve->metrics = metrics_create(serve_metric_sets, serve_metric_set_count, err);
	serve->counts = serve->metrics ? admission_metrics_create(err) : NULL;
	if (!serve->counts ||
	    metrics_attach(serve->metrics, &admission_metrics, admission_metrics_render, serve->counts, err) < 0)
		return -1;
	return metrics_attach(serve->metrics, &process_metrics, process_metrics_render, &serve->started, err);
}

/* Comes before any file is read, so that no change of one is missed. */
static int open_watch(struct serve *serve, struct error *err)
{
	const struct serve_watch_hooks hooks = {on_policy_files, on_certificate_files, on_path_secret_file, serve};
	serve->watch = serve_watch_create(serve->options, &hooks, serve->log, err);
	return serve->watch ? 0 : -1;
}

static int open_all(struct serve *serve, struct error *err)
{
	static int (*const steps[])(struct serve * serve, struct error * err) = {
	    open_metrics, open_recorder, open_watch, open_policy, open_secret,
	    open_ledger,  open_server,   start_kube, open_admin,
	};
	recent_denials_init(&serve->denials);
	if (!(serve->log = log_create(STDERR_FILENO, err)))
		return -1;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (steps[i](serve, err) < 0)
			return -1;
	return watch_start(serve->watch, err);
}

/* The policy may get a Rule with `gangs` later, which is not logged. */
static void log_unread_groups(struct serve *serve)
{
	const struct policy *policy = policy_store_get(serve->policies);
	if (policy_has_gangs(policy) && !serve->kube.targets)
		log_message(serve, LOG_WARN, "groups_unread",
			    "a Rule has gangs, but objects cannot be read without --kubeconfig; a Pod is decided alone "
			    "if only an object says how many Pods its group has");
	policy_release(policy);
}

static void log_start(struct serve *serve)
{
	const struct log_field fields[] = {
	    {.key = "address", .text = str_of(http_server_address(serve->server))},
	    {.key = "admin", .text = str_of(serve->admin ? http_admin_address(serve->admin) : NULL)},
	    {.key = "version", .text = STR(GPUGATE_VERSION)},
	};
	if (serve->options->ledger == LEDGER_KIND_EMBEDDED)
		log_message(serve, LOG_WARN, "ledger_forgets",
			    "the embedded ledger loses at exit what running Pods use, and allows only one replica; it "
			    "is for trials and tests");
	if (!serve->options->client_ca && !serve->options->path_secret)
		log_message(serve, LOG_WARN, "open_to_all",
			    "anyone who can reach the port can submit reviews and consume quota; give --path-secret or "
			    "--client-ca");
	log_unread_groups(serve);
	log_event(serve->log, LOG_INFO, "listening", fields, sizeof fields / sizeof *fields);
}

struct serve *serve_create(const struct serve_options *options, struct error *err)
{
	if (serve_options_check(options, err) < 0)
		return NULL;
	struct serve *serve = calloc(1, sizeof *serve);
	if (!serve) {
		error_set(err, "not enough memory to start");
		return NULL;
	}
	serve->options = options;
	if (open_all(serve, err) < 0) {
		serve_destroy(serve);
		return NULL;
	}
	log_start(serve);
	return serve;
}

void serve_reload(struct serve *serve)
{
	watch_now(serve->watch);
}

void serve_drain(struct serve *serve)
{
	char storage[24];
	struct log_field seconds = log_number("seconds", serve->options->drain_seconds, storage);
	log_event(serve->log, LOG_INFO, "draining", &seconds, 1);
	atomic_store(&serve->draining, true);
	http_server_drain(serve->server, (unsigned)serve->options->drain_seconds);
	log_event(serve->log, LOG_INFO, "stopped", NULL, 0);
}

void serve_destroy(struct serve *serve)
{
	if (!serve)
		return;
	watch_destroy(serve->watch);
	http_admin_destroy(serve->admin);
	serve_ledger_stop(&serve->ledger, &serve->kube);
	kube_certs_stop(serve->kube.certs);
	http_server_destroy(serve->server);
	serve_kube_stop(&serve->kube);
	serve_ledger_close(&serve->ledger);
	serve_kube_close(&serve->kube);
	recorder_destroy(serve->recorder); /* No thread records any more. */
	policy_store_destroy(serve->policies);
	path_secret_destroy(serve->secret);
	metrics_destroy(serve->metrics);
	admission_metrics_destroy(serve->counts);
	recent_denials_release(&serve->denials);
	log_destroy(serve->log);
	free(serve);
}
