#include "webhook/cluster/peers.h"

#include <jansson.h>
#include <string.h>

#include "webhook/kube/watch.h"
#include "webhook/ledger/codec.h"

bool peer_is_one(const struct pod *pod, const char *namespace)
{
	if (!str_eq(pod->namespace, str_of(namespace)) || pod->name.len > PEER_NAME_MAX)
		return false;
	for (uint32_t i = 0; i < pod->labels.count; i++)
		if (str_eq(pod->labels.items[i].key, STR("app.kubernetes.io/name")))
			return str_eq(pod->labels.items[i].value, STR("gpugate"));
	return false;
}

bool peer_is_ready(struct str json)
{
	json_t *pod = json_loadb(json.ptr, json.len, 0, NULL), *condition;
	bool ready = false;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(pod, "status"), "conditions"), i, condition)
	{
		const char *type = json_string_value(json_object_get(condition, "type"));
		const char *status = json_string_value(json_object_get(condition, "status"));
		if (type && status && strcmp(type, "Ready") == 0)
			ready = strcmp(status, "True") == 0;
	}
	json_decref(pod);
	return ready;
}

static unsigned form_of(const struct pod *pod)
{
	uint64_t form = 1;
	for (uint32_t i = 0; i < pod->annotations.count; i++)
		if (str_eq(pod->annotations.items[i].key, STR(PEER_FORM_ANNOTATION)) &&
		    (!kube_version(pod->annotations.items[i].value, &form) || form < 1))
			form = 1;
	return form < LEDGER_FORM ? (unsigned)form : LEDGER_FORM;
}

static int compare(struct str name, const struct peer *peer)
{
	size_t len = strlen(peer->name), least = name.len < len ? name.len : len;
	int order = memcmp(name.ptr, peer->name, least);
	return order ? order : (name.len > len) - (name.len < len);
}

static void take_out(struct peers *peers, unsigned at)
{
	peers->count--;
	memmove(&peers->items[at], &peers->items[at + 1], (peers->count - at) * sizeof *peers->items);
}

static void put_in(struct peers *peers, unsigned at, struct str name)
{
	memmove(&peers->items[at + 1], &peers->items[at], (peers->count - at) * sizeof *peers->items);
	peers->count++;
	peers->items[at] = (struct peer){.ready = false};
	memcpy(peers->items[at].name, name.ptr, name.len);
}

void peers_see(struct peers *peers, const struct pod *pod, bool ready, bool gone)
{
	bool ended = gone || str_eq(pod->phase, STR("Succeeded")) || str_eq(pod->phase, STR("Failed"));
	unsigned at = 0;
	while (at < peers->count && compare(pod->name, &peers->items[at]) > 0)
		at++;
	bool known = at < peers->count && compare(pod->name, &peers->items[at]) == 0;
	if (ended && known)
		take_out(peers, at);
	bool room = known || peers->count < PEERS_MAX;
	peers->left_out |= !ended && !room;
	if (ended || !room)
		return;
	if (!known)
		put_in(peers, at, pod->name);
	peers->items[at].ready = ready;
	peers->items[at].stopping = str_present(pod->deletion_timestamp);
	peers->items[at].listed = true;
	peers->items[at].form = form_of(pod);
}

void peers_list_begin(struct peers *peers)
{
	for (unsigned i = 0; i < peers->count; i++)
		peers->items[i].listed = false;
	peers->left_out_before |= peers->left_out;
	peers->left_out = false;
}

void peers_list_end(struct peers *peers)
{
	for (unsigned i = peers->count; i-- > 0;)
		if (!peers->items[i].listed)
			take_out(peers, i);
	peers->left_out_before = false;
}

unsigned peers_form(const struct peers *peers)
{
	/* It is not known which form the replicas read that were left out. */
	unsigned form = peers->left_out || peers->left_out_before ? 1 : LEDGER_FORM;
	for (unsigned i = 0; i < peers->count; i++)
		if (peers->items[i].form < form)
			form = peers->items[i].form;
	return form;
}
