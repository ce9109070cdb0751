/* gpugate render: prints what must be registered with a cluster, for `kubectl apply -f -`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/arena.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/render_options.h"
#include "webhook/json/yaml.h"

#define ARENA_BYTES (4u << 20)
#define OUTPUT_BYTES (16u << 20)
#define REPORT_BYTES (1u << 20)

/* Appends the items of `more`. Takes `more`. */
static int extend(json_t *objects, json_t *more)
{
	int failed = json_array_extend(objects, more);
	json_decref(more);
	return failed;
}

static int add_prerequisites(json_t *objects, const struct render_target *target, const struct policy_scope *scope)
{
	int failed = json_array_append_new(objects, render_namespace(target));
	if (target->cluster) {
		failed |= json_array_append_new(objects, render_ledger_crd());
		failed |= json_array_append_new(objects, render_quota_crd());
	}
	failed |= extend(objects, render_access(target, scope));
	if (target->cluster)
		failed |= extend(objects, render_priority(target));
	return failed;
}

static int add_webhooks(json_t *objects, const struct render_target *target, const struct policy_scope *scope,
			const struct policy *policy)
{
	int failed = json_array_append_new(objects, render_mutating(target, scope));
	failed |= json_array_append_new(objects, render_validating(target, scope, policy));
	return failed;
}

/*
 * Builds the objects in an order in which nothing is rejected before its prerequisites exist: first
 * the prerequisites, then what may fail, and last the webhooks that reject Pods. Returns new, or
 * NULL with an error.
 */
static json_t *render_part(const struct render_options *options, const struct render_target *target,
			   const struct policy *policy, struct error *err)
{
	const struct option_list *viewers = &options->viewers;
	json_t *objects = json_array(), *rights = render_viewers(policy, viewers->items, viewers->count, err);
	struct arena arena;
	struct policy_scope scope;
	arena_init(&arena, 1 << 16, ARENA_BYTES);
	int failed = !objects || !rights || policy_scope(policy, &arena, &scope) < 0;
	if (!failed && options->part != RENDER_WEBHOOKS) {
		failed |= add_prerequisites(objects, target, &scope);
		failed |= json_array_extend(objects, rights);
	}
	if (!failed && options->part != RENDER_PREREQUISITES)
		failed |= add_webhooks(objects, target, &scope, policy);
	arena_release(&arena);
	json_decref(rights);
	if (!failed)
		return objects;
	error_set(err, "not enough memory"); /* Keeps an earlier error. */
	json_decref(objects);
	return NULL;
}

/* Writes the command that printed the output, as a one-line comment. */
static void write_command(struct buf *out, int argc, char **argv)
{
	buf_text(out, "# gpugate");
	for (int i = 0; i < argc; i++) {
		buf_char(out, ' ');
		for (const char *c = argv[i]; *c; c++)
			buf_char(out, (unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f ? '?' : *c);
	}
	buf_char(out, '\n');
}

/* Borrows the objects. */
static int write_json(struct buf *out, json_t *objects, struct error *err)
{
	json_t *list = json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items", objects);
	char *text = json_dumps(list, JSON_INDENT(2));
	json_decref(list);
	if (!text)
		return error_set(err, "not enough memory to write JSON");
	buf_text(out, text);
	buf_char(out, '\n');
	free(text);
	return 0;
}

static int print(const struct render_options *options, int argc, char **argv, json_t *objects, struct error *err)
{
	struct buf out;
	int failed;
	buf_init(&out, OUTPUT_BYTES);
	if (options->output == RENDER_JSON) {
		failed = write_json(&out, objects, err);
	} else {
		write_command(&out, argc, argv);
		failed = yaml_write(&out, objects, err);
	}
	if (!failed && (out.failed || fwrite(out.ptr, 1, out.len, stdout) != out.len))
		failed = error_set(err, "the output could not be written");
	buf_wipe(&out);
	return failed;
}

static int fail(const struct error *err)
{
	fprintf(stderr, "gpugate render: %s\n", err->text);
	return EXIT_FAILED;
}

static int render_policy(const struct render_options *options, const struct render_target *target, int argc,
			 char **argv, struct report *report)
{
	struct error err = {0};
	struct policy *policy = policy_load(options->policies.items, options->policies.count, report);
	if (!policy) {
		struct buf text;
		buf_init(&text, REPORT_BYTES);
		report_print(report, terminal_has_colors(STDERR_FILENO), &text);
		fwrite(text.ptr, 1, text.len, stderr);
		buf_release(&text);
		return EXIT_FINDINGS;
	}
	json_t *objects = render_part(options, target, policy, &err);
	policy_release(policy);
	int failed = objects ? print(options, argc, argv, objects, &err) : -1;
	json_decref(objects);
	return failed ? fail(&err) : EXIT_FINE;
}

static int render(const struct render_options *options, int argc, char **argv)
{
	struct error err = {0};
	struct render_texts texts = {0};
	struct render_target target;
	struct report *report = malloc(sizeof *report);
	int status;
	if (!report)
		error_set(&err, "not enough memory");
	if (!report || render_options_target(options, &target, &texts, &err) < 0) {
		status = fail(&err);
	} else {
		report_init(report);
		status = render_policy(options, &target, argc, argv, report);
		report_release(report);
	}
	render_texts_release(&texts);
	free(report);
	return status;
}

static int run(int argc, char **argv)
{
	struct render_options options;
	int status = options_start(&render_options_table, argc, argv, &options);
	if (status >= 0)
		return status;
	status = render(&options, argc, argv);
	options_release(&render_options_table, &options);
	return status;
}

const struct command render_command = {
    .name = "render",
    .summary = "print what a cluster has to register, for kubectl apply",
    .group = GROUP_INSTALL,
    .options = &render_options_table,
    .run = run,
};
