/* status_page: the page at /status (status_page.html), and its Content-Security-Policy. */
#ifndef WEBHOOK_SERVER_STATUS_PAGE_H
#define WEBHOOK_SERVER_STATUS_PAGE_H

#include "gpugate/str.h"

/* Bytes of the Content-Security-Policy, including the NUL. */
#define STATUS_PAGE_POLICY_BYTES 384

/* Returns the page, which is static. */
struct str status_page(void);

/*
 * Writes the page's Content-Security-Policy. It allows the page's own style and script, identified
 * by their digests, and requests to the server that it came from. Nothing else is allowed, even if
 * a name or a message in the page contains markup.
 */
void status_page_policy(char policy[static STATUS_PAGE_POLICY_BYTES]);

#endif
