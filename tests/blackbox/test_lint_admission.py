"""What a policy says about manifests that `gpugate lint` reads with it: each finding points at the
text that it is about, and nothing is said about the same manifest without the mistake."""

import json

import pytest
import yaml

from gpugate import run
from lint_cases import A100, TEAM, accelerator, document, policy, product
from manifest_cases import ERRORS, JUDGE, JUDGED, bad, good, placed, scaled_object, scaler, workload
from test_lint_manifests import lint, write

CASES = [pytest.param(name, text.replace("NAME", "llm"), id=f"{name}-{i}") for name, cases in JUDGED.items() for i, text in enumerate(cases)]


def judge(folder, *args):
    return lint("--policy", folder / "policy", *args, folder / "apps")


def findings(folder, **files):
    """The findings about the files, by a policy with four GPUs for each Tenant."""
    write(folder, policy__policy_yaml=JUDGE, **{f"apps__{name}": text.replace("NAME", "llm") for name, text in files.items()})
    return judge(folder)[2]["findings"]


@pytest.mark.parametrize("name, text", CASES)
def test_found_and_not_in_the_twin(tmp_path, name, text):
    broken, place = bad(text)
    write(tmp_path, policy__policy_yaml=JUDGE, apps__app_yaml=broken)
    status, found, report = judge(tmp_path)
    assert (name, *place) in found and {each[1:] for each in found} == {place}, report["findings"]
    (finding,) = [each for each in report["findings"] if each["id"] == name]
    assert (finding["severity"], status) == (("error", 1) if name in ERRORS else ("warning", 0)) or len(found) > 1
    assert finding["length"] > 1 or len(text[text.index("«") + 1:].split("¦")[0]) == 1
    write(tmp_path, apps__app_yaml=good(text))
    assert judge(tmp_path, "--strict")[:2] == (0, [])


@pytest.mark.parametrize("form", ["text", "sarif", "junit", "github"])
def test_the_place_is_in_every_form(tmp_path, form):
    text, (line, column) = bad(JUDGED["autoscaler-above-quota"][0].replace("NAME", "llm"))
    write(tmp_path, policy__policy_yaml=JUDGE, apps__app_yaml=text)
    out = run("lint", "-o", form, "--policy", "policy", "apps", cwd=tmp_path).stdout
    assert "autoscaler-above-quota" in out
    if form == "text":
        assert out.startswith(f"apps/app.yaml:{line}:{column}: warning: ") and f"\n{line:5} |   maxReplicas: 10\n      |                ^~\n" in out
    elif form == "sarif":
        (result,) = json.loads(out)["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": line, "startColumn": column, "endColumn": column + 2}
    else:
        assert f"line={line},col={column}" in out or f'name="{line}:{column} Horizontal' in out


def test_columns_after_wide_characters(tmp_path):
    """Columns are characters, and UTF-16 units in SARIF."""
    text = placed(limits="nvidia.com/gpu: 5").replace("name: main", 'name: main, image: "😀"').replace("    image: registry.example/train\n", "").replace(
        "  - name: main", "  - {name: main").replace("\n    resources:\n      limits: {nvidia.com/gpu: 5}\n", ", resources: {limits: {nvidia.com/gpu: 5}}}\n")
    write(tmp_path, policy__policy_yaml=JUDGE, apps__app_yaml=text)
    (finding,) = judge(tmp_path)[2]["findings"]
    line = text.splitlines()[finding["line"] - 1]
    assert line[finding["column"] - 1:].startswith("nvidia.com/gpu: 5") and finding["length"] == len("nvidia.com/gpu")
    (result,) = json.loads(run("lint", "-o", "sarif", "--policy", tmp_path / "policy", tmp_path / "apps").stdout)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startColumn"] == finding["column"] + 1


def test_json(tmp_path):
    """Every line and column is that of the file."""
    write(tmp_path, policy__policy_yaml=JUDGE, apps__a_json=json.dumps(yaml.safe_load(placed(limits="nvidia.com/gpu: 5")), indent=2))
    (finding,) = judge(tmp_path)[2]["findings"]
    line = (tmp_path / "apps/a.json").read_text().splitlines()[finding["line"] - 1]
    assert line[finding["column"] - 1:] == '"nvidia.com/gpu": 5' and finding["length"] == len('"nvidia.com/gpu"')


