#include "policy/document/config_file.h"

#include <stdio.h>

#include "gpugate/suggest.h"
#include "policy/document/decode_object.h"
#include "policy/document/lines.h"
#include "policy/document/yaml.h"

/* The most keys of a ConfigMap that are considered for a suggestion. */
#define KEYS_MAX 32

/*
 * Returns the only document of the reader, or NULL if it cannot be read (reported). Closes the
 * reader.
 */
static const struct node *only_document(struct decoder *decoder, struct tree_reader *reader, struct location begin,
					struct arena *nodes)
{
	const struct node *root = NULL, *more = NULL;
	unsigned errors = decoder->report->errors;
	char words[80];

	if (!reader) {
		decode_exhausted(decoder);
		return NULL;
	}
	while (!more && (more = tree_next(reader, nodes, decoder->arena))) {
		if (node_is_null(more) || !root) {
			root = node_is_null(more) ? root : more;
			more = NULL;
		}
	}
	tree_close(reader);
	if (decoder->report->errors != errors)
		return NULL;
	if (!root)
		DECODE_REPORT(decoder, begin,
			      "no configuration is here; write it, or do not name it in the Accelerator");
	else if (more)
		DECODE_REPORT(decoder, more->at,
			      "a file with a configuration has one document; move this one to another file");
	else if (root->type != NODE_MAP)
		DECODE_REPORT(decoder, root->at, "a configuration must be a map, found %s",
			      node_describe(root, words, sizeof words));
	else
		return root;
	return NULL;
}

/* Returns the keys of a map for a message, such as "any, tesla-t4". */
static const char *list_keys(const struct node *map, char *buffer, size_t size)
{
	size_t len = 0;

	buffer[0] = '\0';
	for (const struct node *key = map->first; key && len < size; key = key->next) {
		int wrote = snprintf(buffer + len, size - len, "%s%.*s", len ? ", " : "", SHOWN(key->text));
		len += wrote > 0 ? (size_t)wrote : 0;
	}
	return buffer;
}

void config_no_key(struct decoder *decoder, struct location at, const char *lacks, struct str wrong,
		   const struct node *map)
{
	struct str names[KEYS_MAX];
	size_t count = 0;
	char keys[320];

	for (const struct node *key = map->first; key && count < KEYS_MAX; key = key->next)
		names[count++] = key->text;
	struct str near = suggest_word(wrong, names, count, sizeof names[0]);
	if (str_present(near))
		DECODE_REPORT(decoder, at, "the %s \"%.*s\"; did you mean \"%.*s\"?", lacks, SHOWN(wrong), SHOWN(near));
	else
		DECODE_REPORT(decoder, at, "the %s \"%.*s\"; it has %s", lacks, SHOWN(wrong),
			      list_keys(map, keys, sizeof keys));
}

/* Returns the chosen key of a ConfigMap's data, or NULL (reported). */
static const struct node *choose(struct decoder *decoder, const struct config_choice *choice, const struct node *root)
{
	const struct node *data = node_find(root, STR("data")), *key;
	char keys[320];

	if (!data || data->value->type != NODE_MAP || data->value->count == 0) {
		DECODE_REPORT(decoder, data ? data->at : root->at,
			      "this ConfigMap has no configuration; write one below \"data\"");
		return NULL;
	}
	data = data->value;
	key = node_find(data, str_present(choice->key) ? choice->key : choice->usual);
	if (!key && !str_present(choice->key) && data->count == 1)
		key = data->first;
	if (!key && str_present(choice->key))
		config_no_key(decoder, choice->at, "ConfigMap has no key", choice->key, data);
	else if (!key)
		DECODE_REPORT(decoder, choice->at,
			      "the ConfigMap has several configurations: %s; append \"#\" and the key of one",
			      list_keys(data, keys, sizeof keys));
	return key;
}

/* Returns the first line after the block of text that is the value of a key. */
static uint32_t block_end(const struct source *source, const struct node *key)
{
	uint32_t line = key->value->at.line + 1;

	for (; line <= source->line_count; line++) {
		struct str text = source_line(source, line);
		size_t blanks = 0;
		while (blanks < text.len && text.ptr[blanks] == ' ')
			blanks++;
		if (blanks < text.len && text.ptr[blanks] != '\r' && blanks < key->at.column)
			break;
	}
	return line;
}

/* Whether the value of a key is a block of text after "|". */
static bool is_block(const struct source *source, const struct node *key)
{
	const struct node *value = key->value;
	struct str line = source_line(source, value->at.line);

	return value->type == NODE_SCALAR && !value->plain && !value->bad && value->at.column <= line.len &&
	       line.ptr[value->at.column - 1] == '|';
}

static const struct node *config_map_root(struct decoder *decoder, const struct config_choice *choice,
					  const struct node *root, struct arena *nodes)
{
	const struct source *source = &decoder->docs->sources[choice->source];
	const struct node *key = choose(decoder, choice, root);

	if (!key)
		return NULL;
	if (!is_block(source, key)) {
		DECODE_REPORT(decoder, key->at,
			      "the configuration must be a block of text; write \"%.*s: |\" and the lines below it",
			      SHOWN(key->text));
		return NULL;
	}
	struct tree_reader *reader = tree_open_lines(decoder->docs, choice->source, key->value->at.line + 1,
						     block_end(source, key), nodes, decoder->report);
	return only_document(decoder, reader, key->at, nodes);
}

const struct node *config_root(struct decoder *decoder, const struct config_choice *choice, struct arena *nodes)
{
	struct location begin = {.source = choice->source, .line = 1, .column = 1, .length = 1};
	const struct node *root =
	    only_document(decoder, tree_open(decoder->docs, choice->source, decoder->report), begin, nodes);
	const struct node *kind = root ? node_find(root, STR("kind")) : NULL;

	if (!root)
		return NULL;
	if (kind && str_eq(kind->value->text, STR("ConfigMap")))
		return config_map_root(decoder, choice, root, nodes);
	if (kind || node_find(root, STR("apiVersion"))) {
		DECODE_REPORT(decoder, kind ? kind->value->at : root->at,
			      "this is neither a configuration nor a ConfigMap; name another file in the Accelerator");
		return NULL;
	}
	if (str_present(choice->key)) {
		DECODE_REPORT(decoder, choice->at,
			      "the file is not a ConfigMap, so nothing in it is named; remove \"#%.*s\"",
			      SHOWN(choice->key));
		return NULL;
	}
	return root;
}
