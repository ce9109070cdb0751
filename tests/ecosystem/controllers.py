#!/usr/bin/python3
"""The controllers of other projects with which the tests run gpugate: how to get them.

Each is built from source by a Go module of its own in this folder into build/ecosystem/, with the
objects that its project installs, and again only after a change of that module's go.sum. The
modules are separate because each project needs other versions of the same libraries.

usage: controllers.py [NAME...]   those of `make test` without names; "all" is all of them

Exit status: 0 if all are there, 1 if a build failed, 77 if they cannot be built here (no network,
no Go for this machine, no control plane, whose kubectl is needed).
"""

import dataclasses
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "cluster"))

import binaries
from binaries import NotToBeHad

BUILD = binaries.BUILD / "ecosystem"


@dataclasses.dataclass(frozen=True)
class Source:
    """module: the Go module. package: its main package, relative to it. install: the folder of the
    module that holds, for kustomize, what the project installs. minutes: a cold build on two
    cores."""

    module: str
    package: str
    install: str
    minutes: int


SOURCES = {
    "jobset": Source("sigs.k8s.io/jobset", "", "config/default", 2),
    "lws": Source("sigs.k8s.io/lws", "/cmd", "config/default", 3),
    "kueue": Source("sigs.k8s.io/kueue", "/cmd/kueue", "config/default", 5),
    "kuberay": Source("github.com/ray-project/kuberay/ray-operator", "", "config/default", 2),
}
ALWAYS = ("jobset", "lws")  # Those of `make test`. The tests with the other ones are run by hand.


def version(name):
    """Returns the version in its go.mod, such as v0.10.1."""
    return re.search(rf"^\s*(?:require )?{re.escape(SOURCES[name].module)} (v\S+)", (HERE / name / "go.mod").read_text(), re.M)[1]


def _key(name):
    return hashlib.sha256((HERE / name / "go.sum").read_bytes()).hexdigest()


def _files(name):
    """Returns the paths of the binary, the objects, and the key of their sources."""
    return BUILD / name, BUILD / f"{name}.yaml", BUILD / f".{name}.key"


def paths(name):
    """Returns the paths of the binary and of what its project installs, or raises NotToBeHad."""
    binary, objects, stamp = _files(name)
    if not (binary.exists() and objects.exists() and stamp.exists() and stamp.read_text() == _key(name)):
        raise NotToBeHad(f"there is no {name} {version(name)}; `tests/ecosystem/controllers.py {name}` builds it")
    return binary, objects


def _go(go, name, *args, **how):
    env = {k: v for k, v in os.environ.items() if k not in ("GOFLAGS", "GOOS", "GOARCH")}
    return subprocess.run([go, *args], cwd=HERE / name, env={**env, "GOWORK": "off"}, text=True, check=False, **how)


def _build(go, name):
    """Returns whether it succeeded. A failure to get the sources raises NotToBeHad."""
    start, source, (binary, objects, stamp) = time.monotonic(), SOURCES[name], _files(name)
    print(f"ecosystem: building {name} {version(name)} into {BUILD}: once, about {source.minutes} minutes on two cores", flush=True)
    stamp.unlink(missing_ok=True)
    if _go(go, name, "list", "-deps", source.module + source.package, stdout=subprocess.DEVNULL).returncode != 0:
        raise NotToBeHad(f"the Go modules of {name} cannot be downloaded (see above); is there a network, or a GOPROXY to set?")
    if _go(go, name, "build", "-ldflags", "-s -w", "-o", str(binary), source.module + source.package).returncode != 0:
        print(f"ecosystem: {name} {version(name)} does not build with {go}", file=sys.stderr)
        return False
    folder = _go(go, name, "list", "-m", "-f", "{{.Dir}}", source.module, stdout=subprocess.PIPE).stdout.strip()
    shown = subprocess.run([binaries.paths()["kubectl"], "kustomize", f"{folder}/{source.install}"], stdout=subprocess.PIPE, text=True, check=False)
    if shown.returncode != 0:
        print(f"ecosystem: kustomize cannot read {source.install} of {name} {version(name)}", file=sys.stderr)
        return False
    objects.write_text(shown.stdout)
    stamp.write_text(_key(name))
    print(f"ecosystem: {name} built in {time.monotonic() - start:.0f} s", flush=True)
    return True


def build(names):
    """Builds what is missing and returns the exit status."""
    binaries.paths()  # Says what to do if there is no control plane.
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in names:
            try:
                paths(name)
            except NotToBeHad:
                if not _build(binaries.find_go(), name):
                    return 1
    return 0


if __name__ == "__main__":
    asked = list(SOURCES) if sys.argv[1:] == ["all"] else sys.argv[1:]
    unknown = [name for name in asked if name not in SOURCES]
    if unknown:
        sys.exit(f"controllers.py: there is no {unknown[0]!r}; there are {', '.join(SOURCES)}")
    try:
        sys.exit(build(asked or ALWAYS))
    except NotToBeHad as reason:
        print(f"ecosystem: {reason}", file=sys.stderr)
        sys.exit(binaries.NOT_TO_BE_HAD)
