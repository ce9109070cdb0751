"""Debian packages as published: apt downloads them and checks their signatures, and they are read
without being installed."""

import email.parser
import functools
import hashlib
import io
import os
import re
import shlex
import subprocess
import tarfile
from pathlib import PurePosixPath


class Problem(Exception):
    """What went wrong, and what to do."""


def output(*command, **how):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, check=False, **how)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise Problem(f"`{shlex.join(map(str, command))}` ended with status {done.returncode}: {said}")
    return done.stdout


def text(*command):
    return output(*command).decode().strip()


def usr_merged(path):
    """Returns the path of a packaged file on a current Debian, where /lib, /bin and the like are
    links into /usr."""
    path = PurePosixPath("/" + path.lstrip("./"))
    return str(PurePosixPath("/usr") / path.relative_to("/")) if re.match(r"/(lib\w*|s?bin)(/|$)", str(path)) else str(path)


class Package:
    """One package: its control fields and its files. Paths are absolute, with a merged /usr."""

    def __init__(self, deb, url):
        self.deb, self.url = deb, url
        self.sha256 = hashlib.sha256(deb.read_bytes()).hexdigest()
        self.control = text("dpkg-deb", "--field", deb) + "\n"
        self.fields = email.parser.HeaderParser().parsestr(self.control)
        self.name, self.version = self.fields["Package"], self.fields["Version"]

    @functools.cached_property
    def source(self):
        """Returns name and version of the source package."""
        name, _, version = (self.fields["Source"] or self.name).partition(" ")
        return name, version.strip("()") or self.version

    @functools.cached_property
    def files(self):
        """Returns the contents except for directories: path -> (entry, content)."""
        with tarfile.open(fileobj=io.BytesIO(output("dpkg-deb", "--fsys-tarfile", self.deb))) as archive:
            return {usr_merged(entry.name): (entry, archive.extractfile(entry).read() if entry.isreg() else b"")
                    for entry in archive if not entry.isdir()}

    def target(self, path):
        """Returns the target of a link in this package."""
        entry, _ = self.files[path]
        return usr_merged(os.path.normpath(PurePosixPath(path).parent / entry.linkname))


class Archive:
    """The packages that apt knows, cached in a directory. apt is slow to start, so ask for many at
    once."""

    def __init__(self, folder):
        self.folder = folder
        self.packages, self.owners = {}, {}
        self.triplet = text("gcc", "-print-multiarch")
        folder.mkdir(parents=True, exist_ok=True)

    def package(self, name):
        if name not in self.packages:
            self._download([name])
        return self.packages[name]

    def owner(self, soname):
        """Returns the package that contains the shared library."""
        if soname not in self.owners:
            self.prepare([soname])
        return self.package(self.owners[soname])

    def prepare(self, sonames):
        """Finds the packages of the libraries among those installed here, since gpugate was linked
        with them, and downloads them."""
        folders = {f"/lib/{self.triplet}", f"/usr/lib/{self.triplet}"}
        for line in text("dpkg-query", "--search", *(f"*/{soname}" for soname in sonames)).splitlines():
            name, _, path = line.rpartition(": ")
            if str(PurePosixPath(path).parent) in folders:
                self.owners[PurePosixPath(path).name] = name.split(",")[0].split(":")[0]
        for soname in sonames:
            if soname not in self.owners:
                raise Problem(f"no installed package has {soname} in {' or '.join(sorted(folders))}")
        self._download(sorted({self.owners[soname] for soname in sonames} - self.packages.keys()))

    def _download(self, names):
        try:
            self._download_listed(names)
        except Problem:
            if os.geteuid() != 0:
                raise
            # A mirror has only the newest version, and apt's lists may be older.
            output("apt-get", "update", "-qq")
            self._download_listed(names)

    def _download_listed(self, names):
        said = text("apt-get", "download", "--print-uris", *names)
        listed = [(url, self.folder / file, sha256) for url, file, sha256 in re.findall(r"^'(\S+)' (\S+) \d+ (?:SHA256:(\w+))?", said, re.M)]
        if len(listed) < len(names):
            raise Problem(f"apt knows where to get {len(listed)} of these packages only: {' '.join(names)}; `apt-get update` may help")
        missing = [file.name.split("_")[0] for _, file, _ in listed if not file.exists()]
        if missing:
            output("apt-get", "download", "-qq", *missing, cwd=self.folder)
        for url, file, sha256 in listed:
            package = Package(file, url)
            if sha256 and package.sha256 != sha256:
                file.unlink()
                raise Problem(f"{file} was not what apt's signed lists say, and is removed; try again")
            self.packages[package.name] = package
