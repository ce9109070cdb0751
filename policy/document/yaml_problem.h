/*
 * yaml_problem: what libyaml cannot read, in words that say what to do.
 */
#ifndef POLICY_DOCUMENT_YAML_PROBLEM_H
#define POLICY_DOCUMENT_YAML_PROBLEM_H

#include <yaml.h>

#include "policy/document/documents.h"

/* Reports why the parser, which reads the source of that index, has stopped. */
void yaml_problem(const yaml_parser_t *parser, const struct docs *docs, uint32_t index, struct report *report);

/* From one mark to the other, or, where they are on two lines, to the end of the first. */
struct place yaml_place(const struct docs *docs, uint32_t index, yaml_mark_t from, yaml_mark_t to);

#endif
