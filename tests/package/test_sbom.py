"""The bill of materials: it is valid SPDX 2.3, and describes the image that it comes with."""

import hashlib
import json
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest

from making import IMAGE, ROOT, command, version

TOOLS = ROOT / "build" / "tools" / "spdx"
SPDX_TOOLS = "spdx-tools==0.8.5"


@pytest.fixture(scope="module")
def validator():
    """The validator of the SPDX project, from PyPI, in a virtual environment."""
    program = TOOLS / "bin" / "pyspdxtools"
    if not program.exists():
        for step in ([sys.executable, "-m", "venv", "--clear", TOOLS], [TOOLS / "bin" / "pip", "install", "--quiet", SPDX_TOOLS]):
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"{SPDX_TOOLS} is not to be had: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return program


@pytest.fixture(scope="module")
def bill(image):
    return json.loads(IMAGE.with_suffix(".spdx.json").read_text())


@pytest.fixture(scope="module")
def packages(bill):
    return {package["name"]: package for package in bill["packages"]}


def test_valid(image, validator, tmp_path):
    good = command(validator, "--infile", IMAGE.with_suffix(".spdx.json"), "--version", "SPDX-2.3")
    assert (good.returncode, good.stdout) == (0, "")
    bad = tmp_path / "bad.spdx.json"
    bad.write_text(IMAGE.with_suffix(".spdx.json").read_text().replace('"relatedSpdxElement": "SPDXRef-Package-libc6"',
                                                                       '"relatedSpdxElement": "SPDXRef-Package-nothing"'))
    assert command(validator, "--infile", bad, "--version", "SPDX-2.3").returncode == 1


def test_it_names_the_packages_of_the_image(image, packages):
    controls = {path.rpartition("/")[2]: content.decode() for path, (_, content) in image.entries().items() if "/status.d/" in path}
    assert set(packages) == {"gpugate", "gpugate-image", *controls}
    for name, control in controls.items():
        said, fields = packages[name], dict(re.findall(r"^(\w[\w-]*): (.*)$", control, re.M))
        assert said["versionInfo"] == fields["Version"]
        (reference,) = said["externalRefs"]
        assert unquote(reference["referenceLocator"]) == f"pkg:deb/debian/{name}@{fields['Version']}?arch={fields['Architecture']}&distro=debian-12"
        assert said["sourceInfo"].split()[6] == fields.get("Source", name).split()[0]


def test_checksums(image, packages):
    def checksum(name):
        ((algorithm, value),) = [(each["algorithm"], each["checksumValue"]) for each in packages[name]["checksums"]]
        assert algorithm == "SHA256"
        return value

    assert "sha256:" + checksum("gpugate-image") == image.entry["digest"]
    assert checksum("gpugate") == hashlib.sha256(image.entries()["/usr/bin/gpugate"][1]).hexdigest()
    assert packages["gpugate"]["versionInfo"] == packages["gpugate-image"]["versionInfo"] == version()
    for name in set(packages) - {"gpugate", "gpugate-image"}:
        deb = ROOT / "build" / "debs" / packages[name]["packageFileName"]
        assert checksum(name) == hashlib.sha256(deb.read_bytes()).hexdigest()


def test_license_references_lead_to_texts_of_the_image(image, bill, packages):
    entries = image.entries()
    extracted = {each["licenseId"]: each["extractedText"] for each in bill["hasExtractedLicensingInfos"]}
    assert len(extracted) == len(packages) - 2
    for name in set(packages) - {"gpugate", "gpugate-image"}:
        text = extracted[packages[name]["licenseDeclared"]]
        path, sha256 = re.match(r"(/usr/share/doc/\S+/copyright) of the image, SHA-256 (\w+);", text).groups()
        # The directory is a link to that of another package of the same source.
        if path not in entries:
            path = f"/usr/share/doc/{entries[path.removesuffix('/copyright')][0].linkname}/copyright"
        assert hashlib.sha256(entries[path][1]).hexdigest() == sha256


def test_every_library_is_there_for_a_reason(bill):
    """gpugate leads to every package through dependencies, except to the one that identifies the
    Debian release and contains licenses."""
    asks = {}
    for relation in bill["relationships"]:
        if relation["relationshipType"] == "DEPENDS_ON":
            asks.setdefault(relation["spdxElementId"], set()).add(relation["relatedSpdxElement"])
    reached, new = set(), {"SPDXRef-Package-gpugate"}
    while new:
        reached |= new
        new = set().union(*(asks.get(package, set()) for package in new)) - reached
    contained = {relation["relatedSpdxElement"] for relation in bill["relationships"] if relation["relationshipType"] == "CONTAINS"}
    assert contained - reached == {"SPDXRef-Package-base-files"} and reached <= contained
