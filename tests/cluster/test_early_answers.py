"""What kubectl shows to a person who applies a workload whose Pods would be refused."""

import re

import pytest

from control_plane import eventually
from kube import GPU, doc
from manifests import container, cronjob, daemonset, deployment, job, pod, pod_spec, statefulset

REMEDY = "Warning: set strategy.rollingUpdate to maxSurge: 0 and maxUnavailable: 1: each new Pod is then created after an old one has ended"


def team(space, hard, **more):
    return doc("Tenant", "ml", namespaces=[space], quotas=[{"name": "whole", "resources": [GPU], "hard": hard}], **more)


def workloads(space, spec, count):
    """Yields one of each kind, with that many Pods."""
    template = {"metadata": {"labels": {"app": "w"}}, "spec": spec}
    yield deployment(space, "w", count, spec)
    yield deployment(space, "w", count, spec) | {"kind": "ReplicaSet"}
    yield statefulset(space, "w", count, spec)
    yield daemonset(space, "w", spec)
    yield {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "w", "namespace": space},
           "spec": {"replicas": count, "selector": {"app": "w"}, "template": template}}
    yield job(space, "w", spec, parallelism=count)
    cron = cronjob(space, "w", spec)
    cron["spec"]["jobTemplate"]["spec"]["parallelism"] = count
    yield cron


def refusal(requested, limit):
    """Of the cluster ledger, some of what is used may still be pending."""
    return rf'exceeded quota: GPU quota "whole" of tenant "ml": requested {requested}, used \d( \(\+\d pending\))?, limit {limit}, over by \d; [^\n]*'


@pytest.mark.parametrize("ledger", ["embedded", "cluster"])
def test_a_warning_for_each_kind(control_plane, gpugate_in_cluster, namespaces, ledger):
    space = namespaces("early")
    gate = gpugate_in_cluster(control_plane, [team(space, 2), doc("Guard", "g", deny=["privileged"])], ledger=ledger)

    def apply(obj, *args, check=True):
        return control_plane.kubectl("apply", "-f", "-", *args, input=[obj], check=check)

    apply(pod(space, "first", {GPU: 1}))
    gate.wait_used("ml", "whole", 1)
    for obj in workloads(space, pod_spec({GPU: 1}), 3):
        said = apply(obj, "--dry-run=server")
        wanted = "" if obj["kind"] == "DaemonSet" else rf"Warning: 1 of 3 Pods fit now, and never more than 2 at once: {refusal(1, 2)}\n"
        assert re.fullmatch(wanted, said.stderr), (obj["kind"], said.stderr)
    for obj in workloads(space, pod_spec({GPU: 2}), 1):
        said = apply(obj, "--dry-run=server").stderr
        assert re.fullmatch(rf"Warning: 0 of 1 Pod fits now: {refusal(2, 2)}\n", said), (obj["kind"], said)
    for obj in workloads(space, pod_spec({GPU: 3}), 1):
        said = apply(obj, "--dry-run=server").stderr
        assert said.startswith('Warning: can never fit: GPU quota "whole" of tenant "ml": requested 3, ') and said.count("\n") == 1, said
    privileged = container({GPU: 1}, securityContext={"privileged": True})
    for obj in workloads(space, {**pod_spec(), "containers": [privileged]}, 1):
        said = apply(obj, "--dry-run=server").stderr
        assert said.startswith('Warning: its Pods would be refused: container "main" is privileged') and said.count("\n") == 1, said
    # gpugate is not called for a workload that requests no device.
    for obj in workloads(space, {**pod_spec(), "containers": [container(securityContext={"privileged": True})]}, 1):
        assert apply(obj, "--dry-run=server").stderr == "", obj["kind"]
    assert gate.used("ml", "whole") == 1


