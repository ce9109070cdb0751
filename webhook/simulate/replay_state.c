#include "webhook/simulate/replay_state.h"

int replay_no_memory(struct error *err)
{
	return error_set(err, "there is not enough memory for this object and what the replay holds");
}

int replay_compare(struct replay *replay, const struct replay_subject *subject,
		   struct replay_outcome outcomes[REPLAY_SIDES], struct error *err)
{
	struct replay_outcome *before = &outcomes[REPLAY_BEFORE];
	const struct replay_outcome *after = &outcomes[REPLAY_AFTER];
	if (!replay_has(replay, REPLAY_BEFORE)) {
		before->warnings = after->warnings;
		/* A Pod that was admitted may have exceeded a quota that only warned. */
		before->over = before->recorded && (!before->admitted || after->admitted) && after->over;
	}
	unsigned bits = replay_changes_compare(outcomes);
	return replay_changes_note(&replay->changes, bits, subject, outcomes) < 0 ? replay_no_memory(err) : 0;
}
