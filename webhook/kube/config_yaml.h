/*
 * config_yaml: a kubeconfig file as a YAML tree, and how its values are looked up. What could make reading it costly
 * (aliases, depth) is refused. Every error names the file, the line and the column. Private to config*.c and exec*.c.
 */
#ifndef WEBHOOK_KUBE_CONFIG_YAML_H
#define WEBHOOK_KUBE_CONFIG_YAML_H

#include <yaml.h>

#include "gpugate/error.h"
#include "gpugate/str.h"

/* A kubeconfig that is being read. */
struct kube_reading {
	const char *path;
	yaml_document_t document;
	struct error *err;
};

/* Reads `text` into reading->document. On success kube_reading_wipe has to follow. */
int kube_reading_load(struct kube_reading *reading, struct str text);

/* Overwrites all scalars, which may be tokens and keys, and frees the document. */
void kube_reading_wipe(struct kube_reading *reading);

/* The bytes of a scalar, borrowed from the document; absent where `node` is NULL or not a scalar. */
struct str kube_reading_scalar(const yaml_node_t *node);

/* Sets the error "FILE:LINE:COLUMN: KEY: PROBLEM" for this node. Returns -1. */
int kube_reading_refuse(const struct kube_reading *reading, const yaml_node_t *node, const char *key,
			const char *problem);
int kube_reading_no_memory(const struct kube_reading *reading);

/* The value of a key of a map; NULL where there is none or it is null or empty. Fails when the key is given twice. */
int kube_reading_find(struct kube_reading *reading, const yaml_node_t *map, const char *key, yaml_node_t **value);

/* The text of a key, borrowed from the document; absent where there is none. Fails when it contains a NUL byte. */
int kube_reading_text(struct kube_reading *reading, const yaml_node_t *map, const char *key, struct str *text);

/* The map `inner` of the item called `name` in the list `list` (clusters, users, contexts); NULL with an error. */
yaml_node_t *kube_reading_named(struct kube_reading *reading, const char *list, const char *inner, struct str name);

/* A path as the kubeconfig means it: relative to the kubeconfig's folder. Returns new; NULL without memory. */
char *kube_reading_path(const struct kube_reading *reading, struct str path);

#endif
