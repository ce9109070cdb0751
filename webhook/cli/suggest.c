#include "webhook/cli/suggest.h"

#include <string.h>

#define LETTERS_MAX 63

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Computes the edit distance: insertions, deletions, substitutions and transpositions of adjacent
 * letters (optimal string alignment). Words longer than LETTERS_MAX count as infinitely distant.
 */
static size_t distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len > LETTERS_MAX || b_len > LETTERS_MAX)
		return LETTERS_MAX;
	size_t rows[3][LETTERS_MAX + 1]; /* The last three rows of the matrix. Row i is rows[i % 3]. */
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

const char *suggest(const char *wrong, const char *const *words, size_t count, size_t stride)
{
	const char *best = NULL;
	size_t best_distance = LETTERS_MAX;
	for (size_t i = 0; i < count; i++) {
		const char *word;
		memcpy(&word, (const char *)words + i * stride, sizeof word);
		if (!word)
			continue;
		size_t far = distance(wrong, word), allowed = strlen(word) / 3;
		if (far <= (allowed ? allowed : 1) && far < best_distance) {
			best = word;
			best_distance = far;
		}
	}
	return best;
}
