/*
 * test_controller: tests the pure parts of self-managed certificates: decisions, the Secret, the
 * bundles, and simulated clusters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "tests/unit/webhook/cert_controller/certs_world.h"
#include "webhook/json/scan.h"

#define NOW 1790000000
#define MS 1000

static const struct certs_lifetimes usual = {.ca_s = 200, .leaf_s = 40, .trust_s = 10};
/*
 * An authority that no longer signs is far from its expiry. So only the rules keep its certificates
 * from being served after it has lost trust.
 */
static const struct certs_lifetimes longer = {.ca_s = 400, .leaf_s = 40, .trust_s = 10};

/* --- Simulated clusters --- */

static struct world *run_world(struct certs_lifetimes lifetimes, uint64_t seed, enum world_fault fault, bool breaks,
			       bool deletes, int64_t seconds)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	world->lifetimes = lifetimes;
	world->fault = fault;
	world->breaks = breaks;
	world->deletes = deletes;
	world_init(world, seed);
	for (int64_t end_ms = seconds * MS; world->now_ms < end_ms;)
		world_tick(world);
	return world;
}

static void end_world(struct world *world)
{
	world_release(world);
	free(world);
}

/*
 * Every certificate that is served verifies with every bundle that an API server may use, despite
 * different clocks, crashes and broken networks.
 */
static void what_is_shown_is_always_trusted(void **state)
{
	(void)state;
	unsigned promoted = 0;
	for (uint64_t seed = 0; seed < 120; seed++) {
		struct world *world = run_world(usual, seed, FAULT_NONE, seed % 2, false, 1500);
		if (world->unverified || world->expired)
			fail_msg("seed %llu: %u not verified, %u expired", (unsigned long long)seed, world->unverified,
				 world->expired);
		assert_in_range(world->promoted, 1500 / 200, 1500 / 50);
		promoted += world->promoted;
		end_world(world);
	}
	assert_true(promoted > 1000);
}

/*
 * Someone deletes the Secret at any time. A new authority is trusted before it signs, and the old
 * ones remain trusted.
 */
static void a_deleted_secret_breaks_nothing(void **state)
{
	(void)state;
	unsigned deleted = 0;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct world *world = run_world(usual, seed, FAULT_NONE, false, true, 1500);
		if (world->unverified)
			fail_msg("seed %llu: %u not verified", (unsigned long long)seed, world->unverified);
		deleted += world->deleted;
		end_world(world);
	}
	assert_true(deleted > 60);
}

/* Each rule is necessary: the simulation notices when it is broken. */
static void broken_rules_are_noticed(void **state)
{
	(void)state;
	for (enum world_fault fault = FAULT_NONE + 1; fault < FAULTS; fault++) {
		unsigned noticed = 0;
		for (uint64_t seed = 0; seed < 600 && !noticed; seed++) {
			struct world *world =
			    run_world(longer, seed, fault, fault != FAULT_BLIND, fault == FAULT_BLIND, 3000);
			noticed = world->unverified;
			end_world(world);
		}
		if (!noticed)
			fail_msg("fault %d was not noticed", (int)fault);
	}
}

/* --- Decisions --- */

