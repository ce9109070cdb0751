/*
 * crds: the CustomResourceDefinitions of the cluster ledger, with structural schemas. The API
 * server drops unknown fields.
 */
#include "webhook/ledger/codec.h"
#include "webhook/registration/render.h"

#define DIGITS_MAX 20 /* Digits of an unsigned 64-bit number. */
#define UID_MAX 64
#define NAME_MAX_CHARS 253
#define AMOUNT_MAX 64
#define HOLDERS_MAX 20
#define DIGEST_MAX 64

static json_t *text_schema(int most, const char *about)
{
	return json_pack("{s:s, s:i, s:s}", "type", "string", "maxLength", most, "description", about);
}

static json_t *digits_schema(const char *about)
{
	json_t *schema = text_schema(DIGITS_MAX, about);
	if (json_object_set_new(schema, "pattern", json_string("^[0-9]*$")) == 0)
		return schema;
	json_decref(schema);
	return NULL;
}

/* Takes the properties. */
static json_t *object_schema(const char *about, json_t *properties)
{
	return json_pack("{s:s, s:s, s:o}", "type", "object", "description", about, "properties", properties);
}

static json_t *column(const char *name, const char *path, const char *about)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "type", "string", "jsonPath", path, "description",
			 about);
}

/*
 * Takes the schema and the columns. There is no status subresource: gpugate is the only writer, and
 * writes spec and status in one request.
 */
static json_t *definition(const char *plural, const char *singular, const char *kind, const char *short_name,
			  json_t *schema, json_t *columns)
{
	char name[64];
	snprintf(name, sizeof name, "%s.gpugate.io", plural);
	json_t *version = json_pack("{s:s, s:b, s:b, s:{s:o}, s:o}", "name", "v1", "served", 1, "storage", 1, "schema",
				    "openAPIV3Schema", schema, "additionalPrinterColumns", columns);
	return json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:[s]}, s:[o]}}", "apiVersion",
			 "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition", "metadata", "name", name,
			 "spec", "group", "gpugate.io", "scope", "Cluster", "names", "plural", plural, "singular",
			 singular, "kind", kind, "listKind",
			 strcmp(kind, "GPULedger") == 0 ? "GPULedgerList" : "GPUQuotaList", "shortNames", short_name,
			 "versions", version);
}

json_t *render_ledger_crd(void)
{
	json_t *spec = object_schema(
	    "Written by gpugate alone, by compare-and-swap.",
	    json_pack("{s:o, s:o, s:o, s:o}", "version",
		      digits_schema("The Pod event that every replica must have applied before it decides."),
		      "claimVersion",
		      digits_schema("The ResourceClaim event that every replica must have applied before it decides."),
		      "opened",
		      text_schema(UID_MAX, "This object's uid when it had settled; until then nothing is admitted."),
		      "pending",
		      text_schema(LEDGER_TEXT_MAX,
				  "What was admitted and not yet seen, and what is reserved, as compact text.")));
	json_t *schema = object_schema(
	    "What gpugate has admitted and not yet seen among the Pods and ResourceClaims. If it is deleted, gpugate makes "
	    "it again and admits no accelerator until it has settled.",
	    json_pack("{s:o}", "spec", spec));
	json_t *columns =
	    json_pack("[o, o]", column("Version", ".spec.version", "The Pod event that it goes up to."),
		      column("Claims", ".spec.claimVersion", "The ResourceClaim event that it goes up to."));
	return definition("gpuledgers", "gpuledger", "GPULedger", "gpul", schema, columns);
}

static json_t *holders_schema(void)
{
	json_t *holder = json_pack("{s:s, s:{s:o, s:{s:s, s:i}, s:o}}", "type", "object", "properties", "namespace",
				   text_schema(NAME_MAX_CHARS, "Whose Pods."), "pods", "type", "integer", "minimum", 0,
				   "amount", text_schema(AMOUNT_MAX, "What they hold."));
	return json_pack("{s:s, s:i, s:s, s:o}", "type", "array", "maxItems", HOLDERS_MAX, "description",
			 "The namespaces that hold most.", "items", holder);
}

json_t *render_quota_crd(void)
{
	json_t *measures = json_pack("{s:s, s:[s, s, s]}", "type", "string", "enum", "count", "gpus", "memory");
	json_t *spec = object_schema(
	    "What is counted.",
	    json_pack("{s:o, s:o, s:o, s:o}", "tenant", text_schema(NAME_MAX_CHARS, "The Tenant of the policy."),
		      "quota", text_schema(NAME_MAX_CHARS, "The quota's name in it."), "measure", measures, "cohort",
		      text_schema(NAME_MAX_CHARS, "Tenants whose quotas of this name lend to each other.")));
	json_t *exceeded = json_pack("{s:s, s:s}", "type", "boolean", "description",
				     "More is held than the limit, borrowing and the cohort allow.");
	json_t *status = object_schema(
	    "How much, in words for people: nothing is decided from it.",
	    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "used",
		      text_schema(AMOUNT_MAX, "What Pods that exist hold."), "pending",
		      text_schema(AMOUNT_MAX, "What was admitted and not yet seen, or is reserved for a gang."), "hard",
		      text_schema(AMOUNT_MAX, "The limit."), "borrowed",
		      text_schema(AMOUNT_MAX, "What is held above the limit, of others of the cohort."), "lendable",
		      text_schema(AMOUNT_MAX, "What others of the cohort may hold of the limit, lent already or not."),
		      "exceeded", exceeded, "podVersion", digits_schema("The Pod event that these numbers go up to."),
		      "policy", text_schema(DIGEST_MAX, "Digest of the policy that was counted by."), "holders",
		      holders_schema()));
	json_t *schema = object_schema("What the Pods of a tenant hold of one GPU quota.",
				       json_pack("{s:o, s:o}", "spec", spec, "status", status));
	json_t *columns =
	    json_pack("[o, o, o, o, o, o]", column("Tenant", ".spec.tenant", "The Tenant of the policy."),
		      column("Quota", ".spec.quota", "The quota's name in it."),
		      column("Used", ".status.used", "What Pods that exist hold."),
		      column("Pending", ".status.pending", "What was admitted and not yet seen, or is reserved."),
		      column("Hard", ".status.hard", "The limit."),
		      column("Borrowed", ".status.borrowed", "What is held above the limit."));
	return definition("gpuquotas", "gpuquota", "GPUQuota", "gpuq", schema, columns);
}
