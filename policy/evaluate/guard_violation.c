#include "policy/evaluate/guard_violation.h"

#include "policy/base/show.h"
#include "policy/evaluate/trace.h"
#include "policy/evaluate/violation.h"

int guard_violation(struct evaluation *e, const struct guard *guard, enum guard_kind kind,
		    const struct container *container, const char *before, struct str detail, const char *after)
{
	struct str of = container ? container->name : STR("");
	return guard_violation_at(e, guard, kind, detail.len ? detail : of, container, before, detail, after);
}

int guard_violation_at(struct evaluation *e, const struct guard *guard, enum guard_kind kind, struct str about,
		       const struct container *container, const char *before, struct str detail, const char *after)
{
	struct str of = container ? container->name : STR("");
	struct str name = snapshot_guard_check(e->policy, kind);
	trace_violation(e, guard, kind, of);
	return decision_add_violation_about(e->decision, e->arena, REASON_GUARD, guard->enforcement, name, about,
					    "%s" SHOW "%s%s" SHOW "%s (Guard \"" SHOW "\")",
					    container ? "container \"" : "", SHOWN(of), container ? "\" " : "", before,
					    SHOWN(detail), after, SHOWN(guard->name));
}
