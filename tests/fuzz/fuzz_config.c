/*
 * fuzz_config: reads any bytes as a configuration that an Accelerator names, of the device plugin
 * and of mig-parted. Reading must not crash, hang or leak. There is a result or an error; every
 * location is inside the file; and what is read keeps the limits that the compiler relies on.
 */
#include <stdlib.h>

#include "policy/document/config_read.h"
#include "policy/document/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_inside(const struct docs *docs, struct location at)
{
	if (at.source != 0 || at.line == 0 || at.line > docs->sources[0].line_count || at.column == 0)
		abort();
}

static void check_ways(const struct docs *docs, const struct doc_replication *how)
{
	if (how->set && how->resources.count == 0)
		abort();
	for (uint32_t i = 0; i < how->resources.count; i++) {
		const struct doc_replicated *entry = &how->resources.items[i];
		must_be_inside(docs, entry->name.at);
		must_be_inside(docs, entry->replicas.at);
		if (!str_present(entry->name.s) || entry->replicas.value < 1 || entry->replicas.value > 65536)
			abort();
	}
}

static void check_layout(const struct docs *docs, const struct doc_mig_layout *layout)
{
	if (layout->count > MIG_CUTS_MAX)
		abort();
	for (uint32_t i = 0; i < layout->count; i++) {
		must_be_inside(docs, layout->cuts[i].name.at);
		if (!schema_form_fits(FORM_PROFILE, layout->cuts[i].name.s))
			abort();
	}
}

/* Reads the source in all ways. */
static void read_all(struct decoder *decoder, struct arena *nodes)
{
	const struct str keys[] = {{NULL, 0}, STR("any")};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct config_choice choice = {.key = keys[i], .at = {.line = 1, .column = 1}};
		unsigned errors = decoder->report->errors;
		const struct doc_device_plugin *plugin = config_read_device_plugin(decoder, &choice, nodes);
		if (!plugin != (decoder->report->errors > errors))
			abort();
		if (plugin) {
			check_ways(decoder->docs, &plugin->time_slicing);
			check_ways(decoder->docs, &plugin->mps);
		}
		choice = (struct config_choice){.usual = STR("config.yaml"), .at = {.line = 1, .column = 1}};
		errors = decoder->report->errors;
		const struct doc_mig_layout *layout = config_read_mig_layout(decoder, &choice, keys[i], nodes);
		if (!layout != (decoder->report->errors > errors))
			abort();
		if (layout)
			check_layout(decoder->docs, layout);
		arena_reset(nodes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report report;
	struct arena arena, nodes;
	struct docs docs = {0};
	/* A copy of exactly that size, so that AddressSanitizer detects reads beyond it. */
	char *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	report_init(&report);
	arena_init(&arena, 1 << 14, (size_t)512 << 20);
	arena_init(&nodes, 1 << 14, (size_t)512 << 20);
	source_read_bytes("config.yaml", (struct str){copy, size}, &arena, &docs, &report);
	if (docs.source_count == 1 && docs.sources[0].usable) {
		struct decoder decoder = {.docs = &docs, .arena = &arena, .report = &report};
		read_all(&decoder, &nodes);
	}
	for (unsigned i = 0; i < report.count; i++) {
		if (report.findings[i].text.len == 0 || report.findings[i].length == 0)
			abort();
	}
	arena_release(&nodes);
	arena_release(&arena);
	report_release(&report);
	free(copy);
	return 0;
}
