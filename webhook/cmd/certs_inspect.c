/*
 * gpugate certs inspect, verify: describe a certificate, and check whether the API server would
 * accept it.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/certs_inspect.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/certs_fetch.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/pem_files.h"
#include "webhook/json/text.h"

struct inspect_options {
	const char *dir, *cert, *key, *ca, *connect;
	struct option_list names;
	long days;
	int output;
};

#define AT(field) offsetof(struct inspect_options, field)

/* The last row is only for inspect. */
static const struct option_row rows[] = {
    {.name = "--dir",
     .word = "DIR",
     .type = OPTION_STRING,
     .offset = AT(dir),
     .help = "Look at tls.crt, and at tls.key and ca.crt if they are there: a folder of "
	     "`gpugate certs create`, or a mounted Secret."},
    {.name = "--cert",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(cert),
     .help = "The certificate, PEM: the server's own first, then its issuers."},
    {.name = "--connect",
     .word = "HOST:PORT",
     .type = OPTION_STRING,
     .offset = AT(connect),
     .help = "Look at what this server shows, instead of a file."},
    {.name = "--key",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(key),
     .help = "Its private key, PEM; has to match."},
    {.name = "--ca",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = AT(ca),
     .help = "What the API server trusts, PEM: the webhook configuration's caBundle, after "
	     "base64 -d. Without it, whether the certificate is trusted is not checked."},
    {.name = "--name",
     .word = "NAME",
     .type = OPTION_LIST,
     .offset = AT(names),
     .help = "The name or address by which the API server calls the server: "
	     "SERVICE.NAMESPACE.svc, or the host in the webhook configuration's url; in "
	     "small letters, without scheme and port. With --connect the first one is sent "
	     "to the server (SNI)."},
    {.name = "--days",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(days),
     .fallback = "30",
     .min = 0,
     .max = CERTS_DAYS_MAX,
     .help = "Remark on certificates that expire within this many days."},
    OPTION_OUTPUT(AT(output)),
};

#define ROWS (sizeof rows / sizeof *rows)

static const struct option_table inspect_table = {
    .command = "certs inspect",
    .synopsis = "(--dir DIR | --cert FILE | --connect HOST:PORT) [OPTION]...",
    .summary = "Describes a certificate and explains what is wrong with it. The API server or "
	       "serve would refuse a certificate with a fault; one with a remark works, but "
	       "should be improved.",
    .rows = rows,
    .count = ROWS,
    .values_size = sizeof(struct inspect_options),
    .examples =
	"  gpugate certs inspect --dir pki --name gpugate.gpugate.svc\n"
	"  gpugate certs inspect --connect 127.0.0.1:8443 --ca pki/ca.crt --name gpugate.gpugate.svc\n"
	"  kubectl get validatingwebhookconfiguration gpugate -o jsonpath='{.webhooks[0].clientConfig.caBundle}' |\n"
	"    base64 -d >ca.crt; gpugate certs inspect --dir pki --ca ca.crt --name gpugate.gpugate.svc\n",
    .statuses = {[EXIT_FINE] = "The certificate has no faults. Without --ca and --name this does not mean that the "
			       "API server accepts it: see verify.",
		 [EXIT_FINDINGS] = "The certificate has faults.",
		 [EXIT_FAILED] = "The certificate could not be read. Standard error says what to do."},
};

static const struct option_table verify_table = {
    .command = "certs verify",
    .synopsis = "(--dir DIR | --cert FILE | --connect HOST:PORT) --name NAME --ca FILE [OPTION]...",
    .summary = "Says whether the API server would accept a certificate: one line for each "
	       "fault, nothing if there is none. With --dir, its ca.crt is the default of "
	       "--ca. `gpugate certs inspect` explains more.",
    .rows = rows,
    .count = ROWS - 1,
    .values_size = sizeof(struct inspect_options),
    .examples = "  gpugate certs verify --dir pki --name gpugate.gpugate.svc && echo good\n",
    .statuses = {[EXIT_FINE] = "The API server would accept the certificate.",
		 [EXIT_FINDINGS] = "The API server would refuse the certificate.",
		 [EXIT_FAILED] = "The certificate could not be read. Standard error says what to do."},
};

/* --- Input --- */

struct texts {
	struct buf certificate, key, authority;
	unsigned key_mode; /* 0: unknown. */
};

static void texts_release(struct texts *texts)
{
	buf_release(&texts->certificate);
	buf_wipe(&texts->key);
	buf_release(&texts->authority);
}