def test_what_the_rules_without_a_policy_say_is_said_once(tmp_path):
    """An amount that is none is refused by the policy as well. One may be filled in later."""
    write(tmp_path, policy__policy_yaml=JUDGE, apps__a_yaml=placed(limits="nvidia.com/gpu: 0.5"))
    assert [each[0] for each in judge(tmp_path)[1]] == ["request-not-integer"]
    write(tmp_path, apps__a_yaml=placed(limits='nvidia.com/gpu: "${GPUS}"'))
    assert judge(tmp_path)[1] == []


# --- Autoscalers ---


def test_an_autoscaler_says_all_of_it(tmp_path):
    (finding,) = findings(tmp_path, a_yaml=scaler(10), b_yaml=workload())
    assert finding["file"] == str(tmp_path / "apps/a.yaml") and finding["text"] == (
        'HorizontalPodAutoscaler "llm": maxReplicas is 10, and only 4 Pods of Deployment "llm" fit, each charged team-a/compute=1; write maxReplicas: 4, or raise the '
        'quota: exceeded quota: GPU quota "compute" of tenant "team-a": requested 1, used 4, limit 4, over by 1; nothing is free')


@pytest.mark.parametrize("text, said", [
    (scaler(10, minimum="  minReplicas: 6\n"), "maxReplicas is 10, and only 4 Pods of Deployment \"llm\" fit, each charged team-a/compute=1; minReplicas is 6, which is more than fit as well, "
     "so raise the quota, or write minReplicas: 4 and maxReplicas: 4: exceeded"),
    (scaler(10, minimum="  minReplicas: 4\n"), "each charged team-a/compute=1; write maxReplicas: 4, or raise the quota: exceeded"),
    (scaled_object(10).replace("  scale", "  minReplicaCount: 5\n  scale"), "minReplicaCount is 5, which is more than fit as well, so raise the quota, or write minReplicaCount: 4 and "
     "maxReplicaCount: 4: exceeded"),
    (scaled_object(10).replace("  maxReplicaCount: 10\n", ""), "maxReplicaCount is 100 by default, and only 4 Pods of Deployment \"llm\" fit, each charged team-a/compute=1; "
     "write maxReplicaCount: 4, or raise the quota: exceeded"),
])
def test_the_minimum_and_the_default(tmp_path, text, said):
    """A maximum below the minimum is refused, so it is no remedy."""
    (finding,) = findings(tmp_path, a_yaml=text, b_yaml=workload())
    assert finding["id"] == "autoscaler-above-quota" and said in finding["text"], finding["text"]


def test_a_maximum_that_is_filled_in_has_no_default(tmp_path):
    assert findings(tmp_path, a_yaml=scaled_object("${MAX}"), b_yaml=workload()) == []


@pytest.mark.parametrize("files", [
    {"a_yaml": scaler(10, target="{apiVersion: apps/v1, kind: StatefulSet, name: NAME}")},
    {"a_yaml": scaler(10, target="{apiVersion: example.com/v1, kind: Deployment, name: NAME}")},
    {"a_yaml": scaler(10, target="{apiVersion: apps/v1, kind: Deployment, name: other}")},
    {"a_yaml": scaler(10, namespace="team-b")},
    {"a_yaml": scaler(10).replace("autoscaling/v2", "example.com/v1")},
    {"a_yaml": scaler("'10'")}, {"a_yaml": scaler("${MAX}")}, {"a_yaml": scaler("{}")},
    {"a_yaml": scaler(10, target="{}")}, {"a_yaml": scaler(10, target="[]")}, {"a_yaml": scaler(10, target="{kind: 1, name: [llm]}")},
    {"a_yaml": scaler(10), "kustomization_yaml": "resources: [a.yaml]\n"},
])
def test_an_autoscaler_of_something_else(tmp_path, files):
    assert findings(tmp_path, **{f"scale__{name}": text for name, text in files.items()}, b_yaml=workload()) == []


