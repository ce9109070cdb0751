/* page: what the generators of the reference pages have in common. */
#ifndef TESTS_REFERENCE_PAGE_H
#define TESTS_REFERENCE_PAGE_H

#include <stddef.h>

/* Ends the program: `which` is wrong as `what` says. */
__attribute__((noreturn)) void fail(const char *what, const char *which);

/* Prints FOLDER/NAME.md, and an empty line. */
void print_text(const char *folder, const char *name);

/* Prints one item of a list, `depth` lists deep, broken into lines between words. */
__attribute__((format(printf, 3, 4))) void print_item(size_t columns, unsigned depth, const char *format, ...);

/* Prints a paragraph, broken into lines between words, and an empty line. */
void print_paragraph(size_t columns, const char *text);

/* The pages. `folder` is where their texts are. */
void print_policy(const char *folder);
void print_lint(const char *folder);
void print_metrics(const char *folder);
void print_command_line(const char *folder);

#endif
