/* problem: why a request to the API server failed, in one sentence for people. Never holds tokens or bodies. */
#ifndef WEBHOOK_KUBE_PROBLEM_H
#define WEBHOOK_KUBE_PROBLEM_H

#include <curl/curl.h>

#include "gpugate/str.h"

#define KUBE_PROBLEM_BYTES 1024

/* Of a transfer that ended without a whole answer. `place` is "HOST:PORT", `detail` what libcurl wrote into its error buffer. */
void kube_problem_transfer(CURL *easy, CURLcode code, const char *place, const char *detail,
			   char out[static KUBE_PROBLEM_BYTES]);

/* Of an answer of 400 and above: Kubernetes' own message where `body` is a Status. */
void kube_problem_status(unsigned status, struct str body, const char *place, char out[static KUBE_PROBLEM_BYTES]);

#endif
