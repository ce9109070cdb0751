"""Fetches one file of a PyPI package by its digest, without pip and without installing anything."""

import hashlib
import json
import os
import urllib.parse
import urllib.request


def fetch(package, sha256):
    """Returns the bytes of the file. LookupError says why it is not available. PIP_INDEX_URL names
    another index."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + f"/{package}/"
    try:
        asked = urllib.request.Request(index, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            files = json.load(answer)["files"]
            url = next(urllib.parse.urljoin(answer.url, f["url"]) for f in files if f["hashes"].get("sha256") == sha256)
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
    except (OSError, ValueError, KeyError, StopIteration) as problem:
        raise LookupError(f"{package} cannot be had from {index}: {problem!r}") from problem
    if hashlib.sha256(content).hexdigest() != sha256:
        raise LookupError(f"{url} is not the file that it should be (sha256)")
    return content
