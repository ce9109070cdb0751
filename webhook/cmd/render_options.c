#include "webhook/cmd/render_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/certs.h"
#include "gpugate/file.h"
#include "webhook/base/base64.h"
#include "webhook/server/kinds.h"

#define MINOR_MIN 28 /* The first version in which matchConditions are enabled by default. */
#define MINOR_MAX 37

#define AT(field) offsetof(struct render_options, field)

static const char *const parts[] = {
    [RENDER_ALL] = "all", [RENDER_PREREQUISITES] = "prerequisites", [RENDER_WEBHOOKS] = "webhooks", NULL};
static const char *const outputs[] = {[RENDER_YAML] = "yaml", [RENDER_JSON] = "json", NULL};

static const struct option_row rows[] = {
    SERVE_OPTION_POLICY(AT(policies), " Give the policy of serve: it decides which Pods /mutate is shown. When the "
				      "output changes with it, apply it again."),
    SERVE_OPTION_LEDGER(
	AT(ledger), " With cluster, the CustomResourceDefinitions, the rights and the priority level "
		    "that it needs are printed, too. With embedded, deletions and the ends of Pods are registered."),
    SERVE_OPTION_CERTS(AT(certs),
		       " With self-managed, the rights to write that authority are printed, and no caBundle is."),
    {.name = "--namespace",
     .word = "NS",
     .type = OPTION_STRING,
     .offset = AT(namespace),
     .fallback = "gpugate",
     .help = "Where gpugate runs. It is printed first, and Pods in it are never shown to "
	     "gpugate."},
    SERVE_OPTION_SERVICE(AT(service), " It has to listen at port 443. Not together with --url."),
    {.name = "--url",
     .word = "BASE",
     .type = OPTION_STRING,
     .offset = AT(url),
     .help = "The address through which the API server reaches gpugate, if that is not a "
	     "Service, such as https://gpugate.example:8443."},
    {.name = "--ca-bundle",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(ca_bundle),
     .help = "The authority of gpugate's certificate, PEM; `gpugate certs create` makes it "
	     "as ca.crt. Without it the API server trusts what its own machine trusts, or "
	     "what cert-manager's injector adds."},
    SERVE_OPTION_PATH_SECRET(AT(path_secret), " The output holds the secret."),
    {.name = "--kube-version",
     .word = "1.N",
     .type = OPTION_STRING,
     .offset = AT(kube_version),
     .fallback = "1.37",
     .help = "The cluster's version, 1.28 to 1.37. 1.28 knows an older version of "
	     "FlowSchema; all others are given the same."},
    SERVE_OPTION_QUOTA_FAILURE(AT(quota_failure), " Give serve and render the same."),
    SERVE_OPTION_GUARD_FAILURE(AT(guard_failure), " Give serve and render the same."),
    {.name = "--viewers",
     .word = "TENANT=GROUP",
     .type = OPTION_LIST,
     .offset = AT(viewers),
     .help = "Also prints the right of that group to get the gpuquotas of that tenant, and "
	     "no others. With --ledger cluster."},
    {.name = "--part",
     .type = OPTION_CHOICE,
     .offset = AT(part),
     .fallback = "all",
     .choices = parts,
     .help = "What to print. prerequisites: what gpugate needs to start (namespace, "
	     "CustomResourceDefinitions, rights, priority level). webhooks: the webhook "
	     "configurations, to be applied when it answers. all: both."},
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = AT(output),
     .fallback = "yaml",
     .choices = outputs,
     .help = "The form of the output. yaml: one document after the other. json: one List."},
};

const struct option_table render_options_table = {
    .command = "render",
    .synopsis = "--policy PATH [OPTION]...",
    .summary = "Prints what a cluster has to know of gpugate: rights, webhook configurations, "
	       "and what the cluster ledger needs. Nothing is contacted; the same input gives "
	       "the same output. Apply the webhooks when gpugate answers: from then on a Pod "
	       "that asks for devices is refused while it does not. What refuses comes last, "
	       "and --part makes two steps of it. To take it back, delete the webhook "
	       "configurations first: kubectl delete "
	       "validatingwebhookconfiguration,mutatingwebhookconfiguration gpugate.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct render_options),
    .examples = "  gpugate render --policy deploy/policy --ca-bundle pki/ca.crt | kubectl apply --server-side -f -\n"
		"  gpugate render --policy deploy/policy --ledger cluster --path-secret secret | kubectl diff -f -\n"
		"  gpugate render --policy deploy/policy --ledger cluster --certs self-managed | kubectl apply "
		"--server-side -f -\n"
		"  gpugate render --policy deploy/policy --ledger cluster --certs self-managed --part prerequisites |\n"
		"    kubectl apply --server-side -f -\n"
		"  gpugate render --policy deploy/policy --ledger cluster --viewers research=group-of-research\n"
		"  gpugate render --policy deploy/policy --url https://10.0.0.7:8443 --ca-bundle pki/ca.crt\n",
    .statuses = {[EXIT_FINDINGS] = "The policy has errors, which standard error describes."},
};