static void lifetimes_that_contradict_each_other(void **state)
{
	(void)state;
	static const struct {
		struct certs_lifetimes lifetimes;
		const char *words;
	} rows[] = {
	    {{31536000, 604800, 120}, NULL},
	    {{24, 8, 2}, NULL},
	    {{31536000, 479, 120}, "give --leaf-seconds 480 or more"},
	    {{23, 8, 2}, "give --ca-seconds 24 or more"},
	    {{604800, 604800, 120}, "give --ca-seconds 1210080 or more"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error err = {0};
		assert_int_equal(certs_lifetimes_check(&rows[i].lifetimes, &err), rows[i].words ? -1 : 0);
		if (rows[i].words)
			assert_non_null(strstr(err.text, rows[i].words));
	}
}

struct scene {
	struct authorities all;
	struct certs_facts facts;
};

static struct authority *put(struct scene *scene, uint64_t serial, int64_t signs, int64_t stopped, int64_t left_s)
{
	struct authority *item = &scene->all.items[scene->all.count++];
	*item = (struct authority){.not_before = NOW - 300,
				   .not_after = NOW + left_s,
				   .signs = signs,
				   .stopped = stopped,
				   .leaf_s = usual.leaf_s};
	memcpy(item->id, &serial, sizeof serial);
	fake_text(&item->certificate, "certificate");
	buf_init(&item->key, 64);
	if (!stopped)
		buf_text(&item->key, "key");
	return item;
}

/*
 * Sets up a Secret with one authority that signs, bundles that trust it, and a certificate that it
 * has just signed.
 */
static void set_scene(struct scene *scene)
{
	authorities_release(&scene->all);
	uint64_t serial = 1;
	scene->facts = (struct certs_facts){.secret = SECRET_READ,
					    .authorities = &scene->all,
					    .known = true,
					    .right = {true, true},
					    .fresh = {true, true},
					    .shown = {.any = true, .renew_ms = 25 * MS, .not_after = NOW + 40},
					    .now_s = NOW};
	put(scene, serial, NOW - 50, 0, 150);
	memcpy(scene->facts.shown.issuer, &serial, sizeof serial);
}

static struct certs_decision decided(const struct scene *scene)
{
	return certs_decide(&usual, &scene->facts);
}

static void nothing_to_do_is_waited_for(void **state)
{
	(void)state;
	struct scene scene = {0};
	set_scene(&scene);
	struct certs_decision decision = decided(&scene);
	assert_int_equal(decision.step, CERTS_WAIT);
	/* The certificate is due first. */
	assert_int_equal(decision.wait_ms, 25 * MS);
	scene.facts.shown.renew_ms = 100 * MS;
	/* The next authority follows. */
	assert_int_equal(decided(&scene).wait_ms, (150 - certs_lead_s(&usual)) * MS);
	authorities_release(&scene.all);
}

static void certificates_are_renewed(void **state)
{
	(void)state;
	struct scene scene = {0};
	set_scene(&scene);
	scene.facts.now_ms = scene.facts.read_ms = 25 * MS;
	assert_int_equal(decided(&scene).step, CERTS_SIGN);
	set_scene(&scene);
	scene.facts.shown.any = false;
	assert_int_equal(decided(&scene).step, CERTS_SIGN);
	set_scene(&scene);
	/* Another authority signs now. */
	scene.facts.shown.issuer[0] = 9;
	assert_int_equal(decided(&scene).step, CERTS_SIGN);
	set_scene(&scene);
	/* The clock was set. */
	scene.facts.now_s = NOW + 40;
	assert_int_equal(decided(&scene).step, CERTS_SIGN);
	set_scene(&scene);
	scene.facts.shown.any = false;
	/* The read was too slow to sign on its basis. */
	scene.facts.now_ms = usual.trust_s * MS + 1;
	assert_int_equal(decided(&scene).step, CERTS_READ);
	authorities_release(&scene.all);
}

/*
 * Renewal is due between six tenths and two thirds of the lifetime, both inclusive. Replicas that
 * start together choose different times.
 */
static void the_moment_of_renewal_has_jitter(void **state)
{
	(void)state;
	static const int64_t lives_ms[] = {8 * MS, 600 * MS, 604800 * (int64_t)MS, 10 * 365 * 86400 * (int64_t)MS};
	for (size_t i = 0; i < sizeof lives_ms / sizeof *lives_ms; i++) {
		int64_t life_ms = lives_ms[i], least = life_ms * 6 / 10, most = life_ms * 2 / 3;
		struct world world = {.random = (uint64_t)i};
		size_t late = 0;
		assert_int_equal(certs_renew_ms(life_ms, 0), least);
		assert_int_equal(certs_renew_ms(life_ms, (uint64_t)(most - least)), most);
		assert_int_not_equal(certs_renew_ms(life_ms, 1), certs_renew_ms(life_ms, 2));
		for (int draw = 0; draw < 1000; draw++) {
			int64_t at_ms = certs_renew_ms(life_ms, (uint64_t)world_random(&world, 0, INT64_MAX - 1));
			assert_true(at_ms >= least && at_ms <= most);
			late += at_ms > (least + most) / 2;
		}
		/* Spread over the whole range. */
		assert_in_range(late, 400, 600);
	}
	assert_int_equal(certs_renew_ms(1, 7), 0);
	assert_int_equal(certs_renew_ms(0, 7), 0);
	/* Already expired: renew immediately. */
	assert_true(certs_renew_ms(-8 * MS, 7) < 0);
}

static void bundles_are_written(void **state)
{
	(void)state;
	struct scene scene = {0};
	set_scene(&scene);
	scene.facts.right[CERTS_VALIDATING] = false;
	assert_int_equal(decided(&scene).step, CERTS_BUNDLE);
	assert_int_equal(decided(&scene).configuration, CERTS_VALIDATING);
	scene.facts.fresh[CERTS_VALIDATING] = false;
	assert_int_equal(decided(&scene).step, CERTS_READ);
	scene.facts.patch_ms[CERTS_VALIDATING] = 7 * MS;
	assert_int_equal(decided(&scene).step, CERTS_WAIT);
	assert_int_equal(decided(&scene).wait_ms, 7 * MS);
	authorities_release(&scene.all);
}

static void authorities_follow_each_other(void **state)
{
	(void)state;
	struct scene scene = {0};
	set_scene(&scene);
	scene.all.items[0].not_after = NOW + certs_lead_s(&usual);
	assert_int_equal(decided(&scene).step, CERTS_ADD);
	const struct authority *next = put(&scene, 2, 0, 0, 200);
	/* Not in every bundle yet. */
	assert_int_equal(decided(&scene).step, CERTS_WAIT);
	certs_trust_note(&scene.facts.trust, next, true, 0);
	scene.facts.now_ms = scene.facts.read_ms = usual.trust_s * MS - 1;
	assert_int_equal(decided(&scene).step, CERTS_WAIT);
	assert_int_equal(decided(&scene).wait_ms, 1);
	scene.facts.now_ms++;
	assert_int_equal(decided(&scene).step, CERTS_PROMOTE);
	/* Someone has removed it. */
	certs_trust_note(&scene.facts.trust, next, false, 0);
	assert_int_equal(decided(&scene).step, CERTS_WAIT);

	authorities_promote(&scene.all, next, NOW);
	assert_int_equal(scene.all.items[0].stopped, NOW);
	assert_int_equal(scene.all.items[0].key.len, 0);
	assert_ptr_equal(authorities_signer(&scene.all, NOW), next);
	assert_int_equal(decided(&scene).step, CERTS_SIGN);
	memcpy(scene.facts.shown.issuer, next->id, CERTS_ID_BYTES);
	scene.facts.shown.renew_ms = 1000 * MS;
	scene.facts.shown.not_after = NOW + 1000;
	scene.facts.now_s = NOW + usual.leaf_s + certs_slack_s(&usual) - 1;
	assert_int_equal(decided(&scene).step, CERTS_WAIT);
	scene.facts.now_s++;
	assert_int_equal(decided(&scene).step, CERTS_DROP);
	assert_int_equal(authorities_drop(&scene.all, scene.facts.now_s, certs_slack_s(&usual)), 1);
	assert_int_equal(scene.all.count, 1);
	authorities_release(&scene.all);
}

static void without_a_secret(void **state)
{
	(void)state;
	static const enum secret_state states[] = {SECRET_ABSENT, SECRET_EMPTY, SECRET_BROKEN};
	struct scene scene = {0};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		set_scene(&scene);
		authorities_release(&scene.all);
		scene.facts.secret = states[i];
		assert_int_equal(decided(&scene).step, CERTS_FOUND);
		scene.facts.others_trusted = true;
		assert_int_equal(decided(&scene).step, CERTS_ADD);
		/* It is not known yet whom they trust. */
		scene.facts.known = false;
		assert_int_equal(decided(&scene).step, CERTS_WAIT);
	}
	set_scene(&scene);
	scene.facts.secret = SECRET_NEWER;
	scene.facts.shown.any = false;
	assert_int_equal(decided(&scene).step, CERTS_WAIT);
	/*
	 * Everything has expired while the cluster was off, so a new authority cannot break
	 * anything.
	 */
	set_scene(&scene);
	scene.facts.now_s = NOW + 100000;
	assert_int_equal(decided(&scene).step, CERTS_FOUND);
	authorities_release(&scene.all);
}

