/*
 * policy_fixture: makes a policy from text and a review from a Pod, for unit tests. JSON is written
 * with ' for ".
 */
#ifndef TESTS_POLICY_FIXTURE_H
#define TESTS_POLICY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "gpugate/buf.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "gpugate/review.h"
#include "webhook/object/review.h"

/*
 * Writes the text to a file in its own folder and loads that. Copies the report to `report_text`
 * unless that is NULL.
 */
static inline struct policy *fixture_policy(const char *yaml, char *report_text, size_t report_size)
{
	char folder[] = "/tmp/gpugate-unit-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/p.yaml", folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(yaml, file);
	fclose(file);
	struct report *report = malloc(sizeof *report);
	report_init(report);
	const char *paths[] = {folder};
	struct policy *policy = policy_load(paths, 1, report);
	struct buf text;
	buf_init(&text, 1 << 20);
	report_print(report, false, &text);
	buf_char(&text, '\0');
	if (report_text)
		snprintf(report_text, report_size, "%s", text.ptr);
	else if (!policy)
		fprintf(stderr, "%s", text.ptr);
	buf_release(&text);
	report_release(report);
	free(report);
	unlink(path);
	rmdir(folder);
	return policy;
}

struct fixture_review {
	struct arena arena;
	char *bytes;
	struct review review;
};

/*
 * Makes a review that creates a Pod with this `metadata` and `spec` (JSON objects with ' for ") in
 * a namespace.
 */
static inline void fixture_review(struct fixture_review *r, const char *namespace, const char *metadata,
				  const char *spec)
{
	size_t size = strlen(metadata) + strlen(spec) + strlen(namespace) + 1024;
	r->bytes = calloc(1, size + REVIEW_PADDING);
	snprintf(
	    r->bytes, size,
	    "{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/"
	    "v1','request':{'uid':'r1','kind':{'group':'','version':"
	    "'v1','kind':'Pod'},'resource':{'group':'','version':'v1','resource':'pods'},'name':'p','namespace':'%s',"
	    "'operation':'CREATE','userInfo':{'username':'alice','groups':['system:authenticated']},'object':{'kind':'"
	    "Pod',"
	    "'apiVersion':'v1','metadata':%s,'spec':%s},'oldObject':null,'dryRun':false}}",
	    namespace, metadata, spec);
	for (char *c = r->bytes; *c; c++)
		if (*c == '\'')
			*c = '"';
	arena_init(&r->arena, 65536, 16 << 20);
	struct error err = {0};
	if (review_read(r->bytes, strlen(r->bytes), &r->arena, &r->review, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void fixture_review_release(struct fixture_review *r)
{
	arena_release(&r->arena);
	free(r->bytes);
}

#endif
