/* model: compiles Accelerators. */
#include "policy/compile/amount.h"
#include "policy/compile/classes.h"
#include "policy/compile/config.h"
#include "policy/compile/mig.h"
#include "policy/compile/names.h"
#include "policy/compile/steps.h"

static void compile_sharing(struct compile *c, const struct doc_accelerator *doc, struct model *model)
{
	model->replicas = model->max_per_container = 1;
	if (!doc->sharing.set)
		return;
	model->share_resource =
	    compile_keep(c, str_present(doc->sharing.resource.s) ? doc->sharing.resource.s : doc->resource.s);
	model->replicas = doc->sharing.replicas.value;
	model->max_per_container = doc->sharing.max_per_container.value;
}

static void compile_model(struct compile *c, const struct doc_accelerator *doc, struct model *model)
{
	model->name = compile_keep(c, doc->name.s);
	model->at = compile_document_ref(doc->name.at);
	model->resource = compile_keep(c, doc->resource.s);
	model->memory = compile_memory(c, &doc->memory, MEMORY_UNKNOWN);
	model->weight_numerator = model->weight_denominator = 1;
	if (doc->weight.set) {
		if (doc->weight.value.nano < 1 || doc->weight.value.nano > (wide)1000 * QUANTITY_SCALE) {
			docs_report(c->report, c->docs, SEVERITY_ERROR, doc->weight.at,
				    "a weight is more than 0 and at most 1000 GPUs");
			return;
		}
		int64_t nano = (int64_t)doc->weight.value.nano, common = gcd(nano, QUANTITY_SCALE);
		model->weight_numerator = nano / common;
		model->weight_denominator = QUANTITY_SCALE / common;
	}
	model->labels = compile_keep_map(c, &doc->node_labels);
	model->label_count = doc->node_labels.count;
	model->without = compile_keep_all(c, &doc->without_node_labels);
	model->without_count = doc->without_node_labels.count;
	if (compile_resource_prefix(c, &doc->resource))
		return;
	if (!str_has_char(model->resource, '/'))
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->resource.at,
		    "\"%.*s\" is not an extended resource; these have a vendor's prefix, such as nvidia.com/gpu",
		    STR_ARG(model->resource));
	uint32_t profiles;
	unsigned errors = c->report->errors;
	const struct profile *table = compile_mig(c, doc, model, &profiles);
	model->table = table;
	model->table_count = profiles;
	compile_sharing(c, doc, model);
	compile_classes(c, doc, table, profiles, model);
	if (doc->sharing.set && c->report->errors == errors)
		compile_share_slice(c, doc, table, profiles, model);
}

void compile_models(struct compile *c)
{
	struct policy *policy = c->policy;
	uint32_t count = c->docs->accelerators.count;
	const struct doc_accelerator **docs = (const struct doc_accelerator **)compile_sorted(
	    c, c->docs->accelerators.items, count, sizeof(struct doc_accelerator),
	    offsetof(struct doc_accelerator, name));
	c->accelerators = docs;
	struct model *models = compile_alloc(c, count, sizeof *models);
	c->broken = compile_scratch(c, count, sizeof *c->broken);
	if (index_init(&policy->model_names, count, &policy->arena) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < count; i++) {
		unsigned errors = c->report->errors;
		docs[i] = compile_configured(c, docs[i]);
		compile_model(c, docs[i], &models[i]);
		c->broken[i] = c->report->errors != errors;
		index_add(&policy->model_names, models[i].name, (struct str){NULL, 0}, i);
	}
	policy->models = models;
	policy->model_count = count;
}