/* --- The Secret --- */

/*
 * Returns the JSON of the Secret, with `from` replaced by `to`, followed by the padding that
 * readers need.
 */
static char *secret_json(const struct authorities *all, const char *from, const char *to, size_t *len)
{
	struct buf body, text, out;
	buf_init(&body, 1 << 20);
	buf_init(&text, 1 << 20);
	buf_init(&out, 1 << 20);
	authorities_write(all, "gpugate", "7", &body);
	assert_false(body.failed);
	buf_char(&body, '\0');
	const char *base64 = strstr(body.ptr, "\"authorities\":\"") + 15;
	size_t base64_len = strcspn(base64, "\"");
	char *to_text = buf_reserve(&text, base64_len + 1);
	text.len = (size_t)EVP_DecodeBlock((unsigned char *)to_text, (const unsigned char *)base64, (int)base64_len);
	while (text.len && text.ptr[text.len - 1] == '\0')
		text.len--;
	buf_char(&text, '\0');
	char *at = from ? strstr(text.ptr, from) : NULL;
	assert_true(!from || at);
	struct buf changed;
	buf_init(&changed, 1 << 20);
	buf_add(&changed, text.ptr, at ? (size_t)(at - text.ptr) : text.len - 1);
	if (at)
		buf_printf(&changed, "%s%s", to, at + strlen(from));
	buf_text(&out, "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"gpugate-ca\",\"resourceVersion\":\"42\","
		       "\"managedFields\":[]},"
		       "\"data\":{\"authorities\":\"");
	char *encoded = buf_reserve(&out, changed.len * 2);
	out.len +=
	    (size_t)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)changed.ptr, (int)changed.len);
	buf_text(&out, "\",\"other\":\"eA==\"}}");
	*len = out.len;
	buf_reserve(&out, REVIEW_PADDING);
	buf_release(&changed);
	buf_release(&text);
	buf_release(&body);
	return out.ptr;
}

