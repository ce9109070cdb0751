/*
 * fuzz_ledger: reads any bytes as the text of pending entries in the shared object. Every accepted
 * text can be loaded, has exact sums, and means the same after it is written in each form and read
 * again.
 */
#include <stdlib.h>

#include "gpugate/policy.h"
#include "tests/fuzz/load_policy.h"
#include "webhook/ledger/codec.h"
#include "webhook/ledger/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 4096
#define VERSION 7

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\nspec: {resource: nvidia.com/gpu, "
    "memory: 80Gi}\n---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {namespaces: [a], "
    "quotas: [{name: all, measure: memory, hard: 200Gi}, {name: count, hard: 2}]}\n";

static struct ledger *open_ledger(const struct policy *policy)
{
	const struct ledger_options options = {.policy = policy, .shared = true, .ttl_ms = 1000};
	struct ledger *ledger = ledger_create(&options, NULL);
	if (!ledger)
		abort();
	return ledger;
}

/* What a text holds, and the first form that can hold all of it. */
struct counted {
	uint32_t consumers;
	unsigned form;
};

static int count_consumer(void *context, const struct consumer *consumer)
{
	struct counted *counted = context;
	unsigned form = ledger_text_first_form(consumer);
	if (!ledger_text_fits(consumer))
		abort();
	counted->consumers++;
	/* Older forms have the class of a part, which may cost more. */
	for (uint32_t i = 0; i < consumer->request_count; i++)
		if (!str_eq(resource_without_part(consumer->requests[i].resource), consumer->requests[i].resource))
			form = LEDGER_FORM;
	counted->form = form > counted->form ? form : counted->form;
	return 0;
}

static uint32_t entries_of(const struct ledger *ledger)
{
	return ledger_pending(ledger) + ledger_reservations(ledger);
}

/* Writes the text that a write of the ledger would contain. */
static void encode(struct ledger *ledger, unsigned form, struct buf *out)
{
	struct ledger_versions versions;
	/* Form 1 repeats the namespaces that form 2 contains once. */
	buf_init(out, 64 * INPUT_MAX);
	ledger_set_form(ledger, form);
	ledger_encode(ledger, 0, out, &versions);
	if (out->failed || versions.of[CONSUMER_POD] != VERSION || !ledger_check(ledger))
		abort();
	if (ledger_text_form(buf_view(out)) != (entries_of(ledger) ? form : 0))
		abort();
}

/* Requires that both hold the same amount of each quota, for the same number of Pods. */
static void compare(const struct ledger *a, const struct ledger *b, uint32_t quotas)
{
	if (ledger_pending(a) != ledger_pending(b) || ledger_reservations(a) != ledger_reservations(b))
		abort();
	for (uint32_t i = 0; i < quotas; i++)
		if (ledger_held(a)[i].pending != ledger_held(b)[i].pending ||
		    ledger_held(a)[i].reserved != ledger_held(b)[i].reserved || ledger_held(a)[i].used != 0)
			abort();
}

/*
 * Writes the text, loads it into another ledger, and does the same from there in the other forms,
 * from `first_form` on. Nothing may get lost.
 */
static void write_and_read(struct ledger *ledger, unsigned form, unsigned first_form, const struct policy *policy)
{
	struct ledger *copy = open_ledger(policy);
	struct buf first;
	encode(ledger, form, &first);
	if (ledger_load(copy, (struct ledger_versions){{VERSION}}, buf_view(&first), 1, NULL) < 0)
		abort();
	compare(ledger, copy, policy_quota_count(policy));
	for (unsigned other = first_form; other <= LEDGER_FORM; other++) {
		struct buf second;
		encode(copy, other, &second);
		if (ledger_load(copy, (struct ledger_versions){{VERSION}}, buf_view(&second), 2, NULL) < 0)
			abort();
		compare(ledger, copy, policy_quota_count(policy));
		buf_release(&second);
	}
	buf_release(&first);
	ledger_destroy(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	struct str text = {(const char *)data, size};
	struct error err = {0}, again_err = {0};
	struct arena arena;
	struct counted counted = {.form = 1};

	if (size > INPUT_MAX)
		return 0;
	if (!policy)
		policy = load_policy(policy_text);
	arena_init(&arena, 4096, 1 << 20);
	int result = ledger_text_read(text, &arena, count_consumer, &counted, &err);
	arena_release(&arena);
	struct ledger *ledger = open_ledger(policy);
	if (ledger_load(ledger, (struct ledger_versions){{VERSION}}, text, 1, &again_err) != result ||
	    (result < 0) != (err.text[0] != '\0'))
		abort();
	if (result < 0 && (entries_of(ledger) || ledger_version(ledger, CONSUMER_POD)))
		/* Some of an unreadable text was applied. */
		abort();
	if (result == 0) {
		/* A uid may occur twice. */
		if (entries_of(ledger) > counted.consumers)
			abort();
		for (unsigned form = counted.form; form <= LEDGER_FORM; form++)
			write_and_read(ledger, form, counted.form, policy);
	}
	ledger_destroy(ledger);
	return 0;
}