static bool is_label(const char *text)
{
	size_t len = strlen(text);
	return len > 0 && len <= 63 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && text[0] != '-' &&
	       text[len - 1] != '-';
}

static int check_label(const char *option, const char *text, struct error *err)
{
	return is_label(text)
		   ? 0
		   : error_set(err,
			       "%s %.200s: give a name as Kubernetes has them: at most 63 of a-z, 0-9 and -, with no - "
			       "at its ends",
			       option, text);
}

static int read_version(const char *text, unsigned *minor, struct error *err)
{
	unsigned found = 0;
	const char *rest = *text == 'v' ? text + 1 : text;
	bool good = strncmp(rest, "1.", 2) == 0;
	rest += good ? 2 : 0;
	size_t digits = strspn(rest, "0123456789"), patch = 0;
	for (size_t i = 0; i < digits && i < 4; i++)
		found = 10 * found + (unsigned)(rest[i] - '0');
	if (rest[digits] == '.')
		patch = 1 + strspn(rest + digits + 1, "0123456789");
	good = good && digits > 0 && digits < 4 && patch != 1 && rest[digits + patch] == '\0';
	if (!good)
		return error_set(err, "--kube-version %.200s: give it as 1.N, such as 1.%d", text, MINOR_MAX);
	if (found < MINOR_MIN || found > MINOR_MAX)
		return error_set(err,
				 "--kube-version %.200s: Kubernetes 1.%d to 1.%d are supported; older ones have no "
				 "matchConditions, and newer ones may differ (try 1.%d)",
				 text, MINOR_MIN, MINOR_MAX, MINOR_MAX);
	*minor = found;
	return 0;
}

/* Returns the length of the address without a trailing /mutate or /validate. */
static size_t before_path(const char *text, size_t len)
{
	static const char *const paths[] = {"/mutate", "/validate"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		size_t path = strlen(paths[i]);
		if (len > path && memcmp(text + len - path, paths[i], path) == 0)
			return len - path;
	}
	return len;
}

/*
 * Applies the rules of admissionregistration/v1: https, and no user, query or fragment. Removes
 * trailing slashes. Returns new, or NULL with an error.
 */
static char *read_url(const char *text, struct error *err)
{
	static const char scheme[] = "https://";
	bool good = strncmp(text, scheme, sizeof scheme - 1) == 0;
	size_t len = strlen(text);
	if (!good) {
		error_set(err, "--url %.200s must begin with https://, such as https://gpugate.example:8443", text);
		return NULL;
	}
	while (good && len > sizeof scheme - 1 && text[len - 1] == '/')
		len--;
	size_t base = before_path(text, len);
	if (base < len) {
		error_set(err, "--url %.200s: /mutate and /validate are appended to it; did you mean %.*s?", text,
			  (int)(base < 200 ? base : 200), text);
		return NULL;
	}
	for (size_t i = 0; good && i < len; i++)
		good = text[i] > ' ' && (unsigned char)text[i] < 0x7f && !strchr("?#@\"\\<>^`{|}", text[i]);
	char *url = good && len > sizeof scheme - 1 ? strndup(text, len) : NULL;
	if (!url)
		error_set(
		    err,
		    "--url %.200s: give the address before /mutate and /validate, without user, query and fragment: "
		    "https://gpugate.example:8443",
		    text);
	return url;
}

/*
 * Reads a bundle and encodes it in base64. A bundle is public, so that a file with a key must be
 * the wrong one. Returns new, or NULL with an error.
 */
