"""The shell commands of README.md, docs/ and the pages for contributors: all are known, and those
that need no cluster run here, as written and in order."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gpugate import ROOT
from shell_commands import EXAMPLE, FIRST_POLICY, HERE, PLAN, NotRun, blocks, commands, documents, key, stories, story, workplace

# Any user can create a network namespace, except in a chroot. root can do so even there.
UNSHARES = [["unshare", "--user", "--map-root-user", "--net"], ["unshare", "--net"]]


# A document whose commands begin where those of another have ended.
AFTER = {"operate.md": "install.md"}


@pytest.mark.parametrize("path", documents(), ids=key)
def test_every_command_has_a_place(path):
    """One row for each, in the same order: a command that is new, gone or moved is noticed."""
    rows = PLAN.get(key(path), [])
    found = commands(path)
    for command, (begins, _) in zip(found, rows, strict=False):
        assert command.startswith(begins), f"{key(path)} has `{command}` where shell_commands.py has `{begins}`"
    assert len(found) == len(rows), f"{key(path)}: {found[len(rows):] or [begins for begins, _ in rows[len(found):]]}"


def test_most_commands_are_run():
    where = [place for rows in PLAN.values() for _, place in rows]
    assert sum(not isinstance(place, NotRun) for place in where) > 40 and all(place for place in where)
    assert PLAN.keys() <= {key(path) for path in documents()}


def test_what_contributors_run_exists():
    """Checks the files, folders, pytest options and make targets of commands that are not run
    here."""
    makefile, looked = (ROOT / "Makefile").read_text(), 0
    for path in documents():
        for command, (_, place) in zip(commands(path), PLAN.get(key(path), []), strict=True):
            words = re.sub(r"\\\n|\s#.*", " ", command).split()
            if not isinstance(place, NotRun) or place == EXAMPLE:
                continue
            for word in words:
                if re.match(r"(?:tests|docs|deploy)/\S+$", word):
                    assert (ROOT / word).exists(), f"{key(path)}: {word}"
                elif unit := re.match(r"build/release/unit/(\S+)$", word):
                    assert (ROOT / "tests" / "unit" / f"{unit[1]}.c").exists(), f"{key(path)}: {word}"
                else:
                    continue
                looked += 1
            for target in re.findall(r"(?:^|&& )make (?:-j2 )?([a-z][a-z-]*)(?!\S)", " ".join(words)):
                assert re.search(rf"^(?:[\w./-]+ )*{target}(?: [\w./-]+)*:", makefile, re.M), f"{key(path)}: make {target}"
                looked += 1
    assert looked > 50


def test_stories_are_told():
    """Each story is used by a test."""
    told = (Path(__file__).parents[1] / "deploy" / "test_commands.py").read_text()
    assert all(name in (HERE, FIRST_POLICY) or f'"{name}"' in told for name in stories())


def test_blocks_that_are_no_commands_are_few():
    assert sum(len(blocks(path)) for path in documents()) > 30


def alone():
    """Returns how to run something in a network namespace of its own, where ports are free.
    Otherwise it runs as is, if the ports are free here."""
    for way in UNSHARES if shutil.which("unshare") else []:
        if subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0:
            return way, {"NETWORK_OF_ITS_OWN": "yes"}
    for port in (8080, 8443):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"no network of its own can be made here, and the port {port} is taken")
    return [], {}


# One after the other, because they may have to share the ports that the documents name.
@pytest.mark.xdist_group("ports")
@pytest.mark.parametrize("document", sorted({name for name, _ in story(HERE)} - set(AFTER.values())))
def test_commands(tmp_path, document):
    folder = workplace(tmp_path)
    steps = [command for name, command in story(HERE) if name in (AFTER.get(document), document)]
    # The others of these documents need a registry or a cluster.
    assert len(steps) > 5 or document in ("README.md", "policy-as-code.md", "policy.md", "ci.md")
    if document == "operate.md":  # "what the API server trusts": there is none here
        steps.insert(next(i for i, step in enumerate(steps) if "--ca ca.crt" in step), "cp pki/ca.crt ca.crt")
    way, more = alone()
    done = subprocess.run([*way, sys.executable, Path(__file__).with_name("in_order.py"), folder], input=json.dumps(steps), text=True,
                          capture_output=True, check=False, timeout=900, env={**os.environ, **more, "PATH": f"{ROOT}/build:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr
    if document == "by-hand.md":
        assert '"audit":"namespace \\"vision\\" belongs to no tenant' in done.stdout
        assert '"allowed":true' in done.stdout and "\ngpugate_build_info{" in done.stdout
        assert '"op":"add"' in done.stdout  # the patch of /mutate, decoded
    if document == "policy.md":
        assert (folder / "policy.schema.json").read_text() == (ROOT / "deploy" / "schema" / "policy.json").read_text()
        # Where it is, it is no file of the policy that lint would warn of.
        linted = subprocess.run([ROOT / "build" / "gpugate", "lint", "--strict", folder / "my-policy"], capture_output=True, text=True, check=False)
        assert "file-ignored" not in linted.stdout + linted.stderr and (folder / "my-policy" / ".." / "policy.schema.json").exists()
