"""Semantic mistakes by the id that lint gives them: policies that parse and compile but are not
what was meant.

A case is a policy in which « and » mark where the finding must point, and the message, in which
{file} stands for the policy's path.
"""

HEAD = "apiVersion: gpugate.io/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"


def document(kind, name, text):
    return HEAD.format(kind, name) + text


def settings(text):
    return document("Settings", "cluster", text)


def accelerator(name, text, resource="nvidia.com/gpu"):
    return document("Accelerator", name, f"  resource: {resource}\n" + text)


def tenant(name, text="", hard="4"):
    return document("Tenant", name, text or f"  namespaces: [{name}]\n  quotas: [{{name: all, hard: {hard}}}]\n")


def quota(text):
    return A100 + "---\n" + tenant("team-a", "  namespaces: [team-a]\n  quotas:\n  - " + text + "\n")


def rule(name, text):
    return document("Rule", name, text)


def policy(*documents):
    return "---\n".join(documents)


def product(name):
    return f"  nodeLabels: {{nvidia.com/gpu.product: {name}}}\n"


A100 = accelerator("a100-80gb", "  memory: 80Gi\n" + product("A100") + "  mig: {offered: [1g.10gb, 3g.40gb]}\n"
                   "  sharing: {resource: nvidia.com/gpu.shared, replicas: 4}\n")
DRA = accelerator("h100-80gb", product("H100") + "  deviceClasses: [gpu.nvidia.com]\n  mig: {offered: [1g.10gb], deviceClasses: {mig-1g-10gb: 1g.10gb}}\n")
L4 = accelerator("l4", "  memory: 24Gi\n" + product("L4"))
TEAM = tenant("team-a")



def claims(classes, name="claims", more=""):
    return document("Guard", name, f"{more}  resourceClaims: {{classes: [{classes}]}}\n")


def uncounted(name):
    return (f'this allows claims of the device class "{name}", and no quota counts what is claimed as long as no Accelerator lists a device class; '
            "list it in deviceClasses of its Accelerator")


