#include "webhook/simulate/replay_reviews.h"

/* One review, as it is replayed. */
struct turn {
	struct replay *replay;
	const struct recorded *recorded;
	struct replay_subject subject;
	struct str key; /* Of a creation: what identifies the Pod, the same in both lines. */
	struct replay_outcome outcomes[REPLAY_SIDES];
};

static bool is_creation(const struct review *review)
{
	return review->operation == OPERATION_CREATE && review->subresource.len == 0;
}

static struct str name_of(const struct pod *pod)
{
	return pod->generate_name.len ? pod->generate_name : pod->name;
}

static struct str pod_name(const struct pod *pod)
{
	return pod->name.len ? pod->name : pod->generate_name;
}

static struct str make_key(const struct review *review, struct arena *arena)
{
	const struct owner *owner = review->claim.present ? &review->claim.owner : &review->object.owner;
	struct str name = review->claim.present ? review_object_name(review) : name_of(&review->object);
	const struct str parts[] = {review->namespace, owner->uid, name, review->user};
	struct str key = {NULL, 0};
	size_t len = 0;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		len += parts[i].len + 1;
	char *text = arena_zalloc(arena, len, 1);
	if (!text)
		return key;
	key = (struct str){text, len};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (parts[i].len)
			memcpy(text, parts[i].ptr, parts[i].len);
		text += parts[i].len + 1;
	}
	return key;
}

/* The key of a side. */
static struct str side_key(const struct turn *turn, int side)
{
	char *text = arena_alloc(&turn->replay->arena, turn->key.len + 1);
	if (!text)
		return (struct str){NULL, 0};
	memcpy(text, turn->key.ptr, turn->key.len);
	text[turn->key.len] = (char)('0' + side);
	return (struct str){text, turn->key.len + 1};
}

/* What was answered then; without a recording, the Pod was admitted as it is. */
static struct replay_outcome baseline(const struct turn *turn)
{
	const struct recorded *recorded = turn->recorded;
	struct replay_outcome outcome = {.admitted = true, .recorded = recorded->has_answer};
	if (!recorded->has_answer)
		return outcome;
	outcome.admitted = recorded->allowed;
	if (recorded->allowed)
		outcome.patch = recorded->patch;
	else
		outcome.message = recorded->message;
	return outcome;
}

static int decide(struct turn *turn, int side, enum replay_step step, const struct review *review, struct error *err)
{
	struct replay *replay = turn->replay;
	return replay_side_decide(&replay->sides[side], step, review, &replay->arena, &turn->outcomes[side]) < 0
		   ? replay_no_memory(err)
		   : 0;
}

static int decide_all(struct turn *turn, enum replay_step step, struct error *err)
{
	turn->outcomes[REPLAY_BEFORE] = baseline(turn);
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(turn->replay, side) && decide(turn, side, step, &turn->recorded->review, err) < 0)
			return -1;
	return 0;
}

static int compare(struct turn *turn, struct error *err)
{
	return replay_compare(turn->replay, &turn->subject, turn->outcomes, err);
}

static void drop_patches(struct turn *turn)
{
	for (int side = 0; side < REPLAY_SIDES; side++)
		turn->outcomes[side].patch = (struct str){NULL, 0};
}

/* --- Pods that only a replay admits --- */

/*
 * A Pod that the recording refused never ran, so nothing in the recording says when it ended. It
 * holds quota until its creator tries again. Otherwise the attempts of a controller would add up.
 */
static void release_phantom(struct replay *replay, struct remembered *phantom)
{
	int side = phantom->key.ptr[phantom->key.len - 1] - '0';
	simulation_gone(replay->sides[side].simulation, phantom->text);
	replay_memory_drop(&replay->phantoms, phantom);
}

static int end_phantom(struct turn *turn, int side, struct error *err)
{
	struct replay *replay = turn->replay;
	struct str key = side_key(turn, side);
	if (!str_present(key))
		return replay_no_memory(err);
	struct remembered *phantom = replay_memory_find(&replay->phantoms, key);
	if (phantom)
		release_phantom(replay, phantom);
	return 0;
}

static int begin_phantom(struct turn *turn, int side, struct error *err)
{
	const struct recorded *recorded = turn->recorded;
	const struct replay_outcome *outcome = &turn->outcomes[side];
	if (!recorded->has_answer || recorded->allowed || recorded->review.dry_run || !outcome->admitted ||
	    !outcome->uid.len)
		return 0;
	struct replay_memory *phantoms = &turn->replay->phantoms;
	struct str key = side_key(turn, side);
	if (!str_present(key))
		return replay_no_memory(err);
	/* One that is forgotten would hold quota to the end. */
	while (replay_memory_is_full(phantoms, key, outcome->uid))
		release_phantom(turn->replay, phantoms->oldest);
	return replay_memory_put(phantoms, key, outcome->uid) ? 0 : replay_no_memory(err);
}

/* --- Pods whose end is assumed --- */

static void end_oldest(struct replay *replay)
{
	struct remembered *holder = replay->holders.oldest;
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(replay, side))
			simulation_gone(replay->sides[side].simulation, holder->key);
	replay_memory_drop(&replay->holders, holder);
}