def test_several_autoscalers_and_targets(tmp_path):
    found = findings(tmp_path, a_yaml="---\n".join([scaler(6), scaler(5).replace("{name: NAME, ", "{name: second, "), scaled_object(4)]),
                     b_yaml="---\n".join([workload("  replicas: 5\n"), workload(kind="StatefulSet"), workload(name="small", limits="cpu: 1")]))
    assert [(each["id"], each["text"].split(": ")[0]) for each in found] == [
        ("autoscaler-above-quota", 'HorizontalPodAutoscaler "llm"'), ("autoscaler-above-quota", 'HorizontalPodAutoscaler "second"'),
        ("replicas-above-quota", 'Deployment "llm"')]


def test_the_namespace_of_both_may_be_given(tmp_path):
    write(tmp_path, policy__policy_yaml=JUDGE, apps__a_yaml=(scaler(5) + "---\n" + workload()).replace(", namespace: team-a", "").replace("NAME", "llm"))
    assert judge(tmp_path)[1] == []
    assert [each[0] for each in judge(tmp_path, "-n", "team-a")[1]] == ["autoscaler-above-quota"]


def test_what_is_refused_is_not_scaled(tmp_path):
    """The first Pod is refused, and that is said once."""
    assert [each["id"] for each in findings(tmp_path, a_yaml=scaler(5), b_yaml=workload(limits="nvidia.com/gpu: 5"))] == ["policy-refuses"]


def test_an_autoscaler_that_is_meant(tmp_path):
    write(tmp_path, policy__policy_yaml=JUDGE, apps__a_yaml=(scaler(5) + "---\n" + workload()).replace("NAME", "llm"))
    (tmp_path / "apps" / ".gpugate-lint.yaml").write_text("suppressions: [{id: autoscaler-above-quota, object: llm, reason: Others are small.}]\n")
    assert judge(tmp_path, "--strict")[:2] == (0, [])


def test_many_autoscalers(tmp_path):
    """Each workload finds its own."""
    texts = [f"{scaler(4 + n % 2)}---\n{workload()}".replace("NAME", f"llm-{n}") for n in range(400)]
    write(tmp_path, policy__policy_yaml=JUDGE, apps__a_yaml="---\n".join(texts))
    report = judge(tmp_path)[2]
    assert report["warnings"] == 200 and all("maxReplicas is 5" in each["text"] for each in report["findings"])


# --- Groups of Pods of a custom resource ---


RAY = document("Settings", "cluster", "  workloads: [rayclusters.ray.io, sparkapplications.sparkoperator.k8s.io]\n")


def group(gpus, indent=4):
    return "".join(" " * indent + line + "\n" for line in ("template:", "  spec:", "    containers:", "    - name: c", f"      resources: {{limits: {{nvidia.com/gpu: {gpus}}}}}"))


def ray(*workers):
    """A RayCluster whose head has one GPU, and groups of two workers."""
    return ("apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: rc, namespace: team-a}\nspec:\n  headGroupSpec:\n" + group(1) + "  workerGroupSpecs:\n"
            + "".join(f"  - replicas: 2\n{group(gpus)}" for gpus in workers))


@pytest.mark.parametrize("workers, index, expected", [
    ([1, 2], 1, "only 3 of 5 Pods fit: spec.workerGroupSpecs[1].template: exceeded quota"),
    ([2, 1], 0, "only 2 of 5 Pods fit: spec.workerGroupSpecs[0].template: exceeded quota"),
    ([1, 9], 1, "the policy refuses its Pods: spec.workerGroupSpecs[1].template: can never fit"),
])
def test_the_group_that_is_refused(tmp_path, workers, index, expected):
    write(tmp_path, policy__policy_yaml=policy(JUDGE, RAY), apps__a_yaml=ray(*workers))
    (finding,) = judge(tmp_path)[2]["findings"]
    place = ray(*workers).splitlines()[finding["line"] - 1][finding["column"] - 1:]
    assert finding["text"].startswith(f'RayCluster "rc": {expected}') and place.startswith(f"nvidia.com/gpu: {workers[index]}"), finding
    assert [n for n, text in enumerate(ray(*workers).splitlines(), 1) if "nvidia.com/gpu" in text][index + 1] == finding["line"]


SPARK = ("apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: etl, namespace: team-a}\nspec:\n  driver: {cores: 1}\n"
         "  executor: {instances: 2, gpu: {name: NAME, quantity: COUNT}}\n")


