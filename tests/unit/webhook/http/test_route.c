/* test_route: tests webhook/http/route.c: paths, timeouts, content types and request headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "webhook/http/route.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct path_secret *secret_of(const char *text)
{
	char file[] = "/tmp/gpugate-secret-XXXXXX";
	int fd = mkstemp(file);
	struct error err = {0};
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	struct path_secret *secret = path_secret_create(file, &err);
	assert_non_null(secret);
	close(fd);
	unlink(file);
	return secret;
}

static void routes(void **state)
{
	(void)state;
	static const struct {
		const char *secret, *target;
		int endpoint; /* -1: none. */
		unsigned timeout_ms;
	} rows[] = {
	    {NULL, "/mutate", HTTP_MUTATE, 10000},
	    {NULL, "/validate?timeout=3s", HTTP_VALIDATE, 3000},
	    {NULL, "/validate?a=b&timeout=1m0s&timeout=1s", HTTP_VALIDATE, 30000},
	    {NULL, "/validate?timeout=x&timeout=2s", HTTP_VALIDATE, 2000},
	    {NULL, "/validate?", HTTP_VALIDATE, 10000},
	    {NULL, "/validate?xtimeout=2s", HTTP_VALIDATE, 10000},
	    {NULL, "", -1, 0},
	    {NULL, "/", -1, 0},
	    {NULL, "/mutat", -1, 0},
	    {NULL, "/mutate/", -1, 0},
	    {NULL, "/mutatex", -1, 0},
	    {NULL, "/Mutate", -1, 0},
	    {NULL, "/validate%00", -1, 0},
	    {NULL, "/%6dutate", -1, 0},
	    {NULL, "http://host/mutate", -1, 0},
	    {"s3cret", "/mutate/s3cret", HTTP_MUTATE, 10000},
	    {"s3cret", "/validate/s3cret?timeout=500ms", HTTP_VALIDATE, 500},
	    {"s3cret", "/mutate", -1, 0},
	    {"s3cret", "/mutate/", -1, 0},
	    {"s3cret", "/mutate/s3cre", -1, 0},
	    {"s3cret", "/mutate/s3crets3cret", -1, 0},
	    {"s3cret", "/mutate/s3cret/", -1, 0},
	    {"s3cret", "/mutate/S3CRET", -1, 0},
	    {"s3cret", "/mutate?s3cret", -1, 0},
	    {"s3cret", "/mutates3cret", -1, 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_route route = {0};
		struct path_secret *secret = rows[i].secret ? secret_of(rows[i].secret) : NULL;
		bool found = http_route_find(secret, str_of(rows[i].target), &route);
		path_secret_destroy(secret);
		assert_int_equal(found, rows[i].endpoint >= 0);
		if (found) {
			assert_int_equal(route.endpoint, rows[i].endpoint);
			assert_int_equal(route.timeout_ms, rows[i].timeout_ms);
		}
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned ms;
	} rows[] = {
	    {"10s", 10000},
	    {"500ms", 500},
	    {"0.5s", 500},
	    {".5s", 500},
	    {"1.5s", 1500},
	    {"1us", 1},
	    {"1500us", 2},
	    {"1ns", 1},
	    {"2s3ms", 2003},
	    {"1m", 30000},
	    {"9h", 30000},
	    {"29.9s", 29900},
	    {"30s", 30000},
	    {"0s", 0},
	    {"", 0},
	    {"10", 0},
	    {"s", 0},
	    {"10x", 0},
	    {"-1s", 0},
	    {"+1s", 0},
	    {"1..5s", 0},
	    {".s", 0},
	    {"10 s", 0},
	    {"1s ", 0},
	    {"1e3s", 0},
	    {"99999999999999999999999999999999999999s", 30000},
	    {"1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s", 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(http_duration_ms(str_of(rows[i].text)), rows[i].ms);
}

static void content_types(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		bool json;
	} rows[] = {
	    {"application/json", true},
	    {"Application/JSON", true},
	    {"application/json; charset=utf-8", true},
	    {"application/json ;x", true},
	    {" application/json\t", true},
	    {"", false},
	    {"application/jsonp", false},
	    {"application/json-patch+json", false},
	    {"text/plain", false},
	    {";application/json", false},
	    {"application", false},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(http_is_json(str_of(rows[i].type)), rows[i].json);
}

/* `lines` are "Name: value" and end with NULL. */
static struct http_refusal judge(bool found, bool post, bool http11, const char *const *lines)
{
	struct http_head head = {.found = found, .post = post, .http11 = http11};
	for (; *lines; lines++) {
		const char *colon = strchr(*lines, ':');
		http_head_add(&head, (struct str){*lines, (size_t)(colon - *lines)}, str_of(colon + 1));
	}
	struct http_refusal refusal = http_head_framing(&head);
	return refusal.status ? refusal : http_head_purpose(&head, 8u << 20);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define GOOD "Host: x", "Content-Type: application/json"

static void heads(void **state)
{
	(void)state;
	const struct {
		bool found, post, http11;
		const char *const *lines;
		unsigned status;
		bool at_once;
	} rows[] = {
	    {true, true, true, LINES(GOOD, "Content-Length: 8388608"), 0, false},
	    {true, true, true, LINES(GOOD, "content-length: 8388609"), 413, false},
	    {true, true, true, LINES(GOOD, "Content-Length: 67108864"), 413, false},
	    {true, true, true, LINES(GOOD, "Content-Length: 67108865"), 413, true},
	    {true, true, true, LINES(GOOD, "Content-Length: 99999999999999999999999"), 413, true},
	    {true, true, true, LINES(GOOD, "Transfer-Encoding: Chunked"), 0, false},
	    {true, true, true, LINES(GOOD, "Content-Length: 1", "content-length: 1"), 400, true},
	    {true, true, true, LINES(GOOD, "Content-Length: 1", "Transfer-Encoding: chunked"), 400, true},
	    {true, true, true, LINES(GOOD, "Transfer-Encoding: gzip, chunked"), 400, true},
	    {true, true, true, LINES(GOOD, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400, true},
	    {true, true, true, LINES(GOOD, "Host: y"), 400, true},
	    {true, true, true, LINES(GOOD, "Content-Length : 1"), 400, true},
	    {true, true, true, LINES(GOOD, ": 1"), 400, true},
	    {true, true, true, LINES("Content-Type: application/json"), 400, true},
	    {true, true, false, LINES("Content-Type: application/json"), 0, false},
	    {true, true, false, LINES(GOOD, "Transfer-Encoding: chunked"), 400, true},
	    {false, true, true, LINES(GOOD), 404, false},
	    {false, false, true, LINES("Host: x"), 404, false},
	    {false, true, true, LINES(GOOD, "Content-Length: 8388609"), 404, true},
	    {true, false, true, LINES(GOOD), 405, false},
	    {true, false, true, LINES(GOOD, "Expect: 100-Continue"), 405, true},
	    {true, true, true, LINES("Host: x"), 415, false},
	    {true, true, true, LINES("Host: x", "Content-Type: text/plain"), 415, false},
	    {true, true, true, LINES(GOOD, "Content-Type: application/json"), 415, false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_refusal refusal = judge(rows[i].found, rows[i].post, rows[i].http11, rows[i].lines);
		assert_int_equal(refusal.status, rows[i].status);
		assert_int_equal(refusal.at_once, rows[i].at_once);
		assert_int_equal(refusal.text != NULL, rows[i].status != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(routes),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(content_types),
	    cmocka_unit_test(heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
