#include "webhook/server/recent_denials.h"

#include <string.h>

#include "webhook/object/review.h"

void recent_denials_init(struct recent_denials *denials)
{
	pthread_mutex_init(&denials->mutex, NULL);
	denials->count = 0;
}

void recent_denials_release(struct recent_denials *denials)
{
	pthread_mutex_destroy(&denials->mutex);
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

void recent_denials_note(struct recent_denials *denials, const struct review *review, const struct decision *decision,
			 const struct violation *violation, time_t now)
{
	if (!denials)
		return;
	pthread_mutex_lock(&denials->mutex);
	struct recent_denial *slot = &denials->slots[denials->count++ % RECENT_DENIALS_MAX];
	slot->at = now;
	slot->outcome = violation->enforcement;
	slot->dry = review->dry_run;
	slot->reason = violation->reason;
	copy(slot->namespace, sizeof slot->namespace, review->namespace);
	copy(slot->pod, sizeof slot->pod, review_object_name(review));
	copy(slot->tenant, sizeof slot->tenant, decision->tenant);
	copy(slot->message, sizeof slot->message, violation->message);
	pthread_mutex_unlock(&denials->mutex);
}

unsigned recent_denials_copy(struct recent_denials *denials, struct recent_denial latest[static RECENT_DENIALS_MAX])
{
	pthread_mutex_lock(&denials->mutex);
	unsigned kept = denials->count < RECENT_DENIALS_MAX ? (unsigned)denials->count : RECENT_DENIALS_MAX;
	for (unsigned i = 0; i < kept; i++)
		latest[i] = denials->slots[(denials->count - 1 - i) % RECENT_DENIALS_MAX];
	pthread_mutex_unlock(&denials->mutex);
	return kept;
}
