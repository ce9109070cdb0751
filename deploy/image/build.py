#!/usr/bin/env python3
"""Builds gpugate's container image: Debian's shared libraries, the program, and nothing that could
run anything else.

Writes OUT/ (an OCI image layout), OUT.tar (the same as one file) and OUT.spdx.json (its bill of
materials). Needs neither a container engine nor root. The same binary, commit and Debian packages
result in the same digest."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import spdx
from closure import Closure
from debian import Archive, Problem, output, text
from oci import Layer, Layout, json_bytes, utc

USER = 65532
PLATFORMS = {"amd64": {"architecture": "amd64", "os": "linux"}, "arm64": {"architecture": "arm64", "os": "linux", "variant": "v8"}}
ETC = {
    "/etc/passwd": f"root:x:0:0:root:/:/usr/sbin/nologin\ngpugate:x:{USER}:{USER}:gpugate:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": f"root:x:0:\ngpugate:x:{USER}:\n",
    # glibc contains both services.
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def commit(variable, *git):
    """From the environment, or else from git: an archive of the sources has no .git."""
    try:
        return os.environ.get(variable) or text("git", "-C", Path(__file__).parent, *git)
    except Problem as problem:
        raise Problem(f"{problem}\nWithout git, say {variable} in the environment.") from None


def debian_layer(closure):
    """Files keep the times that they have in their packages, so that the layer only changes when a
    package does."""
    newest = max(int(entry.mtime) for _, entry, _ in closure.files.values())
    layer = Layer("Debian packages: shared libraries and their copyright files", newest)
    layer.link("/lib", "usr/lib")
    layer.link("/lib64", "usr/lib64")
    for path, (_, entry, content) in closure.files.items():
        if entry.issym():
            layer.link(path, entry.linkname, int(entry.mtime))
        else:
            layer.file(path, content, entry.mode & 0o755, int(entry.mtime))
    # Scanners look here if there is no dpkg.
    for package in closure.packages():
        layer.file(f"/var/lib/dpkg/status.d/{package.name}", package.control.encode())
    return layer


def stripped(binary):
    with tempfile.TemporaryDirectory() as folder:
        output("strip", "--strip-all", "-o", Path(folder) / "gpugate", binary)
        return (Path(folder) / "gpugate").read_bytes()


def gpugate_layer(binary, created, below):
    layer = Layer("gpugate", created, [below])
    layer.file("/usr/bin/gpugate", binary, 0o755)
    layer.link("/usr/bin/kubectl-gpugate", "gpugate")
    layer.file("/usr/share/doc/gpugate/copyright", (Path(__file__).parents[1] / "debian" / "copyright").read_bytes())
    for path, content in ETC.items():
        layer.file(path, content.encode())
    return layer


def build(options):
    created = int(commit("SOURCE_DATE_EPOCH", "log", "-1", "--format=%ct"))
    revision = commit("SOURCE_REVISION", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    architecture = text("dpkg", "--print-architecture")
    if architecture not in PLATFORMS:
        raise Problem(f"no image is made for {architecture}; those for {', '.join(PLATFORMS)} are")
    closure = Closure(Archive(options.packages), options.binary)
    binary = stripped(options.binary)
    below = debian_layer(closure)
    labels = {"org.opencontainers.image." + key: value for key, value in {
        "title": "gpugate", "version": options.version, "revision": revision, "created": utc(created),
        "description": "A Kubernetes admission webhook and GPU quota enforcer"}.items()}
    layout = Layout()
    manifest = layout.image(
        [below, gpugate_layer(binary, created, below)], PLATFORMS[architecture],
        {"User": f"{USER}:{USER}", "Entrypoint": ["/usr/bin/gpugate"], "Env": ["PATH=/usr/bin"], "WorkingDir": "/",
         "ExposedPorts": {"8443/tcp": {}, "8080/tcp": {}}, "StopSignal": "SIGTERM", "Labels": labels},
        labels, {"org.opencontainers.image.ref.name": options.version,
                 "io.containerd.image.name": f"docker.io/library/gpugate:{options.version}"}, created)
    release = re.search(r'^VERSION_ID="?(\d+)', closure.files["/usr/lib/os-release"][2].decode(), re.M)[1]
    bill = spdx.document(options.version, revision, created, manifest, binary, closure, f"debian-{release}")
    shutil.rmtree(options.out, ignore_errors=True)
    layout.write(options.out)
    options.out.with_suffix(".tar").write_bytes(layout.archive(created))
    options.out.with_suffix(".spdx.json").write_bytes(json_bytes(bill))
    size = sum(len(content) for content in layout.files.values())
    print(f"{options.out}: {manifest}\n  {len(closure.libraries)} shared libraries of {len(closure.packages())} Debian packages, "
          f"{size / 1e6:.1f} MB compressed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="the program as it was linked")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; it is replaced")
    parser.add_argument("--packages", type=Path, required=True, help="a folder that keeps downloaded .deb files")
    try:
        build(parser.parse_args())
    except (Problem, OSError, subprocess.SubprocessError) as problem:
        sys.exit(f"image: {problem}")


if __name__ == "__main__":
    main()
