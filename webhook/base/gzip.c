#include "webhook/base/gzip.h"

#include <stdlib.h>
/* Its input is const. */
#define ZLIB_CONST
#include <zlib.h>

#define PIECE_BYTES ((size_t)64 << 10)
#define FORMAT_GZIP 16 /* Added to the bits of the window: see inflateInit2. */

struct gzip {
	z_stream stream;
	gzip_sink *sink;
	void *context;
	bool within; /* A member has begun, and has not ended. */
	unsigned char piece[PIECE_BYTES];
};

bool gzip_begins(const char *bytes, size_t len)
{
	return len >= 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b;
}

struct gzip *gzip_create(gzip_sink *sink, void *context, struct error *err)
{
	struct gzip *gzip = calloc(1, sizeof *gzip);
	if (gzip && inflateInit2(&gzip->stream, MAX_WBITS + FORMAT_GZIP) == Z_OK) {
		gzip->sink = sink;
		gzip->context = context;
		return gzip;
	}
	free(gzip);
	error_set(err, "there is not enough memory");
	return NULL;
}

void gzip_destroy(struct gzip *gzip)
{
	if (!gzip)
		return;
	inflateEnd(&gzip->stream);
	free(gzip);
}

/* Inflates one piece of output. Returns 0, or -1 with an error. */
static int step(struct gzip *gzip, struct error *err)
{
	z_stream *stream = &gzip->stream;
	if (!gzip->within && inflateReset(stream) != Z_OK)
		return error_set(err, "the gzip reader cannot be used again");
	gzip->within = true;
	stream->next_out = gzip->piece;
	stream->avail_out = sizeof gzip->piece;
	int result = inflate(stream, Z_NO_FLUSH);
	size_t len = sizeof gzip->piece - stream->avail_out;
	if (result == Z_STREAM_END)
		gzip->within = false;
	/* What is before a damaged byte counts: how the file is cut makes no difference. */
	if (len && gzip->sink(gzip->context, (const char *)gzip->piece, len, err) < 0)
		return -1;
	if (result == Z_MEM_ERROR)
		return error_set(err, "there is not enough memory");
	if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
		return 0;
	return error_set(err, "this is not a valid gzip file: %s", stream->msg ? stream->msg : "its bytes are damaged");
}

int gzip_feed(struct gzip *gzip, const char *bytes, size_t len, struct error *err)
{
	z_stream *stream = &gzip->stream;
	stream->next_in = (const unsigned char *)bytes;
	stream->avail_in = (uInt)len;
	do {
		if (stream->avail_in == 0 && !gzip->within)
			break;
		if (step(gzip, err) < 0)
			return -1;
	} while (stream->avail_in || (gzip->within && stream->avail_out == 0));
	return 0;
}

int gzip_finish(const struct gzip *gzip, struct error *err)
{
	return gzip->within ? error_set(err, "the gzip file is incomplete; copy or compress it again") : 0;
}
