"""The policies in deploy/ have suites that pass and reach every part of them, and that notice every
limit, check, Rule, Guard, and exemption that is taken away."""

import copy
import json
import shutil

import pytest

from examples import EXAMPLES, documents
from gpugate import ROOT, run

DEPLOY = ROOT / "deploy"
# Configurations of other programs, which an Accelerator names, are not policy documents.
POLICIES = {folder: [doc for path in sorted(folder.rglob("*.yaml")) for doc in documents(path) if doc["kind"] != "ConfigMap"]
            for folder in sorted(DEPLOY.rglob("policy")) if folder.is_dir()}
# The policies of a first installation limit nobody yet.
LIMITING = [folder for folder, docs in POLICIES.items() if any(doc["kind"] == "Tenant" for doc in docs)]

every_policy = pytest.mark.parametrize("folder", LIMITING, ids=lambda folder: str(folder.relative_to(DEPLOY)))


def test_policies_are_found():
    assert {DEPLOY / "policy", *(example.dir / "policy" for example in EXAMPLES)} <= set(LIMITING)


@every_policy
def test_a_suite_reaches_every_part(folder):
    suite = folder.with_suffix(".suite.yaml")
    assert suite.exists(), f"{folder} has no suite"
    done = run("test", "--require-coverage", "100", suite)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in documents(suite):
        assert text["spec"]["policy"] == "policy"


def changed(docs):
    """Yields (what has changed, the documents of a policy that refuses or changes less)."""
    for i, doc in enumerate(docs):
        name = f"{doc['kind']} {doc['metadata']['name']}"
        if doc["kind"] in ("Rule", "Guard"):
            yield f"without {name}", docs[:i] + docs[i + 1:]
        for j, quota in enumerate(doc.get("spec", {}).get("quotas", ())):
            more = copy.deepcopy(docs)
            more[i]["spec"]["quotas"][j]["hard"] = "1000Gi" if quota.get("measure") == "memory" else 1000
            yield f"{name} without the limit {quota['name']}", more
        for key in ("deny", "exempt"):
            lists = doc.get("spec", {}).get(key, ())
            for where in lists if isinstance(lists, dict) else ([None] if len(lists) > 1 else []):
                for word in lists[where] if where else lists:
                    less = copy.deepcopy(docs)
                    (less[i]["spec"][key][where] if where else less[i]["spec"][key]).remove(word)
                    yield f"{name} without {word}", less


@every_policy
def test_a_suite_notices_what_is_taken_away(tmp_path, folder):
    """A part can be reached by a step that does not depend on it, which coverage cannot see."""
    for entry in folder.parent.iterdir():
        if entry != folder:
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "policy").mkdir()
    for path in folder.glob("*-config.yaml"):
        shutil.copy(path, tmp_path / "policy")
    unnoticed = []
    for what, docs in [("nothing", POLICIES[folder]), *changed(POLICIES[folder])]:
        (tmp_path / "policy" / "all.yaml").write_text("\n---\n".join(json.dumps(doc) for doc in docs))
        done = run("test", tmp_path / "policy.suite.yaml")
        assert done.returncode < 2, (what, done.stdout, done.stderr)
        if (done.returncode == 0) != (what == "nothing"):
            unnoticed.append(what)
    assert unnoticed == []
