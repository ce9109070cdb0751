"""docs/first-policy.md: its files are written and its commands are run as they stand on the page.
Every output that it shows is compared, and every exit status."""

import json
import os
import re
import subprocess

import pytest
import yaml

from gpugate import ROOT
from shell_commands import FIRST_POLICY, blocks, commands, story, tutorial

PAGE = ROOT / "docs" / "first-policy.md"
STEPS = tutorial(PAGE)


def test_nothing_of_the_page_is_passed_over():
    text = PAGE.read_text()
    assert [step.command for step in STEPS if step.command] == commands(PAGE) == [command for _, command in story(FIRST_POLICY)]
    assert sum(step.file is not None for step in STEPS) == len(re.findall("^```yaml$", text, re.M)) == len(re.findall(r"\bsave\s+this\s+as\b", text, re.I))
    assert sum(step.output is not None for step in STEPS) == len(re.findall("^```(?:text|diff)$", text, re.M)) > 5
    assert sum(step.status for step in STEPS) == text.count("exit status is 1") > 2
    assert len(blocks(PAGE)) > 10


def test_the_page_is_true(tmp_path):
    """The folder is empty at first. git knows who its user is, and reads no settings of this
    machine."""
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "reader"), ("EMAIL", "reader@example.com"))}
    env = {**os.environ, **who, "PATH": f"{ROOT}/build:{os.environ['PATH']}", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
    for step in STEPS:
        if step.file:
            path = tmp_path / step.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text)
            continue
        done = subprocess.run(["bash", "-e", "-c", step.command], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
        assert done.returncode == step.status, (step.command, done.stdout)
        assert done.stdout == (step.output or ""), step.command
    # What the reader has at the end: everything is committed, and main has the change.
    status = subprocess.run(["git", "status", "--short", "--branch"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    assert status == "## main\n"
    assert "hard: 6" in (tmp_path / "policy" / "vision.yaml").read_text()


def test_the_pipeline_runs_what_the_page_runs():
    (text,) = [step.text for step in STEPS if step.file == ".github/workflows/policy.yaml"]
    (job,) = yaml.safe_load(text)["jobs"].values()
    ran = [step["run"] for step in job["steps"] if "run" in step]
    assert len(ran) == 2 and set(ran) <= set(commands(PAGE))


def test_files_name_the_schema_that_the_page_prints():
    for step in STEPS:
        if step.file and step.file.startswith("policy/"):
            first = step.text.partition("\n")[0]
            assert first == f"# yaml-language-server: $schema={'../' * step.file.count('/')}policy.schema.json"


def test_the_whole_folder_can_be_checked_at_each_stage(tmp_path):
    """`gpugate lint .` after each file and each command of the page: only mistakes that the page
    makes are found, whatever is there already."""
    found = []
    for step in STEPS:
        if step.file:
            path = tmp_path / step.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text)
        elif not re.match(r"git|gpugate (?!schema)", step.command):
            subprocess.run(["bash", "-e", "-c", step.command], cwd=tmp_path, env={**os.environ, "PATH": f"{ROOT}/build:{os.environ['PATH']}"}, check=True)
        else:
            continue
        done = subprocess.run([ROOT / "build/gpugate", "lint", "-o", "json", "."], cwd=tmp_path, capture_output=True, text=True, check=False)
        report = json.loads(done.stdout)
        found.append((step.file or step.command, report))
        assert done.returncode == (1 if report["findings"] else 0) and not done.stderr
        assert report["suites"] == [f"./{path.name}" for path in sorted(tmp_path.glob("*.suite.yaml"))]
        assert report["manifests"] == len(list(tmp_path.glob("try/*.yaml")))
        text = subprocess.run([ROOT / "build/gpugate", "lint", "."], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
        assert ("suites, which `gpugate test` checks: ./" in text) == bool(report["suites"])
    # The schema is there before any policy. After that, only what the page says is wrong.
    (first, *stages) = found
    assert [finding["text"] for finding in first[1]["findings"]] == ["this folder holds no policy document (no *.yaml or *.yml file)"]
    wrong = [(where, finding["id"] or finding["text"]) for where, report in stages for finding in report["findings"]]
    misspelled = 'unknown key "Hard"; did you mean "hard"?'
    assert wrong[0] == ("policy/speech.yaml", misspelled) and wrong.count(wrong[0]) == 1
    assert {what for _, what in wrong[1:]} == {"policy-refuses"} and wrong[1][0] == "try/large.yaml"
    assert len(stages) > 10 and any(report["suites"] for _, report in stages)


@pytest.mark.parametrize("manifests", [False, True])
def test_the_same_layout_without_manifests(tmp_path, manifests):
    """Whether a suite is taken for policy does not depend on files beside it."""
    for step in STEPS:
        if step.file and (manifests or not step.file.startswith("try/")):
            path = tmp_path / step.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text.replace("Hard", "hard"))
    done = subprocess.run([ROOT / "build/gpugate", "lint", "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == int(manifests), done.stdout
    assert done.stdout.endswith("\nsuites, which `gpugate test` checks: ./exempt.suite.yaml, ./policy.suite.yaml\n")
