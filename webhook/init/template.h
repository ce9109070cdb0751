/* template: policies for usual situations, which are part of the program. */
#ifndef WEBHOOK_INIT_TEMPLATE_H
#define WEBHOOK_INIT_TEMPLATE_H

#include "webhook/init/documents.h"

struct template
{
	struct str name;
	struct str title; /* One line. */
	struct str files; /* Private. */
};

#define TEMPLATES_MAX 64

/* Fills `templates`, which has room for TEMPLATES_MAX, and returns their number. Static strings. */
uint32_t template_all(struct template *templates);

/* Adds the files of the template of that name. Returns 0, or -1 with an error. */
int template_files(struct str name, struct init_files *files, struct error *err);

#endif
