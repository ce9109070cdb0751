/* man: prints manual pages in the mdoc(7) language, one page for each command. */
#ifndef WEBHOOK_CLI_MAN_H
#define WEBHOOK_CLI_MAN_H

#include <stdint.h>

#include "webhook/cli/command.h"

/* Appends the name of a command's page: "gpugate-certs-create" for `gpugate certs create`. */
void man_name(const struct command *command, struct buf *out);

/*
 * Appends the page of a command. It refers to the pages of the root and of the command's children.
 * `date` is in seconds since 1970.
 */
void man_page(const struct command *command, int64_t date, struct buf *out);

#endif
