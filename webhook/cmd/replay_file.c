#include "webhook/cmd/replay_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "webhook/base/gzip.h"
#include "webhook/cmd/input_file.h"

#define PIECE_BYTES ((size_t)256 << 10)

enum form { FORM_UNKNOWN, FORM_JSON, FORM_YAML };

/* A file that is being read. */
struct input {
	struct replay *replay;
	const char *name; /* For messages. */
	enum form form;
	struct json_values values;
	struct buf yaml;
};

bool replay_file_is_recorded(const char *name)
{
	return str_ends(str_of(name), STR(".jsonl")) || str_ends(str_of(name), STR(".jsonl.gz"));
}

/* --- One file --- */

/* The error of the replay begins with FILE:LINE already. */
static int take_value(void *context, const struct json_value *value, struct error *err)
{
	const struct input *input = context;
	return replay_value(input->replay, input->name, value, err);
}

static int feed_json(struct input *input, const char *bytes, size_t len, struct error *err)
{
	struct error problem = {.text = ""};
	if (json_values_feed(&input->values, bytes, len, &problem) == 0)
		return 0;
	if (!str_starts(str_of(problem.text), str_of(input->name)))
		error_wrap(&problem, "%.300s:%llu", input->name, (unsigned long long)input->values.line);
	return error_set(err, "%s", problem.text);
}

/* The first byte that is not blank tells JSON from YAML. */
static int take_bytes(void *context, const char *bytes, size_t len, struct error *err)
{
	struct input *input = context;
	for (size_t i = 0; i < len && input->form == FORM_UNKNOWN; i++)
		if (!strchr(" \t\r\n", bytes[i]) || !bytes[i])
			input->form = bytes[i] == '{' ? FORM_JSON : FORM_YAML;
	if (input->form == FORM_JSON)
		return feed_json(input, bytes, len, err);
	buf_add(&input->yaml, bytes, len);
	return input->yaml.failed ? error_set(err,
					      "%.300s: YAML is read as a whole, and this is larger than %zu MiB; "
					      "split it, or write it as JSON",
					      input->name, MANIFEST_BYTES_MAX >> 20)
				  : 0;
}

static int finish_json(struct input *input, struct error *err)
{
	struct error problem = {.text = ""};
	enum json_values_end end = json_values_finish(&input->values, &problem);
	if (end == JSON_VALUES_COMPLETE)
		return 0;
	if (end == JSON_VALUES_CUT_LINE && replay_file_is_recorded(input->name)) {
		replay_note_incomplete(input->replay);
		return 0;
	}
	return error_set(err, "%.300s:%llu: %s", input->name, (unsigned long long)input->values.line,
			 end == JSON_VALUES_CUT_LINE
			     ? "the object that begins here does not end; the file is incomplete"
			     : problem.text);
}

static int finish_yaml(struct input *input, struct error *err)
{
	struct manifest manifest;
	if (manifest_read(&manifest, input->name, buf_view(&input->yaml), err) < 0)
		return -1;
	int result = replay_manifest(input->replay, &manifest, input->name, err);
	manifest_release(&manifest);
	return result;
}

/* Reads at least `least` bytes, unless the input ends before. Returns how many, or -1. */
static ssize_t read_piece(int fd, char *piece, size_t least)
{
	size_t len = 0;
	while (len < least) {
		ssize_t more = read(fd, piece + len, PIECE_BYTES - len);
		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -1;
		if (more == 0)
			break;
		len += (size_t)more;
	}
	return (ssize_t)len;
}

/* Two bytes tell what gzip has compressed. A pipe may deliver them singly. */
static int read_pieces(struct input *input, int fd, char *piece, struct error *err)
{
	struct gzip *gzip = NULL;
	ssize_t len;
	int result = 0;
	for (size_t least = 2; result == 0 && (len = read_piece(fd, piece, least)) != 0; least = 1) {
		if (len < 0)
			result = error_set(err, "%.300s: %s", input->name, strerror(errno));
		else if (least == 2 && gzip_begins(piece, (size_t)len) && !(gzip = gzip_create(take_bytes, input, err)))
			result = -1;
		else if (gzip)
			result = gzip_feed(gzip, piece, (size_t)len, err);
		else
			result = take_bytes(input, piece, (size_t)len, err);
	}
	if (result == 0 && gzip)
		result = gzip_finish(gzip, err);
	if (result < 0 && gzip && !str_starts(str_of(err->text), str_of(input->name)))
		error_wrap(err, "%.300s:%llu", input->name, (unsigned long long)input->values.line);
	gzip_destroy(gzip);
	return result;
}

static int read_open(struct replay *replay, const char *name, int fd, struct error *err)
{
	struct input input = {.replay = replay, .name = name};
	char *piece = malloc(PIECE_BYTES);
	json_values_init(&input.values, take_value, &input);
	buf_init(&input.yaml, MANIFEST_BYTES_MAX);
	int result = piece ? read_pieces(&input, fd, piece, err) : error_set(err, "there is not enough memory");
	if (result == 0)
		result = input.form == FORM_JSON ? finish_json(&input, err) : finish_yaml(&input, err);
	json_values_release(&input.values);
	buf_release(&input.yaml);
	free(piece);
	return result;
}

int replay_file(struct replay *replay, const char *path, struct error *err)
{
	if (strcmp(path, "-") == 0)
		return read_open(replay, input_file_name(path), STDIN_FILENO, err);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(err, "%.300s: %s; name a file, a folder, or - for standard input", path,
				 strerror(errno));
	int result = read_open(replay, path, fd, err);
	close(fd);
	return result;
}
