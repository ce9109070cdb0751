/* location: a location in the files of a policy. */
#ifndef POLICY_DOCUMENT_LOCATION_H
#define POLICY_DOCUMENT_LOCATION_H

#include <stdint.h>

/*
 * The location of a value. `source` counts the files from 0. Line and column count from 1. Column
 * and length are in characters.
 */
struct location {
	uint32_t source;
	uint32_t line;
	uint32_t column;
	uint32_t length;
};

#endif
