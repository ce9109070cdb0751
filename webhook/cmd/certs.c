/* gpugate certs: creates and inspects certificates without other tools. */
#include "webhook/cmd/commands.h"

static const struct option_table table = {
    .command = "certs",
    .synopsis = "COMMAND [OPTION]...",
    .summary = "Creates the certificates that gpugate needs, describes a certificate, and "
	       "tells whether the API server would accept it.",
    .examples = "  gpugate certs create --dir pki --name localhost\n"
		"  gpugate certs inspect --dir pki --name localhost\n",
    .statuses = {[EXIT_FINDINGS] = "A certificate has a fault."},
};

const struct command certs_command = {
    .name = "certs",
    .summary = "create certificates, and explain what is wrong with one",
    .group = GROUP_INSTALL,
    .options = &table,
    .children =
	(const struct command *const[]){&certs_create_command, &certs_inspect_command, &certs_verify_command, NULL},
};
