"""Runs gpugate in its image as a container runtime does: with the image's files as a read-only
root, as uid 65532, and with nothing of the host but /proc and the directory of the test's files.
Needs root, but no container engine."""

import os
import shlex
import tempfile

import gpugate

USER = 65532
MOUNTS = ("/proc", tempfile.gettempdir())

SCRIPT = """#!/bin/sh
exec unshare --mount --propagation private sh -ec '
root=$0
mount --bind "$root" "$root"
for folder in {mounts}; do mount --rbind "$folder" "$root$folder"; done
mount -o remount,bind,ro "$root"
exec chroot --userspec={user}:{user} --groups= "$root" /usr/bin/gpugate "$@"' {root} "$@"
"""


def unpack(image, root):
    """Unpacks an image, and creates the mount points that a runtime creates before the root becomes
    read-only."""
    for path, (entry, content) in sorted(image.entries().items()):
        place = root / path.lstrip("/")
        if entry.isdir():
            place.mkdir(exist_ok=True)
        elif entry.issym():
            place.symlink_to(entry.linkname)
        else:
            place.write_bytes(content)
            place.chmod(entry.mode)
    for folder in MOUNTS:
        (root / folder.lstrip("/")).mkdir(parents=True)


def entry_point(root, script):
    """Writes a program that starts /usr/bin/gpugate of the image in `root`. It execs gpugate, so
    signals reach gpugate."""
    script.write_text(SCRIPT.format(mounts=" ".join(map(shlex.quote, MOUNTS)), user=USER, root=shlex.quote(str(root))))
    script.chmod(0o755)
    return script


class Server(gpugate.Server):
    """A server whose files belong to the user of the image."""

    def start(self):
        for folder, _, files in os.walk(self.dir):
            for path in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(path, USER, USER)
        return super().start()