void replay_reviews_advance(struct replay *replay, int64_t now_ms)
{
	if (now_ms <= replay->now_ms)
		return;
	replay->now_ms = now_ms;
	while (replay->holders.oldest && replay->holders.oldest->until_ms <= now_ms)
		end_oldest(replay);
}

static int assume_end(struct turn *turn, int side, struct error *err)
{
	struct replay *replay = turn->replay;
	struct str uid = turn->outcomes[side].uid;
	if (!replay->hold_ms || !replay->now_ms || !turn->outcomes[side].admitted || !uid.len ||
	    replay_memory_find(&replay->holders, uid))
		return 0;
	while (replay_memory_is_full(&replay->holders, uid, STR("")))
		end_oldest(replay);
	struct remembered *holder = replay_memory_put(&replay->holders, uid, STR(""));
	if (!holder)
		return replay_no_memory(err);
	holder->until_ms = replay->now_ms + replay->hold_ms;
	return 0;
}

/* --- /mutate --- */

/* Compares what the sides made of a Pod whose /validate was not recorded. */
static int finish(struct replay *replay, const struct remembered *original, struct error *err)
{
	struct recorded recorded;
	struct turn turn = {.replay = replay, .recorded = &recorded};
	bool all = original->as_recorded[REPLAY_ENFORCED];
	all &= original->as_recorded[REPLAY_BEFORE] && original->as_recorded[REPLAY_AFTER];
	if (!original->waiting || all)
		return 0;
	if (review_read_recorded(original->text.ptr, original->text.len, &replay->arena, &recorded, err) != 1)
		return -1;
	turn.subject = (struct replay_subject){
	    .file = original->file,
	    .line = original->line,
	    .time = recorded.time,
	    .kind = recorded.review.kind,
	    .namespace = recorded.review.namespace,
	    .name = name_of(&recorded.review.object),
	    .user = recorded.review.user,
	    .pod = &recorded.review.object,
	};
	if (decide_all(&turn, REPLAY_MUTATION, err) < 0)
		return -1;
	/* Differing patches have been noted already. */
	drop_patches(&turn);
	return compare(&turn, err);
}

static int remember(struct turn *turn, struct str line, uint32_t waiting, struct error *err)
{
	struct replay *replay = turn->replay;
	const struct recorded *recorded = turn->recorded;
	while (replay_memory_is_full(&replay->originals, turn->key, line)) {
		if (finish(replay, replay->originals.oldest, err) < 0)
			return -1;
		replay_memory_drop(&replay->originals, replay->originals.oldest);
	}
	struct remembered *original = replay_memory_put(&replay->originals, turn->key, line);
	if (!original)
		return replay_no_memory(err);
	original->file = turn->subject.file;
	original->line = turn->subject.line;
	original->waiting = waiting + 1;
	original->patched = recorded->patch.len > 0;
	for (int side = 0; side < REPLAY_SIDES; side++)
		original->as_recorded[side] =
		    turn->outcomes[side].admitted && replay_same_patch(turn->outcomes[side].patch, recorded->patch);
	return 0;
}

static int replay_mutation(struct turn *turn, struct str line, struct error *err)
{
	struct replay *replay = turn->replay;
	const struct recorded *recorded = turn->recorded;
	const struct remembered *former = replay_memory_find(&replay->originals, turn->key);
	/*
	 * The API server calls a webhook again for the same Pod if another one has changed it. The
	 * Pod then has the patch already.
	 */
	if (former && former->waiting && former->patched && !recorded->patch.len)
		return 0;
	if (decide_all(turn, REPLAY_MUTATION, err) < 0 || remember(turn, line, former ? former->waiting : 0, err) < 0)
		return -1;
	/* A refusal is compared with the outcome of /validate. */
	if (!turn->outcomes[REPLAY_BEFORE].admitted || !turn->outcomes[REPLAY_AFTER].admitted)
		return 0;
	for (int side = 0; side < REPLAY_SIDES; side++)
		turn->outcomes[side].warnings = (struct str){NULL, 0};
	turn->outcomes[REPLAY_ENFORCED].admitted = true;
	return compare(turn, err);
}

/* --- /validate --- */

/* Returns 0, or -1 with an error. */
static int read_original(struct turn *turn, const struct remembered *original, struct review *review, struct error *err)
{
	struct recorded recorded;
	if (review_read_recorded(original->text.ptr, original->text.len, &turn->replay->arena, &recorded, err) != 1)
		return -1;
	*review = turn->recorded->review;
	review->object = recorded.review.object;
	review->object.uid = turn->recorded->review.object.uid;
	review->object.name = turn->recorded->review.object.name;
	return 0;
}

static int decide_creation(struct turn *turn, int side, const struct remembered *original, struct error *err)
{
	const struct review *review = &turn->recorded->review;
	struct review first;
	if (!original)
		return decide(turn, side, REPLAY_WHOLE, review, err);
	if (original->as_recorded[side])
		return decide(turn, side, REPLAY_VALIDATION, review, err);
	return read_original(turn, original, &first, err) < 0 ? -1 : decide(turn, side, REPLAY_WHOLE, &first, err);
}

