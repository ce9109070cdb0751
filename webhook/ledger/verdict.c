#include "webhook/ledger/verdict.h"

#include "gpugate/decision.h"
#include "gpugate/quota.h"

void reservation_apply_verdict(struct reservation_request *request, const struct ledger_verdict *verdict)
{
	if (verdict->answer == LEDGER_OUTAGE && verdict->crowded)
		request->result =
		    policy_object_busy(verdict->policy, str_of(verdict->why), request->arena, request->decision);
	else if (verdict->answer == LEDGER_OUTAGE)
		request->result =
		    policy_object_outage(verdict->policy, str_of(verdict->why), request->arena, request->decision);
	else
		request->result =
		    policy_object_excess(verdict->policy, &verdict->refused, request->arena, request->decision);
	policy_print_charges(verdict->policy, verdict->charges, verdict->charge_count, request->charges);
}
