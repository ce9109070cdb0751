"""Mistakes of meaning: `gpugate lint` finds each at its place, under its id, in these words; what is only near to one, and all that is
shipped, has nothing said about it."""

import json
import re

import pytest

from gpugate import ROOT, run, write_policy
from lint_cases import A100, MISTAKES, QUIET, TEAM, policy, product, accelerator, tenant

CASES = [pytest.param(name, text, sentence, id=f"{name}-{i}") for name, cases in MISTAKES.items() for i, (text, sentence) in enumerate(cases)]
ERRORS = {"count-with-unit", "memory-without-unit", "resource-prefix", "same-node-labels"}
SHIPPED = sorted({path.parent for path in ROOT.glob("deploy/**/policy/*.yaml") if "templates" not in path.parts})


def findings(*args):
    done = run("lint", "-o", "json", *args)
    return done.returncode, [(f["severity"], f["id"], f["line"], f["column"], f["text"]) for f in json.loads(done.stdout)["findings"]]


@pytest.mark.parametrize("name, text, sentence", CASES)
def test_found(tmp_path, name, text, sentence):
    start = text.index("«")
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    folder = write_policy(tmp_path, text.replace("«", "").replace("»", ""))
    severity = "error" if name in ERRORS else "warning"
    status, found = findings(folder)
    assert found == [(severity, name, line, column, sentence.replace("{file}", str(folder / "policy.yaml")))]
    assert status == (1 if name in ERRORS else 0)
    assert run("lint", "--strict", folder).returncode == 1
    out = run("lint", folder).stdout
    assert out.splitlines()[0].endswith(f"[{name}]") and f": {severity}: " in out, out


@pytest.mark.parametrize("name", QUIET)
def test_quiet(tmp_path, name):
    assert findings(write_policy(tmp_path, QUIET[name])) == (0, [])


@pytest.mark.parametrize("name, text, sentence", [case for case in CASES if case.values[0] not in ERRORS])
def test_every_warning_can_be_allowed(tmp_path, name, text, sentence):
    folder = write_policy(tmp_path, text.replace("«", "").replace("»", ""))
    done = run("lint", "--strict", "--allow", name, folder)
    assert done.returncode == 0 and "1 warning left out by --allow\n" in done.stdout and "warning:" not in done.stdout, done.stdout


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_what_is_shipped_is_clean(folder):
    done = run("lint", "--strict", folder)
    assert done.returncode == 0, done.stdout
    assert "files ignored" not in done.stdout, done.stdout


