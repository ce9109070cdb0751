/* gpugate version: prints its own version and those of its libraries. */
#include <curl/curl.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <yaml.h>

#include "webhook/cmd/commands.h"

struct version_options {
	int output;
};

static const struct option_row rows[] = {
    OPTION_OUTPUT(offsetof(struct version_options, output)),
};

static const struct option_table table = {
    .command = "version",
    .synopsis = "[-o text|json]",
    .summary = "Prints the version of gpugate and those of the libraries that it runs with "
	       "and was built against.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct version_options),
    .examples = "  gpugate version -o json\n",
};

static const char *gnutls_running(void)
{
	return gnutls_check_version(NULL);
}

static const char *openssl_running(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

static const char *curl_running(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

static const char *curl_built(void)
{
	return LIBCURL_VERSION;
}

/* libmicrohttpd encodes its version at compile time in binary-coded decimal: 0x00097500. */
static const char *microhttpd_built(void)
{
	static char text[24];
	snprintf(text, sizeof text, "%x.%x.%x", (unsigned)MHD_VERSION >> 24, (unsigned)MHD_VERSION >> 16 & 0xff,
		 (unsigned)MHD_VERSION >> 8 & 0xff);
	return text;
}

static const char *gnutls_built(void)
{
	return GNUTLS_VERSION;
}

static const char *openssl_built(void)
{
	return OPENSSL_VERSION_STR;
}

static const char *jansson_built(void)
{
	return JANSSON_VERSION;
}

static const struct library {
	const char *name;
	const char *(*running)(void);
	const char *(*built)(void); /* NULL: its header has no version. */
} libraries[] = {
    {"libmicrohttpd", MHD_get_version, microhttpd_built}, {"gnutls", gnutls_running, gnutls_built},
    {"openssl", openssl_running, openssl_built},          {"jansson", jansson_version_str, jansson_built},
    {"libyaml", yaml_get_version_string, NULL},           {"libcurl", curl_running, curl_built},
};
#define LIBRARIES (sizeof libraries / sizeof *libraries)

static void print_text(void)
{
	printf("gpugate %s\n", GPUGATE_VERSION);
	for (size_t i = 0; i < LIBRARIES; i++) {
		const struct library *library = &libraries[i];
		printf("  %-14s %s", library->name, library->running());
		if (library->built)
			printf(" (built against %s)", library->built());
		putchar('\n');
	}
}

static int print_json(void)
{
	json_t *list = json_object();
	for (size_t i = 0; i < LIBRARIES; i++) {
		const struct library *library = &libraries[i];
		json_t *item = json_pack("{s:s, s:s?}", "running", library->running(), "built",
					 library->built ? library->built() : NULL);
		json_object_set_new(list, library->name, item);
	}
	json_t *root = json_pack("{s:s, s:o}", "version", GPUGATE_VERSION, "libraries", list);
	int result = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(root);
	return result;
}

static int run(int argc, char **argv)
{
	struct version_options options;
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	int result = 0;
	if (options.output == OPTION_OUTPUT_JSON)
		result = print_json();
	else
		print_text();
	options_release(&table, &options);
	return result == 0 ? EXIT_FINE : EXIT_FAILED;
}

const struct command version_command = {
    .name = "version",
    .summary = "print the versions of gpugate and its libraries",
    .group = GROUP_ABOUT,
    .options = &table,
    .run = run,
};
