#include "webhook/json/time.h"

#include <time.h>

/* Takes `count` digits off the beginning of the text. */
static bool take_digits(struct str *text, unsigned count, int *number)
{
	int value = 0;
	if (text->len < count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (text->ptr[i] < '0' || text->ptr[i] > '9')
			return false;
		value = value * 10 + (text->ptr[i] - '0');
	}
	*number = value;
	*text = str_tail(*text, count);
	return true;
}

static bool take_char(struct str *text, char c)
{
	if (text->len == 0 || text->ptr[0] != c)
		return false;
	*text = str_tail(*text, 1);
	return true;
}

/* Takes `.` and digits, if they are there. */
static bool take_fraction(struct str *text, int *ms)
{
	int digit, scale = 100;
	*ms = 0;
	if (!take_char(text, '.'))
		return true;
	if (!take_digits(text, 1, &digit))
		return false;
	do {
		*ms += digit * scale;
		scale /= 10;
	} while (take_digits(text, 1, &digit));
	return true;
}

static bool take_zone(struct str *text, int *seconds)
{
	int hours, minutes;
	*seconds = 0;
	if (take_char(text, 'Z'))
		return true;
	bool behind = take_char(text, '-');
	if ((!behind && !take_char(text, '+')) || !take_digits(text, 2, &hours) || !take_char(text, ':') ||
	    !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = (behind ? -60 : 60) * (hours * 60 + minutes);
	return true;
}

bool time_parse(struct str text, int64_t *ms)
{
	int year, month, day, hour, minute, second, fraction, zone;
	if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &month) ||
	    !take_char(&text, '-') || !take_digits(&text, 2, &day) || !take_char(&text, 'T') ||
	    !take_digits(&text, 2, &hour) || !take_char(&text, ':') || !take_digits(&text, 2, &minute) ||
	    !take_char(&text, ':') || !take_digits(&text, 2, &second) || !take_fraction(&text, &fraction) ||
	    !take_zone(&text, &zone) || text.len > 0)
		return false;
	struct tm parts = {.tm_year = year - 1900,
			   .tm_mon = month - 1,
			   .tm_mday = day,
			   .tm_hour = hour,
			   .tm_min = minute,
			   .tm_sec = second};
	int64_t seconds = timegm(&parts);
	/* A day or an hour that does not exist becomes another one. */
	if (parts.tm_mon != month - 1 || parts.tm_mday != day || parts.tm_hour != hour || parts.tm_min != minute ||
	    parts.tm_sec != second)
		return false;
	*ms = (seconds - zone) * 1000 + fraction;
	return true;
}

void time_print(int64_t ms, struct buf *out)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[64];
	if (gmtime_r(&seconds, &parts))
		buf_add(out, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}
