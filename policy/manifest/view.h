/* view: an object of a manifest, as the rules see it. */
#ifndef POLICY_MANIFEST_VIEW_H
#define POLICY_MANIFEST_VIEW_H

#include <stdio.h>

#include "policy/base/show.h"
#include "policy/document/diagnostic.h"
#include "policy/document/node.h"

struct view {
	const struct docs *docs;
	struct report *report;
	const struct node *root; /* A map. */
	struct str group;        /* Of the apiVersion; empty: the core group. */
	struct str version;
	struct str kind;
	struct str name;
	struct str namespace; /* Empty: none. */
	bool partial;         /* What is missing may be in an overlay, or where an alias points. */
	struct str path;      /* Of the file, NUL-terminated. */
	struct plugin_maps *plugin_maps;
};

/* A Pod, or the template of Pods. */
struct pod_view {
	const struct view *view;
	const struct node *metadata; /* NULL: none. */
	const struct node *spec;
	bool accelerated; /* A container requests an accelerator. */
};

#define VIEW_LINT(view, id, at, ...)                                                                                   \
	docs_lint_object((view)->report, (view)->docs, (id), (view)->name, (at), __VA_ARGS__)

/* Gives the finding of that id at `node` a remedy: to replace `was`, which begins at `at`. */
#define VIEW_FIX(view, id, node, begin, was, text)                                                                     \
	docs_fix((view)->report, (view)->docs, (id), (node)->at, (begin)->at, (was), (text))

/* Items of one list or map that a rule compares with others, so that the time stays linear. */
#define VIEW_ITEMS_MAX 256
#define VIEW_NAME_MAX 512 /* Bytes of a name that a rule completes. */

/* Returns the value of a key; NULL if there is none, or it cannot be read. */
const struct node *view_get(const struct node *map, struct str key);

/*
 * Returns a key with something in it; NULL if there is none. The API server treats null and an
 * empty list as absent.
 */
const struct node *view_given(const struct node *map, struct str key);

/* Returns the value at the end of a path such as "spec.template", or NULL. */
const struct node *view_path(const struct node *map, const char *path);

/* Returns the text of a scalar, or an empty one; `value` may be NULL. */
struct str view_text(const struct node *value);

/* Returns the text of the scalar under a key, or an empty one. */
static inline struct str view_text_of(const struct node *map, struct str key)
{
	return view_text(view_get(map, key));
}

/* Whether another program will replace a part of the text, as envsubst and Helm do. */
bool view_is_template(struct str text);

#endif
