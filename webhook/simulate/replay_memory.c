#include "webhook/simulate/replay_memory.h"

#include "webhook/json/scan.h"

#define SLOTS 1024

int replay_memory_init(struct replay_memory *memory, size_t bytes_max)
{
	*memory = (struct replay_memory){.bytes_max = bytes_max};
	return hash_map_init(&memory->map, SLOTS);
}

void replay_memory_release(struct replay_memory *memory)
{
	while (memory->oldest)
		replay_memory_drop(memory, memory->oldest);
	hash_map_release(&memory->map);
}

struct remembered *replay_memory_find(const struct replay_memory *memory, struct str key)
{
	uint64_t hash = str_hash(key);
	for (struct hash_link *link = hash_map_chain(&memory->map, hash); link; link = link->next) {
		struct remembered *remembered = (struct remembered *)(void *)link;
		if (link->hash == hash && str_eq(remembered->key, key))
			return remembered;
	}
	return NULL;
}

static size_t bytes_of(struct str key, struct str text)
{
	return sizeof(struct remembered) + key.len + text.len + REVIEW_PADDING;
}

bool replay_memory_is_full(const struct replay_memory *memory, struct str key, struct str text)
{
	return memory->oldest && memory->bytes + bytes_of(key, text) > memory->bytes_max;
}

void replay_memory_drop(struct replay_memory *memory, struct remembered *remembered)
{
	if (remembered->older)
		remembered->older->newer = remembered->newer;
	else
		memory->oldest = remembered->newer;
	if (remembered->newer)
		remembered->newer->older = remembered->older;
	else
		memory->newest = remembered->older;
	hash_map_remove(&memory->map, &remembered->link);
	memory->bytes -= remembered->bytes;
	free(remembered);
}

static struct remembered *create(struct str key, struct str text)
{
	size_t bytes = bytes_of(key, text);
	struct remembered *remembered = malloc(bytes);
	if (!remembered)
		return NULL;
	*remembered = (struct remembered){.bytes = bytes};
	if (key.len)
		memcpy(remembered->content, key.ptr, key.len);
	if (text.len)
		memcpy(remembered->content + key.len, text.ptr, text.len);
	memset(remembered->content + key.len + text.len, 0, REVIEW_PADDING);
	remembered->key = (struct str){remembered->content, key.len};
	remembered->text = (struct str){remembered->content + key.len, text.len};
	return remembered;
}

struct remembered *replay_memory_put(struct replay_memory *memory, struct str key, struct str text)
{
	struct remembered *former = replay_memory_find(memory, key);
	struct remembered *remembered = bytes_of(key, text) > memory->bytes_max ? NULL : create(key, text);
	if (!remembered)
		return NULL;
	if (former)
		replay_memory_drop(memory, former);
	while (replay_memory_is_full(memory, key, text))
		replay_memory_drop(memory, memory->oldest);
	remembered->older = memory->newest;
	if (memory->newest)
		memory->newest->newer = remembered;
	else
		memory->oldest = remembered;
	memory->newest = remembered;
	memory->bytes += remembered->bytes;
	hash_map_add(&memory->map, &remembered->link, str_hash(key));
	return remembered;
}
