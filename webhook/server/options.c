#include "webhook/server/options.h"

#include "gpugate/quantity.h"
#include "webhook/server/recorder.h"

#define AT(field) offsetof(struct serve_options, field)

#define CA_SECONDS 31536000 /* One year. */
/* 30 days. A certificate is renewed when a third is left, which is more than a week. */
#define LEAF_SECONDS 2592000
#define TRUST_SECONDS 120
#define SECONDS_MAX 3153600000 /* About a hundred years. */

static const struct option_row rows[] = {
    SERVE_OPTION_POLICY(AT(policies), " Watched: a change takes effect at once, a policy with errors never. "
				      "`gpugate lint PATH` checks it before."),
    {.name = "--listen",
     .word = "ADDR:PORT",
     .type = OPTION_STRING,
     .offset = AT(listen),
     .required = true,
     .help = "The address to serve the API server on, by HTTPS: 127.0.0.1:8443, [::1]:8443, "
	     "or :8443 for all addresses. Port 0 takes any free port; the log's line "
	     "\"listening\" names it."},
    SERVE_OPTION_CERTS(AT(certs), " It keeps the authority in the Secret gpugate-ca. That needs the API server, and "
				  "what `gpugate render --certs self-managed` prints."),
    {.name = "--tls-cert",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(tls_cert),
     .help = "The certificate to serve, PEM, with its chain. Watched. `gpugate certs "
	     "create` makes one."},
    {.name = "--tls-key",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(tls_key),
     .help = "Its private key, PEM. Watched."},
    SERVE_OPTION_SERVICE(AT(service), " With --certs self-managed, the certificate is for NAME.NS.svc, "
				      "NAME.NS.svc.cluster.local and NAME.NS."),
    {.name = "--certs-name",
     .word = "NAME",
     .type = OPTION_LIST,
     .offset = AT(certs_names),
     .help = "One more DNS name or IP address that a self-managed certificate is for."},
    {.name = "--ca-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(ca_seconds),
     .min = 1,
     .max = SECONDS_MAX,
     .help = "How long a self-managed authority is valid; a year (31536000) by default. The "
	     "next one is created when a third of that is left."},
    {.name = "--leaf-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(leaf_seconds),
     .min = 1,
     .max = SECONDS_MAX,
     .help = "How long a self-managed certificate is valid; 30 days (2592000) by default. "
	     "It is renewed when a third of that is left."},
    {.name = "--trust-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(trust_seconds),
     .min = 1,
     .max = 86400,
     .help = "How long a self-managed authority is trusted everywhere before it signs; 120 "
	     "by default. API servers have to learn of it within this time, and clocks may "
	     "differ by half of it."},
    {.name = "--client-ca",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(client_ca),
     .help = "Answer only clients with a certificate of this authority, PEM, and a "
	     "--client-name. Watched."},
    {.name = "--client-name",
     .word = "NAME",
     .type = OPTION_LIST,
     .offset = AT(client_names),
     .help = "Answer only clients whose certificate has this name (common name or DNS "
	     "name). Goes with --client-ca, always."},
    SERVE_OPTION_PATH_SECRET(AT(path_secret), " Watched: after a change the secret before it is accepted, too, "
					      "until the next change or a restart."),
    {.name = "--admin",
     .word = "ADDR:PORT",
     .type = OPTION_STRING,
     .offset = AT(admin),
     .help = "The address to serve /healthz, /readyz, /metrics and the status page /status "
	     "on, by HTTP. Without it they are not served."},
    SERVE_OPTION_LEDGER(AT(ledger), " `gpugate render --ledger cluster` prints what has to be installed for it."),
    SERVE_OPTION_KUBECONFIG(
	AT(kubeconfig), " For --ledger cluster and --certs self-managed; without it, serve "
			"asks as a Pod of the cluster, by its ServiceAccount. With the embedded ledger, it lets serve "
			"check the webhook configurations. The context's namespace must be gpugate's own."),
    {.name = "--replica",
     .word = "NAME",
     .type = OPTION_STRING,
     .offset = AT(replica),
     .help = "What this replica is called in logs; the host's name by default."},
    {.name = "--pending-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(pending_seconds),
     .fallback = "40",
     .min = 1,
     .max = 3600,
     .help = "How long a Pod that was admitted may take to appear, with --ledger cluster. "
	     "It must be longer than the API server works on one request (34 s, or its "
	     "--request-timeout if that is shorter)."},
    {.name = "--settle-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(settle_seconds),
     .fallback = "40",
     .min = 1,
     .max = 3600,
     .help = "How long a ledger that was created again admits nothing, with --ledger "
	     "cluster; the same bound holds."},
    {.name = "--fold-milliseconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(fold_milliseconds),
     .fallback = "500",
     .min = 0,
     .max = 60000,
     .help = "How long an admission stays in the ledger after its Pod was seen, with "
	     "--ledger cluster. A replica whose watch is later than that waits before it "
	     "decides."},
    {.name = "--view-check-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(view_check_seconds),
     .fallback = "1800",
     .min = 0,
     .max = 604800,
     .help = "How often the Pods that were seen are compared with a list of all Pods, with "
	     "--ledger cluster; 0: never. It finds Pods of which the watch has lost an "
	     "event, and delays no admission."},
    {.name = "--threads",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(threads),
     .fallback = "0",
     .min = 0,
     .max = 64,
     .help = "Threads that answer requests; 0 takes one per processor, at most 8."},
    SERVE_OPTION_QUOTA_FAILURE(AT(quota_failure), " Give serve and render the same; serve tells by it whether the "
						  "registration is stale."),
    SERVE_OPTION_GUARD_FAILURE(AT(guard_failure), " Give serve and render the same."),
    {.name = "--record",
     .word = "DIR",
     .type = OPTION_STRING,
     .offset = AT(record),
     .help = "Write the reviews that were decided, and the answers, to files in this folder, as JSON Lines without "
	     "what could be a secret. The folder must exist and belong to this process alone."},
    {.name = "--record-max",
     .word = "SIZE",
     .type = OPTION_STRING,
     .offset = AT(record_max),
     .help = "The most that these files may hold together, from 1Mi to 1Ti; " RECORDER_BYTES_DEFAULT " by default. The "
	     "oldest are removed."},
    {.name = "--drain-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(drain_seconds),
     .fallback = "5",
     .min = 0,
     .max = 600,
     .help = "How long to go on answering after SIGTERM while readiness fails, so that no "
	     "more requests are routed here when the port closes."},
};

