#include "webhook/ledger/verdict.h"

#include "gpugate/decision.h"
#include "gpugate/quota.h"

void reservation_apply_verdict(struct reservation_request *request, const struct ledger_verdict *verdict)
{
	if (verdict->outcome == LEDGER_OUTAGE && verdict->backpressure)
		request->result =
		    policy_add_busy_violation(verdict->policy, str_of(verdict->why), request->arena, request->decision);
	else if (verdict->outcome == LEDGER_OUTAGE)
		request->result = policy_add_outage_violation(verdict->policy, str_of(verdict->why), request->arena,
							      request->decision);
	else
		request->result =
		    policy_add_quota_violations(verdict->policy, &verdict->denial, request->arena, request->decision);
	policy_print_charges(verdict->policy, verdict->charges, verdict->charge_count, request->charges);
}
