#include "webhook/serve_options.h"

#define AT(field) offsetof(struct serve_options, field)

static const char *const ledgers[] = {"embedded", NULL};

static const struct option_row rows[] = {
    {.name = "--policy",
     .word = "PATH",
     .type = OPTION_LIST,
     .offset = AT(policies),
     .required = true,
     .help =
	 "A folder of policy files, or one file. Watched: a change takes effect at once, a policy with errors never. "
	 "`gpugate lint PATH` checks it before."},
    {.name = "--listen",
     .word = "ADDR:PORT",
     .type = OPTION_STRING,
     .offset = AT(listen),
     .required = true,
     .help =
	 "Where the API server asks, by HTTPS: 127.0.0.1:8443, [::1]:8443, or :8443 for all addresses. Port 0 takes "
	 "any free port; the log's line \"listening\" names it."},
    {.name = "--tls-cert",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(tls_cert),
     .required = true,
     .help = "The certificate to show, PEM, with its chain. Watched. `gpugate certs create` makes one."},
    {.name = "--tls-key",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(tls_key),
     .required = true,
     .help = "Its private key, PEM."},
    {.name = "--client-ca",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(client_ca),
     .help = "Answer only clients with a certificate of this authority, PEM. Watched."},
    {.name = "--client-name",
     .word = "NAME",
     .type = OPTION_LIST,
     .offset = AT(client_names),
     .help =
	 "Answer only clients whose certificate has this name (common name or DNS name). Needs --client-ca; without it "
	 "every certificate of that authority will do."},
    {.name = "--path-secret",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(path_secret),
     .help = "Answer only /mutate/SECRET and /validate/SECRET; the file holds the secret."},
    {.name = "--admin",
     .word = "ADDR:PORT",
     .type = OPTION_STRING,
     .offset = AT(admin),
     .help = "Where /healthz, /readyz and /metrics answer, by HTTP. Without it they answer nowhere."},
    {.name = "--ledger",
     .type = OPTION_CHOICE,
     .offset = AT(ledger),
     .fallback = "embedded",
     .choices = ledgers,
     .help = "Where it is kept what Pods hold. embedded: in this process, for one replica; it forgets at exit."},
    {.name = "--threads",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(threads),
     .fallback = "0",
     .least = 0,
     .most = 64,
     .help = "Threads that answer; 0 takes one per processor, at most 8."},
    {.name = "--drain-seconds",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(drain_seconds),
     .fallback = "5",
     .least = 0,
     .most = 600,
     .help =
	 "How long to go on answering after SIGTERM while readiness fails, so that nobody is sent here any more when "
	 "the port closes."},
};

const struct option_table serve_options_table = {
    .command = "serve",
    .synopsis = "--policy PATH --listen ADDR:PORT --tls-cert FILE --tls-key FILE [OPTION]...",
    .summary =
	"Answers a Kubernetes API server's admission reviews: POST /mutate rewrites Pods by the policy's Rules, POST "
	"/validate refuses what Guards and GPU quotas do not allow. Logs JSON lines on standard error. SIGHUP reads "
	"policy and certificates again; SIGTERM and SIGINT stop it without dropping a request. Exit status: 0 after "
	"that, 2 if it could not start.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct serve_options),
    .examples = "  gpugate certs create --dir certs --name localhost --ip 127.0.0.1\n"
		"  gpugate serve --policy deploy/policy --listen 127.0.0.1:8443 --admin 127.0.0.1:8080 \\\n"
		"                --tls-cert certs/tls.crt --tls-key certs/tls.key\n"
		"  curl -s http://127.0.0.1:8080/readyz\n",
};

int serve_options_check(const struct serve_options *options, struct error *err)
{
	if (options->client_names.count > 0 && !options->client_ca)
		return error_set(
		    err, "--client-name is given without --client-ca; give the authority of these clients, too");
	/* The authority of a cluster signs its nodes' and users' certificates as well as the API server's. */
	if (options->client_ca && options->client_names.count == 0)
		return error_set(
		    err,
		    "--client-ca is given without --client-name; name the client (the common name or DNS name of the "
		    "API server's certificate), or everybody with a certificate of that authority could ask");
	return 0;
}
