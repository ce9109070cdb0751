/* tls: whether what a kube_config holds for TLS can be used, said before the first connection rather than by it. */
#ifndef WEBHOOK_KUBE_TLS_H
#define WEBHOOK_KUBE_TLS_H

#include "webhook/kube/config.h"

/* The CA is one or more certificates in PEM; the client's key is not encrypted and belongs to its certificate. */
int kube_tls_check(const struct kube_config *config, struct error *err);

#endif