/* Notes the Pod if these sides do not both admit it, or both refuse it. */
static int note_if_unlike(struct turn *turn, int side, int other, struct replay_memory *memory, struct error *err)
{
	struct str uid = review_object_uid(&turn->recorded->review);
	if (turn->outcomes[side].admitted == turn->outcomes[other].admitted || !uid.len)
		return 0;
	return replay_memory_put(memory, uid, STR("")) ? 0 : replay_no_memory(err);
}

/* A Pod that only one side admits is not compared any more. */
static int note_refused(struct turn *turn, struct error *err)
{
	struct replay *replay = turn->replay;
	return note_if_unlike(turn, REPLAY_BEFORE, REPLAY_AFTER, &replay->refused, err) < 0 ||
		       note_if_unlike(turn, REPLAY_AFTER, REPLAY_ENFORCED, &replay->reported, err) < 0
		   ? -1
		   : 0;
}

/* Whether the Pod was noted. If it is gone, it is noted no longer. */
static bool was_noted(struct replay_memory *memory, struct str uid, bool gone)
{
	struct remembered *noted = uid.len ? replay_memory_find(memory, uid) : NULL;
	if (noted && gone)
		replay_memory_drop(memory, noted);
	return noted != NULL;
}

static int replay_creation(struct turn *turn, struct error *err)
{
	struct replay *replay = turn->replay;
	bool validates = str_eq(turn->recorded->endpoint, STR("/validate"));
	struct remembered *original = validates ? replay_memory_find(&replay->originals, turn->key) : NULL;
	turn->outcomes[REPLAY_BEFORE] = baseline(turn);
	for (int side = 0; side < REPLAY_SIDES; side++)
		if (replay_has(replay, side) &&
		    (end_phantom(turn, side, err) < 0 || decide_creation(turn, side, original, err) < 0 ||
		     begin_phantom(turn, side, err) < 0 || assume_end(turn, side, err) < 0))
			return -1;
	if (original) {
		original->waiting -= original->waiting > 0;
		drop_patches(turn);
	} else if (validates && !replay_has(replay, REPLAY_BEFORE)) {
		/* There is no recorded patch to compare with. */
		drop_patches(turn);
	}
	return note_refused(turn, err) < 0 ? -1 : compare(turn, err);
}

/* An update, or the end of a Pod. */
static int replay_other(struct turn *turn, enum replay_step step, struct error *err)
{
	struct replay *replay = turn->replay;
	const struct review *review = &turn->recorded->review;
	bool gone = review->operation == OPERATION_DELETE && review->subresource.len == 0;
	const struct str uid = review_object_uid(review);
	bool ends = gone && !review->dry_run;
	if (decide_all(turn, step, err) < 0)
		return -1;
	replay->ends += gone || (str_eq(review->subresource, STR("status")) && step == REPLAY_VALIDATION);
	bool refused = was_noted(&replay->refused, uid, ends);
	if (was_noted(&replay->reported, uid, ends))
		turn->outcomes[REPLAY_ENFORCED].admitted = turn->outcomes[REPLAY_AFTER].admitted;
	return refused ? 0 : compare(turn, err);
}

static int replay_turn(struct turn *turn, struct str line, struct error *err)
{
	const struct recorded *recorded = turn->recorded;
	bool mutates = str_eq(recorded->endpoint, STR("/mutate"));
	if (!is_creation(&recorded->review))
		return replay_other(turn,
				    !recorded->has_answer ? REPLAY_WHOLE
				    : mutates             ? REPLAY_MUTATION
							  : REPLAY_VALIDATION,
				    err);
	turn->key = make_key(&recorded->review, &turn->replay->arena);
	if (!str_present(turn->key))
		return replay_no_memory(err);
	/* The API server does not call /validate after /mutate has refused a Pod. */
	return mutates && recorded->allowed ? replay_mutation(turn, line, err) : replay_creation(turn, err);
}

int replay_review(struct replay *replay, const struct recorded *recorded, struct str line, const char *file,
		  uint64_t number, struct error *err)
{
	const struct review *review = &recorded->review;
	const struct pod *pod = review->object.present ? &review->object : &review->old_object;
	struct turn turn = {.replay = replay,
			    .recorded = recorded,
			    .subject = {.file = file,
					.line = number,
					.time = recorded->time,
					.kind = review->kind,
					.namespace = review->namespace,
					.name = review_is_pod(review) ? pod_name(pod) : review_object_name(review),
					.user = review->user,
					.pod = pod}};
	replay->reviews++;
	for (int side = 0; side < REPLAY_SIDES && review->namespace_labels.present; side++)
		if (replay_has(replay, side) &&
		    replay_side_namespace(&replay->sides[side], review->namespace, &review->namespace_labels) < 0)
			return replay_no_memory(err);
	return replay_turn(&turn, line, err);
}

int replay_reviews_finish(struct replay *replay, struct error *err)
{
	for (struct remembered *original = replay->originals.oldest; original; original = original->newer) {
		arena_reset(&replay->arena);
		if (finish(replay, original, err) < 0)
			return -1;
	}
	return 0;
}
