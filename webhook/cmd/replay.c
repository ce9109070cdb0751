/* gpugate replay: says what a change of the policy would do to reviews and Pods. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "webhook/cli/output_json.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/input_file.h"
#include "webhook/cmd/kubeconfig.h"
#include "webhook/cmd/policy_paths.h"
#include "webhook/cmd/replay_input.h"
#include "webhook/cmd/replay_output.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JUNIT };

struct replay_command_options {
	struct option_list policies, against, usage, fail_on, inputs;
	bool live;
	const char *kubeconfig;
	long show, hold; /* `hold` is in seconds. */
	int output;
	unsigned fail_bits; /* Of fail_on. */
};

static const char *const outputs[] = {[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_JUNIT] = "junit", NULL};

static const struct option_row rows[] = {
    SERVE_OPTION_POLICY(offsetof(struct replay_command_options, policies), " It is the new one."),
    {.name = "--against",
     .word = "PATH",
     .type = OPTION_LIST,
     .offset = offsetof(struct replay_command_options, against),
     .help = "The policy to compare with, such as the one in force. Without it, reviews of a recording are compared "
	     "with what was answered then, and other Pods with Pods that are admitted as they are."},
    {.name = "--live",
     .type = OPTION_FLAG,
     .offset = offsetof(struct replay_command_options, live),
     .help = "Replay the Pods that are now in the cluster, in place of files. It only lists pods, and namespaces and "
	     "nodes if a policy reads their labels."},
    KUBECONFIG_OPTION(offsetof(struct replay_command_options, kubeconfig), ""),
    {.name = "--usage",
     .word = "FILE",
     .type = OPTION_LIST,
     .offset = offsetof(struct replay_command_options, usage),
     .help = "What the cluster had before, such as the output of `kubectl get namespaces,nodes,pods -A -o yaml`: "
	     "Pods hold quota, and Namespaces and Nodes have labels. Add resourceclaims where the policy counts "
	     "claims. Without this option nothing is held at first."},
    {.name = "--fail-on",
     .word = "CHANGES",
     .type = OPTION_LIST,
     .offset = offsetof(struct replay_command_options, fail_on),
     .help = "Exit with status 1 if there is one of these changes, which are separated by commas: newly-refused, "
	     "newly-admitted, newly-rewritten, over-quota, quota-exceeded, would-be-refused, reworded."},
    {.name = "--hold",
     .word = "SECONDS",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct replay_command_options, hold),
     .fallback = "0",
     .min = 0,
     .max = 31536000,
     .help = "How long a Pod of a recording holds quota at most. A recording of `gpugate serve --ledger cluster` has "
	     "no ends of Pods. 0: until its end is in the input."},
    {.name = "--show",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct replay_command_options, show),
     .fallback = "10",
     .min = 0,
     .max = 100000,
     .help = "How many Pods of each change are named. All are counted."},
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct replay_command_options, output),
     .fallback = "text",
     .choices = outputs,
     .help = "The form of the output. junit is XML for CI systems. docs/policy-as-code.md describes the members of "
	     "json."},
};

static const struct option_table table = {
    .command = "replay",
    .synopsis =
	"--policy PATH [--against PATH] [--usage FILE] [--hold SECONDS] [--fail-on CHANGES] [--show N] [-o text|json|junit] "
	"INPUT... | --live",
    .summary = "Sends reviews and Pods through a new policy, and says who would be treated otherwise: newly refused, "
	       "newly admitted, rewritten otherwise, over a quota, refused if everything were enforced, or told "
	       "another sentence. INPUT is a recording of `gpugate serve --record` (a file or its folder), a folder of "
	       "manifests, or a file. The file has AdmissionReviews, a list of the API server such as the output of "
	       "`kubectl get pods -A -o json`, or manifests; - is standard input. Files may be compressed with gzip.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct replay_command_options),
    .operands = "PATH",
    .operands_offset = offsetof(struct replay_command_options, inputs),
    .examples = "  gpugate replay --policy new --against deploy/policy /var/lib/gpugate/recording\n"
		"  gpugate replay --policy new --fail-on newly-refused,over-quota pods.json.gz\n"
		"  gpugate replay --policy new --against deploy/policy --live -o json\n",
    .statuses = {[EXIT_FINE] = "There is none of the changes that --fail-on names.",
		 [EXIT_FINDINGS] = "There is a change that --fail-on names.",
		 [EXIT_FAILED] = "It could not be decided. Standard error says what to do."},
};

/* --- Options --- */

static int find_change(struct str word, struct error *err)
{
	for (int i = 0; i < REPLAY_CHANGES; i++)
		if (str_eq(word, str_of(replay_change_names[i])))
			return i;
	return error_set(err,
			 "--fail-on: \"%.*s\" is not a change; take newly-refused, newly-admitted, newly-rewritten, "
			 "over-quota, quota-exceeded, would-be-refused, or reworded",
			 (int)(word.len < 64 ? word.len : 64), word.ptr);
}

static int read_changes(const char *text, unsigned *bits, struct error *err)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		int change = find_change((struct str){text, len}, err);
		if (change < 0)
			return -1;
		*bits |= 1u << change;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

