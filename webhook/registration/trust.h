/*
 * registration_trust: whether the API server accepts the certificate that gpugate serves, by the caBundle and the address of
 * each webhook that is registered. Pure: bytes in, a sentence out; safe on any number of threads.
 */
#ifndef WEBHOOK_REGISTRATION_TRUST_H
#define WEBHOOK_REGISTRATION_TRUST_H

#include <stdbool.h>
#include <time.h>

#include "gpugate/error.h"
#include "gpugate/str.h"
#include "webhook/registration/compare.h"

/*
 * `json` is a MutatingWebhookConfiguration (`mutating`) or a ValidatingWebhookConfiguration; `chain` the certificates that are
 * served, PEM. A webhook with a `url` and no caBundle is not judged: a public authority may be meant. Returns 0: accepted by
 * every webhook; 1: not, and `why` says which does not accept it and what is wrong; -1: the object cannot be read, or there
 * is no memory.
 */
int registration_trust(bool mutating, struct str json, struct str chain, time_t now,
		       char why[static REGISTRATION_WHY_MAX], struct error *err);

#endif
