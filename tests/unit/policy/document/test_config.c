/*
 * test_config: tests how the configurations of NVIDIA's programs are found and read: names, the
 * blocks of a ConfigMap, and locations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/document/config.h"
#include "policy/document/config_name.h"
#include "policy/document/source.h"

struct reading {
	struct arena arena, nodes;
	struct report report;
	struct docs docs;
	struct decoder decoder;
};

static void begin(struct reading *r, const char *text)
{
	*r = (struct reading){.docs = {.source_count = 0}};
	arena_init(&r->arena, 1 << 14, (size_t)16 << 20);
	arena_init(&r->nodes, 1 << 14, (size_t)16 << 20);
	report_init(&r->report);
	source_read_bytes("c.yaml", str_of(text), &r->arena, &r->docs, &r->report);
	r->decoder = (struct decoder){.docs = &r->docs, .arena = &r->arena, .report = &r->report};
}

static void end(struct reading *r)
{
	arena_release(&r->arena);
	arena_release(&r->nodes);
	report_release(&r->report);
}

static bool is(struct str s, const char *text)
{
	return str_eq(s, str_of(text));
}

/* --- Names --- */

static void test_names(void **state)
{
	(void)state;
	assert_true(is(config_path(STR("a/b.yaml#any#x")), "a/b.yaml"));
	assert_true(is(config_part(STR("a/b.yaml#any#x")), "any#x"));
	assert_true(is(config_path(STR("b.yaml")), "b.yaml"));
	assert_false(str_present(config_part(STR("b.yaml"))));
}

static const struct {
	const char *from;  /* Path of the file that has the name. */
	uint32_t root_len; /* Of the folder that was given. */
	const char *name;
	const char *file; /* Path of the file that is found. NULL: it is not found. */
	bool outside;
} lookups[] = {
    {"p/a.yaml", 1, "c.yaml#any", "p/c.yaml", false},
    {"p/a.yaml", 1, "x/c.yaml", "p/x/c.yaml", false},
    {"p/a.yaml", 1, "x/../c.yaml", "p/c.yaml", false},
    {"p/x/a.yaml", 1, "../c.yaml", "p/c.yaml", false},
    {"p/x/a.yaml", 1, "../x/c.yaml", "p/x/c.yaml", false},
    {"p/a.yaml", 1, "d.yaml", NULL, false},
    {"p/a.yaml", 1, "../c.yaml", NULL, true},
    {"p/a.yaml", 1, "../p/c.yaml", NULL, true},
    {"p/x/a.yaml", 1, "../../p/c.yaml", NULL, true},
    {"p/x/a.yaml", 3, "../c.yaml", NULL, true},
    {"./a.yaml", 1, "c.yaml", "./c.yaml", false},
    {"a.yaml", 0, "c.yaml", "c.yaml", false},
    {"a.yaml", 0, "p/../c.yaml", "c.yaml", false},
    {"a.yaml", 0, "../c.yaml", NULL, true},
    {"/a.yaml", 0, "c.yaml", "/c.yaml", false},
    {"/a.yaml", 0, "../c.yaml", NULL, true},
};

static void test_lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lookups / sizeof lookups[0]; i++) {
		/* In the order of their bytes, with the file that has the name at the end. */
		struct source sources[] = {{.path = STR("./c.yaml")},   {.path = STR("/c.yaml")},
					   {.path = STR("c.yaml")},     {.path = STR("p/c.yaml")},
					   {.path = STR("p/x/c.yaml")}, {.path = STR("z")}};
		struct docs docs = {.sources = sources, .source_count = 5};
		uint32_t source = UINT32_MAX;
		sources[5].path = str_of(lookups[i].from);
		sources[5].root_len = lookups[i].root_len;
		enum config_found found = config_find(&docs, 5, str_of(lookups[i].name), &source);
		enum config_found expected = lookups[i].file      ? CONFIG_FOUND
					     : lookups[i].outside ? CONFIG_OUTSIDE
								  : CONFIG_ABSENT;
		if (found != expected)
			fail_msg("%s from %s: %d", lookups[i].name, lookups[i].from, (int)found);
		if (found == CONFIG_FOUND && !is(sources[source].path, lookups[i].file))
			fail_msg("%s from %s: %.*s", lookups[i].name, lookups[i].from, STR_ARG(sources[source].path));
	}
}

