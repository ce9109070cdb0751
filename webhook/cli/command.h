/*
 * command: the row type of the subcommand table and the entry points of the subcommands. Each is in
 * webhook/cmd/NAME.c.
 */
#ifndef WEBHOOK_CLI_COMMAND_H
#define WEBHOOK_CLI_COMMAND_H

/* Exit statuses of every command. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_FINDINGS = 1, /* The command ran and found problems. */
	EXIT_FAILED = 2,   /* The command could not run. Standard error says what to do. */
};

struct command {
	const char *name;
	const char *summary;               /* A few words without a final period. */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name. Returns the exit status. */
};

int cmd_serve(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_quota(int argc, char **argv);
int cmd_certs(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
