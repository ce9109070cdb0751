"""Makes policy documents from the JSON Schema: valid ones, and ones with one mutation.

VALUES, FORMS, and WHOLE contain what a schema cannot express, such as that a Tenant's parent
exists. Lint accepts every valid document in a policy with BASE.
"""

import copy
import itertools
import json


def policy_document(kind, name, /, **spec):
    return {"apiVersion": "gpugate.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def workload_document(name, kind, *pods, **spec):
    """Returns a Workload for that kind of custom resource."""
    return policy_document("Workload", name, **{"group": "example.com", "kind": kind, "plural": "things", "pods": list(pods or [{"template": "spec.template"}]), **spec})


# A policy beside every generated document, so that it can refer to something.
BASE = [
    policy_document("Accelerator", "base", resource="nvidia.com/gpu", memory="80Gi", nodeLabels={"base": "yes"}, deviceClasses=["base"],
                    mig={"model": "a100-80gb", "offered": ["1g.10gb", "3g.40gb"]}, sharing={"resource": "nvidia.com/gpu.shared", "replicas": 4}),
    policy_document("Tenant", "base", namespaces=["base"]),
    workload_document("base", "Base"),
]

# Values of each form of string that are valid anywhere. %d is the number of the document.
FORMS = {
    "name": ["a", "team-a%d", "a.b-c.d0", "x" * 63],
    "qualified-name": ["a", "A_b.c-D", "example.com/GPU_0", "y" * 63, "x" * 253 + "/" + "y" * 63],
    "label-value": ["", "a", "A_b.c-D", "y" * 63],
    "annotation-value": ["", "any text: ü", "y" * 4096],
    "resource-pattern": ["example.com/gpu-*", "a?b"],
    "name-pattern": ["gpu.nvidia.com", "compute-domain-*", "?", "x" * 253],
    "namespace-pattern": ["a%d", "team-?-%d*"],
    "user-pattern": ["system:serviceaccount:gpu-operator:*", "ü?"],
    "memory-source": ["annotation:gpugate.io/gpu-memory", "label:memory"],
    "profile-name": ["1g.10gb", "1g.10gb+me"],
    "host-path": ["/data", "/data/x", "/data//y/", "/data/...", "/data/.x", "/data/..x/z"],
    "file-name": ["config.yaml", "nvidia/ü.yml", "a/b.yaml#all", "a.yaml#b/#c"],
    "kind-of-object": ["A%d", "Thing%d", "K" + "x" * 58 + "%d"],
    "field-path": ["spec.template", "spec.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o"],
    "path-of-a-number": ["spec.replicas", "spec.size - 1", "spec.size - 99"],
    "quantity": [0, 4, 6.5, "4", "+.5", "1e3", "3Ki", "-0.0"],
    "positive-quantity": [1, 0.5, "80Gi", "1500m", "0.001", "2E2"],
}

# Values of keys, by kind and path (without items of lists and keys of maps). They are used instead
# of values made from the schema.
VALUES = {
    "Settings.spec.otherResources": [["example.org/nic-*"]],
    "Settings.spec.workloads": [[], ["jobsets.jobset.x-k8s.io", "rayclusters.ray.io"]],
    "Workload.spec.kind": ["Thing%d"],
    "Workload.spec.pods": [[{"template": "spec.template"}],
                           [{"template": "spec.a.*.b[].template", "replicas": ["spec.a.*.b[].replicas - 1", "spec.a.*.n", "n"]}, {"template": "a", "orTemplate": "b"}],
                           [{"podSpec": "spec", "metadata": "spec.m", "containers": ["spec.c"], "resources": "spec.r", "device": "spec.d", "together": False}]],
    "Accelerator.spec.resource": ["example.com/device-%d"],
    "Accelerator.spec.memory": ["16Gi", 17179869184, "80Gi"],
    "Accelerator.spec.weight": [1, 2, "500m", 1.5],
    "Accelerator.spec.nodeLabels": [{}, {"model-%d": "a", "model": "%d"}],
    "Accelerator.spec.deviceClasses": [["class-%d"]],
    "Accelerator.spec.mig.model": ["a100-80gb"],
    "Accelerator.spec.mig.profiles": ["builtin", [{"name": "1g.10gb", "computeSlices": 1, "memorySlices": 1}],
                                      [{"name": "1g.10gb", "computeSlices": 2, "memorySlices": 1, "memory": "8Gi"}]],
    "Accelerator.spec.mig.offered": [["1g.10gb"]],
    "Accelerator.spec.mig.computeSlices": [7],
    "Accelerator.spec.mig.memorySlices": [8],
    "Accelerator.spec.mig.strategy": ["mixed"],
    "Accelerator.spec.mig.deviceClasses": [{}, {"slice-%d": "1g.10gb"}, {"any-%d": "any"}],
    "Accelerator.spec.capacity.deviceClasses": [["shared-%d"]],
    "Accelerator.spec.capacity.step": ["1Gi", "2Gi", 1073741824],
    "Accelerator.spec.capacity.min": ["2Gi", "1536Mi"],
    "Accelerator.spec.sharing.resource": ["example.com/device-%d.shared"],
    "Accelerator.spec.sharing.replicas": [2, 3, 4],
    "Tenant.spec.parent": ["base"],
    "Tenant.spec.namespaces": [[], ["ns-%d"], ["ns-%d-*", "ns-?-%d"]],
    "Tenant.spec.cohort": ["cohort-%d"],
    "Tenant.spec.quotas.measure": ["count", "gpus"],
    "Tenant.spec.quotas.resources": [["nvidia.com/gpu"], ["nvidia.com/*"]],
    "Tenant.spec.quotas.accelerators": [["base"]],
    "Tenant.spec.quotas.hard": [0, 4, "4", "unlimited"],
    "Tenant.spec.borrowing": [{"q": {}}, {"q": {"borrowUpTo": 2, "lendUpTo": "1"}}],
    "Guard.spec.resourceClaims": [{"classes": ["gpu.nvidia.com", "*.amd.com"]}, {"templates": []}, {"classes": [], "templates": ["a-*"], "adminAccess": True}],
    "Rule.spec.match.tenants": [["base"]],
    "Rule.spec.match.namespaces": [["base"]],
    "Rule.spec.match.requests": [{"nvidia.com/gpu": {}}, {"nvidia.com/gpu": {"min": 1, "max": 1}}, {"nvidia.com/gpu.shared": {"max": 4}}],
    "Rule.spec.rewrite": [[{"from": "nvidia.com/gpu", "to": "nvidia.com/gpu.shared"}],
                          [{"from": "nvidia.com/gpu", "to": "nvidia.com/mig-1g.10gb", "maxPerContainer": 2}],
                          [{"from": "nvidia.com/gpu", "toMig": {"accelerator": "base", "default": "10Gi", "pin": True}}],
                          [{"from": "nvidia.com/gpu", "toMig": {"accelerator": "base", "memoryFrom": "label:memory"}}],
                          [{"from": "nvidia.com/gpu", "toClaim": {"template": "one", "count": 2}}]],
    "Rule.spec.inject.tolerations": [[], [{"operator": "Exists"}], [{"key": "a", "value": "b"}],
                                     [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}]],
}

