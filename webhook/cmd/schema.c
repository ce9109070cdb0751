/* gpugate schema: prints the JSON Schema of policy documents and suites. */
#include "gpugate/schema.h"

#include <stdio.h>

#include "webhook/cmd/commands.h"
#include "webhook/simulate/suite_schema.h"

struct schema_options {
	struct option_list kinds;
};

static const struct option_table table = {
    .command = "schema",
    .synopsis = "[KIND]",
    .summary =
	"Prints the JSON Schema (draft 2020-12) of documents of a kind, such as Tenant or TestSuite, or without KIND "
	"of every document of gpugate. Editors complete keys and underline mistakes with it, and pipelines can "
	"check documents without gpugate. It is made from the tables that the parsers follow. What several "
	"documents must have in common it cannot say: `gpugate lint` and `gpugate test` do.",
    .values_size = sizeof(struct schema_options),
    .operands = "KIND",
    .operands_offset = offsetof(struct schema_options, kinds),
    .examples = "  gpugate schema > policy.schema.json\n"
		"  gpugate schema Tenant | jq '.properties.spec.properties | keys'\n"
		"  gpugate schema TestSuite > suite.schema.json\n",
    .statuses = {[EXIT_FAILED] = "There is no such kind, or the schema could not be written."},
};

static int print(const struct option_list *kinds, struct error *err)
{
	struct buf text;
	if (kinds->count > 1)
		return error_set(err, "\"%s\" is one kind too many; name one kind, or none for all", kinds->items[1]);
	buf_init(&text, SCHEMA_BYTES_MAX);
	int result = schema_print(kinds->count ? kinds->items[0] : NULL, &suite_schema, &text, err);
	if (result == 0)
		fwrite(text.ptr, 1, text.len, stdout);
	buf_release(&text);
	return result;
}

static int run(int argc, char **argv)
{
	struct schema_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	status = EXIT_FINE;
	if (print(&options.kinds, &err) < 0) {
		fprintf(stderr, "gpugate schema: %s\n", err.text);
		status = EXIT_FAILED;
	}
	options_release(&table, &options);
	return status;
}

const struct command schema_command = {
    .name = "schema",
    .summary = "print the JSON Schema of policies and their tests, for editors",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run,
};
