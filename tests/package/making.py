"""Runs targets of the Makefile as a user would, and reads their results."""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE, BINARY = ROOT / "build" / "image", ROOT / "build" / "release" / "gpugate"
NO_NETWORK = re.compile(r"Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Failed to fetch|Network is unreachable")


def command(*words, **how):
    """Returns the exit status and the output of a command."""
    return subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **how)


def fine(*words, **how):
    """Returns the output of a command, which must succeed."""
    done = command(*words, **how)
    assert done.returncode == 0, f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def make(*targets, folder=ROOT, **env):
    inherited = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = command("make", "--no-print-directory", f"-j{os.cpu_count() or 2}", *targets, cwd=folder, env={**inherited, **env})
    if done.returncode != 0 and NO_NETWORK.search(done.stdout):
        pytest.skip("Debian's packages cannot be fetched: " + NO_NETWORK.search(done.stdout)[0])
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def version():
    return re.search(r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.M)[1]


class Image:
    """An OCI layout, read as the specification says: every blob is checked against its
    descriptor."""

    def __init__(self, folder):
        self.folder = folder
        assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
        self.index = json.loads((folder / "index.json").read_text())
        self.described = set()
        (self.entry,) = self.index["manifests"]
        self.manifest = json.loads(self.blob(self.entry, "application/vnd.oci.image.manifest.v1+json"))
        self.whole = json.loads(self.blob(self.manifest["config"], "application/vnd.oci.image.config.v1+json"))
        self.config = self.whole["config"]

    def blob(self, descriptor, media_type):
        assert descriptor["mediaType"] == media_type
        algorithm, _, hexadecimal = descriptor["digest"].partition(":")
        content = (self.folder / "blobs" / algorithm / hexadecimal).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (descriptor["size"], hexadecimal)
        self.described.add(hexadecimal)
        return content

    def layers(self):
        """The tar archives of the layers, decompressed."""
        return [gzip.decompress(self.blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip")) for layer in self.manifest["layers"]]

    def entries(self):
        """path -> (entry, content) of the whole image. A later layer replaces the files of earlier
        ones."""
        found = {}
        for layer in self.layers():
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                for entry in archive:
                    found[str(PurePosixPath("/") / entry.name)] = (entry, archive.extractfile(entry).read() if entry.isreg() else b"")
        return found
