"""docs/ci.md, docs/agents.md, and llms.txt agree with the program and with the repository."""

import re

import pytest
import yaml

import command_table
from gpugate import ROOT, run
from shell_commands import commands

CI, AGENTS, LLMS = ROOT / "docs" / "ci.md", ROOT / "docs" / "agents.md", ROOT / "llms.txt"
DOCUMENTS = {text.split("\n")[0]: list(yaml.safe_load_all(text)) for text in re.findall(r"^```yaml\n(.*?)^```$", CI.read_text(), re.M | re.S)}
PIPELINES = {name: documents[0] for name, documents in DOCUMENTS.items()}
# What the pipelines run; the others are checked below.
RUN = {"# .github/workflows/policy.yaml": ["lint", "test"], "# .gitlab-ci.yml": ["lint", "test"], "# .github/workflows/replay.yaml": ["replay"]}
ARGO = "argocd.argoproj.io/"


def strings(value):
    """Returns all texts in a YAML value."""
    if isinstance(value, dict):
        value = list(value.values())
    return [text for each in value for text in strings(each)] if isinstance(value, list) else [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", PIPELINES)
def test_what_a_pipeline_runs_is_run_here(name):
    """test_commands.py runs the commands of the page, so a pipeline may have no other ones."""
    known = {command for command in commands(CI)}
    ran = [text.strip() for text in strings(PIPELINES[name]) if text.startswith("gpugate ")]
    assert set(ran) <= known
    assert [text.split()[1] for text in ran] == RUN.get(name, [])


def test_what_gitlab_shows_is_what_is_written():
    job = PIPELINES["# .gitlab-ci.yml"]["policy"]
    assert job["artifacts"]["reports"]["junit"] == [command.rpartition(">")[2] for command in job["script"]]


def test_the_hooks_of_pre_commit(tmp_path):
    hooks = PIPELINES["# .pre-commit-config.yaml"]["repos"][0]["hooks"]
    ours = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == [hook["id"] for hook in ours]
    (tmp_path / "my-policy").symlink_to(ROOT / "deploy" / "policy")
    (tmp_path / "my-tests").mkdir()
    (tmp_path / "my-tests" / "some.suite.yaml").symlink_to(ROOT / "deploy" / "policy.suite.yaml")
    (tmp_path / "my-tests" / "policy").symlink_to(ROOT / "deploy" / "policy")
    changed = {"gpugate-lint-manifests": [ROOT / "deploy/examples/tenants/manifests/00-namespaces.yaml", ROOT / "deploy/policy.suite.yaml"]}
    for hook, our in zip(hooks, ours, strict=True):
        assert our["language"] == "system" and our.get("pass_filenames", True) == (hook["id"] in changed)
        done = run(*our["entry"].split()[1:], *hook["args"], *changed.get(hook["id"], []), cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_job_comes_after_its_policy_and_before_the_synchronization():
    (job,) = [document for document in PIPELINES.values() if document.get("kind") == "Job"]
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    actual, candidate = PIPELINES["# kustomization.yaml"]["configMapGenerator"]
    assert candidate["name"] == volume["configMap"]["name"] != actual["name"] and candidate["files"] == actual["files"]
    annotations = [candidate["options"]["annotations"], job["metadata"]["annotations"]]
    assert all(each[f"{ARGO}hook"] == "PreSync" and each[f"{ARGO}hook-delete-policy"] == "BeforeHookCreation" for each in annotations)
    assert int(annotations[0][f"{ARGO}sync-wave"]) < int(annotations[1][f"{ARGO}sync-wave"]) and "annotations" not in actual["options"]
    assert candidate["namespace"] == actual["namespace"] == job["metadata"]["namespace"]


def test_flux_applies_the_policy_after_the_check():
    check, policy = DOCUMENTS["apiVersion: kustomize.toolkit.fluxcd.io/v1"]
    assert policy["spec"]["dependsOn"] == [{"name": check["metadata"]["name"]}]
    assert check["spec"]["wait"] is True and check["spec"]["force"] is True


def test_the_job_lints():
    (job,) = [document for document in PIPELINES.values() if document.get("kind") == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"][-1] == container["volumeMounts"][0]["mountPath"]
    done = run(*container["args"][:-1], ROOT / "deploy" / "policy")
    assert done.returncode == 0, done.stdout


def test_agents_are_told_every_command():
    rows = re.findall(r"^\| `gpugate ([a-z ]+)` \|(.*)\|$", AGENTS.read_text(), re.M)
    told = {tuple(words.split()) for words, _ in rows}
    told |= {("completion", shell) for words, text in rows if words.startswith("completion") for shell in re.findall(r"`(\w+)`", text)}
    assert told == {words for words in command_table.commands() if words and not command_table.children(*words)}


def test_agents_are_told_every_exit_status():
    assert re.findall(r"^\| (\d) \| ", AGENTS.read_text(), re.M) == ["0", "1", "2"] == re.findall(r"^\| (\d) \| ", CI.read_text(), re.M)


def test_agents_are_told_of_members_that_exist():
    pages = "".join((ROOT / "docs" / name).read_text() for name in ("reference/lint.md", "policy-as-code.md", "reference/command-line.md"))
    section = AGENTS.read_text().partition("\n## JSON\n")[2].partition("\n## ")[0]
    rows = {command: re.findall(r"`(\w+)`", text) for command, text in re.findall(r"^\| `(\w+)` \| (.*?) \| \[", section, re.M)}
    assert {"lint", "explain", "quota"} <= rows.keys()
    for name in [*rows["lint"], *rows["explain"]]:
        assert f"`{name}`" in pages, name
    assert all(name in pages for name in rows["quota"])


def test_links_of_llms_txt_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", LLMS.read_text())
    assert len(links) > 15 and "docs/agents.md" in links
    assert not [link for link in links if not (ROOT / link).exists()]
