/* yaml_problem: explains errors of libyaml in messages that say how to fix them. */
#ifndef POLICY_DOCUMENT_YAML_PROBLEM_H
#define POLICY_DOCUMENT_YAML_PROBLEM_H

#include <yaml.h>

#include "policy/document/documents.h"

/* Reports why the parser, which reads the source with that index, has stopped. */
void yaml_problem(const yaml_parser_t *parser, const struct docs *docs, uint32_t index, struct report *report);

/*
 * Returns the location from one mark to the other. If they are on different lines, the length is 1.
 */
struct location yaml_location(const struct docs *docs, uint32_t index, yaml_mark_t from, yaml_mark_t to);

#endif
