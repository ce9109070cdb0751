#include "webhook/server/status.h"

#include <stdlib.h>

#include "gpugate/decision.h"
#include "gpugate/enum_names.h"
#include "gpugate/policy.h"
#include "gpugate/policy_enums.h"
#include "webhook/json/text.h"
#include "webhook/quota/summary.h"

#define ARENA_BYTES (64u << 20)

/* Formats a time by RFC 3339. 0 means never and becomes null. */
static json_t *moment(time_t at)
{
	char text[32];
	struct tm parts;
	if (at == 0)
		return json_null();
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts));
	return json_string(text);
}

/* --- Tenants --- */

/* A share of the limit, for bars. If the limit is 0, any amount is all of it. */
static double share(wide amount, const struct quota_view *view)
{
	if (view->unlimited || amount <= 0)
		return 0;
	return view->hard <= 0 ? 1 : (double)amount / (double)view->hard;
}

static json_t *quota_of(const struct ledger_sums *sums, uint32_t index, struct arena *arena)
{
	struct quota_document document;
	struct quota_view view;
	policy_quota(sums->policy, index, &view);
	if (quota_summarize(sums->policy, index, sums->held, NULL, arena, &document) < 0)
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:f, s:f}", "name", json_text(document.quota),
			 "measure", json_text(document.measure), "cohort", json_text_or_null(document.cohort), "used",
			 json_text(document.used), "pending", json_text(document.pending), "hard",
			 json_text(document.hard), "borrowed", json_text(document.borrowed), "exceeded",
			 (int)document.exceeded, "usedShare", share(sums->held[index].used, &view), "pendingShare",
			 share(sums->held[index].pending, &view));
}

/* A tenant without its quotas; the caller adds them. */
static json_t *tenant_of(const struct ledger_sums *sums, uint32_t index)
{
	struct tenant_view view;
	policy_tenant(sums->policy, index, &view);
	return json_pack("{s:o, s:o, s:s, s:[]}", "name", json_text(view.name), "parent",
			 json_text_or_null(view.parent), "enforcement", enforcement_name(view.enforcement), "quotas");
}

/* Tenants are in no particular order, so each quota's tenant is found by name. */
static json_t *tenants_of(const struct ledger_sums *sums)
{
	struct policy_counts counts;
	struct arena arena;
	policy_counts(sums->policy, &counts);
	json_t *tenants = json_array(), *by_name = json_object();
	arena_init(&arena, 1 << 16, ARENA_BYTES);
	int failed = !tenants || !by_name || !sums->held;
	for (uint32_t i = 0; i < counts.tenants && !failed; i++) {
		json_t *tenant = tenant_of(sums, i);
		failed |= json_array_append_new(tenants, tenant);
		failed |= json_object_setn_nocheck(by_name, json_string_value(json_object_get(tenant, "name")),
						   json_string_length(json_object_get(tenant, "name")),
						   json_object_get(tenant, "quotas"));
	}
	for (uint32_t i = 0; i < policy_quota_count(sums->policy) && !failed; i++) {
		struct quota_view view;
		policy_quota(sums->policy, i, &view);
		failed |= json_array_append_new(json_object_getn(by_name, view.tenant.ptr, view.tenant.len),
						quota_of(sums, i, &arena));
	}
	json_decref(by_name);
	arena_release(&arena);
	if (!failed)
		return tenants;
	json_decref(tenants);
	return NULL;
}

/* --- Recent denials --- */

