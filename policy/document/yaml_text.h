/* yaml_text: the texts of scalars, as trees keep them. */
#ifndef POLICY_DOCUMENT_YAML_TEXT_H
#define POLICY_DOCUMENT_YAML_TEXT_H

#include <yaml.h>

#include "policy/document/documents.h"

/*
 * Returns the text of a scalar. Borrows it from the source if it is written there literally, and
 * copies it otherwise. In the copy, U+FFFD replaces NUL, which would hide the rest of the text in
 * messages. Returns an absent string without memory.
 */
struct str yaml_text(const struct source *source, const yaml_event_t *event, struct arena *texts);

#endif
