#include "policy/document/read.h"

#include "gpugate/file.h"
#include "policy/document/config.h"
#include "policy/document/decode.h"
#include "policy/document/report.h"
#include "policy/document/source.h"
#include "policy/document/yaml.h"

#define NODES_CHUNK ((size_t)1 << 16)
/* A file of 1 MiB needs far less. */
#define NODES_MAX ((size_t)256 << 20)

static void read_source(struct decoder *decoder, uint32_t index, struct arena *nodes)
{
	struct tree_reader *reader = tree_open(decoder->docs, index, decoder->report);

	if (!reader) {
		report_file(decoder->report, decoder->docs->sources[index].path, "no memory is left to read this file");
		return;
	}
	for (struct node *root; (root = tree_next(reader, nodes, decoder->arena));) {
		decode_document(decoder, root);
		arena_reset(nodes);
	}
	tree_close(reader);
	arena_reset(nodes);
}

/* Decodes all sources. Returns -1 if the report contains errors. */
static int read_sources(struct arena *arena, struct docs *docs, struct report *report)
{
	struct decoder decoder = {.docs = docs, .arena = arena, .report = report};
	struct arena nodes;

	arena_init(&nodes, NODES_CHUNK, NODES_MAX);
	config_mark(docs, &nodes, report);
	for (uint32_t i = 0; i < docs->source_count && !decoder.exhausted; i++) {
		if (docs->sources[i].usable && !docs->sources[i].config)
			read_source(&decoder, i, &nodes);
	}
	decode_finish(&decoder);
	if (!decoder.exhausted)
		config_attach(&decoder, &nodes);
	arena_release(&nodes);
	return report->errors ? -1 : 0;
}

static bool holds_documents(const struct docs *docs)
{
	return docs->settings.count || docs->accelerators.count || docs->tenants.count || docs->rules.count ||
	       docs->guards.count || docs->workloads.count || docs->namespaces.count;
}

int docs_read(const char *const *paths, size_t path_count, struct arena *arena, struct docs *docs,
	      struct report *report)
{
	*docs = (struct docs){0};
	source_read_paths(paths, path_count, arena, docs, report);
	read_sources(arena, docs, report);
	if (report->errors == 0 && !holds_documents(docs))
		report_file(report, file_shown(str_of(path_count ? paths[0] : "")), "holds no policy document");
	return report->errors ? -1 : 0;
}

int docs_read_texts(const struct policy_text *texts, size_t count, struct arena *arena, struct docs *docs,
		    struct report *report)
{
	*docs = (struct docs){0};
	source_read_texts(texts, count, arena, docs, report);
	return read_sources(arena, docs, report);
}

int docs_read_bytes(const char *name, struct str bytes, struct arena *arena, struct docs *docs, struct report *report)
{
	*docs = (struct docs){0};
	source_read_bytes(name, bytes, arena, docs, report);
	return read_sources(arena, docs, report);
}
