/* gpugate certs create: writes an authority and certificates as files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gpugate/certs_inspect.h" /* certs_date */
#include "webhook/cmd/commands.h"
#include "webhook/cmd/pem_files.h"

#define AUTHORITY_NAME "gpugate CA"
#define DAYS 365
#define COMMON_NAME_MAX 64 /* RFC 5280, ub-common-name */

struct create_options {
	const char *dir;
	struct option_list names;
	struct option_list ips;
	const char *client;
	long days;
	long ca_days;
	bool force;
};

#define AT(field) offsetof(struct create_options, field)

static const struct option_row create_rows[] = {
    {.name = "--dir",
     .word = "DIR",
     .type = OPTION_STRING,
     .offset = AT(dir),
     .required = true,
     .help = "The folder to write to; created if it is missing."},
    {.name = "--name",
     .word = "DNSNAME",
     .type = OPTION_LIST,
     .offset = AT(names),
     .help = "A DNS name of the server, such as gpugate.gpugate.svc. Without any --name or "
	     "--ip: localhost, 127.0.0.1 and ::1."},
    {.name = "--ip", .word = "ADDR", .type = OPTION_LIST, .offset = AT(ips), .help = "An IP address of the server."},
    {.name = "--days",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(days),
     .min = 1,
     .max = CERTS_DAYS_MAX,
     .help = "How long the new certificates are valid, not longer than the authority; 365 "
	     "by default, or as long as the authority if that is less."},
    {.name = "--ca-days",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = AT(ca_days),
     .fallback = "3650",
     .min = 1,
     .max = CERTS_DAYS_MAX,
     .help = "How long a new authority is valid."},
    {.name = "--client",
     .word = "NAME",
     .type = OPTION_STRING,
     .offset = AT(client),
     .help = "Make a client certificate with this common name, for serve's --client-name. A "
	     "server certificate that is already there is then left alone, unless --name or "
	     "--ip asks for another."},
    {.name = "--force",
     .type = OPTION_FLAG,
     .offset = AT(force),
     .help = "Replace certificates and keys that are already there. An authority that is "
	     "already there is always kept."},
};

static const struct option_table create_table = {
    .command = "certs create",
    .synopsis = "--dir DIR [OPTION]...",
    .summary = "Makes a certificate authority (ca.crt, ca.key) and a server certificate "
	       "signed by it (tls.crt, tls.key), and with --client a client certificate "
	       "(client.crt, client.key). An authority that is already in DIR is used. Keys "
	       "are ECDSA P-256, in files that only their owner may read.",
    .rows = create_rows,
    .count = sizeof create_rows / sizeof *create_rows,
    .values_size = sizeof(struct create_options),
    .examples = "  gpugate certs create --dir pki\n"
		"  gpugate certs create --dir pki --name gpugate.gpugate.svc --days 90\n"
		"  gpugate certs create --dir pki --client kube-apiserver\n",
};

static void print_expiry(const char *what, const struct certs_pair *pair)
{
	char date[32];
	certs_date(pair->not_after, date);
	printf("%s, valid until %s\n", what, date);
}

static void print_written(const char *dir, const struct pem_files *files)
{
	printf("  %s/%s\n  %s/%s\n", dir, files->certificate, dir, files->key);
}

/*
 * Clients that trust the old authority do not trust a new one of the same name. A new authority is
 * therefore created only in a folder without certificates.
 */
static int refuse_new_authority(const struct create_options *options, const char *has, const char *lacks,
				struct error *err)
{
	return error_set(
	    err,
	    "%s has %s but not %s: nothing can be signed. Restore what is missing, or make a new authority in "
	    "another folder (--dir); what trusts the old authority does not trust the new one until its ca.crt "
	    "is added to the caBundle",
	    options->dir, has, lacks);
}

static int note_end(void *context, const struct certs_item *item)
{
	((struct certs_pair *)context)->not_after = item->not_after;
	return 1; /* The first certificate is the one that signs. */
}

/* Reads the authority of the folder, and checks that it can sign. */
static int read_authority(struct certs_pair *authority, const struct pem_files *files, time_t now, struct error *err)
{
	if (pem_files_read(files, authority, err) ||
	    certs_authority_check(buf_view(&authority->certificate), buf_view(&authority->key), err) ||
	    certs_bundle_each(buf_view(&authority->certificate), note_end, authority, err) < 0)
		return -1;
	if (now < authority->not_after)
		return 0;
	char date[32];
	certs_date(authority->not_after, date);
	return error_set(err,
			 "the authority expired on %s; make a new one in another folder (--dir), and add its ca.crt to "
			 "the caBundle before you serve with it",
			 date);
}

