#include "webhook/commands.h"

#include "webhook/cmd/commands.h"

struct root_options {
	bool version;
};

static const struct option_row rows[] = {
    {.name = "--version",
     .type = OPTION_FLAG,
     .offset = offsetof(struct root_options, version),
     .help = "Print the versions of gpugate and its libraries, as `gpugate version` does."},
};

static const struct option_table table = {
    .command = "",
    .synopsis = "COMMAND [OPTION]...",
    .summary = "gpugate is a Kubernetes admission webhook and GPU quota enforcer. It "
	       "rewrites, places and limits the GPU requests of Pods before they are created.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct root_options),
    .examples = "  gpugate lint deploy/policy\n"
		"  gpugate certs create --dir pki --name localhost\n"
		"  gpugate serve --policy deploy/policy --listen 127.0.0.1:8443 \\\n"
		"                --tls-cert pki/tls.crt --tls-key pki/tls.key\n",
    .statuses = {[EXIT_FINDINGS] = "The command ran and found something wrong."},
};

static int run(int argc, char **argv)
{
	static char version[] = "version";
	struct root_options options;
	int status = options_start(&table, argc, argv, &options);
	return status >= 0 ? status : version_command.run(1, (char *[]){version, NULL});
}

const struct command gpugate_command = {
    .name = "gpugate",
    .summary = "Kubernetes admission webhook and GPU quota enforcer",
    .options = &table,
    .children = (const struct command *const[]){&serve_command, &init_command, &lint_command, &explain_command,
						&test_command, &replay_command, &schema_command, &render_command,
						&certs_command, &quota_command, &help_command, &man_command,
						&completion_command, &version_command, NULL},
    .run = run,
};
