/* stream: templates of reviews, and the order in which a connection sends them. */
#include "tests/bench/stream.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (1 << 20)
#define TOKEN_MAX 4096

static const struct {
	const char *mark;
	enum slot_kind kind;
} marks[] = {
    {"RRRRRRRR-RRRR-RRRR-RRRR-RRRRRRRRRRRR", SLOT_REVIEW},
    {"PPPPPPPP-PPPP-PPPP-PPPP-PPPPPPPPPPPP", SLOT_POD},
    {"NNNNNNNNNNNN", SLOT_NAME},
};

static size_t read_body(const char *file, char *body)
{
	FILE *in = fopen(file, "rb");
	if (!in)
		err(2, "%s", file);
	size_t len = fread(body, 1, BODY_MAX, in);
	if (ferror(in) || len == BODY_MAX)
		errx(2, "%s: cannot be read, or is longer than %d bytes", file, BODY_MAX);
	fclose(in);
	body[len] = '\0';
	return len;
}

static void find_slots(struct template *template, const char *file)
{
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		for (char *at = template->bytes; (at = strstr(at, marks[i].mark)); at += strlen(marks[i].mark)) {
			if (template->slot_count == TEMPLATE_SLOTS_MAX)
				errx(2, "%s: more than %d places to fill in", file, TEMPLATE_SLOTS_MAX);
			template->slots[template->slot_count++] =
			    (struct slot){marks[i].kind, (size_t)(at - template->bytes)};
		}
	}
}

/* Writes the header line that contains the file's token, or "" without a file. */
static void read_authorization(const char *token_file, char line[static TOKEN_MAX])
{
	static const char name[] = "Authorization: Bearer ";
	line[0] = '\0';
	if (!token_file)
		return;
	FILE *in = fopen(token_file, "r");
	char *token = line + strlen(strcpy(line, name));
	if (!in || !fgets(token, TOKEN_MAX - (int)sizeof name - 2, in))
		errx(2, "%s: there is no token in it", token_file);
	fclose(in);
	strcpy(token + strcspn(token, "\r\n"), "\r\n");
}

void template_read(struct template *template, const char *file, const char *host, const char *path,
		   const char *token_file)
{
	char authorization[TOKEN_MAX];
	char *body = malloc(BODY_MAX + 1);
	if (!body)
		err(2, "memory");
	read_authorization(token_file, authorization);
	size_t len = read_body(file, body);
	*template = (struct template){0};
	/* The headers that kube-apiserver sends. */
	int total = asprintf(&template->bytes,
			     "POST %s?timeout=10s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kube-apiserver-admission\r\n"
			     "Content-Length: %zu\r\nAccept: application/json, */*\r\n"
			     "Content-Type: application/json\r\nAccept-Encoding: gzip\r\n%s\r\n%s",
			     path, host, len, authorization, body);
	if (total < 0)
		err(2, "memory");
	template->len = (size_t)total;
	free(body);
	find_slots(template, file);
}

/*
 * Writes a uid in the format of version 4 from two numbers. Equal numbers give equal uids, so that
 * a deletion finds its Pod.
 */
static void write_uid(char *out, uint32_t high, uint64_t low)
{
	char uid[37];
	snprintf(uid, sizeof uid, "%08" PRIx32 "-0000-4000-8000-%012" PRIx64, high, low & 0xffffffffffff);
	memcpy(out, uid, 36);
}

static void write_name(char *out, uint32_t connection, uint64_t pod)
{
	char name[16];
	snprintf(name, sizeof name, "%03" PRIx32 "x%08" PRIx32, connection & 0xfff, (uint32_t)pod);
	memcpy(out, name, 12);
}

static size_t fill(const struct template *template, const struct cursor *cursor, uint64_t pod, char *out)
{
	memcpy(out, template->bytes, template->len);
	for (size_t i = 0; i < template->slot_count; i++) {
		char *at = out + template->slots[i].at;
		switch (template->slots[i].kind) {
		case SLOT_REVIEW:
			write_uid(at, cursor->connection | 0x80000000u, cursor->reviews);
			break;
		case SLOT_POD:
			write_uid(at, cursor->connection, pod);
			break;
		case SLOT_NAME:
			write_name(at, cursor->connection, pod);
			break;
		}
	}
	return template->len;
}

size_t stream_next(const struct stream *stream, struct cursor *cursor, char *out)
{
	cursor->reviews++;
	if (stream->remove.bytes && cursor->created - cursor->removed >= stream->alive)
		return fill(&stream->remove, cursor, cursor->removed++, out);
	const struct template *template = &stream->creates[cursor->created % stream->create_count];
	return fill(template, cursor, cursor->created++, out);
}

void stream_release(struct stream *stream)
{
	for (size_t i = 0; i < stream->create_count; i++)
		free(stream->creates[i].bytes);
	free(stream->remove.bytes);
}
