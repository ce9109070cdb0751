/* man: manual pages of the commands, in the mdoc language (mdoc(7)), one page for each command. */
#ifndef WEBHOOK_CLI_MAN_H
#define WEBHOOK_CLI_MAN_H

#include <stdint.h>

#include "webhook/cli/command.h"

/* Appends the name of the page of a command: "gpugate-certs-create" for `gpugate certs create`. */
void man_name(const struct command *command, struct buf *out);

/*
 * Appends the page. It mentions the root's page and those of the command's children. `date` is in
 * seconds since 1970.
 */
void man_page(const struct command *command, int64_t date, struct buf *out);

#endif