# A key, by kind, without which a document could be one that does nothing, and its value.
WHOLE = {"Rule": ("rewrite", [{"from": "nvidia.com/gpu", "to": "nvidia.com/gpu.shared"}]), "Guard": ("deny", ["privileged"])}

# Strings at the edges of the forms, and words that stand elsewhere.
TRICKY = ["", "a", "A", "-a", "a-", "a.", ".a", "a..b", "a b", "a_b", "a*", "?", "*", "a/b", "A/b", "a/B", "a/b/c", "/", "a[]", "a[0]", "[]", "a[].*.b", "a.*", "*.a", "a..b", "a.*.*.*", "a.*.*.*.*", "a - 1", "a - 100", "a -1", "a - ", "a[] - 9", "x.*" + ".x" * 14, "x.*" + ".x" * 15, "/", "/a", "/a/", "a/", "//", "/..", "/../a",
          "/a/..", "/a/../b", "/a/..b", "/a/b..", "/...", "/.", "/a*", "ä", "a\u0001b", "a\u007fb", "label:a", "label:", "label:a/b", "label:A/b", "annotation:a",
          "env:a", "1g.10gb", "1G.10gb", "1g.10GB", "1g", "+me", "big", "1g.0gb", "1g.010gb", "1c.3g.40gb", "x" * 63, "x" * 64, "x" * 253, "x" * 254,
          "x" * 63 + "." + "y" * 189, "x" * 253 + "/" + "y" * 63, "x" * 254 + "/y", "x" * 253 + "/" + "y" * 64, "x" * 317, "x" * 318, "x" * 1024, "x" * 1025,
          "x" * 4096, "x" * 4097, "ü" * 1024, "/" + "x" * 4095, "/" + "x" * 4096, "label:" + "x" * 253 + "/y", "label:" + "x" * 254 + "/y",
          "0", "00", "-0", "-0.0Ki", "-1", "+1", "1.", ".5", ".", "+", "1.5.1", "1Ki", "1K", "1k", "1 Gi", "1gb", "4e2", "4e", "1e-99", "0e5", "1E", "Ei", "7Ei", "9Ei",
          "0.0000000001", "unlimited", "Unlimited", "never", "builtin", "deny", "Deny", "audit", "allow", "true", "yes", "null", "~", "0x1F", "10", "In", "Exists",
          "DoesNotExist", "NoExecute", "NoSchedule", "void", "single", "memory", "Fail", "override", "nvidia.com/gpu", "nvidia.com/*", "base", "kube-system"]
