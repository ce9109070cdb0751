#include "policy/glob.h"

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
	size_t star = SIZE_MAX, mark = 0; /* the last star, and the text it has swallowed so far */
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