@pytest.mark.parametrize("name, count, expected", [
    ("nvidia.com/gpu", 3, "replicas-above-quota"), ("nvidia.com/gpu", 9, "policy-refuses"), ("nvidia.com/mig-2g.20gb", 1, "resource-not-offered"),
])
def test_a_pod_that_is_made_from_parts(tmp_path, name, count, expected):
    """Its text is not that of the object, so the place is that of its group."""
    write(tmp_path, policy__policy_yaml=policy(JUDGE, RAY), apps__a_yaml=SPARK.replace("NAME", name).replace("COUNT", str(count)))
    (finding,) = judge(tmp_path)[2]["findings"]
    assert (finding["id"], finding["line"], finding["column"], finding["length"]) == (expected, 6, 3, len("executor")), finding


# --- What the fleet offers ---


def offers(folder, limits, *documents):
    write(folder, policy__policy_yaml=policy(*documents), apps__a_yaml=placed(limits=limits))
    return [each["text"].removeprefix('Pod "train": no Accelerator of the policy has ') for each in judge(folder)[2]["findings"] if each["id"] == "resource-not-offered"]


ALL = document("Tenant", "team-a", "  namespaces: [team-a]\n  quotas: [{name: q, resources: ['*'], hard: 8}]\n")


@pytest.mark.parametrize("limits, expected", [
    ("nvidia.com/mig-2g.20gb: 1", "nvidia.com/mig-2g.20gb, so that a Pod which requests it is probably never scheduled; did you mean nvidia.com/mig-3g.40gb?"),
    ("amd.com/gpu: 1", "amd.com/gpu, so that a Pod which requests it is probably never scheduled; request what an Accelerator has, or add an Accelerator"),
    ("nvidia.com/mig-2g.20gb: 0", None), ("nvidia.com/gpu: 1, nvidia.com/gpumem: 3000", None), ("nvidia.com/gpu: 1, rdma/hca: 1", None),
])
def test_what_no_accelerator_has(tmp_path, limits, expected):
    assert offers(tmp_path, limits, A100, ALL) == ([expected] if expected else [])


def test_a_fleet_that_is_not_described(tmp_path):
    assert offers(tmp_path, "nvidia.com/mig-2g.20gb: 1", ALL) == []


def test_a_name_that_a_quota_has(tmp_path):
    """The author of the policy knows it, although no Accelerator has it."""
    named = document("Tenant", "team-a", "  namespaces: [team-a]\n  quotas: [{name: q, resources: [amd.com/gpu], hard: 8}]\n")
    assert offers(tmp_path, "amd.com/gpu: 1", A100, named) == []


def test_a_name_that_a_rule_replaces(tmp_path):
    rule = document("Rule", "r", "  rewrite: [{from: amd.com/gpu, to: nvidia.com/gpu}]\n")
    assert offers(tmp_path, "amd.com/gpu: 1", A100, ALL, rule) == []


def test_it_is_said_once_for_an_object(tmp_path):
    text = workload(limits="nvidia.com/mig-2g.20gb: 1")
    again = text[text.index("      - name: server"):].replace("server", "second")
    assert len(findings(tmp_path, a_yaml=text + again)) == 1


def test_explain_and_lint_agree(tmp_path):
    for limits in ("nvidia.com/mig-2g.20gb: 1", "nvidia.com/mig-1g.10gb: 1", "nvidia.com/mig-7g.80gb: 1"):
        found = offers(tmp_path, limits, A100, ALL)
        explained = run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "apps/a.yaml").stdout
        assert bool(found) == ("never scheduled" in explained), explained


# --- Shares ---


