#include "webhook/ledger_text.h"

#include <stdlib.h>

#define UID_MAX 64
#define NAME_MAX_BYTES 253 /* DNS subdomain, and more than any resource's or Accelerator's name */
#define LIST_MAX 256       /* demands or Accelerators of one Pod */

enum { RESOURCES, MODELS };
static const char *const record_heads[] = {[RESOURCES] = "R ", [MODELS] = "M "};

static bool is_plain(struct str s, size_t max)
{
	bool plain = s.len > 0 && s.len <= max;
	for (size_t i = 0; plain && i < s.len; i++)
		plain = s.ptr[i] > ' ' && s.ptr[i] < 0x7f && s.ptr[i] != ';' && s.ptr[i] != '"' && s.ptr[i] != '\\';
	return plain;
}

bool ledger_text_fits(const struct holding *holding)
{
	bool fits = is_plain(holding->uid, UID_MAX) && is_plain(holding->namespace, NAME_MAX_BYTES) &&
		    is_plain(holding->name, NAME_MAX_BYTES) && holding->demand_count > 0 &&
		    holding->demand_count <= LIST_MAX && holding->model_count <= LIST_MAX;
	for (uint32_t i = 0; fits && i < holding->demand_count; i++)
		fits = is_plain(holding->demands[i].resource, NAME_MAX_BYTES) && holding->demands[i].count > 0 &&
		       holding->demands[i].count <= COMPANION_MAX;
	for (uint32_t i = 0; fits && i < holding->model_count; i++)
		fits = is_plain(holding->models[i], NAME_MAX_BYTES);
	return fits;
}

size_t ledger_text_bytes(const struct holding *holding)
{
	/* `P `, three names with a blank each, `-` or a list, `;`; `R ;`, `12345=1000000000,` or `12345=9007199254740992,`; `M ;`, `12345,` */
	size_t bytes = 2 + holding->uid.len + holding->namespace.len + holding->name.len + 3 + 3;
	for (uint32_t i = 0; i < holding->demand_count; i++)
		bytes += 3 + holding->demands[i].resource.len + (holding->demands[i].count <= DEMAND_MAX ? 17 : 23);
	for (uint32_t i = 0; i < holding->model_count; i++)
		bytes += 3 + holding->models[i].len + 6;
	return bytes;
}

void ledger_text_begin(struct ledger_text *text, struct buf *out)
{
	*text = (struct ledger_text){.out = out};
	buf_text(out, "1;");
}

/* Names are chosen by tenants. Which of them meet depends on where the table lies, which these do not know. */
static uint32_t *slot_of(const struct text_names *names, struct str name)
{
	uint64_t hash = (str_hash(name) ^ (uintptr_t)names->slots) * 0x9e3779b97f4a7c15u;
	uint32_t mask = names->size * 2 - 1, at = (uint32_t)(hash >> 32) & mask;
	while (names->slots[at] && !str_eq(*names->items[names->slots[at] - 1], name))
		at = (at + 1) & mask;
	return &names->slots[at];
}

static bool grow(struct text_names *names)
{
	uint32_t size = names->size ? names->size * 2 : 16;
	const struct str **items = realloc(names->items, size * sizeof *items);
	names->items = items ? items : names->items;
	uint32_t *slots = items ? calloc((size_t)size * 2, sizeof *slots) : NULL;
	if (!slots)
		return false;
	free(names->slots);
	names->slots = slots;
	names->size = size;
	for (uint32_t i = 0; i < names->count; i++)
		*slot_of(names, *names->items[i]) = i + 1;
	return true;
}

/* The number of a name; written out as a record of its own where it has none yet. */
static uint32_t number_of(struct ledger_text *text, int kind, const struct str *name)
{
	struct text_names *names = &text->names[kind];
	if (names->count == names->size && !grow(names)) {
		text->out->failed = true;
		return 0;
	}
	uint32_t *slot = slot_of(names, *name);
	if (*slot)
		return *slot - 1;
	names->items[names->count] = name;
	*slot = ++names->count;
	buf_text(text->out, record_heads[kind]);
	buf_str(text->out, *name);
	buf_char(text->out, ';');
	return names->count - 1;
}

void ledger_text_add(struct ledger_text *text, const struct holding *holding)
{
	struct buf *out = text->out;
	for (uint32_t i = 0; i < holding->demand_count; i++)
		number_of(text, RESOURCES, &holding->demands[i].resource);
	for (uint32_t i = 0; i < holding->model_count; i++)
		number_of(text, MODELS, &holding->models[i]);
	buf_text(out, "P ");
	buf_str(out, holding->uid);
	buf_char(out, ' ');
	buf_str(out, holding->namespace);
	buf_char(out, ' ');
	buf_str(out, holding->name);
	buf_char(out, ' ');
	for (uint32_t i = 0; i < holding->demand_count; i++) {
		if (i)
			buf_char(out, ',');
		buf_number(out, number_of(text, RESOURCES, &holding->demands[i].resource));
		buf_char(out, '=');
		buf_number(out, (uint64_t)holding->demands[i].count);
	}
	buf_text(out, holding->model_count ? " " : " -");
	for (uint32_t i = 0; i < holding->model_count; i++) {
		if (i)
			buf_char(out, ',');
		buf_number(out, number_of(text, MODELS, &holding->models[i]));
	}
	buf_char(out, ';');
}

