#include "webhook/ledger.h"

#include <stdlib.h>

/* A holding in one block of memory: the struct, its arrays, its strings. */
struct entry {
	struct entry *next; /* in its slot */
	uint64_t hash;
	struct holding holding;
};

struct ledger {
	const struct policy *policy;
	wide *used; /* by quota */
	struct entry **slots;
	uint32_t mask;
	uint32_t pods, max_pods;
	struct charge *charges; /* room for one Pod's charges under `policy` */
};

static uint64_t hash_uid(struct str uid)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < uid.len; i++)
		hash = (hash ^ (unsigned char)uid.ptr[i]) * 0x100000001b3u;
	return hash ^ (hash >> 31);
}

static wide *make_sums(const struct policy *policy)
{
	return calloc(policy_quota_count(policy) + 1, sizeof(wide));
}

static struct charge *make_charges(const struct policy *policy)
{
	return calloc(policy_charge_max(policy) + 1, sizeof(struct charge));
}

struct ledger *ledger_create(const struct policy *policy, uint32_t max_pods, struct error *err)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	if (ledger) {
		ledger->used = make_sums(policy);
		ledger->charges = make_charges(policy);
		ledger->mask = 255;
		ledger->slots = calloc(ledger->mask + 1, sizeof(struct entry *));
		ledger->max_pods = max_pods;
	}
	if (!ledger || !ledger->used || !ledger->charges || !ledger->slots) {
		ledger_destroy(ledger);
		error_set(err, "there is no memory for the ledger");
		return NULL;
	}
	policy_retain(policy);
	ledger->policy = policy;
	return ledger;
}

void ledger_destroy(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (uint32_t i = 0; ledger->slots && i <= ledger->mask; i++)
		for (struct entry *entry = ledger->slots[i], *next; entry; entry = next) {
			next = entry->next;
			free(entry);
		}
	policy_release(ledger->policy);
	free(ledger->slots);
	free(ledger->used);
	free(ledger->charges);
	free(ledger);
}

