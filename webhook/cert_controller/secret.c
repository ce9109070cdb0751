/*
 * secret: the authorities, and the Secret that stores them. Its key `authorities` is a text:
 *
 *     gpugate authorities 1
 *     authority signs=1790000000 stopped=0 leaf=604800
 *     -----BEGIN CERTIFICATE-----
 *     ...
 *     -----BEGIN PRIVATE KEY-----
 *     ...
 *
 * The key `ca.crt` is the bundle, for users; it is never read. Every buffer that holds keys is
 * allocated once, so that it never moves, and overwritten before it is freed.
 */
#include "webhook/base/base64.h"
#include "webhook/cert_controller/state.h"
#include "webhook/json/field.h"
#include "webhook/json/write.h"

#define HEADER "gpugate authorities "
#define VERSION 1
#define ARENA_BYTES (2 * AUTHORITIES_TEXT_MAX)

/* --- Authorities --- */

static void authority_release(struct authority *authority)
{
	buf_wipe(&authority->key);
	buf_release(&authority->certificate);
}

void authorities_init(struct authorities *all)
{
	all->count = 0;
}

void authorities_release(struct authorities *all)
{
	for (size_t i = 0; i < all->count; i++)
		authority_release(&all->items[i]);
	all->count = 0;
}

const struct authority *authorities_signer(const struct authorities *all, int64_t now_s)
{
	for (size_t i = all->count; i-- > 0;) {
		const struct authority *item = &all->items[i];
		if (item->signs && !item->stopped && item->key.len && now_s >= item->not_before &&
		    now_s < item->not_after)
			return item;
	}
	return NULL;
}

const struct authority *authorities_next(const struct authorities *all, int64_t now_s, int64_t lead_s)
{
	for (size_t i = all->count; i-- > 0;) {
		const struct authority *item = &all->items[i];
		if (!item->signs && !item->stopped && item->key.len && item->not_after - now_s > lead_s)
			return item;
	}
	return NULL;
}

static void take_out(struct authorities *all, size_t at)
{
	authority_release(&all->items[at]);
	memmove(&all->items[at], &all->items[at + 1], (all->count - at - 1) * sizeof *all->items);
	all->count--;
}

static int make_room(struct authorities *all, struct error *err)
{
	for (size_t i = 0; all->count == AUTHORITIES_MAX && i < all->count; i++)
		if (all->items[i].stopped)
			take_out(all, i);
	return all->count < AUTHORITIES_MAX ? 0 : error_set(err, "there are %d authorities already", AUTHORITIES_MAX);
}

static int describe(void *context, const struct certs_item *item)
{
	struct authority *authority = context;
	memcpy(authority->id, item->id, sizeof authority->id);
	authority->not_before = item->not_before;
	authority->not_after = item->not_after;
	return 1;
}

int authorities_add(struct authorities *all, struct certs_pair *pair, int64_t signs, int64_t leaf_s, struct error *err)
{
	struct authority authority = {.signs = signs, .leaf_s = leaf_s};
	if (make_room(all, err) < 0 || certs_bundle_each(buf_view(&pair->certificate), describe, &authority, err) < 0)
		return -1;
	authority.certificate = pair->certificate;
	authority.key = pair->key;
	all->items[all->count++] = authority;
	certs_pair_init(pair);
	return 0;
}

int authorities_keep(struct authorities *all, const struct certs_item *item, int64_t leaf_s, int64_t now_s,
		     struct error *err)
{
	if (!item->authority || item->not_after <= now_s)
		return 0;
	for (size_t i = 0; i < all->count; i++)
		if (memcmp(all->items[i].id, item->id, sizeof item->id) == 0)
			return 0;
	if (make_room(all, err) < 0)
		return -1;
	struct authority *kept = &all->items[all->count];
	*kept = (struct authority){
	    .signs = item->not_before > 0 ? item->not_before : 1, .stopped = now_s, .leaf_s = leaf_s};
	describe(kept, item);
	buf_init(&kept->key, 0);
	buf_init(&kept->certificate, CERTS_PEM_MAX);
	buf_str(&kept->certificate, item->pem);
	all->count++;
	return kept->certificate.failed ? error_set(err, "no memory for an authority") : 0;
}

void authorities_promote(struct authorities *all, const struct authority *next, int64_t now_s)
{
	for (size_t i = 0; i < all->count; i++) {
		struct authority *item = &all->items[i];
		if (item == next) {
			item->signs = now_s;
		} else if (item->signs && !item->stopped) {
			item->stopped = now_s;
			buf_wipe(&item->key);
		}
	}
}

