#include "tests/reference/page.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAGRAPH_BYTES 4096

void fail(const char *what, const char *which)
{
	fprintf(stderr, "reference: %s: %s\n", which, what);
	exit(2);
}

void print_text(const char *folder, const char *name)
{
	char path[4096], bytes[4096];
	snprintf(path, sizeof path, "%s/%s.md", folder, name);
	FILE *file = fopen(path, "re");
	if (!file)
		fail("cannot be read", path);
	for (size_t got; (got = fread(bytes, 1, sizeof bytes, file)) > 0;)
		fwrite(bytes, 1, got, stdout);
	fclose(file);
	putchar('\n');
}

/* `begin` is printed before the first word; further lines are indented. */
static void print_words(size_t columns, const char *begin, size_t indent, const char *text)
{
	size_t column = (size_t)printf("%s", begin);
	bool first = true;
	for (const char *at = text; *at; first = false) {
		size_t word = strcspn(at, " ");
		if (!first && column + 1 + word > columns)
			column = (size_t)printf("\n%*s", (int)indent, "") - 1;
		else if (!first)
			column += (size_t)printf(" ");
		column += (size_t)printf("%.*s", (int)word, at);
		at += word;
		at += strspn(at, " ");
	}
	putchar('\n');
}

void print_item(size_t columns, unsigned depth, const char *format, ...)
{
	char text[PARAGRAPH_BYTES], begin[32];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof text)
		fail("is too long", format);
	snprintf(begin, sizeof begin, "%*s- ", 2 * (int)depth, "");
	print_words(columns, begin, 2 * (size_t)depth + 2, text);
}

void print_paragraph(size_t columns, const char *text)
{
	print_words(columns, "", 0, text);
	putchar('\n');
}
