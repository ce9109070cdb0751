#include "webhook/ledger/codec.h"

#include <limits.h>
#include <stdlib.h>

#include "webhook/ledger/uid.h"

#define UID_MAX 64
/* The limit of a DNS subdomain; names of resources and Accelerators are shorter. */
#define NAME_MAX_BYTES 253
#define LIST_MAX 256 /* Maximum number of requests or Accelerators of one Pod or claim. */

#define FORM_DIGITS_MAX 4 /* Of the number of a form. */

#define CLAIMS_FORM 3 /* The first form with claims. */

#define NO_NAME "-" /* Replaces the unknown name of a Pod in form 1; no Pod can have this name. */

enum { RESOURCES, MODELS, NAMESPACES, KINDS };

/* Records that give the next number to a name. */
static const struct {
	const char *head;
	unsigned form; /* The first form with such records. */
} name_records[KINDS] = {[RESOURCES] = {"R ", 1}, [MODELS] = {"M ", 1}, [NAMESPACES] = {"N ", 2}};

static bool is_plain(struct str s, size_t max)
{
	bool plain = s.len > 0 && s.len <= max;
	for (size_t i = 0; plain && i < s.len; i++)
		plain = s.ptr[i] > ' ' && s.ptr[i] < 0x7f && s.ptr[i] != ';' && s.ptr[i] != '"' && s.ptr[i] != '\\';
	return plain;
}

/* --- Limits of a text --- */

unsigned ledger_text_first_form(const struct consumer *consumer)
{
	return consumer->kind == CONSUMER_CLAIM ? CLAIMS_FORM : 1;
}

/* An alternative belongs to the request before it, and Pods have none. */
static bool has_place(const struct consumer *consumer, uint32_t request)
{
	return !consumer->requests[request].alternative || (request > 0 && consumer->kind == CONSUMER_CLAIM);
}

bool ledger_text_fits(const struct consumer *consumer)
{
	bool fits = is_plain(consumer->uid, UID_MAX) && is_plain(consumer->namespace, NAME_MAX_BYTES) &&
		    (consumer->name.len == 0 || is_plain(consumer->name, NAME_MAX_BYTES)) &&
		    consumer->request_count > 0 && consumer->request_count <= LIST_MAX &&
		    consumer->model_count <= LIST_MAX;
	for (uint32_t i = 0; fits && i < consumer->request_count; i++)
		fits = is_plain(consumer->requests[i].resource, NAME_MAX_BYTES) && consumer->requests[i].count > 0 &&
		       consumer->requests[i].count <= COMPANION_MAX && has_place(consumer, i);
	for (uint32_t i = 0; fits && i < consumer->model_count; i++)
		fits = is_plain(consumer->models[i], NAME_MAX_BYTES);
	return fits;
}

size_t ledger_text_bytes(const struct consumer *consumer)
{
	/*
	 * For the Pod or claim: `P ` or `C `, the uid and a blank, the number of the namespace and
	 * a blank, `N ;`, and a blank, `-` and `;`. For each resource: `R ;`, and
	 * `12345=1000000000,` or `12345=9007199254740992,`. For each Accelerator: `M ;` and
	 * `12345,`.
	 */
	size_t bytes = 2 + ledger_uid_bytes(consumer->uid) + 1 + 5 + 1 + 3 + consumer->namespace.len + 3;
	for (uint32_t i = 0; i < consumer->request_count; i++)
		bytes += 3 + consumer->requests[i].resource.len +
			 (consumer->requests[i].count <= RESOURCE_REQUEST_MAX ? 17 : 23);
	for (uint32_t i = 0; i < consumer->model_count; i++)
		bytes += 3 + consumer->models[i].len + 6;
	return bytes;
}

/* --- Writing --- */

void ledger_text_begin(struct ledger_text *text, struct buf *out, unsigned form)
{
	*text = (struct ledger_text){.out = out, .form = form};
}

/* Tenants choose names. The address of the table makes collisions unpredictable for them. */
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

/* Returns the number of a name. If it has none yet, writes the record that gives it one. */
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
	buf_text(text->out, name_records[kind].head);
	buf_str(text->out, *name);
	buf_char(text->out, ';');
	return names->count - 1;
}

/* Names are written before the Pod that uses them. */
static void write_names(struct ledger_text *text, const struct consumer *consumer)
{
	if (!text->begun)
		buf_printf(text->out, "%u;", text->form);
	text->begun = true;
	if (text->form > 1)
		number_of(text, NAMESPACES, &consumer->namespace);
	for (uint32_t i = 0; i < consumer->request_count; i++)
		number_of(text, RESOURCES, &consumer->requests[i].resource);
	for (uint32_t i = 0; i < consumer->model_count; i++)
		number_of(text, MODELS, &consumer->models[i]);
}