@pytest.mark.parametrize("sharing, guard, count, expected", [
    ("{resource: nvidia.com/gpu, replicas: 4}", False, 2, "share-above-one"),
    ("{resource: nvidia.com/gpu, replicas: 4}", False, 1, None),
    ("{resource: nvidia.com/gpu, replicas: 4, maxPerContainer: 2}", False, 2, None),
    ("{resource: nvidia.com/gpu, replicas: 4, maxPerContainer: 2}", False, 3, "share-above-one"),
    ("{resource: nvidia.com/gpu, replicas: 4}", True, 2, "policy-refuses"),
    ("{resource: nvidia.com/gpu.shared, replicas: 4}", False, 2, None),
])
def test_shares_with_the_name_of_devices(tmp_path, sharing, guard, count, expected):
    """Without renaming, only the policy says that a device is shared."""
    shared = accelerator("t4", product("T4") + f"  sharing: {sharing}\n")
    guards = [document("Guard", "g", "  deny: [sharedRequestAboveOne]\n")] if guard else []
    write(tmp_path, policy__policy_yaml=policy(shared, ALL, *guards), apps__a_yaml=placed(limits=f"nvidia.com/gpu: {count}"))
    found = judge(tmp_path)[2]["findings"]
    assert [each["id"] for each in found] == ([expected] if expected else [])
    if expected == "share-above-one":
        limit = 2 if "maxPer" in sharing else 1
        assert found[0]["column"] == 32 and found[0]["text"].endswith(f"two can be of the same device; write {limit}")


def test_a_device_that_is_shared_on_some_nodes(tmp_path):
    """The Pod may run where each is a whole device."""
    shared = accelerator("t4", product("T4") + "  sharing: {resource: nvidia.com/gpu, replicas: 4}\n")
    write(tmp_path, policy__policy_yaml=policy(A100, shared, ALL), apps__a_yaml=placed(limits="nvidia.com/gpu: 2"))
    assert judge(tmp_path)[1] == []


# --- Slices of several sizes ---

A40, H100 = (accelerator(name, product(label) + "  mig: {offered: [1g.10gb]}\n") for name, label in (("a100-40gb", "A100-40GB"), ("h100-80gb", "H100")))
MIG1 = "nvidia.com/mig-1g.10gb: 1"


def said(folder, *documents, **files):
    write(folder, policy__policy_yaml=policy(*documents), **{f"apps__{name}": text for name, text in files.items()})
    return [(each["id"], each["text"].replace(str(folder / "policy"), "policy")) for each in judge(folder)[2]["findings"]]


def ids(folder, *documents, **files):
    return [name for name, _ in said(folder, *documents, **files)]


def test_a_slice_of_several_sizes_says_all_of_it(tmp_path):
    """Both Accelerators, what one is there, and what selects each. `explain` charges the same."""
    ((name, text),) = said(tmp_path, A100, A40, ALL, a_yaml=placed(limits=MIG1))
    assert (name, text) == ("slice-ambiguous", (
        'Pod "train": nvidia.com/mig-1g.10gb is 0.25 GPU on nodes of a100-40gb (policy/policy.yaml:13) and 0.14 GPU on nodes of a100-80gb (policy/policy.yaml:3), '
        "and the Pod can run on both, so that a quota of GPUs charges the largest; select the model: "
        "a100-40gb (nodeSelector nvidia.com/gpu.product: A100-40GB) or a100-80gb (nodeSelector nvidia.com/gpu.product: A100)"))
    explained = run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "apps/a.yaml").stdout
    assert "the Pod could run on nodes of any Accelerator that has it: a100-40gb, a100-80gb" in explained or "a100-80gb, a100-40gb" in explained


def pinned(rule="pin: true"):
    return document("Rule", "r", f"  rewrite: [{{from: nvidia.com/gpu, toMig: {{accelerator: a100-80gb, default: 10Gi, {rule}}}}}]\n")


@pytest.mark.parametrize("documents, limits, spec, expected", [
    ([A100, H100], MIG1, "", []),
    ([A100, H100.replace("  resource:", "  weight: 2\n  resource:")], MIG1, "", ["slice-ambiguous"]),
    ([A100, H100, A40], MIG1, "", ["slice-ambiguous"]),
    ([A100, H100, A40], MIG1, "  nodeSelector: {nvidia.com/gpu.product: H100}\n", []),
    ([A100, A40], "nvidia.com/mig-1g.10gb: 0", "", []),
    ([A100, A40], "nvidia.com/mig-3g.40gb: 1", "", []),
    ([A100, A40], "nvidia.com/gpu: 1", "", []),
    ([A100, A40, document("Rule", "r", "  inject: {nodeSelector: {nvidia.com/gpu.product: A100}}\n")], MIG1, "", []),
    ([A100, A40, document("Rule", "r", "  enforcement: audit\n  inject: {nodeSelector: {nvidia.com/gpu.product: A100}}\n")], MIG1, "", ["slice-ambiguous"]),
    # What a Rule requests is the policy's affair, and a Pod may already have what it requests.
    ([A100, A40, pinned("pin: false")], "nvidia.com/gpu: 1", "", []),
    ([A100, A40, pinned()], MIG1, "", ["slice-ambiguous"]),
])
def test_slices_of_several_sizes(tmp_path, documents, limits, spec, expected):
    found = ids(tmp_path, *documents, ALL, a_yaml=placed(limits=limits, spec=spec))
    assert [name for name in found if name not in ("model-overlap", "pin-leaks")] == expected


