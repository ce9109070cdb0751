/*
 * certs_world: simulates replicas that manage their certificates, around a Secret and two webhook
 * configurations. Clocks differ, watches lag, answers get lost, processes crash and networks break.
 *
 * Decisions come from webhook/cert_controller/decide.c; the simulation imitates what controller.c
 * does with them. After every tick, every bundle that an API server may be using must verify every
 * certificate that is being served.
 */
#ifndef TESTS_UNIT_CERTS_WORLD_H
#define TESTS_UNIT_CERTS_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "webhook/cert_controller/state.h"

#define WORLD_REPLICAS 3
#define WORLD_HISTORY 256
#define TICK_MS 100
#define WORLD_EPOCH_S 1790000000

/* Rules that are broken on purpose. The simulation must notice each of them. */
enum world_fault {
	FAULT_NONE,
	FAULT_EAGER,     /* An authority signs as soon as it is in the bundles. */
	FAULT_FORGETFUL, /* An authority leaves the bundles as soon as it no longer signs. */
	/* Signs with the authority that signed when the Secret was last read, however long ago. */
	FAULT_STALE_SIGNER,
	/* Writes a bundle from the Secret as it was last read, against any version. */
	FAULT_STALE_BUNDLE,
	/* After the Secret is lost, a new authority signs immediately. */
	FAULT_BLIND,
	FAULTS
};

struct ids {
	unsigned char items[AUTHORITIES_MAX][CERTS_ID_BYTES];
	size_t count;
};

struct configuration {
	uint64_t version;
	struct ids ids;
	struct {
		int64_t since_ms;
		struct ids ids;
	} history[WORLD_HISTORY];
	size_t written; /* Number of writes into the history. */
};

struct secret_now {
	bool exists;
	uint64_t version;
	struct authorities all;
};

enum operation { OP_NONE, OP_READ, OP_WRITE, OP_PATCH };

struct replica {
	bool alive;
	int64_t wake_ms;       /* When it starts; only while it is not alive. */
	int64_t cut_until_ms;  /* Its network is broken until then. */
	int64_t wall_offset_s; /* Offset of its wall clock. */
	int64_t mono_offset_ms;
	int64_t lag_ms; /* Current lag of its watches. */
	/* The operation in flight: when it reaches the server, and when the answer arrives. */
	enum operation op;
	int64_t arrives_ms, answered_ms;
	bool arrived, done, lost;
	struct authorities sent; /* For OP_WRITE: what is sent. For OP_READ: what was found. */
	struct ids sent_ids;
	uint64_t against;
	int which;
	enum secret_state found;
	uint64_t found_version;
	/* As in struct kube_certs. */
	enum secret_state secret;
	struct authorities all;
	uint64_t version;
	int64_t read_ms, next_pass_ms;
	struct {
		bool known;
		uint64_t version, at_read;
		struct ids ids;
		int64_t patch_ms;
	} seen[CERTS_CONFIGURATIONS];
	struct certs_trust trust;
	struct certs_shown shown;
	bool ready;
};

struct world {
	struct certs_lifetimes lifetimes;
	enum world_fault fault;
	bool breaks;  /* Networks break, and processes crash. */
	bool deletes; /* Someone deletes the Secret from time to time. */
	uint64_t random;
	int64_t now_ms;
	int64_t api_offset_s;
	uint64_t serial;
	struct secret_now secret;
	struct configuration configurations[CERTS_CONFIGURATIONS];
	struct replica replicas[WORLD_REPLICAS];
	unsigned promoted, issued, unverified, expired, deleted;
};

static inline int64_t world_random(struct world *world, int64_t least, int64_t most)
{
	world->random += 0x9e3779b97f4a7c15;
	uint64_t word = world->random;
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	word ^= word >> 31;
	return least + (int64_t)(word % (uint64_t)(most - least + 1));
}

static inline void fake_text(struct buf *buf, const char *text)
{
	buf_init(buf, 64);
	buf_text(buf, text);
}

static inline void copy_authorities(struct authorities *to, const struct authorities *from)
{
	authorities_release(to);
	for (size_t i = 0; i < from->count; i++) {
		to->items[i] = from->items[i];
		fake_text(&to->items[i].certificate, "certificate");
		buf_init(&to->items[i].key, 64);
		if (from->items[i].key.len)
			buf_text(&to->items[i].key, "key");
	}
	to->count = from->count;
}

static inline bool ids_have(const struct ids *ids, const unsigned char *id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (memcmp(ids->items[i], id, CERTS_ID_BYTES) == 0)
			return true;
	return false;
}

static inline void ids_of(struct ids *ids, const struct authorities *all)
{
	memset(ids, 0, sizeof *ids);
	for (size_t i = 0; i < all->count; i++)
		memcpy(ids->items[ids->count++], all->items[i].id, CERTS_ID_BYTES);
}