static void test_paths_that_are_too_long(void **state)
{
	(void)state;
	static char path[5000];
	struct source source = {.path = STR("p/a.yaml"), .root_len = 1};
	struct docs docs = {.sources = &source, .source_count = 1};
	uint32_t found;
	memset(path, 'a', sizeof path);
	assert_int_equal(config_find(&docs, 0, (struct str){path, sizeof path}, &found), CONFIG_ABSENT);
	for (size_t i = 1; i < sizeof path; i += 2)
		path[i] = '/';
	assert_int_equal(config_find(&docs, 0, (struct str){path, sizeof path}, &found), CONFIG_ABSENT);
	source.path = (struct str){path, sizeof path};
	assert_int_equal(config_find(&docs, 0, STR("c.yaml"), &found), CONFIG_ABSENT);
}

/* --- The device plugin --- */

static const char map[] =
    "kind: ConfigMap\n"
    "data:\n"
    "  broken: |\n"
    "    version: [\n"
    "  any: |-\n"
    "    # A comment, and a line that is empty.\n"
    "\n"
    "    version: v1\n"
    "    flags: {migStrategy: single}\n"
    "    sharing:\n"
    "      timeSlicing:\n"
    "        renameByDefault: true\n"
    "        resources: [{name: gpu, replicas: 4, rename: r}]\n"
    "  # The next one.\n"
    "  mps: |\n"
    "    sharing: {mps: {failRequestsGreaterThanOne: false, resources: [{name: a.b/c, replicas: 2}]}}\n"
    "metadata: {name: x}\n";

static const struct doc_device_plugin *read_plugin(struct reading *r, const char *key)
{
	struct config_choice choice = {.key = key ? str_of(key) : (struct str){NULL, 0},
				       .at = {.source = 0, .line = 1, .column = 1, .length = 1}};
	return config_read_device_plugin(&r->decoder, &choice, &r->nodes);
}

static void test_device_plugin(void **state)
{
	(void)state;
	struct reading r;
	begin(&r, map);
	const struct doc_device_plugin *plugin = read_plugin(&r, "any");
	assert_non_null(plugin);
	assert_true(plugin->mig_strategy.set && plugin->mig_strategy.value == MIG_SINGLE);
	assert_int_equal(plugin->at.line, 8);
	assert_true(plugin->time_slicing.set && !plugin->mps.set);
	assert_true(plugin->time_slicing.rename_by_default.value && !plugin->time_slicing.fail_above_one.set);
	assert_int_equal(plugin->time_slicing.resources.count, 1);
	const struct doc_replicated *entry = plugin->time_slicing.resources.items;
	assert_true(is(entry->name.s, "gpu") && is(entry->rename.s, "r") && entry->replicas.value == 4);
	assert_int_equal(entry->name.at.line, 13);
	assert_int_equal(entry->name.at.column, 28);

	plugin = read_plugin(&r, "mps");
	assert_non_null(plugin);
	assert_true(plugin->mps.set && plugin->mps.fail_above_one.set && !plugin->mps.fail_above_one.value);
	assert_int_equal(plugin->mps.resources.items[0].name.at.line, 16);
	assert_int_equal(r.report.errors, 0);

	assert_null(read_plugin(&r, "broken"));
	/* The list is not closed on line 4, where the block ends. */
	assert_int_equal(r.report.findings[0].line, 5);
	assert_null(read_plugin(&r, NULL));
	assert_true(str_starts(r.report.findings[r.report.count - 1].text,
			       STR("the ConfigMap has several configurations: broken, any, mps; append \"#\"")));
	end(&r);
}

