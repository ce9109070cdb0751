"""The image: its metadata, what it contains and what it must not contain, and that it is
reproducible."""

import hashlib
import json
import os
import re
import shutil
import stat
from pathlib import PurePosixPath

import pytest

from making import BINARY, IMAGE, ROOT, Image, command, fine, make, version

NOT_TRACKED = shutil.ignore_patterns("build", ".git", "__pycache__", ".hypothesis", ".pytest_cache")


@pytest.fixture(scope="module")
def entries(image):
    return image.entries()


def test_layout_holds_the_image_and_nothing_else(image):
    image.layers()
    assert {blob.name for blob in (IMAGE / "blobs" / "sha256").iterdir()} == image.described
    assert {path.name for path in IMAGE.iterdir()} == {"oci-layout", "index.json", "blobs"}


def test_layers_are_what_the_configuration_says(image):
    assert ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in image.layers()] == image.whole["rootfs"]["diff_ids"]
    assert len(image.whole["history"]) == len(image.manifest["layers"]) == 2


def test_configuration(image):
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] == ["/usr/bin/gpugate"] and "Cmd" not in image.config
    assert set(image.config["ExposedPorts"]) == {"8443/tcp", "8080/tcp"}
    assert (image.whole["os"], image.whole["architecture"]) == ("linux", fine("dpkg", "--print-architecture").strip())


def test_labels(image):
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in image.config["Labels"].items()}
    assert set(labels) == {"title", "description", "version", "revision", "created"}
    assert labels["version"] == version()
    assert image.manifest["annotations"] == image.config["Labels"]
    if (ROOT / ".git").exists() and "SOURCE_DATE_EPOCH" not in os.environ:
        assert labels["revision"].removesuffix("-dirty") == fine("git", "rev-parse", "HEAD", cwd=ROOT).strip()
        assert labels["created"] == image.whole["created"] == fine("git", "log", "-1", "--format=%cd", "--date=format-local:%FT%TZ", cwd=ROOT,
                                                                   env={**os.environ, "TZ": "UTC"}).strip()


def test_nothing_else_could_be_run(entries):
    """There is no shell and no other program. The only executable files are gpugate, and the loader
    and libc, which print their versions."""
    executable = {PurePosixPath(path).name for path, (entry, _) in entries.items() if entry.isreg() and entry.mode & 0o111}
    assert {"gpugate", "libc.so.6"} <= executable
    assert not [name for name in executable - {"gpugate", "libc.so.6"} if not name.startswith("ld-linux")]
    assert entries["/usr/bin/kubectl-gpugate"][0].issym() and entries["/usr/bin/kubectl-gpugate"][0].linkname == "gpugate"
    elf = {path for path, (_, content) in entries.items() if content.startswith(b"\x7fELF")}
    assert not [path for path in elf if ".so" not in path and path != "/usr/bin/gpugate"]
    assert not [path for path, (_, content) in entries.items() if content.startswith(b"#!")]


def test_nobody_could_write_or_become_root(entries):
    for path, (entry, _) in entries.items():
        assert (entry.uid, entry.gid) == (0, 0), path
        assert entry.issym() or not entry.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), path
        assert entry.isreg() or entry.issym() or entry.isdir(), path
    assert "/tmp" not in entries and "/home" not in entries


def test_every_entry_has_its_folder(image, entries):
    for path in entries:
        parent = PurePosixPath(path).parent
        assert str(parent) == "/" or entries[str(parent)][0].isdir(), path


def test_every_package_has_its_papers(entries):
    packages = {path.rpartition("/")[2] for path in entries if re.fullmatch(r"/var/lib/dpkg/status\.d/[^/]+", path)}
    assert {"libc6", "libcurl4", "libgnutls30", "libjansson4", "libmicrohttpd12", "libssl3", "libyaml-0-2"} <= packages
    for package in packages:
        assert f"Package: {package}\n" in entries[f"/var/lib/dpkg/status.d/{package}"][1].decode()
        folder = entries[f"/usr/share/doc/{package}"][0]
        owner = PurePosixPath(folder.linkname).name if folder.issym() else package
        assert len(entries[f"/usr/share/doc/{owner}/copyright"][1]) > 500, package
    named = {name for path, (_, content) in entries.items() if path.endswith("/copyright")
             for name in re.findall(rb"/usr/share/common-licenses/([\w.+-]*\w)", content)}
    assert named and all(f"/usr/share/common-licenses/{name.decode()}" in entries for name in named)
    assert b"ID=debian" in entries["/usr/lib/os-release"][1]


