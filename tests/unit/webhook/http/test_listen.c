/* test_listen: tests webhook/http/listen.c: addresses and listening sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "webhook/http/listen.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *printed; /* NULL: refused. */
	} rows[] = {
	    {"127.0.0.1:8443", "127.0.0.1:8443"},
	    {"0.0.0.0:0", "0.0.0.0:0"},
	    {"[::1]:443", "[::1]:443"},
	    {"[2001:DB8::1]:65535", "[2001:db8::1]:65535"},
	    {":8443", "[::]:8443"},
	    {"", NULL},
	    {":", NULL},
	    {"127.0.0.1", NULL},
	    {"127.0.0.1:", NULL},
	    {"127.0.0.1:65536", NULL},
	    {"127.0.0.1:99999999999", NULL},
	    {"127.0.0.1:-1", NULL},
	    {"127.0.0.1:1 ", NULL},
	    {"127.1:1", NULL},
	    {"::1:443", NULL},
	    {"[::1:443", NULL},
	    {"[]:443", NULL},
	    {"[:443", NULL},
	    {"[127.0.0.1]:443", NULL},
	    {"localhost:443", NULL},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1",
	     NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_address address;
		struct error err = {0};
		char text[HTTP_ADDRESS_TEXT];
		assert_int_equal(http_address_parse(rows[i].text, "--listen", &address, &err),
				 rows[i].printed ? 0 : -1);
		if (rows[i].printed) {
			http_address_print(&address, text);
			assert_string_equal(text, rows[i].printed);
		} else {
			assert_non_null(strstr(err.text, "--listen"));
		}
	}
}

static void taken(void **state)
{
	(void)state;
	struct error err = {0};
	char bound[HTTP_ADDRESS_TEXT], again[HTTP_ADDRESS_TEXT];
	int fd = http_listen("127.0.0.1:0", "--listen", bound, &err);
	assert_true(fd >= 0);
	assert_string_not_equal(bound, "127.0.0.1:0");
	assert_int_equal(http_listen(bound, "--admin", again, &err), -1);
	assert_non_null(strstr(err.text, "the port is taken; choose another with --admin"));
	assert_non_null(strstr(err.text, bound));
	close(fd);
}

static void foreign(void **state)
{
	(void)state;
	struct error err = {0};
	char bound[HTTP_ADDRESS_TEXT];
	assert_int_equal(http_listen("192.0.2.1:0", "--listen", bound, &err), -1);
	assert_non_null(strstr(err.text, "this machine does not have the address"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(taken),
					   cmocka_unit_test(foreign)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
