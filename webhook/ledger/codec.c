#include "webhook/ledger/codec.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpugate/pod_group.h"
#include "webhook/ledger/codec_names.h"
#include "webhook/ledger/uid.h"

#define UID_MAX 64
/*
 * The limit of a DNS subdomain. The names of Accelerators are shorter, and those of resources have
 * been bounded by it, too, before there were parts of devices.
 */
#define NAME_MAX_BYTES 253
#define LIST_MAX 256 /* Maximum number of requests or Accelerators of one Pod or claim. */

#define FORM_DIGITS_MAX 4 /* Of the number of a form. */

#define RENEWAL_DIGITS 10 /* Of a uint32_t. */

const struct codec_name_record codec_name_records[CODEC_KINDS] = {
    [CODEC_RESOURCES] = {"R ", 1, RESOURCE_NAME_MAX},
    [CODEC_MODELS] = {"M ", 1, NAME_MAX_BYTES},
    [CODEC_NAMESPACES] = {"N ", 2, NAME_MAX_BYTES},
    [CODEC_GROUPS] = {"G ", CODEC_GROUPS_FORM, POD_GROUP_KEY_MAX},
};

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
	for (uint32_t i = 0; i < consumer->request_count && consumer->kind == CONSUMER_CLAIM; i++)
		if (resource_without_part(consumer->requests[i].resource).len > NAME_MAX_BYTES)
			return CODEC_PARTS_FORM;
	if (consumer->reserved_seconds)
		return CODEC_GROUPS_FORM;
	return consumer->kind == CONSUMER_CLAIM ? CODEC_CLAIMS_FORM : 1;
}

struct str ledger_reservation_uid(const struct consumer *consumer, struct arena *arena)
{
	size_t size = consumer->namespace.len + consumer->group.len + RENEWAL_DIGITS + 3;
	char *uid = arena_alloc(arena, size);
	if (!uid)
		return (struct str){0};
	int len = snprintf(uid, size, "%.*s %.*s %" PRIu32, STR_ARG(consumer->namespace), STR_ARG(consumer->group),
			   consumer->renewal);
	return (struct str){uid, (size_t)len};
}

/* An alternative belongs to the request before it, and Pods have none. */
static bool has_place(const struct consumer *consumer, uint32_t request)
{
	return !consumer->requests[request].alternative || (request > 0 && consumer->kind == CONSUMER_CLAIM);
}

/* A reservation is known by its group, and a Pod by its uid. */
static bool has_identity(const struct consumer *consumer)
{
	bool grouped = is_plain(consumer->group, POD_GROUP_KEY_MAX);
	if (consumer->kind == CONSUMER_CLAIM && (consumer->reserved_seconds || consumer->group.len))
		return false;
	if (consumer->reserved_seconds)
		return grouped && consumer->reserved_seconds <= LEDGER_RESERVED_MAX;
	return is_plain(consumer->uid, UID_MAX) && (grouped || consumer->group.len == 0);
}

/*
 * Only claims may have names that need a newer form, because they wait for it. Tenants can create
 * Pods with long names that no quota counts, and these must not change the form.
 */
static size_t longest_resource(const struct consumer *consumer)
{
	return consumer->kind == CONSUMER_CLAIM ? RESOURCE_NAME_MAX : NAME_MAX_BYTES;
}

bool ledger_text_fits(const struct consumer *consumer)
{
	size_t longest = longest_resource(consumer);
	bool fits = has_identity(consumer) && is_plain(consumer->namespace, NAME_MAX_BYTES) &&
		    (consumer->name.len == 0 || is_plain(consumer->name, NAME_MAX_BYTES)) &&
		    consumer->request_count > 0 && consumer->request_count <= LIST_MAX &&
		    consumer->model_count <= LIST_MAX;
	for (uint32_t i = 0; fits && i < consumer->request_count; i++)
		fits = is_plain(consumer->requests[i].resource, longest) && consumer->requests[i].count > 0 &&
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
	size_t bytes = 2 + 5 + 1 + 3 + consumer->namespace.len + 3;
	/* For the group: `G ;`, a blank and its number. */
	if (consumer->group.len)
		bytes += 3 + consumer->group.len + 1 + 5;
	/*
	 * For a reservation, instead of the uid: a blank and the seconds, and a blank and the
	 * renewal.
	 */
	bytes += consumer->reserved_seconds ? 1 + 5 + 1 + RENEWAL_DIGITS : ledger_uid_bytes(consumer->uid) + 1;
	for (uint32_t i = 0; i < consumer->request_count; i++)
		bytes += 3 + consumer->requests[i].resource.len +
			 (consumer->requests[i].count <= RESOURCE_REQUEST_MAX ? 17 : 23);
	for (uint32_t i = 0; i < consumer->model_count; i++)
		bytes += 3 + consumer->models[i].len + 6;
	return bytes;
}

/* --- Reading --- */

