/*
 * trust: tells whether the API server accepts gpugate's serving certificate, given the caBundle and
 * the address of each webhook. Pure: JSON and PEM in, a sentence out. Safe on any number of
 * threads.
 */
#ifndef WEBHOOK_REGISTRATION_TRUST_H
#define WEBHOOK_REGISTRATION_TRUST_H

#include <stdbool.h>
#include <time.h>

#include "gpugate/error.h"
#include "gpugate/str.h"
#include "webhook/registration/compare.h"

/*
 * Checks, as of `now`, a certificate chain (PEM) against a MutatingWebhookConfiguration
 * (`mutating`) or a ValidatingWebhookConfiguration. A webhook with a `url` and no caBundle is
 * skipped: its authority may be a public one.
 *
 * Returns 0 if every webhook accepts the chain. Returns 1 if one does not; then `why` names the
 * first such webhook and the fault. Returns -1 with an error if the object cannot be read, or
 * without memory.
 */
int registration_trust(bool mutating, struct str json, struct str chain, time_t now,
		       char why[static REGISTRATION_WHY_MAX], struct error *err);

#endif
