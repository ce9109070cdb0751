#include "webhook/init/installers.h"

bool installers_has(struct str name)
{
	static const struct str installers[] = {
	    {"kube-system", 11},
	    {"gpu-operator", 12},
	    {"gpugate", 7},
	    {"nvidia-gpu-operator", 19},
	    {"kube-amd-gpu", 12},
	    {"inteldeviceplugins-system", 25},
	    {"habana-system", 13},
	    {"nvidia-dra-driver-gpu", 21},
	    {"nvidia-network-operator", 23},
	    {"node-feature-discovery", 22},
	};
	for (size_t i = 0; i < sizeof installers / sizeof installers[0]; i++)
		if (str_eq(name, installers[i]))
			return true;
	return false;
}

int installers_note(struct fleet *fleet, struct str name, struct error *err)
{
	return installers_has(name) && !fleet_namespace(fleet, name, err) ? -1 : 0;
}
