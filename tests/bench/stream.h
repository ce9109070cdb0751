/*
 * stream: the requests that the load client sends. A template is a real review in which runs of one capital letter
 * stand for what differs from request to request, at a fixed width, so that a request costs the client a few stores:
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
	char *bytes; /* HTTP head and body */
	size_t len;
	struct slot slots[TEMPLATE_SLOTS_MAX];
	size_t slot_count;
};

/* Creations, in turn; where there is a deletion, each connection deletes its oldest Pod once it has `alive` of them. */
struct stream {
	struct template creates[STREAM_CREATES_MAX];
	size_t create_count;
	struct template remove;
	size_t alive;
	size_t longest; /* bytes of the longest template */
};

/* What one connection has done: its Pods are numbered from 0. */
struct cursor {
	uint32_t connection;
	uint64_t reviews;
	uint64_t created;
	uint64_t removed;
};

/* Reads a body and puts the HTTP head before it, with a bearer token where there is a file of one. Ends the program when it cannot. */
void template_read(struct template *template, const char *file, const char *host, const char *path,
		   const char *token_file);

/* Writes the connection's next request to `out` (of stream->longest bytes) and returns its length. */
size_t stream_next(const struct stream *stream, struct cursor *cursor, char *out);

void stream_release(struct stream *stream);

#endif
