/* quantity: parses quantities exactly, whatever their number of digits, and in linear time. */
#include "gpugate/quantity.h"

__extension__ typedef unsigned __int128 uwide;

/* A decimal number as written: 0.DIGITS x 10^point, in which the first digit is not 0. */
struct decimal {
	const char *digits; /* May contain one '.', which is skipped. */
	const char *end;
	int64_t point;
	bool negative;
};

/* The value is the number x 10^tens x 2^twos. */
struct scale {
	int64_t tens;
	unsigned twos;
};

/*
 * Larger than the number of digits of any text, so that a clamped exponent gives the same result as
 * the true one.
 */
#define EXPONENT_CLAMP ((int64_t)1 << 50)

/* 2^63 in units of `nano`. */
#define NANO_LIMIT (((uwide)1 << 63) * QUANTITY_SCALE)

static const struct {
	char text[3];
	struct scale scale;
} suffixes[] = {
    {"", {0, 0}},    {"n", {-9, 0}},  {"u", {-6, 0}},  {"m", {-3, 0}},  {"k", {3, 0}},   {"M", {6, 0}},
    {"G", {9, 0}},   {"T", {12, 0}},  {"P", {15, 0}},  {"E", {18, 0}},  {"Ki", {0, 10}}, {"Mi", {0, 20}},
    {"Gi", {0, 30}}, {"Ti", {0, 40}}, {"Pi", {0, 50}}, {"Ei", {0, 60}},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads [+-]?(d+|d+.d*|.d+) and moves `*at` past it. */
static bool read_decimal(const char **at, const char *end, struct decimal *out)
{
	const char *p = *at;
	const char *first = NULL; /* The first digit that is not 0. */
	int64_t whole = 0;        /* Digits before the point, from `first` on. */
	int64_t zeros = 0;        /* Zeros between the point and `first`. */
	bool any = false, fraction = false;

	out->negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && (is_digit(*p) || (*p == '.' && !fraction)); p++) {
		if (*p == '.') {
			fraction = true;
			continue;
		}
		any = true;
		if (!first && *p != '0')
			first = p;
		if (first && !fraction)
			whole++;
		else if (!first && fraction)
			zeros++;
	}
	if (!any)
		return false;
	out->digits = first ? first : p;
	out->end = p;
	out->point = whole > 0 ? whole : -zeros;
	*at = p;
	return true;
}

/* Reads [eE][+-]?d+, which must extend to the end. The exponent is clamped. */
static bool read_exponent(const char *p, const char *end, int64_t *out)
{
	bool negative = false;
	int64_t value = 0;

	if (p == end || (*p != 'e' && *p != 'E'))
		return false;
	p++;
	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (!is_digit(*p))
			return false;
		if (value < EXPONENT_CLAMP)
			value = value * 10 + (*p - '0');
	}
	if (value > EXPONENT_CLAMP)
		value = EXPONENT_CLAMP;
	*out = negative ? -value : value;
	return true;
}

static bool read_scale(const char *p, const char *end, struct scale *out)
{
	struct str rest = {p, (size_t)(end - p)};

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		if (str_eq(rest, str_of(suffixes[i].text))) {
			*out = suffixes[i].scale;
			return true;
		}
	}
	out->twos = 0;
	return read_exponent(p, end, &out->tens);
}

/*
 * Returns floor(0.DIGITS x 2^twos) for the digits from `p` on, preceded by `zeros` more zeros. Sets
 * `*inexact` if the result is smaller than the value.
 *
 * Works from the last digit to the first. It loses no digit, because floor((d + x) / 10) = floor((d
 * + floor(x)) / 10) for every integer d.
 */
static uint64_t fraction_floor(const char *p, const char *end, int64_t zeros, unsigned twos, bool *inexact)
{
	uint64_t sum = 0; /* Less than 10 x 2^60 + 2^60, so it does not overflow. */

	while (end > p) {
		char digit = *--end;
		if (digit == '.')
			continue;
		sum += (uint64_t)(digit - '0') << twos;
		*inexact = *inexact || sum % 10 != 0;
		sum /= 10;
	}
	for (; zeros > 0 && sum > 0; zeros--) {
		*inexact = *inexact || sum % 10 != 0;
		sum /= 10;
	}
	return sum;
}

/* Computes the absolute value in units of `nano`, rounded up. */
static enum quantity_result scaled(const struct decimal *number, const struct scale *scale, uwide *out)
{
	const char *p = number->digits;
	/* Integer digits of the value in nano, before 2^twos. */
	int64_t whole_digits = number->point + scale->tens + 9;
	uwide whole = 0;
	bool inexact = false;

	*out = 0;
	if (p == number->end)
		return QUANTITY_OK;
	if (whole_digits > 29) /* At least 10^29 nano, which exceeds 2^63. */
		return QUANTITY_RANGE;
	for (int64_t i = 0; i < whole_digits; i++) {
		if (p < number->end && *p == '.')
			p++;
		whole = whole * 10 + (p < number->end ? (unsigned)(*p++ - '0') : 0);
	}
	if (whole > NANO_LIMIT >> scale->twos)
		return QUANTITY_RANGE;
	int64_t zeros = whole_digits < 0 ? -whole_digits : 0;
	whole <<= scale->twos;
	whole += fraction_floor(p, number->end, zeros, scale->twos, &inexact);
	whole += inexact;
	if (whole > NANO_LIMIT)
		return QUANTITY_RANGE;
	*out = whole;
	return QUANTITY_OK;
}

enum quantity_result quantity_parse(struct str text, struct quantity *out)
{
	const char *p = text.ptr;
	struct decimal number;
	struct scale scale;
	uwide nano;

	if (text.len == 0)
		return QUANTITY_SYNTAX;
	const char *end = text.ptr + text.len;
	if (!read_decimal(&p, end, &number) || !read_scale(p, end, &scale))
		return QUANTITY_SYNTAX;
	if (scaled(&number, &scale, &nano) != QUANTITY_OK)
		return QUANTITY_RANGE;
	out->nano = number.negative ? -(wide)nano : (wide)nano;
	return QUANTITY_OK;
}

enum quantity_result quantity_count(struct str text, int64_t *out)
{
	struct quantity quantity;
	enum quantity_result result = quantity_parse(text, &quantity);

	if (result != QUANTITY_OK)
		return result;
	if (quantity.nano < 0)
		return QUANTITY_NEGATIVE;
	if (quantity.nano % QUANTITY_SCALE != 0)
		return QUANTITY_FRACTION;
	wide whole = quantity.nano / QUANTITY_SCALE;
	if (whole > INT64_MAX)
		return QUANTITY_RANGE;
	*out = (int64_t)whole;
	return QUANTITY_OK;
}

bool quantity_lacks_unit(struct str text, const struct quantity *quantity)
{
	/* Last characters of a number, or of the suffix of a fraction. */
	static const char no_unit[] = "0123456789.num";
	return quantity->nano > 0 && quantity->nano < ((wide)QUANTITY_SCALE << 20) &&
	       memchr(no_unit, text.ptr[text.len - 1], sizeof no_unit - 1) != NULL;
}

const char *quantity_problem(enum quantity_result result)
{
	switch (result) {
	case QUANTITY_OK:
		return "is a quantity";
	case QUANTITY_SYNTAX:
		return "is not a quantity";
	case QUANTITY_RANGE:
		return "is out of range";
	case QUANTITY_FRACTION:
		return "is not a whole number";
	case QUANTITY_NEGATIVE:
		return "is negative";
	}
	return "is not a quantity";
}