static void make_real(struct authorities *all, int64_t signs)
{
	struct error err = {0};
	struct certs_pair pair;
	certs_pair_init(&pair);
	assert_int_equal(certs_authority_create(&pair, "gpugate authority", NOW, 1000, &err), 0);
	assert_int_equal(authorities_add(all, &pair, signs, 77, &err), 0);
	certs_pair_release(&pair);
}

static void the_secret_returns_what_was_written(void **state)
{
	(void)state;
	struct authorities all = {.count = 0}, read = {.count = 0};
	struct error err = {0};
	char version[64];
	size_t len;
	make_real(&all, NOW - 5);
	make_real(&all, 0);
	authorities_promote(&all, &all.items[1], NOW);
	make_real(&all, 0);
	char *json = secret_json(&all, NULL, NULL, &len);
	assert_int_equal(authorities_read(&read, (struct str){json, len}, version, &err), SECRET_READ);
	assert_string_equal(version, "42");
	assert_int_equal(read.count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct authority *a = &all.items[i], *b = &read.items[i];
		assert_memory_equal(a->id, b->id, CERTS_ID_BYTES);
		assert_true(str_eq(buf_view(&a->certificate), buf_view(&b->certificate)));
		assert_true(str_eq(buf_view(&a->key), buf_view(&b->key)));
		assert_true(a->signs == b->signs && a->stopped == b->stopped && a->leaf_s == b->leaf_s);
		assert_true(b->not_after == NOW + 1000 && b->not_before == NOW - 300 && b->leaf_s == 77);
	}
	/* An authority that no longer signs has lost its key. */
	assert_int_equal(read.items[0].key.len, 0);
	assert_ptr_equal(authorities_signer(&read, NOW), &read.items[1]);
	assert_ptr_equal(authorities_next(&read, NOW, 10), &read.items[2]);
	free(json);
	authorities_release(&all);
	authorities_release(&read);
}