NUMBERS = [0, 1, -1, 2, 64, 65, 65536, 65537, 86400, 86401, 1000, 1001, -1000000, -1000001, 1000001, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, 0.5, -0.5, 1.5, 4.0, 1e300]
# Values that are wrong almost everywhere: another type, empty, or beyond every range.
EXTREMES = [None, True, [], {}, ["a"], "-", -1000001, 2**31]
OTHERS = [None, True, False, [], {}, [None], [{}], {"a": "b"}, {"a": None}, ["a"], ["a", "a"], [1]]


def numbered(value, number):
    """Puts the number of the document in place of %d."""
    return json.loads(json.dumps(value).replace("%d", str(number)))


class Maker:
    def __init__(self, schema, random):
        self.schema, self.random, self.chance = schema, random, 0.5

    def resolve(self, schema):
        """Returns the name of the definition or None, and the schema with the members next to the
        reference."""
        if "$ref" not in schema:
            return None, schema
        name = schema["$ref"].removeprefix("#/$defs/")
        return name, {**self.schema["$defs"][name], **schema}

    def valid(self, kind, number, chance=0.5):
        """Returns a valid document. Each optional key is there with this chance."""
        self.number, self.chance = number, chance
        document = self.value(self.schema["$defs"][kind], kind)
        document["metadata"]["name"] = f"d{number}"
        spec = document.get("spec", {})
        if "borrowing" in spec:
            spec["quotas"] = [{"name": "q", "hard": 4}]
            spec["cohort"] = f"cohort-{number}"
        if "resourceClaims" in spec:
            spec["deny"] = [word for word in spec.get("deny", []) if word != "resourceClaims"]
        if "mig" in spec:
            spec["mig"].setdefault("model", "a100-80gb")
        if "capacity" in spec:
            spec.setdefault("memory", "16Gi")
        if "gangSeconds" in spec:
            spec["gangs"] = "allOrNothing"
        if kind in WHOLE:
            key, value = WHOLE[kind]
            spec[key] = spec.get(key) or value
        return document

    def value(self, schema, path):
        name, schema = self.resolve(schema)
        pool = VALUES.get(path) or FORMS.get(name)
        if "const" in schema:
            return schema["const"]
        if pool:
            return numbered(self.random.choice(pool), self.number)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "anyOf" in schema and "type" not in schema:
            return self.value(self.random.choice(schema["anyOf"]), path)
        types = schema.get("type", [])
        return getattr(self, types if isinstance(types, str) else types[0] if types else "anything")(schema, path)

    def anything(self, _, __):
        return self.random.choice([{}, {"a": "b"}, None, 1])

    def boolean(self, _, __):
        return self.random.random() < 0.5

    def integer(self, schema, _):
        return self.random.choice([schema["minimum"], schema["maximum"], self.random.randint(schema["minimum"], schema["maximum"])])

    def array(self, schema, path):
        least = schema.get("minItems", 0)
        items = [self.value(schema["items"], path) for _ in range(self.random.randint(least, least + 2))]
        for i, item in enumerate(items):
            if isinstance(item, dict) and "name" in item:
                item["name"] = f"i{i}"
            # Each expression of a selector gets a key of its own, so that none contradicts another.
            if isinstance(item, dict) and "operator" in item:
                item["key"] = f"key-{i}"
                item["values"] = ["a"] if item["operator"].endswith("In") else []
        return items

    def object(self, schema, path):
        if "properties" not in schema:
            least = schema.get("minProperties", 0)
            return {self.value(schema["propertyNames"], ""): self.value(schema["additionalProperties"], path)
                    for _ in range(self.random.randint(least, least + 1))}
        required = schema.get("required") or self.random.choice(schema.get("anyOf", [{}])).get("required", ())
        whole = {key: self.value(part, f"{path}.{key}") for key, part in schema["properties"].items()
                 if key in required or self.random.random() < self.chance}
        if path.endswith("elector") and not any(whole.values()):
            # An empty selector of a Tenant would claim every namespace.
            whole = {"matchLabels": {"a": "b"}}
        return whole

    # --- Mutations ---

    def places(self, node):
        """Returns every (container, key) of the document."""
        found = []
        pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in pairs:
            found.append((node, key))
            found += self.places(value)
        return found

    def swept(self, document):
        """Yields copies of the document. In each, one value is removed, replaced by one of
        EXTREMES, or gets a neighbor whose key is unknown."""
        for place in range(len(self.places(document))):
            for value in ["removed", "unknown", *EXTREMES]:
                changed = copy.deepcopy(document)
                holder, key = self.places(changed)[place]
                if value == "removed":
                    del holder[key]
                elif value != "unknown":
                    holder[key] = copy.deepcopy(value)
                elif isinstance(holder, dict):
                    holder["A b"] = holder[key]
                yield changed

    def mutated(self, document):
        """Returns a copy of the document with one mutation."""
        document = copy.deepcopy(document)
        holder, key = self.random.choice(self.places(document))
        old, way = holder[key], self.random.randrange(10)
        if way == 0:
            del holder[key]
        elif way == 1 and isinstance(holder, dict):
            holder[self.random.choice(["unknown", "Name", key + "s", "a/b/c", "A b", "x" * 254])] = copy.deepcopy(old)
        elif way <= 4 and isinstance(old, (list, dict)):
            if way == 2 and isinstance(old, list) and old:
                old.append(copy.deepcopy(old[0]))
            else:
                old.clear()
        elif way <= 5:
            holder[key] = copy.deepcopy(self.random.choice(OTHERS))
        elif isinstance(old, str) == (way <= 8):
            holder[key] = self.random.choice(TRICKY)
        else:
            holder[key] = self.random.choice(NUMBERS)
        return document


