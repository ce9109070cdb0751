/* gpugate quota: prints what tenants hold of their quotas, as the replicas publish it. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/kubeconfig.h"
#include "webhook/cmd/quota_fetch.h"
#include "webhook/quota/table.h"

#define OUTPUT_BYTES_MAX (256u << 20)

enum quota_output { QUOTA_TABLE, QUOTA_JSON };

struct quota_options {
	const char *kubeconfig; /* NULL: see kubeconfig_load. */
	int output;
};

static const char *const outputs[] = {[QUOTA_TABLE] = "table", [QUOTA_JSON] = "json", NULL};

static const struct option_row rows[] = {
    KUBECONFIG_OPTION(offsetof(struct quota_options, kubeconfig), ""),
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct quota_options, output),
     .fallback = "table",
     .choices = outputs,
     .help = "The form of the output. json is {\"quotas\": [...], \"exceeded\": N}. Each "
	     "quota has tenant, quota, measure (count, gpus or memory), cohort (or null), "
	     "used, pending, hard (or \"unlimited\"), borrowed, lendable (or null), "
	     "exceeded, podVersion, and holders, a list of namespace, pods and amount. "
	     "Amounts are strings such as \"6.5\" or \"40Gi\", truncated to two decimals; `pods` "
	     "is a number."},
};

static const struct option_table table = {
    .command = "quota",
    .synopsis = "[--kubeconfig FILE] [-o table|json]",
    .summary = "Prints what the tenants hold of their GPU quotas, and which namespaces hold "
	       "it (the 20 largest of each quota): the gpuquotas objects that `gpugate serve "
	       "--ledger cluster` keeps up to date. PENDING was admitted and is not stored "
	       "yet; BORROWED is above the tenant's own `hard`. In bars, pending is shaded (+ "
	       "without Unicode). Decisions are not made from these objects, so they may be "
	       "some seconds old.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct quota_options),
    .examples = "  gpugate quota --kubeconfig ~/.kube/config\n"
		"  gpugate quota -o json | jq -r '.quotas[] | select(.exceeded) | .tenant'\n",
    .statuses = {[EXIT_FINE] = "No quota is exceeded.", [EXIT_FINDINGS] = "A quota is exceeded."},
};

static int fetch(const struct quota_options *options, struct quota_list *list, struct error *err)
{
	struct kube_config *config = kubeconfig_load(options->kubeconfig, err);
	if (!config)
		return -1;
	int result = quota_fetch(config, list, err);
	kube_config_destroy(config);
	return result;
}

static struct quota_style style_of_terminal(void)
{
	bool terminal = isatty(STDOUT_FILENO);
	setlocale(LC_CTYPE, "");
	return (struct quota_style){.blocks = terminal && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
				    .colour = terminal_has_colors(STDOUT_FILENO)};
}

static int print(const struct quota_options *options, const struct quota_list *list, struct error *err)
{
	struct buf out;
	buf_init(&out, OUTPUT_BYTES_MAX);
	if (options->output == QUOTA_JSON)
		quota_table_json(list->items, list->count, &out);
	else if (list->count == 0)
		buf_text(&out,
			 "No quotas are published. `gpugate serve --ledger cluster` does that as soon as it runs and "
			 "its policy has a Tenant with quotas.\n");
	else
		quota_table_print(list->items, list->count, style_of_terminal(), &out);
	if (!out.failed)
		fwrite(out.ptr, 1, out.len, stdout);
	else
		error_set(err, "there is not enough memory");
	buf_release(&out);
	return err->text[0] ? -1 : 0;
}

static int run(int argc, char **argv)
{
	struct quota_options options;
	struct quota_list list = {0};
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	status = EXIT_FAILED;
	if (fetch(&options, &list, &err) == 0 && print(&options, &list, &err) == 0)
		status = quota_table_exceeded(list.items, list.count) ? EXIT_FINDINGS : EXIT_FINE;
	else
		fprintf(stderr, "gpugate quota: %s\n", err.text);
	quota_list_release(&list);
	options_release(&table, &options);
	return status;
}

const struct command quota_command = {
    .name = "quota",
    .summary = "print how much of their quotas tenants use in a cluster",
    .group = GROUP_USAGE,
    .options = &table,
    .run = run,
};