bool authority_is_over(const struct authority *authority, int64_t now_s, int64_t slack_s)
{
	return now_s >= authority->not_after + slack_s ||
	       (authority->stopped && now_s >= authority->stopped + authority->leaf_s + slack_s);
}

size_t authorities_drop(struct authorities *all, int64_t now_s, int64_t slack_s)
{
	size_t before = all->count;
	for (size_t i = all->count; i-- > 0;)
		if (authority_is_over(&all->items[i], now_s, slack_s))
			take_out(all, i);
	return before - all->count;
}

void authorities_bundle(const struct authorities *all, struct buf *out)
{
	for (size_t i = 0; i < all->count; i++)
		buf_str(out, buf_view(&all->items[i].certificate));
}

/* --- The text --- */

static void write_text(const struct authorities *all, struct buf *out)
{
	buf_printf(out, HEADER "%d\n", VERSION);
	for (size_t i = 0; i < all->count; i++) {
		const struct authority *item = &all->items[i];
		buf_printf(out, "authority signs=%lld stopped=%lld leaf=%lld\n", (long long)item->signs,
			   (long long)item->stopped, (long long)item->leaf_s);
		buf_str(out, buf_view(&item->certificate));
		buf_str(out, buf_view(&item->key));
	}
}

/* Takes the next line, without its newline. */
static struct str next_line(struct str *text)
{
	const char *end = memchr(text->ptr, '\n', text->len);
	struct str line = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};
	*text = str_tail(*text, line.len + (end ? 1 : 0));
	return line;
}

/* Copies a line as a string, truncated to 127 bytes. */
static const char *line_text(struct str line, char text[static 128])
{
	snprintf(text, 128, "%.*s", (int)(line.len < 127 ? line.len : 127), line.len ? line.ptr : "");
	return text;
}

/*
 * Takes a PEM block of this kind, if it comes next. The buffer never moves, because it may hold a
 * key.
 */
static void take_block(struct str *text, struct str begin, struct str end, struct buf *out)
{
	buf_init(out, CERTS_PEM_MAX);
	if (!str_starts(*text, begin))
		return;
	const char *last = memmem(text->ptr, text->len, end.ptr, end.len);
	size_t len = last ? (size_t)(last - text->ptr) + end.len : text->len;
	buf_reserve(out, len);
	buf_add(out, text->ptr, len);
	*text = str_tail(*text, len);
}

static int check_authority(struct authority *authority, struct error *err)
{
	int count = certs_bundle_each(buf_view(&authority->certificate), describe, authority, err);
	if (count == 0)
		error_set(err, "its certificate is missing");
	if (count <= 0)
		return -1;
	if (authority->signs < 0 || authority->stopped < 0 || authority->leaf_s < 1 ||
	    authority->leaf_s > CERTS_SECONDS_MAX)
		return error_set(err, "its times are not times");
	if (authority->stopped && !authority->key.len)
		return 0;
	return certs_authority_check(buf_view(&authority->certificate), buf_view(&authority->key), err);
}

static int read_authority(struct str *text, struct authority *authority, struct error *err)
{
	char line[128];
	long long signs, stopped, leaf_s;
	int end = -1;
	*authority = (struct authority){0};
	const char *head = line_text(next_line(text), line);
	bool good =
	    sscanf(head, "authority signs=%lld stopped=%lld leaf=%lld%n", &signs, &stopped, &leaf_s, &end) == 3 &&
	    end >= 0 && head[end] == '\0';
	if (!good)
		return error_set(err, "it does not begin with a line \"authority signs=N stopped=N leaf=N\"");
	authority->signs = signs;
	authority->stopped = stopped;
	authority->leaf_s = leaf_s;
	take_block(text, STR("-----BEGIN CERTIFICATE-----\n"), STR("-----END CERTIFICATE-----\n"),
		   &authority->certificate);
	take_block(text, STR("-----BEGIN PRIVATE KEY-----\n"), STR("-----END PRIVATE KEY-----\n"), &authority->key);
	if (authority->certificate.failed || authority->key.failed)
		return error_set(err, "no memory");
	return check_authority(authority, err);
}

static enum secret_state read_text(struct authorities *all, struct str text, struct error *err)
{
	char line[128];
	int version = 0, end = -1;
	const char *head = line_text(next_line(&text), line);
	if (sscanf(head, HEADER "%d%n", &version, &end) != 1 || head[end] != '\0' || version < 1) {
		error_set(err, "it does not begin with the line \"" HEADER "%d\"", VERSION);
		return SECRET_BROKEN;
	}
	if (version > VERSION) {
		error_set(err, "it is written in format %d, and this gpugate knows %d", version, VERSION);
		return SECRET_NEWER;
	}
	while (text.len) {
		struct authority *item = &all->items[all->count];
		if (all->count == AUTHORITIES_MAX) {
			error_set(err, "it holds more than %d authorities", AUTHORITIES_MAX);
			return SECRET_BROKEN;
		}
		if (read_authority(&text, item, err) < 0) {
			authority_release(item);
			error_wrap(err, "authority %zu", all->count + 1);
			return SECRET_BROKEN;
		}
		all->count++;
	}
	return SECRET_READ;
}

