"""`gpugate lint`: every mistake is found at its location, with a remedy, and nothing correct is
reported."""

import json
import re

import pytest

from gpugate import run, write_policy
from kube import GPU, SHARED, doc, namespace_doc

HEAD = "apiVersion: gpugate.io/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"
A100 = HEAD.format("Accelerator", "a100-80gb") + """\
  resource: nvidia.com/gpu
  memory: 80Gi
  nodeLabels: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB}
  mig: {offered: [1g.10gb, 3g.40gb]}
  sharing: {resource: nvidia.com/gpu.shared, replicas: 4}
"""
TEAM = HEAD.format("Tenant", "team-a") + "  namespaces: [team-a]\n  quotas:\n  - {name: whole, hard: 4}\n"


def tenant(text, name="team-a"):
    return HEAD.format("Tenant", name) + text


def rule(text, name="r"):
    return A100 + "---\n" + TEAM + "---\n" + HEAD.format("Rule", name) + text


def quota(text):
    return A100 + "---\n" + tenant("  namespaces: [team-a]\n  quotas:\n  - " + text + "\n")


# The mistake between « and », and what the message must contain.
MISTAKES = {
    "api version": ("apiVersion: «gpugate.io/v2»\nkind: Tenant\nmetadata: {name: x}\nspec: {}\n", "gpugate.io/v1"),
    "no kind": ("«apiVersion: gpugate.io/v1\nmetadata: {name: x}\nspec: {}\n", "kind"),
    "unknown kind": ("apiVersion: gpugate.io/v1\nkind: «Tennant»\nmetadata: {name: x}\nspec: {}\n", 'mean "?Tenant'),
    "other object": (TEAM + "---\napiVersion: «apps/v1»\nkind: Deployment\nmetadata: {name: x}\nspec: {}\n", ""),
    "no name": ("apiVersion: gpugate.io/v1\nkind: Tenant\n«metadata: {}\nspec: {}\n", "name"),
    "bad name": ("apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: «Team A»}\nspec: {}\n", "name"),
    "unknown key": (tenant("  «namespace»: [x]\n"), 'mean "?namespaces'),
    "unknown key in a flow": (quota("{name: whole, «hrad»: 4}"), 'mean "?hard'),
    "unknown key at the top": (TEAM + "«sepc»: {}\n", 'mean "?spec'),
    "key twice": (tenant("  namespaces: [a]\n  «namespaces»: [b]\n"), "twice|duplicate|already"),
    "missing key": (A100 + "---\n" + HEAD.format("Accelerator", "x").replace("spec", "«spec") + "  memory: 80Gi\n", "resource"),
    "missing hard": (quota("«{name: whole}»"), "hard"),
    "wrong type, text": (tenant("  namespaces: «team-a»\n"), "list"),
    "wrong type, map": (tenant("  namespaces: [a]\n  quotas: «{whole: 4}»\n"), "list"),
    "wrong type, number": (rule("  order: «first»\n  inject: {runtimeClassName: nvidia}\n"), "number"),
    "number out of range": (rule("  order: «99999999999»\n  inject: {runtimeClassName: nvidia}\n"), "1000000"),
    "wrong type, boolean": (rule("  required: «yes»\n  inject: {runtimeClassName: nvidia}\n"), "true"),
    "bad word": (rule("  onConflict: «overide»\n  inject: {runtimeClassName: nvidia}\n"), 'mean "?override'),
    "bad guard": (HEAD.format("Guard", "g") + "  deny: [«privilged»]\n", 'mean "?privileged'),
    "bad enforcement": (HEAD.format("Settings", "s") + "  enforcement: «none»\n", "deny"),
    "bad measure": (quota("{name: q, measure: «memry», hard: 4}"), 'mean "?memory'),
    "bad quantity": (quota("{name: q, measure: memory, hard: «4GB»}"), "4GB"),
    "capital K": (quota("{name: q, hard: «4K»}"), "4K"),
    "negative hard": (quota("{name: q, hard: «-1»}"), "-1"),
    "hard is a fraction of a device": (quota("{name: q, hard: «1500m»}"), "gpus"),
    "unknown resource": (quota("{name: q, resources: [«nvida.com/gpu»], hard: 4}"), 'mean "?nvidia.com/gpu'),
    "unknown resource in a rule": (rule("  match: {requests: {«vendor.example/gpu»: {}}}\n"
                                        "  inject: {runtimeClassName: nvidia}\n"), "vendor.example/gpu"),
    "unknown accelerator": (quota("{name: q, accelerators: [«a100-80g»], hard: 4}"), 'mean "?a100-80gb'),
    "memory of an unknown device": (A100 + "---\n" + HEAD.format("Accelerator", "odd") + "  resource: example.com/odd\n---\n"
                                    + tenant("  namespaces: [team-a]\n  quotas:\n"
                                             "  - {name: m, measure: «memory», accelerators: [odd], hard: 8Gi}\n"), "memory"),
    "unknown parent": (TEAM + "---\n" + tenant("  parent: «team-aa»\n", "b"), 'mean "?team-a'),
    "unknown tenant in a rule": (rule("  match: {tenants: [«team-q»]}\n  inject: {runtimeClassName: n}\n"),
                                 'mean "?team-a'),
    "name twice": (TEAM + "---\n" + "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: «team-a»}\nspec: {}\n",
                   "team-a"),
    "quota name twice": (tenant("  namespaces: [a]\n  quotas:\n  - {name: q, hard: 1}\n  - {name: «q», hard: 2}\n"), "q"),
    "namespace of two": (TEAM + "---\n" + tenant("  namespaces: [«team-a»]\n", "z"), "team-a"),
    "two settings": (HEAD.format("Settings", "a") + "  enforcement: deny\n---\n"
                     "apiVersion: gpugate.io/v1\nkind: «Settings»\nmetadata: {name: b}\nspec: {enforcement: warn}\n", "one"),
    "no rewrite target": (rule("  rewrite:\n  - «{from: nvidia.com/gpu}»\n"), "to"),
    "two rewrite targets": (rule("  rewrite:\n  - «{»from: nvidia.com/gpu, to: nvidia.com/gpu.shared, "
                                 "toMig: {accelerator: a100-80gb, default: 10Gi}}\n"), "toMig"),
    "rewrite to itself": (rule("  rewrite:\n  - {from: «nvidia.com/gpu», to: nvidia.com/gpu}\n"), ""),
    "rule without effect": (HEAD.format("«Rule»", "r") + "  match: {namespaces: [a]}\n", "nothing"),
    "unknown mig accelerator": (rule("  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: «a100-80», "
                                     "default: 10Gi}}\n"), 'mean "?a100-80gb'),
    "default beyond the device": (rule("  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, "
                                       "default: «60Gi»}}\n"), "40"),
    "memoryFrom": (rule("  rewrite:\n  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, "
                        "memoryFrom: «\"annotations:x\"»}}\n"), "annotation:"),
    "unknown profile": (A100.replace("1g.10gb", "«1g.11gb»"), "it has 1g.10gb, "),
    "replicas": (A100.replace("replicas: 4", "replicas: «1»"), "2"),
    "no such pod, bounds": (rule("  match: {requests: {nvidia.com/gpu: {min: 3, max: «2»}}}\n"
                                 "  inject: {runtimeClassName: n}\n"), "never|no Pod"),
    "no such pod, tenant": (TEAM + "---\n" + tenant("  quotas: [{name: q, hard: 1}]\n", "empty") + "---\n"
                            + HEAD.format("Rule", "r") + "  match: {«tenants»: [empty]}\n"
                            "  inject: {runtimeClassName: n}\n", "no Pod"),
    "toleration": (rule("  inject: {tolerations: [{operator: Exists, value: «x»}]}\n"), "value"),
    "label key": (rule("  inject: {nodeSelector: {«a b»: c}}\n"), "a b"),
    "label value": (rule("  inject: {nodeSelector: {a: «\"b c\"»}}\n"), "b c"),
    "alias": (tenant("  namespaces: &x [a]\n  quotas: «*x»\n"), "alias|anchor"),
    "syntax": ("apiVersion: gpugate.io/v1\nkind: [Tenant\n", ""),
    "tab": ("apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata:\n\tname: x\n", ""),
    "not a map": ("«just text»\n", ""),
    "selector": (tenant("  namespaceSelector: {matchExpressions: [{key: a, operator: «Inn», values: [b]}]}\n"), 'mean "?In'),
    "empty selector": (tenant("  «namespaceSelector»: {}\n"), "every namespace"),
    "exempt key": (HEAD.format("Settings", "s") + "  exempt: {«namspaces»: [a]}\n", 'mean "?namespaces'),
    "pin to nothing": (A100.replace("  nodeLabels: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB}\n", "") + "---\n"
                       + HEAD.format("Rule", "r") + "  rewrite:\n  - {from: nvidia.com/gpu, toMig: "
                       "{accelerator: a100-80gb, default: 10Gi, pin: «true»}}\n", "nodeLabels"),
}


