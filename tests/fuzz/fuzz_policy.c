/*
 * fuzz_policy: reads any bytes as a policy file. docs_read_bytes must not crash, hang or leak.
 * Errors must be counted and printable, every location must be inside the file, and the same bytes
 * must give the same findings again.
 */
#include <stdlib.h>

#include "policy/base/utf8.h"
#include "policy/document/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf run(struct str bytes)
{
	struct report report;
	struct arena arena;
	struct docs docs;
	struct buf out;

	report_init(&report);
	arena_init(&arena, 1 << 14, (size_t)512 << 20);
	buf_init(&out, (size_t)16 << 20);
	int result = docs_read_bytes("fuzz.yaml", bytes, &arena, &docs, &report);
	if ((result == -1) != (report.errors > 0))
		abort();
	for (unsigned i = 0; i < report.count; i++) {
		const struct finding *finding = &report.findings[i];
		if (finding->text.len == 0 || finding->length == 0 || (finding->line > 0 && finding->column == 0))
			abort();
	}
	for (uint32_t i = 0; result == 0 && i < docs.tenants.count; i++) {
		const struct doc_tenant *tenant = &docs.tenants.items[i];
		if (!str_present(tenant->name.s) || tenant->name.at.line == 0)
			abort();
		for (uint32_t q = 0; q < tenant->quotas.count; q++) {
			if (!tenant->quotas.items[q].hard.set || tenant->quotas.items[q].hard.value.nano < 0)
				abort();
		}
	}
	report_sort(&report);
	report_print(&report, false, &out);
	if (out.failed)
		abort();
	struct str rest = buf_view(&out);
	while (rest.len > 0) {
		uint32_t point;
		unsigned len = utf8_next(rest, &point);
		if (len == 0 || (point < 0x20 && point != '\n' && point != '\t'))
			abort();
		rest = str_tail(rest, len);
	}
	arena_release(&arena);
	report_release(&report);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct buf first = run(bytes), second = run(bytes);

	if (!str_eq(buf_view(&first), buf_view(&second)))
		abort();
	buf_release(&first);
	buf_release(&second);
	return 0;
}
