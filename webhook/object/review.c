#include "webhook/object/review.h"

#include "webhook/object/claim.h"
#include "webhook/object/pod.h"

/* The position of an object that is read once the whole review is known. */
struct waiting {
	const char *at; /* NULL if there is none. */
	unsigned depth; /* Nesting depth at that position. */
};

/* A partially read review, including fields that are only needed until review_read returns. */
struct working_pod {
	struct review review;
	struct str api_version;
	struct str kind;
	struct str operation;
	bool has_request;
	bool has_kind; /* request.kind has been read completely. */
	struct waiting object;
	struct waiting old_object;
};

static const struct {
	struct str name;
	enum operation operation;
} operations[] = {
    {{"CREATE", 6}, OPERATION_CREATE},
    {{"UPDATE", 6}, OPERATION_UPDATE},
    {{"DELETE", 6}, OPERATION_DELETE},
    {{"CONNECT", 7}, OPERATION_CONNECT},
};

bool review_is_pod(const struct review *review)
{
	return review->group.len == 0 && str_eq(review->version, STR("v1")) && str_eq(review->kind, STR("Pod"));
}

bool review_has_subject(const struct review *review)
{
	return review_is_pod(review) || review->claim.present || review->old_claim.present;
}

struct str review_object_uid(const struct review *review)
{
	if (review->claim.present)
		return review->claim.uid;
	if (review->old_claim.present)
		return review->old_claim.uid;
	return review->object.present ? review->object.uid : review->old_object.uid;
}

struct str review_object_name(const struct review *review)
{
	const struct claim *claim = &review->claim;
	if (claim->present)
		return claim->name.len ? claim->name : claim->generate_name;
	if (review->old_claim.present)
		return review->old_claim.name;
	return review->object.name.len ? review->object.name : review->object.generate_name;
}

/*
 * Reads a Pod, if the kind is known to be that. Otherwise it saves where the object is, and skips
 * it.
 */
static int read_object(struct reader *reader, struct working_pod *working, struct waiting *waiting, struct pod *pod,
		       struct str *other)
{
	if (working->has_kind && review_is_pod(&working->review))
		return reader_pod(reader, pod);
	scan_peek(&reader->scan);
	const char *begin = reader->scan.at;
	*waiting = (struct waiting){begin, reader->scan.depth};
	if (field_skip(reader, NULL, NULL) < 0)
		return -1;
	*other = (struct str){begin, (size_t)(reader->scan.at - begin)};
	return 0;
}

static int new_object(struct reader *reader, const struct field *field, void *target)
{
	struct working_pod *working = target;
	struct review *review = &working->review;
	(void)field;
	return read_object(reader, working, &working->object, &review->object, &review->other_object);
}

static int old_object(struct reader *reader, const struct field *field, void *target)
{
	struct working_pod *working = target;
	struct review *review = &working->review;
	(void)field;
	return read_object(reader, working, &working->old_object, &review->old_object, &review->old_other_object);
}

static const struct field kind_fields[] = {
    {FIELD_KEY("group"), .read = field_string, .offset = offsetof(struct working_pod, review.group)},
    {FIELD_KEY("version"), .read = field_string, .offset = offsetof(struct working_pod, review.version)},
    {FIELD_KEY("kind"), .read = field_string, .offset = offsetof(struct working_pod, review.kind)},
};
static const struct shape kind_shape = SHAPE(kind_fields, 0);

/* Sets has_kind after the object has been read; the row's FIELD_FLAG would set it before. */
static int request_kind(struct reader *reader, const struct field *field, void *target)
{
	if (field_object(reader, field, target) < 0)
		return -1;
	((struct working_pod *)target)->has_kind = true;
	return 0;
}

static const struct field resource_fields[] = {
    {FIELD_KEY("group"), .read = field_string, .offset = offsetof(struct working_pod, review.resource_group)},
    {FIELD_KEY("resource"), .read = field_string, .offset = offsetof(struct working_pod, review.resource)},
};
static const struct shape resource_shape = SHAPE(resource_fields, 0);

static const struct field user_fields[] = {
    {FIELD_KEY("username"), .read = field_string, .offset = offsetof(struct working_pod, review.user)},
    {FIELD_KEY("groups"), .read = field_strings, .offset = offsetof(struct working_pod, review.groups.items),
     .count = offsetof(struct working_pod, review.groups.count)},
};
static const struct shape user_shape = SHAPE(user_fields, 0);

static const struct field request_fields[] = {
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct working_pod, review.uid)},
    {FIELD_KEY("kind"), .read = request_kind, .shape = &kind_shape},
    {FIELD_KEY("resource"), .read = field_object, .shape = &resource_shape},
    {FIELD_KEY("subResource"), .read = field_string, .offset = offsetof(struct working_pod, review.subresource)},
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct working_pod, review.name)},
    {FIELD_KEY("namespace"), .read = field_string, .offset = offsetof(struct working_pod, review.namespace)},
    {FIELD_KEY("operation"), .read = field_string, .offset = offsetof(struct working_pod, operation)},
    {FIELD_KEY("userInfo"), .read = field_object, .shape = &user_shape},
    {FIELD_KEY("object"), .read = new_object},
    {FIELD_KEY("oldObject"), .read = old_object},
    {FIELD_KEY("dryRun"), .read = field_bool, .offset = offsetof(struct working_pod, review.dry_run)},
};
static const struct shape request_shape = SHAPE(request_fields, 0);

