#include "policy/compile/classes.h"

#include "policy/compile/amount.h"
#include "policy/compile/mig.h"
#include "policy/model/catalog.h"
#include "policy/model/class_part.h"

#define STEPS_MAX 65536 /* Of one device. */

struct str compile_class_name(struct compile *c, struct str class, struct str profile)
{
	const struct class_part part = {.profile = profile};
	struct str name = class_part_resource(&c->policy->arena, class, &part);
	if (!str_present(name))
		longjmp(c->exhausted, 1);
	return name;
}

/* Keeps the resource name under which a Pod can request the class. */
static struct str resource_name(struct compile *c, struct str class)
{
	return compile_class_name(c, class, (struct str){NULL, 0});
}

static const struct text *find_text(const struct texts *texts, struct str class)
{
	for (uint32_t i = 0; i < texts->count; i++)
		if (str_eq(texts->items[i].s, class))
			return &texts->items[i];
	return NULL;
}

static const struct text *find_slice(const struct doc_accelerator *doc, struct str class)
{
	for (uint32_t i = 0; i < doc->mig.device_classes.count; i++)
		if (str_eq(doc->mig.device_classes.items[i].key.s, class))
			return &doc->mig.device_classes.items[i].key;
	return NULL;
}

/* Reports a class that is in the same list before. */
static void check_twice(struct compile *c, const struct texts *texts, uint32_t item)
{
	const struct text *class = &texts->items[item];
	if (find_text(texts, class->s) != class)
		docs_report(c->report, c->docs, SEVERITY_ERROR, class->at,
			    "this class is in the list already; remove it here");
}

static void add(struct model *model, struct class_name *classes, struct class_name class)
{
	classes[model->class_count++] = class;
}

static void add_whole(struct compile *c, const struct doc_accelerator *doc, struct model *model,
		      struct class_name *classes)
{
	for (uint32_t i = 0; i < doc->device_classes.count; i++) {
		const struct text *class = &doc->device_classes.items[i];
		check_twice(c, &doc->device_classes, i);
		add(model, classes, (struct class_name){.name = resource_name(c, class->s)});
		if (find_slice(doc, class->s))
			docs_report(
			    c->report, c->docs, SEVERITY_ERROR, class->at,
			    "mig.deviceClasses says that devices of this class are slices; remove it from one of "
			    "the two");
	}
}

static void add_slices(struct compile *c, const struct doc_accelerator *doc, const struct profile *table,
		       uint32_t count, struct model *model, struct class_name *classes)
{
	const struct text_map *slices = &doc->mig.device_classes;
	for (uint32_t i = 0; i < slices->count; i++) {
		struct str name = resource_name(c, slices->items[i].key.s);
		bool any = str_eq(slices->items[i].value.s, STR("any"));
		const struct profile *slice =
		    any ? NULL : compile_find_profile(c, &slices->items[i].value, table, count);
		/* Without a profile, there is an error, which has been reported. */
		if (any && model->profile_count)
			add(model, classes, (struct class_name){name, CLASS_ANY, NULL});
		else if (slice)
			add(model, classes, (struct class_name){name, CLASS_SLICES, slice});
	}
}

static void add_shared(struct compile *c, const struct doc_accelerator *doc, struct model *model,
		       struct class_name *classes)
{
	for (uint32_t i = 0; i < doc->capacity.device_classes.count; i++) {
		const struct text *class = &doc->capacity.device_classes.items[i];
		check_twice(c, &doc->capacity.device_classes, i);
		bool whole = find_text(&doc->device_classes, class->s) != NULL,
		     slice = find_slice(doc, class->s) != NULL;
		add(model, classes, (struct class_name){resource_name(c, class->s), CLASS_SHARED, NULL});
		if (whole || slice)
			docs_report(c->report, c->docs, SEVERITY_ERROR, class->at,
				    "%s lists this class, too; remove it from one of the two",
				    whole ? "deviceClasses" : "mig.deviceClasses");
	}
}

static void check_division(struct compile *c, const struct doc_capacity *doc, const struct model *model)
{
	const struct division *division = &model->division;
	if (model->memory == MEMORY_UNKNOWN)
		docs_report(
		    c->report, c->docs, SEVERITY_ERROR, doc->at,
		    "how much of a device a request takes is not known without the `memory` of the Accelerator; "
		    "add that");
	else if (model->memory % division->step != 0)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->step.at,
			    "the memory of the Accelerator is no multiple of this step; choose one that divides it");
	else if (division->steps > STEPS_MAX)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->step.at,
			    "the memory of the Accelerator has more than %d such steps; choose a larger one",
			    STEPS_MAX);
	else if (division->least > division->steps)
		docs_report(c->report, c->docs, SEVERITY_ERROR, doc->least.at,
			    "this is more than the memory of the Accelerator");
}

/* Sets how devices are divided, with a step of 0 if that is wrong. */
static void compile_division(struct compile *c, const struct doc_capacity *doc, struct model *model)
{
	unsigned errors = c->report->errors;
	int64_t step = compile_memory(c, &doc->step, 0), least = compile_memory(c, &doc->least, step);
	if (step == 0)
		return;
	model->division = (struct division){step, (least - 1) / step + 1, model->memory / step};
	check_division(c, doc, model);
	if (c->report->errors != errors)
		model->division = (struct division){.step = 0};
}

void compile_classes(struct compile *c, const struct doc_accelerator *doc, const struct profile *table, uint32_t count,
		     struct model *model)
{
	size_t most =
	    (size_t)doc->device_classes.count + doc->mig.device_classes.count + doc->capacity.device_classes.count;
	struct class_name *classes = compile_alloc(c, most, sizeof *classes);
	add_whole(c, doc, model, classes);
	add_slices(c, doc, table, count, model, classes);
	add_shared(c, doc, model, classes);
	model->classes = classes;
	c->policy->counts_claims |= model->class_count > 0;
	if (doc->capacity.set)
		compile_division(c, &doc->capacity, model);
}

struct location compile_class_at(const struct doc_accelerator *doc, struct str name)
{
	struct str class = str_tail(class_part_whole(name), CATALOG_CLASS_PREFIX.len);
	const struct text *whole = find_text(&doc->device_classes, class), *slice = find_slice(doc, class),
			  *shared = find_text(&doc->capacity.device_classes, class);
	return whole ? whole->at : slice ? slice->at : shared ? shared->at : doc->resource.at;
}
