#include "webhook/ledger/verdict.h"

void ledger_answer(struct ledger_ask *ask, const struct ledger_verdict *verdict)
{
	if (verdict->answer == LEDGER_OUTAGE && verdict->crowded)
		ask->result = policy_object_busy(verdict->policy, str_of(verdict->why), ask->arena, ask->decision);
	else if (verdict->answer == LEDGER_OUTAGE)
		ask->result = policy_object_outage(verdict->policy, str_of(verdict->why), ask->arena, ask->decision);
	else
		ask->result = policy_object_excess(verdict->policy, &verdict->refused, ask->arena, ask->decision);
	policy_print_charges(verdict->policy, verdict->charges, verdict->charge_count, ask->charges);
}
