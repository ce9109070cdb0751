/*
 * problem: why a request to the API server failed, in one sentence for users. It never contains
 * tokens or bodies.
 */
#ifndef WEBHOOK_KUBE_PROBLEM_H
#define WEBHOOK_KUBE_PROBLEM_H

#include <curl/curl.h>

#include "gpugate/str.h"

#define KUBE_PROBLEM_BYTES 1024

/*
 * Describes a transfer that ended without a complete response. `endpoint` is "HOST:PORT", `detail`
 * is the content of libcurl's error buffer.
 */
void kube_problem_transfer(CURL *easy, CURLcode code, const char *endpoint, const char *detail,
			   char out[static KUBE_PROBLEM_BYTES]);

/*
 * Describes a response with status 400 or above: with the message of a Kubernetes Status if `body`
 * is one.
 */
void kube_problem_status(unsigned status, struct str body, const char *endpoint, char out[static KUBE_PROBLEM_BYTES]);

#endif
