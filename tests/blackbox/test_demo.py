"""The example policy, and the story that `make demo` tells with it."""

import subprocess
import sys

import pytest

from gpugate import BINARY, PATIENCE, ROOT, run

DEMO = ROOT / "deploy" / "demo" / "demo.py"


def test_example_policy_is_clean():
    done = run("lint", ROOT / "deploy" / "policy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout + done.stderr


@pytest.mark.parametrize("columns", ["60", "200"])
def test_demo(tmp_path, columns):
    done = subprocess.run([sys.executable, DEMO, "--binary", BINARY, "--work", tmp_path / "demo"], capture_output=True, text=True,
                          timeout=120 * PATIENCE, check=False, env={"COLUMNS": columns, "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything went as expected" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.split("\n"))) <= 200


def test_demo_tells_when_something_differs(tmp_path):
    """With a policy that has other quotas, the story must notice the difference."""
    policy = tmp_path / "policy"
    policy.mkdir()
    for path in (ROOT / "deploy" / "policy").rglob("*.yaml"):
        text = path.read_text().replace("resources: [nvidia.com/gpu], hard: 4", "resources: [nvidia.com/gpu], hard: 5")
        (policy / f"{path.parent.name}-{path.name}").write_text(text)
    done = subprocess.run([sys.executable, DEMO, "--binary", BINARY, "--work", tmp_path / "demo", "--policy", policy], capture_output=True,
                          text=True, timeout=120 * PATIENCE, check=False)
    assert done.returncode == 1 and "Not everything" in done.stdout
