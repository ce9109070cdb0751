#include "webhook/object/owner.h"

static const struct field owner_fields[] = {
    {FIELD_KEY("apiVersion"), .read = field_string, .offset = offsetof(struct owner_reference, owner.api_version)},
    {FIELD_KEY("kind"), .read = field_string, .offset = offsetof(struct owner_reference, owner.kind)},
    {FIELD_KEY("name"), .read = field_string, .offset = offsetof(struct owner_reference, owner.name)},
    {FIELD_KEY("uid"), .read = field_string, .offset = offsetof(struct owner_reference, owner.uid)},
    {FIELD_KEY("controller"), .read = field_bool, .offset = offsetof(struct owner_reference, controller)},
};
const struct shape owner_shape = SHAPE(owner_fields, sizeof(struct owner_reference));

struct owner owner_controller(const struct owner_reference *owners, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (owners[i].controller)
			return owners[i].owner;
	return (struct owner){0};
}
