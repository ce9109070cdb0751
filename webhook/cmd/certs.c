/* gpugate certs: creates and inspects certificates without other tools. */
#include "webhook/cmd/certs.h"

#include <stdio.h>
#include <string.h>

#include "gpugate/suggest.h"
#include "webhook/cli/command.h"

static const struct command actions[] = {
    {"create", "create an authority and certificates", cmd_certs_create},
    {"inspect", "describe a certificate, and explain what is wrong with it", cmd_certs_inspect},
    {"verify", "tell scripts whether the API server would accept it", cmd_certs_verify},
};

#define ACTIONS (sizeof actions / sizeof *actions)

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: gpugate certs ACTION [OPTION]...\n\nActions:\n");
	for (size_t i = 0; i < ACTIONS; i++)
		fprintf(out, "  %-10s %s\n", actions[i].name, actions[i].summary);
	fprintf(out, "\n\"gpugate certs ACTION --help\" describes an action.\n");
}

static void print_unknown(const char *wanted)
{
	const char *near = suggest_argument(wanted, &actions->name, ACTIONS, sizeof *actions);
	fprintf(stderr, "gpugate certs: unknown action \"%s\"; ", wanted);
	if (near)
		fprintf(stderr, "did you mean \"%s\"?", near);
	for (size_t i = 0; !near && i < ACTIONS; i++)
		fprintf(stderr, "%s%s",
			i == 0            ? "the actions are "
			: i + 1 < ACTIONS ? ", "
					  : " and ",
			actions[i].name);
	fputs("\nTry `gpugate certs --help`.\n", stderr);
}

int cmd_certs(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : "";
	for (size_t i = 0; i < ACTIONS; i++)
		if (strcmp(actions[i].name, wanted) == 0)
			return actions[i].run(argc - 1, argv + 1);
	if (strcmp(wanted, "--help") == 0 || strcmp(wanted, "-h") == 0) {
		print_usage(stdout);
		return EXIT_FINE;
	}
	if (*wanted)
		print_unknown(wanted);
	else
		print_usage(stderr);
	return EXIT_FAILED;
}
