#include "policy/evaluate/guard_claims.h"

#include <stdio.h>

#include "gpugate/claim.h"
#include "gpugate/pod.h"
#include "gpugate/policy_enums.h"
#include "gpugate/review.h"
#include "policy/base/show.h"
#include "policy/evaluate/claim_check.h"
#include "policy/model/snapshot.h"

#define NAMES_SHOWN 4
#define TEXT_BYTES_MAX (NAMES_SHOWN * (SHOWN_MAX + 8) + 300)

int guard_check_any_claim(struct evaluation *e, const struct guard *guard)
{
	if (e->pod->claim_count == 0)
		return 0;
	return guard_violation_at(e, guard, GUARD_RESOURCE_CLAIMS, e->pod->claims[0].name, NULL,
				  "spec.resourceClaims is not allowed; request an accelerator in resources.limits",
				  STR(""), "");
}

/* Writes what may be used instead: "; use A, B, ...", or, if nothing is allowed, `otherwise`. */
static const char *alternatives(char text[TEXT_BYTES_MAX], const char *before, const struct globs *allowed,
				const char *otherwise)
{
	int len = snprintf(text, TEXT_BYTES_MAX, "%s; %s", before, allowed->count ? "use " : otherwise);
	for (uint32_t i = 0; i < allowed->count && i < NAMES_SHOWN; i++)
		len += snprintf(text + len, (size_t)(TEXT_BYTES_MAX - len), "%s\"" SHOW "\"", i ? ", " : "",
				SHOWN(allowed->items[i]));
	if (allowed->count > NAMES_SHOWN)
		snprintf(text + len, (size_t)(TEXT_BYTES_MAX - len), ", ...");
	return text;
}

/* --- Pods --- */

int guard_check_named_claims(struct evaluation *e, const struct guard *guard)
{
	char text[TEXT_BYTES_MAX];
	for (uint32_t i = 0; guard->limits_templates && i < e->pod->claim_count; i++) {
		const struct pod_claim *claim = &e->pod->claims[i];
		if (claim->template.len && !globs_match(&guard->claim_templates, claim->template))
			return guard_violation(e, guard, GUARD_CLAIMS, NULL, "ResourceClaimTemplate ", claim->template,
					       alternatives(text, " is not allowed", &guard->claim_templates,
							    "remove it from spec.resourceClaims"));
		if (claim->template.len == 0 && !guard->limits_classes)
			return guard_violation(
			    e, guard, GUARD_CLAIMS, NULL, "spec.resourceClaims names the ResourceClaim ", claim->claim,
			    alternatives(text,
					 guard->claim_templates.count ? ", and only ResourceClaimTemplates are allowed"
								      : ", and no claims are allowed",
					 &guard->claim_templates, "remove it from spec.resourceClaims"));
	}
	return 0;
}

/* --- ResourceClaims and their templates --- */

static int check_option(struct evaluation *e, const struct guard *guard, const struct claim_request *request,
			const struct claim_option *option)
{
	char before[SHOWN_MAX + 80], after[TEXT_BYTES_MAX];
	if (!str_present(option->device_class)) {
		return guard_violation(e, guard, GUARD_CLAIMS, NULL, "request ", request->name,
				       " is of a form that this version of gpugate cannot check; use `exactly` or "
				       "`firstAvailable`");
	}
	if (!globs_match(&guard->claim_classes, option->device_class)) {
		snprintf(before, sizeof before, "request " SHOW ": device class ", SHOWN(request->name));
		return guard_violation(e, guard, GUARD_CLAIMS, NULL, before, option->device_class,
				       alternatives(after, " is not allowed", &guard->claim_classes,
						    "request an accelerator in resources.limits"));
	}
	if (option->admin_access && !guard->admin_access)
		return guard_violation_at(
		    e, guard, GUARD_CLAIMS, option->admin_text, NULL, "request ", request->name,
		    " has adminAccess, by which it uses devices that others hold; remove adminAccess");
	return 0;
}

int guard_check_claim(struct evaluation *e, const struct guard *guard)
{
	const struct claim *claim = &e->review->claim;
	if (claim_is_of_scheduler(e->review))
		return 0;
	for (uint32_t i = 0; i < claim->request_count; i++)
		for (uint32_t k = 0; k < claim->requests[i].option_count; k++) {
			uint32_t found = e->decision->violation_count;
			if (check_option(e, guard, &claim->requests[i], &claim->requests[i].options[k]) < 0)
				return -1;
			if (e->decision->violation_count > found)
				return 0;
		}
	return 0;
}
