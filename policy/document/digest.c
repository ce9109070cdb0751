#include "policy/document/source.h"

/* Two independent 64-bit sums: tells versions of a folder apart, proves nothing. Where the folder is means nothing:
 * replicas have their own. */
static void digest_add(struct policy_digest *digest, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		digest->word[0] = (digest->word[0] ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
		digest->word[1] = (digest->word[1] + (unsigned char)s.ptr[i] + 1) * 0x9e3779b97f4a7c15u;
	}
	digest->word[0] = (digest->word[0] ^ s.len) * 0x100000001b3u;
	digest->word[1] = (digest->word[1] + s.len) * 0x9e3779b97f4a7c15u;
}

void docs_digest(const struct docs *docs, struct policy_digest *digest)
{
	*digest = (struct policy_digest){{0xcbf29ce484222325u, 0x84222325cbf29ce4u}};
	for (uint32_t i = 0; i < docs->source_count; i++)
		digest_add(digest, docs->sources[i].bytes);
}
