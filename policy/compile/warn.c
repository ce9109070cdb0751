/*
 * warn: warnings about a policy that is valid but probably not what was meant. They are only
 * computed if there are no errors.
 */
#include "policy/compile/warn.h"

#include "policy/compile/steps.h"

void compile_warnings(struct compile *c)
{
	static void (*const parts[])(struct compile *) = {
	    compile_settings_warnings, compile_claim_warnings,   compile_quota_warnings,    compile_cohort_warnings,
	    compile_fleet_warnings,    compile_rewrite_warnings, compile_to_claim_warnings, compile_gang_warnings,
	    compile_guard_warnings,    compile_name_warnings};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		parts[i](c);
}