static char *read_bundle(const char *path, struct error *err)
{
	static const struct str key = STR("PRIVATE KEY-----"), certificate = STR("-----BEGIN CERTIFICATE-----");
	struct buf pem, text;
	buf_init(&pem, CERTS_PEM_MAX);
	buf_init(&text, (size_t)2 * CERTS_PEM_MAX);
	if (file_read(AT_FDCWD, path, 0, &pem) < 0)
		error_set(err,
			  errno == EFBIG
			      ? "--ca-bundle %.200s has more than %d bytes; name a file with the authority only"
			      : "--ca-bundle %.200s cannot be read; name a PEM file",
			  path, CERTS_PEM_MAX);
	else if (memmem(pem.ptr, pem.len, key.ptr, key.len))
		error_set(err,
			  "--ca-bundle %.200s holds a private key, which must not be published; name the file with the "
			  "authority's certificate, ca.crt",
			  path);
	else if (!memmem(pem.ptr, pem.len, certificate.ptr, certificate.len))
		error_set(
		    err,
		    "--ca-bundle %.200s contains no certificate in PEM (\"-----BEGIN CERTIFICATE-----\"); name the "
		    "file with the authority's certificate, ca.crt",
		    path);
	else
		base64_encode(buf_view(&pem), &text);
	if (text.failed)
		error_set(err, "not enough memory for --ca-bundle");
	buf_wipe(&pem);
	return text.ptr;
}

/*
 * Whether the text is a DNS subdomain (RFC 1123), which the API server requires of each segment of
 * a Service's path.
 */
static bool is_subdomain(const char *text)
{
	size_t len = strlen(text);
	bool good = len > 0 && len <= 253;
	char before = '.';
	for (size_t i = 0; good && i <= len; i++) {
		char c = i < len ? text[i] : '.';
		if (c == '.')
			good = before != '.' && before != '-';
		else if (c == '-')
			good = before != '.';
		else
			good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		before = c;
	}
	return good;
}

int render_options_target(const struct render_options *options, struct render_target *target,
			  struct render_texts *texts, struct error *err)
{
	*target = (struct render_target){.namespace = options->namespace,
					 .cluster = options->ledger == LEDGER_KIND_CLUSTER,
					 .self_managed = options->certs == CERTS_KIND_SELF_MANAGED};
	for (size_t i = 0; i < options->policies.count; i++)
		if (access(options->policies.items[i], F_OK) != 0)
			return error_set(err, "--policy %.200s: %s; name a policy file or folder",
					 options->policies.items[i], strerror(errno));
	if (options->service && options->url)
		return error_set(err,
				 "--service and --url exclude each other; keep the one that the API server can reach");
	if (target->self_managed && options->ca_bundle)
		return error_set(
		    err, "--ca-bundle is given with --certs self-managed; leave it out: gpugate writes the bundle into "
			 "the webhook configurations by itself");
	if (check_label("--namespace", options->namespace, err) < 0 ||
	    (options->service && check_label("--service", options->service, err) < 0) ||
	    read_version(options->kube_version, &target->minor, err) < 0)
		return -1;
	if (options->url && !(texts->url = read_url(options->url, err)))
		return -1;
	if (options->ca_bundle && !(texts->ca_bundle = read_bundle(options->ca_bundle, err)))
		return -1;
	if (options->path_secret && path_secret_load(options->path_secret, texts->secret, err) < 0)
		return -1;
	if (options->path_secret && !options->url && !is_subdomain(texts->secret))
		return error_set(err,
				 "--path-secret %.200s: in the path of a Service the API server takes at most 253 "
				 "small letters, digits and -; make another one: openssl rand -hex 32",
				 options->path_secret);
	if (options->viewers.count > 0 && !target->cluster)
		return error_set(err, "--viewers is given without --ledger cluster; only the cluster ledger publishes "
				      "gpuquotas that can be read");
	target->quota_failure = serve_failure(options->quota_failure);
	target->guard_failure = serve_failure(options->guard_failure);
	target->url = texts->url;
	target->service = options->url ? NULL : options->service ? options->service : RENDER_NAME;
	target->secret = options->path_secret ? texts->secret : NULL;
	target->ca_bundle = texts->ca_bundle;
	return 0;
}

void render_texts_release(struct render_texts *texts)
{
	explicit_bzero(texts->secret, sizeof texts->secret);
	free(texts->url);
	free(texts->ca_bundle);
	*texts = (struct render_texts){.url = NULL};
}