def test_a_slice_is_named_once_for_an_object(tmp_path):
    text = workload(limits=MIG1).replace("NAME", "llm")
    again = text[text.index("      - name: server"):].replace("server", "second")
    assert ids(tmp_path, A100, A40, ALL, a_yaml=text + again) == ["slice-ambiguous"]


def test_a_slice_that_is_refused(tmp_path):
    """What the refusal is about is not named again."""
    other = document("Tenant", "team-a", "  namespaces: [team-a]\n  quotas: [{name: q, resources: [nvidia.com/gpu], hard: 8}]\n")
    assert ids(tmp_path, A100, A40, other, a_yaml=placed(limits=MIG1)) == ["policy-refuses"]


def test_a_slice_of_a_pod_that_is_made_from_parts(tmp_path):
    write(tmp_path, policy__policy_yaml=policy(A100, A40, ALL, RAY), apps__a_yaml=SPARK.replace("NAME", "nvidia.com/mig-1g.10gb").replace("COUNT", "1"))
    (finding,) = judge(tmp_path)[2]["findings"]
    assert (finding["id"], finding["line"], finding["column"]) == ("slice-ambiguous", 6, 3)


# --- Node selectors that Rules set ---

EDGE = accelerator("t4-edge", "  nodeLabels: {node-type: edge, accelerator: nvidia-tesla-t4}\n")


def edge(more="", match="requests: {nvidia.com/gpu: {}}"):
    return document("Rule", "edge-placement", f"{more}  match: {{{match}}}\n  inject: {{nodeSelector: {{node-type: edge, accelerator: nvidia-tesla-t4}}}}\n")


def selecting(**labels):
    return placed(spec="  nodeSelector: {" + ", ".join(f"{key.replace('_', '-')}: {value}" for key, value in labels.items()) + "}\n")


def test_a_selector_that_a_rule_sets_says_which(tmp_path):
    """With another value, the Pod is refused, and that is all."""
    found = said(tmp_path, EDGE, ALL, edge(), a_yaml=selecting(node_type="edge", zone="a", accelerator="nvidia-tesla-t4"))
    assert found == [("selector-injected", f'Pod "train": Rule "edge-placement" (policy/policy.yaml:17) sets nodeSelector {label} by itself; leave it out of the manifest, or the Pod may be '
                                           "refused when the Rule changes") for label in ("node-type: edge", "accelerator: nvidia-tesla-t4")]
    assert ids(tmp_path, EDGE, ALL, edge(), a_yaml=selecting(node_type="core", zone="a", accelerator="nvidia-tesla-t4")) == ["policy-refuses"]


@pytest.mark.parametrize("rules, expected", [
    ([edge(match="requests: {nvidia.com/gpu: {min: 2}}")], 0), ([edge(match="tenants: [other]")], 0), ([edge(match="podSelector: {matchLabels: {a: b}}")], 0),
    ([edge("  enforcement: audit\n")], 0), ([edge("  onConflict: keep\n")], 1), ([edge("  onConflict: override\n")], 1),
    ([edge(), document("Rule", "z", "  order: 1\n  onConflict: override\n  inject: {nodeSelector: {node-type: core}}\n")], 0),
])
def test_rules_that_set_a_selector(tmp_path, rules, expected):
    """Only if it matches, changes Pods, and no Rule before it sets another value."""
    others = document("Tenant", "other", "  namespaces: [other]\n  quotas: [{name: q, hard: 1}]\n")
    assert ids(tmp_path, EDGE, ALL, others, *rules, a_yaml=selecting(node_type="edge")).count("selector-injected") == expected


