/*
 * stream: the requests that the load client sends. A template is a real review in which runs of one
 * capital letter mark what differs between requests. Their width is fixed, so that making a request
 * only takes a few stores:
 *
 *     RRRRRRRR-RRRR-RRRR-RRRR-RRRRRRRRRRRR   the uid of the review
 *     PPPPPPPP-PPPP-PPPP-PPPP-PPPPPPPPPPPP   the uid of the Pod
 *     NNNNNNNNNNNN                           the end of the Pod's name
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

#define TEMPLATE_SLOTS_MAX 64
#define STREAM_CREATES_MAX 16

enum slot_kind { SLOT_REVIEW, SLOT_POD, SLOT_NAME };

struct slot {
	enum slot_kind kind;
	size_t at;
};

struct template
{
	char *bytes; /* HTTP header and body. */
	size_t len;
	struct slot slots[TEMPLATE_SLOTS_MAX];
	size_t slot_count;
};

/*
 * Creations in turn. If there is a deletion, each connection deletes its oldest Pod once it has
 * `alive` of them.
 */
struct stream {
	struct template creates[STREAM_CREATES_MAX];
	size_t create_count;
	struct template remove;
	size_t alive;
	size_t longest; /* Size of the longest template in bytes. */
};

/* What one connection has done. Its Pods are numbered from 0. */
struct cursor {
	uint32_t connection;
	uint64_t reviews;
	uint64_t created;
	uint64_t removed;
};

/*
 * Reads a body and adds the HTTP header, with a bearer token if `token_file` is given. Exits on
 * failure.
 */
void template_read(struct template *template, const char *file, const char *host, const char *path,
		   const char *token_file);

/*
 * Writes the connection's next request to `out` (of stream->longest bytes) and returns its length.
 */
size_t stream_next(const struct stream *stream, struct cursor *cursor, char *out);

void stream_release(struct stream *stream);

#endif
