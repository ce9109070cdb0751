#include "webhook/object/claim_selector.h"

#include "gpugate/claim.h"

#define DEPTH_MAX 64 /* Of brackets; an expression with more tells nothing. */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* --- Terms --- */

/* A term while it is compared with a form. */
struct term {
	struct str rest;
	bool failed;
};

static void skip_blanks(struct term *term)
{
	size_t len = 0;
	while (len < term->rest.len && is_blank(term->rest.ptr[len]))
		len++;
	term->rest = str_tail(term->rest, len);
}

/* Takes a word or a mark, whole and after any blanks. */
static void take(struct term *term, struct str token)
{
	skip_blanks(term);
	bool word = is_word(token.ptr[0]);
	if (!str_starts(term->rest, token) ||
	    (word && term->rest.len > token.len && is_word(term->rest.ptr[token.len]))) {
		term->failed = true;
		return;
	}
	term->rest = str_tail(term->rest, token.len);
}

static bool begins_string(struct term *term)
{
	skip_blanks(term);
	return term->rest.len && (term->rest.ptr[0] == '"' || term->rest.ptr[0] == '\'');
}

/* Takes a string, which has no escapes, and returns what it means. */
static struct str take_string(struct term *term)
{
	const char *end =
	    begins_string(term) ? memchr(term->rest.ptr + 1, term->rest.ptr[0], term->rest.len - 1) : NULL;
	if (!end) {
		term->failed = true;
		return (struct str){NULL, 0};
	}
	struct str value = {term->rest.ptr + 1, (size_t)(end - term->rest.ptr) - 1};
	term->rest = str_tail(term->rest, value.len + 2);
	return value;
}

/* The attributes whose values are used. */
static const struct attribute {
	struct str driver, name;
	bool profile; /* Otherwise a product. */
} attributes[] = {
    {STR_INIT("gpu.nvidia.com"), STR_INIT("profile"), true},
    {STR_INIT("gpu.nvidia.com"), STR_INIT("productName"), false},
    {STR_INIT("gpu.amd.com"), STR_INIT("productName"), false},
};

/* Takes device.attributes["DRIVER"].NAME and returns its row; NULL: it is something else. */
static const struct attribute *take_attribute(struct term *term)
{
	take(term, STR("device"));
	take(term, STR("."));
	take(term, STR("attributes"));
	take(term, STR("["));
	struct str driver = take_string(term);
	take(term, STR("]"));
	take(term, STR("."));
	for (size_t i = 0; !term->failed && i < sizeof attributes / sizeof attributes[0]; i++) {
		struct term after = *term;
		take(&after, attributes[i].name);
		if (after.failed || !str_eq(driver, attributes[i].driver))
			continue;
		*term = after;
		return &attributes[i];
	}
	term->failed = true;
	return NULL;
}

/* Removes the parentheses around a whole term. Others make it of no known form. */
static void open_parentheses(struct str *term)
{
	struct str inner = *term;
	for (;;) {
		while (inner.len && is_blank(inner.ptr[0]))
			inner = str_tail(inner, 1);
		while (inner.len && is_blank(inner.ptr[inner.len - 1]))
			inner.len--;
		if (inner.len < 2 || inner.ptr[0] != '(' || inner.ptr[inner.len - 1] != ')')
			break;
		inner = (struct str){inner.ptr + 1, inner.len - 2};
	}
	*term = inner;
}

static bool is_profile(struct str text)
{
	bool plain = text.len > 0 && text.len <= CLAIM_PROFILE_MAX;
	for (size_t i = 0; plain && i < text.len; i++)
		plain = (is_word(text.ptr[i]) && text.ptr[i] != '_') || text.ptr[i] == '.' || text.ptr[i] == '+' ||
			text.ptr[i] == '-';
	return plain;
}

