#include "webhook/base/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * Not being dumpable covers all of the process's memory. The other mechanisms do not:
 *
 * - The core size limit alone is ignored when core files are piped to a handler, as systemd's
 *   core_pattern does (core(5)). It is set anyway for programs that this process may start one day.
 * - MADV_DONTDUMP works only for known pages, and libcurl, OpenSSL, and GnuTLS have their own.
 */
void hardening_begin(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
