#include "policy/manifest/chart_version.h"

#include <stdint.h>

#define DIGITS_MAX 6          /* Of one number of a version. */
#define STEP INT64_C(1000000) /* More than any such number. */
#define VERSION(major, minor, patch) (((INT64_C(major) * STEP) + (minor)) * STEP + (patch))
#define NO_LIMIT INT64_MAX

/* Versions as numbers, from `from` to below `to`. */
struct range {
	int64_t from, to;
};

/* What has been released. Versions 1.0 to 1.11 were followed by v22.9. */
static const struct range released[] = {{0, VERSION(1, 12, 0)}, {VERSION(22, 9, 0), NO_LIMIT}};

/* A version of which only the first `known` numbers are there, such as 26.x. */
struct partial {
	int64_t numbers[3];
	int known;
};

/* Operators, the longer ones first. */
enum op { OP_EQUAL, OP_NOT, OP_ABOVE, OP_FROM, OP_BELOW, OP_TO, OP_TILDE, OP_CARET };
static const struct {
	struct str text;
	enum op op;
} ops[] = {
    {STR_INIT("!="), OP_NOT},  {STR_INIT(">="), OP_FROM},  {STR_INIT("=>"), OP_FROM}, {STR_INIT("<="), OP_TO},
    {STR_INIT("=<"), OP_TO},   {STR_INIT("~>"), OP_TILDE}, {STR_INIT("="), OP_EQUAL}, {STR_INIT(">"), OP_ABOVE},
    {STR_INIT("<"), OP_BELOW}, {STR_INIT("~"), OP_TILDE},  {STR_INIT("^"), OP_CARET},
};

/* Takes a text from the beginning of the rest, if it is there. */
static bool take(struct str *rest, struct str text)
{
	if (!str_starts(*rest, text))
		return false;
	*rest = str_tail(*rest, text.len);
	return true;
}

static bool take_number(struct str *rest, int64_t *number)
{
	size_t digits = 0;
	*number = 0;
	while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9' && digits <= DIGITS_MAX)
		*number = *number * 10 + (rest->ptr[digits++] - '0');
	*rest = str_tail(*rest, digits);
	return digits > 0 && digits <= DIGITS_MAX;
}

/* Takes one of the characters, if it is next. */
static bool take_one(struct str *rest, struct str characters)
{
	if (rest->len == 0 || !str_has_char(characters, rest->ptr[0]))
		return false;
	*rest = str_tail(*rest, 1);
	return true;
}

static void skip_blanks(struct str *rest)
{
	while (take_one(rest, STR(" ")))
		;
}

/* Skips what may follow the numbers, such as -rc.1 and +build. */
static void skip_suffix(struct str *rest)
{
	if (rest->len == 0 || (rest->ptr[0] != '-' && rest->ptr[0] != '+'))
		return;
	while (rest->len > 0 && rest->ptr[0] != ' ' && rest->ptr[0] != ',' && rest->ptr[0] != '|')
		*rest = str_tail(*rest, 1);
}

static bool take_partial(struct str *rest, struct partial *version)
{
	bool any = false;
	*version = (struct partial){.known = 0};
	if (rest->len > 0 && rest->ptr[0] == 'v')
		*rest = str_tail(*rest, 1);
	for (int i = 0; i < 3; i++) {
		if (i > 0 && !take(rest, STR(".")))
			break;
		any |= take_one(rest, STR("*xX"));
		if (!any && !take_number(rest, &version->numbers[version->known++]))
			return false;
		if (any && i < 2 && rest->len > 0 && rest->ptr[0] != '.')
			break;
	}
	skip_suffix(rest);
	return rest->len == 0 || rest->ptr[0] == ' ' || rest->ptr[0] == ',' || rest->ptr[0] == '|';
}

/* Returns the range of the versions that begin with the first `numbers` numbers; 0: of all. */
static struct range range_of(const struct partial *version, int numbers)
{
	const int64_t *n = version->numbers;
	if (numbers == 0)
		return (struct range){0, NO_LIMIT};
	int64_t from = (n[0] * STEP + (numbers > 1 ? n[1] : 0)) * STEP + (numbers > 2 ? n[2] : 0);
	return (struct range){from, from + (numbers == 1 ? STEP * STEP : numbers == 2 ? STEP : 1)};
}

/* A bound that is not exact, such as that of a prerelease, makes the range larger. */
static struct range range_by(enum op op, const struct partial *version)
{
	struct range exact = range_of(version, version->known);
	switch (op) {
	case OP_EQUAL:
		return exact;
	case OP_NOT:
		break;
	case OP_ABOVE:
	case OP_FROM:
		return (struct range){exact.from, NO_LIMIT};
	case OP_BELOW:
		return (struct range){0, version->known ? exact.from : NO_LIMIT};
	case OP_TO:
		return (struct range){0, exact.to};
	case OP_TILDE:
		return (struct range){exact.from, range_of(version, version->known < 2 ? version->known : 2).to};
	case OP_CARET:
		return (struct range){exact.from, range_of(version, version->known < 1 ? 0 : 1).to};
	}
	return (struct range){0, NO_LIMIT};
}

static enum op take_op(struct str *rest)
{
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		if (take(rest, ops[i].text))
			return ops[i].op;
	return OP_EQUAL;
}

static void narrow(struct range *range, struct range by)
{
	range->from = by.from > range->from ? by.from : range->from;
	range->to = by.to < range->to ? by.to : range->to;
}

/* Takes a comparison, or a range such as 1.2 - 1.4. */
static bool take_comparison(struct str *rest, struct range *range)
{
	struct partial version;
	enum op op = take_op(rest);
	skip_blanks(rest);
	if (!take_partial(rest, &version))
		return false;
	if (take(rest, STR(" - "))) {
		narrow(range, range_by(OP_FROM, &version));
		op = OP_TO;
		if (!take_partial(rest, &version))
			return false;
	}
	narrow(range, range_by(op, &version));
	return true;
}

/* Takes what is before the next "||". */
static bool take_alternative(struct str *rest, struct range *range)
{
	*range = (struct range){0, NO_LIMIT};
	do {
		skip_blanks(rest);
		if (!take_comparison(rest, range))
			return false;
		skip_blanks(rest);
		take(rest, STR(","));
	} while (rest->len > 0 && rest->ptr[0] != '|');
	return true;
}

static bool is_possible(const struct range *range)
{
	for (size_t i = 0; i < sizeof released / sizeof released[0]; i++)
		if (range->from < released[i].to && released[i].from < range->to && range->from < range->to)
			return true;
	return false;
}

bool chart_version_is_impossible(struct str constraint)
{
	struct range range;
	do {
		if (!take_alternative(&constraint, &range) || is_possible(&range))
			return false;
	} while (take(&constraint, STR("||")));
	return constraint.len == 0;
}