/*
 * With --days, a certificate that would outlive its authority is an error. Without it, the
 * certificate just ends with the authority.
 */
static int check_days(const struct create_options *options, const struct certs_pair *authority, time_t now,
		      struct error *err)
{
	time_t end = now + options->days * CERTS_DAY_SECONDS;
	char wanted[32], possible[32];
	if (end <= authority->not_after)
		return 0;
	certs_date(end, wanted);
	certs_date(authority->not_after, possible);
	return error_set(
	    err,
	    "--days %ld: the certificate would be valid until %s, but its authority only until %s; give at "
	    "most --days %lld, or leave --days out",
	    options->days, wanted, possible, (long long)(authority->not_after - now) / CERTS_DAY_SECONDS);
}

static int make_authority(struct certs_pair *authority, const struct create_options *options,
			  const struct pem_files *files, time_t now, struct error *err)
{
	if (certs_authority_create(authority, AUTHORITY_NAME, now, options->ca_days * CERTS_DAY_SECONDS, err) ||
	    check_days(options, authority, now, err) || pem_files_write(files, authority, err))
		return -1;
	print_expiry("Authority \"" AUTHORITY_NAME "\"", authority);
	print_written(options->dir, files);
	return 0;
}

/*
 * Whether the folder has certificates, which an authority that is not in the folder must have
 * signed.
 */
static bool has_leaves(int folder)
{
	const struct pem_files server = {folder, "tls.crt", "tls.key"}, client = {folder, "client.crt", "client.key"};
	return pem_files_count(&server, &(struct error){0}) != 0 || pem_files_count(&client, &(struct error){0}) != 0;
}