static inline int64_t wall_of(const struct world *world, const struct replica *replica)
{
	return WORLD_EPOCH_S + world->now_ms / 1000 + replica->wall_offset_s;
}

static inline int64_t mono_of(const struct world *world, const struct replica *replica)
{
	return world->now_ms + replica->mono_offset_ms;
}

static inline bool is_cut(const struct world *world, const struct replica *replica)
{
	return world->now_ms < replica->cut_until_ms;
}

/* --- The server --- */

static inline void put_bundle(struct world *world, int which, const struct ids *ids)
{
	struct configuration *configuration = &world->configurations[which];
	configuration->version++;
	configuration->ids = *ids;
	configuration->history[configuration->written % WORLD_HISTORY].since_ms = world->now_ms;
	configuration->history[configuration->written % WORLD_HISTORY].ids = *ids;
	configuration->written++;
}

/* A request reaches the server. A `found_version` of 0 means a conflict. */
static inline void serve_operation(struct world *world, struct replica *replica)
{
	struct secret_now *secret = &world->secret;
	replica->arrived = true;
	if (is_cut(world, replica)) {
		replica->lost = true;
		return;
	}
	if (replica->op == OP_READ) {
		replica->found = secret->exists ? SECRET_READ : SECRET_ABSENT;
		replica->found_version = secret->version;
		if (secret->exists)
			copy_authorities(&replica->sent, &secret->all);
		else
			authorities_release(&replica->sent);
	} else if (replica->op == OP_WRITE) {
		bool fits = secret->exists ? replica->against == secret->version : replica->against == 0;
		if (fits) {
			secret->exists = true;
			secret->version = ++world->serial;
			copy_authorities(&secret->all, &replica->sent);
		}
	} else if (replica->against == world->configurations[replica->which].version ||
		   world->fault == FAULT_STALE_BUNDLE) {
		put_bundle(world, replica->which, &replica->sent_ids);
	}
	/* The answer is lost. */
	replica->lost = world->breaks && world_random(world, 0, 49) == 0;
}

/* --- A replica --- */

static inline void begin(struct world *world, struct replica *replica, enum operation op)
{
	replica->op = op;
	replica->arrived = replica->lost = false;
	replica->arrives_ms = world->now_ms + world_random(world, 0, 5) * TICK_MS;
	replica->answered_ms = replica->arrives_ms + world_random(world, 0, 5) * TICK_MS;
	/* A slow read, perhaps too slow. */
	if (op == OP_READ && world->breaks && world_random(world, 0, 19) == 0)
		replica->answered_ms += world_random(world, 0, world->lifetimes.trust_s * 1500);
}

static inline void begin_read(struct world *world, struct replica *replica)
{
	replica->read_ms = mono_of(world, replica);
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		replica->seen[i].at_read = replica->seen[i].version;
	begin(world, replica, OP_READ);
}

static inline bool hold(const struct replica *replica, const unsigned char *id)
{
	bool all = true;
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		all &= replica->seen[i].known && ids_have(&replica->seen[i].ids, id);
	return all;
}

static inline void take_notice(struct world *world, struct replica *replica)
{
	const struct authority *next =
	    authorities_next(&replica->all, wall_of(world, replica), certs_lead_s(&world->lifetimes));
	certs_trust_note(&replica->trust, next, next && hold(replica, next->id), mono_of(world, replica));
	if (replica->shown.any && hold(replica, replica->shown.issuer))
		replica->ready = true;
}

static inline void gather_facts(struct world *world, struct replica *replica, struct certs_facts *facts)
{
	struct ids wanted;
	ids_of(&wanted, &replica->all);
	take_notice(world, replica);
	*facts = (struct certs_facts){.secret = replica->secret,
				      .authorities = &replica->all,
				      .read_ms = replica->read_ms,
				      .known = true,
				      .trust = replica->trust,
				      .shown = replica->shown,
				      .now_s = wall_of(world, replica),
				      .now_ms = mono_of(world, replica)};
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		const struct ids *ids = &replica->seen[i].ids;
		facts->known &= replica->seen[i].known;
		facts->right[i] = replica->secret == SECRET_READ && memcmp(ids, &wanted, sizeof wanted) == 0;
		facts->fresh[i] = replica->seen[i].version == replica->seen[i].at_read;
		facts->patch_ms[i] = replica->seen[i].patch_ms;
		for (size_t j = 0; j < ids->count; j++)
			facts->others_trusted |= !ids_have(&wanted, ids->items[j]);
	}
	if (world->fault == FAULT_EAGER)
		facts->trust.since_ms -= world->lifetimes.trust_s * 1000;
	if (world->fault == FAULT_BLIND)
		facts->others_trusted = false;
	if (world->fault == FAULT_STALE_BUNDLE)
		facts->fresh[0] = facts->fresh[1] = true;
}

