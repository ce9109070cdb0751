/* config_file: the current context of a kubeconfig file. Private to config*.c. */
#ifndef WEBHOOK_KUBE_CONFIG_FILE_H
#define WEBHOOK_KUBE_CONFIG_FILE_H

#include "webhook/kube/identity.h"

/*
 * Fills `config`, which is zeroed, from a kubeconfig file. If `plugins` is set, its credential
 * plug-in may be run, which blocks. Returns 0, or -1 with an error that names the file and the
 * location in it.
 */
int kube_identity_from_file(struct kube_config *config, const char *path, bool plugins, struct error *err);

#endif