/* --- The Secret --- */

struct secret {
	struct str version;
	struct str authorities; /* base64 */
};

static const struct field meta_fields[] = {
    {FIELD_KEY("resourceVersion"), .read = field_string, .offset = offsetof(struct secret, version)},
    {FIELD_KEY("managedFields"), .read = field_opaque},
};
static const struct shape meta_shape = SHAPE(meta_fields, 0);

static const struct field data_fields[] = {
    {FIELD_KEY("authorities"), .read = field_string, .offset = offsetof(struct secret, authorities)},
};
static const struct shape data_shape = SHAPE(data_fields, 0);

static const struct field secret_fields[] = {
    {FIELD_KEY("metadata"), .read = field_object, .shape = &meta_shape},
    {FIELD_KEY("data"), .read = field_object, .shape = &data_shape},
};
static const struct shape secret_shape = SHAPE(secret_fields, 0);

static void wipe_arena(struct arena *arena)
{
	for (struct arena_chunk *chunk = arena->first; chunk; chunk = chunk->next)
		explicit_bzero(chunk->bytes, chunk->size);
	arena_release(arena);
}

static enum secret_state read_secret(struct authorities *all, const struct secret *secret, struct error *err)
{
	struct buf text;
	enum secret_state state = SECRET_BROKEN;
	if (secret->authorities.len == 0) {
		error_set(err, "it has no key \"authorities\"");
		return SECRET_EMPTY;
	}
	buf_init(&text, 0);
	if (secret->authorities.len <= AUTHORITIES_TEXT_MAX && base64_decode(secret->authorities, &text) == 0)
		state = read_text(all, buf_view(&text), err);
	else
		error_set(err, "its key \"authorities\" is not base64 of at most %zu bytes", AUTHORITIES_TEXT_MAX);
	buf_wipe(&text);
	if (state == SECRET_READ && all->count == 0) {
		error_set(err, "it holds no authorities");
		return SECRET_EMPTY;
	}
	if (state != SECRET_READ)
		authorities_release(all);
	return state;
}

enum secret_state authorities_read(struct authorities *all, struct str json, char version[static 64], struct error *err)
{
	struct secret secret = {0};
	struct reader reader;
	struct arena arena;
	enum secret_state state = SECRET_BROKEN;
	arena_init(&arena, 4096, ARENA_BYTES);
	reader_init(&reader, json.ptr, json.len, &arena);
	version[0] = '\0';
	if (reader_object(&reader, &secret_shape, &secret) < 0 || scan_finish(&reader.scan) < 0) {
		/* The reader's error could quote the content. */
		error_set(err, "it is not the JSON of a Secret");
	} else {
		snprintf(version, 64, "%.*s", (int)(secret.version.len < 63 ? secret.version.len : 63),
			 secret.version.len ? secret.version.ptr : "");
		state = read_secret(all, &secret, err);
	}
	wipe_arena(&arena);
	return state;
}

void authorities_write(const struct authorities *all, const char *namespace, const char *version, struct buf *out)
{
	struct buf text, bundle;
	buf_init(&text, AUTHORITIES_TEXT_MAX);
	buf_init(&bundle, AUTHORITIES_TEXT_MAX);
	buf_reserve(&text, text.max);
	buf_reserve(out, out->max);
	write_text(all, &text);
	authorities_bundle(all, &bundle);
	buf_text(out, "{\"metadata\":{");
	if (version) {
		buf_text(out, "\"resourceVersion\":");
		json_write_string(out, str_of(version));
	} else {
		buf_text(out, "\"name\":\"" CERTS_SECRET "\",\"namespace\":");
		json_write_string(out, str_of(namespace));
		buf_text(out, ",\"labels\":{\"app.kubernetes.io/name\":\"gpugate\"}");
	}
	buf_text(out, version
			  ? "},\"data\":{\"ca.crt\":\""
			  : "},\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":\"Opaque\",\"data\":{\"ca.crt\":\"");
	base64_encode(buf_view(&bundle), out);
	buf_text(out, "\",\"authorities\":\"");
	base64_encode(buf_view(&text), out);
	buf_text(out, "\"}}");
	out->failed |= text.failed || bundle.failed;
	buf_release(&bundle);
	buf_wipe(&text);
}
