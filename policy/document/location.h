/* location: where something stands in the files of a policy. */
#ifndef POLICY_DOCUMENT_LOCATION_H
#define POLICY_DOCUMENT_LOCATION_H

#include <stdint.h>

/* Where a value stands. `source` counts the files from 0; line and column count from 1; column and length in
 * characters. */
struct place {
	uint32_t source;
	uint32_t line;
	uint32_t column;
	uint32_t length;
};

#endif
