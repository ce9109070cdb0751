/*
 * trace: sends the steps of an evaluation to its trace (gpugate/trace.h). Every function returns at
 * once if there is none. trace.c sends what Rules change and what Guards find, trace_rules.c the
 * outcome of each Rule.
 */
#ifndef POLICY_EVALUATE_TRACE_H
#define POLICY_EVALUATE_TRACE_H

#include "policy/evaluate/rules_pass.h"

/* What is known so far of Rules and Guards. Sent at the end, when it no longer changes. */
struct trace_marks {
	struct trace_mark {
		uint8_t outcome;   /* 1 + enum trace_rule_outcome; 0: never planned */
		uint8_t condition; /* enum trace_condition */
	} * rules;                 /* By rank. */
	bool *objected;            /* By Guard. */
};

/* Makes the marks, and sends the tenant. There must be a trace. */
void trace_begin(struct evaluation *e);

void trace_exemption(const struct evaluation *e, const struct exemption *why);

/* What a Rule is about to change. `to` is absent where nothing replaces the amount. */
void trace_amount(const struct evaluation *e, const struct rule *rule, const struct amount_of *amount, struct str to);
void trace_selector(const struct evaluation *e, const struct rule *rule, const struct pair *label);
void trace_toleration(const struct evaluation *e, const struct rule *rule, const struct toleration *toleration);
void trace_runtime_class(const struct evaluation *e, const struct rule *rule);

/* A Guard sets a variable to void. `index` is that of the variable in the container, or -1. */
void trace_void(const struct evaluation *e, const struct guard *guard, uint32_t container, int32_t index,
		struct str variable);

/* A Guard objects. `container` is empty where it is the Pod as a whole. */
void trace_objection(const struct evaluation *e, const struct guard *guard, struct str check, struct str container);

/* All Guards have looked: sends those that passed or were exempt. */
void trace_guards(const struct evaluation *e);

/*
 * Notes what a Rule's plan is; after that, what came of it. The most that ever came of it counts.
 */
void trace_plan(const struct evaluation *e, const struct rule *rule, const struct plan *plan);
void trace_outcome(const struct evaluation *e, const struct rule *rule, enum trace_rule_outcome outcome);

/* All Rules were applied: sends what became of each. */
void trace_rules(const struct evaluation *e);

#endif
