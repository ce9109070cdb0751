/*
 * fuzz_quantity: compares quantity_parse with an oracle that shares no code with it. The oracle has
 * a handwritten grammar, and keeps the value as an array of decimal digits. It doubles the value
 * for each power of two and shifts it for each power of ten.
 */
#include <stdlib.h>

#include "gpugate/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs have at most 64 bytes, and exponents beyond 100 are decided without digits. */
#define DIGITS 600
/* digits[POINT] is the units digit. Digits at larger positions are worth less. */
#define POINT 300

static bool digit(struct str s, size_t at)
{
	return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

static void twice(int *digits)
{
	int carry = 0;
	for (int i = DIGITS - 1; i >= 0; i--) {
		int sum = digits[i] * 2 + carry;
		digits[i] = sum % 10;
		carry = sum / 10;
	}
}

/*
 * Reads the suffix. Returns false if there is no such suffix. `*huge` is -1 or 1 beyond 10^+-100.
 */
static bool suffix(struct str s, int *tens, int *twos, int *huge)
{
	static const char binary[] = "KMGTPE";
	*tens = *twos = *huge = 0;
	if (s.len == 0)
		return true;
	if (s.len == 1) {
		switch (s.ptr[0]) {
		case 'n':
			return *tens = -9, true;
		case 'u':
			return *tens = -6, true;
		case 'm':
			return *tens = -3, true;
		case 'k':
			return *tens = 3, true;
		case 'M':
			return *tens = 6, true;
		case 'G':
			return *tens = 9, true;
		case 'T':
			return *tens = 12, true;
		case 'P':
			return *tens = 15, true;
		case 'E':
			return *tens = 18, true;
		default:
			return false;
		}
	}
	if (s.len == 2 && s.ptr[1] == 'i') {
		const char *which = s.ptr[0] ? strchr(binary, s.ptr[0]) : NULL;
		return which ? *twos = 10 * (int)(which - binary + 1), true : false;
	}
	if (s.ptr[0] != 'e' && s.ptr[0] != 'E')
		return false;
	size_t at = 1;
	bool minus = s.ptr[at] == '-';
	at += s.ptr[at] == '-' || s.ptr[at] == '+';
	if (at == s.len)
		return false;
	int value = 0;
	for (; at < s.len; at++) {
		if (!digit(s, at))
			return false;
		value = value > 1000 ? value : value * 10 + (s.ptr[at] - '0');
	}
	*tens = minus ? -value : value;
	*huge = value > 100 ? (minus ? -1 : 1) : 0;
	return true;
}

/* Returns 0 if the input is no quantity, 1 if it is out of range, and 2 if `*out` is set. */
static int oracle(struct str s, wide *out)
{
	int digits[DIGITS] = {0}, shifted[DIGITS] = {0};
	char all[128];
	int count = 0, whole = 0, tens, twos, huge;
	size_t at = 0;
	bool minus = s.len > 0 && s.ptr[0] == '-', nonzero = false;

	at += s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
	for (; digit(s, at); at++)
		all[count++] = s.ptr[at];
	whole = count;
	if (at < s.len && s.ptr[at] == '.') {
		for (at++; digit(s, at); at++)
			all[count++] = s.ptr[at];
	}
	struct str rest = {s.ptr + at, s.len - at};
	if (count == 0 || !suffix(rest, &tens, &twos, &huge))
		return 0;
	for (int i = 0; i < count; i++)
		nonzero |= all[i] != '0';
	*out = 0;
	if (!nonzero)
		return 2;
	if (huge > 0)
		return 1;
	if (huge < 0) {
		*out = minus ? -1 : 1;
		return 2;
	}
	for (int i = 0; i < count; i++)
		digits[POINT + 1 - whole + i] = all[i] - '0';
	for (int i = 0; i < twos; i++)
		twice(digits);
	for (int i = 0; i < DIGITS; i++) {
		/* In billionths. */
		int to = i - tens - 9;
		if (digits[i] && (to < 0 || to >= DIGITS))
			abort();
		if (digits[i])
			shifted[to] = digits[i];
	}
	wide value = 0, limit = ((wide)1 << 63) * QUANTITY_SCALE;
	for (int i = 0; i <= POINT; i++) {
		if (value > limit)
			return 1;
		value = value * 10 + shifted[i];
	}
	for (int i = POINT + 1; i < DIGITS; i++) {
		if (shifted[i]) {
			value++;
			break;
		}
	}
	if (value > limit)
		return 1;
	*out = minus ? -value : value;
	return 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum quantity_result results[] = {QUANTITY_SYNTAX, QUANTITY_RANGE, QUANTITY_OK};
	struct quantity mine = {.nano = 42};
	int64_t count = 42;
	wide theirs = 0;

	if (size > 64)
		return 0;
	struct str text = {(const char *)data, size};
	enum quantity_result result = quantity_parse(text, &mine);
	int expected = size == 0 ? 0 : oracle(text, &theirs);
	if (result != results[expected] || mine.nano != (expected == 2 ? theirs : 42))
		abort();
	result = quantity_count(text, &count);
	bool whole =
	    expected == 2 && theirs >= 0 && theirs % QUANTITY_SCALE == 0 && theirs / QUANTITY_SCALE <= INT64_MAX;
	if ((result == QUANTITY_OK) != whole || count != (whole ? (int64_t)(theirs / QUANTITY_SCALE) : 42))
		abort();
	return 0;
}
