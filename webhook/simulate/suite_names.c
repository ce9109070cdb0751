#include "webhook/simulate/suite_names.h"

#include <stdlib.h>

#include "gpugate/suggest.h"
#include "gpugate/vec.h"
#include "webhook/simulate/suite_check.h"

#define NAMES_BYTES_MAX ((size_t)16 << 20) /* Of all names among which one is looked for. */
#define COMPARED_MAX ((uint64_t)1 << 28)   /* Bounds the time of a comparison with all of them. */
#define SHOWN_MAX 128                      /* Bytes of a name in a message. */

#define SHOWN(name) (int)((name).len < SHOWN_MAX ? (name).len : SHOWN_MAX), (name).ptr

/* --- What was probably meant --- */

/* Names among which the one that was meant is looked for. Without memory, some are missing. */
struct names {
	struct buf text;
	size_t *ends; /* In the text. */
	size_t count, size;
};

static void names_init(struct names *names)
{
	*names = (struct names){.count = 0};
	buf_init(&names->text, NAMES_BYTES_MAX);
}

/* Adds what has been appended to the text. */
static void names_close(struct names *names)
{
	size_t *ends = vec_room(names->ends, names->count, &names->size, 64, sizeof *ends);
	if (!ends || names->text.failed)
		return;
	names->ends = ends;
	names->ends[names->count++] = names->text.len;
}

static void add_name(void *context, struct str name)
{
	struct names *names = context;
	buf_str(&names->text, name);
	names_close(names);
}

/* Sets the error to the sentence, and to what was probably meant, or else to the advice. */
static int refuse(struct names *names, struct str wrong, const char *sentence, const char *advice, struct error *err)
{
	struct str *items = calloc(names->count + 1, sizeof *items), meant = STR("");
	uint64_t work = COMPARED_MAX;
	/* Without bytes, all names are empty. */
	bool some = items && !names->text.failed && names->text.len > 0;
	for (size_t i = 0, begin = 0; some && i < names->count; begin = names->ends[i++])
		items[i] = (struct str){names->text.ptr + begin, names->ends[i] - begin};
	if (some)
		meant = suggest_word_within(wrong, items, names->count, sizeof *items, &work);
	if (meant.len)
		error_set(err, "%s; did you mean \"%.*s\"?", sentence, SHOWN(meant));
	else
		error_set(err, "%s; %s", sentence, advice);
	free(items);
	buf_release(&names->text);
	free(names->ends);
	return -1;
}

/* --- Quotas --- */

uint32_t suite_quota(const struct policy *policy, struct str key)
{
	struct quota_view quota;
	for (uint32_t i = 0; i < policy_quota_count(policy); i++) {
		policy_quota(policy, i, &quota);
		size_t len = quota.tenant.len;
		if (key.len == len + 1 + quota.name.len && key.ptr[len] == '/' &&
		    str_eq((struct str){key.ptr, len}, quota.tenant) && str_eq(str_tail(key, len + 1), quota.name))
			return i;
	}
	return UINT32_MAX;
}

int suite_refuse_quota(const struct policy *policy, const char *where, struct str key, struct error *err)
{
	char sentence[256];
	struct names names;
	names_init(&names);
	for (uint32_t i = 0; i < policy_quota_count(policy); i++) {
		struct quota_view quota;
		policy_quota(policy, i, &quota);
		buf_str(&names.text, quota.tenant);
		buf_char(&names.text, '/');
		add_name(&names, quota.name);
	}
	snprintf(sentence, sizeof sentence, "%s: the policy has no quota \"%.*s\"", where, SHOWN(key));
	return refuse(&names, key, sentence, "name a quota as tenant/quota", err);
}

static int check_quotas(const struct policy *policy, const struct manifest *manifest, const char *where,
			const struct suite_expect *expect, const struct pairs *amounts, struct error *err)
{
	for (uint32_t i = 0; i < amounts->count; i++) {
		struct str key = amounts->items[i].key;
		if (suite_quota(policy, key) != UINT32_MAX)
			continue;
		suite_refuse_quota(policy, where, key, err);
		return suite_error_at(manifest, suite_place(manifest, key, expect->at), err);
	}
	return 0;
}

