#include "gpugate/autoscaler.h"

#include "policy/manifest/rules.h"

bool autoscaler_metric_is_dead(struct str resource)
{
	return rules_is_extended(resource);
}

const char *autoscaler_metric_text(struct str resource, char text[static AUTOSCALER_TEXT_BYTES])
{
	snprintf(text, AUTOSCALER_TEXT_BYTES,
		 "resource metrics are cpu and memory only, so " SHOW
		 " never scales anything; use a Pods or External metric, such as DCGM_FI_PROF_GR_ENGINE_ACTIVE",
		 SHOWN(resource));
	return text;
}

/* A maximum below the minimum is refused, so both are lowered, or neither. */
const char *autoscaler_remedy_text(const struct autoscaler_keys *keys, int64_t fits,
				   char text[static AUTOSCALER_TEXT_BYTES])
{
	if (fits == 0)
		return "raise the quota, or let the Pods request less";
	if (keys->least_pods > fits)
		snprintf(text, AUTOSCALER_TEXT_BYTES,
			 "%s is %lld, which is more than fit as well, so raise the quota, or write %s: %lld and "
			 "%s: %lld",
			 keys->least, (long long)keys->least_pods, keys->least, (long long)fits, keys->most,
			 (long long)fits);
	else
		snprintf(text, AUTOSCALER_TEXT_BYTES, "write %s: %lld, or raise the quota", keys->most,
			 (long long)fits);
	return text;
}