/* A line that is indented as the key ends the block; a less indented comment does so too. */
static void test_where_a_block_ends(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fine;
	} cases[] = {
	    {"kind: ConfigMap\ndata:\n  a: |\n    version: v1", true},
	    {"kind: ConfigMap\ndata:\n  a: |\n    version: v1\n\n\n", true},
	    {"kind: ConfigMap\r\ndata:\r\n  a: |\r\n    version: v1\r\n\r\n  b: x\r\n", true},
	    {"kind: ConfigMap\ndata:\n    a: |\n      version: v1\n  # less\nb: [\n", false},
	    {"kind: ConfigMap\ndata:\n  a: |\n    version: v1\n   # still in it\n  b: ''\n", true},
	    {"kind: ConfigMap\ndata:\n  a: |2\n    version: v1\n  b: ''\n", true},
	    {"kind: ConfigMap\nmetadata: {name: \xc3\xa9\xe2\x82\xac}\ndata:\n  a: |\n    version: v1\n", true},
	    {"kind: ConfigMap\ndata:\n  a: |\n", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reading r;
		begin(&r, cases[i].text);
		const struct doc_device_plugin *plugin = read_plugin(&r, "a");
		if ((plugin != NULL) != cases[i].fine)
			fail_msg("%zu: %.*s", i, STR_ARG(r.report.findings[0].text));
		if (plugin && !plugin->version.set)
			fail_msg("%zu: the version was not read", i);
		end(&r);
	}
}

/* --- mig-parted --- */

static void test_mig_parted(void **state)
{
	(void)state;
	struct reading r;
	begin(&r, "version: v1\n"
		  "mig-configs:\n"
		  "  off: [{devices: all, mig-enabled: false, mig-devices: {7g.80gb: 1}}]\n"
		  "  a:\n"
		  "  - {devices: all, mig-enabled: true, device-filter: x, mig-devices: {1g.10gb: 7}}\n"
		  "  b:\n"
		  "  - {devices: all, mig-enabled: true, mig-devices: {2g.20gb: 1, 1g.10gb: 5}}\n");
	struct config_choice choice = {.usual = STR("config.yaml"), .at = {.line = 1, .column = 1, .length = 1}};
	const struct doc_mig_layout *all = config_read_mig_layout(&r.decoder, &choice, (struct str){NULL, 0}, &r.nodes);
	assert_non_null(all);
	assert_true(all->count == 2 && !all->one);
	assert_true(is(all->cuts[0].name.s, "1g.10gb") && all->cuts[0].any_model);
	assert_true(is(all->cuts[1].name.s, "2g.20gb") && all->cuts[1].any_model);
	const struct doc_mig_layout *one = config_read_mig_layout(&r.decoder, &choice, STR("a"), &r.nodes);
	assert_non_null(one);
	assert_true(one->count == 1 && one->one && !one->cuts[0].any_model);
	assert_int_equal(one->cuts[0].name.at.line, 5);
	const struct doc_mig_layout *off = config_read_mig_layout(&r.decoder, &choice, STR("off"), &r.nodes);
	assert_true(off && off->count == 0);
	assert_int_equal(r.report.errors, 0);
	end(&r);
}

static void test_too_many_profiles(void **state)
{
	(void)state;
	static char text[16 << 10] =
	    "version: v1\nmig-configs:\n  a:\n  - devices: all\n    mig-enabled: true\n    mig-devices:\n";
	struct reading r;
	size_t len = strlen(text);
	for (unsigned i = 0; i < MIG_CUTS_MAX + 1; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "      1g.%ugb: 1\n", i);
	begin(&r, text);
	struct config_choice choice = {.at = {.line = 1, .column = 1, .length = 1}};
	assert_null(config_read_mig_layout(&r.decoder, &choice, (struct str){NULL, 0}, &r.nodes));
	assert_true(str_starts(r.report.findings[0].text, STR("the configuration has more than 256 profiles")));
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_lookups),
	    cmocka_unit_test(test_paths_that_are_too_long),
	    cmocka_unit_test(test_device_plugin),
	    cmocka_unit_test(test_where_a_block_ends),
	    cmocka_unit_test(test_mig_parted),
	    cmocka_unit_test(test_too_many_profiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
