/*
 * config_yaml: a kubeconfig file as a YAML tree, and lookups in it. It rejects input that could be
 * expensive to read (aliases, deep nesting). Every error names the file, line and column. Private
 * to config*.c and exec*.c.
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

/*
 * Parses `text` into reading->document. Returns 0 or -1. After success, the caller must call
 * kube_reading_wipe.
 */
int kube_reading_load(struct kube_reading *reading, struct str text);

/* Overwrites all scalars, which may be tokens and keys, and frees the document. */
void kube_reading_wipe(struct kube_reading *reading);

/*
 * Returns the bytes of a scalar, borrowed from the document. Absent if `node` is NULL or not a
 * scalar.
 */
struct str kube_reading_scalar(const yaml_node_t *node);

/*
 * Sets the error "FILE:LINE:COLUMN: KEY: PROBLEM" for this node. Returns -1. kube_reading_no_memory
 * sets "FILE: not enough memory".
 */
int kube_reading_refuse(const struct kube_reading *reading, const yaml_node_t *node, const char *key,
			const char *problem);
int kube_reading_no_memory(const struct kube_reading *reading);

/*
 * Finds the value of a key of a map: NULL if it is missing, null or empty. Returns 0, or -1 if
 * `map` is not a map or has the key twice.
 */
int kube_reading_find(struct kube_reading *reading, const yaml_node_t *map, const char *key, yaml_node_t **value);

/*
 * Finds the string value of a key, borrowed from the document; absent if there is none. Returns 0,
 * or -1 if it is not a scalar or contains a NUL byte.
 */
int kube_reading_text(struct kube_reading *reading, const yaml_node_t *map, const char *key, struct str *text);

/*
 * Returns the map `inner` of the item named `name` in the list `list` (clusters, users, contexts),
 * or NULL with an error.
 */
yaml_node_t *kube_reading_named(struct kube_reading *reading, const char *list, const char *inner, struct str name);

/* Resolves a path relative to the folder of the kubeconfig. Returns new, or NULL without memory. */
char *kube_reading_path(const struct kube_reading *reading, struct str path);

#endif
