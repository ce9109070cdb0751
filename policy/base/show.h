/*
 * show: truncates text from untrusted sources before it is put into a message, so that the end of
 * the message, which says what to do, is never cut off.
 */
#ifndef POLICY_BASE_SHOW_H
#define POLICY_BASE_SHOW_H

#include "policy/base/utf8.h"

#define SHOWN_MAX 100 /* In bytes; most names in Kubernetes are shorter than 64. */

/* A conversion for printf and its arguments: `printf("container \"" SHOW "\"", SHOWN(name))`. */
#define SHOW "%.*s%s"
#define SHOWN(s) STR_ARG(utf8_head((s), SHOWN_MAX)), (s).len > SHOWN_MAX ? "..." : ""

#endif
