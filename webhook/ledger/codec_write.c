/* codec_write: writes the text of pending entries. */
#include <stdlib.h>

#include "webhook/ledger/codec.h"
#include "webhook/ledger/codec_names.h"
#include "webhook/ledger/uid.h"

void ledger_text_begin(struct ledger_text *text, struct buf *out, unsigned form)
{
	*text = (struct ledger_text){.out = out, .form = form};
}

/* Tenants choose names. The address of the table makes collisions unpredictable for them. */
static uint32_t *slot_of(const struct text_names *names, struct str name)
{
	uint64_t hash = (str_hash(name) ^ (uintptr_t)names->slots) * 0x9e3779b97f4a7c15u;
	uint32_t mask = names->size * 2 - 1, at = (uint32_t)(hash >> 32) & mask;
	while (names->slots[at] && !str_eq(names->items[names->slots[at] - 1], name))
		at = (at + 1) & mask;
	return &names->slots[at];
}

static bool grow(struct text_names *names)
{
	uint32_t size = names->size ? names->size * 2 : 16;
	struct str *items = realloc(names->items, size * sizeof *items);
	names->items = items ? items : names->items;
	uint32_t *slots = items ? calloc((size_t)size * 2, sizeof *slots) : NULL;
	if (!slots)
		return false;
	free(names->slots);
	names->slots = slots;
	names->size = size;
	for (uint32_t i = 0; i < names->count; i++)
		*slot_of(names, names->items[i]) = i + 1;
	return true;
}

/* Returns the number of a name. If it has none yet, writes the record that gives it one. */
static uint32_t number_of(struct ledger_text *text, int kind, struct str name)
{
	struct text_names *names = &text->names[kind];
	if (names->count == names->size && !grow(names)) {
		text->out->failed = true;
		return 0;
	}
	uint32_t *slot = slot_of(names, name);
	if (*slot)
		return *slot - 1;
	names->items[names->count] = name;
	*slot = ++names->count;
	buf_text(text->out, codec_name_records[kind].head);
	buf_str(text->out, name);
	buf_char(text->out, ';');
	return names->count - 1;
}

/* Returns the name of a requested resource as the form has it. */
static struct str resource_of(const struct ledger_text *text, const struct resource_request *request)
{
	return text->form >= CODEC_PARTS_FORM ? request->resource : resource_without_part(request->resource);
}

/* Names are written before the Pod that uses them. */
static void write_names(struct ledger_text *text, const struct consumer *consumer)
{
	if (!text->begun)
		buf_printf(text->out, "%u;", text->form);
	text->begun = true;
	if (text->form > 1)
		number_of(text, CODEC_NAMESPACES, consumer->namespace);
	if (text->form >= CODEC_GROUPS_FORM && consumer->group.len)
		number_of(text, CODEC_GROUPS, consumer->group);
	for (uint32_t i = 0; i < consumer->request_count; i++)
		number_of(text, CODEC_RESOURCES, resource_of(text, &consumer->requests[i]));
	for (uint32_t i = 0; i < consumer->model_count; i++)
		number_of(text, CODEC_MODELS, consumer->models[i]);
}

static void write_number(struct ledger_text *text, int kind, struct str name)
{
	buf_number(text->out, number_of(text, kind, name));
}

static void write_identity(struct ledger_text *text, const struct consumer *consumer)
{
	struct buf *out = text->out;
	if (consumer->reserved_seconds) {
		buf_text(out, "H ");
		write_number(text, CODEC_NAMESPACES, consumer->namespace);
		buf_char(out, ' ');
		write_number(text, CODEC_GROUPS, consumer->group);
		return;
	}
	buf_text(out, consumer->kind == CONSUMER_CLAIM ? "C " : "P ");
	if (text->form > 1) {
		ledger_uid_write(out, consumer->uid);
		buf_char(out, ' ');
		write_number(text, CODEC_NAMESPACES, consumer->namespace);
		return;
	}
	buf_str(out, consumer->uid);
	buf_char(out, ' ');
	buf_str(out, consumer->namespace);
	buf_char(out, ' ');
	buf_str(out, consumer->name.len ? consumer->name : STR(CODEC_NO_NAME));
}

/* Writes what follows the Accelerators. */
static void write_group(struct ledger_text *text, const struct consumer *consumer)
{
	struct buf *out = text->out;
	if (consumer->reserved_seconds) {
		buf_char(out, ' ');
		buf_number(out, consumer->reserved_seconds);
		buf_char(out, ' ');
		buf_number(out, consumer->renewal);
	} else if (text->form >= CODEC_GROUPS_FORM && consumer->group.len) {
		buf_char(out, ' ');
		write_number(text, CODEC_GROUPS, consumer->group);
	}
}

void ledger_text_add(struct ledger_text *text, const struct consumer *consumer)
{
	struct buf *out = text->out;
	if (ledger_text_first_form(consumer) > text->form) {
		out->failed = true;
		return;
	}
	write_names(text, consumer);
	write_identity(text, consumer);
	for (uint32_t i = 0; i < consumer->request_count; i++) {
		buf_char(out, consumer->requests[i].alternative ? '|' : i ? ',' : ' ');
		write_number(text, CODEC_RESOURCES, resource_of(text, &consumer->requests[i]));
		buf_char(out, '=');
		buf_number(out, (uint64_t)consumer->requests[i].count);
	}
	if (consumer->model_count == 0)
		buf_text(out, " -");
	for (uint32_t i = 0; i < consumer->model_count; i++) {
		buf_char(out, i ? ',' : ' ');
		write_number(text, CODEC_MODELS, consumer->models[i]);
	}
	write_group(text, consumer);
	buf_char(out, ';');
}

void ledger_text_end(struct ledger_text *text)
{
	for (int kind = 0; kind < CODEC_KINDS; kind++) {
		free(text->names[kind].items);
		free(text->names[kind].slots);
	}
}
