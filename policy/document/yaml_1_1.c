#include "policy/document/yaml_1_1.h"

#include "gpugate/quantity.h"

#define NUMBER_MAX 64 /* Bytes of a number, without underscores. */

bool yaml_1_1_flag(struct str text, bool value)
{
	static const char *const words[2][11] = {
	    {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"},
	    {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"},
	};
	for (size_t i = 0; i < sizeof words[0] / sizeof words[0][0]; i++)
		if (str_eq(text, str_of(words[value][i])))
			return true;
	return false;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	char letter = (char)(c | 0x20);
	return letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10 : UINT32_MAX;
}

/* Reads digits of a base. */
static bool read_digits(struct str digits, unsigned base, int64_t *out)
{
	int64_t value = 0;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned digit = digit_of(digits.ptr[i]);
		if (digit >= base || __builtin_mul_overflow(value, (int64_t)base, &value) ||
		    __builtin_add_overflow(value, (int64_t)digit, &value))
			return false;
	}
	*out = value;
	return digits.len > 0;
}

/* Returns the base that a prefix names, and removes the prefix. */
static unsigned take_base(struct str *text)
{
	static const struct {
		char letter;
		unsigned base;
	} bases[] = {{'x', 16}, {'o', 8}, {'b', 2}};
	if (text->len < 2 || text->ptr[0] != '0')
		return 10;
	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		if ((text->ptr[1] | 0x20) != bases[i].letter)
			continue;
		*text = str_tail(*text, 2);
		return bases[i].base;
	}
	return 8;
}

/* Reads a number with a point or an exponent. Suffixes of quantities are none here. */
static bool read_decimal(struct str text, int64_t *out)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr("0123456789.eE+-", text.ptr[i]))
			return false;
	return text.len > 0 && digit_of(text.ptr[text.len - 1]) != 14 && quantity_count(text, out) == QUANTITY_OK;
}

bool yaml_1_1_number(struct str text, int64_t *out)
{
	char buffer[NUMBER_MAX];
	struct str plain = {buffer, 0};
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0' || plain.len == sizeof buffer)
			return false;
		if (text.ptr[i] != '_')
			buffer[plain.len++] = text.ptr[i];
	}
	bool negative = plain.len > 0 && plain.ptr[0] == '-';
	if (plain.len > 0 && (negative || plain.ptr[0] == '+'))
		plain = str_tail(plain, 1);
	if (plain.len == 0 || plain.ptr[0] == '+' || plain.ptr[0] == '-')
		return false;
	struct str digits = plain;
	int64_t value;
	unsigned base = take_base(&digits);
	if (!read_digits(digits, base, &value) && !read_decimal(plain, &value))
		return false;
	*out = negative ? -value : value;
	return true;
}
