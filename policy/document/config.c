#include "policy/document/config.h"

#include "policy/document/config_name.h"
#include "policy/document/config_read.h"
#include "policy/document/decode_task.h"
#include "policy/document/report.h"
#include "policy/document/schema_parts.h"
#include "policy/document/yaml.h"

/* The maximum number of bytes that are read in total: many Accelerators may name the same file. */
#define CONFIG_BYTES_MAX ((size_t)64 << 20)

/* Configurations that are kept, so that each is read and reported once. */
#define KNOWN_MAX 64

/* --- Which sources are configurations --- */

/* Returns the text of spec.`object`.`key`, or an absent string. */
static struct str name_in(const struct node *root, struct str object, struct str key)
{
	const struct node *at = node_find(root, STR("spec"));

	at = at ? node_find(at->value, object) : NULL;
	at = at ? node_find(at->value, key) : NULL;
	return at && at->value->type == NODE_SCALAR ? at->value->text : (struct str){NULL, 0};
}

/* Marks the sources that a document of the source `from` names. Returns whether it names any. */
static bool mark_named(struct docs *docs, uint32_t from, const struct node *root)
{
	const struct str names[] = {name_in(root, STR("sharing"), STR("devicePluginConfig")),
				    name_in(root, STR("mig"), STR("offeredFrom"))};
	bool any = false;

	for (size_t i = 0; i < COUNT(names); i++) {
		uint32_t source;
		if (!str_present(names[i]))
			continue;
		any = true;
		if (config_find(docs, from, names[i], &source) == CONFIG_FOUND)
			docs->sources[source].config = true;
	}
	return any;
}

static bool may_name(struct str bytes)
{
	return memmem(bytes.ptr, bytes.len, "devicePluginConfig", sizeof "devicePluginConfig" - 1) ||
	       memmem(bytes.ptr, bytes.len, "offeredFrom", sizeof "offeredFrom" - 1);
}

/* Drops its findings, because the file will be read again, as policy or as a configuration. */
static bool mark_from(struct docs *docs, uint32_t from, struct arena *nodes)
{
	bool any = false;
	struct report dropped;

	report_init(&dropped);
	struct tree_reader *reader = tree_open(docs, from, &dropped);
	for (const struct node *root; reader && (root = tree_next(reader, nodes, nodes));) {
		const struct node *kind = node_find(root, STR("kind"));
		if (kind && str_eq(kind->value->text, schema_kinds[KIND_ACCELERATOR].kind))
			any = mark_named(docs, from, root) || any;
		arena_reset(nodes);
	}
	tree_close(reader);
	arena_reset(nodes);
	report_release(&dropped);
	return any;
}

void config_mark(struct docs *docs, struct arena *nodes, struct report *report)
{
	/* A file that names another one is policy, even if it is named itself. */
	for (uint32_t i = 0; i < docs->source_count; i++) {
		struct source *source = &docs->sources[i];
		if (source->usable && may_name(source->bytes))
			source->policy = mark_from(docs, i, nodes);
	}
	for (uint32_t i = 0; i < docs->source_count; i++) {
		struct source *source = &docs->sources[i];
		source->config = source->config && !source->policy;
		if (source->config)
			report_config(report, source->path);
	}
}

/* --- Accelerators --- */

/* A configuration that has been read. Several Accelerators may name the same one. */
struct known {
	bool parted;
	uint32_t source;
	struct str part;
	const void *config;
};

struct attaching {
	struct decoder *decoder;
	struct arena *nodes;
	size_t left; /* Bytes that may still be read. */
	struct known known[KNOWN_MAX];
	size_t known_count;
};

/* Returns whether there is a file of that name. If it is of no use, that is reported. */
static bool find_file(struct decoder *decoder, const struct text *name, uint32_t *source)
{
	struct str path = config_path(name->s);
	enum config_found found = config_find(decoder->docs, name->at.source, name->s, source);

	if (found == CONFIG_OUTSIDE)
		DECODE_REPORT(decoder, name->at, "\"%.*s\" leads out of the policy folder; name a file inside it",
			      SHOWN(path));
	if (found != CONFIG_FOUND)
		return false;
	if (decoder->docs->sources[*source].config)
		return true;
	DECODE_REPORT(decoder, name->at, "\"%.*s\" is a file of policy; name a file with a configuration only",
		      SHOWN(path));
	return false;
}

/* Returns whether the source may be read, and counts its bytes. */
static bool may_read(struct attaching *attaching, const struct text *name, struct source *source)
{
	if (!source->usable || source->reported)
		return false;
	if (source->bytes.len <= attaching->left) {
		attaching->left -= source->bytes.len;
		return true;
	}
	DECODE_REPORT(attaching->decoder, name->at,
		      "the configurations that Accelerators name are larger than 64 MiB together; split them into "
		      "smaller files");
	attaching->left = 0;
	source->reported = true;
	return false;
}

/* Returns the configuration of that name, or NULL if there is none or it is not valid. */
static const void *attach(struct attaching *attaching, const struct text *name, bool parted)
{
	struct decoder *decoder = attaching->decoder;
	struct config_choice choice = {.at = name->at};
	struct str part = config_part(name->s);

	if (!str_present(name->s) || !find_file(decoder, name, &choice.source))
		return NULL;
	for (size_t i = 0; i < attaching->known_count; i++) {
		const struct known *known = &attaching->known[i];
		if (known->parted == parted && known->source == choice.source && str_eq(known->part, part))
			return known->config;
	}
	struct source *source = &decoder->docs->sources[choice.source];
	if (!may_read(attaching, name, source))
		return NULL;
	unsigned errors = decoder->report->errors;
	const void *config;
	if (parted) {
		choice.usual = STR("config.yaml");
		config = config_read_mig_layout(decoder, &choice, part, attaching->nodes);
	} else {
		choice.key = part;
		config = config_read_device_plugin(decoder, &choice, attaching->nodes);
	}
	source->reported = decoder->report->errors != errors;
	arena_reset(attaching->nodes);
	if (attaching->known_count < KNOWN_MAX)
		attaching->known[attaching->known_count++] = (struct known){parted, choice.source, part, config};
	return config;
}

void config_attach(struct decoder *decoder, struct arena *nodes)
{
	struct attaching attaching = {.decoder = decoder, .nodes = nodes, .left = CONFIG_BYTES_MAX};

	for (uint32_t i = 0; i < decoder->docs->accelerators.count; i++) {
		struct doc_accelerator *accelerator = &decoder->docs->accelerators.items[i];
		accelerator->sharing.plugin = attach(&attaching, &accelerator->sharing.device_plugin_config, false);
		accelerator->mig.layout = attach(&attaching, &accelerator->mig.offered_from, true);
	}
}
