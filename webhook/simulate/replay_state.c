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
		before->over = after->over;
	}
	unsigned bits = replay_changes_compare(before, after);
	return replay_changes_note(&replay->changes, bits, subject, before, after) < 0 ? replay_no_memory(err) : 0;
}
