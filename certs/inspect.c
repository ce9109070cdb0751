/* inspect: reads the PEM texts, describes the certificates in them, and runs all checks. */
#include "certs/inspect.h"

static void describe_all(struct inspection *inspection)
{
	struct certs_report *report = inspection->report;
	report->chain_count = (size_t)sk_X509_num(inspection->chain);
	for (size_t i = 0; i < report->chain_count; i++)
		inspect_describe(inspection, sk_X509_value(inspection->chain, (int)i), &report->chain[i]);
	report->trusted_count = (size_t)sk_X509_num(inspection->trusted);
	for (size_t i = 0; i < report->trusted_count; i++)
		inspect_describe(inspection, sk_X509_value(inspection->trusted, (int)i), &report->trusted[i]);
}

static void look(struct inspection *inspection)
{
	static void (*const parts[])(struct inspection * inspection) = {
	    inspect_key, inspect_order, inspect_validity, inspect_names, inspect_strength, inspect_trust,
	};
	const struct certs_question *question = inspection->question;
	inspect_read(inspection, question->certificate, "the certificate", CERTS_CHAIN_MAX, inspection->chain);
	if (str_present(question->authority))
		inspect_read(inspection, question->authority, "the authority", CERTS_TRUSTED_MAX, inspection->trusted);
	describe_all(inspection);
	for (size_t i = 0; inspection->report->chain_count > 0 && i < sizeof parts / sizeof *parts; i++)
		parts[i](inspection);
}

int certs_inspect(const struct certs_question *question, struct arena *arena, struct certs_report *report,
		  struct error *err)
{
	struct inspection inspection = {.question = question,
					.report = report,
					.arena = arena,
					.chain = sk_X509_new_null(),
					.trusted = sk_X509_new_null()};
	*report = (struct certs_report){.faults = 0};
	if (inspection.chain && inspection.trusted)
		look(&inspection);
	else
		inspection.no_memory = true;
	sk_X509_pop_free(inspection.chain, X509_free);
	sk_X509_pop_free(inspection.trusted, X509_free);
	return inspection.no_memory ? error_set(err, "there is not enough memory to inspect the certificate") : 0;
}
