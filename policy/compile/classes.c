#include "policy/compile/classes.h"

#include "policy/compile/mig.h"
#include "policy/model/catalog.h"

/* Keeps the resource name under which a Pod can request the class. */
static struct str resource_name(struct compile *c, struct str class)
{
	char *text = compile_alloc(c, CATALOG_CLASS_PREFIX.len + class.len, 1);
	memcpy(text, CATALOG_CLASS_PREFIX.ptr, CATALOG_CLASS_PREFIX.len);
	memcpy(text + CATALOG_CLASS_PREFIX.len, class.ptr, class.len);
	return (struct str){text, CATALOG_CLASS_PREFIX.len + class.len};
}

static const struct text_pair *find_slice(const struct doc_accelerator *doc, struct str class)
{
	for (uint32_t i = 0; i < doc->mig.device_classes.count; i++)
		if (str_eq(doc->mig.device_classes.items[i].key.s, class))
			return &doc->mig.device_classes.items[i];
	return NULL;
}

void compile_classes(struct compile *c, const struct doc_accelerator *doc, const struct profile *table, uint32_t count,
		     struct model *model)
{
	const struct texts *whole = &doc->device_classes;
	const struct text_map *slices = &doc->mig.device_classes;
	struct class_name *classes = compile_alloc(c, (size_t)whole->count + slices->count, sizeof *classes);
	for (uint32_t i = 0; i < whole->count; i++) {
		classes[model->class_count++] = (struct class_name){.name = resource_name(c, whole->items[i].s)};
		if (find_slice(doc, whole->items[i].s))
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, whole->items[i].at,
			    "mig.deviceClasses says that devices of this class are slices; remove it from one of "
			    "the two");
	}
	for (uint32_t i = 0; i < slices->count; i++) {
		const struct profile *slice = compile_find_profile(c, &slices->items[i].value, table, count);
		if (slice)
			classes[model->class_count++] =
			    (struct class_name){resource_name(c, slices->items[i].key.s), slice};
	}
	model->classes = classes;
	c->policy->counts_claims |= model->class_count > 0;
}

struct location compile_class_at(const struct doc_accelerator *doc, struct str name)
{
	struct str class = str_tail(name, CATALOG_CLASS_PREFIX.len);
	const struct text_pair *slice = find_slice(doc, class);
	for (uint32_t i = 0; i < doc->device_classes.count; i++)
		if (str_eq(doc->device_classes.items[i].s, class))
			return doc->device_classes.items[i].at;
	return slice ? slice->key.at : doc->resource.at;
}