static int check(struct replay_command_options *options, struct error *err)
{
	size_t standard = 0;
	for (size_t i = 0; i < options->fail_on.count; i++)
		if (read_changes(options->fail_on.items[i], &options->fail_bits, err) < 0)
			return -1;
	for (size_t i = 0; i < options->inputs.count; i++)
		standard += strcmp(options->inputs.items[i], "-") == 0;
	for (size_t i = 0; i < options->usage.count; i++)
		standard += strcmp(options->usage.items[i], "-") == 0;
	if (options->live && options->inputs.count)
		return error_set(err, "--live replays the cluster, so no file can be named beside it; leave out one");
	if (!options->live && options->inputs.count == 0)
		return error_set(err, "name what is replayed: a recording, a list, manifests, - for standard input, "
				      "or --live for the Pods of the cluster");
	if (options->kubeconfig && !options->live)
		return error_set(err, "--kubeconfig needs --live, which replays the Pods of that cluster");
	if (options->live && options->usage.count)
		return error_set(err, "--usage and --live both say what the cluster has; leave out --usage");
	return standard > 1 ? error_set(err, "standard input can be read only once; leave out the second -") : 0;
}

/* --- Running --- */

static int take_usage(const struct option_list *files, struct replay *replay, struct error *err)
{
	for (size_t i = 0; i < files->count; i++) {
		struct manifest manifest;
		if (input_file_manifest(files->items[i], &manifest, err) < 0)
			return -1;
		int result = replay_usage(replay, &manifest, err);
		manifest_release(&manifest);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int read_cluster(const struct replay_command_options *options, const struct replay_options *given,
			struct replay *replay, struct error *err)
{
	struct kube_config *config = kubeconfig_load(options->kubeconfig, err);
	if (!config)
		return -1;
	int result = replay_cluster(replay, given, config, err);
	kube_config_destroy(config);
	return result;
}

static int read_inputs(const struct replay_command_options *options, struct replay *replay, struct replay_names *names,
		       struct error *err)
{
	for (size_t i = 0; i < options->inputs.count; i++)
		if (replay_input(replay, options->inputs.items[i], names, err) < 0)
			return -1;
	if (replay_reviews(replay) == 0 && replay_unnamed(replay))
		return error_set(err, "%s", replay_unnamed(replay));
	if (replay_reviews(replay) == 0)
		return error_set(err, "no review of a Pod and no Pod is in what was named, so nothing was replayed");
	return 0;
}

static int print(const struct replay_command_options *options, const struct replay *replay, struct error *err)
{
	struct buf out;
	uint64_t counts[REPLAY_CHANGES];
	json_t *report = replay_report(replay);
	for (int i = 0; i < REPLAY_CHANGES; i++)
		counts[i] = replay_count(replay, i);
	buf_init(&out, OUTPUT_BYTES_MAX);
	if (!report)
		out.failed = true;
	else if (options->output == OUTPUT_JSON)
		output_json(json_incref(report), &out);
	else if (options->output == OUTPUT_JUNIT)
		replay_output_junit(report, options->policies.items[0], options->fail_bits, counts, &out);
	else
		replay_print(report, terminal_has_colors(STDOUT_FILENO), &out);
	json_decref(report);
	int result = out.failed ? error_set(err, "there is not enough memory for the output") : 0;
	if (result == 0)
		fwrite(out.ptr, 1, out.len, stdout);
	buf_release(&out);
	return result;
}

static int replay_all(const struct replay_command_options *options, const struct replay_options *given,
		      struct replay *replay, struct replay_names *names, struct error *err)
{
	if (take_usage(&options->usage, replay, err) < 0 ||
	    (options->live ? read_cluster(options, given, replay, err) : read_inputs(options, replay, names, err)) <
		0 ||
	    replay_finish(replay, err) < 0 || print(options, replay, err) < 0)
		return EXIT_FAILED;
	for (int i = 0; i < REPLAY_CHANGES; i++)
		if ((options->fail_bits >> i & 1) && replay_count(replay, i))
			return EXIT_FINDINGS;
	return EXIT_FINE;
}

static int run(const struct replay_command_options *options, struct error *err)
{
	struct replay_names names = {NULL, 0, 0};
	struct replay_options given = {.show = (uint32_t)options->show, .hold_ms = options->hold * 1000};
	struct policy *policy = policy_paths_load(&options->policies, err), *against = NULL;
	if (policy && options->against.count && !(against = policy_paths_load(&options->against, err)))
		error_wrap(err, "--against");
	given.policy = policy;
	given.against = against;
	struct replay *replay = err->text[0] ? NULL : replay_create(&given, err);
	int status = replay ? replay_all(options, &given, replay, &names, err) : EXIT_FAILED;
	replay_destroy(replay);
	replay_names_release(&names);
	policy_release(against);
	policy_release(policy);
	return status;
}

static int run_replay(int argc, char **argv)
{
	struct replay_command_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (check(&options, &err) < 0) {
		status = options_fail(&table, &err);
	} else {
		status = run(&options, &err);
		if (status == EXIT_FAILED)
			fprintf(stderr, "gpugate replay: %s\n", err.text);
	}
	options_release(&table, &options);
	return status;
}

const struct command replay_command = {
    .name = "replay",
    .summary = "say what a change of the policy would do to recorded reviews and to Pods",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run_replay,
};