def marked(text):
    """Returns the text without its mark, and the line and column that were marked (None: anywhere).
    """
    start = text.find("«")
    if start < 0:
        return text, None
    before = text[:start]
    return text.replace("«", "").replace("»", ""), (before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1)


def lint_text(folder, policy):
    done = run("lint", write_policy(folder, policy))
    assert "\x1b" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(tmp_path, name):
    text, place = marked(MISTAKES[name][0])
    status, out = lint_text(tmp_path, text)
    assert status == 1, out
    found = re.findall(r"^(.*policy\.yaml):(\d+):(\d+): error: (.*)$", out, re.M)
    assert found, out
    hits = [f for f in found if place is None or (int(f[1]), int(f[2])) == place]
    assert hits, f"expected at {place}:\n{out}"
    assert any(re.search(MISTAKES[name][1], f[3], re.I) for f in hits), out


def test_the_line_is_quoted_and_underlined(tmp_path):
    _, out = lint_text(tmp_path, quota("{name: whole, hrad: 4}"))
    lines = out.split("\n")
    at = next(i for i, line in enumerate(lines) if "hrad" in line and "error:" in line)
    assert "- {name: whole, hrad: 4}" in lines[at + 1]
    assert lines[at + 2].index("^") == lines[at + 1].index("hrad")
    assert "~" in lines[at + 2]


