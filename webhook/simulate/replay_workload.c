#include "webhook/simulate/replay_workload.h"

#include "webhook/simulate/replay_reviews.h"

/*
 * One Pod, after `number` others, by all sides. Returns 1 if one of them admits it, 0 if none does,
 * or -1.
 */
static int create_pod(struct replay *replay, const struct subject *subject, int64_t number, struct arena *decisions,
		      struct replay_outcome outcomes[REPLAY_SIDES], struct error *err)
{
	struct review review;
	bool one_fits = false;
	if (subject_member(subject, number, decisions, &review) < 0)
		return replay_no_memory(err);
	outcomes[REPLAY_BEFORE] = (struct replay_outcome){.admitted = true};
	for (int side = 0; side < REPLAY_SIDES; side++) {
		if (!replay_has(replay, side))
			continue;
		if (replay_side_decide(&replay->sides[side], REPLAY_WHOLE, &review, decisions, &outcomes[side]) < 0)
			return replay_no_memory(err);
		one_fits |= outcomes[side].admitted;
	}
	return one_fits;
}

/* The Pods that each side has admitted of a group without which the others are. */
struct ended {
	struct str *uids[REPLAY_SIDES];
	int64_t count[REPLAY_SIDES];
};

static int begin_ended(struct replay *replay, int64_t pods, struct ended *ended)
{
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (!(ended->uids[side] = arena_zalloc(&replay->arena, (size_t)pods + 1, sizeof *ended->uids[side])))
			return -1;
	return 0;
}

static int note_ended(struct replay *replay, const struct replay_outcome *outcomes, struct ended *ended)
{
	for (int side = 0; side < REPLAY_SIDES; side++) {
		if (!replay_has(replay, side) || !outcomes[side].admitted || !str_present(outcomes[side].uid))
			continue;
		struct str uid = arena_str(&replay->arena, outcomes[side].uid);
		if (!str_present(uid))
			return -1;
		ended->uids[side][ended->count[side]++] = uid;
	}
	return 0;
}

static void end_all(struct replay *replay, const struct ended *ended)
{
	for (int side = 0; side < REPLAY_SIDES; side++)
		for (int64_t i = 0; i < ended->count[side]; i++)
			simulation_gone(replay->sides[side].simulation, ended->uids[side][i]);
}

static void own_groups(struct replay *replay, const struct group_object *object)
{
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(replay, side))
			group_objects_own(simulation_groups(replay->sides[side].simulation), object);
}

/* A Pod after one that no side admits is like it, so that nothing has to be decided again. */
static int create_pods(struct replay *replay, const struct subject *subject, int64_t pods,
		       const struct replay_subject *named, struct error *err)
{
	struct arena decisions;
	struct replay_outcome outcomes[REPLAY_SIDES];
	struct ended ended = {.count = {0}};
	int one_fits = 1;
	if (subject->alone && begin_ended(replay, pods, &ended) < 0)
		return replay_no_memory(err);
	arena_init(&decisions, (size_t)64 << 10, (size_t)64 << 20);
	for (int64_t i = 0; i < pods && one_fits >= 0; i++) {
		if (one_fits) {
			arena_reset(&decisions);
			one_fits = create_pod(replay, subject, i, &decisions, outcomes, err);
			if (one_fits > 0 && subject->alone && note_ended(replay, outcomes, &ended) < 0)
				one_fits = replay_no_memory(err);
		}
		replay->reviews++;
		if (one_fits >= 0 && replay_compare(replay, named, outcomes, err) < 0)
			one_fits = -1;
	}
	end_all(replay, &ended);
	arena_release(&decisions);
	return one_fits < 0 ? -1 : 0;
}

/* Its Pods take the place of those in the usage, as for `gpugate explain`. */
static int64_t take_place(struct replay *replay, const struct subject *subject, struct str name)
{
	struct simulation *simulations[REPLAY_SIDES];
	size_t count = 0;
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(replay, side))
			simulations[count++] = replay->sides[side].simulation;
	return replaced_take(replay->usage, subject, name, simulations, count).count.pods;
}

/* Where custom resources keep their Pods is what the newest of the policies says. */
static const struct policy *policy_of(const struct replay *replay)
{
	const struct policy *policy = NULL;
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(replay, side))
			policy = replay->sides[side].policy;
	return policy;
}

int replay_workload(struct replay *replay, const struct manifest *manifest, const struct manifest_object *object,
		    const char *file, struct error *err)
{
	const struct subject_creator creator = {.namespace = {"default", 7}, .policy = policy_of(replay)};
	struct subjects subjects;
	int found = subjects_read(&subjects, manifest, object, &creator, &replay->arena, err);
	if (found <= 0) {
		replay->skipped += found == 0;
		if (found == 0)
			subject_is_unnamed(creator.policy, manifest, object, &replay->unnamed);
		return found;
	}
	if (subjects_set_groups(&subjects, object, ++replay->workloads, &replay->arena) < 0)
		return replay_no_memory(err);
	for (uint32_t i = 0; i < subjects.count; i++) {
		const struct subject *subject = &subjects.items[i];
		const struct replay_subject named = {.file = file,
						     .line = object->line,
						     .kind = subject->review.kind,
						     .namespace = subject->review.namespace,
						     .name = object->name,
						     .user = subject->review.user,
						     .pod = &subject->review.object};
		int64_t pods = take_place(replay, subject, object->name);
		own_groups(replay, &subject->group);
		int created = create_pods(replay, subject, pods, &named, err);
		own_groups(replay, NULL);
		if (created < 0)
			return error_wrap(err, "%.300s:%u", file, object->line);
	}
	return 0;
}
