#include "webhook/metrics/objections.h"

#include <stdlib.h>

#define LABELS 3
#define LABEL_BYTES_MAX 253 /* The maximum length of a Kubernetes name (a DNS subdomain). */
#define OTHERS_MAX 32       /* Further series, with tenant "other": one per reason. */

struct denial {
	uint64_t hash;
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
	free(denials->slots);
	pthread_mutex_destroy(&denials->mutex);
}

static uint64_t hash_labels(const struct str *labels)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
	for (int label = 0; label < LABELS; label++) {
		for (size_t i = 0; i < labels[label].len; i++)
			hash = (hash ^ (unsigned char)labels[label].ptr[i]) * 0x100000001b3u;
		hash = (hash ^ 0xff) * 0x100000001b3u;
	}
	return hash;
}

static bool same_labels(const struct str *a, const struct str *b)
{
	return str_eq(a[0], b[0]) && str_eq(a[1], b[1]) && str_eq(a[2], b[2]);
}

static struct denial *find(const struct metrics_denials *denials, const struct str *labels, uint64_t hash)
{
	if (denials->slot_count == 0)
		return NULL;
	uint32_t mask = denials->slot_count - 1;
	for (uint32_t slot = (uint32_t)hash & mask; denials->slots[slot]; slot = (slot + 1) & mask) {
		struct denial *denial = denials->items[denials->slots[slot] - 1];
		if (denial->hash == hash && same_labels(denial->labels, labels))
			return denial;
	}
	return NULL;
}

static void place(uint32_t *slots, uint32_t slot_count, uint64_t hash, uint32_t index)
{
	uint32_t slot = (uint32_t)hash & (slot_count - 1);
	while (slots[slot])
		slot = (slot + 1) & (slot_count - 1);
	slots[slot] = index + 1;
}

/* Makes room for one more item. Doubles `items` and keeps the hash table at most half full. */
static bool grow(struct metrics_denials *denials)
{
	if (denials->count < denials->size)
		return true;
	uint32_t size = denials->size ? denials->size * 2 : 32;
	uint32_t *slots = calloc((size_t)size * 2, sizeof *slots);
	struct denial **items = slots ? realloc(denials->items, size * sizeof(struct denial *)) : NULL;
	if (!items) {
		free(slots);
		return false;
	}
	for (uint32_t i = 0; i < denials->count; i++)
		place(slots, size * 2, items[i]->hash, i);
	free(denials->slots);
	denials->items = items;
	denials->size = size;
	denials->slots = slots;
	denials->slot_count = size * 2;
	return true;
}

static struct denial *add(struct metrics_denials *denials, const struct str *labels, uint64_t hash)
{
	size_t bytes = labels[0].len + labels[1].len + labels[2].len;
	struct denial *denial = grow(denials) ? malloc(sizeof *denial + bytes) : NULL;
	if (!denial)
		return NULL;
	denial->hash = hash;
	denial->count = 0;
	char *at = denial->bytes;
	for (int i = 0; i < LABELS; i++) {
		if (labels[i].len)
			memcpy(at, labels[i].ptr, labels[i].len);
		denial->labels[i] = (struct str){at, labels[i].len};
		at += labels[i].len;
	}
	place(denials->slots, denials->slot_count, hash, denials->count);
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