def test_columns_count_characters(tmp_path):
    text, place = marked(tenant("  namespaces: [a] # ähm ☃\n  quotas: [{name: q, hard: 1, «äö»: 2}]\n"))
    status, out = lint_text(tmp_path, text)
    assert status == 1 and f":{place[0]}:{place[1]}: error" in out


def test_all_mistakes_at_once(tmp_path):
    """Mistakes in several files are reported in the order of files and lines."""
    status, out = lint_text(tmp_path, {
        "b.yaml": tenant("  namespaces: [b]\n  quotas: [{name: q, hrad: 1}]\n", "b"),
        "a/x.yaml": tenant("  parrent: nobody\n  namespaces: [a]\n", "a"),
        "a/y.yml": HEAD.format("Guard", "g") + "  deny: [privilged, hostMounts]\n"})
    places = re.findall(r"([\w/]+\.ya?ml):(\d+):\d+: error", out)
    assert status == 1
    assert [p[0].rsplit("/", 1)[-1] for p in places] == ["x.yaml", "y.yml", "y.yml", "b.yaml"], out


def test_at_most_twenty(tmp_path):
    text = "---\n".join(tenant(f"  nonsense{i}: 1\n", f"t{i}") for i in range(50))
    status, out = lint_text(tmp_path, text)
    assert status == 1
    assert len(re.findall(r": error: ", out)) == 20
    assert "30" in out or "50" in out, out[-500:]


def test_rewrite_cycle(tmp_path):
    text = A100 + "---\n" + HEAD.format("Rule", "one") + "  rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]\n---\n" \
        + HEAD.format("Rule", "two") + "  rewrite: [{from: nvidia.com/gpu.shared, to: nvidia.com/gpu}]\n"
    status, out = lint_text(tmp_path, text)
    assert status == 1 and "leads back" in out


def test_rewrite_cycle_through_mig(tmp_path):
    text = A100 + "---\n" + HEAD.format("Rule", "one") + \
        "  rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi}}]\n---\n" + \
        HEAD.format("Rule", "two") + "  rewrite: [{from: nvidia.com/mig-3g.40gb, to: nvidia.com/gpu}]\n"
    status, out = lint_text(tmp_path, text)
    assert status == 1 and "back" in out


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_parent_cycle(tmp_path, length):
    text = "---\n".join(tenant(f"  parent: t{(i + 1) % length}\n  namespaces: [n{i}]\n", f"t{i}") for i in range(length))
    status, out = lint_text(tmp_path, text)
    assert status == 1 and "cycle" in out or "itself" in out
    assert len(re.findall(": error:", out)) == 1, out


