/* command: one row of the table of subcommands, and what the rows run. Each command has a file cmd_NAME.c of its own. */
#ifndef WEBHOOK_CLI_COMMAND_H
#define WEBHOOK_CLI_COMMAND_H

/* Exit statuses of every command. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_FINDINGS = 1, /* it ran, and found something wrong */
	EXIT_FAILED = 2,   /* it could not run; standard error says what to do */
};

struct command {
	const char *name;
	const char *summary;               /* a few words, no full stop */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

int cmd_serve(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_quota(int argc, char **argv);
int cmd_certs(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
