#include "webhook/cmd/lint_surge.h"

#include "gpugate/quantity.h"
#include "webhook/cmd/lint_place.h"
#include "webhook/json/path.h"

#define UNAVAILABLE "spec.strategy.rollingUpdate.maxUnavailable"
#define SURGE "spec.strategy.rollingUpdate.maxSurge"
#define PART_MAX 1000 /* A number of Pods above it is none that is meant. */

/* Reads a number of Pods, or a percentage of the replicas, as Kubernetes rounds it. */
static int64_t read_part(struct str json, const char *path, int64_t replicas, bool up)
{
	struct str value;
	struct error unused = {0};
	int64_t number = 25;
	bool percent = true;
	if (json_find(json, path, &value, &unused) < 0)
		return 0;
	if (str_present(value)) {
		if (value.len > 2 && value.ptr[0] == '"')
			value = (struct str){value.ptr + 1, value.len - 2};
		percent = str_ends(value, STR("%"));
		value.len -= percent;
		if (quantity_count(value, &number) != QUANTITY_OK || number > PART_MAX)
			return 0;
	}
	return percent ? (replicas * number + (up ? 99 : 0)) / 100 : number;
}

int64_t lint_surge_of(const struct manifest_object *object, int64_t replicas)
{
	struct str type;
	struct error unused = {0};
	if (!str_eq(object->kind, STR("Deployment")) ||
	    json_find(object->json, "spec.strategy.type", &type, &unused) < 0 ||
	    (str_present(type) && !str_eq(type, STR("\"RollingUpdate\""))))
		return 0;
	int64_t fewer = read_part(object->json, UNAVAILABLE, replicas, false);
	int64_t more = read_part(object->json, SURGE, replicas, true);
	return fewer == 0 && more > 0 ? 1 : 0;
}

struct str lint_surge_cause(const struct manifest_object *object)
{
	struct str cause = lint_place_value(object, UNAVAILABLE);
	return str_present(cause) ? cause : lint_place_value(object, SURGE);
}