# --- Correct policies ---

GOOD = [
    doc("Settings", "cluster", enforcement="audit", untenanted="warn", uncovered="allow", onOutage="allow",
        exempt={"namespaces": ["kube-system", "gpu-*"], "users": ["system:serviceaccount:gpu-operator:*"], "groups": ["x"]}),
    doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", weight="1",
        nodeLabels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"},
        mig={"profiles": "builtin", "offered": ["1g.10gb", "1g.10gb+me", "3g.40gb"], "strategy": "mixed"},
        sharing={"resource": SHARED, "replicas": 4, "maxPerContainer": 1}),
    doc("Accelerator", "lab", resource="example.com/lab-gpu", memory="24G",
        mig={"computeSlices": 4, "memorySlices": 4,
             "profiles": [{"name": "1g.6gb", "computeSlices": 1, "memorySlices": 1, "memory": "6Gi"}]}),
    doc("Accelerator", "mi300x", resource="amd.com/gpu", memory="192Gi", weight="1500m"),
    doc("Tenant", "research", quotas=[{"name": "everything", "measure": "gpus", "hard": "6.5"}]),
    doc("Tenant", "team-a", parent="research", namespaces=["team-a", "team-a-*"],
        namespaceSelector={"matchLabels": {"gpugate.io/tenant": "team-a"},
                           "matchExpressions": [{"key": "stage", "operator": "NotIn", "values": ["prod"]}]},
        enforcement="deny", quotas=[
            {"name": "whole", "resources": [GPU], "hard": 4}, {"name": "slices", "resources": ["nvidia.com/mig-*"], "hard": "14"},
            {"name": "memory", "measure": "memory", "accelerators": ["a100-80gb"], "hard": "320Gi"},
            {"name": "none", "resources": ["habana.ai/gaudi"], "hard": 0},
            {"name": "other", "resources": ["amd.com/*"], "hard": "unlimited"}]),
    doc("Rule", "mig", order=100, match={
        "tenants": ["research"], "namespaces": ["team-*"], "namespaceSelector": {"matchLabels": {"stage": "prod"}},
        "podSelector": {"matchExpressions": [{"key": "workload", "operator": "Exists"}]}, "requests": {GPU: {"max": 1}}},
        rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": "annotation:gpugate.io/gpu-memory",
                                         "default": "10Gi", "pin": True}}], onConflict="deny", required=True),
    doc("Rule", "edge", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={
        "nodeSelector": {"node-type": "edge", "node-role.kubernetes.io/edge": ""},
        "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists"},
                        {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}],
        "runtimeClassName": "nvidia"}, onConflict="override"),
    doc("Guard", "all", deny=["visibleDevicesEnv", "hostDeviceMounts", "deviceVolumeMounts", "mixedMigInContainer",
                              "sharedRequestAboveOne", "preboundNodeName", "privileged", "ephemeralContainers",
                              "resourceClaims"],
        visibleDevices="void", exempt={"users": ["system:serviceaccount:gpu-operator:*"], "groups": [], "namespaces": []}),
    namespace_doc("team-b", **{"gpugate.io/tenant": "team-a"}),
]


def test_good(tmp_path):
    status, out = lint_text(tmp_path, GOOD)
    assert status == 0, out
    assert "error:" not in out


def test_good_in_many_files(tmp_path):
    files = {f"{'abc'[i % 3]}/{i}/x{i}.{'yaml' if i % 2 else 'yml'}": [d] for i, d in enumerate(GOOD)}
    files |= {"README.md": "kind: no policy", ".hidden/x.yaml": "nonsense: [", "a/.#x.yaml": "nonsense: [",
              "empty.yaml": "", "comment.yaml": "# only words\n", "dashes.yaml": "---\n---\n# x\n---\n"}
    status, out = lint_text(tmp_path, files)
    assert status == 0, out


def test_several_paths(tmp_path):
    write_policy(tmp_path / "a", GOOD[:4])
    write_policy(tmp_path / "b", GOOD[4:])
    assert run("lint", tmp_path / "a", tmp_path / "b").returncode == 0
    assert run("lint", tmp_path / "a", tmp_path / "b" / "policy.yaml").returncode == 0
    assert run("lint", tmp_path / "b").returncode == 1  # The folder alone lacks what is in a.


