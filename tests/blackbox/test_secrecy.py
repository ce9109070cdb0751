"""Secrets stay in gpugate's memory: it writes no core file, no other process can read it, and no
output contains a key."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gpugate import BINARY, SANITIZED, authority, eventually, run, write_policy
from kube import GPU, doc

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 4}])]
NOBODY = 65534


@pytest.fixture
def folder():
    """A folder that an unprivileged user can access."""
    path = Path(tempfile.mkdtemp(prefix="gpugate-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def start(folder, command, user=None):
    """Starts the command without a limit on core files, and waits for its first output."""
    def prepare():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if user:
            os.setgid(user)
            os.setuid(user)
    log = folder / "log"
    with open(log, "wb") as out:
        process = subprocess.Popen([str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=prepare)
    eventually(lambda: b"listening" in log.read_bytes() or process.poll() is not None, 10, "the start")
    assert process.poll() is None, log.read_text()
    return process


def serve(folder, user=None):
    certificate, key = authority().pair
    for name, content in (("tls.crt", certificate), ("tls.key", key)):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
    write_policy(folder / "policy", POLICY)
    return start(folder, [BINARY, "serve", "--policy", folder / "policy", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                          "--tls-cert", folder / "tls.crt", "--tls-key", folder / "tls.key", "--drain-seconds", "0"], user)


def python(folder, user=None):
    return start(folder, [sys.executable, "-c", "import time; print('listening', flush=True); time.sleep(600)"], user)


def left_a_core(process, sign):
    process.send_signal(sign)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == sign, status
    return os.WCOREDUMP(status)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer takes the signals itself")
@pytest.mark.parametrize("sign", [signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS], ids=lambda sign: sign.name)
def test_no_signal_leaves_a_core_file(folder, sign):
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY and os.getuid() != 0:
        pytest.skip("no process may leave core files here")
    if not left_a_core(python(folder), sign):
        pytest.skip("this machine writes no core files")
    assert not left_a_core(serve(folder), sign)
    assert not [path for path in folder.iterdir() if path.name.startswith("core") and b"gpugate" in path.read_bytes()[:1 << 20]]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run two processes as another user")
def test_nobody_else_reads_its_memory(folder):
    """Its environment cannot be read either, but its own process metrics still work."""
    look = "import sys\ntry:\n open(f'/proc/{sys.argv[1]}/' + sys.argv[2], 'rb')\nexcept PermissionError:\n sys.exit(7)"

    def can_open(process, name):
        done = subprocess.run([sys.executable, "-c", look, str(process.pid), name], user=NOBODY, group=NOBODY, extra_groups=[], check=False)
        assert done.returncode in (0, 7)
        return done.returncode == 0

    folder.chmod(0o777)
    other = python(folder, NOBODY)
    gate = serve(folder, NOBODY)
    try:
        if not can_open(other, "environ"):
            pytest.skip("processes of one user do not see each other here")
        assert not can_open(gate, "environ") and not can_open(gate, "mem") and not can_open(gate, "maps")
    finally:
        other.kill()
        other.wait()
        gate.terminate()
        assert gate.wait(120) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a process as another user")
def test_it_is_not_dumpable(folder):
    """Independent of how this machine handles core files: the kernel gives /proc/PID of a process
    that is not dumpable to root (proc(5))."""
    def owners(process):
        return {os.stat(f"/proc/{process.pid}/{name}").st_uid for name in ("environ", "mem", "maps", "fd")}

    folder.chmod(0o777)
    other = python(folder, NOBODY)
    gate = serve(folder, NOBODY)
    try:
        assert owners(other) == {NOBODY}, "else this would say nothing"
        assert owners(gate) == {0}
        with open(f"/proc/{gate.pid}/status") as status:
            assert f"Uid:\t{NOBODY}\t" in status.read()
        with open(f"/proc/{gate.pid}/limits") as limits:
            assert next(line for line in limits if line.startswith("Max core file size")).split()[4:6] == ["0", "0"]
    finally:
        other.kill()
        other.wait()
        gate.terminate()
        assert gate.wait(120) == 0


def test_certs_create_prints_no_key(tmp_path):
    done = run("certs", "create", "--dir", tmp_path, "--name", "a.example")
    assert done.returncode == 0 and "PRIVATE KEY" not in done.stdout + done.stderr
    body = (tmp_path / "tls.key").read_text().split("\n")[1]
    assert len(body) > 40 and body not in done.stdout + done.stderr
