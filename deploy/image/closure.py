"""What a program needs from Debian to run: its shared libraries, their own libraries, and their
copyright files."""

import re
import tempfile
from pathlib import Path

from debian import Problem, text

LICENSES = "/usr/share/common-licenses/"


def needed(elf):
    """Returns (names of the shared libraries that an ELF file needs, its interpreter or None)."""
    said = text("readelf", "--wide", "--dynamic", "--program-headers", elf)
    interpreter = re.search(r"\[Requesting program interpreter: (\S+)\]", said)
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(\S+)\]", said), interpreter and interpreter[1]


class Closure:
    """files: path -> (package, entry, content). asks: package, or None for the program -> packages
    whose libraries it needs."""

    def __init__(self, archive, binary):
        self.archive = archive
        self.files = {}
        self.asks = {}
        archive.prepare(sorted({Path(line.split()[0]).name for line in text("ldd", binary).splitlines() if "/" in line}))
        self._libraries(None, binary)
        self.libraries = sorted(path for path, (_, entry, _) in self.files.items() if entry.isreg())
        for package in self.packages():
            self._papers(package)
        self._base(archive.package("base-files"))

    def packages(self):
        return sorted({package for package, _, _ in self.files.values()}, key=lambda package: package.name)

    def _take(self, package, path):
        """Adds a file, and if it is a link, its target. Returns the path and the content of the
        final target."""
        while True:
            if path not in package.files:
                raise Problem(f"{package.name} {package.version} has no {path}")
            entry, content = package.files[path]
            self.files[path] = (package, entry, content)
            if not entry.issym():
                return path, content
            path = package.target(path)

    def _libraries(self, package, elf):
        names, interpreter = needed(elf)
        for name in [*names, *([interpreter] if interpreter else [])]:
            self._library(package, name)

    def _library(self, asking, name):
        """Adds a library. `name` is a soname, or the path of the interpreter, which the kernel
        looks for."""
        owner = self.archive.owner(Path(name).name)
        if owner is not asking:
            self.asks.setdefault(asking, set()).add(owner)
        path = f"/usr/lib/{self.archive.triplet}/{name}" if "/" not in name else f"/usr{name}"
        if path in self.files:
            return
        _, content = self._take(owner, path)
        with tempfile.NamedTemporaryFile() as library:
            library.write(content)
            library.flush()
            self._libraries(owner, library.name)

    def _papers(self, package):
        """Adds the copyright file. Packages of one source may share it through a link from their
        directory to that of another package."""
        folder = f"/usr/share/doc/{package.name}"
        if folder in package.files:
            self.files[folder] = (package, *package.files[folder])
            owner = self.archive.package(Path(package.target(folder)).name)
            self._papers(owner)
            package.copyright = owner.copyright
            return
        _, content = self._take(package, folder + "/copyright")
        package.copyright = content.decode(errors="replace")

    def _base(self, base):
        """Adds the licenses that copyright files refer to, and the files by which scanners
        recognize this Debian release."""
        self._papers(base)
        names = {re.sub(r"\W+$", "", name) for package in self.packages()
                 for name in re.findall(re.escape(LICENSES) + r"([\w.+-]+)", package.copyright)}
        for name in sorted(names):
            if LICENSES + name in base.files:
                self._take(base, LICENSES + name)
        for path in ("/etc/os-release", "/etc/debian_version"):
            self._take(base, path)