/*
 * Trusted authorities have no certificate here that could be parsed, so they are assumed to remain
 * valid.
 */
static inline void keep_trusted(struct world *world, struct replica *replica)
{
	struct error err = {0};
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		for (size_t j = 0; j < replica->seen[i].ids.count; j++) {
			struct certs_item item = {.authority = true, .pem = STR("certificate")};
			item.not_after = wall_of(world, replica) + world->lifetimes.ca_s;
			memcpy(item.id, replica->seen[i].ids.items[j], CERTS_ID_BYTES);
			authorities_keep(&replica->all, &item, world->lifetimes.leaf_s, wall_of(world, replica), &err);
		}
}

static inline void make_authority(struct world *world, struct replica *replica, bool signs)
{
	int64_t now_s = wall_of(world, replica);
	if (replica->secret != SECRET_READ)
		keep_trusted(world, replica);
	struct authority *made = &replica->all.items[replica->all.count++];
	*made = (struct authority){.not_before = now_s - 300,
				   .not_after = now_s + world->lifetimes.ca_s,
				   .signs = signs ? now_s : 0,
				   .leaf_s = world->lifetimes.leaf_s};
	uint64_t serial = ++world->serial;
	memcpy(made->id, &serial, sizeof serial);
	fake_text(&made->certificate, "certificate");
	fake_text(&made->key, "key");
}

static inline void sign(struct world *world, struct replica *replica)
{
	int64_t now_s = wall_of(world, replica);
	const struct authority *signer = authorities_signer(&replica->all, now_s);
	int64_t end_s =
	    now_s + world->lifetimes.leaf_s < signer->not_after ? now_s + world->lifetimes.leaf_s : signer->not_after;
	int64_t life_ms = (end_s - now_s) * 1000;
	replica->shown = (struct certs_shown){.any = true, .not_after = end_s};
	replica->shown.renew_ms =
	    mono_of(world, replica) + certs_renew_ms(life_ms, (uint64_t)world_random(world, 0, INT64_MAX - 1));
	memcpy(replica->shown.issuer, signer->id, CERTS_ID_BYTES);
	world->issued++;
}

static inline void write_all(struct world *world, struct replica *replica)
{
	copy_authorities(&replica->sent, &replica->all);
	replica->against = replica->secret == SECRET_ABSENT ? 0 : replica->version;
	begin(world, replica, OP_WRITE);
}

static inline void act(struct world *world, struct replica *replica)
{
	struct certs_facts facts;
	int64_t now_s = wall_of(world, replica), slack_s = certs_slack_s(&world->lifetimes);
	gather_facts(world, replica, &facts);
	struct certs_decision decision = certs_decide(&world->lifetimes, &facts);
	switch (decision.step) {
	case CERTS_WAIT:
		replica->next_pass_ms = world->now_ms + decision.wait_ms;
		break;
	case CERTS_SIGN:
		sign(world, replica); /* falls through */
	case CERTS_READ:
		replica->next_pass_ms = world->now_ms + TICK_MS;
		break;
	case CERTS_BUNDLE:
		replica->which = decision.configuration;
		replica->against = replica->seen[replica->which].version;
		ids_of(&replica->sent_ids, &replica->all);
		replica->seen[replica->which].patch_ms = mono_of(world, replica) + 1000;
		begin(world, replica, OP_PATCH);
		break;
	case CERTS_FOUND:
	case CERTS_ADD:
		make_authority(world, replica, decision.step == CERTS_FOUND);
		write_all(world, replica);
		break;
	case CERTS_PROMOTE:
		authorities_promote(&replica->all,
				    authorities_next(&replica->all, now_s, certs_lead_s(&world->lifetimes)), now_s);
		if (world->fault == FAULT_FORGETFUL)
			authorities_drop(&replica->all, now_s + 2 * world->lifetimes.leaf_s, slack_s);
		world->promoted++;
		write_all(world, replica);
		break;
	case CERTS_DROP:
		authorities_drop(&replica->all, now_s, slack_s);
		write_all(world, replica);
		break;
	}
}

static inline void answer_operation(struct world *world, struct replica *replica)
{
	enum operation op = replica->op;
	replica->op = OP_NONE;
	replica->next_pass_ms = world->now_ms + (replica->lost ? 1000 : 0);
	if (op != OP_READ || replica->lost) {
		/*
		 * A Secret that cannot be read again is unknown from then on, except to a replica
		 * with FAULT_STALE_SIGNER.
		 */
		if (op == OP_READ && world->fault == FAULT_STALE_SIGNER && replica->secret == SECRET_READ &&
		    replica->shown.any && mono_of(world, replica) >= replica->shown.renew_ms &&
		    authorities_signer(&replica->all, wall_of(world, replica)))
			sign(world, replica);
		return;
	}
	replica->secret = replica->found;
	replica->version = replica->found_version;
	copy_authorities(&replica->all, &replica->sent);
	act(world, replica);
}

