"""deploy/examples for the tests: each folder with its policy, its manifests, and what expect.yaml
promises for them."""

import functools
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "examples"


def documents(path):
    """Returns the nonempty YAML documents of a file."""
    return [doc for doc in yaml.safe_load_all(path.read_text()) if doc is not None]


class Example:
    def __init__(self, folder):
        self.dir, self.name = folder, folder.name
        self.readme = (folder / "README.md").read_text()

    @functools.cached_property
    def expect(self):
        return yaml.safe_load((self.dir / "expect.yaml").read_text())

    @property
    def steps(self):
        return self.expect["steps"]

    def policy_files(self):
        """Returns the texts of the policy by path, as gpugate.write_policy() takes them."""
        return {str(path.relative_to(self.dir / "policy")): path.read_text() for path in sorted((self.dir / "policy").rglob("*.yaml"))}

    def policy(self, kind):
        return [doc for path in sorted((self.dir / "policy").rglob("*.yaml")) for doc in documents(path) if doc["kind"] == kind]

    def applied(self):
        """Returns the files that teams apply, including those that are meant to be refused."""
        return sorted(path for path in self.dir.rglob("*.yaml") if path.parent.name in ("manifests", "refused", "made-by-controllers"))

    def operator(self):
        """Returns the files of the operator's settings. A policy may have one that it reads."""
        named = [path for path in sorted((self.dir / "policy").rglob("*.yaml")) if any(doc["kind"] == "ConfigMap" for doc in documents(path))]
        return sorted((self.dir / "operator").glob("*.yaml")) + named

    def values(self):
        """Returns the files with Helm values, as (chart, path)."""
        return [(path.name.removesuffix("-values.yaml"), path) for path in self.operator() if path.name.endswith("-values.yaml")]

    def objects(self):
        """Returns the files with Kubernetes objects."""
        return self.applied() + [path for path in self.operator() if not path.name.endswith("-values.yaml")]

    def sentences(self):
        """Returns the messages that users are promised."""
        told = [step[key] for step in self.steps for key in ("refused", "event", "warning") if key in step]
        return [sentence for one in told for sentence in (one if isinstance(one, list) else [one])]

    def namespaces(self):
        found = {doc["metadata"]["name"] for path in self.applied() for doc in documents(path) if doc["kind"] == "Namespace"}
        used = {doc["metadata"].get("namespace") for path in self.objects() for doc in documents(path)}
        return sorted((found | used) - {None, "default"})

    def __repr__(self):
        return self.name


EXAMPLES = [Example(folder) for folder in sorted(FOLDER.iterdir()) if folder.is_dir()]
