#!/usr/bin/python3
"""Builds the real Helm from source, with the Go module beside this file, into build/tools/. It is
built again only after a change of go.sum.

Exit status: 0 if it is available, 1 if the build failed, 77 if it cannot be built here (no network,
no Go for this machine)."""

import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

MODULE = Path(__file__).resolve().parent
sys.path.append(str(MODULE.parent / "cluster"))

import binaries
from binaries import NotToBeHad

HELM = binaries.BUILD / "tools" / "helm"
STAMP = HELM.with_name(".helm.key")
PACKAGE = "helm.sh/helm/v3/cmd/helm"


def _key():
    return hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()


def path():
    """Returns its path, or raises NotToBeHad."""
    if not (HELM.exists() and STAMP.exists() and STAMP.read_text() == _key()):
        raise NotToBeHad("there is no helm; tests/deploy/helm_tool.py builds it")
    return HELM


def _run(go, *args):
    env = {k: v for k, v in os.environ.items() if k not in ("GOFLAGS", "GOOS", "GOARCH")}
    return subprocess.run([go, *args], cwd=MODULE, env={**env, "GOWORK": "off"}, check=False).returncode == 0


def build():
    try:
        path()
        return 0
    except NotToBeHad:
        pass
    start = time.monotonic()
    go = binaries.find_go()
    text = (MODULE / "go.mod").read_text()
    version = re.search(r"^\s*helm\.sh/helm/v3 (\S+)", text, re.M)[1]
    minor = re.search(r"^\s*k8s\.io/api v0\.(\d+)\.", text, re.M)[1]
    print(f"helm: building {version} into {HELM.parent}: once, one to three minutes", flush=True)
    # A failure here is caused by the network or by go.sum; a later one is a build failure.
    if not _run(go, "mod", "download"):
        raise NotToBeHad("Helm's Go modules cannot be downloaded (see above); is there a network, or a GOPROXY to set?")
    major_minor = [f"-X helm.sh/helm/v3/pkg/{package}.k8sVersion{part}={value}" for package in ("chartutil", "lint/rules")
                   for part, value in (("Major", 1), ("Minor", minor))]
    flags = " ".join(["-s -w", f"-X helm.sh/helm/v3/internal/version.version={version}", *major_minor])
    if not _run(go, "build", "-ldflags", flags, "-o", str(HELM), PACKAGE):
        print(f"helm: {version} does not build with {go}", file=sys.stderr)
        return 1
    STAMP.write_text(_key())
    print(f"helm: built in {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(build())
    except NotToBeHad as reason:
        print(f"helm: {reason}", file=sys.stderr)
        sys.exit(binaries.NOT_TO_BE_HAD)