/* If `optional` is set, a missing file is not an error. */
static int read_file(const char *dir, const char *name, bool optional, struct buf *out, struct error *err)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof path, "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
	if (len < 0 || (size_t)len >= sizeof path)
		return error_set(err, "%.200s: the path is too long", name);
	if (optional && access(path, F_OK) != 0)
		return 0;
	return pem_file_read(AT_FDCWD, path, out, err);
}

static int read_key(const char *dir, const char *name, bool optional, struct texts *texts, struct error *err)
{
	char path[PATH_MAX];
	struct stat status;
	if (read_file(dir, name, optional, &texts->key, err) < 0)
		return -1;
	snprintf(path, sizeof path, "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
	if (texts->key.len && stat(path, &status) == 0)
		texts->key_mode = status.st_mode & 0777;
	return 0;
}

static int check(const struct inspect_options *options, struct error *err)
{
	int given = !!options->dir + !!options->cert + !!options->connect;
	if (given != 1)
		return error_set(err, "give one of --dir DIR, --cert FILE and --connect HOST:PORT%s",
				 given ? ", not several" : "; --help says what they are");
	if (options->connect && options->key)
		return error_set(err, "--key goes with --cert: a server does not show its key");
	for (size_t i = 0; i < options->names.count; i++)
		if (!certs_is_ip(options->names.items[i]) && certs_check_dns(options->names.items[i], err) < 0)
			return error_wrap(err, "--name");
	return 0;
}

static int read_texts(const struct inspect_options *options, struct texts *texts, struct error *err)
{
	const char *server =
	    options->names.count && !certs_is_ip(options->names.items[0]) ? options->names.items[0] : NULL;
	const char *key = options->key ? options->key : "tls.key", *key_folder = options->key ? NULL : options->dir;
	int failed = 0;
	if (options->connect)
		failed = certs_fetch(options->connect, server, &texts->certificate, err);
	else
		failed =
		    read_file(options->dir, options->dir ? "tls.crt" : options->cert, false, &texts->certificate, err);
	if (!failed && (options->key || options->dir))
		failed = read_key(key_folder, key, !options->key, texts, err);
	if (!failed && (options->ca || options->dir))
		failed = options->ca ? read_file(NULL, options->ca, false, &texts->authority, err)
				     : read_file(options->dir, "ca.crt", true, &texts->authority, err);
	return failed;
}

/* Requires the options without which acceptance by the API server cannot be checked. */
static int check_verifiable(const struct inspect_options *options, const struct texts *texts, struct error *err)
{
	if (options->names.count == 0)
		return error_set(err, "give --name NAME, the name by which the API server calls the server");
	if (!texts->authority.len)
		return error_set(err, "give --ca FILE, what the API server trusts: the webhook configuration's "
				      "caBundle after base64 -d");
	return 0;
}

static struct str given(const struct buf *text)
{
	return text->len ? buf_view(text) : (struct str){NULL, 0};
}

/* --- Output --- */

static void print_one(const char *what, const struct certs_description *cert)
{
	char from[32], to[32];
	certs_date(cert->not_before, from);
	certs_date(cert->not_after, to);
	printf("%s: %.*s\n", what, STR_ARG(cert->subject));
	if (cert->names.len)
		printf("  names      %.*s\n", STR_ARG(cert->names));
	printf("  issuer     %.*s\n  valid      %s to %s\n", STR_ARG(cert->issuer), from, to);
	printf("  key        %.*s, signed with %.*s\n", STR_ARG(cert->key), STR_ARG(cert->signature));
	printf("  SHA-256    %.*s\n", STR_ARG(cert->fingerprint));
}

static void print_findings(const struct certs_report *report, bool faults_only)
{
	bool colour = !faults_only && terminal_has_colors(STDOUT_FILENO);
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct certs_finding *finding = &report->findings[i];
		bool fault = finding->level == CERTS_FAULT;
		if (faults_only && fault)
			printf("%.*s\n", STR_ARG(finding->text));
		else if (!faults_only)
			printf("%s%s%s %.*s\n", colour ? fault ? "\033[31m" : "\033[33m" : "",
			       fault ? "fault: " : "remark:", colour ? "\033[0m" : "", STR_ARG(finding->text));
	}
}

static void print_text(const struct inspect_options *options, const struct certs_report *report)
{
	char what[48];
	for (size_t i = 0; i < report->chain_count; i++) {
		snprintf(what, sizeof what, i ? "issuer %zu" : "certificate", i);
		print_one(what, &report->chain[i]);
	}
	for (size_t i = 0; i < report->trusted_count; i++)
		print_one("authority", &report->trusted[i]);
	puts("");
	print_findings(report, false);
	if (report->faults)
		return;
	char trusted[PATH_MAX];
	snprintf(trusted, sizeof trusted, "%s%s",
		 options->ca    ? options->ca
		 : options->dir ? options->dir
				: "",
		 options->ca ? "" : "/ca.crt");
	if (report->trusted_count == 0)
		puts("No fault in itself; --ca FILE checks whether the API server trusts it.");
	else if (options->names.count == 0)
		printf("An API server that trusts %s trusts it; --name NAME checks the name by which it is called.\n",
		       trusted);
	else
		printf("An API server that trusts %s accepts it.\n", trusted);
}

