#include "gpugate/suggest.h"

#define BYTES_MAX 64 /* Longer words are never similar. This bounds the memory of a comparison. */

/* Which words count as similar. The command line and the policy differ in this. */
struct rules {
	bool any_case; /* Ignore case. */
	/*
	 * The limit is a third of the correct word, at least 1; otherwise a third of the wrong
	 * word.
	 */
	bool by_right_word;
	bool opposites; /* A word that says the opposite can be similar. */
};

static const struct rules policy_rules = {.any_case = true};
static const struct rules argument_rules = {.by_right_word = true, .opposites = true};

/* The search for one misspelled word. */
struct search {
	const struct rules *rules;
	struct str wrong;
	struct str best; /* Absent until a similar word is found. */
	size_t best_distance;
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(const struct rules *rules, char a, char b)
{
	return rules->any_case ? lower(a) == lower(b) : a == b;
}

/*
 * Returns the Damerau-Levenshtein distance (optimal string alignment). Both words have at most
 * BYTES_MAX bytes.
 */
static size_t distance(const struct rules *rules, struct str a, struct str b)
{
	/* The rows for bytes i, i - 1 and i - 2 of `a`, used in turn. */
	size_t rows[3][BYTES_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = a.ptr[i - 1], y = b.ptr[j - 1];
			row[j] = smaller(smaller(row[j - 1], above[j]) + 1, above[j - 1] + !same(rules, x, y));
			if (i > 1 && j > 1 && same(rules, x, b.ptr[j - 2]) && same(rules, a.ptr[i - 2], y))
				row[j] = smaller(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

static unsigned count_not(struct str s)
{
	unsigned count = 0;
	for (size_t i = 0; i + 3 <= s.len; i++)
		count += lower(s.ptr[i]) == 'n' && lower(s.ptr[i + 1]) == 'o' && lower(s.ptr[i + 2]) == 't';
	return count;
}

static bool ends_alike(struct str longer, struct str shorter)
{
	struct str end = str_tail(longer, longer.len - shorter.len);
	for (size_t i = 0; i < shorter.len; i++)
		if (lower(end.ptr[i]) != lower(shorter.ptr[i]))
			return false;
	return true;
}

/*
 * Whether one word contains "not" more often than the other, or consists of the other and a prefix
 * of at least two bytes, such as un, non, dis or no.
 */
static bool says_the_opposite(struct str wrong, struct str word)
{
	struct str longer = wrong.len > word.len ? wrong : word, shorter = wrong.len > word.len ? word : wrong;
	return count_not(wrong) != count_not(word) || (longer.len > shorter.len + 1 && ends_alike(longer, shorter));
}

/*
 * Returns the largest distance at which the word is similar and not worse than the best word so
 * far.
 */
static size_t limit_of(const struct search *search, struct str word)
{
	const struct rules *rules = search->rules;
	size_t limit = rules->by_right_word ? (word.len < 3 ? 1 : word.len / 3) : search->wrong.len / 3;
	return str_present(search->best) ? smaller(limit, search->best_distance) : limit;
}

/* Compares one word. Among words at the same distance, the first one wins. */
static void consider(struct search *search, struct str word, uint64_t *work)
{
	struct str wrong = search->wrong;
	size_t apart = word.len > wrong.len ? word.len - wrong.len : wrong.len - word.len;
	size_t limit = limit_of(search, word);
	uint64_t cost = (uint64_t)wrong.len * word.len;
	if (apart > limit || word.len > BYTES_MAX || cost > *work)
		return;
	*work -= cost;
	size_t far = distance(search->rules, wrong, word);
	bool tie = str_present(search->best) && far == search->best_distance && far > 0;
	if (far > limit || tie || (!search->rules->opposites && says_the_opposite(wrong, word)))
		return;
	search->best = word;
	search->best_distance = far;
}

struct str suggest_word_within(struct str wrong, const struct str *words, size_t count, size_t stride, uint64_t *work)
{
	struct search search = {.rules = &policy_rules, .wrong = wrong};
	for (size_t i = 0; wrong.len <= BYTES_MAX && i < count; i++)
		consider(&search, *(const struct str *)(const void *)((const char *)words + i * stride), work);
	return search.best;
}

struct str suggest_word(struct str wrong, const struct str *words, size_t count, size_t stride)
{
	uint64_t work = UINT64_MAX;
	return suggest_word_within(wrong, words, count, stride, &work);
}

const char *suggest_argument(const char *wrong, const char *const *words, size_t count, size_t stride)
{
	struct search search = {.rules = &argument_rules, .wrong = str_of(wrong)};
	uint64_t work = UINT64_MAX;
	for (size_t i = 0; search.wrong.len <= BYTES_MAX && i < count; i++) {
		const char *word;
		memcpy(&word, (const char *)words + i * stride, sizeof word);
		if (word)
			consider(&search, str_of(word), &work);
	}
	return search.best.ptr;
}
