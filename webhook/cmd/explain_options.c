#include "webhook/cmd/explain_options.h"

#include <string.h>
#include <sys/stat.h>

#include "webhook/cmd/commands.h"
#include "webhook/cmd/kubeconfig.h"
#include "webhook/cmd/namespace_option.h"

#define POLICY_FOLDER "policy"

static const char *const outputs[] = {[EXPLAIN_TEXT] = "text", [EXPLAIN_JSON] = "json", [EXPLAIN_YAML] = "yaml", NULL};

static const struct option_row rows[] = {
    {.name = "-f",
     .word = "FILE",
     .type = OPTION_STRING,
     .offset = offsetof(struct explain_options, file),
     .required = true,
     .help = "The file with the objects, in YAML or JSON; - is standard input. Pods, Deployments, ReplicaSets, "
	     "StatefulSets, DaemonSets, ReplicationControllers, Jobs, CronJobs, the custom resources that the policy "
	     "names, ResourceClaims, ResourceClaimTemplates, AdmissionReviews, and lists of these. "
	     "Labels of Namespaces in it count, DeviceClasses, and PodGroups. Other objects are passed over."},
    {.name = "--policy",
     .word = "PATH",
     .type = OPTION_LIST,
     .offset = offsetof(struct explain_options, policies),
     .help = "A folder of policy files, or one file. Without it: the folder `policy` in the current one."},
    {.name = "-n",
     .word = "NS",
     .type = OPTION_STRING,
     .offset = offsetof(struct explain_options, namespace),
     .fallback = "default",
     .help = "The namespace of objects that name none."},
    {.name = "--as",
     .word = "USER",
     .type = OPTION_STRING,
     .offset = offsetof(struct explain_options, user),
     .help = "The user who creates the Pods. Without it, Pods of a workload are created by their controller, such as "
	     "system:serviceaccount:kube-system:job-controller, and other Pods by a user without a name."},
    {.name = "--as-group",
     .word = "GROUP",
     .type = OPTION_LIST,
     .offset = offsetof(struct explain_options, groups),
     .help = "A group of the user that --as names, in addition to system:authenticated."},
    {.name = "--usage",
     .word = "FILE",
     .type = OPTION_LIST,
     .offset = offsetof(struct explain_options, usage),
     .help = "What the cluster has already, such as the output of `kubectl get namespaces,nodes,pods -A -o yaml`: "
	     "Pods hold quota, and Namespaces and Nodes have labels. Add resourceclaims where the policy counts "
	     "claims. Without this option nothing is held."},
    {.name = "--live",
     .type = OPTION_FLAG,
     .offset = offsetof(struct explain_options, live),
     .help = "Count what the cluster has now: its Pods, and the labels of Namespaces and Nodes if the policy needs "
	     "them. Needs the right to list these, and changes nothing."},
    KUBECONFIG_OPTION(offsetof(struct explain_options, kubeconfig), " Only for --live."),
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct explain_options, output),
     .fallback = "text",
     .choices = outputs,
     .help = "The form of the output. docs/policy-as-code.md describes the members of json and yaml."},
};

const struct option_table explain_options_table = {
    .command = "explain",
    .synopsis = "-f FILE [--policy PATH] [-n NS] [--as USER [--as-group GROUP]] "
		"[--usage FILE | --live [--kubeconfig FILE]] [-o text|json|yaml]",
    .summary = "Says whether the Pods in a file would be admitted, in the words of the webhook. Also says why: their "
	       "tenant, what each Rule changes or which of its conditions does not hold, what each Guard finds, and "
	       "what each quota holds. Objects are tried in the order of the file; Pods that are admitted hold quota "
	       "while the later ones are tried.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct explain_options),
    .examples = "  gpugate explain -f pod.yaml --policy deploy/policy -n team-a\n"
		"  gpugate explain -f deployment.yaml --policy deploy/policy --live\n"
		"  kubectl get namespaces,nodes,pods -A -o yaml >usage.yaml\n"
		"  gpugate explain -f job.yaml --policy deploy/policy --usage usage.yaml\n"
		"  gpugate explain -f - --policy deploy/policy -o json <pod.yaml | jq '.objects[].message'\n",
    .statuses = {[EXIT_FINE] = "All Pods would be admitted.",
		 [EXIT_FINDINGS] = "A Pod would be refused.",
		 [EXIT_FAILED] = "It could not be decided. Standard error says what to do."},
};

int explain_options_check(const struct explain_options *options, struct error *err)
{
	size_t standard = strcmp(options->file, "-") == 0;
	for (size_t i = 0; i < options->usage.count; i++)
		standard += strcmp(options->usage.items[i], "-") == 0;
	if (standard > 1)
		return error_set(err, "standard input can be read only once; leave out the second -");
	if (namespace_option_check(options->namespace, err) < 0)
		return -1;
	if (options->groups.count && !options->user)
		return error_set(err, "--as-group needs --as, which names the user who is in the group");
	if (options->live && options->usage.count)
		return error_set(err, "--usage and --live both say what the cluster has; use one of them");
	if (options->kubeconfig && !options->live)
		return error_set(err, "--kubeconfig needs --live, which reads the cluster that it names");
	return 0;
}

int explain_options_policy(const struct explain_options *options, struct option_list *paths, struct error *err)
{
	static const char *folder[] = {POLICY_FOLDER};
	struct stat found;
	*paths = options->policies;
	if (paths->count)
		return 0;
	if (stat(POLICY_FOLDER, &found) < 0 || !S_ISDIR(found.st_mode))
		return error_set(err, "no policy is given, and there is no folder `" POLICY_FOLDER
				      "` here; name the folder of the policy, or its file, with --policy");
	*paths = (struct option_list){.items = folder, .count = 1};
	return 0;
}
