"""The SPDX 2.3 bill of materials of an image: the image, gpugate, and every Debian package that
contributed files."""

import hashlib
import re
from urllib.parse import quote

from oci import utc


def identifier(kind, name):
    return f"SPDXRef-{kind}-{re.sub('[^A-Za-z0-9.-]', '-', name)}"


def debian_package(package, release):
    licenses = sorted(set(re.findall(r"^License: *(\S.*\S)", package.copyright, re.M)))
    told = f"Names of licenses in its copyright file: {'; '.join(licenses)}." if licenses else "Its copyright file names licenses in prose only."
    source, version = package.source
    return {
        "SPDXID": identifier("Package", package.name), "name": package.name, "versionInfo": package.version,
        "packageFileName": package.deb.name, "downloadLocation": package.url, "filesAnalyzed": False,
        "supplier": "Organization: Debian", "originator": "NOASSERTION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": package.sha256}],
        "licenseConcluded": "NOASSERTION", "licenseDeclared": license_reference(package), "licenseComments": told,
        "copyrightText": "NOASSERTION", "sourceInfo": f"built from the Debian source package {source} {version}",
        "primaryPackagePurpose": "LIBRARY" if package.name.startswith("lib") else "OTHER",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator":
                          f"pkg:deb/debian/{quote(package.name)}@{quote(package.version)}?arch={package.fields['Architecture']}&distro={release}"}]}


def license_reference(package):
    return f"LicenseRef-{re.sub('[^A-Za-z0-9.-]', '-', package.name)}-copyright"


def extracted_license(package):
    """The text is in the image; the digest says which text is meant."""
    sha256 = hashlib.sha256(package.copyright.encode()).hexdigest()
    return {"licenseId": license_reference(package), "name": f"copyright file of {package.name} {package.version}",
            "extractedText": f"/usr/share/doc/{package.name}/copyright of the image, SHA-256 {sha256}; "
                             "licenses that it refers to are in /usr/share/common-licenses/ of the image."}


def document(version, revision, created, manifest, binary, closure, release):
    image, program = identifier("Image", "gpugate"), identifier("Package", "gpugate")
    unsaid = {"filesAnalyzed": False, "downloadLocation": "NOASSERTION", "supplier": "NOASSERTION", "licenseConcluded": "NOASSERTION",
              "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "versionInfo": version}
    packages = closure.packages()
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", image), (image, "CONTAINS", program)]
    relations += [(image, "CONTAINS", identifier("Package", package.name)) for package in packages]
    relations += [(identifier("Package", asking.name) if asking else program, "DEPENDS_ON", identifier("Package", asked.name))
                  for asking, several in closure.asks.items() for asked in several]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"gpugate-{version}-image",
        "documentNamespace": f"https://gpugate.io/spdx/image/{manifest.partition(':')[2]}",
        "creationInfo": {"created": utc(created), "creators": [f"Tool: gpugate-image-{version}"]},
        "packages": [
            {**unsaid, "SPDXID": image, "name": "gpugate-image", "primaryPackagePurpose": "CONTAINER",
             "checksums": [{"algorithm": "SHA256", "checksumValue": manifest.partition(":")[2]}],
             "comment": "The checksum is the digest of the image's manifest."},
            {**unsaid, "SPDXID": program, "name": "gpugate", "primaryPackagePurpose": "APPLICATION", "sourceInfo": f"commit {revision}",
             "checksums": [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(binary).hexdigest()}],
             "comment": "The checksum is that of /usr/bin/gpugate."},
            *(debian_package(package, release) for package in packages)],
        "hasExtractedLicensingInfos": [extracted_license(package) for package in packages],
        "relationships": [{"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other} for one, how, other in sorted(relations)]}