def test_json_is_yaml(tmp_path):
    status, out = lint_text(tmp_path, {"x.yaml": json.dumps(GOOD[5] | {"spec": {"namespaces": ["a"]}})})
    assert status == 0, out


def test_windows_and_marks(tmp_path):
    status, out = lint_text(tmp_path, {"x.yaml": "\ufeff" + TEAM.replace("\n", "\r\n")})
    assert status == 0, out


# --- Warnings ---

def test_warnings_do_not_fail(tmp_path):
    """A Rule that rewrites to a resource that no quota covers is valid, but surely not meant."""
    status, out = lint_text(tmp_path, [
        *GOOD[1:2], doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 4}]),
        doc("Rule", "share", rewrite=[{"from": GPU, "to": SHARED}])])
    assert status == 0
    assert re.search(r"policy\.yaml:\d+:\d+: warning: .*nvidia\.com/gpu\.shared.*cover", out), out


def test_shadowed_rule(tmp_path):
    status, out = lint_text(tmp_path, GOOD[1:2] + [
        doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": 4}]),
        doc("Rule", "a", order=1, rewrite=[{"from": GPU, "to": SHARED}]),
        doc("Rule", "b", order=2, match={"namespaces": ["team-a"]},
            rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "default": "10Gi"}}])])
    assert status == 0 and "warning" in out, out


# --- Output formats and usage errors ---

def test_json(tmp_path):
    write_policy(tmp_path, quota("{name: whole, hrad: 4}"))
    done = run("lint", "-o", "json", tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    findings = report["findings"] if isinstance(report, dict) else report
    finding = next(f for f in findings if "hrad" in json.dumps(f))
    assert finding["file"].endswith("policy.yaml") and finding["line"] > 1 and finding["column"] > 1
    assert finding["severity"] == "error"
    write_policy(tmp_path, GOOD)
    done = run("lint", "-o", "json", tmp_path)
    assert done.returncode == 0
    json.loads(done.stdout)


@pytest.mark.parametrize("args", [[], ["/nonexistent"], ["-o", "xml", "."], ["--frobnicate", "."]])
def test_could_not_run(args):
    done = run("lint", *args, cwd="/")
    assert done.returncode == 2 and done.stderr, done


def test_unreadable_kinds_of_file(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"kind: \xff\xfe\n")
    assert run("lint", tmp_path).returncode == 1
    (tmp_path / "x.yaml").write_bytes(b"# " + b"x" * (1 << 20) + b"\n")
    done = run("lint", tmp_path)
    assert done.returncode == 1 and "MiB" in done.stdout + done.stderr
    (tmp_path / "x.yaml").unlink()
    (tmp_path / "x.yaml").symlink_to("x.yaml")
    assert run("lint", tmp_path).returncode in (1, 2)


@pytest.mark.parametrize("text", ["[" * 100000, "- " * 100000, "{a: " * 50000, "a: &x [*x, *x]\n", "? " * 1000, "\x00", "%YAML 9\n",
                                  "a: !!binary x\n", "!!python/object x\n", "--- >\n" + "x\n" * 1000],
                         ids=["lists", "dashes", "maps", "aliases", "keys", "nul", "version", "binary", "object", "folded"])
def test_hostile_yaml(tmp_path, text):
    done = run("lint", write_policy(tmp_path, text))
    assert done.returncode == 1


def test_loops_of_folders(tmp_path):
    write_policy(tmp_path / "a", GOOD)
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    done = run("lint", tmp_path)
    assert done.returncode in (0, 1)


def test_terminal_sequences_do_not_pass(tmp_path):
    _, out = lint_text(tmp_path, tenant('  "\\e[31mred": 1\n') + tenant("  \u202egnissim: 1\n", "x").replace("apiVersion", "---\napiVersion", 1))
    assert "\x1b" not in out and "\u202e" not in out


def test_thousands_of_documents(tmp_path):
    many = [doc("Tenant", f"t{i}", namespaces=[f"n{i}"], quotas=[{"name": "q", "hard": i}]) for i in range(5000)]
    status, out = lint_text(tmp_path, {f"{i}.yaml": many[i * 500:(i + 1) * 500] for i in range(10)})
    assert status == 0, out[-500:]
