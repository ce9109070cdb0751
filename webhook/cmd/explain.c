/* gpugate explain: says what `serve` would decide for the Pods in a file, and why. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/input_file.h"
#include "webhook/json/yaml.h"
#include "webhook/server/kinds.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/usage.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_YAML };

struct explain_options {
	const char *file;
	const char *namespace;
	const char *user;
	struct option_list groups;
	struct option_list policies;
	struct option_list usage;
	int output;
};

static const char *const outputs[] = {[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_YAML] = "yaml", NULL};

static const struct option_row rows[] = {
    {.name = "-f",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = offsetof(struct explain_options, file),
     .required = true,
     .help = "The file with the objects, in YAML or JSON; - is standard input. Pods, Deployments, ReplicaSets, "
	     "StatefulSets, DaemonSets, ReplicationControllers, Jobs, CronJobs, AdmissionReviews, and lists of these. "
	     "Labels of Namespaces in it count. Other objects are passed over."},
    SERVE_OPTION_POLICY(offsetof(struct explain_options, policies), ""),
    {.name = "-n",
     .word = "NS",
     .type = OPTION_STRING,
     .offset = offsetof(struct explain_options, namespace),
     .fallback = "default",
     .help = "The namespace of objects that name none."},
    {.name = "--as",
     .word = "USER",
     .type = OPTION_STRING,
     .offset = offsetof(struct explain_options, user),
     .help = "The user who creates the Pods. Without it, Pods of a workload are created by their controller, such as "
	     "system:serviceaccount:kube-system:job-controller, and other Pods by a user without a name."},
    {.name = "--as-group",
     .word = "GROUP",
     .type = OPTION_LIST,
     .offset = offsetof(struct explain_options, groups),
     .help = "A group of the user that --as names, in addition to system:authenticated."},
    {.name = "--usage",
     .word = "FILE",
     .type = OPTION_LIST,
     .offset = offsetof(struct explain_options, usage),
     .help = "What the cluster has already, such as the output of `kubectl get namespaces,nodes,pods -A -o yaml`: "
	     "Pods hold quota, and Namespaces and Nodes have labels. Without it nothing is held."},
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct explain_options, output),
     .fallback = "text",
     .choices = outputs,
     .help = "The form of the output. docs/policy-as-code.md describes the members of json and yaml."},
};

static const struct option_table table = {
    .command = "explain",
    .synopsis = "-f FILE --policy PATH [-n NS] [--as USER [--as-group GROUP]] [--usage FILE] [-o text|json|yaml]",
    .summary = "Says whether the Pods in a file would be admitted, in the words of the webhook. Also says why: their "
	       "tenant, what each Rule changes or which of its conditions does not hold, what each Guard finds, and "
	       "what each quota holds. Objects are tried in the order of the file; Pods that are admitted hold quota "
	       "while the later ones are tried.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct explain_options),
    .examples = "  gpugate explain -f pod.yaml --policy deploy/policy -n team-a\n"
		"  kubectl get namespaces,nodes,pods -A -o yaml >usage.yaml\n"
		"  gpugate explain -f job.yaml --policy deploy/policy --usage usage.yaml\n"
		"  gpugate explain -f - --policy deploy/policy -o json <pod.yaml | jq '.objects[].message'\n",
    .statuses = {[EXIT_FINE] = "All Pods would be admitted.",
		 [EXIT_FINDINGS] = "A Pod would be refused.",
		 [EXIT_FAILED] = "It could not be decided. Standard error says what to do."},
};

/* The explanations of all objects in the file, and their results. */
struct explaining {
	json_t *objects;
	unsigned refused, without_pods;
};

static struct policy *load_policy(const struct option_list *paths, struct error *err)
{
	struct report *report = malloc(sizeof *report);
	if (!report) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	report_init(report);
	struct policy *policy = policy_load(paths->items, paths->count, report);
	if (!policy) {
		struct buf text;
		buf_init(&text, OUTPUT_BYTES_MAX);
		report_print(report, terminal_has_colors(STDERR_FILENO), &text);
		fwrite(text.ptr, 1, text.len, stderr);
		buf_release(&text);
		error_set(err,
			  "the policy has errors, which `gpugate lint` shows as well; nothing can be decided by it");
	}
	report_release(report);
	free(report);
	return policy;
}

