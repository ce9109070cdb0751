"""The chart and the kustomize overlays agree with each other, and with `gpugate render` where they
overlap."""

import filecmp
import shutil
import subprocess
import sys

import pytest
import yaml

from gpugate import run
from manifests_of import CHART, DEPLOY, KUSTOMIZE_VALUES, PATH_SECRET, assert_same, bare, kustomize, merged, readme_line, rendered, template, \
    with_component
from program_text import constant

RENDERED = {"Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "PriorityLevelConfiguration",
            "FlowSchema", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
OVERLAYS = ("plain", "self-managed", "cert-manager", "edge")
GIT = {"repo": "https://git.example/gpu-policy.git", "secret": "gpugate-git"}


def certs_of(overlay):
    return "self-managed" if overlay in ("self-managed", "edge") else "files"


def values_of(overlay, folder):
    """Returns the chart's values that correspond to an overlay. folder: where kustomize() put its
    copy."""
    if overlay == "plain":
        ca = (folder / "kustomize" / "overlays" / "plain" / "pki" / "ca.crt").read_text()
        return merged(KUSTOMIZE_VALUES, {"certificates": {"mode": "existing-secret", "caBundle": ca}})
    if overlay == "cert-manager":
        return merged(KUSTOMIZE_VALUES, {"certificates": {"mode": "cert-manager"}})
    return merged(KUSTOMIZE_VALUES, yaml.safe_load((CHART / "values-edge.yaml").read_text()) if overlay == "edge" else {})


def test_what_is_generated_is_as_render_prints_it_today(tmp_path):
    subprocess.run([sys.executable, DEPLOY / "generate.py", tmp_path], check=True)
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) >= 5
    for path in made:
        assert filecmp.cmp(tmp_path / path, DEPLOY / path, shallow=False), f"{path} is not what `make deploy` writes"


