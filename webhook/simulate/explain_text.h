/*
 * explain_text: what the files that print an explanation share. explain_printer.c has the means,
 * explain_text.c prints the head and whose Pod it is, explain_rules.c Rules and changes,
 * explain_quotas.c Guards and quotas. Texts that a Pod brings in are printed without control
 * characters.
 */
#ifndef WEBHOOK_SIMULATE_EXPLAIN_TEXT_H
#define WEBHOOK_SIMULATE_EXPLAIN_TEXT_H

#include <jansson.h>

#include "gpugate/buf.h"

#define EXPLAIN_LABEL_WIDTH 9 /* Of the column of labels. */

struct printer {
	struct buf *out;
	bool color;
	const char *label; /* Of the section that begins; NULL: its first line has been printed. */
};

enum color { COLOR_NONE, COLOR_RED, COLOR_GREEN, COLOR_YELLOW };

/* Appends the text, in that color if colors are wanted. */
void print_colored(struct printer *p, enum color color, const char *text);

/* Appends a text in which plain_mask has replaced the control characters. */
void print_plain(struct printer *p, const char *text);

/* Begins a line of the section; ends it, with where the policy says so if `item` has that. */
void print_begin(struct printer *p);
void print_end(struct printer *p, const json_t *item);

/* Appends the texts of a list, with commas between them. */
void print_list(struct printer *p, const json_t *list, const char *open, const char *close);

/*
 * Members of the tree: a text, or "" where it is null or missing; whether it is a text; a number;
 * whether it is this word.
 */
const char *tree_get(const json_t *from, const char *key);
bool tree_has(const json_t *from, const char *key);
long long tree_number(const json_t *from, const char *key);
bool tree_is(const json_t *from, const char *key, const char *word);

/* Sections. A list that is NULL prints nothing. */
void print_rules(struct printer *p, const json_t *rules);
void print_changes(struct printer *p, const json_t *changes);
void print_guards(struct printer *p, const json_t *guards);
void print_resources(struct printer *p, const json_t *resources);
void print_quotas(struct printer *p, const json_t *quotas);

#endif
