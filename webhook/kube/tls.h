/*
 * tls: checks the TLS settings of a kube_config, so that errors are reported before the first
 * connection.
 */
#ifndef WEBHOOK_KUBE_TLS_H
#define WEBHOOK_KUBE_TLS_H

#include "webhook/kube/config.h"

/*
 * Checks that the CA is one or several certificates in PEM, all of which can be read, and that the
 * client's key is not encrypted and belongs to its certificate. Returns 0, or -1 with an error.
 */
int kube_tls_check(const struct kube_config *config, struct error *err);

#endif