/* State of reading a text. */
struct reading {
	struct arena *arena;
	unsigned form;
	bool no_memory; /* Reading failed for lack of memory. */
	struct str *names[CODEC_KINDS];
	uint32_t counts[CODEC_KINDS];
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

/* Returns the kind of name that a record numbers; CODEC_KINDS: it is another record. */
static int kind_of(const struct reading *r, struct str record)
{
	int kind = 0;
	while (kind < CODEC_KINDS &&
	       (codec_name_records[kind].form > r->form || !str_starts(record, str_of(codec_name_records[kind].head))))
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
	size_t counts[CODEC_KINDS + 1] = {0};
	while (text.len)
		counts[kind_of(r, take(&text, ';'))]++;
	for (int kind = 0; kind < CODEC_KINDS; kind++) {
		r->names[kind] = allocate(r, counts[kind], sizeof *r->names[kind]);
		if (!r->names[kind])
			return -1;
	}
	return 0;
}

static int read_name(struct reading *r, int kind, struct str name)
{
	if (!is_plain(name, codec_name_records[kind].max))
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
		struct str item = take_request(&list, &after), resource = name_of(r, CODEC_RESOURCES, take(&item, '='));
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
		models[i] = name_of(r, CODEC_MODELS, take(&list, ','));
		if (!str_present(models[i]))
			return -1;
	}
	consumer->models = models;
	consumer->model_count = count;
	return 0;
}

/* The kinds of records that are not names. */
enum record { RECORD_POD, RECORD_CLAIM, RECORD_RESERVATION, RECORDS };

static const struct {
	const char *head;
	unsigned form; /* The first form with such records. */
	enum consumer_kind kind;
} consumer_records[RECORDS] = {
    [RECORD_POD] = {"P ", 1, CONSUMER_POD},
    [RECORD_CLAIM] = {"C ", CODEC_CLAIMS_FORM, CONSUMER_CLAIM},
    [RECORD_RESERVATION] = {"H ", CODEC_GROUPS_FORM, CONSUMER_POD},
};

static void read_identity(struct reading *r, enum record of, struct str *record, struct consumer *consumer)
{
	if (of == RECORD_RESERVATION) {
		consumer->namespace = name_of(r, CODEC_NAMESPACES, take(record, ' '));
		consumer->group = name_of(r, CODEC_GROUPS, take(record, ' '));
		return;
	}
	struct str uid = take(record, ' '), namespace = take(record, ' ');
	if (r->form > 1) {
		r->no_memory |= ledger_uid_read(uid, r->arena, &consumer->uid) < 0;
		consumer->namespace = name_of(r, CODEC_NAMESPACES, namespace);
		return;
	}
	consumer->uid = uid;
	consumer->namespace = namespace;
	consumer->name = take(record, ' ');
}

/* Returns the kind of record; RECORDS: it is another one. */
static enum record record_of(const struct reading *r, struct str record)
{
	enum record of = 0;
	while (of < RECORDS &&
	       (consumer_records[of].form > r->form || !str_starts(record, str_of(consumer_records[of].head))))
		of++;
	return of;
}

/* Reads the number of a group, which follows the Accelerators if there is a blank. */
static int read_group(const struct reading *r, struct str digits, struct consumer *consumer)
{
	consumer->group = name_of(r, CODEC_GROUPS, digits);
	return r->form >= CODEC_GROUPS_FORM && consumer->kind == CONSUMER_POD && str_present(consumer->group) ? 0 : -1;
}

/* Reads what a reservation has after its Accelerators, and names it. */
static int read_reservation(struct reading *r, struct str rest, struct consumer *consumer)
{
	int64_t seconds, renewal;
	if (!to_number(take(&rest, ' '), LEDGER_RESERVED_MAX, &seconds) || seconds == 0 ||
	    !to_number(rest, UINT32_MAX, &renewal))
		return -1;
	consumer->reserved_seconds = (uint32_t)seconds;
	consumer->renewal = (uint32_t)renewal;
	consumer->uid = ledger_reservation_uid(consumer, r->arena);
	r->no_memory |= !str_present(consumer->uid);
	return 0;
}

static int read_consumer(struct reading *r, enum record of, struct str record, struct consumer *consumer)
{
	*consumer = (struct consumer){.kind = consumer_records[of].kind};
	read_identity(r, of, &record, consumer);
	if (r->form == 1 && consumer->name.len == 0)
		return -1;
	if (str_eq(consumer->name, STR(CODEC_NO_NAME)))
		consumer->name = (struct str){0};
	struct str requests = take(&record, ' ');
	bool more = record.len && memchr(record.ptr, ' ', record.len);
	struct str models = more ? take(&record, ' ') : record;
	if (read_requests(r, requests, consumer) < 0 || read_models(r, models, consumer) < 0)
		return -1;
	if (of == RECORD_RESERVATION ? !more || read_reservation(r, record, consumer) < 0
				     : more && read_group(r, record, consumer) < 0)
		return -1;
	return ledger_text_fits(consumer) ? 0 : -1;
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
		enum record of = record_of(&r, whole);
		bool good = of < RECORDS ? read_consumer(&r, of, rest, &consumer) == 0
					 : kind < CODEC_KINDS && read_name(&r, kind, rest) == 0;
		if (r.no_memory || (good && of < RECORDS && found(context, &consumer) < 0))
			return no_memory(err);
		if (!good) {
			error_set(err, "spec.pending cannot be read at its record %u", record);
			return LEDGER_TEXT_CORRUPT;
		}
	}
	return LEDGER_TEXT_READ;
}
