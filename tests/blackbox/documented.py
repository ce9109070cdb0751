"""Shapes: the keys that Helm values, device plugin configurations and custom resources may have
(documented.yaml)."""

from pathlib import Path

import yaml

DOCUMENTED = yaml.safe_load(Path(__file__).with_name("documented.yaml").read_text())
_TYPES = {"string": str, "boolean": bool, "integer": int, "quantity": (int, str), "any": object}


def _words(shape):
    return [word.strip().strip('"') for word in shape.split("|")]


def problems(shape, value, path=""):
    """Returns what is wrong with a value, as sentences that name the location."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{path}: not a map"]
        found = []
        for key, inner in value.items():
            if key not in shape and "*" not in shape:
                found.append(f"{path}.{key}: not a documented key; there are {', '.join(shape)}")
            else:
                found += problems(shape.get(key, shape.get("*")), inner, f"{path}.{key}")
        return found
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [problem for i, item in enumerate(value) for problem in problems(shape[0], item, f"{path}[{i}]")]
    if shape in _TYPES:
        fits = isinstance(value, _TYPES[shape]) and not (isinstance(value, bool) and shape in ("integer", "quantity"))
        return [] if fits else [f"{path}: {value!r} is no {shape}"]
    return [] if value in _words(shape) else [f"{path}: {value!r} is none of {shape}"]


def schema(shape):
    """Returns the shape as the structural schema of a CustomResourceDefinition."""
    if isinstance(shape, dict):
        if "*" in shape:
            return {"type": "object", "additionalProperties": schema(shape["*"])}
        return {"type": "object", "properties": {key: schema(inner) for key, inner in shape.items()}}
    if isinstance(shape, list):
        return {"type": "array", "items": schema(shape[0])}
    if shape == "quantity":
        return {"x-kubernetes-int-or-string": True}
    if shape == "any":
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"type": shape} if shape in _TYPES else {"type": "string", "enum": _words(shape)}


def definitions():
    """Yields a CustomResourceDefinition for each documented kind."""
    for kind, row in DOCUMENTED["kinds"].items():
        name, _, version = row["of"].partition("/")
        plural, _, group = name.partition(".")
        # The API server asks for it where the group is one of Kubernetes.
        approved = {"api-approved.kubernetes.io": "unapproved, for tests"} if group.endswith(".k8s.io") else {}
        yield {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name, "annotations": approved},
               "spec": {"group": group, "scope": "Namespaced" if row.get("namespaced") else "Cluster",
                        "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                        "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                            "type": "object", "properties": {"spec": schema(row["spec"])}}}}]}}