static json_t *recent_denials_of(struct recent_denials *denials)
{
	static const char *const outcomes[] = {
	    [ENFORCEMENT_DENY] = "denied", [ENFORCEMENT_WARN] = "warned", [ENFORCEMENT_AUDIT] = "audited"};
	struct recent_denial *latest = malloc(RECENT_DENIALS_MAX * sizeof *latest);
	json_t *list = json_array();
	int failed = !latest || !list;
	unsigned count = latest ? recent_denials_copy(denials, latest) : 0;
	for (unsigned i = 0; i < count && !failed; i++)
		failed |= json_array_append_new(
		    list,
		    json_pack("{s:o, s:s, s:b, s:s, s:o, s:o, s:o, s:o}", "time", moment(latest[i].at), "outcome",
			      outcomes[latest[i].outcome], "dryRun", (int)latest[i].dry, "reason",
			      reason_name(latest[i].reason), "namespace", json_text(str_of(latest[i].namespace)), "pod",
			      json_text(str_of(latest[i].pod)), "tenant", json_text_or_null(str_of(latest[i].tenant)),
			      "message", json_text(str_of(latest[i].message))));
	free(latest);
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

/* --- This replica --- */

static json_t *ledger_of(const struct status_sources *sources)
{
	json_t *ledger = json_pack("{s:s, s:I, s:I}", "kind", sources->cluster ? "cluster" : "embedded", "pods",
				   (json_int_t)sources->sums.pods, "pendingPods", (json_int_t)sources->sums.pending);
	struct ledger_health health;
	if (!sources->cluster)
		return ledger;
	json_object_set_new(ledger, "podsOnUnmatchedNodes",
			    json_pack("{s:I, s:I}", "none", (json_int_t)sources->sums.unfit.of_no_model, "several",
				      (json_int_t)sources->sums.unfit.of_several_models));
	ledger_cluster_health(sources->cluster, &health);
	json_t *more =
	    json_pack("{s:s, s:o, s:f, s:I, s:I, s:I}", "state", health.state, "silentSeconds",
		      health.pods_silent_ms < 0 ? json_null() : json_real((double)health.pods_silent_ms / 1000),
		      "behindSeconds", (double)health.behind_ms / 1000, "writes", (json_int_t)health.written,
		      "conflicts", (json_int_t)health.conflicts, "undecided", (json_int_t)health.undecided);
	if (json_object_update_new(ledger, more) == 0)
		return ledger;
	json_decref(ledger);
	return NULL;
}

/* Returns null with an embedded ledger, because it does not watch Pods. */
static json_t *replicas_of(struct ledger_cluster *cluster)
{
	struct peers peers;
	if (!cluster)
		return json_null();
	ledger_cluster_peers(cluster, &peers);
	json_t *list = json_array();
	int failed = !list;
	for (unsigned i = 0; i < peers.count && !failed; i++)
		failed |= json_array_append_new(
		    list, json_pack("{s:o, s:b, s:b}", "name", json_text(str_of(peers.items[i].name)), "ready",
				    (int)peers.items[i].ready, "stopping", (int)peers.items[i].stopping));
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *certificate_of(const struct status_sources *sources)
{
	json_t *certificate = json_pack("{s:s, s:o}", "source", sources->certs ? "self-managed" : "files", "expires",
					moment(sources->certificate_expiry));
	struct kube_certs_health health;
	if (!sources->certs)
		return certificate;
	kube_certs_health(sources->certs, &health);
	json_t *more =
	    json_pack("{s:o, s:{s:i, s:i, s:i}}", "authorityExpires", moment(health.expires), "authorities", "next",
		      (int)health.next, "signing", (int)health.signing, "retired", (int)health.retired);
	if (json_object_update_new(certificate, more) == 0)
		return certificate;
	json_decref(certificate);
	return NULL;
}

static json_t *configuration_of(const struct status_sources *sources, bool mutating)
{
	bool installed, stale;
	if (!registration_watch_state(sources->registration, mutating, &installed, &stale))
		return json_null();
	return json_pack("{s:b, s:b}", "installed", (int)installed, "stale", (int)stale);
}

static json_t *policy_of(struct policy_store *policies)
{
	struct policy_state state;
	char rejection[POLICY_REJECTION_MAX];
	policy_store_state(policies, &state);
	policy_store_rejection(policies, rejection);
	return json_pack("{s:o, s:s, s:s, s:o, s:I, s:b, s:o}", "commit",
			 json_text_or_null(str_of(state.source.commit)), "digest", state.source.digest, "dirty",
			 state.source.dirty, "loaded", moment(state.loaded), "generation", (json_int_t)state.generation,
			 "rejected", (int)state.rejected, "rejection", json_text_or_null(str_of(rejection)));
}

void status_write(const struct status_sources *sources, struct buf *out)
{
	json_t *status = json_pack(
	    "{s:o, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o}", "time", moment(sources->now),
	    "version", GPUGATE_VERSION, "replica", json_text_or_null(str_of(sources->replica)), "ready",
	    !sources->unready, "unready", json_text_or_null(str_of(sources->unready)), "policy",
	    policy_of(sources->policies), "certificate", certificate_of(sources), "replicas",
	    replicas_of(sources->cluster), "ledger", ledger_of(sources), "registration", "mutating",
	    configuration_of(sources, true), "validating", configuration_of(sources, false), "tenants",
	    tenants_of(&sources->sums), "refusals", recent_denials_of(sources->denials));
	char *text = status ? json_dumps(status, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
	if (text)
		buf_text(out, text);
	else
		out->failed = true;
	buf_char(out, '\n');
	free(text);
	json_decref(status);
}
