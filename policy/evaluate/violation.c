#include "policy/evaluate/violation.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "gpugate/plain.h"

static const char *const reason_names[REASONS] = {
    [REASON_NONE] = "none",           [REASON_QUOTA] = "quota",
    [REASON_UNCOVERED] = "uncovered", [REASON_UNTENANTED] = "untenanted",
    [REASON_AMBIGUOUS] = "ambiguous", [REASON_GUARD] = "guard",
    [REASON_RULE] = "rule",           [REASON_REQUEST] = "request",
    [REASON_NO_MODEL] = "no-model",   [REASON_OUTAGE] = "outage",
    [REASON_BUSY] = "busy",           [REASON_UNKNOWN_RESOURCE] = "unknown-resource",
};

const char *reason_name(enum reason reason)
{
	return reason_names[reason];
}

static bool known_violation(const struct decision *decision, enum reason reason, struct str name, struct str message)
{
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		const struct violation *there = &decision->violations[i];
		if (there->reason == reason && str_eq(there->name, name) && str_eq(there->message, message))
			return true;
	}
	return false;
}

/*
 * Makes a formatted text safe for HTTP warnings and terminals, because parts of it come from the
 * Pod. Replaces control characters, and removes an incomplete character at the end. Returns the
 * length.
 */
static size_t make_plain(char *text, size_t len)
{
	size_t last = len;
	while (last > 0 && len - last < 4 && ((unsigned char)text[last - 1] & 0xc0) == 0x80)
		last--;
	if (last > 0 && (unsigned char)text[last - 1] >= 0xc0) {
		unsigned char lead = (unsigned char)text[last - 1];
		size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
		if (len - (last - 1) < need)
			len = last - 1;
	}
	plain_mask(text, len);
	return len;
}

/*
 * Replaces the words that programs wait for, except at the beginning as quota_violation_text.c
 * writes them, because the Pod may have supplied them.
 */
static void hide_wait(char *text, size_t len, enum reason reason)
{
	static const struct str begin = {DECISION_WAIT, sizeof DECISION_WAIT - 1},
				words = {DECISION_WAIT, sizeof "exceeded quota" - 1};
	size_t from = reason == REASON_QUOTA && str_starts((struct str){text, len}, begin) ? begin.len : 0;
	for (size_t i = from; i + words.len <= len; i++)
		if (strncasecmp(text + i, words.ptr, words.len) == 0)
			text[i + sizeof "exceeded" - 1] = '_';
}

static int add_violation(struct decision *decision, struct arena *arena, enum reason reason,
			 enum enforcement enforcement, struct str name, struct str about, const char *format,
			 va_list args)
{
	char text[MESSAGE_MAX + 1];
	if (enforcement == ENFORCEMENT_ALLOW)
		return 0;
	int len = vsnprintf(text, sizeof text, format, args);
	size_t kept = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
	kept = make_plain(text, kept);
	hide_wait(text, kept, reason);
	if (decision->mirror && enforcement == ENFORCEMENT_DENY)
		enforcement = ENFORCEMENT_AUDIT;
	bool deny = enforcement == ENFORCEMENT_DENY, first_denial = deny && !decision->denied;
	decision->denied |= deny;
	if (known_violation(decision, reason, name, (struct str){text, kept}))
		return 0;
	if (decision->violation_count == DECISION_VIOLATIONS_MAX && !first_denial)
		return 0;
	/* Names are copied, because a violation may outlive the snapshot. */
	struct str message = arena_str(arena, (struct str){text, kept});
	name = arena_str(arena, name);
	if (!str_present(message) || !str_present(name))
		return -1;
	/* A denial always has a reason, even if warnings have filled the list before. */
	if (decision->violation_count == DECISION_VIOLATIONS_MAX)
		decision->violation_count--;
	decision->violations[decision->violation_count++] = (struct violation){
	    .reason = reason, .enforcement = enforcement, .name = name, .message = message, .about = about};
	return 0;
}

int decision_add_violation(struct decision *decision, struct arena *arena, enum reason reason,
			   enum enforcement enforcement, struct str name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int result = add_violation(decision, arena, reason, enforcement, name, (struct str){NULL, 0}, format, args);
	va_end(args);
	return result;
}

int decision_add_violation_about(struct decision *decision, struct arena *arena, enum reason reason,
				 enum enforcement enforcement, struct str name, struct str about, const char *format,
				 ...)
{
	va_list args;
	va_start(args, format);
	int result = add_violation(decision, arena, reason, enforcement, name, about, format, args);
	va_end(args);
	return result;
}