void ledger_text_end(struct ledger_text *text)
{
	for (int kind = 0; kind < 2; kind++) {
		free(text->names[kind].items);
		free(text->names[kind].slots);
	}
}

/* A text while it is read. */
struct reading {
	struct arena *arena;
	struct str *names[2];
	uint32_t counts[2];
};

/* Takes what stands before the next `mark` (all of it where there is none). */
static struct str take(struct str *rest, char mark)
{
	const char *end = rest->len ? memchr(rest->ptr, mark, rest->len) : NULL;
	struct str taken = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
	*rest = str_tail(*rest, end ? taken.len + 1 : taken.len);
	return taken;
}

static bool to_number(struct str digits, int64_t most, int64_t *number)
{
	*number = 0;
	if (digits.len == 0 || digits.len > 18)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
		*number = *number * 10 + (digits.ptr[i] - '0');
	}
	return *number <= most;
}

/* Makes room for all names of a text. */
static int make_room(struct reading *r, struct str text)
{
	size_t counts[2] = {0};
	while (text.len) {
		struct str record = take(&text, ';');
		for (int kind = 0; kind < 2; kind++)
			counts[kind] += str_starts(record, str_of(record_heads[kind]));
	}
	for (int kind = 0; kind < 2; kind++) {
		r->names[kind] = arena_zalloc(r->arena, counts[kind], sizeof *r->names[kind]);
		if (!r->names[kind])
			return -1;
	}
	return 0;
}

static int read_name(struct reading *r, int kind, struct str name)
{
	if (!is_plain(name, NAME_MAX_BYTES))
		return -1;
	r->names[kind][r->counts[kind]++] = name;
	return 0;
}

static uint32_t count_list(struct str list)
{
	uint32_t count = list.len > 0;
	for (size_t i = 0; i < list.len; i++)
		count += list.ptr[i] == ',';
	return count;
}

static int read_demands(struct reading *r, struct str list, struct holding *holding)
{
	uint32_t count = count_list(list);
	struct demand *demands = count <= LIST_MAX ? arena_zalloc(r->arena, count, sizeof *demands) : NULL;
	if (!demands || count == 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		int64_t number, amount;
		struct str item = take(&list, ','), digits = take(&item, '=');
		if (!to_number(digits, (int64_t)r->counts[RESOURCES] - 1, &number) ||
		    !to_number(item, COMPANION_MAX, &amount) || amount == 0)
			return -1;
		demands[i] = (struct demand){r->names[RESOURCES][number], amount};
	}
	holding->demands = demands;
	holding->demand_count = count;
	return 0;
}

static int read_models(struct reading *r, struct str list, struct holding *holding)
{
	if (str_eq(list, STR("-")))
		return 0;
	uint32_t count = count_list(list);
	struct str *models = count <= LIST_MAX ? arena_zalloc(r->arena, count, sizeof *models) : NULL;
	if (!models || count == 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		int64_t number;
		if (!to_number(take(&list, ','), (int64_t)r->counts[MODELS] - 1, &number))
			return -1;
		models[i] = r->names[MODELS][number];
	}
	holding->models = models;
	holding->model_count = count;
	return 0;
}

static int read_pod(struct reading *r, struct str record, struct holding *holding)
{
	*holding = (struct holding){0};
	holding->uid = take(&record, ' ');
	holding->namespace = take(&record, ' ');
	holding->name = take(&record, ' ');
	struct str demands = take(&record, ' ');
	return read_demands(r, demands, holding) < 0 || read_models(r, record, holding) < 0 ||
		       !ledger_text_fits(holding)
		   ? -1
		   : 0;
}

int ledger_text_read(struct str text, struct arena *arena, int (*found)(void *context, const struct holding *holding),
		     void *context, struct error *err)
{
	struct reading r = {.arena = arena};
	unsigned record = 0;
	if (text.len && (!str_ends(text, STR(";")) || !str_eq(take(&text, ';'), STR("1"))))
		return error_set(err, "spec.pending is of a form that this version of gpugate does not know");
	if (make_room(&r, text) < 0)
		return error_set(err, "spec.pending names more than there is memory for");
	while (text.len) {
		struct str whole = take(&text, ';'), rest = str_tail(whole, 2);
		struct holding holding;
		record++;
		int result = str_starts(whole, STR("R "))   ? read_name(&r, RESOURCES, rest)
			     : str_starts(whole, STR("M ")) ? read_name(&r, MODELS, rest)
			     : str_starts(whole, STR("P ")) ? read_pod(&r, rest, &holding)
							    : -1;
		if (result == 0 && whole.ptr[0] == 'P')
			result = found(context, &holding);
		if (result < 0)
			return error_set(err, "spec.pending cannot be read at its record %u", record);
	}
	return 0;
}
