/* namespaces: compiles the namespaces that the policy itself describes. */
#include "policy/compile/steps.h"

void compile_namespaces(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count = c->docs->namespaces.count;
	const struct doc_namespace **docs = (const struct doc_namespace **)compile_sorted(
	    c, c->docs->namespaces.items, count, sizeof(struct doc_namespace), offsetof(struct doc_namespace, name));
	struct namespace *namespaces = compile_alloc(c, count, sizeof *namespaces);
	if (index_init(&policy->namespace_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < count; i++) {
		namespaces[i].name = compile_keep(c, docs[i]->name.s);
		namespaces[i].at = compile_document_ref(docs[i]->name.at);
		namespaces[i].labels =
		    (struct pairs){compile_keep_map(c, &docs[i]->labels), docs[i]->labels.count, true};
		index_add(&policy->namespace_names, namespaces[i].name, (struct str){NULL, 0}, i);
	}
	policy->namespaces = namespaces;
	policy->namespace_count = count;
}
