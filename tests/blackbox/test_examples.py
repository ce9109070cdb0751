"""deploy/examples without a cluster. Policies have no findings, documents quote what the tests
compare, and the operators' settings have documented keys and match the policy in the same
folder."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from documented import DOCUMENTED, problems
from examples import EXAMPLES, FOLDER, documents
from gpugate import run

ALERTS = Path(__file__).with_name("example_alerts.yaml")

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=repr)


@every_example
def test_lint_has_nothing_to_say(example):
    done = run("lint", "-o", "json", example.dir / "policy")
    assert done.returncode == 0 and json.loads(done.stdout)["findings"] == []
    assert example.policy("Tenant"), "an example without a quota"


# --- What the documents say ---


@every_example
def test_the_readme_quotes_what_is_compared(example):
    for sentence in example.sentences():
        assert sentence in example.readme.splitlines() or sentence in [line.strip() for line in example.readme.splitlines()], sentence
    quoted = re.findall(r"^ *((?:admission webhook|ValidatingAdmissionPolicy|Warning:) .*)$", example.readme, re.M)
    assert set(quoted) == set(example.sentences()), "a sentence that nothing compares"
    for heading in ("Apply, in this order", "Expect", "What is usually got wrong"):
        assert f"\n## {heading}\n" in example.readme


@every_example
def test_every_manifest_is_played(example):
    """A file that no step applies would be an untested promise. A refused one must be in a folder
    that says so."""
    applied = {step["apply"]: step for step in example.steps if "apply" in step}
    assert {str(path.relative_to(example.dir)) for path in example.applied()} == set(applied)
    first = {}
    for step in example.steps:
        if "apply" in step:
            first.setdefault(step["apply"], "refused" in step)
    for path, refused in first.items():
        assert refused == path.startswith("refused/") or path.startswith("made-by-controllers/"), path


@every_example
def test_manifests_are_as_teams_write_them(example):
    """They contain nothing for the tests: the only annotations are those that gpugate reads."""
    for path in example.applied():
        for doc in documents(path):
            for metadata in (doc["metadata"], doc.get("spec", {}).get("template", {}).get("metadata", {})):
                assert set(metadata.get("annotations", {})) <= {"gpugate.io/gpu-memory", "kueue.x-k8s.io/pod-group-total-count"}, path


@pytest.mark.parametrize("path", [FOLDER / "README.md", *(example.dir / "README.md" for example in EXAMPLES)], ids=lambda path: path.parent.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_table_has_every_example():
    linked = set(re.findall(r"\]\(([a-z0-9-]+)\)", (FOLDER / "README.md").read_text()))
    assert linked == {example.name for example in EXAMPLES}


# --- What belongs to a policy ---


def config_maps(*names):
    """Returns the ConfigMaps by name, of all examples or of the given folders."""
    return {doc["metadata"]["name"]: doc["data"] for example in EXAMPLES if not names or example.name in names
            for path in example.operator() for doc in documents(path) if doc.get("kind") == "ConfigMap"}


VALUES = [(example, chart, path) for example in EXAMPLES for chart, path in example.values()]


@pytest.mark.parametrize("example, chart, path", VALUES, ids=[f"{example}-{chart}" for example, chart, _ in VALUES])
def test_helm_values_have_documented_keys(example, chart, path):
    (values,) = documents(path)
    assert problems(DOCUMENTED["charts"][chart], values) == []
    for config in values.get("config", {}).get("map", {}).values():
        assert problems(DOCUMENTED["files"]["device-plugin"], yaml.safe_load(config)) == []


REFERRING = [(example, doc) for example in EXAMPLES for path in example.operator() for doc in documents(path)
             if path.name == "gpu-operator-values.yaml" or doc.get("kind") == "ClusterPolicy"]


@pytest.mark.parametrize("example, doc", REFERRING, ids=[f"{example}-{doc.get('kind', 'values')}" for example, doc in REFERRING])
def test_references_lead_to_config_maps(example, doc):
    """What the values or the ClusterPolicy refer to exists, in this folder or (for the operator's
    own) in another."""
    settings = doc.get("spec", doc)
    maps = {**config_maps(), **config_maps(example.name)}
    plugin = settings.get("devicePlugin", {}).get("config")
    if plugin:
        assert plugin["default"] in maps[plugin["name"]]
    mig = settings.get("migManager", {}).get("config")
    if mig:
        assert mig["default"] in yaml.safe_load(maps[mig["name"]]["config.yaml"])["mig-configs"]
    metrics = settings.get("dcgmExporter", {}).get("config")
    if metrics:
        assert set(maps[metrics["name"]]) == {"dcgm-metrics.csv"}
    if any(sharing["resource"] == "nvidia.com/gpu.shared" for sharing in shares(example)):
        env = {e["name"]: e["value"] for e in settings["dcgmExporter"]["env"]}
        assert "nvidia.com/gpu.shared" in env["NVIDIA_RESOURCE_NAMES"] and env["KUBERNETES_VIRTUAL_GPUS"] == "true"


def shares(example):
    """Returns what Accelerators say themselves, and do not read from the ConfigMap."""
    return [obj["spec"]["sharing"] for obj in example.policy("Accelerator") if "resource" in obj["spec"].get("sharing", {})]


OURS = [(example, name, data) for example in EXAMPLES for name, data in config_maps(example.name).items()]


@pytest.mark.parametrize("example, name, data", OURS, ids=[f"{example}-{name}" for example, name, _ in OURS])
def test_config_maps_go_with_the_policy(example, name, data):
    """Their contents have the documented keys. What they share and partition is what the policy
    counts."""
    if name == "dcgm-metrics":
        lines = [line for line in data["dcgm-metrics.csv"].splitlines() if not line.startswith("#")]
        assert lines and all(re.fullmatch(r"DCGM_FI_(DEV|PROF)_[A-Z_]+, (gauge|counter), [^,]+", line) for line in lines)
    elif name == "mig-parted-config":
        config = yaml.safe_load(data["config.yaml"])
        assert problems(DOCUMENTED["files"]["mig-parted"], config) == []
        cut = {profile for layout in config["mig-configs"].values() for part in layout for profile in part.get("mig-devices", ())}
        offered = {profile for obj in example.policy("Accelerator") for profile in obj["spec"].get("mig", {}).get("offered", ())}
        assert cut == offered
    else:
        assert name == "device-plugin-config"
        configs = {key: yaml.safe_load(text) for key, text in data.items()}
        assert [problem for key, config in configs.items() for problem in problems(DOCUMENTED["files"]["device-plugin"], config, key)] == []
        for config in configs.values():
            sharing = config.get("sharing", {})
            assert len(sharing) <= 1, "time-slicing and MPS exclude each other"
            for how in sharing.values():
                for resource in how["resources"]:
                    offered = resource["name"] + (".shared" if how.get("renameByDefault") else "")
                    wanted = {"resource": offered, "replicas": resource["replicas"]}
                    assert not shares(example) or any(wanted.items() <= share.items() for share in shares(example)), wanted


def test_a_misspelt_key_is_noticed():
    shape = DOCUMENTED["charts"]["gpu-operator"]
    assert problems(shape, {"devicePlugin": {"config": {"nmae": "x"}}}) == [
        ".devicePlugin.config.nmae: not a documented key; there are name, default, create, data"]
    assert problems(shape, {"mig": {"strategy": "both"}}) and problems(shape, {"mig": "single"}) and problems(shape, {"driver": {"enabled": "yes"}})
    assert problems(shape, {"dcgmExporter": {"env": [{"name": "A", "vlaue": "x"}]}}) and problems(shape, {"dcgmExporter": {"env": {}}})


# --- The early warning of elastic-inference ---


@pytest.mark.skipif("PROMTOOL" not in os.environ, reason="promtool is not to be had")
def test_the_early_warning_fires(tmp_path):
    (rule,) = documents(FOLDER / "elastic-inference" / "manifests" / "early-warning.yaml")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]))
    (tmp_path / "tests.yaml").write_text(ALERTS.read_text())
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "tests.yaml"]):
        ran = subprocess.run([os.environ["PROMTOOL"], *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
