/* quantity_meant: guesses what the author of an invalid quantity meant. */
#include <stdio.h>

#include "gpugate/quantity.h"

#define WORD_MAX 8
#define NUMBER_MAX 24

/*
 * The letters after a number, in lower case, and the suffix that was meant. Vendors state the
 * memory of devices in powers of 1024, so `gb` means Gi.
 */
static const struct {
	const char *written, *meant;
} words[] = {
    {"ki", "Ki"}, {"kb", "Ki"}, {"kib", "Ki"}, {"k", "k"},      {"mi", "Mi"}, {"mb", "Mi"}, {"mib", "Mi"},
    {"gi", "Gi"}, {"gb", "Gi"}, {"gib", "Gi"}, {"g", "Gi"},     {"ti", "Ti"}, {"tb", "Ti"}, {"tib", "Ti"},
    {"t", "Ti"},  {"b", ""},    {"bytes", ""}, {"devices", ""}, {"gpu", ""},  {"gpus", ""}, {"", ""},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Copies digits with at most one point or comma, which becomes a point. Returns the number of bytes
 * read; 0 if there is no such number.
 */
static size_t read_number(struct str text, char *out)
{
	size_t i = 0, marks = 0;

	for (; i < text.len && i < NUMBER_MAX; i++) {
		bool mark = text.ptr[i] == '.' || text.ptr[i] == ',';
		if (!is_digit(text.ptr[i]) && (!mark || ++marks > 1))
			break;
		out[i] = mark ? '.' : text.ptr[i];
	}
	out[i] = '\0';
	return i > 0 && is_digit(out[0]) && is_digit(out[i - 1]) ? i : 0;
}

/*
 * Copies the letters that follow, in lower case and without spaces. Returns false if there are too
 * many.
 */
static bool read_letters(struct str text, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == ' ')
			continue;
		if (len == WORD_MAX)
			return false;
		out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	out[len] = '\0';
	return true;
}

const char *quantity_meant(struct str text, char *buffer, size_t size)
{
	char number[NUMBER_MAX + 1], letters[WORD_MAX + 1];
	size_t digits = read_number(text, number);

	if (digits == 0 || !read_letters(str_tail(text, digits), letters))
		return NULL;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(words[i].written, letters) == 0) {
			snprintf(buffer, size, "%s%s", number, words[i].meant);
			return buffer;
		}
	}
	return NULL;
}
