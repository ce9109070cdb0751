"""The policy changes while the server runs, in all the ways that tools change folders."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from gpugate import eventually, write_policy
from kube import GPU, doc, pod


def limited(hard, **more):
    return [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": hard, **more}])]


def allows(server, many):
    return server.validate(pod({GPU: many}), dry_run=True).allowed


def limit(server):
    """Returns the limit in force, as a refusal states it."""
    message = server.validate(pod({GPU: 1000}), dry_run=True).message
    return int(re.search(r"limit (\d+)", message)[1])


def becomes(server, hard):
    eventually(lambda: limit(server) == hard, 5, f"a limit of {hard}")


def git(folder, *args):
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(folder), *args],
                          capture_output=True, text=True, check=True).stdout.strip()


def test_plain_edit(serve):
    server = serve(limited(1))
    assert limit(server) == 1
    write_policy(server.policy, limited(2))
    becomes(server, 2)
    (server.policy / "deep" / "er").mkdir(parents=True)
    write_policy(server.policy / "deep" / "er", {"g.yaml": [doc("Guard", "g", deny=["privileged"])]})
    eventually(lambda: server.log("policy_loaded")[-1].get("guards") == 1, 5, "the file in a new folder")
    write_policy(server.policy / "deep" / "er", {"g.yaml": [doc("Guard", "g", deny=["privileged"]),
                                                          doc("Guard", "h", deny=["resourceClaims"])]})
    eventually(lambda: server.log("policy_loaded")[-1].get("guards") == 2, 5, "the change in a new folder")
    shutil.rmtree(server.policy / "deep")
    eventually(lambda: server.log("policy_loaded")[-1].get("guards") == 0, 5, "the removal")


def test_editors(serve):
    """Editors write a new file and rename it, make a backup and write the file again, or truncate
    it and write slowly."""
    server = serve(limited(1))
    file = server.policy / "policy.yaml"
    new = write_policy(server.dir / "new", limited(2)) / "policy.yaml"
    os.replace(new, file)
    becomes(server, 2)
    os.rename(file, server.policy / "policy.yaml~")
    write_policy(server.policy, limited(3))
    becomes(server, 3)
    text = (write_policy(server.dir / "new", limited(4)) / "policy.yaml").read_text()
    with open(file, "w") as out:
        for piece in (text[:20], text[20:60], text[60:]):
            out.write(piece)
            out.flush()
            time.sleep(0.15)
    becomes(server, 4)


def test_a_file_that_is_named(serve):
    server = serve(limited(1), start=False)
    server.args[server.args.index("--policy") + 1] = str(server.policy / "policy.yaml")
    server.start()
    write_policy(server.policy, limited(2))
    becomes(server, 2)
    os.replace(write_policy(server.dir / "new", limited(3)) / "policy.yaml", server.policy / "policy.yaml")
    becomes(server, 3)


def shows(server, commit):
    """Whether this is the reported commit of the policy in force. git moves HEAD after it has
    written the files, so the policy may change first."""
    infos = [dict(labels)["commit"] for labels in server.metrics().series("gpugate_policy_info")]
    return len(infos) == 1 and infos[0] and commit.startswith(infos[0])


def test_git_checkout(serve, tmp_path):
    repository = tmp_path / "repository"
    folder = write_policy(repository / "clusters" / "prod", limited(1))
    git(tmp_path, "init", "-q", "-b", "main", str(repository))
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "one")
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "two")
    write_policy(folder, limited(2))
    write_policy(folder, {"more/guard.yaml": [doc("Guard", "g", deny=["privileged"])]})
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "two")
    second = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "main")
    server = serve(folder)
    assert limit(server) == 1
    assert first.startswith(server.log("policy_loaded")[0]["commit"]) and server.log("policy_loaded")[0]["commit"]
    slowest = 0
    for branch, commit, hard in (("two", second, 2), ("main", first, 1), ("two", second, 2)):
        begin = time.monotonic()
        git(repository, "checkout", "-q", branch)
        slowest = max(slowest, time.monotonic() - begin)
        becomes(server, hard)
        eventually(lambda want=commit: shows(server, want), what="the commit")
    git(repository, "pack-refs", "--all")
    git(repository, "checkout", "-q", "--detach", first)
    becomes(server, 1)
    eventually(lambda: shows(server, first), what="the commit")
    # git writes one file at a time. If that takes longer than the quiet period, the server may read
    # half of the files and reject them, but only temporarily.
    assert slowest > 0.1 or not server.log("policy_rejected")
    eventually(lambda: server.metrics().value("gpugate_policy_rejected") == 0, 5, "the whole checkout in force")


def test_git_commit_is_seen_without_a_change(serve, tmp_path):
    """A commit of files that are already in force only changes the reported commit, at the latest
    after a SIGHUP."""
    repository = tmp_path / "repository"
    write_policy(repository, limited(1))
    git(tmp_path, "init", "-q", "-b", "main", str(repository))
    server = serve(repository)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "one")
    commit = git(repository, "rev-parse", "HEAD")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: shows(server, commit), what="the commit")


def test_the_policy_is_told_from_its_commit(serve, tmp_path):
    """Files that were changed after the checkout are not those of the commit. The digest depends on
    the files, not on their location."""
    repository = tmp_path / "repository"
    write_policy(repository / "policy", limited(1))
    git(tmp_path, "init", "-q", "-b", "main", str(repository))
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "one")
    server, elsewhere = serve(repository / "policy"), serve(limited(1))

    def info(of=server):
        (labels, value), = of.metrics().series("gpugate_policy_info").items()
        assert value == 1 and re.fullmatch(r"[0-9a-f]{32}", dict(labels)["digest"])
        return dict(labels)

    first, other = info(), info(elsewhere)
    assert first["dirty"] == "false" and first["commit"] == git(repository, "rev-parse", "HEAD")
    assert other == {"commit": "", "digest": first["digest"], "dirty": "unknown"}
    write_policy(repository / "policy", limited(2))
    eventually(lambda: info()["dirty"] == "true", 30, "changed files")
    assert info()["commit"] == first["commit"] and info()["digest"] != first["digest"]
    git(repository, "commit", "-q", "-a", "-m", "two")
    eventually(lambda: info() == {"commit": git(repository, "rev-parse", "HEAD"), "digest": info()["digest"], "dirty": "false"}, 60, "the commit")
    eventually(lambda: server.log("policy_unchanged") and server.log("policy_unchanged")[-1]["dirty"] == "false", 60, "its line in the log")
    git(repository, "checkout", "-q", "HEAD~1")
    eventually(lambda: info() == first, 60, "the first commit")


def test_config_map(serve):
    """The kubelet replaces the symbolic link ..data."""
    server = serve(limited(1), start=False)
    mount = server.dir / "mount"

    def publish(name, hard):
        write_policy(mount / name, limited(hard))
        (mount / "..data_tmp").symlink_to(name)
        os.replace(mount / "..data_tmp", mount / "..data")

    publish("..2026_11_23_1", 1)
    (mount / "policy.yaml").symlink_to("..data/policy.yaml")
    server.args[server.args.index("--policy") + 1] = str(mount)
    server.start()
    assert limit(server) == 1
    for i in range(2, 5):
        publish(f"..2026_11_23_{i}", i)
        shutil.rmtree(mount / f"..2026_11_23_{i - 1}")
        becomes(server, i)


@pytest.mark.parametrize("below", ["", "policies/gpu"])
def test_git_sync(serve, below):
    """git-sync replaces a symbolic link to a whole work tree."""
    server = serve(limited(1), start=False)
    root = server.dir / "sync"

    def publish(name, hard):
        write_policy(root / ".worktrees" / name / below, limited(hard))
        (root / "link.tmp").symlink_to(f".worktrees/{name}")
        os.replace(root / "link.tmp", root / "current")

    publish("aaa", 1)
    server.args[server.args.index("--policy") + 1] = str(root / "current" / below)
    server.start()
    assert limit(server) == 1
    for name, hard in (("bbb", 2), ("ccc", 3), ("aaa", 1)):
        publish(name, hard)
        becomes(server, hard)
    write_policy(root / ".worktrees" / "aaa" / below, limited(7))
    becomes(server, 7)


def test_sighup(serve):
    server = serve(limited(1))
    for _ in range(3):
        server.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert limit(server) == 1 and server.process.poll() is None


def test_bad_policy_is_not_taken(serve):
    server = serve(limited(1))
    failures = server.metrics().value("gpugate_policy_reload_failures_total")
    assert failures == 0
    write_policy(server.policy, limited(2, hrad=3))
    line = server.wait_log("policy_rejected")[-1]
    assert line["level"] in ("warn", "error") and line["errors"] == 1
    assert "hrad" in line["report"] and "policy.yaml:" in line["report"]
    assert limit(server) == 1
    assert server.generation() == 1
    assert server.metrics().value("gpugate_policy_reload_failures_total") >= 1
    assert server.admin("/readyz").status == 200
    write_policy(server.policy, limited(5))
    becomes(server, 5)
    assert server.generation() == 2


def test_policy_that_vanishes(serve):
    server = serve(limited(1))
    os.rename(server.policy, server.dir / "away")
    time.sleep(0.5)
    assert limit(server) == 1
    write_policy(server.dir / "away", limited(2))
    os.rename(server.dir / "away", server.policy)
    becomes(server, 2)


@pytest.mark.concurrent
def test_every_decision_is_of_one_policy(serve):
    """While two policies alternate, no response mixes them."""
    def policy(name):
        return [doc("Accelerator", "x", resource=GPU, nodeLabels={"m": name}),
                doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": name, "resources": [GPU], "hard": 1}]),
                doc("Rule", "r1", inject={"nodeSelector": {"one": name}}),
                doc("Rule", "r2", inject={"nodeSelector": {"two": name}})]
    server = serve(policy("red"))
    stop, problems, seen = threading.Event(), [], set()

    def ask():
        while not stop.is_set():
            selector = server.mutated(pod({GPU: 2}))["spec"]["nodeSelector"]
            message = server.validate(pod({GPU: 2}), dry_run=True).message
            seen.add(selector["one"])
            if selector["one"] != selector["two"] or ('"red"' in message) == ('"blue"' in message):
                problems.append((selector, message))
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(8):
        name = "blue" if i % 2 == 0 else "red"
        write_policy(server.dir / "new", policy(name))
        seen.discard(name)
        os.replace(server.dir / "new" / "policy.yaml", server.policy / "policy.yaml")
        eventually(lambda name=name: problems or name in seen, what="decisions by the new policy")
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems, problems[0]
    assert seen == {"red", "blue"}
    assert not server.log("policy_rejected")


@pytest.mark.concurrent
def test_quotas_are_charged_anew(serve):
    """The ledger stores facts. The policy in force determines what Pods cost."""
    server = serve(limited(4))
    for many in (1, 2):
        assert server.validate(pod({GPU: many})).allowed
    assert server.used("team-a", "whole") == 3
    server.reload(limited(2))
    assert server.used("team-a", "whole") == 3  # Nothing is evicted.
    refusal = server.validate(pod({GPU: 1}))
    assert not refusal.allowed and "used 3" in refusal.message and "over by 2" in refusal.message
    server.reload([doc("Accelerator", "big", resource=GPU, memory="80Gi", weight="2"),
                   doc("Tenant", "parent", quotas=[{"name": "all", "measure": "memory", "hard": "400Gi"}]),
                   doc("Tenant", "renamed", parent="parent", namespaces=["team-*"],
                       quotas=[{"name": "weight", "measure": "gpus", "hard": 8}])])
    assert server.used("renamed", "weight", "gpus") == 6
    assert server.used("parent", "all", "memory") == 240 << 30
    assert server.validate(pod({GPU: 1})).allowed
    assert not server.validate(pod({GPU: 1})).allowed


def test_namespaces_move(serve):
    def policy(owner):
        other = "b" if owner == "a" else "a"
        return [doc("Tenant", owner, namespaces=["n"], quotas=[{"name": "q", "hard": 2}]),
                doc("Tenant", other, namespaces=["elsewhere"], quotas=[{"name": "q", "hard": 2}])]
    server = serve(policy("a"))
    kept = server.admit(pod({GPU: 2}, namespace="n"))
    assert kept[0].allowed and server.used("a", "q") == 2
    server.reload(policy("b"))
    assert server.used("a", "q") == 0 and server.used("b", "q") == 2
    assert server.delete(kept[1]).allowed
    assert server.used("b", "q") == 0