@pytest.mark.parametrize("ledger", ["embedded", "cluster"])
def test_a_deployment_and_its_rollout(control_plane, gpugate_in_cluster, namespaces, ledger):
    space = namespaces("early")
    policy = [team(space, 2), doc("Guard", "g", deny=["privileged"])]
    gate = gpugate_in_cluster(control_plane, policy, ledger=ledger)
    web = deployment(space, "web", 3, pod_spec({GPU: 1}))

    def apply(obj, check=True):
        return control_plane.kubectl("apply", "-f", "-", input=[obj], check=check)

    def has(count):
        eventually(lambda: control_plane.admin.get("Deployment", "web", space).must().get("status", {}).get("replicas") == count)
        gate.wait_used("ml", "whole", count)

    said = apply(web)
    assert re.fullmatch(rf"Warning: 2 of 3 Pods fit now, and never more than 2 at once: {refusal(1, 2)}\n", said.stderr), said.stderr
    assert said.stdout == "deployment.apps/web created\n"
    has(2)
    web["spec"]["replicas"] = 2
    assert apply(web).stderr == ""
    web["spec"]["template"]["spec"]["containers"][0]["image"] += "1"
    said = apply(web).stderr.splitlines()
    assert re.fullmatch(r"Warning: 2 of 3 Pods fit now \(2, and 1 more during a rollout\), in place of 2 that exist, and never more than 2 at once: "
                        + refusal(1, 2), said[0]) and said[1:] == [REMEDY], said
    # What controllers create and change is not asked about.
    eventually(lambda: control_plane.events(space, reason="FailedCreate"))
    assert {line["user"] for line in gate.server.log("early_answer")} == {gate.server.log("early_answer")[0]["user"]}
    assert {line["kind"] for line in gate.server.log("early_answer")} == {"Deployment"}

    gate.server.reload([team(space, 2, earlyAnswer="deny"), policy[1]])
    never = apply(job(space, "never", pod_spec({GPU: 3})), check=False)
    assert never.returncode != 0 and 'admission webhook "early.gpugate.io" denied the request: can never fit: ' in never.stderr, never.stderr
    later = apply(job(space, "later", pod_spec({GPU: 2})))
    assert re.fullmatch(rf"Warning: 0 of 1 Pod fits now: {refusal(2, 2)}\n", later.stderr), later.stderr
    assert apply(web | {"spec": {**web["spec"], "replicas": 0}}).stderr == ""


def autoscaler(space, kind, most, version="v2", metrics=None):
    target = {"apiVersion": "apps/v1", "kind": kind, "name": "w"} if kind != "ReplicationController" else {"apiVersion": "v1", "kind": kind, "name": "w"}
    return {"apiVersion": f"autoscaling/{version}", "kind": "HorizontalPodAutoscaler", "metadata": {"name": f"{kind.lower()}-{version}", "namespace": space},
            "spec": {"scaleTargetRef": target, "maxReplicas": most, **({"metrics": metrics} if metrics else {})}}


def test_scale_and_autoscalers(control_plane, gpugate_in_cluster, namespaces):
    """gpugate reads the workload with the rights that `gpugate render` gives it."""
    space = namespaces("early")
    gate = gpugate_in_cluster(control_plane, [team(space, 2), doc("Guard", "g", deny=["privileged"])], ledger="cluster")
    usage = [{"type": "Resource", "resource": {"name": GPU, "target": {"type": "Utilization", "averageUtilization": 70}}}]

    def apply(obj, *args, check=True):
        return control_plane.kubectl("apply", "-f", "-", *args, input=[obj], check=check)

    def scale(kind, count, *args, check=True):
        return control_plane.kubectl("scale", f"{kind.lower()}/w", "-n", space, f"--replicas={count}", *args, check=check)

    for obj in workloads(space, pod_spec({GPU: 1}), 0):
        kind = obj["kind"]
        if kind not in ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"):
            continue
        assert apply(obj).stderr == ""
        assert scale(kind, 2, "--dry-run=server").stderr == "", kind
        said = scale(kind, 3, "--dry-run=server").stderr
        assert re.fullmatch(rf"Warning: 2 of 3 Pods fit now, and never more than 2 at once: {refusal(1, 2)}\n", said), (kind, said)
        for version in ("v1", "v2"):
            assert apply(autoscaler(space, kind, 2, version), "--dry-run=server").stderr == "", kind
            said = apply(autoscaler(space, kind, 5, version), "--dry-run=server").stderr
            assert re.fullmatch(rf"Warning: at maxReplicas, 2 of 5 Pods fit now, and never more than 2 at once: {refusal(1, 2)}\n"
                                r"Warning: write maxReplicas: 2, or raise the quota\n", said), (kind, version, said)
    said = apply(autoscaler(space, "Deployment", 2, metrics=usage)).stderr
    assert said == (f"Warning: resource metrics are cpu and memory only, so {GPU} never scales anything; use a Pods or External metric, such as "
                    "DCGM_FI_PROF_GR_ENGINE_ACTIVE\n")
    # One that comes before its workload.
    assert apply({**autoscaler(space, "StatefulSet", 9), "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "later"},
                                                                "maxReplicas": 9}}).stderr == ""
    # What is not about more Pods, or is asked for by the controller of autoscalers, is not sent.
    apply(deployment(space, "plain", 1, pod_spec()))

    def asked(count, *args):
        before = gate.server.metrics().value("gpugate_admission_requests_total", path="/validate", outcome="allowed")
        control_plane.kubectl("scale", "deployment/plain", "-n", space, f"--replicas={count}", *args)
        return gate.server.metrics().value("gpugate_admission_requests_total", path="/validate", outcome="allowed") - before
    controller = ["--as=system:serviceaccount:kube-system:horizontal-pod-autoscaler", "--as-group=system:masters"]
    assert [asked(3), asked(2), asked(0), asked(1), asked(4, *controller)] == [1, 0, 0, 1, 0]

    assert re.fullmatch(rf"Warning: 2 of 3 Pods fit now, and never more than 2 at once: {refusal(1, 2)}\n", scale("Deployment", 3).stderr)
    eventually(lambda: control_plane.admin.get("Deployment", "w", space).must().get("status", {}).get("replicas") == 2)
    gate.wait_used("ml", "whole", 2)
    said = scale("Deployment", 5).stderr
    assert re.fullmatch(rf"Warning: 2 of 5 Pods fit now, including 2 that exist, and never more than 2 at once: {refusal(1, 2)}\n", said), said

    gate.server.reload([team(space, 2, earlyAnswer="deny")])
    assert apply(statefulset(space, "w", 0, pod_spec({GPU: 3}))).stderr == ""
    for refused in (scale("StatefulSet", 1, check=False), apply(autoscaler(space, "StatefulSet", 3), check=False)):
        assert refused.returncode != 0 and 'admission webhook "early.gpugate.io" denied the request: can never fit: ' in refused.stderr, refused.stderr
    assert scale("StatefulSet", 0).stderr == ""
    # A right that is missing costs the answer, and nothing else.
    control_plane.kubectl("delete", "clusterrolebinding", "gpugate-workloads")
    eventually(lambda: scale("StatefulSet", 1, "--dry-run=server", check=False).returncode == 0)
    said = gate.server.wait_log("workload_unread")[0]
    assert said["object"] == f"/apis/apps/v1/namespaces/{space}/statefulsets/w" and 'cannot get resource "statefulsets"' in said["message"], said