/* Reads the authority of the folder, or creates and writes a new one. */
static int get_authority(struct certs_pair *authority, const struct create_options *options, int folder, time_t now,
			 struct error *err)
{
	const struct pem_files files = {folder, "ca.crt", "ca.key"};
	int count = pem_files_count(&files, err);
	if (count < 0)
		return -1;
	if (count == 0 && has_leaves(folder))
		return refuse_new_authority(options, "certificates", "their authority (ca.crt, ca.key)", err);
	if (count == 0)
		return make_authority(authority, options, &files, now, err);
	if (count == 1) {
		bool key = faccessat(folder, files.key, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		return refuse_new_authority(options, key ? files.key : files.certificate,
					    key ? files.certificate : files.key, err);
	}
	if (read_authority(authority, &files, now, err))
		return error_wrap(err, "the authority in %s (ca.crt, ca.key)", options->dir);
	if (check_days(options, authority, now, err))
		return -1;
	printf("Authority: the one in %s\n", options->dir);
	return 0;
}

/* Returns the validity of a new certificate. */
static int64_t leaf_seconds(const struct create_options *options)
{
	return (options->days ? options->days : DAYS) * CERTS_DAY_SECONDS;
}

/* Issues a certificate and writes it. */
static int make_leaf(const struct certs_leaf *leaf, const struct certs_pair *authority, const struct pem_files *files,
		     const char *what, const char *dir, time_t now, struct error *err)
{
	struct certs_pair pair;
	certs_pair_init(&pair);
	int failed = certs_issue(&pair, buf_view(&authority->certificate), buf_view(&authority->key), leaf, now, err);
	if (!failed)
		failed = pem_files_write(files, &pair, err);
	if (!failed) {
		print_expiry(what, &pair);
		print_written(dir, files);
	}
	certs_pair_release(&pair);
	return failed;
}

/* Describes the server certificate: with the given names, or with the local ones by default. */
static struct certs_leaf server_leaf(const struct create_options *options)
{
	static const char *const local_names[] = {"localhost"}, *const local_ips[] = {"127.0.0.1", "::1"};
	struct certs_leaf leaf = {.usage = CERTS_SERVER,
				  .dns = options->names.items,
				  .dns_count = options->names.count,
				  .ips = options->ips.items,
				  .ip_count = options->ips.count,
				  .seconds = leaf_seconds(options)};
	if (leaf.dns_count + leaf.ip_count == 0) {
		leaf.dns = local_names;
		leaf.dns_count = 1;
		leaf.ips = local_ips;
		leaf.ip_count = 2;
	}
	const char *first = leaf.dns_count ? leaf.dns[0] : leaf.ips[0];
	leaf.common_name = strlen(first) <= COMMON_NAME_MAX ? first : NULL;
	return leaf;
}

static struct certs_leaf client_leaf(const struct create_options *options)
{
	return (struct certs_leaf){
	    .usage = CERTS_CLIENT, .common_name = options->client, .seconds = leaf_seconds(options)};
}

/* Rejects existing files before anything is written. */
static int check(const struct create_options *options, const struct pem_files *files, struct error *err)
{
	int count = pem_files_count(files, err);
	if (count <= 0 || options->force)
		return count < 0 ? -1 : 0;
	return error_set(err, "%.200s already has %s or %s; choose another --dir, or replace both with --force",
			 options->dir, files->certificate, files->key);
}

static int check_names(const struct create_options *options, struct error *err)
{
	for (size_t i = 0; i < options->names.count; i++)
		if (certs_check_dns(options->names.items[i], err))
			return -1;
	for (size_t i = 0; i < options->ips.count; i++)
		if (certs_check_ip(options->ips.items[i], err))
			return -1;
	size_t len = options->client ? strlen(options->client) : 1;
	if (len < 1 || len > COMMON_NAME_MAX)
		return error_set(err, "--client: give a name of 1 to %d bytes", COMMON_NAME_MAX);
	return 0;
}

/*
 * A path secret that is there is kept: a registration may already have it. The same --ledger is for
 * `serve` and `render`; docs/by-hand.md explains both.
 */
static void print_next_of_server(const char *dir, int folder)
{
	if (faccessat(folder, "path-secret", F_OK, 0) != 0)
		printf("  (umask 077; openssl rand -hex 24 > %s/path-secret)\n", dir);
	printf("  gpugate serve --policy POLICY --listen :8443 --tls-cert %s/tls.crt --tls-key %s/tls.key \\\n"
	       "      --path-secret %s/path-secret\n"
	       "  gpugate render --policy POLICY --ca-bundle %s/ca.crt --path-secret %s/path-secret |\n"
	       "      kubectl apply --server-side -f -\n",
	       dir, dir, dir, dir, dir);
}

static void print_next(const struct create_options *options, int folder, bool server)
{
	const char *dir = options->dir;
	puts("\nNext:");
	if (server)
		print_next_of_server(dir, folder);
	if (options->client)
		printf("  gpugate serve ... --client-ca %s/ca.crt --client-name '%s'\n", dir, options->client);
	printf("Keep %s/ca.key secret: anyone who has it can impersonate the server.\n", dir);
}

static int create_in(const struct create_options *options, int folder, struct error *err)
{
	struct pem_files server = {folder, "tls.crt", "tls.key"}, client = {folder, "client.crt", "client.key"};
	int there = pem_files_count(&server, err);
	bool want_server = !options->client || options->names.count + options->ips.count > 0 || there == 0;
	if (there < 0 || (want_server && check(options, &server, err)) ||
	    (options->client && check(options, &client, err)))
		return -1;
	time_t now = time(NULL);
	struct certs_leaf server_wants = server_leaf(options), client_wants = client_leaf(options);
	struct certs_pair authority;
	certs_pair_init(&authority);
	int failed = get_authority(&authority, options, folder, now, err);
	if (!failed && want_server)
		failed = make_leaf(&server_wants, &authority, &server, "Server certificate", options->dir, now, err);
	if (!failed && options->client)
		failed = make_leaf(&client_wants, &authority, &client, "Client certificate", options->dir, now, err);
	certs_pair_release(&authority);
	if (!failed)
		print_next(options, folder, want_server);
	return failed;
}

/*
 * Opens the folder, and locks it until it is closed. If two commands start at the same time, the
 * second finds the authority of the first and keeps it.
 */
static int open_folder(const char *dir, struct error *err)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return error_set(err, "%s: %s", dir, strerror(errno));
	int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return error_set(err, "%s: %s", dir, strerror(errno));
	flock(folder, LOCK_EX); /* Continues without a lock if the file system has none. */
	return folder;
}

static int run(int argc, char **argv)
{
	struct create_options options;
	int status = options_start(&create_table, argc, argv, &options);
	if (status >= 0)
		return status;
	struct error err = {.text = ""};
	int folder = check_names(&options, &err) ? -1 : open_folder(options.dir, &err);
	int failed = folder < 0 ? -1 : create_in(&options, folder, &err);
	if (folder >= 0)
		close(folder);
	if (failed)
		fprintf(stderr, "gpugate certs create: %s\n", err.text);
	options_release(&create_table, &options);
	return failed ? EXIT_FAILED : EXIT_FINE;
}

const struct command certs_create_command = {
    .name = "create",
    .summary = "create an authority and certificates",
    .options = &create_table,
    .run = run,
};
