/* quantile: finds quantiles in sorted samples. */
#ifndef BENCH_QUANTILE_H
#define BENCH_QUANTILE_H

#include <stddef.h>

/*
 * Returns the index of a quantile among `count` sorted samples by nearest rank: that of the first
 * sample that at least `permille` thousandths of all samples do not exceed. `count` is above 0, and
 * `permille` is 1 to 1000.
 */
static inline size_t quantile_index(size_t count, unsigned permille)
{
	return count / 1000 * permille + (count % 1000 * permille + 999) / 1000 - 1;
}

#endif