static void write_identity(struct ledger_text *text, const struct consumer *consumer)
{
	struct buf *out = text->out;
	buf_text(out, consumer->kind == CONSUMER_CLAIM ? "C " : "P ");
	if (text->form > 1) {
		ledger_uid_write(out, consumer->uid);
		buf_char(out, ' ');
		buf_number(out, number_of(text, NAMESPACES, &consumer->namespace));
		return;
	}
	buf_str(out, consumer->uid);
	buf_char(out, ' ');
	buf_str(out, consumer->namespace);
	buf_char(out, ' ');
	buf_str(out, consumer->name.len ? consumer->name : STR(NO_NAME));
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
		buf_number(out, number_of(text, RESOURCES, &consumer->requests[i].resource));
		buf_char(out, '=');
		buf_number(out, (uint64_t)consumer->requests[i].count);
	}
	if (consumer->model_count == 0)
		buf_text(out, " -");
	for (uint32_t i = 0; i < consumer->model_count; i++) {
		buf_char(out, i ? ',' : ' ');
		buf_number(out, number_of(text, MODELS, &consumer->models[i]));
	}
	buf_char(out, ';');
}

void ledger_text_end(struct ledger_text *text)
{
	for (int kind = 0; kind < KINDS; kind++) {
		free(text->names[kind].items);
		free(text->names[kind].slots);
	}
}

/* --- Reading --- */

/* State of reading a text. */
struct reading {
	struct arena *arena;
	unsigned form;
	bool no_memory; /* Reading failed for lack of memory. */
	struct str *names[KINDS];
	uint32_t counts[KINDS];
};

/* Takes the text before the next `mark`, or all of it if there is none. */
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

/* Returns the kind of name that a record numbers; KINDS: it is another record. */
static int kind_of(const struct reading *r, struct str record)
{
	int kind = 0;
	while (kind < KINDS &&
	       (name_records[kind].form > r->form || !str_starts(record, str_of(name_records[kind].head))))
		kind++;
	return kind;
}

static void *allocate(struct reading *r, size_t count, size_t size)
{
	void *room = arena_zalloc(r->arena, count, size);
	r->no_memory |= !room;
	return room;
}

