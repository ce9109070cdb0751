"""OCI image layouts (image-spec 1.0), reproducible: the same input gives the same bytes."""

import gzip
import hashlib
import io
import json
import tarfile
from datetime import datetime, timezone
from pathlib import PurePosixPath


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def json_bytes(value):
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def utc(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Layer:
    """A tar archive being written. Everything belongs to root. Directories are created as files
    need them."""

    def __init__(self, created_by, mtime, below=()):
        self.created_by, self.mtime = created_by, mtime
        self.entries = {}
        self.folders = {folder for layer in below for folder in layer.folders}

    def _add(self, path, kind, mode, mtime, content=b"", target=""):
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            if str(folder) not in self.folders | self.entries.keys():
                self.folders.add(str(folder))
                self._entry(str(folder), tarfile.DIRTYPE, 0o755, self.mtime)
        self._entry(path, kind, mode, mtime, content, target)

    def _entry(self, path, kind, mode, mtime, content=b"", target=""):
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.mode, entry.mtime, entry.size, entry.linkname = kind, mode, mtime, len(content), target
        self.entries[path] = (entry, content)

    def file(self, path, content, mode=0o644, mtime=None):
        self._add(path, tarfile.REGTYPE, mode, self.mtime if mtime is None else mtime, content)

    def link(self, path, target, mtime=None):
        self._add(path, tarfile.SYMTYPE, 0o777, self.mtime if mtime is None else mtime, target=target)

    def tar(self):
        return tar([self.entries[path] for path in sorted(self.entries)])


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Layout:
    """An OCI layout of one image, kept as path -> content until it is written."""

    def __init__(self):
        self.files = {"oci-layout": json_bytes({"imageLayoutVersion": "1.0.0"})}

    def blob(self, media_type, content):
        self.files["blobs/sha256/" + digest(content).partition(":")[2]] = content
        return {"mediaType": media_type, "digest": digest(content), "size": len(content)}

    def image(self, layers, platform, config, annotations, names, created):
        """Adds the image and returns the digest of its manifest. names: annotations of the index,
        which tell loaders the name of the image."""
        tars = [layer.tar() for layer in layers]
        described = self.blob("application/vnd.oci.image.config.v1+json", json_bytes({
            **platform, "created": utc(created), "config": config,
            "rootfs": {"type": "layers", "diff_ids": [digest(content) for content in tars]},
            "history": [{"created": utc(layer.mtime), "created_by": layer.created_by} for layer in layers]}))
        manifest = self.blob("application/vnd.oci.image.manifest.v1+json", json_bytes({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": described,
            "layers": [self.blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(content, 9, mtime=0)) for content in tars],
            "annotations": annotations}))
        self.files["index.json"] = json_bytes({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{**manifest, "platform": platform, "annotations": names}]})
        return manifest["digest"]

    def write(self, folder):
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def archive(self, mtime):
        """Returns the layout as one tar file, which `ctr images import`, `podman load` and `docker
        load` read."""
        layer = Layer("", mtime)
        for path, content in self.files.items():
            layer.file("/" + path, content)
        return layer.tar()
