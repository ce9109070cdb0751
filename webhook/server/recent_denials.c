#include "webhook/server/recent_denials.h"

#include <string.h>

#include "gpugate/pod.h"

void refusals_init(struct refusals *refusals)
{
	pthread_mutex_init(&refusals->mutex, NULL);
	refusals->count = 0;
}

void refusals_release(struct refusals *refusals)
{
	pthread_mutex_destroy(&refusals->mutex);
}

/* Copies a string and a NUL, truncated at a UTF-8 character boundary if necessary. */
static void copy(char *to, size_t size, struct str text)
{
	size_t len = text.len < size ? text.len : size - 1;
	while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	if (len)
		memcpy(to, text.ptr, len);
	to[len] = '\0';
}

void refusals_note(struct refusals *refusals, const struct review *review, const struct decision *decision,
		   const struct objection *objection, time_t now)
{
	if (!refusals)
		return;
	const struct pod *pod = &review->object;
	pthread_mutex_lock(&refusals->mutex);
	struct refusal *slot = &refusals->slots[refusals->count++ % REFUSALS_KEPT];
	slot->at = now;
	slot->outcome = objection->enforcement;
	slot->dry = review->dry_run;
	slot->reason = objection->reason;
	copy(slot->namespace, sizeof slot->namespace, review->namespace);
	copy(slot->pod, sizeof slot->pod, pod->name.len ? pod->name : pod->generate_name);
	copy(slot->tenant, sizeof slot->tenant, decision->tenant);
	copy(slot->message, sizeof slot->message, objection->message);
	pthread_mutex_unlock(&refusals->mutex);
}

unsigned refusals_copy(struct refusals *refusals, struct refusal latest[static REFUSALS_KEPT])
{
	pthread_mutex_lock(&refusals->mutex);
	unsigned kept = refusals->count < REFUSALS_KEPT ? (unsigned)refusals->count : REFUSALS_KEPT;
	for (unsigned i = 0; i < kept; i++)
		latest[i] = refusals->slots[(refusals->count - 1 - i) % REFUSALS_KEPT];
	pthread_mutex_unlock(&refusals->mutex);
	return kept;
}