static const struct field review_fields[] = {
    {FIELD_KEY("kind"), .read = field_string, .offset = offsetof(struct working_pod, kind)},
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct working_pod, api_version)},
    {FIELD_KEY("request"), .read = field_object, .shape = &request_shape, FIELD_FLAG(struct working_pod, has_request)},
};
static const struct shape review_shape = SHAPE(review_fields, 0);

/* Goes back to an object. Skipping it has already validated its JSON. */
static void go_back(struct reader *reader, struct waiting waiting)
{
	reader->scan.at = waiting.at;
	reader->scan.depth = waiting.depth;
}

static int fail_in(struct reader *reader, const char *key)
{
	reader_at_key(reader, str_of(key));
	reader_at_key(reader, STR("request"));
	return -1;
}

/* Reads a Pod that precedes the kind. */
static int read_waiting(struct reader *reader, struct waiting waiting, const char *key, struct pod *pod)
{
	if (!waiting.at)
		return 0;
	go_back(reader, waiting);
	return reader_pod(reader, pod) < 0 ? fail_in(reader, key) : 0;
}

static int read_waiting_claim(struct reader *reader, struct waiting waiting, const char *key, struct str kind,
			      struct claim *claim)
{
	if (!waiting.at)
		return 0;
	go_back(reader, waiting);
	return reader_claim(reader, kind, claim) < 0 ? fail_in(reader, key) : 0;
}

/* Reads the claims of a review. */
static int read_claims(struct reader *reader, const struct working_pod *working, struct review *review)
{
	if (!claim_is_kind(review->group, review->kind))
		return 0;
	if (read_waiting_claim(reader, working->object, "object", review->kind, &review->claim) < 0)
		return -1;
	return read_waiting_claim(reader, working->old_object, "oldObject", review->kind, &review->old_claim);
}

/*
 * Formats an unexpected value for an error message: in quotes, truncated, with '?' for every byte
 * that is not printable ASCII. Returns `text`, or a static string if the value is absent.
 */
static const char *quoted(struct str found, char text[80])
{
	size_t len = 0;
	if (!str_present(found))
		return "nothing";
	text[len++] = '"';
	for (size_t i = 0; i < found.len && len < 64; i++)
		text[len++] = found.ptr[i] >= ' ' && found.ptr[i] < 0x7f ? found.ptr[i] : '?';
	memcpy(text + len, found.len > 63 ? "...\"" : "\"", found.len > 63 ? 5 : 2);
	return text;
}

static int check_type(const struct working_pod *working, struct error *err)
{
	char text[80];
	if (str_starts(working->api_version, STR("admission.k8s.io/")) &&
	    !str_eq(working->api_version, STR("admission.k8s.io/v1")))
		return error_set(err, "apiVersion: %s is not supported: set admissionReviewVersions: [v1]",
				 quoted(working->api_version, text));
	if (!str_eq(working->api_version, STR("admission.k8s.io/v1")))
		return error_set(err, "apiVersion: expected \"admission.k8s.io/v1\", found %s",
				 quoted(working->api_version, text));
	if (!str_eq(working->kind, STR("AdmissionReview")))
		return error_set(err, "kind: expected \"AdmissionReview\", found %s", quoted(working->kind, text));
	return 0;
}

static int check_request(struct working_pod *working, struct error *err)
{
	char text[80];
	if (!working->has_request)
		return error_set(err, "request: expected an object, found nothing");
	if (working->review.uid.len == 0)
		return error_set(err, "request.uid: expected the id of the request, found %s",
				 quoted(working->review.uid, text));
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		if (str_eq(working->operation, operations[i].name)) {
			working->review.operation = operations[i].operation;
			return 0;
		}
	}
	return error_set(err, "request.operation: expected CREATE, UPDATE, DELETE or CONNECT, found %s",
			 quoted(working->operation, text));
}

/* Reads what precedes the kind, and finishes the review. */
static int finish(struct reader *reader, struct working_pod *working, struct review *review, struct error *err)
{
	if (check_request(working, err) < 0)
		return -1;
	if (review_is_pod(&working->review) &&
	    (read_waiting(reader, working->object, "object", &working->review.object) < 0 ||
	     read_waiting(reader, working->old_object, "oldObject", &working->review.old_object) < 0))
		return reader_error(reader, err);
	if (review_is_pod(&working->review))
		working->review.other_object = working->review.old_other_object = (struct str){NULL, 0};
	if (read_claims(reader, working, &working->review) < 0)
		return reader_error(reader, err);
	*review = working->review;
	return 0;
}