/*
 * However someone has damaged the Secret, the error says what is wrong without quoting the content,
 * and nothing is used.
 */
static void a_damaged_secret_is_reported(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
		enum secret_state state;
		const char *words;
	} rows[] = {
	    {"gpugate authorities 1", "gpugate authorities 2", SECRET_NEWER, "format 2"},
	    {"gpugate authorities 1", "gpugate authorities 0", SECRET_BROKEN, "begin with"},
	    {"gpugate authorities 1\n", "", SECRET_BROKEN, "begin with"},
	    {"authority signs", "authority sings", SECRET_BROKEN, "authority 1"},
	    {"leaf=77", "leaf=0", SECRET_BROKEN, "times"},
	    {"leaf=77", "leaf=77 more", SECRET_BROKEN, "authority 1"},
	    {"signs=17", "signs=-17", SECRET_BROKEN, "times"},
	    {"-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nXXX", SECRET_BROKEN, "authority 1"},
	    {"-----BEGIN CERTIFICATE-----", "-----BEGIN SOMETHING-----", SECRET_BROKEN, "missing"},
	    {"-----BEGIN PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----", SECRET_BROKEN, "authority 1"},
	    {"-----BEGIN PRIVATE KEY-----\nMI", "-----BEGIN PRIVATE KEY-----\nXX", SECRET_BROKEN, "private key"},
	};
	struct authorities all = {.count = 0}, read = {.count = 0};
	char version[64];
	make_real(&all, NOW);
	make_real(&all, 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error err = {0};
		size_t len;
		char *json = secret_json(&all, rows[i].from, rows[i].to, &len);
		if (authorities_read(&read, (struct str){json, len}, version, &err) != rows[i].state)
			fail_msg("row %zu: %s", i, err.text);
		if (!strstr(err.text, rows[i].words))
			fail_msg("row %zu says: %s", i, err.text);
		assert_int_equal(read.count, 0);
		assert_null(strstr(err.text, "MI"));
		free(json);
	}
	authorities_release(&all);
}

static void a_secret_of_something_else(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		enum secret_state state;
	} rows[] = {
	    {"{\"metadata\":{\"resourceVersion\":\"1\"}}", SECRET_EMPTY},
	    {"{\"metadata\":{\"resourceVersion\":\"1\"},\"data\":null}", SECRET_EMPTY},
	    {"{\"metadata\":{\"resourceVersion\":\"1\"},\"data\":{\"tls.key\":\"eA==\"}}", SECRET_EMPTY},
	    {"{\"metadata\":{\"resourceVersion\":\"1\"},\"data\":{\"authorities\":\"\"}}", SECRET_EMPTY},
	    {"{\"metadata\":{\"resourceVersion\":\"1\"},\"data\":{\"authorities\":\"Z3B1Z2F0ZSBhdXRob3JpdGllcyAxCg==\"}"
	     "}",
	     /* Only the first line. */
	     SECRET_EMPTY},
	    {"{\"data\":{\"authorities\":\"a\"}}", SECRET_BROKEN},
	    {"{\"data\":{\"authorities\":\"????\"}}", SECRET_BROKEN},
	    {"{\"data\":{\"authorities\":\"eA==\"}}", SECRET_BROKEN},
	    {"{\"data\":{\"authorities\":1}}", SECRET_BROKEN},
	    {"[]", SECRET_BROKEN},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct authorities read = {.count = 0};
		struct error err = {0};
		char version[64], json[512] = "";
		memcpy(json, rows[i].json, strlen(rows[i].json));
		if (authorities_read(&read, str_of(json), version, &err) != rows[i].state)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(read.count, 0);
		assert_true(err.text[0] != '\0');
	}
}