def test_the_reference_lists_every_id():
    """The table of docs/policy.md, which is written from the program's own, and the cases here are of the same findings."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \| .*? \| .*? \|$", (ROOT / "docs" / "policy.md").read_text(), re.M)
    assert {name: severity for name, severity in rows} == {
        name: "error" if name in ERRORS else "warning" for name in [*MISTAKES, "file-ignored"]}
    assert [name for name, _ in rows] == sorted(name for name, _ in rows)


# Files that are not read.


@pytest.mark.parametrize("name, warned", [
    ("a.YAML", True), ("b.Yml", True), ("c.json", True), ("d.json", False), ("README.md", False), ("e.yaml.bak", False), (".hidden.YAML", None)])
def test_files_ignored(tmp_path, name, warned):
    write_policy(tmp_path, {"team.yaml": TEAM, f"sub/{name}": "{}" if name == "d.json" else json.dumps({"apiVersion": "gpugate.io/v1"})})
    path = tmp_path / "sub" / name
    status, found = findings(tmp_path)
    sentence = "this file is ignored, since only names that end in .yaml or .yml are read; rename it, or move it out of the folder"
    assert (status, found) == (0, [("warning", "file-ignored", 0, 0, sentence)] if warned else [])
    out = run("lint", tmp_path).stdout
    assert (f"files ignored because of their names: {path}\n" in out) == (warned is not None), out
    assert json.loads(run("lint", "-o", "json", tmp_path).stdout)["ignoredFiles"] == ([] if warned is None else [str(path)])


def test_many_files_ignored_are_counted(tmp_path):
    write_policy(tmp_path, {"team.yaml": TEAM} | {f"{i:03}.txt": "x" for i in range(50)})
    (line,) = [line for line in run("lint", tmp_path).stdout.splitlines() if line.startswith("files ignored")]
    assert line.endswith(f"{tmp_path}/019.txt and 30 more") and line.count(".txt") == 20
    report = json.loads(run("lint", "-o", "json", tmp_path).stdout)
    assert len(report["ignoredFiles"]) == 20 and report["ignoredFileCount"] == 50


# The bounds of what is looked at.


def test_thousands_of_patterns_and_selectors(tmp_path):
    """What is compared in pairs ends, however many pairs there are; a clash that is near is still found."""
    text = policy(*(tenant(f"t{i}", f"  namespaces: ['*-{i:04}']\n  namespaceSelector: {{matchExpressions: [{{key: team, operator: NotIn, values: [t{i}, u]}}]}}\n"
                                    "  quotas: [{name: q, hard: 1}]\n") for i in range(3000)),
                  tenant("z", "  namespaces: ['0001-*']\n  quotas: [{name: q, hard: 1}]\n"))
    status, found = findings(write_policy(tmp_path, text))
    assert status == 0 and any(f[1] == "ambiguous-namespace" for f in found)


def test_hundreds_of_models(tmp_path):
    models = [accelerator(f"m{i}", product(f"P{i}")) for i in range(300)]
    teams = [tenant(f"t{i}", f"  namespaces: [t{i}]\n  quotas: [{{name: q, accelerators: [m{i % 300}], hard: 1}}]\n") for i in range(1000)]
    status, found = findings(write_policy(tmp_path, policy(*models, *teams)))
    assert status == 0 and {f[1] for f in found} == {"model-without-quota"}


def policy_of(*documents):
    """A policy in files of 400 documents: (kind, name, spec)."""
    texts = [f"apiVersion: gpugate.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n" for kind, name, spec in documents]
    return {f"{at:06}.yaml": "---\n".join(texts[at:at + 400]) for at in range(0, len(texts), 400)}


# Long names that differ, in thousands: were each compared with each, ten minutes would pass.
FEW, MANY, NAME, OTHER = 3000, 12000, "abcdefghij" * 5, "jihgfedcba" * 5
HOSTILE = {
    "node selectors": policy_of(
        *(("Accelerator", f"a{i}", f"{{resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {{nvidia.com/gpu.product: {NAME}{i:06}}}}}")
          for i in range(FEW)),
        *(("Rule", f"r{i}", f"{{match: {{podSelector: {{matchLabels: {{w: w{i}}}}}, requests: {{nvidia.com/gpu: {{}}}}}}, "
                            f"inject: {{nodeSelector: {{nvidia.com/gpu.product: {OTHER}{i:06}}}}}}}") for i in range(MANY))),
    "resources": policy_of(
        *(("Accelerator", f"a{i}", f"{{resource: nvidia.com/{NAME}{i:06}, memory: 80Gi, nodeLabels: {{nvidia.com/gpu.product: p{i}}}}}")
          for i in range(FEW)),
        *(("Tenant", f"t{i}", f"{{namespaces: [n{i}], quotas: [{{name: c, hard: 1, resources: [nvidia.com/{OTHER}{i:06}]}}]}}")
          for i in range(MANY))),
    "parents": policy_of(
        *(("Tenant", f"{NAME}{i:06}", f"{{namespaces: [n{i}], parent: {OTHER}{i:06}, quotas: [{{name: c, hard: 1}}]}}") for i in range(MANY))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names(tmp_path, kind):
    """What a name could have meant is looked for among all names of the policy: the work is bounded, and the findings stay."""
    done = run("lint", write_policy(tmp_path, HOSTILE[kind]))
    assert done.returncode == (1 if kind == "parents" else 0), done.stdout[-400:]
    assert "did you mean" not in done.stdout
    assert {"node selectors": "[node-selector-unknown]", "resources": "no errors", "parents": "no Tenant"}[kind] in done.stdout