MISTAKES = {
    "claim-costs-more": [
        (policy(DRA, accelerator("l4", product("L4") + "  weight: 0.25\n  deviceClasses: [gpu.nvidia.com]\n"), TEAM,
                rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, «toClaim»: {template: one}}\n")),
         'a claim for a device of Accelerator "l4" costs as much as one of "h100-80gb" ({file}:3), which lists the same device class; give each a class of its own'),
    ],
    "claim-charge-unused": [
        (policy(settings("  chargeClaims: «asAllocated»\n"), A100, TEAM),
         "no claim is counted, since no Accelerator lists a device class; list the classes in `deviceClasses` of their Accelerators, or "
         "remove chargeClaims"),
    ],
    "claim-refused": [
        (policy(DRA, TEAM, rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toClaim: {template: «one»}}\n"),
                document("Guard", "g", "  resourceClaims: {templates: [two, 'one-*']}\n")),
         'Guard "g" refuses Pods with a claim from "one", also those that this Rule gives it; list the template in resourceClaims.templates of the Guard'),
        (policy(DRA, TEAM, rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toClaim: {template: «one»}}\n"),
                document("Guard", "g", "  deny: [resourceClaims]\n")),
         'Guard "g" refuses Pods with a claim from "one", also those that this Rule gives it; remove resourceClaims from `deny` of the Guard'),
    ],
    "claim-uncounted": [
        (policy(A100, TEAM, claims("fpga.example.com, «gpu.nvidia.com»")), uncounted("gpu.nvidia.com")),
        (policy(A100, TEAM, claims("«'mig.*'»")), uncounted("mig.nvidia.com")),
        (policy(A100, TEAM, claims("«'*'»")), uncounted("gpu.nvidia.com")),
        (policy(A100, TEAM, claims("'compute-*', «'gpu.a*'»"), claims("x", "others", "  enforcement: warn\n")), uncounted("gpu.amd.com")),
        (policy(A100, TEAM, claims("«gaudi.intel.com»")), uncounted("gaudi.intel.com")),
    ],
    "config-missing": [
        (policy(accelerator("x", product("X") + "  sharing: {devicePluginConfig: «nvidia/plugin.yaml#any», replicas: 4}\n"), TEAM),
         'there is no file "nvidia/plugin.yaml" among those of the policy, so devices count as not shared; add the file, or write '
         '"resource" and "replicas"'),
        (policy(accelerator("a100-80gb", product("A100") + "  mig: {offeredFrom: «mig.yaml»}\n"), TEAM),
         'there is no file "mig.yaml" among those of the policy, so every profile of the model counts as offered; add the file, or write '
         '"offered"'),
    ],
    "memory-without-unit": [
        (policy(accelerator("x", "  memory: «24»\n"),
                TEAM),
         '"24" is memory in bytes; write a unit, such as 24Gi'),
        (quota("{name: q, measure: memory, hard: «8192»}"),
         '"8192" is memory in bytes; write a unit, such as 8192Mi'),
        (policy(A100,
                TEAM,
                rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: «10»}}\n")),
         '"10" is memory in bytes; write a unit, such as 10Gi'),
        (policy(accelerator("x", "  mig:\n    profiles: [{name: 1g.10gb, computeSlices: 1, memorySlices: 1, memory: «10»}]\n"),
                TEAM),
         '"10" is memory in bytes; write a unit, such as 10Gi'),
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  cohort: c\n  quotas: [{name: q, measure: memory, hard: 80Gi}]\n  borrowing: {q: {borrowUpTo: «40»}}\n"),
                tenant("b", "  namespaces: [b]\n  cohort: c\n  quotas: [{name: q, measure: memory, hard: 80Gi}]\n")),
         '"40" is memory in bytes; write a unit, such as 40Gi'),
    ],
    "count-with-unit": [
        (quota("{name: q, hard: «560Gi»}"),
         '"560Gi" is an amount of memory, and this quota counts devices; write `measure: memory`, or a number '
         "without a unit"),
        (quota("{name: q, measure: gpus, hard: «80G»}"),
         '"80G" is an amount of memory, and this quota counts GPUs; write `measure: memory`, or a number without a '
         "unit"),
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  cohort: c\n  quotas: [{name: q, hard: 8}]\n  borrowing: {q: {borrowUpTo: «40Gi»}}\n"),
                tenant("b", "  namespaces: [b]\n  cohort: c\n  quotas: [{name: q, hard: 8}]\n")),
         '"40Gi" is an amount of memory, and this quota counts devices; write `measure: memory`, or a number '
         "without a unit"),
    ],
    "quota-mixes-units": [
        (quota("{name: q, resources: [nvidia.com/gpumem], hard: «80Gi»}"),
         '"nvidia.com/gpumem" is a number of MiB, so that "80Gi" is 85899345920 MiB; write 81920'),
        (quota("{name: q, resources: [aliyun.com/gpu-mem], hard: «80Gi»}"),
         '"aliyun.com/gpu-mem" is a number of GiB, so that "80Gi" is 85899345920 GiB; write 80'),
        (quota("{name: q, resources: [nvidia.com/gpu, «nvidia.com/gpumem»], hard: 8}"),
         'the quota adds units of "nvidia.com/gpumem", which is a companion of a device, to its number of '
         "accelerators; give it a quota of its own"),
    ],
    "ambiguous-namespace": [
        (policy(tenant("a", "  namespaceSelector: {matchLabels: {team: x}}\n  quotas: [{name: q, hard: 1}]\n"),
                tenant("b", "  «namespaceSelector»: {matchExpressions: [{key: team, operator: In, values: [x]}]}\n  quotas: [{name: q, hard: 1}]\n")),
         'this selects the same namespaces as that of Tenant "a" ({file}:5): accelerator Pods there are refused, '
         "since two Tenants claim them; require another label in one of the two"),
        (policy(tenant("a", "  namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}\n  quotas: [{name: q, hard: 1}]\n"),
                tenant("b", "  «namespaceSelector»: {matchLabels: {team: x, stage: prod}}\n  quotas: [{name: q, hard: 1}]\n")),
         'every namespace that this selects is selected by that of Tenant "a" ({file}:5) as well: accelerator Pods '
         "there are refused, since two Tenants claim them; require another label in one of the two"),
        (policy(tenant("a", "  namespaces: [«vision-*»]\n  quotas: [{name: q, hard: 1}]\n"),
                tenant("b", "  namespaces: ['*-vision']\n  quotas: [{name: q, hard: 1}]\n")),
         '"*-vision" of Tenant "b" ({file}:12) is as long and can match the same namespaces, whose accelerator Pods '
         "would be refused; make one of the two longer, or name such a namespace exactly"),
        (policy(tenant("a", "  namespaceSelector: {matchLabels: {k: v}}\n  quotas: [{name: q, hard: 1}]\n"),
                tenant("b", "  namespaceSelector: {matchLabels: {l: v}}\n  quotas: [{name: q, hard: 1}]\n"),
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: «n», labels: {k: v, l: v}}\n"),
         'Tenants "a" ({file}:3) and "b" ({file}:10) both claim this namespace: its accelerator Pods will be '
         "refused"),
    ],
    "node-selector-unknown": [
        (policy(A100,
                TEAM,
                rule("r", "  match: {requests: {nvidia.com/gpu: {}}}\n  inject: {nodeSelector: {nvidia.com/gpu.product: «H200»}}\n")),
         "no Accelerator's nodes have nvidia.com/gpu.product=H200; those of \"a100-80gb\" ({file}:7) have A100"),
        (policy(A100,
                TEAM,
                rule("r", "  inject: {nodeSelector: {nvidia.com/gpu.product: «A10O»}}\n")),
         "no Accelerator's nodes have nvidia.com/gpu.product=A10O; did you mean \"A100\"?"),
        (policy(accelerator("g", "  nodeLabels: {cloud.google.com/gke-accelerator: nvidia-l4}\n"),
                TEAM,
                rule("r", "  match: {requests: {nvidia.com/gpu: {}}}\n  inject: {nodeSelector: {cloud.google.com/gke-accelerator: «nvidia-h100»}}\n")),
         "no Accelerator's nodes have cloud.google.com/gke-accelerator=nvidia-h100; those of \"g\" ({file}:6) have "
         "nvidia-l4"),
    ],
    "exempt-kube-system": [
        (policy(settings("  exempt:\n    «namespaces»: [gpu-operator]\n"),
                TEAM),
         "kube-system is not exempt, since this list replaces the default, which is [kube-system]; add kube-system"),
    ],
    "exempt-tenant": [
        (policy(settings("  exempt: {namespaces: [kube-system, edge-*]}\n"),
                tenant("edge", "  namespaces: [«edge-eu», other]\n  quotas: [{name: q, hard: 1}]\n")),
         'namespace "edge-eu" is exempt in Settings ({file}:5): no quota holds for its Pods'),
        (policy(settings("  exempt: {namespaces: [kube-system, 'edge*']}\n"),
                tenant("edge", "  namespaces: [«edge-*»]\n  quotas: [{name: q, hard: 1}]\n")),
         'every namespace that matches "edge-*" is exempt in Settings ({file}:5): no quota holds for its Pods'),
        (policy(tenant("sys", "  namespaces: [«kube-system»]\n  quotas: [{name: q, hard: 1}]\n")),
         'namespace "kube-system" is exempt in Settings (by default): no quota holds for its Pods'),
        (policy(settings("  exempt: {namespaces: [kube-system, lab]}\n"),
                A100,
                TEAM,
                rule("r", "  match: {namespaces: [«lab»]}\n  inject: {runtimeClassName: x}\n")),
         'namespace "lab" is exempt in Settings ({file}:5): no Rule acts on its Pods'),
    ],
    "exempt-broad": [
        (policy(settings("  exempt: {namespaces: [«'*'»]}\n"),
                tenant("x", "  namespaceSelector: {matchLabels: {a: b}}\n  quotas: [{name: q, hard: 1}]\n")),
         "this exempts every namespace"),
        (policy(settings("  exempt: {namespaces: [«kube-*»]}\n"),
                TEAM),
         "this exempts every namespace whose name begins with kube-, also one that somebody creates; name those "
         "that have to be exempt, such as kube-system"),
        (policy(settings("  exempt: {users: [«kube-*»]}\n"),
                TEAM),
         'no user or group of Kubernetes is called "kube-*": their names begin with system:, such as '
         "system:serviceaccount:kube-system:NAME"),
        (policy(settings("  exempt: {users: [«'system:kube-controller-manager'»]}\n"),
                TEAM),
         "this exempts every workload of a cluster whose controllers do not use ServiceAccounts of their own: Pods "
         'are judged by who creates them, and that is "system:kube-controller-manager"'),
        (policy(settings("  exempt: {users: [«'system:serviceaccount:*:monitoring'»]}\n"),
                TEAM),
         'this exempts a ServiceAccount in "team-a" of Tenant "team-a" ({file}:11) as well, where others may create '
         "one of that name; name the namespace"),
        (policy(settings("  exempt: {groups: [«'system:serviceaccounts'»]}\n"),
                TEAM),
         "this exempts every ServiceAccount, the workload controllers among them: Pods are judged by who creates "
         'them, and that is "system:serviceaccounts"'),
        (policy(document("Guard", "g", "  deny: [privileged]\n  exempt: {users: [«'system:serviceaccount:kube-system:job-controller'»]}\n"),
                TEAM),
         "this exempts every Job: Pods are judged by who creates them, and that is "
         '"system:serviceaccount:kube-system:job-controller"'),
    ],
    "memory-differs": [
        (policy(accelerator("a100-80gb", "  memory: «40Gi»\n" + product("A100")),
                TEAM),
         '"40Gi" is not what the built-in table has for a100-80gb, which is 80Gi; correct it, or leave `memory` out '
         "where `mig` is given"),
        (policy(accelerator("x", "  memory: «80Gi»\n  mig: {model: a100-40gb}\n" + product("A100")),
                TEAM),
         '"80Gi" is not what the built-in table has for a100-40gb, which is 40Gi; correct it, or leave `memory` out '
         "where `mig` is given"),
    ],
    "same-node-labels": [
        (policy(accelerator("a", product("A100")),
                accelerator("b", "  «nodeLabels»: {nvidia.com/gpu.product: A100}\n"),
                TEAM),
         'Accelerators "b" and "a" ({file}:6) both have nvidia.com/gpu and the same nodeLabels, so no node can be '
         "known to be of one and not of the other; give each nodeLabels of its own"),
    ],
    "model-overlap": [
        (policy(accelerator("a", product("A100")),
                accelerator("b", "  «nodeLabels»: {pool: b}\n"),
                TEAM),
         'nothing keeps a node from matching both "b" and "a" ({file}:6), since no label key has different values '
         "in the two: a Pod that could land on both counts as the more expensive one; give both Accelerators a "
         "value of the same label key"),
        (policy(accelerator("a", product("A100")),
                "apiVersion: gpugate.io/v1\nkind: «Accelerator»\nmetadata: {name: b}\nspec: {resource: nvidia.com/gpu}\n",
                TEAM),
         'a node with the nodeLabels of "a" ({file}:6) is of that model, although any node matches "b" as well; if '
         'that is what you mean, say so with `withoutNodeLabels: [nvidia.com/gpu.product]` in "b"'),
    ],
    "model-without-quota": [
        (policy(A100,
                L4,
                tenant("a", "  namespaces: [a]\n  quotas: [{name: q, «accelerators»: [a100-80gb], hard: 1}]\n")),
         'no quota of Tenant "a" counts "nvidia.com/gpu" on "l4" ({file}:13), which has it as well: a Pod whose '
         "node selectors do not rule that one out is refused; add a quota for it, or a Rule with a nodeSelector"),
        (policy(DRA,
                DRA.replace("h100-80gb", "zeta").replace("H100", "Z").replace("  mig: {off", "  mig: {model: h100-80gb, off").replace("mig-1g-10gb", "mig-z"),
                tenant("a", "  namespaces: [a]\n  quotas: [{name: q, «accelerators»: [h100-80gb], hard: 1}]\n")),
         'no quota of Tenant "a" counts "nvidia.com/gpu" on "zeta" ({file}:12), which has it as well: a Pod whose '
         "node selectors do not rule that one out is refused; add a quota for it, or a Rule with a nodeSelector"),
    ],
    "resource-misspelled": [
        (quota("{name: q, resources: [«nvidia.com/gpus»], hard: 1}"),
         'no Accelerator has "nvidia.com/gpus", which counts as a device only because of its domain; did you mean '
         '"nvidia.com/gpu"?'),
        (quota("{name: q, resources: [«nvidia.com/gpu.prodct»], hard: 1}"),
         '"nvidia.com/gpu.prodct" is a label of nodes and no resource that a Pod asks for; name the resource, such '
         "as nvidia.com/gpu"),
        (policy(A100,
                TEAM,
                rule("r", "  rewrite:\n  - {from: «nvidia.com/gpus», to: nvidia.com/gpu.shared}\n")),
         'no Accelerator has "nvidia.com/gpus", which counts as a device only because of its domain; did you mean '
         '"nvidia.com/gpu"?'),
        (policy(A100,
                TEAM,
                rule("r", "  match: {requests: {«nvidia.com/gup»: {max: 1}}}\n  inject: {runtimeClassName: x}\n")),
         'no Accelerator has "nvidia.com/gup", which counts as a device only because of its domain; did you mean '
         '"nvidia.com/gpu"?'),
    ],
    "resource-pattern": [
        (quota("{name: q, resources: [nvidia.com/gpu, «nvidia.com/mgi-*»], hard: 1}"),
         '"nvidia.com/mgi-*" matches no resource of an Accelerator and no well-known name; did you mean '
         '"nvidia.com/mig-*"?'),
        (quota("{name: q, resources: [«'nvidia.com/gpum*'»], hard: 1}"),
         "this counts none of the names that it is known to match: nvidia.com/gpumem (a companion of a device), for "
         "one, counts only where a quota names it without a wildcard"),
    ],
    "resource-prefix": [
        (quota("{name: q, resources: [«requests.nvidia.com/gpu»], hard: 1}"),
         '"requests.nvidia.com/gpu" is how a ResourceQuota writes it; here a resource has its own name, so write '
         "nvidia.com/gpu"),
        (policy(A100,
                TEAM,
                rule("r", "  match: {requests: {«limits.nvidia.com/gpu»: {max: 1}}}\n  inject: {runtimeClassName: x}\n")),
         '"limits.nvidia.com/gpu" is how a ResourceQuota writes it; here a resource has its own name, so write '
         "nvidia.com/gpu"),
        (policy(accelerator("x","","«requests.nvidia.com/gpu»"),
                TEAM),
         '"requests.nvidia.com/gpu" is how a ResourceQuota writes it; here a resource has its own name, so write '
         "nvidia.com/gpu"),
    ],
    "label-misspelled": [
        (policy(accelerator("x", "  nodeLabels: {«nvidia.com/gpu.prodct»: A100}\n"),
                TEAM),
         'no known tool sets the node label "nvidia.com/gpu.prodct"; did you mean "nvidia.com/gpu.product"?'),
        (policy(accelerator("x", "  withoutNodeLabels: [«cloud.gogle.com/gke-spot»]\n"),
                TEAM),
         'no known tool sets the node label "cloud.gogle.com/gke-spot"; did you mean "cloud.google.com/gke-spot"?'),
        (policy(A100,
                TEAM,
                rule("r", "  inject: {nodeSelector: {«nvidia.com/gpu.poduct»: A100}}\n")),
         'no known tool sets the node label "nvidia.com/gpu.poduct"; did you mean "nvidia.com/gpu.product"?'),
    ],
    "tenant-without-quota": [
        (policy(A100,
                document("Tenant", "«a»", "  namespaces: [a]\n")),
         'Tenant "a" has no quota, nor has one above it, so that no accelerator is covered; add `quotas` (`hard: '
         "unlimited` limits nothing)"),
    ],
    "tenant-unused": [
        (policy(A100,
                document("Tenant", "«a»", "  quotas: [{name: q, hard: 1}]\n")),
         'Tenant "a" has no namespaces and no Tenants below it, so that nothing counts in it; give it `namespaces` '
         "or a `namespaceSelector`, or remove it"),
    ],
    "child-above-parent": [
        (policy(A100,
                tenant("org","  quotas: [{name: q, hard: 4}]\n"),
                tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: q, resources: [nvidia.com/gpu], hard: «8»}]\n")),
         '8 can never be reached: quota "q" of Tenant "org" above ({file}:15) counts the same and ends at 4; lower '
         "this one, or write `unlimited`"),
    ],
    "profile-not-offered": [
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  quotas: [{name: q, hard: 1}]\n"),
                rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, to: «nvidia.com/mig-2g.20gb»}\n")),
         'no Accelerator offers "nvidia.com/mig-2g.20gb", so that a Pod which gets it is never scheduled; add the '
         "profile to `mig.offered`, or rewrite to one that is there"),
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  quotas: [{name: q, resources: [«nvidia.com/mig-2g.20gb»], hard: 1}]\n")),
         'no Accelerator offers "nvidia.com/mig-2g.20gb", so that a Pod which requests it is never scheduled (did you mean '
         '"nvidia.com/mig-3g.40gb"?); add the profile to `mig.offered`, or name one that is there'),
    ],
    "several-parts": [
        (policy(A100,
                TEAM,
                rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi}, maxPerContainer: «2»}\n")),
         "a container can use one slice or share, however many it asks for; leave `maxPerContainer` out, and Pods "
         "that ask for more keep what they ask for"),
        (policy(A100,
                TEAM,
                rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, to: nvidia.com/gpu.shared, maxPerContainer: «2»}\n")),
         'a container may ask for 1 of "nvidia.com/gpu.shared" at most (sharing.maxPerContainer): with more the Pod '
         "is refused by a Guard, or fails on the node"),
    ],
    "audit-refuses": [
        (policy(settings("  enforcement: audit\n  quotaFailurePolicy: «Fail»\n")),
         "`enforcement: audit` refuses nothing, but the API server refuses Pods that ask for accelerators while "
         "gpugate does not answer (`quotaFailurePolicy: Fail`); set it to Ignore until quotas are enforced"),
        (policy(settings("  enforcement: «audit»\n")),
         "`enforcement: audit` refuses nothing, but the API server refuses Pods that ask for accelerators while "
         "gpugate does not answer (`quotaFailurePolicy: Fail`, the default); set it to Ignore until quotas are "
         "enforced"),
    ],
    "rewrite-shadowed": [
        (policy(A100,
                TEAM,
                rule("one", "  order: 1\n  rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]\n"),
                rule("two", "  rewrite: [{from: «nvidia.com/gpu», to: nvidia.com/mig-1g.10gb}]\n")),
         'never acts: Rule "one" ({file}:20) comes earlier and rewrites "nvidia.com/gpu" of every Pod'),
    ],
    "rewrite-uncovered": [
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  quotas: [{name: q, resources: [nvidia.com/gpu], hard: 1}]\n"),
                rule("one", "  rewrite: [{from: «nvidia.com/gpu», to: nvidia.com/gpu.shared}]\n")),
         'rewrites to "nvidia.com/gpu.shared", which no quota of Tenant "a" ({file}:13) covers: its Pods will be '
         "refused"),
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  quotas: [{name: q, resources: [nvidia.com/gpu], hard: 1}]\n"),
                tenant("b", "  namespaces: [b]\n  quotas: [{name: q, resources: [nvidia.com/mig-1g.10gb], hard: 1}]\n"),
                rule("one", "  rewrite: [{from: «nvidia.com/gpu», toMig: {accelerator: a100-80gb, default: 10Gi}}]\n")),
         'rewrites to "nvidia.com/mig-1g.10gb", which no quota of Tenant "a" ({file}:13) covers; the same holds for '
         '"nvidia.com/mig-3g.40gb" and Tenant "a", "nvidia.com/mig-3g.40gb" and Tenant "b": its Pods will be '
         "refused"),
        (policy(A100,
                *[tenant(f"t{n}", f"  namespaces: [t{n}]\n  quotas: [{{name: q, resources: [nvidia.com/gpu], hard: 1}}]\n") for n in range(6)],
                rule("one", "  match: {tenants: [t0, t1, t2, t3, t4, t5]}\n  rewrite: [{from: «nvidia.com/gpu», to: nvidia.com/gpu.shared}]\n")),
         'rewrites to "nvidia.com/gpu.shared", which no quota of Tenant "t0" ({file}:13) covers; the same holds for '
         + ", ".join(f'"nvidia.com/gpu.shared" and Tenant "t{n}"' for n in (1, 2, 3)) + ", and 2 more: its Pods will be "
         "refused"),
    ],
    "gangs-no-change": [
        (policy(A100, TEAM, rule("r", "  gangs: allOrNothing\n  onConflict: keep\n  required: «true»\n")),
         "the Rule changes no Pod, so that this has no effect; `gangs` needs neither `required` nor `onConflict`"),
        (policy(A100, TEAM, rule("r", "  gangs: allOrNothing\n  onConflict: «keep»\n")),
         "the Rule changes no Pod, so that this has no effect; `gangs` needs neither `required` nor `onConflict`"),
    ],
    "gangs-not-enforced": [
        (policy(A100, TEAM, rule("r", "  gangs: «allOrNothing»\n  enforcement: audit\n")),
         "with `enforcement: audit`, the Rule does not decide groups; remove `enforcement` or `gangs`"),
        (policy(A100, TEAM, rule("r", "  enforcement: warn\n  inject: {runtimeClassName: nvidia}\n  gangs: «allOrNothing»\n")),
         "with `enforcement: warn`, the Rule does not decide groups; remove `enforcement` or `gangs`"),
    ],
    "gangs-rewritten": [
        (policy(A100, TEAM, rule("r", "  match: {requests: {nvidia.com/gpu: {max: 1}}}\n"
                                      "  rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]\n  gangs: «allOrNothing»\n")),
         'a Pod that the Rule has changed no longer requests "nvidia.com/gpu", so that match.requests does not hold and its group is not '
         "decided; move `gangs` to a Rule of its own"),
    ],
    "gangs-shadowed": [
        (policy(A100, TEAM, rule("z", "  order: 1\n  gangs: allOrNothing\n"), rule("a", "  match: {namespaces: [team-a]}\n  gangs: «allOrNothing»\n")),
         'never acts: Rule "z" ({file}:20) comes earlier and decides the group of every Pod'),
    ],
    "idle-cohort": [
        (policy(A100,
                tenant("a", "  namespaces: [a]\n  cohort: «c»\n  quotas: [{name: q, hard: 1}]\n")),
         'no other Tenant is in cohort "c": there is nobody to borrow from or lend to'),
    ],
    "other-resources": [
        (policy(settings("  otherResources: [«amd.com/gpu»]\n"),
                A100,
                TEAM),
         "this takes amd.com/gpu out of every quota, although the built-in catalog knows it as a device"),
    ],
    "pin-leaks": [
        (policy(A100.replace("  mig:", "  withoutNodeLabels: [spot]\n  mig:"),
                accelerator("a100-80gb-spot", "  nodeLabels: {nvidia.com/gpu.product: A100, spot: 'true'}\n  mig: {model: a100-80gb, offered: [1g.10gb]}\n"),
                TEAM,
                rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi, pin: «true»}}\n")),
         'a Pod that is pinned to "a100-80gb" can still land on "a100-80gb-spot", since a node selector cannot say '
         "which labels nodes do not have; a quota must count that Accelerator as well, or the Pod is refused"),
    ],
}