int review_read(const char *bytes, size_t len, struct arena *arena, struct review *review, struct error *err)
{
	struct reader reader;
	struct working_pod working;
	if (len > SCAN_LEN_MAX)
		return error_set(err, "the review is longer than %u bytes", SCAN_LEN_MAX);
	memset(&working, 0, sizeof working);
	reader_init(&reader, bytes, len, arena);
	if (reader_object(&reader, &review_shape, &working) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	return check_type(&working, err) < 0 ? -1 : finish(&reader, &working, review, err);
}

/* --- Recordings --- */

/* `working` is first, so that the rows of a review have the same offsets in it. */
struct recorded_draft {
	struct working_pod working;
	struct recorded recorded;
	bool has_allowed;
};

static const struct field answer_fields[] = {
    {FIELD_KEY("allowed"), .read = field_bool, .offset = offsetof(struct recorded_draft, recorded.allowed),
     FIELD_FLAG(struct recorded_draft, has_allowed)},
    {FIELD_KEY("message"), .read = field_string, .offset = offsetof(struct recorded_draft, recorded.message)},
    {FIELD_KEY("patch"), .read = field_json, .offset = offsetof(struct recorded_draft, recorded.patch)},
};
static const struct shape answer_shape = SHAPE(answer_fields, 0);

static const struct field recorded_fields[] = {
    {FIELD_KEY("kind"), .read = field_string, .offset = offsetof(struct working_pod, kind)},
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct working_pod, api_version)},
    {FIELD_KEY("request"), .read = field_object, .shape = &request_shape, FIELD_FLAG(struct working_pod, has_request)},
    {FIELD_KEY("time"), .read = field_string, .offset = offsetof(struct recorded_draft, recorded.time)},
    {FIELD_KEY("endpoint"), .read = field_string, .offset = offsetof(struct recorded_draft, recorded.endpoint)},
    {FIELD_KEY("namespaceLabels"), .read = field_pairs,
     .offset = offsetof(struct working_pod, review.namespace_labels)},
    {FIELD_KEY("response"), .read = field_object, .shape = &answer_shape},
};
static const struct shape recorded_shape = SHAPE(recorded_fields, 0);

static int check_recorded(const struct recorded_draft *read, struct error *err)
{
	char text[80];
	struct str endpoint = read->recorded.endpoint;
	if (!str_present(endpoint))
		return check_type(&read->working, err);
	if (!str_eq(endpoint, STR("/mutate")) && !str_eq(endpoint, STR("/validate")))
		return error_set(err, "endpoint: expected \"/mutate\" or \"/validate\", found %s",
				 quoted(endpoint, text));
	return read->has_allowed ? 0 : error_set(err, "response.allowed: expected a boolean, found nothing");
}

int review_read_recorded(const char *bytes, size_t len, struct arena *arena, struct recorded *recorded,
			 struct error *err)
{
	struct reader reader;
	struct recorded_draft read;
	if (len > SCAN_LEN_MAX)
		return error_set(err, "the review is longer than %u bytes", SCAN_LEN_MAX);
	memset(&read, 0, sizeof read);
	reader_init(&reader, bytes, len, arena);
	if (reader_object(&reader, &recorded_shape, &read) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	if (!read.working.has_request)
		return 0;
	if (check_recorded(&read, err) < 0 || finish(&reader, &read.working, &read.recorded.review, err) < 0)
		return -1;
	read.recorded.has_answer = str_present(read.recorded.endpoint);
	*recorded = read.recorded;
	return 1;
}

int review_read_pod(const char *bytes, size_t len, struct arena *arena, struct pod *pod, struct error *err)
{
	struct reader reader;
	struct pod read;
	if (len > SCAN_LEN_MAX)
		return error_set(err, "the Pod is longer than %u bytes", SCAN_LEN_MAX);
	reader_init(&reader, bytes, len, arena);
	if (reader_pod(&reader, &read) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	*pod = read;
	return 0;
}

int review_read_claim(struct str kind, const char *bytes, size_t len, struct arena *arena, struct claim *claim,
		      struct error *err)
{
	struct reader reader;
	struct claim read;
	if (len > SCAN_LEN_MAX)
		return error_set(err, "the claim is longer than %u bytes", SCAN_LEN_MAX);
	reader_init(&reader, bytes, len, arena);
	if (reader_claim(&reader, kind, &read) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	*claim = read;
	return 0;
}

int review_read_claim_as_pod(const char *bytes, size_t len, struct arena *arena, struct pod *pod, struct error *err)
{
	struct reader reader;
	struct pod read;
	if (len > SCAN_LEN_MAX)
		return error_set(err, "the claim is longer than %u bytes", SCAN_LEN_MAX);
	reader_init(&reader, bytes, len, arena);
	if (reader_claim_as_pod(&reader, &read) < 0 || scan_finish(&reader.scan) < 0)
		return reader_error(&reader, err);
	*pod = read;
	return 0;
}
