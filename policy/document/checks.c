#include "policy/document/checks.h"

#include "gpugate/policy_enums.h"
#include "policy/base/mig_profile.h"
#include "policy/document/diagnostic.h"

void check_expression(struct report *report, const struct docs *docs, void *object, struct location at)
{
	const struct doc_expression *expression = object;
	bool listed = expression->op.value == SELECTOR_IN || expression->op.value == SELECTOR_NOT_IN;

	if (!expression->op.set)
		return;
	if (listed && !expression->values.set)
		docs_report(report, docs, SEVERITY_ERROR, at,
			    "\"values\" is missing: the operators In and NotIn need at least one value");
	else if (listed && expression->values.count == 0)
		docs_report(report, docs, SEVERITY_ERROR, expression->values.at,
			    "\"values\" is empty: the operators In and NotIn need at least one value");
	else if (!listed && expression->values.count > 0)
		docs_report(
		    report, docs, SEVERITY_ERROR, expression->values.at,
		    "the operators Exists and DoesNotExist take no values; remove \"values\", or use In or NotIn");
}

void check_profile(struct report *report, const struct docs *docs, void *object, struct location at)
{
	struct doc_profile *profile = object;

	(void)at;
	if (profile->memory.set || !str_present(profile->name.s))
		return;
	int64_t gib = mig_profile_gib(profile->name.s);
	if (gib > 0)
		profile->memory.value.nano = (wide)(gib << 30) * QUANTITY_SCALE;
	else
		docs_report(report, docs, SEVERITY_ERROR, profile->name.at,
			    "the profile's name does not say its memory; give \"memory\", such as 10Gi");
	profile->memory.at = profile->name.at;
}

void check_toleration(struct report *report, const struct docs *docs, void *object, struct location at)
{
	const struct doc_toleration *toleration = object;

	(void)at;
	if (toleration->seconds.set && !(toleration->effect.set && toleration->effect.value == EFFECT_NO_EXECUTE))
		docs_report(report, docs, SEVERITY_ERROR, toleration->seconds.at,
			    "\"tolerationSeconds\" needs the effect NoExecute; Kubernetes refuses it otherwise");
}
