#include "webhook/base/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * The limit alone would not hold: a handler that core files are piped to (core_pattern of systemd and others) gets them whatever
 * the limit is (core(5)). MADV_DONTDUMP alone would not either: it takes pages that are known, and libcurl, OpenSSL and GnuTLS
 * have their own. Not being dumpable covers all of it; the limit is for what may be started from here one day.
 */
void secrecy_begin(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
