#include "webhook/cluster/namespace_lookup.h"

#include <stdlib.h>

#include "gpugate/pairs.h"
#include "webhook/cluster/state.h"

/* Timeout of a read; a namespace that is still needed is read again. */
#define LOOKUP_MS 4000

static struct lookup *find(struct lookup *lookup, struct str name)
{
	while (lookup && !str_eq(lookup_name(lookup), name))
		lookup = lookup->next;
	return lookup;
}

static void take_out(const struct lookup *gone)
{
	struct lookup **link = &gone->cluster->lookups.in_flight;
	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
}

/*
 * Applies the answer, unless the watch has delivered labels meanwhile, which may be newer. A
 * namespace that does not exist gets no labels, if Pods are charged to it.
 */
static void take(struct ledger_cluster *cluster, const struct lookup *lookup, const struct kube_response *response)
{
	const struct pairs none = {.present = true};
	int seen = 0;
	pthread_mutex_lock(&cluster->mutex);
	bool known = ledger_namespace_labels(cluster->ledger, lookup_name(lookup));
	if (!known && response->status == 404 && lookup->for_pods)
		seen = ledger_namespace(cluster->ledger, lookup_name(lookup), &none);
	pthread_mutex_unlock(&cluster->mutex);
	view_note(cluster, seen, lookup_name(lookup));
	if (!known && response->status == 200)
		view_set_labels(cluster, response->body, false, LEDGER_NAMESPACES);
}

static void on_answer(void *context, const struct kube_response *response)
{
	struct lookup *lookup = context;
	struct ledger_cluster *cluster = lookup->cluster;
	take(cluster, lookup, response);
	take_out(lookup);
	lookup->status = response->status;
	lookup->next = cluster->lookups.answered;
	cluster->lookups.answered = lookup;
	cluster->step(cluster);
}

/* Returns NULL without memory. */
static struct lookup *begin(struct ledger_cluster *cluster, struct str name)
{
	struct lookup *lookup = malloc(sizeof *lookup + name.len);
	struct buf path;
	buf_init(&path, 4096);
	buf_text(&path, "/api/v1/namespaces/");
	kube_escape(&path, name);
	buf_char(&path, '\0');
	if (!lookup || path.failed) {
		buf_release(&path);
		free(lookup);
		return NULL;
	}
	*lookup = (struct lookup){.cluster = cluster, .next = cluster->lookups.in_flight, .len = name.len};
	memcpy(lookup->name, name.ptr, name.len);
	cluster->lookups.in_flight = lookup;
	lookup->request = kube_call(cluster->options.background, &(struct kube_call){.method = "GET",
										     .path = path.ptr,
										     .accept = KUBE_METADATA,
										     .timeout_ms = LOOKUP_MS,
										     .retry = true,
										     .done = on_answer,
										     .context = lookup});
	buf_release(&path);
	return lookup;
}

int lookup_namespace(struct ledger_cluster *cluster, struct str name)
{
	return find(cluster->lookups.in_flight, name) || begin(cluster, name) ? 0 : -1;
}

bool lookup_holds_up(const struct ledger_cluster *cluster)
{
	bool holds_up = false;
	for (const struct lookup *lookup = cluster->lookups.in_flight; lookup; lookup = lookup->next)
		holds_up |= lookup->for_pods;
	return holds_up;
}

void lookup_for_pods(struct ledger_cluster *cluster)
{
	struct str name = {NULL, 0};
	if (lookup_holds_up(cluster))
		return;
	pthread_mutex_lock(&cluster->mutex);
	bool wanted = ledger_unresolved(cluster->ledger, &name) && !find(cluster->lookups.answered, name);
	struct lookup *lookup = wanted ? find(cluster->lookups.in_flight, name) : NULL;
	if (wanted && !lookup)
		/*
		 * The call starts with the next turn of the loop, so it does not wait under the
		 * mutex.
		 */
		lookup = begin(cluster, name);
	pthread_mutex_unlock(&cluster->mutex);
	if (lookup)
		lookup->for_pods = true;
}

void lookup_remove_answered(struct ledger_cluster *cluster)
{
	struct lookup *lookup = cluster->lookups.answered;
	cluster->lookups.answered = lookup->next;
	free(lookup);
}

void lookup_close(struct ledger_cluster *cluster)
{
	while (cluster->lookups.answered)
		lookup_remove_answered(cluster);
	for (struct lookup *lookup; (lookup = cluster->lookups.in_flight);) {
		cluster->lookups.in_flight = lookup->next;
		kube_cancel(cluster->options.background, lookup->request);
		free(lookup);
	}
}
