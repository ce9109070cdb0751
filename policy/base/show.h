/*
 * show: what a sentence shows of a text that somebody else wrote. A long one is cut, so that the end of the sentence, which says what
 * to do, never is.
 */
#ifndef POLICY_BASE_SHOW_H
#define POLICY_BASE_SHOW_H

#include "policy/base/utf8.h"

#define SHOWN_MAX 100 /* bytes; names of Kubernetes are mostly shorter than 64 */

/* A conversion and its arguments, for printf: `printf("container \"" SHOW "\"", SHOWN(name))`. */
#define SHOW "%.*s%s"
#define SHOWN(s) STR_ARG(utf8_head((s), SHOWN_MAX)), (s).len > SHOWN_MAX ? "..." : ""

#endif
