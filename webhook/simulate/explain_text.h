/*
 * explain_text: shared by the files that print an explanation. explain_printer.c has the helper
 * functions. explain_text.c prints the verdict and the tenant, explain_rules.c Rules and changes,
 * explain_quotas.c Guards and quotas, explain_claims.c claims, and explain_remedies_text.c
 * remedies. Strings that come from a Pod are printed without control characters.
 */
#ifndef WEBHOOK_SIMULATE_EXPLAIN_TEXT_H
#define WEBHOOK_SIMULATE_EXPLAIN_TEXT_H

#include <jansson.h>

#include "gpugate/buf.h"

#define EXPLAIN_LABEL_WIDTH 9 /* The width of the column of labels. */

struct printer {
	struct buf *out;
	bool color;
	const char *label; /* Of a new section; NULL: its first line was already printed. */
	bool claim;        /* It is about a claim of devices, and not about a Pod. */
	bool whole;        /* The Pods were decided as one group. */
	int indent;        /* Of sections, in addition to that of an explanation. */
};

enum color { COLOR_NONE, COLOR_RED, COLOR_GREEN, COLOR_YELLOW };

/* Appends a text, in that color if p->color is true. */
void print_colored(struct printer *p, enum color color, const char *text);

/* Appends a text in which plain_mask has replaced the control characters. */
void print_plain(struct printer *p, const char *text);

/* Begin and end a line of the section. The end has the place in the policy if `item` has one. */
void print_begin(struct printer *p);
void print_end(struct printer *p, const json_t *item);

/* Appends `open`, the strings of a list, separated by commas, and `close`. */
void print_list(struct printer *p, const json_t *list, const char *open, const char *close);

/*
 * Read a member of the tree: tree_get returns a string, or "" if it is null or missing; tree_has,
 * whether it is a string; tree_number, a number; tree_is, whether it is this word.
 */
const char *tree_get(const json_t *from, const char *key);
bool tree_has(const json_t *from, const char *key);
long long tree_number(const json_t *from, const char *key);
bool tree_is(const json_t *from, const char *key, const char *word);

/* Says so once, if `from` has amounts that are cut. */
void print_cut(struct printer *p, const json_t *from);

/* Print a section, or nothing if the list is NULL. */
void print_rules(struct printer *p, const json_t *rules);
void print_changes(struct printer *p, const json_t *changes); /* Also of patch_changes. */
void print_gang(struct printer *p, const json_t *gang);
void print_guards(struct printer *p, const json_t *guards);
void print_claims(struct printer *p, const json_t *claims);
void print_resources(struct printer *p, const json_t *resources);
void print_quotas(struct printer *p, const json_t *quotas);
void print_remedies(struct printer *p, const json_t *remedies);

#endif
