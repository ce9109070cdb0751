/*
 * namespace_lookup: reads namespaces that the view does not know yet, because a watch is late or
 * the copy is ahead of it. For each namespace at most one read is in flight, for all requests that
 * wait for it. Reads use connections that writes of the record do not wait for.
 */
#include <stdlib.h>

#include "gpugate/pairs.h"
#include "webhook/cluster/state.h"

/* Timeout of a read; a namespace that is still needed is read again. */
#define LOOKUP_MS 4000

struct lookup {
	struct ledger_cluster *cluster;
	struct lookup *next;
	struct kube_request *request;
	bool for_pods; /* Decisions wait for it. */
	size_t len;
	char name[];
};

static struct str name_of(const struct lookup *lookup)
{
	return (struct str){lookup->name, lookup->len};
}

static struct lookup *find(const struct ledger_cluster *cluster, struct str name)
{
	struct lookup *lookup = cluster->lookups;
	while (lookup && !str_eq(name_of(lookup), name))
		lookup = lookup->next;
	return lookup;
}

static void take_out(const struct lookup *gone)
{
	struct lookup **link = &gone->cluster->lookups;
	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
}

/*
 * Applies the answer, unless the watch has delivered labels meanwhile, which may be newer. A
 * namespace that does not exist gets no labels, if Pods are charged to it.
 */
static void take(struct ledger_cluster *cluster, const struct lookup *lookup, const struct kube_answer *answer)
{
	const struct pairs none = {.present = true};
	int seen = 0;
	pthread_mutex_lock(&cluster->mutex);
	bool known = ledger_namespace_labels(cluster->ledger, name_of(lookup));
	if (!known && answer->status == 404 && lookup->for_pods)
		seen = ledger_namespace(cluster->ledger, name_of(lookup), &none);
	pthread_mutex_unlock(&cluster->mutex);
	if (seen)
		watches_seen(cluster, seen, name_of(lookup));
	if (!known && answer->status == 200)
		watches_namespace(cluster, answer->body);
}

/*
 * Reads another unknown namespace, if there is one. `but` could not be read, and is read again at
 * the next tick.
 */
static void read_next(struct ledger_cluster *cluster, struct str but)
{
	struct str name;
	pthread_mutex_lock(&cluster->mutex);
	bool more = ledger_stranger(cluster->ledger, &name) && !str_eq(name, but);
	pthread_mutex_unlock(&cluster->mutex);
	if (more)
		lookup_for_pods(cluster);
}

static void on_answer(void *context, const struct kube_answer *answer)
{
	struct lookup *lookup = context;
	struct ledger_cluster *cluster = lookup->cluster;
	take(cluster, lookup, answer);
	queue_pump(cluster); /* While this lookup is listed, no other begins. */
	take_out(lookup);
	queue_namespace_read(cluster, name_of(lookup), answer);
	if (lookup->for_pods)
		read_next(cluster, name_of(lookup));
	free(lookup);
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
	*lookup = (struct lookup){.cluster = cluster, .next = cluster->lookups, .len = name.len};
	memcpy(lookup->name, name.ptr, name.len);
	cluster->lookups = lookup;
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
	return find(cluster, name) || begin(cluster, name) ? 0 : -1;
}

bool lookup_holds_up(const struct ledger_cluster *cluster)
{
	bool holds_up = false;
	for (const struct lookup *lookup = cluster->lookups; lookup; lookup = lookup->next)
		holds_up |= lookup->for_pods;
	return holds_up;
}

void lookup_for_pods(struct ledger_cluster *cluster)
{
	struct str name = {NULL, 0};
	if (lookup_holds_up(cluster))
		return;
	pthread_mutex_lock(&cluster->mutex);
	bool wanted = ledger_stranger(cluster->ledger, &name);
	struct lookup *lookup = wanted ? find(cluster, name) : NULL;
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

void lookup_close(struct ledger_cluster *cluster)
{
	for (struct lookup *lookup; (lookup = cluster->lookups);) {
		cluster->lookups = lookup->next;
		kube_cancel(cluster->options.background, lookup->request);
		free(lookup);
	}
}
