/*
 * commands: the rows of the commands. Each is in webhook/cmd/NAME.c, beside its option table and
 * the function that it runs; webhook/commands.c says in which order they stand.
 */
#ifndef WEBHOOK_CMD_COMMANDS_H
#define WEBHOOK_CMD_COMMANDS_H

#include "webhook/cli/command.h"

extern const struct command serve_command;
extern const struct command init_command;
extern const struct command lint_command;
extern const struct command explain_command;
extern const struct command test_command;
extern const struct command replay_command;
extern const struct command schema_command;
extern const struct command render_command;
extern const struct command certs_command;
extern const struct command certs_create_command;
extern const struct command certs_inspect_command;
extern const struct command certs_verify_command;
extern const struct command quota_command;
extern const struct command help_command;
extern const struct command man_command;
extern const struct command completion_command;
extern const struct command version_command;

/* The headings of `gpugate --help`. */
#define GROUP_RUN "Run the webhook"
#define GROUP_POLICY "Write a policy"
#define GROUP_INSTALL "Prepare a cluster"
#define GROUP_USAGE "Look at a cluster"
#define GROUP_ABOUT "Get help"

#endif