def test_the_program_is_the_release_build(entries, tmp_path):
    (tmp_path / "gpugate").write_bytes(entries["/usr/bin/gpugate"][1])
    build_id = re.compile(r"Build ID: (\w+)")
    assert build_id.search(fine("readelf", "--notes", tmp_path / "gpugate"))[1] == build_id.search(fine("readelf", "--notes", BINARY))[1]
    assert ".debug_info" not in fine("readelf", "--sections", "--wide", tmp_path / "gpugate")


def test_it_is_small(image, entries):
    """An upper bound, so that a new library is noticed. With the libraries of Debian 12, it is 8.5
    MB to pull and 21 MB unpacked."""
    assert sum(layer["size"] for layer in image.manifest["layers"]) < 10_000_000
    assert sum(entry.size for entry, _ in entries.values()) < 24_000_000


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_reads_layout_and_archive(image, tmp_path):
    """skopeo is an independent reader of the same specification. Copying checks every digest."""
    for source in (f"oci:{IMAGE}:{version()}", f"oci-archive:{IMAGE}.tar:{version()}"):
        said = json.loads(fine("skopeo", "inspect", source))
        assert said["Digest"] == image.entry["digest"] and said["Labels"] == image.config["Labels"]
    fine("skopeo", "--insecure-policy", "copy", f"oci-archive:{IMAGE}.tar:{version()}", f"oci:{tmp_path}/copy:1")
    assert Image(tmp_path / "copy").entry["digest"] == image.entry["digest"]
    docker = tmp_path / "docker.tar"
    fine("skopeo", "--insecure-policy", "copy", f"oci:{IMAGE}:{version()}", f"docker-archive:{docker}:gpugate:{version()}")


@pytest.mark.skipif(not shutil.which("umoci") or os.geteuid() != 0, reason="umoci is not installed, or this is not root, who may give files away")
def test_umoci_unpacks_it(image, entries, tmp_path):
    fine("umoci", "unpack", "--image", f"{IMAGE}:{version()}", tmp_path / "bundle")
    root = tmp_path / "bundle" / "rootfs"
    assert {"/" + str(path.relative_to(root)) for path in root.rglob("*")} == set(entries)
    process = json.loads((tmp_path / "bundle" / "config.json").read_text())["process"]
    assert process["args"] == ["/usr/bin/gpugate"] and (process["user"]["uid"], process["user"]["gid"]) == (65532, 65532)


def test_built_elsewhere_it_is_the_same(image, deb, tmp_path):
    """The same sources, compiled in another directory, make the same image and the same Debian
    package, bit for bit."""
    folder = tmp_path / "somewhere-else" / "gpugate"
    shutil.copytree(ROOT, folder, ignore=NOT_TRACKED, symlinks=True)
    shutil.copytree(ROOT / "build" / "debs", folder / "build" / "debs", copy_function=os.link)
    labels = image.config["Labels"]
    created = fine("date", "--utc", f"--date={labels['org.opencontainers.image.created']}", "+%s").strip()
    make("image", "deb", folder=folder, SOURCE_DATE_EPOCH=created, SOURCE_REVISION=labels["org.opencontainers.image.revision"])
    assert Image(folder / "build" / "image").entry["digest"] == image.entry["digest"]
    for path in ("image/index.json", "image.tar", "image.spdx.json", f"deb/{deb.name}"):
        assert (folder / "build" / path).read_bytes() == (ROOT / "build" / path).read_bytes(), path


def test_without_git_it_says_what_it_lacks(tmp_path):
    shutil.copytree(ROOT / "deploy" / "image", tmp_path / "deploy" / "image")
    env = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    done = command("python3", tmp_path / "deploy/image/build.py", "--binary", BINARY, "--version", "1", "--out", tmp_path / "out",
                   "--packages", tmp_path, env={**env, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert done.returncode == 1 and "say SOURCE_DATE_EPOCH in the environment" in done.stdout
    assert "Traceback" not in done.stdout and not (tmp_path / "out").exists()
