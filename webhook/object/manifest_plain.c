/* The meaning of unquoted scalars in YAML 1.1. */
#include <errno.h>
#include <stdlib.h>

#include "webhook/object/manifest_yaml.h"

#define NUMBER_BYTES_MAX 100 /* Longer ones are strings. */

static const struct {
	const char *text;
	const char *json; /* NULL: JSON has no such value. */
} words[] = {
    {"", "null"},       {"~", "null"},    {"null", "null"}, {"Null", "null"}, {"NULL", "null"},   {"true", "true"},
    {"True", "true"},   {"TRUE", "true"}, {"yes", "true"},  {"Yes", "true"},  {"YES", "true"},    {"y", "true"},
    {"Y", "true"},      {"on", "true"},   {"On", "true"},   {"ON", "true"},   {"false", "false"}, {"False", "false"},
    {"FALSE", "false"}, {"no", "false"},  {"No", "false"},  {"NO", "false"},  {"n", "false"},     {"N", "false"},
    {"off", "false"},   {"Off", "false"}, {"OFF", "false"}, {".inf", NULL},   {".Inf", NULL},     {".INF", NULL},
    {"+.inf", NULL},    {"+.Inf", NULL},  {"+.INF", NULL},  {"-.inf", NULL},  {"-.Inf", NULL},    {"-.INF", NULL},
    {".nan", NULL},     {".NaN", NULL},   {".NAN", NULL},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

/*
 * Appends an integer in decimal. Its prefix determines the base, as for Go's ParseInt with base 0.
 * Returns false if the text is not an integer.
 */
static bool add_integer(const char *text, struct buf *out)
{
	static const struct {
		const char *prefix;
		int base;
	} bases[] = {{"0x", 16}, {"0X", 16}, {"0o", 8}, {"0O", 8}, {"0b", 2}, {"0B", 2}, {"0", 8}, {"", 10}};
	bool negative = *text == '-';
	const char *digits = text + (*text == '-' || *text == '+');
	size_t row = 0;
	while (strncmp(digits, bases[row].prefix, strlen(bases[row].prefix)) != 0 ||
	       (bases[row].base == 8 && !digits[1]))
		row++;
	digits += strlen(bases[row].prefix);
	if (*digits == '-' || *digits == '+' || *digits == ' ' || !*digits)
		return false;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(digits, &end, bases[row].base);
	if (*end || errno || (negative && value > (unsigned long long)INT64_MAX + 1))
		return false;
	buf_printf(out, "%s%llu", negative && value ? "-" : "", value);
	return true;
}

/* Appends a floating-point number as JSON requires. Returns false if the text is not one. */
static bool add_float(const char *text, struct buf *out)
{
	const char *whole = text + (*text == '-' || *text == '+'), *whole_end = skip_digits(whole);
	const char *part = whole_end, *part_end = whole_end;
	if (*part == '.')
		part_end = skip_digits(++part);
	if (whole == whole_end && part == part_end)
		return false;
	const char *exponent = part_end;
	if (*exponent == 'e' || *exponent == 'E') {
		exponent += 1 + (exponent[1] == '-' || exponent[1] == '+');
		if (!is_digit(*exponent) || *skip_digits(exponent))
			return false;
	} else if (*exponent) {
		return false;
	}
	while (whole + 1 < whole_end && *whole == '0')
		whole++;
	buf_text(out, *text == '-' ? "-" : "");
	buf_add(out, whole, (size_t)(whole_end - whole));
	buf_text(out, whole == whole_end ? "0" : "");
	if (part != part_end)
		buf_char(out, '.');
	buf_add(out, part, (size_t)(part_end - part));
	buf_text(out, part_end);
	return true;
}

enum plain_type manifest_plain(struct str text, struct buf *out)
{
	char number[NUMBER_BYTES_MAX + 1];
	size_t len = 0;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!str_eq(text, str_of(words[i].text)))
			continue;
		if (words[i].json)
			buf_text(out, words[i].json);
		return words[i].json ? PLAIN_WORD : PLAIN_NO_JSON;
	}
	if (text.len > NUMBER_BYTES_MAX || !memchr("+-.0123456789", text.ptr[0], 13))
		return PLAIN_STRING;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '_')
			number[len++] = text.ptr[i];
	number[len] = '\0';
	if (strlen(number) != len || !(add_integer(number, out) || add_float(number, out)))
		return PLAIN_STRING;
	return PLAIN_NUMBER;
}
