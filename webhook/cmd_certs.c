/* gpugate certs: certificates, for people who have nothing else to make them and to look at them with. */
#include "webhook/cmd_certs.h"

#include <stdio.h>
#include <string.h>

#include "webhook/command.h"

static const struct command actions[] = {
    {"create", "make an authority and certificates", cmd_certs_create},
    {"inspect", "say what a certificate is, and what is wrong with it", cmd_certs_inspect},
    {"verify", "say whether the API server would accept it, for scripts", cmd_certs_verify},
};

#define ACTIONS (sizeof actions / sizeof *actions)

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: gpugate certs ACTION [OPTION]...\n\nActions:\n");
	for (size_t i = 0; i < ACTIONS; i++)
		fprintf(out, "  %-10s %s\n", actions[i].name, actions[i].summary);
	fprintf(out, "\n\"gpugate certs ACTION --help\" says more.\n");
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
		fprintf(stderr, "gpugate: certs has no action \"%s\"\n", wanted);
	print_usage(stderr);
	return EXIT_FAILED;
}
