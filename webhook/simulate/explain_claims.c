/* The claims that a Pod or a template stands for. Each is decided by itself, when it is created. */
#include "webhook/simulate/explain.h"
#include "webhook/simulate/explain_text.h"

static void add_claim(json_t *list, const char *key, struct str name, struct str in_pod)
{
	json_t *item = json_object();
	json_array_append_new(list, item);
	json_object_set_new(item, key, explain_string(name));
	if (str_present(in_pod))
		json_object_set_new(item, "name", explain_string(in_pod));
}

void explain_claims(const struct policy *policy, const struct review *review, json_t *tree)
{
	const struct pod *pod = &review->object;
	json_t *list = json_array();
	for (uint32_t i = 0; i < pod->claim_count; i++) {
		bool made = str_present(pod->claims[i].template);
		if (!made && !str_present(pod->claims[i].claim))
			continue;
		add_claim(list, made ? "template" : "claim", made ? pod->claims[i].template : pod->claims[i].claim,
			  pod->claims[i].name);
	}
	if (str_eq(review->kind, STR("ResourceClaimTemplate")))
		add_claim(list, "template", review->name, (struct str){NULL, 0});
	if (json_array_size(list) && policy_counts_claims(policy) && !json_object_get(tree, "exempt"))
		json_object_set(tree, "claims", list);
	json_decref(list);
}

void print_claims(struct printer *p, const json_t *claims)
{
	size_t i;
	json_t *claim;
	p->label = "claims";
	json_array_foreach(claims, i, claim)
	{
		bool made = tree_has(claim, "template");
		print_begin(p);
		if (tree_has(claim, "name")) {
			print_plain(p, tree_get(claim, "name"));
			buf_text(p->out, made ? " is made from ResourceClaimTemplate \"" : " is ResourceClaim \"");
			print_plain(p, tree_get(claim, made ? "template" : "claim"));
			buf_text(p->out, made ? "\" after the Pod is admitted, and is decided by itself then"
					      : "\", which is decided by itself when it is created");
		} else {
			buf_text(p->out, "each claim from this template is decided by itself when it is created");
		}
		print_end(p, claim);
	}
}