static int read_manifest(const char *path, struct manifest *manifest, struct error *err)
{
	struct buf bytes;
	buf_init(&bytes, MANIFEST_BYTES_MAX);
	*manifest = (struct manifest){.count = 0};
	int result = input_file_read(path, &bytes, err);
	if (result == 0)
		result = manifest_read(manifest, input_file_name(path), buf_view(&bytes), err);
	buf_release(&bytes);
	return result;
}

static int take_usage(const struct option_list *files, struct simulation *simulation, struct error *err)
{
	for (size_t i = 0; i < files->count; i++) {
		struct manifest manifest;
		if (read_manifest(files->items[i], &manifest, err) < 0)
			return -1;
		int result = simulation_usage(simulation, &manifest, err);
		manifest_release(&manifest);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int explain_all(const struct explain_context *context, const struct manifest *manifest,
		       struct explaining *explaining, struct error *err)
{
	for (uint32_t i = 0; i < manifest->count; i++)
		if (simulation_labels(context->simulation, manifest, &manifest->objects[i], err) < 0)
			return -1;
	for (uint32_t i = 0; i < manifest->count; i++) {
		json_t *explanation;
		enum explain_result result =
		    explain_object(context, manifest, &manifest->objects[i], &explanation, err);
		if (result == EXPLAIN_FAILED)
			return -1;
		explaining->refused += result == EXPLAIN_DENIED;
		explaining->without_pods += result == EXPLAIN_NO_PODS;
		if (explanation)
			json_array_append_new(explaining->objects, explanation);
	}
	if (json_array_size(explaining->objects) == 0)
		return error_set(err,
				 "%.300s: no object in it makes Pods; `gpugate explain --help` lists those that do",
				 manifest->file);
	return 0;
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
	if (explaining->without_pods)
		buf_printf(out, "\n%u other object%s passed over, since no Pods come from %s\n",
			   explaining->without_pods, explaining->without_pods == 1 ? " was" : "s were",
			   explaining->without_pods == 1 ? "it" : "them");
	if (!has_usage)
		buf_text(out, "\nWithout --usage, nothing but the Pods of this file is counted.\n");
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
	buf_init(&out, OUTPUT_BYTES_MAX);
	if (options->output == OUTPUT_TEXT)
		print_text(explaining, options->usage.count > 0, &out);
	else if (options->output == OUTPUT_YAML)
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

static int explain_file(const struct explain_options *options, const struct explain_context *context,
			struct explaining *explaining, struct error *err)
{
	struct manifest manifest;
	if (take_usage(&options->usage, context->simulation, err) < 0 ||
	    read_manifest(options->file, &manifest, err) < 0)
		return -1;
	int result = explain_all(context, &manifest, explaining, err);
	manifest_release(&manifest);
	return result;
}

static int run(const struct explain_options *options, struct error *err)
{
	struct policy *policy = load_policy(&options->policies, err);
	struct simulation *simulation = policy ? simulation_create(policy, err) : NULL;
	struct str *groups = calloc(options->groups.count + 1, sizeof *groups);
	struct explaining explaining = {.objects = json_array()};
	int status = EXIT_FAILED;
	for (size_t i = 0; groups && i < options->groups.count; i++)
		groups[i] = str_of(options->groups.items[i]);
	const struct explain_context context = {.policy = policy,
						.simulation = simulation,
						.creator = {.namespace = str_of(options->namespace),
							    .user = str_of(options->user),
							    .groups = {groups, (uint32_t)options->groups.count}}};
	if (!groups || !explaining.objects)
		error_set(err, "there is not enough memory");
	else if (simulation && explain_file(options, &context, &explaining, err) == 0 &&
		 print(options, &explaining, err) == 0)
		status = explaining.refused ? EXIT_FINDINGS : EXIT_FINE;
	json_decref(explaining.objects);
	free(groups);
	simulation_destroy(simulation);
	policy_release(policy);
	return status;
}

static int run_explain(int argc, char **argv)
{
	struct explain_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (options.groups.count && !options.user) {
		error_set(&err, "--as-group needs --as, which names the user who is in the group");
		status = options_fail(&table, &err);
	} else {
		status = run(&options, &err);
		if (status == EXIT_FAILED)
			fprintf(stderr, "gpugate explain: %s\n", err.text);
	}
	options_release(&table, &options);
	return status;
}

const struct command explain_command = {
    .name = "explain",
    .summary = "say why Pods in a file would be admitted or refused",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run_explain,
};
