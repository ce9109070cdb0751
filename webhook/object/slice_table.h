/*
 * slice_table: what the ResourceSlices of a cluster say about the products of its nodes, as labels
 * that a vendor's labeler would give them (product_label_key). Copies what it is given. Not
 * thread-safe.
 *
 * Slices of drivers without such a label are not kept, and of the others only a few strings. Those
 * that are not of the newest generation of their pool do not count.
 */
#ifndef WEBHOOK_OBJECT_SLICE_TABLE_H
#define WEBHOOK_OBJECT_SLICE_TABLE_H

#include "gpugate/hash_map.h"
#include "webhook/object/resource_slice.h"

#define RESOURCE_SLICES_MAX 65536

/* A zeroed table is an empty one. */
struct slice_table {
	struct hash_map map;
	uint32_t list; /* Number of the current list. */
};

void slice_table_release(struct slice_table *table);

/*
 * Add a slice, or replace what is known of it; forget one. The first one returns 1 if something has
 * changed, 0 if not, or -1 if the slice could not be kept: there are too many, or no memory. The
 * second one returns whether it was known.
 */
int slice_table_set(struct slice_table *table, const struct resource_slice *slice);
bool slice_table_remove(struct slice_table *table, struct str name);

/*
 * Begin and end a list: slices that are not set in between no longer exist. The end returns whether
 * there were such.
 */
void slice_table_list_begin(struct slice_table *table);
bool slice_table_list_end(struct slice_table *table);

/*
 * Lists the nodes whose slices name one product for some label, with these labels. If they name
 * several products for a label, it is not among them. `*nodes` is new, one allocation that borrows
 * the strings of the table until it changes. Returns 0, or -1 without memory.
 */
int slice_table_nodes(const struct slice_table *table, struct named_pairs **nodes, uint32_t *count);

#endif
