#include "webhook/cmd/kubeconfig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Returns the path of a kubeconfig where kubectl would look for it, possibly in `home`. NULL: use
 * the in-cluster configuration.
 */
static const char *find(const char *path, const char *variable, char home[static 4096])
{
	const char *folder = getenv("HOME");
	if (path)
		return path;
	if (variable && *variable)
		return variable;
	int len = folder && *folder ? snprintf(home, 4096, "%s/.kube/config", folder) : -1;
	return len > 0 && len < 4096 && access(home, F_OK) == 0 ? home : NULL;
}

struct kube_config *kubeconfig_load(const char *path, struct error *err)
{
	char home[4096];
	const char *variable = getenv("KUBECONFIG");
	if (path || !variable || !strchr(variable, ':'))
		return kube_config_load_for_command(find(path, variable, home), err);
	error_set(err, "KUBECONFIG names several files, which are not merged here; name one with --kubeconfig "
		       "(`kubectl config view --flatten --minify` writes it)");
	return NULL;
}
