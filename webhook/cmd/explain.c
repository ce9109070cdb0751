/* gpugate explain: says what `serve` would decide for the Pods in a file, and why. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/explain_options.h"
#include "webhook/cmd/input_file.h"
#include "webhook/cmd/kubeconfig.h"
#include "webhook/cmd/live_usage.h"
#include "webhook/cmd/policy_paths.h"
#include "webhook/json/text.h"
#include "webhook/json/yaml.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/usage.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)

/* The explanations of all objects in the file, and their results. */
struct explaining {
	json_t *objects;
	json_t *notes; /* Sentences about documents that are left out. */
	unsigned refused, without_pods;
	json_t *differences; /* See live_usage_compare; NULL without --live. */
};

static struct policy *load_policy(const struct explain_options *options, struct error *err)
{
	struct option_list paths;
	return explain_options_policy(options, &paths, err) < 0 ? NULL : policy_paths_load(&paths, err);
}

static int take_usage(const struct option_list *files, const struct explain_context *context, struct error *err)
{
	for (size_t i = 0; i < files->count; i++) {
		struct manifest manifest;
		if (input_file_manifest(files->items[i], &manifest, err) < 0)
			return -1;
		int result = simulation_usage(context->simulation, &manifest, context->replaced, err);
		manifest_release(&manifest);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int take_live(const struct explain_options *options, const struct explain_context *context,
		     struct explaining *explaining, struct error *err)
{
	struct kube_config *config = kubeconfig_load(options->kubeconfig, err);
	if (!config)
		return -1;
	int result = live_usage_read(config, context->policy, context->simulation, context->replaced, err);
	if (result == 0)
		explaining->differences = live_usage_compare(config, context->policy, context->simulation);
	kube_config_destroy(config);
	return result;
}

static void note_list(const struct manifest *manifest, const struct manifest_object *object, json_t *notes)
{
	struct error err = {0};
	error_set(&err, "its kind ends in List, but its items are no objects; it is passed over (byte 0)");
	manifest_explain(manifest, object, &err);
	json_array_append_new(notes, json_text(str_of(err.text)));
}

static int explain_all(const struct explain_context *context, const struct manifest *manifest,
		       struct explaining *explaining, struct error *err)
{
	for (uint32_t i = 0; i < manifest->count; i++)
		if (simulation_labels(context->simulation, manifest, &manifest->objects[i], err) < 0)
			return -1;
	for (uint32_t i = 0; i < manifest->count; i++) {
		enum explain_result result =
		    explain_object(context, manifest, &manifest->objects[i], explaining->objects, err);
		if (result == EXPLAIN_FAILED)
			return -1;
		explaining->refused += result == EXPLAIN_DENIED;
		explaining->without_pods += result == EXPLAIN_NO_PODS;
		if (manifest->objects[i].no_list)
			note_list(manifest, &manifest->objects[i], explaining->notes);
	}
	if (json_array_size(explaining->objects) > 0)
		return 0;
	for (uint32_t i = 0; i < manifest->count; i++)
		if (subject_is_unnamed(context->policy, manifest, &manifest->objects[i], err))
			return -1;
	return error_set(
	    err,
	    "%.300s: no object in it makes Pods or claims devices; `gpugate explain --help` lists those that "
	    "do",
	    manifest->file);
}

/* --- Output --- */

static void print_text(const struct explaining *explaining, bool has_usage, struct buf *out)
{
	size_t i;
	json_t *explanation;
	bool color = terminal_has_colors(STDOUT_FILENO);
	json_array_foreach(explaining->objects, i, explanation)
	{
		buf_text(out, i ? "\n" : "");
		explain_print(explanation, color, out);
	}
	json_array_foreach(explaining->notes, i, explanation) buf_printf(out, "\n%s\n", json_string_value(explanation));
	if (explaining->without_pods)
		buf_printf(out, "\n%u other object%s passed over, since no Pods or claims come from %s\n",
			   explaining->without_pods, explaining->without_pods == 1 ? " was" : "s were",
			   explaining->without_pods == 1 ? "it" : "them");
	if (explaining->differences)
		live_usage_print(explaining->differences, out);
	else if (!has_usage)
		buf_text(out, "\nWithout --usage or --live, nothing but the Pods of this file is counted.\n");
}

static int take_json(const char *bytes, size_t len, void *context)
{
	struct buf *out = context;
	buf_add(out, bytes, len);
	return out->failed ? -1 : 0;
}

static int print(const struct explain_options *options, const struct explaining *explaining, struct error *err)
{
	struct buf out;
	int result = 0;
	json_t *root = json_pack("{s:i, s:i, s:O}", "refused", (int)explaining->refused, "withoutPods",
				 (int)explaining->without_pods, "objects", explaining->objects);
	json_t *documents = json_pack("[O]", root);
	if (json_array_size(explaining->notes))
		json_object_set(root, "notes", explaining->notes);
	if (explaining->differences)
		json_object_set(root, "differences", explaining->differences);
	buf_init(&out, OUTPUT_BYTES_MAX);
	if (options->output == EXPLAIN_TEXT)
		print_text(explaining, options->usage.count > 0, &out);
	else if (options->output == EXPLAIN_YAML)
		result = yaml_write(&out, documents, err);
	else if (json_dump_callback(root, take_json, &out, JSON_INDENT(2)) == 0)
		buf_char(&out, '\n');
	json_decref(documents);
	json_decref(root);
	if (result == 0 && (out.failed || out.len == 0))
		result = error_set(err, "there is not enough memory for the output");
	if (result == 0)
		fwrite(out.ptr, 1, out.len, stdout);
	buf_release(&out);
	return result;
}

/* --- The command --- */

static int explain_manifest(const struct explain_options *options, const struct explain_context *context,
			    const struct manifest *manifest, struct explaining *explaining, struct error *err)
{
	int result = take_usage(&options->usage, context, err);
	if (result == 0 && options->live)
		result = take_live(options, context, explaining, err);
	return result == 0 ? explain_all(context, manifest, explaining, err) : -1;
}

static int explain_file(const struct explain_options *options, struct explain_context *context,
			struct explaining *explaining, struct error *err)
{
	struct manifest manifest;
	if (input_file_manifest(options->file, &manifest, err) < 0)
		return -1;
	context->replaced = replaced_create();
	int result = context->replaced ? explain_manifest(options, context, &manifest, explaining, err)
				       : error_set(err, "there is not enough memory");
	replaced_destroy(context->replaced);
	manifest_release(&manifest);
	return result;
}

static int run(const struct explain_options *options, struct error *err)
{
	struct policy *policy = load_policy(options, err);
	struct simulation *simulation = policy ? simulation_create(policy, err) : NULL;
	struct str *groups = calloc(options->groups.count + 1, sizeof *groups);
	struct explaining explaining = {.objects = json_array(), .notes = json_array()};
	int status = EXIT_FAILED;
	for (size_t i = 0; groups && i < options->groups.count; i++)
		groups[i] = str_of(options->groups.items[i]);
	struct explain_context context = {.policy = policy,
					  .simulation = simulation,
					  .creator = {.namespace = str_of(options->namespace),
						      .user = str_of(options->user),
						      .policy = policy,
						      .groups = {groups, (uint32_t)options->groups.count}}};
	if (!groups || !explaining.objects || !explaining.notes)
		error_set(err, "there is not enough memory");
	else if (simulation && explain_file(options, &context, &explaining, err) == 0 &&
		 print(options, &explaining, err) == 0)
		status = explaining.refused ? EXIT_FINDINGS : EXIT_FINE;
	json_decref(explaining.objects);
	json_decref(explaining.notes);
	json_decref(explaining.differences);
	free(groups);
	simulation_destroy(simulation);
	policy_release(policy);
	return status;
}

static int run_explain(int argc, char **argv)
{
	struct explain_options options;
	struct error err = {0};
	int status = options_start(&explain_options_table, argc, argv, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (explain_options_check(&options, &err) < 0) {
		status = options_fail(&explain_options_table, &err);
	} else {
		status = run(&options, &err);
		if (status == EXIT_FAILED)
			fprintf(stderr, "gpugate explain: %s\n", err.text);
	}
	options_release(&explain_options_table, &options);
	return status;
}

const struct command explain_command = {
    .name = "explain",
    .summary = "say why Pods in a file would be admitted or refused",
    .group = GROUP_POLICY,
    .options = &explain_options_table,
    .run = run_explain,
};