static struct str put_str(char **at, struct str s)
{
	struct str copy = {*at, s.len};
	if (s.len)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

/* A copy of everything a holding refers to; NULL without memory. */
static struct entry *make_entry(const struct holding *h, uint64_t hash)
{
	size_t bytes = h->uid.len + h->namespace.len + h->name.len;
	for (uint32_t i = 0; i < h->demand_count; i++)
		bytes += h->demands[i].resource.len;
	for (uint32_t i = 0; i < h->model_count; i++)
		bytes += h->models[i].len;
	size_t demands = h->demand_count * sizeof(struct demand), models = h->model_count * sizeof(struct str);
	struct entry *entry = malloc(sizeof *entry + demands + models + bytes);
	if (!entry)
		return NULL;
	struct demand *d = (struct demand *)(entry + 1);
	struct str *m = (struct str *)(d + h->demand_count);
	char *at = (char *)(m + h->model_count);
	*entry = (struct entry){.hash = hash, .holding = *h};
	entry->holding.uid = put_str(&at, h->uid);
	entry->holding.namespace = put_str(&at, h->namespace);
	entry->holding.name = put_str(&at, h->name);
	for (uint32_t i = 0; i < h->demand_count; i++)
		d[i] = (struct demand){put_str(&at, h->demands[i].resource), h->demands[i].count};
	for (uint32_t i = 0; i < h->model_count; i++)
		m[i] = put_str(&at, h->models[i]);
	entry->holding.demands = d;
	entry->holding.models = m;
	return entry;
}

static struct entry **find(const struct ledger *ledger, struct str uid, uint64_t hash)
{
	struct entry **link = &ledger->slots[hash & ledger->mask];
	while (*link && !((*link)->hash == hash && str_eq((*link)->holding.uid, uid)))
		link = &(*link)->next;
	return link;
}

/* Twice as many slots as entries at most; without memory the chains just get longer. */
static void grow_slots(struct ledger *ledger)
{
	if (ledger->pods <= ledger->mask)
		return;
	uint32_t mask = ledger->mask * 2 + 1;
	struct entry **slots = calloc((size_t)mask + 1, sizeof *slots);
	if (!slots)
		return;
	for (uint32_t i = 0; i <= ledger->mask; i++)
		for (struct entry *entry = ledger->slots[i], *next; entry; entry = next) {
			next = entry->next;
			entry->next = slots[entry->hash & mask];
			slots[entry->hash & mask] = entry;
		}
	free(ledger->slots);
	ledger->slots = slots;
	ledger->mask = mask;
}

/* Adds (or, with sign -1, takes back) a holding's charges under the ledger's policy. */
static void book(struct ledger *ledger, const struct holding *holding, int sign)
{
	int count = policy_charge(ledger->policy, holding, ledger->charges);
	for (int i = 0; i < count; i++)
		ledger->used[ledger->charges[i].quota] += sign * ledger->charges[i].amount;
}

/* Compares each charge with what is left, leaving `self` (the same uid, held already) out of what is used. */
static void judge(const struct ledger *ledger, const struct entry *self, struct excess *excess,
		  struct ledger_verdict *verdict)
{
	int own = self ? policy_charge(ledger->policy, &self->holding, ledger->charges) : 0;
	for (uint32_t i = 0; i < verdict->charge_count; i++) {
		const struct charge *charge = &verdict->charges[i];
		struct quota_view quota;
		policy_quota(ledger->policy, charge->quota, &quota);
		wide used = ledger->used[charge->quota], sum;
		for (int k = 0; k < own; k++)
			used -= ledger->charges[k].quota == charge->quota ? ledger->charges[k].amount : 0;
		bool overflow = __builtin_add_overflow(used, charge->amount, &sum);
		if (quota.unlimited || (!overflow && sum <= quota.hard))
			continue;
		excess[verdict->excess_count++] = (struct excess){charge->quota, charge->amount, used, 0};
		if (quota.enforcement == ENFORCEMENT_DENY || overflow)
			verdict->answer = LEDGER_REFUSED;
	}
	verdict->excess = excess;
}

void ledger_decide(struct ledger *ledger, const struct holding *holding, enum ledger_mode mode, struct arena *arena,
		   struct ledger_verdict *verdict)
{
	*verdict = (struct ledger_verdict){.answer = LEDGER_OUTAGE, .policy = ledger->policy};
	uint32_t max = policy_charge_max(ledger->policy);
	struct charge *charges = arena_zalloc(arena, max, sizeof *charges);
	struct excess *excess = arena_zalloc(arena, max, sizeof *excess);
	int count = charges && excess ? policy_charge(ledger->policy, holding, charges) : -1;
	if (count < 0)
		return;
	verdict->answer = LEDGER_ADMITTED;
	verdict->charges = charges;
	verdict->charge_count = (uint32_t)count;
	uint64_t hash = hash_uid(holding->uid);
	struct entry **link = find(ledger, holding->uid, hash), *self = *link;
	judge(ledger, self, excess, verdict);
	if (mode == LEDGER_FORCE)
		verdict->answer = LEDGER_ADMITTED;
	if (mode == LEDGER_DRY || verdict->answer != LEDGER_ADMITTED)
		return;
	struct entry *entry = !self && ledger->pods == ledger->max_pods ? NULL : make_entry(holding, hash);
	if (!entry) {
		verdict->answer = LEDGER_OUTAGE;
		return;
	}
	if (self) {
		book(ledger, &self->holding, -1);
		entry->next = self->next;
		free(self);
	} else {
		entry->next = NULL;
		ledger->pods++;
	}
	*link = entry;
	book(ledger, &entry->holding, 1);
	grow_slots(ledger);
}

bool ledger_free(struct ledger *ledger, struct str uid)
{
	struct entry **link = find(ledger, uid, hash_uid(uid)), *entry = *link;
	if (!entry)
		return false;
	book(ledger, &entry->holding, -1);
	*link = entry->next;
	free(entry);
	ledger->pods--;
	return true;
}

int ledger_rebase(struct ledger *ledger, const struct policy *policy)
{
	wide *used = make_sums(policy);
	struct charge *charges = make_charges(policy);
	if (!used || !charges) {
		free(used);
		free(charges);
		return -1;
	}
	free(ledger->used);
	free(ledger->charges);
	ledger->used = used;
	ledger->charges = charges;
	policy_retain(policy);
	policy_release(ledger->policy);
	ledger->policy = policy;
	for (uint32_t i = 0; i <= ledger->mask; i++)
		for (const struct entry *entry = ledger->slots[i]; entry; entry = entry->next)
			book(ledger, &entry->holding, 1);
	return 0;
}

const struct policy *ledger_policy(const struct ledger *ledger)
{
	return ledger->policy;
}

uint32_t ledger_pods(const struct ledger *ledger)
{
	return ledger->pods;
}

wide ledger_used(const struct ledger *ledger, uint32_t quota)
{
	return ledger->used[quota];
}

bool ledger_check(const struct ledger *ledger)
{
	uint32_t quotas = policy_quota_count(ledger->policy), pods = 0;
	wide *sums = make_sums(ledger->policy);
	if (!sums)
		return false;
	for (uint32_t i = 0; i <= ledger->mask; i++)
		for (const struct entry *entry = ledger->slots[i]; entry; entry = entry->next, pods++) {
			int count = policy_charge(ledger->policy, &entry->holding, ledger->charges);
			for (int k = 0; k < count; k++)
				sums[ledger->charges[k].quota] += ledger->charges[k].amount;
		}
	bool exact = pods == ledger->pods && memcmp(sums, ledger->used, quotas * sizeof *sums) == 0;
	free(sums);
	return exact;
}