def test_the_default_chart_is_made_for_production(tmp_path):
    """Both the chart and the overlays must have these."""
    made = template(tmp_path, {"pathSecret": {"value": PATH_SECRET}})
    spec = made["Deployment", "gpugate"]["spec"]
    pod, ours = spec["template"]["spec"], spec["selector"]["matchLabels"]
    assert spec["replicas"] == 3 and spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    spread = {one["topologyKey"]: one for one in pod["topologySpreadConstraints"]}
    assert {key: one["whenUnsatisfiable"] for key, one in spread.items()} == {
        "topology.kubernetes.io/zone": "ScheduleAnyway", "kubernetes.io/hostname": "DoNotSchedule"}
    assert all(one["labelSelector"]["matchLabels"] == ours and one["maxSkew"] == 1 for one in spread.values())
    budget = made["PodDisruptionBudget", "gpugate"]["spec"]
    assert budget["selector"]["matchLabels"] == ours and budget["maxUnavailable"] == 1
    assert pod["priorityClassName"] == "gpugate" and made["PriorityClass", "gpugate"]["value"] == 1000000000
    (container,) = pod["containers"]
    assert container["securityContext"] == {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["resources"]["requests"].keys() == {"cpu", "memory"} and container["resources"]["limits"].keys() == {"memory"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz" and container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert ours.items() <= spec["template"]["metadata"]["labels"].items()
    assert {("NetworkPolicy", "gpugate"), ("Service", "gpugate")} <= made.keys()
    # It tells the other replicas, before this one starts, which form it reads. The overlays have
    # the same.
    assert spec["template"]["metadata"]["annotations"]["gpugate.io/ledger-form"] == str(constant("webhook/ledger/codec.h", "LEDGER_FORM"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_chart_and_the_overlay_are_equal(tmp_path, overlay):
    theirs = kustomize(tmp_path, overlay)
    ours = template(tmp_path, values_of(overlay, tmp_path))
    if overlay == "plain":
        assert theirs.pop(("Secret", "gpugate-tls"))["data"].keys() == {"tls.crt", "tls.key", "ca.crt"}
    # kustomize cannot have it, and it is empty.
    assert ours.pop(("MutatingWebhookConfiguration", "gpugate"))["webhooks"] == []
    assert ours.keys() == theirs.keys()
    for key, obj in theirs.items():
        assert_same(bare(ours[key]), bare(obj))


@pytest.mark.parametrize("secret", ["gpugate-git", ""])
def test_git_sync_is_the_same_in_both(tmp_path, secret):
    """With the Secret that the README creates, and without one, following the README."""
    def change(copy):
        with_component("git-sync")(copy)
        if secret:
            assert f"kubectl create secret generic {secret} -n gpugate --from-literal=password=" in (copy / "README.md").read_text()
        else:
            readme_line(copy, "git-secret")

    theirs = kustomize(tmp_path, "self-managed", change)
    webhooks = tmp_path / "webhooks.json"
    webhooks.write_text((CHART / "files" / "rendered" / "files.json").read_text().replace("release-namespace", "gpugate"))
    ours = template(tmp_path, merged(KUSTOMIZE_VALUES, {"policy": {"gitSync": {**GIT, "secret": secret}}}), "--set-file", f"webhooks.rendered={webhooks}")
    assert ours.pop(("MutatingWebhookConfiguration", "gpugate"))["webhooks"] == []
    assert ("ConfigMap", "gpugate-policy") not in ours
    assert ours.keys() == theirs.keys()
    for key, obj in theirs.items():
        assert_same(bare(ours[key]), bare(obj))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_render_prints_is_in_the_chart_and_in_the_overlay(tmp_path, overlay):
    theirs, ours = kustomize(tmp_path, overlay), template(tmp_path, values_of(overlay, tmp_path))
    (tmp_path / "secret").write_text(PATH_SECRET)
    more = ["--ca-bundle", tmp_path / "kustomize" / "overlays" / "plain" / "pki" / "ca.crt"] if overlay == "plain" else []
    printed = rendered(CHART / "files" / "policy", "--certs", certs_of(overlay), "--path-secret", tmp_path / "secret", *more)
    assert {kind for kind, _ in printed} == RENDERED
    for made, missing in ((ours, set()), (theirs, {("MutatingWebhookConfiguration", "gpugate")})):
        assert {key for key in made if key[0] in RENDERED} == printed.keys() - missing
        for key, obj in printed.items():
            if key not in missing:
                mine = bare(made[key], labels=None)
                mine["metadata"].pop("annotations", None)
                assert_same(mine, bare(obj))


@pytest.mark.parametrize("kube", ["1.28.0", "1.29.0", "1.37.2"])
def test_another_namespace_and_older_clusters_are_as_render_says(tmp_path, kube):
    ours = template(tmp_path, KUSTOMIZE_VALUES, "--kube-version", kube, namespace="gpu-admission")
    (tmp_path / "secret").write_text(PATH_SECRET)
    printed = rendered(CHART / "files" / "policy", "--certs", "self-managed", "--namespace", "gpu-admission", "--path-secret", tmp_path / "secret",
                       "--kube-version", ".".join(kube.split(".")[:2]))
    for key, obj in printed.items():
        mine = bare(ours[key], labels=None)
        mine["metadata"].pop("annotations", None)
        assert_same(mine, bare(obj))
    assert "release-namespace" not in str(ours)


def test_rules_and_a_users_policy_are_registered_as_render_says(tmp_path):
    policy = DEPLOY / "policy"
    printed = rendered(policy)
    webhooks = tmp_path / "webhooks.json"
    webhooks.write_text(run("render", "--policy", policy, "--ledger", "cluster", "-o", "json").stdout)
    ours = template(tmp_path, merged(KUSTOMIZE_VALUES, {"policy": {"existingConfigMap": "mine"}}), "--set-file", f"webhooks.rendered={webhooks}")
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        mine, theirs = ours[kind, "gpugate"]["webhooks"], printed[kind, "gpugate"]["webhooks"]
        assert theirs, kind
        for webhook, wanted in zip(mine, theirs, strict=True):
            wanted["clientConfig"]["service"]["path"] += f"/{PATH_SECRET}"
            assert_same(webhook, wanted)
    # The rights to read workloads are those of the policy as well.
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        assert_same(bare(ours[kind, "gpugate-workloads"], labels=None), printed[kind, "gpugate-workloads"])


@pytest.mark.parametrize("rules", [False, True])
def test_the_readmes_line_registers_a_policy(tmp_path, rules):
    """For the policy that is there, which has no Rules, and for another one."""
    def mine(copy):
        if rules:
            shutil.rmtree(copy / "base" / "policy")
            shutil.copytree(DEPLOY / "policy", copy / "base" / "policy")
            path = copy / "base" / "kustomization.yaml"
            path.write_text(path.read_text().replace("policy/first.yaml", "policy/cluster.yaml"))
        readme_line(copy, "gpugate render")

    made = kustomize(tmp_path, "plain", mine)
    webhooks = made.get(("MutatingWebhookConfiguration", "gpugate"), {}).get("webhooks", [])
    assert [w["clientConfig"]["service"]["path"] for w in webhooks] == [f"/mutate/{PATH_SECRET}"] * rules
    assert all(w["clientConfig"]["caBundle"] for w in webhooks)
    assert (("ClusterRole", "gpugate-workloads") in made) == rules
    if not rules:
        assert made == kustomize(tmp_path / "untouched", "plain", lambda copy: shutil.copytree(
            tmp_path / "kustomize" / "overlays" / "plain" / "pki", copy / "overlays" / "plain" / "pki", dirs_exist_ok=True))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_image_is_filled_in_at_one_place(tmp_path, overlay):
    def mine(copy):
        path = copy / "base" / "kustomization.yaml"
        text = path.read_text()
        assert text.count("newName: gpugate ") == 1
        path.write_text(text.replace("newName: gpugate ", "newName: registry.example/gpugate "))

    (container,) = kustomize(tmp_path, overlay, mine)["Deployment", "gpugate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/gpugate:0.2.0"