static json_t *names_of(struct str names)
{
	json_t *list = json_array();
	while (names.len) {
		const char *comma = memmem(names.ptr, names.len, ", ", 2);
		size_t len = comma ? (size_t)(comma - names.ptr) : names.len;
		json_array_append_new(list, json_text((struct str){names.ptr, len}));
		names = str_tail(names, comma ? len + 2 : len);
	}
	return list;
}

static json_t *certificates(const struct certs_description *certs, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    list,
		    json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:b}", "subject", json_text(certs[i].subject),
			      "issuer", json_text(certs[i].issuer), "names", names_of(certs[i].names), "notBefore",
			      (json_int_t)certs[i].not_before, "notAfter", (json_int_t)certs[i].not_after, "key",
			      json_text(certs[i].key), "signature", json_text(certs[i].signature), "sha256",
			      json_text(certs[i].fingerprint), "authority", (int)certs[i].authority));
	return list;
}

static void print_json(const struct certs_report *report)
{
	json_t *findings = json_array();
	for (size_t i = 0; i < report->finding_count; i++)
		json_array_append_new(findings,
				      json_pack("{s:s, s:s, s:o}", "level",
						report->findings[i].level == CERTS_FAULT ? "fault" : "remark", "code",
						report->findings[i].code, "text", json_text(report->findings[i].text)));
	json_t *root = json_pack("{s:I, s:o, s:o, s:o}", "faults", (json_int_t)report->faults, "certificates",
				 certificates(report->chain, report->chain_count), "authorities",
				 certificates(report->trusted, report->trusted_count), "findings", findings);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

/*
 * Reads the input and fills the report. `verdict`: the options of a verdict are required. Returns 0
 * or -1.
 */
static int look(const struct inspect_options *options, bool verdict, struct arena *arena, struct certs_report *report,
		struct error *err)
{
	struct texts texts;
	buf_init(&texts.certificate, CERTS_PEM_MAX);
	buf_init(&texts.key, CERTS_PEM_MAX);
	buf_init(&texts.authority, CERTS_PEM_MAX);
	int failed = check(options, err) < 0 ? -1 : read_texts(options, &texts, err);
	if (!failed && verdict)
		failed = check_verifiable(options, &texts, err);
	if (!failed)
		failed = certs_inspect(&(struct certs_question){.certificate = given(&texts.certificate),
								.key = given(&texts.key),
								.key_mode = texts.key_mode,
								.authority = given(&texts.authority),
								.names = options->names.items,
								.name_count = options->names.count,
								.now = time(NULL),
								.warn_days = (unsigned)options->days},
				       arena, report, err);
	texts_release(&texts);
	return failed;
}

static int run(const struct option_table *table, int argc, char **argv)
{
	struct inspect_options options;
	int status = options_start(table, argc, argv, &options);
	if (status >= 0)
		return status;
	struct error err = {.text = ""};
	struct arena arena;
	struct certs_report *report = calloc(1, sizeof *report);
	arena_init(&arena, 1 << 16, CERTS_ARENA_BYTES);
	if (!report)
		error_set(&err, "there is not enough memory");
	if (!report || look(&options, table == &verify_table, &arena, report, &err) < 0) {
		fprintf(stderr, "gpugate %s: %s\n", table->command, err.text);
		status = EXIT_FAILED;
	} else {
		if (table == &verify_table)
			print_findings(report, true);
		else if (options.output == OPTION_OUTPUT_JSON)
			print_json(report);
		else
			print_text(&options, report);
		status = report->faults ? EXIT_FINDINGS : EXIT_FINE;
	}
	free(report);
	arena_release(&arena);
	options_release(table, &options);
	return status;
}

static int run_inspect(int argc, char **argv)
{
	return run(&inspect_table, argc, argv);
}

static int run_verify(int argc, char **argv)
{
	return run(&verify_table, argc, argv);
}

const struct command certs_inspect_command = {
    .name = "inspect",
    .summary = "describe a certificate, and explain what is wrong with it",
    .options = &inspect_table,
    .run = run_inspect,
};

const struct command certs_verify_command = {
    .name = "verify",
    .summary = "tell scripts whether the API server would accept it",
    .options = &verify_table,
    .run = run_verify,
};