def test_a_selector_on_which_another_depends(tmp_path):
    """Without it, a Rule would set the other one, and with it the Rule has nothing to do."""
    a100, l4 = (accelerator(name, product(label) + more) for name, label, more in (
        ("a100", "A100", "  sharing: {resource: nvidia.com/gpu.shared, replicas: 4}\n"), ("l4", "L4", "")))
    rule = document("Rule", "share", "  rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]\n  inject: {nodeSelector: {zone: b}}\n")
    text = placed(spec="  nodeSelector: {nvidia.com/gpu.product: MODEL, zone: b}\n")
    assert ids(tmp_path, a100, l4, ALL, rule, a_yaml=text.replace("MODEL", "A100")) == ["selector-injected"]
    assert ids(tmp_path, a100, l4, ALL, rule, a_yaml=text.replace("MODEL", "L4")) == []


def test_a_selector_of_many_labels(tmp_path):
    """More labels than are judged have no finding."""
    for count, expected in ((255, 1), (256, 0)):
        labels = {f"label-{n}": "x" for n in range(count)}
        assert ids(tmp_path, EDGE, ALL, edge(), a_yaml=selecting(node_type="edge", **labels)).count("selector-injected") == expected


# --- Warnings of the policy ---


def test_only_what_the_author_would_see(tmp_path):
    """Warnings are what kubectl prints; an audit is nothing that the author sees."""
    for enforcement, expected in (("warn", ["policy-warns"]), ("audit", [])):
        tenant = document("Tenant", "team-a", f"  namespaces: [team-a]\n  enforcement: {enforcement}\n  quotas: [{{name: q, hard: 2}}]\n")
        write(tmp_path, policy__policy_yaml=policy(A100, tenant), apps__a_yaml=placed(limits="nvidia.com/gpu: 4"))
        assert [each[0] for each in judge(tmp_path)[1]] == expected


def test_a_file_that_cannot_be_judged_says_so_once(tmp_path):
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), apps__a_yaml=placed(limits="nvidia.com/gpu: &one 1"))
    (finding,) = judge(tmp_path)[2]["findings"]
    assert finding["id"] == "manifest-unreadable"


# --- Objects that cannot be read ---


@pytest.mark.parametrize("text, place, sentence", [
    (workload('  replicas: "2"\n'), '"2"', 'spec.replicas: expected a whole number of 0 or more, found the text "2"; write 2'),
    (workload("  replicas: -1\n"), "-1", "spec.replicas: expected a whole number of 0 or more, found -1"),
    (workload("  replicas: two\n"), "two", 'spec.replicas: expected a whole number of 0 or more, found the text "two"'),
    (workload("  replicas: [2]\n"), "[2]", "spec.replicas: expected a whole number of 0 or more, found a list"),
    (workload("  suspend: 5\n", "Job", "batch/v1"), "5", "spec.suspend: expected true or false, found 5"),
    (ray(1).replace("replicas: 2", 'replicas: "2"'), '"2"', 'spec.workerGroupSpecs[].replicas: expected a whole number of 0 or more, found the text "2"; write 2'),
    (ray(1).replace("replicas: 2", "replicas: -1"), "-1", "spec.workerGroupSpecs[].replicas: expected a whole number of 0 or more, found -1"),
    (SPARK.replace("{name: NAME, quantity: COUNT}", "5"), "5", "spec.executor.gpu: expected an object, found 5"),
])
def test_what_explain_cannot_read(tmp_path, text, place, sentence):
    """It is reported once, at its place, in the words of `explain`."""
    text = workload() + "---\n" + text
    write(tmp_path, policy__policy_yaml=policy(JUDGE, RAY), apps__a_yaml=text.replace("NAME", "llm"))
    (finding,) = judge(tmp_path)[2]["findings"]
    assert finding["id"] == "manifest-unreadable" and finding["text"].endswith(sentence), finding
    assert text.splitlines()[finding["line"] - 1][finding["column"] - 1:].startswith(place), finding
    done = run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "apps/a.yaml")
    assert done.returncode == 2 and f":{finding['line']}: {finding['text']}" in done.stderr, done.stderr


