#include "webhook/metrics/violations.h"

#include <stdlib.h>

#include "gpugate/vec.h"

#define LABELS 3
#define LABEL_BYTES_MAX 253 /* The maximum length of a Kubernetes name (a DNS subdomain). */
#define OTHERS_MAX 32       /* Further series, with tenant "other": one per reason. */
#define SLOTS_MIN 32

struct denial {
	struct hash_link in_map; /* Must come first. */
	uint64_t count;
	struct str labels[LABELS]; /* They borrow from `bytes`. */
	char bytes[];
};

void metrics_denials_init(struct metrics_denials *denials, const struct metric *metric)
{
	*denials = (struct metrics_denials){.metric = metric};
	pthread_mutex_init(&denials->mutex, NULL);
}

void metrics_denials_release(struct metrics_denials *denials)
{
	for (uint32_t i = 0; i < denials->count; i++)
		free(denials->items[i]);
	free(denials->items);
	hash_map_release(&denials->map);
	pthread_mutex_destroy(&denials->mutex);
}

static uint64_t hash_labels(const struct str *labels)
{
	uint64_t hash = HASH_BEGIN;
	for (int label = 0; label < LABELS; label++)
		hash = hash_byte(hash_bytes(hash, labels[label].ptr, labels[label].len), 0xff);
	return hash ^ hash >> 31;
}

static bool same_labels(const struct str *a, const struct str *b)
{
	return str_eq(a[0], b[0]) && str_eq(a[1], b[1]) && str_eq(a[2], b[2]);
}

static struct denial *find(const struct metrics_denials *denials, const struct str *labels, uint64_t hash)
{
	struct hash_link *link = hash_map_chain(&denials->map, hash);
	while (link && !(link->hash == hash && same_labels(((struct denial *)(void *)link)->labels, labels)))
		link = link->next;
	return (struct denial *)(void *)link;
}

/* Makes room for one more item. */
static bool make_room(struct metrics_denials *denials)
{
	if (!denials->map.slots && hash_map_init(&denials->map, SLOTS_MIN) < 0)
		return false;
	struct denial **items = vec_room(denials->items, denials->count, &denials->size, SLOTS_MIN, sizeof *items);
	denials->items = items ? items : denials->items;
	return items != NULL;
}

static struct denial *add(struct metrics_denials *denials, const struct str *labels, uint64_t hash)
{
	size_t bytes = labels[0].len + labels[1].len + labels[2].len;
	struct denial *denial = make_room(denials) ? malloc(sizeof *denial + bytes) : NULL;
	if (!denial)
		return NULL;
	denial->count = 0;
	char *at = denial->bytes;
	for (int i = 0; i < LABELS; i++) {
		if (labels[i].len)
			memcpy(at, labels[i].ptr, labels[i].len);
		denial->labels[i] = (struct str){at, labels[i].len};
		at += labels[i].len;
	}
	hash_map_add(&denials->map, &denial->in_map, hash);
	denials->items[denials->count++] = denial;
	return denial;
}

static struct denial *find_or_add(struct metrics_denials *denials, struct str *labels)
{
	uint64_t hash = hash_labels(labels);
	struct denial *denial = find(denials, labels, hash);
	if (denial)
		return denial;
	if (denials->count >= METRICS_DENIALS_MAX) {
		labels[0] = STR("other");
		labels[1] = denials->count < METRICS_DENIALS_MAX + OTHERS_MAX ? labels[1] : STR("other");
		labels[2] = STR("");
		hash = hash_labels(labels);
		denial = find(denials, labels, hash);
		if (denial || denials->count > METRICS_DENIALS_MAX + OTHERS_MAX)
			return denial;
	}
	return add(denials, labels, hash);
}

void metrics_denials_count(struct metrics_denials *denials, struct str tenant, struct str reason, struct str name)
{
	struct str labels[LABELS] = {tenant, reason, name};
	for (int i = 0; i < LABELS; i++)
		if (labels[i].len > LABEL_BYTES_MAX)
			labels[i].len = LABEL_BYTES_MAX;
	pthread_mutex_lock(&denials->mutex);
	struct denial *denial = find_or_add(denials, labels);
	if (denial)
		denial->count++;
	pthread_mutex_unlock(&denials->mutex);
}

void metrics_denials_render(struct metrics_denials *denials, struct buf *out)
{
	metric_head(out, denials->metric);
	pthread_mutex_lock(&denials->mutex);
	for (uint32_t i = 0; i < denials->count; i++) {
		const struct denial *denial = denials->items[i];
		metric_sample(out, denials->metric, denial->labels);
		buf_printf(out, "%llu\n", (unsigned long long)denial->count);
	}
	pthread_mutex_unlock(&denials->mutex);
}
