#include "policy/base/glob.h"

size_t glob_literal(struct str pattern)
{
	size_t i = 0;
	while (i < pattern.len && pattern.ptr[i] != '*' && pattern.ptr[i] != '?')
		i++;
	return i;
}

bool glob_match(struct str pattern, struct str text)
{
	size_t p = 0, t = 0;
	/* The last star, and where the text that it matches ends. */
	size_t star = SIZE_MAX, mark = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

/*
 * `row[j]` is true if some text matches the first i bytes of `a` and the first j bytes of `b`. A
 * star matches nothing, or one more byte or wildcard of the other pattern.
 */
bool glob_overlaps(struct str a, struct str b)
{
	bool row[GLOB_OVERLAP_MAX + 1] = {true}, next[GLOB_OVERLAP_MAX + 1];
	if (a.len > GLOB_OVERLAP_MAX || b.len > GLOB_OVERLAP_MAX)
		return true;
	for (size_t i = 0; i <= a.len; i++) {
		bool star = i < a.len && a.ptr[i] == '*', last = i == a.len;
		memset(next, 0, sizeof next);
		for (size_t j = 0; j <= b.len; j++) {
			if (!row[j])
				continue;
			bool other = j < b.len && b.ptr[j] == '*';
			if (j < b.len && (star || other))
				row[j + 1] = true;
			if (!last && (star || other))
				next[j] = true;
			if (!last && !star && j < b.len && !other &&
			    (a.ptr[i] == '?' || b.ptr[j] == '?' || a.ptr[i] == b.ptr[j]))
				next[j + 1] = true;
		}
		if (last)
			return row[b.len];
		memcpy(row, next, sizeof row);
	}
	return false;
}
