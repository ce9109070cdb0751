"""Binaries of earlier versions, built once from Git's history into build/releases/."""

import fcntl
import io
import os
import shutil
import subprocess
import tarfile

from binaries import BUILD, ROOT

# The last commit that only reads form 1 of the ledger's text, as 0.1.0 does.
LEDGER_FORM_1 = "be7a9ac"


class NotToBeHad(Exception):
    """It is not available here. The text says why."""


def _git(*args):
    return subprocess.run(["git", "-C", ROOT, *args], capture_output=True, check=False)


def binary(commit):
    """Returns the path of gpugate as of a commit."""
    folder = BUILD / "releases" / commit
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        # Several test programs may want it at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "gpugate").exists():
            _build(commit, folder)
    return folder / "gpugate"


def _build(commit, folder):
    archive = _git("archive", commit)
    if archive.returncode != 0:
        raise NotToBeHad(f"Git's history does not have {commit} here ({archive.stderr.decode().strip()}); `git fetch --unshallow` brings it")
    source = folder / "source"
    shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(source)
    # Options of the surrounding `make`, such as a sanitizer, must not apply to this one.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SAN", "COVERAGE")}
    made = subprocess.run(["make", "-j2", "build/gpugate"], cwd=source, env=env, capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"{commit} does not build: {made.stdout[-2000:]}{made.stderr[-2000:]}"
    (source / "build" / "gpugate").resolve().rename(folder / "gpugate")
    shutil.rmtree(source)
