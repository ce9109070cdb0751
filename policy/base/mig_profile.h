/*
 * mig_profile: parses the name of a MIG profile, such as `1g.10gb`, `1g.10gb+me` or `1c.3g.20gb`.
 * Pure.
 */
#ifndef POLICY_BASE_MIG_PROFILE_H
#define POLICY_BASE_MIG_PROFILE_H

#include "gpugate/str.h"

/*
 * Returns the number of bytes before the GPU instance in the name of a compute instance, such as
 * those of `1c.`; 0 if the name is not that of a compute instance.
 */
size_t mig_profile_prefix(struct str profile);

/*
 * Whether the name has no suffix such as +me, +gfx or -me. Only such profiles are offered by
 * default and chosen by memory.
 */
bool mig_profile_plain(struct str profile);

/* Returns the N of `Ngb` in the name of a profile or of a compute instance; 0 if there is none. */
int64_t mig_profile_gib(struct str profile);

#endif
