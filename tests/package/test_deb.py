"""The Debian package: lintian finds nothing, it installs and purges on a real Debian, and the
restrictions of its unit suit the program."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gpugate
import kube
import unit
from command_table import children, commands, options
from making import BINARY, ROOT, command, fine, version

MDWE = Path(__file__).parent / "mdwe.py"

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may install packages")


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@pytest.fixture(scope="module")
def unpacked(deb, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    fine("dpkg-deb", "--extract", deb, folder)
    return folder


@needs("lintian")
def test_lintian_has_nothing_to_say(deb):
    """There are no overrides. An init script for machines without systemd is not required. Spelling
    is checked in the sources (`make prose`): in the binary, parts of words that the compiler wrote
    into instructions look like mistakes."""
    ignored = "package-supports-alternative-init-but-no-init.d-script,spelling-error-in-binary"
    said = fine("lintian", "--allow-root", "--display-info", "--pedantic", "--show-overrides", "--fail-on=error,warning,info,pedantic",
                f"--suppress-tags={ignored}", next(deb.parent.glob("*.changes")))
    assert not re.search(r"^[EWIPO]: ", said, re.M), said


def test_contents(deb, unpacked):
    fields = dict(line.split(": ", 1) for line in fine("dpkg-deb", "--field", deb).splitlines() if re.match(r"\w", line))
    assert fields["Version"] == version(), "deploy/debian/changelog names another version than the Makefile"
    for package in ("libc6", "libcurl4", "libgnutls30", "libjansson4", "libmicrohttpd12", "libssl3", "libyaml-0-2"):
        assert re.search(rf"(^|, ){package}\b", fields["Depends"])
    files = {"/" + str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {"/usr/bin/gpugate", "/lib/systemd/system/gpugate.service", "/etc/default/gpugate", "/etc/gpugate/policy/settings.yaml",
            "/usr/share/man/man1/gpugate.1.gz", "/usr/share/doc/gpugate/README.Debian"} <= files
    assert not [file for file in files if file.startswith("/etc/gpugate/tls/") or file.startswith("/etc/gpugate/path/")]


def test_policies_of_the_package_pass_lint(unpacked):
    for policy in ("etc/gpugate/policy", "usr/share/doc/gpugate/examples/policy"):
        assert "no errors" in fine(unpacked / "usr/bin/gpugate", "lint", unpacked / policy)


def test_examples_find_their_schema(unpacked):
    examples = sorted((unpacked / "usr/share/doc/gpugate/examples/policy").rglob("*.yaml"))
    assert examples
    for path in examples:
        schema = path.parent / path.read_text().partition("\n")[0].partition("$schema=")[2]
        assert schema.read_text() == fine(unpacked / "usr/bin/gpugate", "schema")


def test_a_plug_in_of_kubectl(unpacked):
    plugin = unpacked / "usr/bin/kubectl-gpugate"
    assert plugin.is_symlink() and plugin.resolve() == (unpacked / "usr/bin/gpugate").resolve()
    assert fine(plugin, "lint", unpacked / "etc/gpugate/policy") == fine(unpacked / "usr/bin/gpugate", "lint", unpacked / "etc/gpugate/policy")
    assert (unpacked / "usr/bin/kubectl_complete-gpugate").read_text() == (ROOT / "deploy/debian/kubectl_complete-gpugate").read_text()
    assert os.access(unpacked / "usr/bin/kubectl_complete-gpugate", os.X_OK)


@needs("man")
def test_man_pages_tell_all_that_help_tells(unpacked):
    pages = unpacked / "usr/share/man/man1"
    assert {path.name for path in pages.iterdir()} == {
        "kubectl-gpugate.1.gz", "kubectl_complete-gpugate.1.gz", *("-".join(["gpugate", *words]) + ".1.gz" for words in commands())}
    for words in commands():
        page = pages / ("-".join(["gpugate", *words]) + ".1.gz")
        done = subprocess.run(["man", "--warnings", "--local-file", page], capture_output=True, text=True, check=True,
                              env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C"})
        assert not done.stderr, done.stderr
        text = re.sub(r".\x08", "", done.stdout)
        assert re.search(rf"^ +{' '.join(['gpugate', *words])}\b", text, re.M), words
        for name in children(*words):
            assert re.search(rf"^ +{'-'.join(['gpugate', *words, name])}\(1\)", text, re.M), (words, name)
        for option in options(*words):
            assert re.search(rf"^ +{option}\b", text, re.M), (words, option)


def test_completions_are_what_the_program_prints(unpacked):
    for shell, path in {"bash": "bash-completion/completions/gpugate", "zsh": "zsh/vendor-completions/_gpugate",
                        "fish": "fish/vendor_completions.d/gpugate.fish"}.items():
        assert (unpacked / "usr/share" / path).read_text() == fine(BINARY, "completion", shell)


@root_only
def test_install_and_purge(deb):
    """Installs on this machine's Debian, in a mount namespace with a copy-on-write view that leaves
    the machine unchanged."""
    script = f"""set -e
        mount -t tmpfs none /mnt; mkdir /mnt/up /mnt/work /mnt/root
        mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root || {{ echo no overlay; exit 77; }}
        cp {deb} /mnt/root/gpugate.deb; mount --bind /proc /mnt/root/proc; mount --bind /dev /mnt/root/dev
        exec chroot /mnt/root sh -ec '
            export DEBIAN_FRONTEND=noninteractive
            dpkg --purge gpugate >/dev/null 2>&1 || true
            dpkg --install /gpugate.deb
            gpugate version; gpugate lint /etc/gpugate/policy
            ls -l /etc/systemd/system/multi-user.target.wants/
            gpugate certs create --dir /etc/gpugate/tls
            if command -v systemd-analyze; then systemd-analyze verify gpugate.service && echo unit verified; fi
            dpkg --purge gpugate
            ls -A /etc/gpugate /usr/bin/gpugate /etc/default/gpugate /lib/systemd/system/gpugate.service 2>&1'
    """
    done = command("unshare", "--mount", "sh", "-c", script)
    if done.returncode == 77:
        pytest.skip("an overlay of the root file system cannot be mounted here")
    said = done.stdout
    assert f"gpugate {version()}" in said and "gpugate.service -> " in said, said
    assert "unit verified" in said or not shutil.which("systemd-analyze"), said
    left = said.rpartition("Purging configuration files for gpugate")[2]
    assert re.search(r"/etc/gpugate:\s+tls\s", left), "certificates are the administrator's, and stay:\n" + said
    for gone in ("/usr/bin/gpugate", "/etc/default/gpugate", "/lib/systemd/system/gpugate.service"):
        assert f"cannot access '{gone}'" in left, said


@needs("systemd-analyze")
def test_exposure():
    """The figure in docs/install.md. 0 would be a program that may do nothing, 10 one that may do
    everything."""
    said = fine("systemd-analyze", "security", "--offline=true", unit.UNIT)
    documented = re.search(r"exposure\s+is\s+([\d.]+)\s+of\s+10", (ROOT / "docs/install.md").read_text())[1]
    assert float(re.search(r"Overall exposure level for gpugate.service: ([\d.]+)", said)[1]) <= float(documented)


@needs("strace")
@needs("systemd-analyze")
def test_the_unit_lets_gpugate_do_what_it_does(monkeypatch, tmp_path):
    """Runs what the unit starts: it answers, follows its policy, asks an API server, and drains.
    For all of that it makes only system calls and opens only socket families that the unit allows.
    If the kernel supports it, no memory is both written and executed."""
    log, program = tmp_path / "calls", tmp_path / "traced"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {MDWE} strace -D -f -qq -e signal=none -o {log} {BINARY} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(gpugate, "BINARY", program)
    server = gpugate.Server([kube.doc("Settings", "cluster", enforcement="deny")], secret="path-secret", start=False)
    (server.dir / "path-secret").write_text("path-secret\n")
    (server.dir / "kubeconfig").write_text(
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
        "clusters: [{name: c, cluster: {server: 'https://localhost:1'}}], users: [{name: u, user: {}}]}")
    server.args = [*unit.started({"/usr/bin/gpugate ": "", "/etc/gpugate/policy": str(server.policy), "%d": str(server.dir),
                                  ":8443": "127.0.0.1:0", "127.0.0.1:8080": "127.0.0.1:0"}),
                   "--kubeconfig", str(server.dir / "kubeconfig"), "--drain-seconds", "0"]
    server.start()
    try:
        assert not server.admit(kube.pod({"nvidia.com/gpu": 1}))[0].allowed
        server.reload([kube.doc("Settings", "cluster", enforcement="audit")])
        assert server.admit(kube.pod({"nvidia.com/gpu": 1}))[0].allowed
        gpugate.eventually(lambda: " connect(" in log.read_text(errors="replace"), 20, "a question to the API server")
    finally:
        server.stop()
    text = log.read_text(errors="replace")
    calls = set(re.findall(r"^\d+ +(\w+)\(", text, re.M))
    assert {"accept4", "bind", "connect", "epoll_ctl", "inotify_add_watch", "openat", "recvfrom", "sendto"} <= calls, calls
    assert not calls - unit.allowed_calls()
    families = set(re.findall(r" socket\((AF_\w+)", text))
    assert "AF_INET" in families and families <= set(unit.settings("RestrictAddressFamilies")[0].split())
    assert not re.search(r"PROT_WRITE\|PROT_EXEC", text)