static void a_secret_that_is_not_base64(void **state)
{
	static const char *const texts[] = {"a", "????", "====", "eA======", "eA==eA=="};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct authorities read = {.count = 0};
		struct error err = {0};
		char version[64], json[512] = "";
		snprintf(json, sizeof json, "{\"data\":{\"authorities\":\"%s\"}}", texts[i]);
		assert_int_equal(authorities_read(&read, str_of(json), version, &err), SECRET_BROKEN);
		if (!strstr(err.text, "is not base64"))
			fail_msg("\"%s\": %s", texts[i], err.text);
	}
}

static void there_is_room_for_the_next(void **state)
{
	(void)state;
	struct authorities all = {.count = 0};
	struct error err = {0};
	for (int i = 0; i < AUTHORITIES_MAX; i++)
		make_real(&all, NOW);
	struct certs_pair pair;
	certs_pair_init(&pair);
	assert_int_equal(certs_authority_create(&pair, "one more", NOW, 1000, &err), 0);
	assert_int_equal(authorities_add(&all, &pair, 0, 77, &err), -1);
	err.text[0] = '\0';
	authorities_promote(&all, &all.items[AUTHORITIES_MAX - 1], NOW);
	assert_int_equal(authorities_add(&all, &pair, 0, 77, &err), 0);
	assert_int_equal(all.count, AUTHORITIES_MAX);
	certs_pair_release(&pair);
	authorities_release(&all);
}

/* --- Bundles --- */

static int collect(void *context, const struct certs_item *item)
{
	struct ids *ids = context;
	memcpy(ids->items[ids->count++], item->id, CERTS_ID_BYTES);
	return 0;
}

static void see(struct bundles *bundles, const char *uid, const char *first, const char *second)
{
	char json[16384];
	struct error err = {0};
	int len = snprintf(
	    json, sizeof json,
	    "{\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"5\"},\"webhooks\":[{\"name\":\"a.x\",\"clientConfig\":"
	    "{\"caBundle\":\"%s\"}},{\"name\":\"b.x\"%s%s%s}]}",
	    uid, first, second ? ",\"clientConfig\":{\"caBundle\":\"" : "", second ? second : "", second ? "\"}" : "");
	assert_true(len > 0 && (size_t)len < sizeof json);
	assert_int_equal(bundles_see(bundles, (struct str){json, (size_t)len}, &err), 0);
}

static char *base64(struct str text)
{
	char *out = calloc(1, 2 * text.len + 8);
	EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text.ptr, (int)text.len);
	return out;
}