def test_an_object_that_is_known_to_be_wrong_or_is_filled_in(tmp_path):
    """A rule for manifests has said what is wrong, or the text is replaced before it is applied."""
    wrong = workload("  replicas: -1\n", limits="nvidia.com/gpu: 0.5")
    write(tmp_path, policy__policy_yaml=JUDGE, apps__a_yaml=wrong.replace("NAME", "llm"))
    assert [each[0] for each in judge(tmp_path)[1]] == ["request-not-integer"]
    write(tmp_path, apps__a_yaml=(wrong + "---\n" + workload("  replicas: -1\n")).replace("NAME", "llm"))
    assert [each[0] for each in judge(tmp_path)[1]] == ["request-not-integer", "manifest-unreadable"]
    write(tmp_path, apps__a_yaml=workload("  replicas: ${REPLICAS}\n").replace("NAME", "llm"))
    assert judge(tmp_path)[1] == []


# --- Claims of devices ---

ADMIN = ("apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: one, namespace: team-a}\nspec:\n  devices:\n    requests:\n    - name: gpu\n"
         "      exactly:\n        deviceClassName: compute-domain-a\n        adminAccess: true\n")


@pytest.mark.parametrize("guard, text, place", [
    ("deny: [resourceClaims]", placed(spec="  resourceClaims:\n  - {name: channel, resourceClaimTemplateName: a}\n").replace(
        "      limits: {nvidia.com/gpu: 1}", "      claims: [{name: channel}]\n      limits: {nvidia.com/gpu: 1}"), (8, 12, "channel")),
    ("resourceClaims: {classes: ['compute-*']}", ADMIN, (10, 22, "true")),
    ("resourceClaims: {classes: ['compute-*']}", ADMIN.replace("/v1", "/v1beta1").replace("      exactly:\n  ", "").replace("        admin", "      admin"), (9, 20, "true")),
    ("resourceClaims: {classes: ['compute-*']}", ADMIN.replace("      exactly:\n        ", "      firstAvailable:\n      - ").replace("- device", "- name: a\n        device"),
     (11, 22, "true")),
])
def test_the_place_of_a_claim(tmp_path, guard, text, place):
    write(tmp_path, policy__policy_yaml=policy(A100, ALL, document("Guard", "g", f"  {guard}\n")), apps__a_yaml=text)
    (finding,) = judge(tmp_path)[2]["findings"]
    line, column, name = place
    assert (finding["id"], finding["line"], finding["column"], finding["length"]) == ("policy-refuses", line, column, len(name)), (finding, text)
    assert text.splitlines()[line - 1][column - 1:].startswith(name)


LISTED = accelerator("a100", "  memory: 80Gi\n  deviceClasses: [a100]\n")


def claimed(name, what="count: 3"):
    return (f"apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {{name: {name}, namespace: team-a}}\nspec:\n  devices:\n    requests:\n"
            f"    - name: gpu\n      exactly:\n        deviceClassName: a100\n        {what}\n")


def test_each_claim_by_itself(tmp_path):
    """Three of them together would be more than the limit of 4, as Pods would be."""
    several = {f"{name}_yaml": claimed(name) for name in "ab"} | {"c_yaml": claimed("c") + "---\n" + claimed("d")}
    assert ids(tmp_path, LISTED, TEAM, **several) == []
    assert ids(tmp_path, LISTED, TEAM, a_yaml=claimed("a", "count: 5")) == ["policy-refuses"]


@pytest.mark.parametrize("what, form", [("adminAccess: true", []), ("allocationMode: all", ["claim-request-wrong"]), ("count: -1", ["claim-request-wrong"])])
def test_a_claim_that_cannot_be_counted(tmp_path, what, form):
    assert sorted(ids(tmp_path, LISTED, ALL, a_yaml=claimed("a", what))) == [*form, "policy-refuses"]


def test_a_long_message_is_whole(tmp_path):
    quotas = document("Tenant", "team-a", "  namespaces: [team-a]\n  quotas:\n" + "".join(f"  - {{name: q{i}, hard: 1}}\n" for i in range(5)))
    ((_, text),) = said(tmp_path, LISTED, quotas, a_yaml=claimed("a"))
    (explained,) = json.loads(run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "apps/a.yaml", "-o", "json").stdout)["objects"]
    assert len(explained["message"]) > 511 and text.endswith(explained["message"])