# Policies that resemble a mistake but are correct.
QUIET = {
    "classes of devices that are no accelerators": policy(A100, TEAM, claims("'compute-domain-*', fpga.example.com, gpu.nvidia.co")),
    "any class, where an Accelerator lists one": policy(DRA, TEAM, claims("'*'")),
    "any class, where unknown ones are refused": policy(A100, TEAM, claims("'*'"), document("Settings", "s", "  unknownResources: deny\n")),
    "a class that another Guard refuses": policy(A100, TEAM, claims("'*'"), claims("fpga.example.com", "fpga")),
    "a class, where another Guard refuses all claims": policy(A100, TEAM, claims("'*'"), document("Guard", "none", "  deny: [resourceClaims]\n")),
    "a configuration that is generated later": policy(
        accelerator("a100-80gb", product("A100") + "  mig: {offeredFrom: mig.yaml, offered: [1g.10gb]}\n"
                    "  sharing: {devicePluginConfig: plugin.yaml, resource: nvidia.com/gpu.shared, replicas: 4}\n"), TEAM),
    "memory of 0": quota("{name: q, measure: memory, hard: 0}"),
    "memory in plain bytes": quota("{name: q, measure: memory, hard: 85899345920}"),
    "a count with a decimal suffix": quota("{name: q, hard: 4k}"),
    "groups, in Settings that only audit": policy(document("Settings", "s", "  enforcement: audit\n  quotaFailurePolicy: Ignore\n"), A100, TEAM,
                                                  rule("r", "  gangs: allOrNothing\n"), rule("s", "  gangs: allOrNothing\n")),
    "groups, by the name that a Rule gives": policy(A100, TEAM, rule("r", "  match: {requests: {nvidia.com/gpu.shared: {}}}\n"
                                                    "  rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]\n  gangs: allOrNothing\n")),
    "groups, by a Rule that changes Pods": policy(A100, TEAM, rule("r", "  inject: {runtimeClassName: nvidia}\n  required: true\n"
                                                  "  onConflict: keep\n  gangs: allOrNothing\n")),
    "groups, one Rule for each namespace": policy(A100, TEAM, rule("r", "  match: {namespaces: [team-a]}\n  gangs: allOrNothing\n"),
                                                  rule("s", "  gangs: allOrNothing\n  gangSeconds: 60\n")),
    "labels that differ little from others": policy(A100.replace("nodeLabels: {", "nodeLabels: {nvidia.com/vgpu.present: 'false', "
        "nvidia.com/vgpu.config: x, nvidia.com/vgpu.config.state: success, nvidia.com/cc.capable: 'false', beta.kubernetes.io/instance-type: p4d, ")),
    "a very high count": quota("{name: q, hard: 999999999999}"),
    "companions in bytes": quota("{name: q, resources: [gpu.intel.com/memory.max], hard: 80Gi}"),
    "companions in their own unit": quota("{name: q, resources: [nvidia.com/gpumem], hard: 81920}"),
    "selectors of other labels": policy(tenant("a", "  namespaceSelector: {matchLabels: {team: x}}\n  quotas: [{name: q, hard: 1}]\n"),
                                        tenant("b", "  namespaceSelector: {matchLabels: {team: y}}\n  quotas: [{name: q, hard: 1}]\n"),
                                        tenant("c", "  namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [x, y]}]}\n"
                                                    "  quotas: [{name: q, hard: 1}]\n")),
    "patterns of other lengths": policy(tenant("a", "  namespaces: [vision-*]\n  quotas: [{name: q, hard: 1}]\n"),
                                        tenant("b", "  namespaces: ['*-prod']\n  quotas: [{name: q, hard: 1}]\n")),
    "patterns of one length that differ": policy(tenant("a", "  namespaces: [team-a-*]\n  quotas: [{name: q, hard: 1}]\n"),
                                                 tenant("b", "  namespaces: [team-b-*]\n  quotas: [{name: q, hard: 1}]\n")),
    "patterns of one Tenant": tenant("a", "  namespaces: [vision-*, '*-vision']\n  quotas: [{name: q, hard: 1}]\n"),
    "a node selector of another purpose": policy(A100, TEAM, rule("r", "  inject: {nodeSelector: {node-type: edge, topology.kubernetes.io/zone: z}}\n")),
    "a node selector for another vendor": policy(
        A100, accelerator("mi300x", "  nodeLabels: {amd.com/gpu.product-name: MI300X}\n", "amd.com/gpu"), TEAM,
        rule("r", "  match: {requests: {amd.com/gpu: {}}}\n  inject: {nodeSelector: {amd.com/gpu.product-name: MI300X}}\n")),
    "a node selector that another Accelerator's nodes may have": policy(
        A100, accelerator("edge", "  nodeLabels: {node-type: edge}\n  withoutNodeLabels: [nvidia.com/gpu.product]\n"), TEAM,
        rule("r", "  match: {requests: {nvidia.com/gpu: {}}}\n  inject: {nodeSelector: {node-type: edge}}\n")),
    "the default exemption": policy(settings("  exempt: {users: ['system:serviceaccount:gpu-operator:*']}\n"), TEAM),
    "no namespace exempt": policy(settings("  exempt: {namespaces: []}\n"), TEAM),
    "kube-system by a pattern": policy(settings("  exempt: {namespaces: ['kube-s*']}\n"), TEAM),
    "kube-system of a Tenant": policy(settings("  exempt: {namespaces: [gpu-operator]}\n"),
                                      tenant("sys", "  namespaces: [kube-system]\n  quotas: [{name: q, hard: 1}]\n")),
    "a ServiceAccount of one namespace": policy(settings("  exempt: {users: ['system:serviceaccount:monitoring:*']}\n"), TEAM),
    "a ServiceAccount of namespaces that are nobody's": policy(settings("  exempt: {users: ['system:serviceaccount:gpu-*:operator']}\n"), TEAM),
    "an exemption of other namespaces": policy(settings("  exempt: {namespaces: [kube-system, edge-?]}\n"),
                                               tenant("edge", "  namespaces: [edge-*]\n  quotas: [{name: q, hard: 1}]\n")),
    "memory as nvidia-smi shows it": policy(accelerator("a100-80gb", "  memory: 81920Mi\n" + product("A100")), TEAM),
    "memory in powers of ten": policy(accelerator("a100-80gb", "  memory: 80G\n" + product("A100")), TEAM),
    "a quota of 0 for the other model": policy(A100, L4, tenant(
        "a", "  namespaces: [a]\n  quotas: [{name: q, accelerators: [a100-80gb], hard: 1}, {name: none, accelerators: [l4], hard: 0}]\n")),
    "a Rule that rules the other model out": policy(
        A100, L4, tenant("a", "  namespaces: [a]\n  quotas: [{name: q, accelerators: [a100-80gb], hard: 1}]\n"),
        rule("r", "  match: {tenants: [a]}\n  inject: {nodeSelector: {nvidia.com/gpu.product: A100}}\n")),
    "a quota above that counts every model": policy(
        A100, L4, tenant("org", "  quotas: [{name: all, hard: 8}]\n"),
        tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: q, accelerators: [a100-80gb], hard: 1}]\n")),
    "uncovered models that are allowed": policy(
        settings("  uncovered: allow\n"), A100, L4, tenant("a", "  namespaces: [a]\n  quotas: [{name: q, accelerators: [a100-80gb], hard: 1}]\n")),
    "a device of the vendor that nobody knows": quota("{name: q, resources: [nvidia.com/GRID_T4-1Q, 'nvidia.com/GRID*', nvidia.com/pgpu, nvidia.com/vgpu], hard: 1}"),
    "labels of one's own": policy(accelerator("x", "  nodeLabels: {nvidia.com/gpu.pool: a, node-type: edge, example.com/gpu.product: x}\n"), TEAM),
    "a Tenant that only lends": policy(
        A100, tenant("spare", "  cohort: c\n  quotas: [{name: q, hard: 4}]\n"),
        tenant("a", "  namespaces: [a]\n  cohort: c\n  quotas: [{name: q, hard: 4}]\n  borrowing: {q: {borrowUpTo: 2}}\n")),
    "a Tenant without quotas, where uncovered is allowed": policy(settings("  uncovered: allow\n"), A100, tenant("a", "  namespaces: [a]\n")),
    "a Tenant whose parent has the quota": policy(A100, tenant("org", "  quotas: [{name: q, hard: 4}]\n"), tenant("a", "  parent: org\n  namespaces: [a]\n")),
    "over-commitment": policy(A100, tenant("org", "  quotas: [{name: q, hard: 4}]\n"),
                              tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: q, hard: 4}]\n"),
                              tenant("b", "  parent: org\n  namespaces: [b]\n  quotas: [{name: q, hard: 3}]\n")),
    "children far below their parent": policy(A100, tenant("org", "  quotas: [{name: q, hard: 400}]\n"),
                                              tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: q, hard: 1}]\n")),
    "a child that only its parent limits": policy(A100, tenant("org", "  quotas: [{name: q, hard: 4}]\n"),
                                                  tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: q, hard: unlimited}]\n")),
    "a parent that borrows": policy(A100, tenant("org", "  cohort: c\n  quotas: [{name: q, hard: 4}]\n  borrowing: {q: {borrowUpTo: 4}}\n"),
                                    tenant("other", "  cohort: c\n  namespaces: [o]\n  quotas: [{name: q, hard: 4}]\n"),
                                    tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: x, hard: 8}]\n")),
    "a child's limit of another measure, or on more": policy(
        A100, tenant("org", "  quotas: [{name: q, measure: gpus, hard: 4}, {name: r, resources: [nvidia.com/gpu], hard: 4}]\n"),
        tenant("a", "  parent: org\n  namespaces: [a]\n  quotas: [{name: q, hard: 28}]\n")),
    "a slice that is shared": policy(
        accelerator("a100-80gb", product("A100") + "  mig: {offered: [1g.10gb]}\n  sharing: {resource: nvidia.com/mig-1g.10gb.shared, replicas: 2}\n"),
        TEAM, rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, to: nvidia.com/mig-1g.10gb.shared}\n")),
    "toMig without bounds, since a container gets one slice at most": policy(
        A100, TEAM, rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi}}\n")),
    "a device class that costs the same on two Accelerators": policy(
        DRA, accelerator("h200", product("H200") + "  deviceClasses: [gpu.nvidia.com]\n"), TEAM,
        rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toClaim: {template: one}}\n")),
    "claims that a Guard allows, or refuses only some": policy(
        DRA, TEAM, rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, toClaim: {template: one}}\n"),
        document("Guard", "g", "  resourceClaims: {templates: ['o*']}\n"),
        document("Guard", "h", "  enforcement: warn\n  resourceClaims: {templates: []}\n"),
        document("Guard", "i", "  deny: [resourceClaims]\n  exempt: {namespaces: [team-a]}\n")),
    "audit that refuses nothing, not even in an outage": settings("  enforcement: audit\n  onOutage: deny\n  quotaFailurePolicy: Ignore\n"),
    "claims that count as allocated": policy(settings("  chargeClaims: asAllocated\n"), DRA, TEAM),
    "claims that count as requested, where none do": policy(settings("  chargeClaims: asRequested\n"), A100, TEAM),
    "warnings with the default failure policy": settings("  enforcement: warn\n"),
}
