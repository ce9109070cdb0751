#include "webhook/server/metric_sets.h"

#include "webhook/cert_controller/controller.h"
#include "webhook/cluster/store.h"
#include "webhook/kube/event_recorder.h"
#include "webhook/metrics/admission.h"
#include "webhook/metrics/process.h"
#include "webhook/registration/trust_watch.h"
#include "webhook/registration/watch.h"
#include "webhook/server/policy_store.h"
#include "webhook/server/recorder.h"
#include "webhook/server/server_metrics.h"
#include "webhook/usage/namespaces.h"
#include "webhook/usage/sums.h"

const struct metric_set *const serve_metric_sets[] = {
    &admission_metrics,      &ledger_sums_metrics,  &ledger_namespaces_metrics,
    &ledger_cluster_metrics, &policy_store_metrics, &registration_watch_metrics,
    &trust_watch_metrics,    &kube_certs_metrics,   &kube_events_metrics,
    &recorder_metrics,       &server_metrics,       &process_metrics,
};

const size_t serve_metric_set_count = sizeof serve_metric_sets / sizeof *serve_metric_sets;
