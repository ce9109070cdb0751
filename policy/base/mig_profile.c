#include "policy/base/mig_profile.h"

size_t mig_profile_prefix(struct str profile)
{
	size_t digits = 0;
	while (digits < profile.len && profile.ptr[digits] >= '0' && profile.ptr[digits] <= '9')
		digits++;
	return digits > 0 && str_starts(str_tail(profile, digits), STR("c.")) ? digits + 2 : 0;
}

bool mig_profile_plain(struct str profile)
{
	return !str_has_char(profile, '+') && !str_ends(profile, STR("-me"));
}

int64_t mig_profile_gib(struct str profile)
{
	profile = str_tail(profile, mig_profile_prefix(profile));
	for (size_t i = 0; i < profile.len; i++) {
		if (profile.ptr[i] != '.')
			continue;
		int64_t gib = 0;
		size_t digits = 0;
		for (i++; i < profile.len && profile.ptr[i] >= '0' && profile.ptr[i] <= '9' && digits < 6;
		     i++, digits++)
			gib = gib * 10 + (profile.ptr[i] - '0');
		return digits && str_starts(str_tail(profile, i), STR("gb")) ? gib : 0;
	}
	return 0;
}