int suite_check_quotas(const struct policy *policy, const struct manifest *manifest, const struct suite *suite,
		       struct error *err)
{
	for (uint32_t i = 0; i < suite->spec.step_count; i++) {
		const struct suite_expect *expect = &suite->spec.steps[i].expect;
		if (check_quotas(policy, manifest, "expect.charges", expect, &expect->charges, err) < 0 ||
		    check_quotas(policy, manifest, "expect.usage", expect, &expect->usage, err) < 0)
			return -1;
	}
	return 0;
}

/* --- Namespaces and nodes --- */

static int check_namespace(const struct suite_state *state, const struct suite_held *held, struct error *err)
{
	const struct policy *policy = state->means->coverage->policy;
	const struct suite_given *given = &state->suite->spec.given;
	char sentence[256];
	struct names names;
	if (policy_claims_namespace(policy, held->namespace) ||
	    simulation_has_namespace(state->simulation, held->namespace))
		return 0;
	names_init(&names);
	policy_each_namespace(policy, add_name, &names);
	for (uint32_t i = 0; i < given->namespace_count; i++)
		add_name(&names, given->namespaces[i].name);
	snprintf(sentence, sizeof sentence,
		 "given.held: no tenant has the namespace \"%.*s\", so nothing is held there", SHOWN(held->namespace));
	refuse(&names, held->namespace, sentence, "correct the name, or add it to `given.namespaces`", err);
	return suite_error_at(state->manifest, suite_place(state->manifest, held->namespace, held->at), err);
}

int suite_check_node(const struct suite_state *state, struct str node, const char *at, struct error *err)
{
	const struct suite_given *given = &state->suite->spec.given;
	char sentence[256];
	struct names names;
	if (simulation_has_node(state->simulation, node))
		return 0;
	names_init(&names);
	for (uint32_t i = 0; i < given->node_count; i++)
		add_name(&names, given->nodes[i].name);
	snprintf(sentence, sizeof sentence, "there is no node \"%.*s\"", SHOWN(node));
	refuse(&names, node, sentence, "add it to `given.nodes`", err);
	return suite_error_at(state->manifest, at, err);
}

int suite_check_held(const struct suite_state *state, const struct suite_held *held, struct error *err)
{
	if (check_namespace(state, held, err) < 0)
		return -1;
	return held->node.len == 0
		   ? 0
		   : suite_check_node(state, held->node, suite_place(state->manifest, held->node, held->at), err);
}

/* --- Objects --- */

int suite_note_name(struct suite_state *state, struct str namespace, struct str name, bool workload, struct error *err)
{
	struct known_name *known = arena_zalloc(&state->arena, 1, sizeof *known);
	if (!known)
		return state_no_memory(err);
	*known = (struct known_name){state->names, namespace, name, workload};
	state->names = known;
	return 0;
}

/* Returns the newest one, or NULL. */
static const struct known_name *find_name(const struct suite_state *state, const struct str *namespace, struct str name,
					  bool workloads)
{
	const struct known_name *known = state->names;
	while (known && ((workloads && !known->workload) || !str_eq(known->name, name) ||
			 (namespace && !str_eq(known->namespace, *namespace))))
		known = known->next;
	return known;
}

bool suite_has_name(const struct suite_state *state, struct str namespace, struct str name)
{
	return find_name(state, &namespace, name, false) != NULL;
}

int suite_refuse_name(const struct suite_state *state, const char *verb, struct str namespace, struct str name,
		      bool workloads, struct error *err)
{
	const struct known_name *elsewhere = find_name(state, NULL, name, workloads);
	char sentence[512];
	struct names names;
	if (elsewhere)
		return error_set(err,
				 "%s: \"%.*s\" is not in namespace \"%.*s\", but in \"%.*s\"; write that `namespace` "
				 "within `%s`",
				 verb, SHOWN(name), SHOWN(namespace), SHOWN(elsewhere->namespace), verb);
	names_init(&names);
	for (const struct known_name *known = state->names; known; known = known->next)
		if ((!workloads || known->workload) && str_eq(known->namespace, namespace))
			add_name(&names, known->name);
	snprintf(sentence, sizeof sentence, "%s: no step before creates \"%.*s\" in namespace \"%.*s\"", verb,
		 SHOWN(name), SHOWN(namespace));
	return refuse(&names, name, sentence, "add a step that creates it, or correct the name", err);
}
