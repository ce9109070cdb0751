/* admit: answers HTTP requests with decisions of admission/decide; counts and logs them. */
#ifndef WEBHOOK_SERVER_ADMIT_H
#define WEBHOOK_SERVER_ADMIT_H

#include "webhook/base/log.h"
#include "webhook/http/server.h"
#include "webhook/ledger/store.h"
#include "webhook/metrics/admission.h"
#include "webhook/server/policy_store.h"
#include "webhook/server/recent_denials.h"
#include "webhook/server/recorder.h"
#include "webhook/server/target_reader.h"

/* Borrows everything; all of it is thread-safe. */
struct admission {
	struct policy_store *policies;
	struct ledger_store ledger;
	struct target_reader *targets; /* NULL: there is no API server to read from. */
	struct admission_metrics *metrics;
	struct log *log;
	struct recent_denials *denials;
	struct recorder *recorder; /* NULL: reviews are not recorded. */
};

/* An http_answer_fn; `admission` is a struct admission. Never blocks. */
unsigned admit_answer(void *admission, struct http_request *request);

#endif
