/*
 * test_recent_denials: tests webhook/server/recent_denials.c: order, reuse of slots, and truncated
 * texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "webhook/server/recent_denials.h"

static struct recent_denials denials;
static struct recent_denial latest[RECENT_DENIALS_MAX];

static int begin(void **state)
{
	(void)state;
	/* A slot that was never written must not be read. */
	memset(&denials, 0xaa, sizeof denials);
	recent_denials_init(&denials);
	return 0;
}

static int end(void **state)
{
	(void)state;
	recent_denials_release(&denials);
	return 0;
}

static void note(const char *pod, const char *message, time_t now)
{
	const struct review review = {.namespace = STR("team-a"), .object.name = str_of(pod)};
	const struct decision decision = {.tenant = STR("research")};
	const struct violation violation = {.reason = REASON_QUOTA, .message = str_of(message)};
	recent_denials_note(&denials, &review, &decision, &violation, now);
}

static void test_nothing_yet(void **state)
{
	(void)state;
	assert_int_equal(recent_denials_copy(&denials, latest), 0);
}

static void test_null_is_ignored(void **state)
{
	(void)state;
	recent_denials_note(NULL, &(struct review){0}, &(struct decision){0}, &(struct violation){0}, 1);
}

static void test_what_is_kept(void **state)
{
	(void)state;
	const struct review review = {
	    .namespace = STR("team-a"), .object.generate_name = STR("train-"), .dry_run = true};
	const struct decision decision = {.tenant = {NULL, 0}};
	const struct violation violation = {
	    .reason = REASON_UNTENANTED, .enforcement = ENFORCEMENT_WARN, .message = STR("no tenant")};
	recent_denials_note(&denials, &review, &decision, &violation, 77);
	assert_int_equal(recent_denials_copy(&denials, latest), 1);
	assert_int_equal(latest[0].at, 77);
	assert_int_equal(latest[0].outcome, ENFORCEMENT_WARN);
	assert_true(latest[0].dry);
	assert_int_equal(latest[0].reason, REASON_UNTENANTED);
	assert_string_equal(latest[0].namespace, "team-a");
	assert_string_equal(latest[0].pod, "train-");
	assert_string_equal(latest[0].tenant, "");
	assert_string_equal(latest[0].message, "no tenant");
}

/* A reused slot contains nothing of a longer text that was in it. */
static void test_order_and_wrap(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= 3 * RECENT_DENIALS_MAX + 1; count++) {
		char pod[32], message[96];
		snprintf(pod, sizeof pod, "pod-%u", count);
		snprintf(message, sizeof message, "%.*s%u", count % 2 ? 60 : 0,
			 "long, long, long, long, long, long, long, long, long, long, long", count);
		note(pod, message, count);
		unsigned kept = recent_denials_copy(&denials, latest);
		assert_int_equal(kept, count < RECENT_DENIALS_MAX ? count : RECENT_DENIALS_MAX);
		for (unsigned i = 0; i < kept; i++) {
			snprintf(pod, sizeof pod, "pod-%u", count - i);
			assert_int_equal(latest[i].at, count - i);
			assert_string_equal(latest[i].pod, pod);
			assert_true((count - i) % 2 ? latest[i].message[0] == 'l'
						    : strtoul(latest[i].message, NULL, 10) == count - i);
		}
	}
}

/*
 * Checks what a field of limited size keeps of `len` bytes, which are `shift` dots and then
 * repetitions of the multibyte letter.
 */
static void check_cut(const char *letter, size_t shift, size_t len)
{
	const size_t size = sizeof latest[0].pod, width = strlen(letter);
	char *name = malloc(len + 1);
	assert_non_null(name);
	memset(name, '.', shift);
	for (size_t i = 0; i < len - shift; i++)
		name[shift + i] = letter[i % width];
	name[len] = '\0';
	note(name, "", 1);
	recent_denials_copy(&denials, latest);
	size_t expected = len < size ? len : shift + (size - 1 - shift) / width * width;
	assert_int_equal(strlen(latest[0].pod), expected);
	assert_memory_equal(latest[0].pod, name, expected);
	free(name);
}

static void test_cuts_between_letters(void **state)
{
	(void)state;
	static const char *const letters[] = {"x", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	for (size_t l = 0; l < sizeof letters / sizeof *letters; l++)
		for (size_t shift = 0; shift < 4; shift++)
			for (size_t count = 0; count < 200; count++)
				check_cut(letters[l], shift, shift + count * strlen(letters[l]));
}

/* Such bytes do not pass the review reader. The code must only not read out of bounds. */
static void test_bytes_that_are_not_letters(void **state)
{
	(void)state;
	char text[2000];
	memset(text, 0x80, sizeof text);
	text[sizeof text - 1] = '\0';
	note(text, text, 1);
	assert_int_equal(recent_denials_copy(&denials, latest), 1);
	assert_string_equal(latest[0].pod, "");
	assert_string_equal(latest[0].message, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_nothing_yet, begin, end),
	    cmocka_unit_test_setup_teardown(test_null_is_ignored, begin, end),
	    cmocka_unit_test_setup_teardown(test_what_is_kept, begin, end),
	    cmocka_unit_test_setup_teardown(test_order_and_wrap, begin, end),
	    cmocka_unit_test_setup_teardown(test_cuts_between_letters, begin, end),
	    cmocka_unit_test_setup_teardown(test_bytes_that_are_not_letters, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
