/* gpugate init: writes a first policy, from what a cluster has or for a usual situation. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "webhook/cmd/commands.h"
#include "webhook/cmd/init_output.h"
#include "webhook/cmd/init_read.h"
#include "webhook/cmd/kubeconfig.h"
#include "webhook/init/template.h"

struct init_options {
	bool from_cluster;
	const char *kubeconfig;
	const char *template;
	const char *out;
	bool force;
	struct option_list files;
};

static const struct option_row rows[] = {
    {.name = "--from-cluster",
     .type = OPTION_FLAG,
     .offset = offsetof(struct init_options, from_cluster),
     .help = "Read the cluster instead of files. Nothing is written there."},
    KUBECONFIG_OPTION(offsetof(struct init_options, kubeconfig), ""),
    {.name = "--template",
     .word = "NAME",
     .type = OPTION_STRING,
     .offset = offsetof(struct init_options, template),
     .help = "Write the policy of a usual situation instead, as deploy/examples has it. `list` prints their names."},
    {.name = "--out",
     .word = "DIR",
     .type = OPTION_STRING,
     .offset = offsetof(struct init_options, out),
     .help = "The folder for the policy, which must not exist or be empty. Without it, the policy is printed as one "
	     "stream of documents; a template needs it."},
    {.name = "--force",
     .type = OPTION_FLAG,
     .offset = offsetof(struct init_options, force),
     .help =
	 "Write into a folder that is not empty, such as one with FILEs that Accelerators shall name. Files of the same names are replaced, others stay."},
};

static const struct option_table table = {
    .command = "init",
    .synopsis = "--from-cluster|FILE...|--template NAME [--kubeconfig FILE] [--out DIR [--force]]",
    .summary =
	"Writes a first policy from what is there: an Accelerator for each GPU product of the nodes, and a Tenant "
	"for each namespace that uses GPUs or has a ResourceQuota of them. Guards deny the ways around quotas that "
	"no running Pod takes. Everything is in audit, with a comment at each guess. No limit is below what is in "
	"use, so no running Pod would be refused. FILE has objects of the cluster, such as the output of kubectl "
	"below, in YAML or JSON; - is standard input. It can also have ConfigMaps, or be a configuration, of "
	"NVIDIA's device plugin and of mig-parted.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct init_options),
    .operands = "FILE",
    .operands_offset = offsetof(struct init_options, files),
    .examples = "  kubectl get nodes,resourcequotas,limitranges,configmaps,pods -A -o json |\n"
		"    gpugate init --out my-policy -\n"
		"  gpugate init --from-cluster --out my-policy\n"
		"  gpugate init --template mig-mixed --out my-policy\n"
		"  gpugate init --template list\n",
};

static int list_templates(void)
{
	struct template templates[TEMPLATES_MAX];
	uint32_t count = template_all(templates);
	for (uint32_t i = 0; i < count; i++)
		printf("%-24.*s %.*s\n", STR_ARG(templates[i].name), STR_ARG(templates[i].title));
	return EXIT_FINE;
}

static int write_files(const struct init_options *options, const struct init_files *files, struct error *err)
{
	if (options->out)
		return init_output_write(files, options->out, options->force, err);
	init_output_print(files);
	return 0;
}

static void say_unread(const struct fleet *fleet)
{
	const struct fleet_unread *first = &fleet->unread[0];
	if (fleet->unread_count == 0)
		return;
	fprintf(stderr,
		"gpugate init: the node %.*s names the configuration %.*s by the label %s, which was not read; give "
		"the ConfigMap that has it, or correct the label",
		STR_ARG(first->node), STR_ARG(first->value), first->label);
	if (fleet->unread_count > 1)
		fprintf(stderr, "; accelerators.yaml lists %u such configurations", fleet->unread_count);
	fputc('\n', stderr);
}

/* Says on standard error what was read and written. */
static void say(const struct init_options *options, const struct fleet *fleet, uint32_t files, int warnings)
{
	fprintf(stderr,
		"gpugate init: read Nodes %" PRIu64 ", ResourceQuotas %" PRIu64 ", Pods %" PRIu64
		"; wrote Accelerators %u, Tenants %u, in audit",
		fleet->nodes, fleet->quotas, fleet->pods, documents_accelerators(fleet), documents_tenants(fleet));
	if (options->out)
		fprintf(stderr, "; %u files in %s", files, options->out);
	if (warnings > 0)
		fprintf(stderr, "; `gpugate lint` has %d warning%s", warnings, warnings == 1 ? "" : "s");
	if (fleet->unplaced)
		fprintf(stderr, "; %" PRIu64 " Pods fit no Accelerator, see settings.yaml", fleet->unplaced);
	fputc('\n', stderr);
}

static int read_all(const struct init_options *options, struct survey *survey, struct error *err)
{
	if (!options->from_cluster)
		return init_read_files(survey, options->files.items, options->files.count, options->out, err);
	struct kube_config *config = kubeconfig_load(options->kubeconfig, err);
	if (!config)
		return -1;
	int result = init_read_cluster(survey, config, err);
	kube_config_destroy(config);
	return result;
}

static int survey_cluster(const struct init_options *options, struct error *err)
{
	struct survey survey;
	struct init_files files;
	if (survey_init(&survey, err) < 0)
		return -1;
	init_files_init(&files);
	int warnings = read_all(options, &survey, err) == 0 ? survey_finish(&survey, &files, err) : -1;
	int result = warnings < 0 ? -1 : write_files(options, &files, err);
	if (result == 0)
		say(options, &survey.fleet, files.count, warnings);
	if (result == 0)
		say_unread(&survey.fleet);
	init_files_release(&files);
	survey_release(&survey);
	return result;
}

static int write_template(const struct init_options *options, struct error *err)
{
	struct init_files files;
	init_files_init(&files);
	int result = template_files(str_of(options->template), &files, err);
	if (result == 0 && !options->out)
		result = error_set(err, "a template has several files; name the folder for them with --out");
	if (result == 0)
		result = write_files(options, &files, err);
	init_files_release(&files);
	return result;
}

/* Exactly one source, and no option that has no effect. */
static int check(const struct init_options *options, struct error *err)
{
	int sources = options->from_cluster + (options->template != NULL) + (options->files.count > 0);
	if (sources != 1)
		return error_set(err, "name either files, --from-cluster, or --template NAME");
	if (options->kubeconfig && !options->from_cluster)
		return error_set(err, "--kubeconfig needs --from-cluster");
	if (options->force && !options->out)
		return error_set(err, "--force needs --out");
	return 0;
}

static int run(int argc, char **argv)
{
	struct init_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (check(&options, &err) < 0) {
		status = options_fail(&table, &err);
	} else if (options.template && strcmp(options.template, "list") == 0) {
		status = list_templates();
	} else {
		int result = options.template ? write_template(&options, &err) : survey_cluster(&options, &err);
		status = result < 0 ? EXIT_FAILED : EXIT_FINE;
		if (result < 0)
			fprintf(stderr, "gpugate init: %s\n", err.text);
	}
	options_release(&table, &options);
	return status;
}

const struct command init_command = {
    .name = "init",
    .summary = "write a first policy from what a cluster has, or from a template",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run,
};