const struct option_table serve_options_table = {
    .command = "serve",
    .synopsis = "--policy PATH --listen ADDR:PORT CERTIFICATE [OPTION]...",
    .summary = "Answers a Kubernetes API server's admission reviews: POST /mutate rewrites "
	       "Pods by the policy's Rules, POST /validate refuses what Guards and GPU quotas "
	       "do not allow. CERTIFICATE is --tls-cert FILE --tls-key FILE, or --certs "
	       "self-managed. Logs JSON lines on standard error. SIGHUP reads policy, "
	       "certificates and path secret again; SIGTERM and SIGINT stop it without "
	       "dropping a request.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct serve_options),
    .examples = "  gpugate certs create --dir pki --name localhost --ip 127.0.0.1\n"
		"  gpugate serve --policy deploy/policy --listen 127.0.0.1:8443 --admin 127.0.0.1:8080 \\\n"
		"                --tls-cert pki/tls.crt --tls-key pki/tls.key\n"
		"  curl -s http://127.0.0.1:8080/readyz\n"
		"  gpugate serve --policy deploy/policy --listen :8443 --ledger cluster --certs self-managed\n",
    .statuses =
	{[EXIT_FINE] = "A signal stopped it.", [EXIT_FAILED] = "It could not start. Standard error says what to do."},
};

struct certs_lifetimes serve_options_lifetimes(const struct serve_options *options)
{
	return (struct certs_lifetimes){
	    .ca_s = options->ca_seconds ? options->ca_seconds : CA_SECONDS,
	    .leaf_s = options->leaf_seconds ? options->leaf_seconds : LEAF_SECONDS,
	    .trust_s = options->trust_seconds ? options->trust_seconds : TRUST_SECONDS,
	};
}

static int check_files(const struct serve_options *options, struct error *err)
{
	const char *odd = options->certs_names.count ? "--certs-name"
			  : options->ca_seconds      ? "--ca-seconds"
			  : options->leaf_seconds    ? "--leaf-seconds"
			  : options->trust_seconds   ? "--trust-seconds"
						     : NULL;
	if (!options->tls_cert)
		return error_set(err, "--tls-cert is missing; give --tls-cert FILE, or --certs self-managed");
	if (!options->tls_key)
		return error_set(err, "--tls-key is missing; give --tls-key FILE, or --certs self-managed");
	if (odd)
		return error_set(
		    err, "%s has no effect on certificates in files; give --certs self-managed, or leave it out", odd);
	return 0;
}

static int check_self_managed(const struct serve_options *options, struct error *err)
{
	struct certs_lifetimes lifetimes = serve_options_lifetimes(options);
	if (options->tls_cert || options->tls_key)
		return error_set(
		    err,
		    "%s is given with --certs self-managed, which makes its own; leave it out, or give --certs files",
		    options->tls_cert ? "--tls-cert" : "--tls-key");
	return certs_lifetimes_check(&lifetimes, err);
}

int64_t serve_options_record_bytes(const struct serve_options *options)
{
	int64_t bytes = 0;
	quantity_count(str_of(options->record_max ? options->record_max : RECORDER_BYTES_DEFAULT), &bytes);
	return bytes;
}

static int check_recording(const struct serve_options *options, struct error *err)
{
	int64_t bytes;
	if (!options->record_max)
		return 0;
	if (!options->record)
		return error_set(err, "--record-max is given without --record; give the folder, too, or leave it out");
	enum quantity_result result = quantity_count(str_of(options->record_max), &bytes);
	if (result != QUANTITY_OK)
		return error_set(err, "--record-max \"%s\" %s; give a size such as " RECORDER_BYTES_DEFAULT,
				 options->record_max, quantity_problem(result));
	if (bytes < RECORDER_BYTES_MIN || bytes > RECORDER_BYTES_MAX)
		return error_set(err,
				 "--record-max %s is not from 1Mi to 1Ti; give a size such as " RECORDER_BYTES_DEFAULT,
				 options->record_max);
	return 0;
}

int serve_options_check(const struct serve_options *options, struct error *err)
{
	if (options->client_names.count > 0 && !options->client_ca)
		return error_set(
		    err, "--client-name is given without --client-ca; give the authority of these clients, too");
	/*
	 * Without a name every certificate of the authority would be accepted. A cluster's
	 * authority signs not only the API server's certificate but also those of nodes and users.
	 */
	if (options->client_ca && options->client_names.count == 0)
		return error_set(
		    err,
		    "--client-ca is given without --client-name; name the client (the common name or DNS name of the "
		    "API server's certificate), otherwise every client with a certificate of that authority would be "
		    "accepted");
	if (check_recording(options, err) < 0)
		return -1;
	return options->certs == CERTS_KIND_FILES ? check_files(options, err) : check_self_managed(options, err);
}
