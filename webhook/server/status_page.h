/* status_page: the page at /status, webhook/server/status_page.html, and what a browser may do with it. */
#ifndef WEBHOOK_SERVER_STATUS_PAGE_H
#define WEBHOOK_SERVER_STATUS_PAGE_H

#include "gpugate/str.h"

#define STATUS_PAGE_POLICY_BYTES 384

/* The page, in the program's own memory. */
struct str status_page(void);

/*
 * Its Content-Security-Policy: the one style and the one script that stand in it, by their digests, and requests to the server that it
 * came from. Nothing else, whatever a name or a sentence in it may say.
 */
void status_page_policy(char policy[static STATUS_PAGE_POLICY_BYTES]);

#endif
