/*
 * trace: sends the steps of an evaluation to its trace (gpugate/trace.h). trace.c sends what Rules
 * change and what Guards find, and trace_rules.c the outcome of each Rule. Every function except
 * trace_begin does nothing if there is no trace.
 */
#ifndef POLICY_EVALUATE_TRACE_H
#define POLICY_EVALUATE_TRACE_H

#include "policy/evaluate/rules_pass.h"

/* What is known so far about Rules and Guards. It is sent when it can no longer change. */
struct trace_marks {
	struct trace_mark {
		uint8_t outcome;   /* 1 + enum trace_rule_outcome; 0: never planned. */
		uint8_t condition; /* enum trace_condition. */
	} * rules;                 /* By rank. */
	bool *violated;            /* By index of the Guard. */
};

/* Allocates the marks and sends the tenant. There must be a trace. */
void trace_begin(struct evaluation *e);

void trace_exemption(const struct evaluation *e, const struct exemption *why);

/* Sends what a Rule is about to change. `to` is absent if nothing replaces the amount. */
void trace_amount(const struct evaluation *e, const struct rule *rule, const struct amount_of *amount, struct str to);
void trace_selector(const struct evaluation *e, const struct rule *rule, const struct pair *label);
void trace_toleration(const struct evaluation *e, const struct rule *rule, const struct toleration *toleration);
/* Sends that a container gets a claim. */
void trace_claim(const struct evaluation *e, const struct rule *rule, uint32_t container, uint32_t number,
		 struct str template);
void trace_runtime_class(const struct evaluation *e, const struct rule *rule);

/*
 * Sends that a Guard sets a variable to "void". `index` is that of the variable in the container,
 * or -1 if the container does not have it.
 */
void trace_void(const struct evaluation *e, const struct guard *guard, uint32_t container, int32_t index,
		struct str variable);

/* Sends that a Guard objects. `container` is empty if the whole Pod is the reason. */
void trace_violation(const struct evaluation *e, const struct guard *guard, enum guard_kind kind, struct str container);

/* Sends the Guards that passed or were exempt, after all Guards were evaluated. */
void trace_guards(const struct evaluation *e);

/*
 * Record the plan of a Rule, and then its result. If a Rule has several results, the one with the
 * greatest effect counts.
 */
void trace_plan(const struct evaluation *e, const struct rule *rule, const struct plan *plan);
void trace_outcome(const struct evaluation *e, const struct rule *rule, enum trace_rule_outcome outcome);

/* Sends the outcome of each Rule, after all Rules were applied. */
void trace_rules(const struct evaluation *e);

/* Sends that a Rule decides the group of the Pod. */
void trace_gang(const struct evaluation *e, const struct rule *rule);

#endif
