/*
 * yaml_1_1: flags and numbers in the forms of YAML 1.1, as programs in Go read configurations.
 * Policies have fewer forms.
 */
#ifndef POLICY_DOCUMENT_YAML_1_1_H
#define POLICY_DOCUMENT_YAML_1_1_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/str.h"

/* Whether a plain scalar says `value`: true, True, yes, on, y and so on. */
bool yaml_1_1_flag(struct str text, bool value);

/*
 * Reads a whole number in one of the forms 4, +4, 1_000, 4.0, 4e0, 0x4, 0b100, 0o10 and 010, which
 * is 8. Returns false if it is none, or is beyond int64_t. Sets `*out` only if it returns true.
 */
bool yaml_1_1_number(struct str text, int64_t *out);

#endif