static void keep(const struct attribute *attribute, struct str value, struct claim_selected *selected)
{
	if (attribute->profile) {
		if (!str_present(selected->profile) && is_profile(value))
			selected->profile = value;
	} else if (!str_present(selected->product) && value.len > 0) {
		selected->product = value;
		selected->driver = attribute->driver;
	}
}

/* Reads ATTRIBUTE == "VALUE", or the same the other way around. */
static void read_term(struct str text, struct claim_selected *selected)
{
	open_parentheses(&text);
	struct term term = {.rest = text};
	struct str value;
	bool reversed = begins_string(&term);
	if (reversed) {
		value = take_string(&term);
		take(&term, STR("=="));
	}
	const struct attribute *attribute = take_attribute(&term);
	if (!reversed) {
		take(&term, STR("=="));
		value = take_string(&term);
	}
	skip_blanks(&term);
	if (attribute && !term.failed && term.rest.len == 0)
		keep(attribute, value, selected);
}

/* --- Expressions --- */

/* Where an expression is being divided. */
struct scan {
	struct str text;
	size_t at, term; /* Where it is, and where the current term begins. */
	char open[DEPTH_MAX];
	size_t depth;
};

static char peek(const struct scan *scan, size_t ahead)
{
	return scan->at + ahead < scan->text.len ? scan->text.ptr[scan->at + ahead] : '\0';
}

/* Moves past a string. Returns whether it surely ends there. */
static bool skip_string(struct scan *scan)
{
	char quote = peek(scan, 0);
	if (peek(scan, 1) == quote && peek(scan, 2) == quote)
		return false;
	for (scan->at++; scan->at < scan->text.len; scan->at++) {
		char c = scan->text.ptr[scan->at];
		if (c == quote) {
			scan->at++;
			return true;
		}
		if ((unsigned char)c < ' ')
			return false;
	}
	return false;
}

/* Returns the bracket that closes this one; 0: it opens nothing. */
static char closing(char c)
{
	return c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : '\0';
}

static bool skip_bracket(struct scan *scan)
{
	char c = peek(scan, 0);
	if (closing(c)) {
		if (scan->depth == DEPTH_MAX)
			return false;
		scan->open[scan->depth++] = closing(c);
	} else if (scan->depth == 0 || scan->open[--scan->depth] != c) {
		return false;
	}
	scan->at++;
	return true;
}

static void end_term(struct scan *scan, struct claim_selected *found)
{
	read_term((struct str){scan->text.ptr + scan->term, scan->at - scan->term}, found);
}

/* Ends a term at `&&`, unless that is within brackets. */
static bool skip_and(struct scan *scan, struct claim_selected *found)
{
	if (peek(scan, 1) != '&')
		return false;
	if (scan->depth == 0)
		end_term(scan, found);
	scan->at += 2;
	scan->term = scan->depth == 0 ? scan->at : scan->term;
	return true;
}

/* Moves past what is next. Returns false if it makes the whole expression tell nothing. */
static bool step(struct scan *scan, struct claim_selected *found)
{
	char c = peek(scan, 0);
	if (c == '"' || c == '\'')
		return skip_string(scan);
	if (c && strchr("()[]{}", c))
		return skip_bracket(scan);
	if (c == '&')
		return skip_and(scan, found);
	bool joins = (c == '|' || c == '?') && scan->depth == 0;
	bool comment = c == '/' && peek(scan, 1) == '/';
	bool plain = (c >= ' ' && c < 0x7f) || is_blank(c);
	if (joins || comment || !plain)
		return false;
	scan->at++;
	return true;
}

void claim_selector_read(struct str expression, struct claim_selected *selected)
{
	struct claim_selected found = *selected;
	struct scan scan = {.text = expression};
	if (expression.len == 0 || expression.len > CLAIM_SELECTOR_MAX || str_has_char(expression, '\\'))
		return;
	while (scan.at < expression.len)
		if (!step(&scan, &found))
			return;
	if (scan.depth > 0)
		return;
	end_term(&scan, &found);
	*selected = found;
}