static inline void watch(struct world *world, struct replica *replica)
{
	if (is_cut(world, replica) || world_random(world, 0, 4) != 0)
		return;
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		const struct configuration *configuration = &world->configurations[i];
		if (replica->seen[i].known && replica->seen[i].version == configuration->version)
			continue;
		replica->seen[i].known = true;
		replica->seen[i].version = configuration->version;
		replica->seen[i].ids = configuration->ids;
		take_notice(world, replica);
		replica->next_pass_ms = world->now_ms;
	}
	if (replica->version != world->secret.version || (replica->secret == SECRET_READ) != world->secret.exists)
		replica->next_pass_ms = world->now_ms;
}

static inline void crash(struct world *world, struct replica *replica)
{
	authorities_release(&replica->all);
	authorities_release(&replica->sent);
	*replica = (struct replica){.wall_offset_s = replica->wall_offset_s,
				    .mono_offset_ms = world_random(world, 0, 1000000000),
				    .wake_ms = world->now_ms + world_random(world, 0, 5000)};
}

static inline void run_replica(struct world *world, struct replica *replica)
{
	if (!replica->alive) {
		if (world->now_ms >= replica->wake_ms) {
			replica->alive = true;
			replica->next_pass_ms = world->now_ms;
		}
		return;
	}
	if (world->breaks && world_random(world, 0, 3000) == 0) {
		crash(world, replica);
		return;
	}
	if (world->breaks && world_random(world, 0, 2000) == 0)
		replica->cut_until_ms = world->now_ms + world_random(world, 0, world->lifetimes.leaf_s * 2500);
	watch(world, replica);
	if (replica->op != OP_NONE && !replica->arrived && world->now_ms >= replica->arrives_ms)
		serve_operation(world, replica);
	if (replica->op != OP_NONE && replica->arrived && world->now_ms >= replica->answered_ms)
		answer_operation(world, replica);
	if (replica->op == OP_NONE && world->now_ms >= replica->next_pass_ms)
		begin_read(world, replica);
}

/* --- Invariants --- */

/*
 * Checks every bundle that an API server may use: all that were in force within trust_s. An empty
 * bundle trusts nothing and is not checked.
 */
static inline void check_replica(struct world *world, const struct replica *replica)
{
	int64_t api_s = WORLD_EPOCH_S + world->now_ms / 1000 + world->api_offset_s;
	if (!replica->alive || !replica->ready)
		return;
	if (api_s >= replica->shown.not_after) {
		world->expired += !world->breaks;
		return;
	}
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		const struct configuration *configuration = &world->configurations[i];
		int64_t until_ms = INT64_MAX, oldest_ms = world->now_ms - world->lifetimes.trust_s * 1000;
		for (size_t j = configuration->written; j-- > 0 && until_ms > oldest_ms;) {
			size_t at = j % WORLD_HISTORY;
			const struct ids *ids = &configuration->history[at].ids;
			if (ids->count && !ids_have(ids, replica->shown.issuer))
				world->unverified++;
			until_ms = configuration->history[at].since_ms;
		}
	}
}

static inline void world_tick(struct world *world)
{
	world->now_ms += TICK_MS;
	if (world->deletes && world->secret.exists && world_random(world, 0, 3000) == 0) {
		world->secret.exists = false;
		authorities_release(&world->secret.all);
		world->deleted++;
	}
	for (int i = 0; i < WORLD_REPLICAS; i++)
		run_replica(world, &world->replicas[i]);
	for (int i = 0; i < WORLD_REPLICAS; i++)
		check_replica(world, &world->replicas[i]);
}

/* Clocks differ by at most half of trust_s. */
static inline void world_init(struct world *world, uint64_t seed)
{
	int64_t off_s = world->lifetimes.trust_s / 4;
	struct ids none = {.count = 0};
	world->random = seed;
	world->api_offset_s = world_random(world, -off_s, off_s);
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++)
		put_bundle(world, i, &none);
	for (int i = 0; i < WORLD_REPLICAS; i++) {
		world->replicas[i].wall_offset_s = world_random(world, -off_s, off_s);
		crash(world, &world->replicas[i]);
	}
}

static inline void world_release(struct world *world)
{
	authorities_release(&world->secret.all);
	for (int i = 0; i < WORLD_REPLICAS; i++) {
		authorities_release(&world->replicas[i].all);
		authorities_release(&world->replicas[i].sent);
	}
}

#endif
