#include "webhook/http/route.h"

#include <strings.h>

static const struct {
	struct str path;
	enum http_endpoint endpoint;
} endpoints[] = {
    {{"/mutate", 7}, HTTP_MUTATE},
    {{"/validate", 9}, HTTP_VALIDATE},
};

static bool equal_without_case(struct str a, struct str b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static struct str trim(struct str s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

unsigned http_duration_ms(struct str text)
{
	static const struct {
		struct str name;
		double ms;
	} units[] = {{{"ms", 2}, 1},  {{"us", 2}, 1e-3}, {{"ns", 2}, 1e-6},
		     {{"s", 1}, 1e3}, {{"m", 1}, 6e4},   {{"h", 1}, 36e5}};
	const size_t count = sizeof units / sizeof *units;
	double total = 0;
	if (text.len == 0 || text.len > 40)
		return 0;
	for (size_t at = 0; at < text.len;) {
		double number = 0, scale = 1;
		size_t digits = 0;
		bool fraction = false;
		for (; at < text.len && ((text.ptr[at] >= '0' && text.ptr[at] <= '9') || text.ptr[at] == '.'); at++) {
			if (text.ptr[at] == '.') {
				if (fraction)
					return 0;
				fraction = true;
				continue;
			}
			number = number * 10 + (text.ptr[at] - '0');
			scale *= fraction ? 10 : 1;
			digits++;
		}
		size_t unit = 0;
		while (unit < count && !str_starts(str_tail(text, at), units[unit].name))
			unit++;
		if (digits == 0 || unit == count)
			return 0;
		total += number / scale * units[unit].ms;
		at += units[unit].name.len;
	}
	if (total >= HTTP_TIMEOUT_MAX_MS)
		return HTTP_TIMEOUT_MAX_MS;
	unsigned whole = (unsigned)total;
	return whole + (total > whole);
}

/* Returns the first valid `timeout` parameter of a query string, or the default. */
static unsigned timeout_of(struct str query)
{
	while (query.len) {
		const char *end = memchr(query.ptr, '&', query.len);
		struct str pair = {query.ptr, end ? (size_t)(end - query.ptr) : query.len};
		unsigned ms = str_starts(pair, STR("timeout=")) ? http_duration_ms(str_tail(pair, 8)) : 0;
		if (ms)
			return ms;
		query = str_tail(query, pair.len + 1);
	}
	return HTTP_TIMEOUT_DEFAULT_MS;
}

bool http_route_find(struct path_secret *secret, struct str target, struct http_route *route)
{
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		if (!path_secret_admits(secret, endpoints[i].path, target))
			continue;
		const char *question = memchr(target.ptr, '?', target.len);
		size_t query = question ? (size_t)(question - target.ptr) + 1 : target.len;
		*route = (struct http_route){endpoints[i].endpoint, timeout_of(str_tail(target, query))};
		return true;
	}
	return false;
}

bool http_is_json(struct str type)
{
	const char *semicolon = type.len ? memchr(type.ptr, ';', type.len) : NULL;
	if (semicolon)
		type.len = (size_t)(semicolon - type.ptr);
	return equal_without_case(trim(type), STR("application/json"));
}

static uint64_t decimal(struct str text)
{
	uint64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
			return UINT64_MAX;
	}
	return value;
}

void http_head_add(struct http_head *head, struct str name, struct str value)
{
	head->odd_name |= name.len == 0;
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f)
			head->odd_name = true;
	if (equal_without_case(name, STR("Host"))) {
		head->hosts++;
	} else if (equal_without_case(name, STR("Content-Length"))) {
		head->lengths++;
		head->length = decimal(trim(value));
	} else if (equal_without_case(name, STR("Transfer-Encoding"))) {
		head->encodings++;
		head->chunked = equal_without_case(trim(value), STR("chunked"));
	} else if (equal_without_case(name, STR("Content-Type"))) {
		head->types++;
		head->json = http_is_json(value);
	} else if (equal_without_case(name, STR("Expect"))) {
		head->expects |= equal_without_case(trim(value), STR("100-continue"));
	}
}

struct http_refusal http_head_framing(const struct http_head *head)
{
	const struct {
		bool wrong;
		const char *text;
	} rules[] = {
	    {head->lengths > 1, "the request has more than one Content-Length header"},
	    {head->lengths && head->encodings,
	     "the request has both Content-Length and Transfer-Encoding; send only one"},
	    {head->encodings > 1 || (head->encodings && !head->chunked),
	     "the request's Transfer-Encoding is not supported; the only one that is, is chunked"},
	    {head->encodings && !head->http11, "the request has Transfer-Encoding, which HTTP/1.0 does not know"},
	    {head->http11 && head->hosts != 1, "an HTTP/1.1 request needs exactly one Host header"},
	    {head->odd_name, "the name of a header of the request has a blank or a control character in it"},
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].wrong)
			return (struct http_refusal){400, rules[i].text, true};
	return (struct http_refusal){0};
}

struct http_refusal http_head_purpose(const struct http_head *head, uint64_t body_max)
{
	bool long_body = head->length > body_max;
	bool endless = head->length > HTTP_DRAIN_FACTOR * body_max || (long_body && !head->found);
	const struct {
		bool wrong;
		unsigned status;
		const char *text;
	} rules[] = {
	    /* The text does not reveal whether the server has a path secret. */
	    {!head->found, 404,
	     "there is nothing at this path; admission reviews go to /mutate and /validate, each followed by the path "
	     "secret if the server has one"},
	    {!head->post, 405, "this path takes only the method POST"},
	    {long_body, 413, "the body is larger than 8 MiB (8388608 bytes), which is the most that is accepted"},
	    {head->types == 0, 415, "the request has no Content-Type; it must be application/json"},
	    {head->types > 1, 415, "the request has more than one Content-Type; it must be application/json"},
	    {!head->json, 415, "the Content-Type of the request must be application/json"},
	};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].wrong)
			return (struct http_refusal){rules[i].status, rules[i].text, endless || head->expects};
	return (struct http_refusal){0};
}