def definition(group, kind, plural):
    """Returns a CustomResourceDefinition whose objects may have any fields."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}


def test_custom_resources(control_plane, gpugate_in_cluster, namespaces):
    """The kinds are registered before their definitions are there, and gpugate is asked as soon as
    they are. An object without a spec is admitted, and so is one that another object controls."""
    space = namespaces("early")
    pods = [{"template": "spec.roles.*.template", "replicas": ["spec.roles.*.replicas"]}]
    described = {"group": "example.com", "kind": "Training", "plural": "trainings", "pods": pods}
    gpugate_in_cluster(control_plane, [team(space, 2), doc("Settings", "s", workloads=["pytorchjobs.kubeflow.org"]),
                                       {"apiVersion": "gpugate.io/v1", "kind": "Workload", "metadata": {"name": "w"}, "spec": described}], ledger="cluster")

    def apply(obj, *args):
        return control_plane.kubectl("apply", "-f", "-", *args, input=[obj]).stderr

    def custom(group, kind, spec, **metadata):
        return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "w", "namespace": space, **metadata}, "spec": spec}

    template = {"spec": pod_spec({GPU: 1})}
    names = [("kubeflow.org", "PyTorchJob", "pytorchjobs", "pytorchReplicaSpecs"), ("example.com", "Training", "trainings", "roles")]
    for group, kind, plural, key in names:
        apply(definition(group, kind, plural))
        control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{plural}.{group}")
        obj = custom(group, kind, {key: {"Master": {"template": template}, "Worker": {"replicas": 2, "template": template}}})
        # The webhook is called for a new kind once the API server has noticed it.
        eventually(lambda obj=obj, key=key: re.fullmatch(
            rf"Warning: 2 of 3 Pods fit now: spec\.{key}\.Worker\.template: {refusal(1, 2)}\n", apply(obj, "--dry-run=server")))
        assert apply(custom(group, kind, {key: {"Master": {"template": template}}})) == ""
        assert re.fullmatch(rf"Warning: 2 of 3 more Pods fit now, and never more than 2 at once: {refusal(1, 2)}\n", apply(
            custom(group, kind, {key: {"Master": {"template": template}, "Worker": {"replicas": 3, "template": template}}}), "--dry-run=server"))
        bare = custom(group, kind, {}, labels={"changed": "yes"})
        del bare["spec"]
        assert apply({**bare, "metadata": {**bare["metadata"], "name": "bare"}}) == ""
        assert apply({**bare, "metadata": {**bare["metadata"], "name": "bare", "labels": {"changed": "again"}}}) == ""
        owner = control_plane.admin.get("Namespace", space).must()["metadata"]["uid"]
        owned = {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner, "controller": True}]}
        assert apply(custom(group, kind, obj["spec"], name="owned", **owned), "--dry-run=server") == ""
