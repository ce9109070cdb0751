/* Helper functions of the files that add remedies. */
#include "gpugate/quota.h"
#include "webhook/simulate/explain_remedies.h"
#include "webhook/simulate/explain_text.h"

json_t *remedy_add(json_t *remedies, const char *kind)
{
	json_t *remedy = json_pack("{s:s}", "kind", kind);
	json_array_append_new(remedies, remedy);
	return remedy;
}

bool remedy_find_quota(const struct policy *policy, const json_t *item, uint32_t *quota)
{
	struct quota_view view;
	for (*quota = 0; *quota < policy_quota_count(policy); ++*quota) {
		policy_quota(policy, *quota, &view);
		if (str_eq(view.tenant, str_of(tree_get(item, "tenant"))) &&
		    str_eq(view.name, str_of(tree_get(item, "quota"))))
			return true;
	}
	return false;
}

void remedy_set_amount(json_t *to, const char *key, wide amount, const struct policy *policy,
		       const struct quota_view *quota)
{
	struct buf text;
	buf_init(&text, 256);
	amount_print(amount, policy_unit(policy), quota->measure, &text);
	json_object_set_new(to, key, explain_string(buf_view(&text)));
	buf_release(&text);
}
