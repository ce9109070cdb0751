#include "policy/evaluate/requirements.h"

#include <stdio.h>

#include "gpugate/buf.h"

void requirements_print(const struct model *model, char *out, size_t size)
{
	struct buf text;
	buf_init(&text, size - 1);
	for (uint32_t i = 0; i < model->label_count; i++)
		buf_printf(&text, "%s%.*s: %.*s", i ? ", " : " (nodeSelector ", STR_ARG(model->labels[i].key),
			   STR_ARG(model->labels[i].value));
	for (uint32_t i = 0; i < model->without_count; i++)
		buf_printf(&text, "%s%.*s DoesNotExist",
			   i                    ? ", "
			   : model->label_count ? ", and required node affinity "
						: " (required node affinity ",
			   STR_ARG(model->without[i]));
	if (model->label_count + model->without_count)
		buf_char(&text, ')');
	struct str all = text.failed ? STR("") : buf_view(&text);
	snprintf(out, size, "%.*s", STR_ARG(all));
	buf_release(&text);
}