static void bundles_say_whom_they_trust(void **state)
{
	(void)state;
	struct bundles bundles = {.known = false};
	struct authorities all = {.count = 0};
	struct buf pem;
	make_real(&all, NOW);
	make_real(&all, 0);
	buf_init(&pem, 1 << 20);
	authorities_bundle(&all, &pem);
	char *both = base64(buf_view(&pem)), *one = base64(buf_view(&all.items[0].certificate));
	see(&bundles, "u", both, both);
	assert_true(bundles_right(&bundles, both) && !bundles_right(&bundles, one));
	assert_true(bundles_hold(&bundles, all.items[0].id) && bundles_hold(&bundles, all.items[1].id));
	see(&bundles, "u", both, one);
	assert_true(bundles_hold(&bundles, all.items[0].id) && !bundles_hold(&bundles, all.items[1].id));
	struct ids found = {.count = 0};
	bundles_each(&bundles, collect, &found);
	assert_int_equal(found.count, 3);
	static const char *const odd[] = {"", "Cg==", "x", "????", "bm90IGEgY2VydGlmaWNhdGU=", "====", "QUJD="};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		see(&bundles, "u", both, odd[i]);
		assert_false(bundles_hold(&bundles, all.items[0].id));
	}
	struct error err = {0};
	/* It does not exist, so no API server uses it. */
	assert_int_equal(bundles_see(&bundles, (struct str){NULL, 0}, &err), 0);
	assert_true(bundles.known && bundles_right(&bundles, both) && bundles_hold(&bundles, all.items[0].id));
	assert_int_equal(bundles_see(&bundles, STR("{"), &err), -1);
	assert_false(bundles.known);
	free(both);
	free(one);
	buf_release(&pem);
	bundles_release(&bundles);
	authorities_release(&all);
}

static void why_a_bundle_is_written(void **state)
{
	(void)state;
	struct bundles bundles = {.known = false};
	see(&bundles, "u", "", NULL);
	assert_int_equal(bundles_reason(&bundles, "AAAA"), BUNDLE_FILLED);
	see(&bundles, "u", "AAAA", "AAAA");
	assert_true(bundles_right(&bundles, "AAAA"));
	assert_int_equal(bundles_reason(&bundles, "BBBB"), BUNDLE_ROTATED);
	see(&bundles, "u", "AAAA", "CCCC");
	assert_int_equal(bundles_reason(&bundles, "AAAA"), BUNDLE_RESTORED);
	see(&bundles, "u", "AAAA", NULL);
	assert_int_equal(bundles_reason(&bundles, "AAAA"), BUNDLE_RESTORED);
	/* Deleted and created again. */
	see(&bundles, "other", "", "");
	assert_int_equal(bundles_reason(&bundles, "AAAA"), BUNDLE_FILLED);
	bundles_release(&bundles);
}

static void a_patch_contains_only_what_is_wrong(void **state)
{
	(void)state;
	struct bundles bundles = {.known = false};
	struct buf out;
	buf_init(&out, 1 << 16);
	see(&bundles, "u", "AAAA", "CCCC");
	bundles_patch(&bundles, "AAAA", &out);
	buf_char(&out, '\0');
	assert_string_equal(
	    out.ptr, "{\"metadata\":{\"resourceVersion\":\"5\"},\"webhooks\":[{\"name\":\"b.x\",\"clientConfig\":{"
		     "\"caBundle\":\"AAAA\"}}]}");
	buf_release(&out);
	bundles_release(&bundles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_shown_is_always_trusted),
	    cmocka_unit_test(a_deleted_secret_breaks_nothing),
	    cmocka_unit_test(broken_rules_are_noticed),
	    cmocka_unit_test(lifetimes_that_contradict_each_other),
	    cmocka_unit_test(nothing_to_do_is_waited_for),
	    cmocka_unit_test(certificates_are_renewed),
	    cmocka_unit_test(the_moment_of_renewal_has_jitter),
	    cmocka_unit_test(bundles_are_written),
	    cmocka_unit_test(authorities_follow_each_other),
	    cmocka_unit_test(without_a_secret),
	    cmocka_unit_test(the_secret_returns_what_was_written),
	    cmocka_unit_test(a_damaged_secret_is_reported),
	    cmocka_unit_test(a_secret_of_something_else),
	    cmocka_unit_test(a_secret_that_is_not_base64),
	    cmocka_unit_test(there_is_room_for_the_next),
	    cmocka_unit_test(bundles_say_whom_they_trust),
	    cmocka_unit_test(why_a_bundle_is_written),
	    cmocka_unit_test(a_patch_contains_only_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
