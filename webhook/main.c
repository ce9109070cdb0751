/* gpugate: finds and runs the subcommand. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gpugate/suggest.h"
#include "webhook/base/hardening.h"
#include "webhook/cli/command.h"

static const struct command commands[] = {
    {"serve", "answer the API server's admission reviews", cmd_serve},
    {"lint", "check policy files: what serve would refuse, and why", cmd_lint},
    {"schema", "print the JSON Schema of policy files, for editors", cmd_schema},
    {"render", "print what a cluster has to register, for kubectl apply", cmd_render},
    {"quota", "print how much of their quotas tenants use in a cluster", cmd_quota},
    {"certs", "create certificates, and explain what is wrong with one", cmd_certs},
    {"version", "print the versions of gpugate and its libraries", cmd_version},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static int print_help(FILE *out)
{
	fprintf(out, "gpugate " GPUGATE_VERSION
		     " rewrites, places and limits the GPU requests of Pods before they are created.\n\n"
		     "Usage: gpugate COMMAND [OPTION]...\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n`gpugate COMMAND --help` describes the options of a command.\n"
		     "Exit status: 0 success, 1 something wrong was found, 2 the command could not run.\n\n"
		     "To begin:\n"
		     "  gpugate lint deploy/policy\n"
		     "  gpugate certs create --dir pki --name localhost\n"
		     "  gpugate serve --policy deploy/policy --listen 127.0.0.1:8443 \\\n"
		     "                --tls-cert pki/tls.crt --tls-key pki/tls.key\n");
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(argc, argv);
	const char *near = suggest_argument(argv[0], &commands->name, COMMANDS, sizeof *commands);
	fprintf(stderr, "gpugate: unknown command \"%s\"%s%s%s\nTry `gpugate --help`.\n", argv[0],
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return EXIT_FAILED;
}

/*
 * `gpugate help certs create` means `gpugate certs create --help`: removes the word and appends the
 * option.
 */
static int run_help(int argc, char **argv)
{
	static char help[] = "--help";
	if (argc < 2)
		return print_help(stdout);
	for (int i = 0; i + 1 < argc; i++)
		argv[i] = argv[i + 1];
	argv[argc - 1] = help;
	return run(argc, argv);
}

static int dispatch(int argc, char **argv)
{
	static char version[] = "version";
	if (argc < 2) {
		print_help(stderr);
		return EXIT_FAILED;
	}
	const char *first = argv[1];
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
		return print_help(stdout);
	if (strcmp(first, "help") == 0)
		return run_help(argc - 1, argv + 1);
	if (strcmp(first, "--version") == 0)
		return cmd_version(1, (char *[]){version, NULL});
	return run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	secrecy_begin();
	int status = dispatch(argc, argv);
	bool earlier = ferror(stdout);
	errno = 0;
	if (fflush(stdout) == 0 && !earlier)
		return status;
	fprintf(stderr, "gpugate: cannot write output: %s\n", strerror(errno ? errno : EIO));
	return EXIT_FAILED;
}