def at_the_edges(number):
    """Yields documents that have every tricky string where only its form matters, and every number
    as an amount. Their names are numbered from `number`."""
    names = itertools.count(number)

    def document(kind, **spec):
        return policy_document(kind, f"d{next(names)}", **spec)

    for text in TRICKY:
        yield document("Rule", inject={"runtimeClassName": text})
        yield document("Rule", inject={"nodeSelector": {text: "a"}})
        yield document("Rule", inject={"tolerations": [{"key": "a", "value": text}]})
        yield document("Rule", match={"annotationSelector": {"matchLabels": {"a": text}}}, inject={"runtimeClassName": "a"})
        yield document("Rule", rewrite=[{"from": "nvidia.com/gpu", "toMig": {"accelerator": "base", "memoryFrom": text}}])
        yield document("Settings", otherResources=[text])
        yield document("Settings", exempt={"namespaces": [text]})
        yield document("Settings", exempt={"users": [text], "groups": [text]})
        yield document("Accelerator", resource="example.com/device",
                       mig={"profiles": [{"name": text, "computeSlices": 1, "memorySlices": 1, "memory": "1Gi"}]})
        yield document("Accelerator", resource="example.com/device", mig={"profiles": [{"name": text, "computeSlices": 1, "memorySlices": 1}]})
        yield document("Guard", hostPaths={"allow": [text]})
        yield document("Guard", resourceClaims={"classes": [text], "templates": [text]})
        number = next(names)
        yield workload_document(f"d{number}", f"Thing{number}", {"template": text})
        yield workload_document(f"e{number}", f"Other{number}", {"template": "a", "replicas": [text]})
    for value in TRICKY + NUMBERS:
        yield document("Accelerator", resource="example.com/device", weight=value)
        yield document("Tenant", cohort="a", quotas=[{"name": "q", "hard": "unlimited"}], borrowing={"q": {"borrowUpTo": value}})
        yield document("Tenant", quotas=[{"name": "q", "measure": "gpus", "hard": value}])
        yield document("Settings", terminatingGraceSeconds=value)