/* Allocates the arrays for all names of a text. */
static int make_room(struct reading *r, struct str text)
{
	size_t counts[KINDS + 1] = {0};
	while (text.len)
		counts[kind_of(r, take(&text, ';'))]++;
	for (int kind = 0; kind < KINDS; kind++) {
		r->names[kind] = allocate(r, counts[kind], sizeof *r->names[kind]);
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

/* Returns the name with the number `digits`; absent if there is none. */
static struct str name_of(const struct reading *r, int kind, struct str digits)
{
	int64_t number;
	bool named = to_number(digits, (int64_t)r->counts[kind] - 1, &number);
	return named ? r->names[kind][number] : (struct str){0};
}

static uint32_t count_list(struct str list)
{
	uint32_t count = list.len > 0;
	for (size_t i = 0; i < list.len; i++)
		count += list.ptr[i] == ',';
	return count;
}

/* Takes the text before the next comma or bar, which is set to be that, or to 0 at the end. */
static struct str take_request(struct str *rest, char *mark)
{
	size_t len = 0;
	while (len < rest->len && rest->ptr[len] != ',' && rest->ptr[len] != '|')
		len++;
	struct str taken = {rest->ptr, len};
	*mark = len < rest->len ? rest->ptr[len] : '\0';
	*rest = str_tail(*rest, *mark ? len + 1 : len);
	return taken;
}

static uint32_t count_requests(struct str list)
{
	uint32_t count = count_list(list);
	for (size_t i = 0; i < list.len; i++)
		count += list.ptr[i] == '|';
	return count;
}

static int read_requests(struct reading *r, struct str list, struct consumer *consumer)
{
	uint32_t count = count_requests(list);
	struct resource_request *requests = count <= LIST_MAX ? allocate(r, count, sizeof *requests) : NULL;
	if (!requests || count == 0)
		return -1;
	char before = ',', after;
	for (uint32_t i = 0; i < count; i++, before = after) {
		int64_t amount;
		struct str item = take_request(&list, &after), resource = name_of(r, RESOURCES, take(&item, '='));
		if (!str_present(resource) || !to_number(item, COMPANION_MAX, &amount) || amount == 0)
			return -1;
		requests[i] = (struct resource_request){resource, amount, before == '|'};
	}
	consumer->requests = requests;
	consumer->request_count = count;
	return 0;
}

static int read_models(struct reading *r, struct str list, struct consumer *consumer)
{
	if (str_eq(list, STR("-")))
		return 0;
	uint32_t count = count_list(list);
	struct str *models = count <= LIST_MAX ? allocate(r, count, sizeof *models) : NULL;
	if (!models || count == 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		models[i] = name_of(r, MODELS, take(&list, ','));
		if (!str_present(models[i]))
			return -1;
	}
	consumer->models = models;
	consumer->model_count = count;
	return 0;
}

static void read_identity(struct reading *r, struct str *record, struct consumer *consumer)
{
	struct str uid = take(record, ' '), namespace = take(record, ' ');
	if (r->form > 1) {
		r->no_memory |= ledger_uid_read(uid, r->arena, &consumer->uid) < 0;
		consumer->namespace = name_of(r, NAMESPACES, namespace);
		return;
	}
	consumer->uid = uid;
	consumer->namespace = namespace;
	consumer->name = take(record, ' ');
}

/* Returns the kind of consumer that a record is about; CONSUMER_KINDS: it is another record. */
static enum consumer_kind consumer_kind_of(const struct reading *r, struct str record)
{
	if (str_starts(record, STR("P ")))
		return CONSUMER_POD;
	return r->form >= CLAIMS_FORM && str_starts(record, STR("C ")) ? CONSUMER_CLAIM : CONSUMER_KINDS;
}

static int read_consumer(struct reading *r, enum consumer_kind kind, struct str record, struct consumer *consumer)
{
	*consumer = (struct consumer){.kind = kind};
	read_identity(r, &record, consumer);
	if (r->form == 1 && consumer->name.len == 0)
		return -1;
	if (str_eq(consumer->name, STR(NO_NAME)))
		consumer->name = (struct str){0};
	struct str requests = take(&record, ' ');
	return read_requests(r, requests, consumer) < 0 || read_models(r, record, consumer) < 0 ||
		       !ledger_text_fits(consumer)
		   ? -1
		   : 0;
}

unsigned ledger_text_form(struct str text)
{
	int64_t form = 0;
	const char *end = text.len ? memchr(text.ptr, ';', text.len) : NULL;
	struct str digits = {text.ptr, end ? (size_t)(end - text.ptr) : 0};
	return digits.len <= FORM_DIGITS_MAX && !str_starts(digits, STR("0")) && to_number(digits, INT_MAX, &form)
		   ? (unsigned)form
		   : 0;
}

/* Checks a text before its records are read. */
static enum ledger_text_result judge(struct str text, unsigned form, struct error *err)
{
	if (form > LEDGER_FORM) {
		error_set(
		    err,
		    "spec.pending is of form %u, which this version of gpugate does not know. Update gpugate; or, "
		    "if no newer one runs, delete the object: kubectl delete gpuledger cluster",
		    form);
		return LEDGER_TEXT_UNKNOWN;
	}
	if (form && text.len <= LEDGER_TEXT_MAX && str_ends(text, STR(";")))
		return LEDGER_TEXT_READ;
	error_set(err, form && text.len > LEDGER_TEXT_MAX
			   ? "spec.pending is longer than gpugate writes it"
			   : "spec.pending is not of a form that gpugate has ever written");
	return LEDGER_TEXT_CORRUPT;
}

static enum ledger_text_result no_memory(struct error *err)
{
	error_set(err, "there is no memory for what spec.pending holds");
	return LEDGER_TEXT_NO_MEMORY;
}

enum ledger_text_result ledger_text_read(struct str text, struct arena *arena,
					 int (*found)(void *context, const struct consumer *consumer), void *context,
					 struct error *err)
{
	struct reading r = {.arena = arena, .form = ledger_text_form(text)};
	enum ledger_text_result result = text.len ? judge(text, r.form, err) : LEDGER_TEXT_READ;
	if (result != LEDGER_TEXT_READ)
		return result;
	take(&text, ';');
	if (make_room(&r, text) < 0)
		return no_memory(err);
	for (unsigned record = 1; text.len; record++) {
		struct str whole = take(&text, ';'), rest = str_tail(whole, 2);
		struct consumer consumer;
		int kind = kind_of(&r, whole);
		enum consumer_kind of = consumer_kind_of(&r, whole);
		bool good = of < CONSUMER_KINDS ? read_consumer(&r, of, rest, &consumer) == 0
						: kind < KINDS && read_name(&r, kind, rest) == 0;
		if (r.no_memory || (good && of < CONSUMER_KINDS && found(context, &consumer) < 0))
			return no_memory(err);
		if (!good) {
			error_set(err, "spec.pending cannot be read at its record %u", record);
			return LEDGER_TEXT_CORRUPT;
		}
	}
	return LEDGER_TEXT_READ;
}
