/*
 * fuzz_certs: inspects any bytes as certificate, key and authority at the same time. The inspection
 * terminates, every sentence is printable, and input without a certificate has a fault.
 */
#include <stdlib.h>

#include "gpugate/certs_inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			abort();
}

static void must_describe(const struct certs_description *certs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		must_be_printable(certs[i].subject);
		must_be_printable(certs[i].issuer);
		must_be_printable(certs[i].names);
		must_be_printable(certs[i].key);
		must_be_printable(certs[i].signature);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"gpugate.gpugate.svc", "127.0.0.1"};
	static struct certs_report report;
	struct error err = {.text = ""};
	struct arena arena;
	/* A copy of exactly that size, so that AddressSanitizer detects reads beyond it. */
	char *text = malloc(size + 1);
	if (size)
		memcpy(text, data, size);
	struct str pem = {text, size};
	arena_init(&arena, 1 << 14, CERTS_ARENA_BYTES);
	if (certs_inspect(&(struct certs_question){.certificate = pem,
						   .key = pem,
						   .authority = pem,
						   .names = names,
						   .name_count = 2,
						   .now = 1795000000,
						   .warn_days = 30},
			  &arena, &report, &err) < 0)
		abort();
	for (size_t i = 0; i < report.finding_count; i++)
		must_be_printable(report.findings[i].text);
	must_describe(report.chain, report.chain_count);
	must_describe(report.trusted, report.trusted_count);
	if (report.chain_count == 0 && report.faults == 0)
		abort();
	arena_release(&arena);
	free(text);
	return 0;
}
