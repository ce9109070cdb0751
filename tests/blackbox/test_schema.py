"""`gpugate schema`: what it prints agrees with what `gpugate lint` says, and with the examples."""

import json
import random
import re
import subprocess

import pytest
import yaml
from jsonschema import Draft202012Validator

from gpugate import BINARY, ROOT, run, scaled
from policy_documents import BASE, Maker, at_the_edges, policy_document, workload_document

KINDS = ["Settings", "Accelerator", "Tenant", "Rule", "Guard", "Workload", "Namespace"]
ALL_KINDS = [*KINDS, "TestSuite"]  # test_suite_schema.py compares that of suites with their reader.
COMMITTED = ROOT / "deploy" / "schema" / "policy.json"

def tenant(*quotas, **spec):
    return policy_document("Tenant", "x", quotas=[{"name": "q", "hard": 1, **quota} for quota in quotas], **spec)


def accelerator(**spec):
    return policy_document("Accelerator", "x", **{"resource": "example.com/x", **spec})


def rule(*rewrites, **spec):
    return policy_document("Rule", "x", rewrite=[{"from": "nvidia.com/gpu", **rewrite} for rewrite in rewrites or ({"to": "nvidia.com/gpu.shared"},)], **spec)


def workload(*pods, kind="Thing", **spec):
    return workload_document("x", kind, *pods, **spec)


OTHER_DOCUMENTS = "A schema sees one document, and not the others."
OTHER_ITEMS = "A schema does not compare the items of a list, or two values."
BYTES = "A schema counts characters, and the parser counts bytes."
NUMBERS = "A schema does not calculate with the suffixes of quantities."

# What lint refuses and a schema cannot say: lint's sentence, why not, and an example.
DIFFERENCES = [
    (r"^no (Tenant|Accelerator) is named", OTHER_DOCUMENTS, tenant(parent="y")),
    (r"^no Accelerator has a resource", OTHER_DOCUMENTS, tenant({"resources": ["y/z"]})),
    (r"is already defined at", OTHER_DOCUMENTS, policy_document("Tenant", "base")),
    (r"is already defined at", OTHER_ITEMS, accelerator(mig={"profiles": [{"name": "1g.1gb", "computeSlices": n, "memorySlices": 1} for n in (1, 2)]})),
    (r"has a quota named .* already", OTHER_ITEMS, tenant({}, {"measure": "gpus"})),
    (r"is listed already at", OTHER_ITEMS, tenant(namespaces=["y", "y"])),
    (r"^the Rule rewrites .* already", OTHER_ITEMS, rule({"to": "nvidia.com/gpu.shared"}, {"to": "nvidia.com/mig-1g.10gb"})),
    (r"^Tenant .* has no quota named", OTHER_ITEMS, tenant(cohort="c", borrowing={"q": {}})),
    (r"lendUpTo", OTHER_ITEMS, tenant({}, cohort="c", borrowing={"q": {"lendUpTo": 2}})),
    (r"max is \d+ but min is \d+", OTHER_ITEMS, rule(match={"requests": {"nvidia.com/gpu": {"min": 2, "max": 1}}})),
    (r"contradicts itself", OTHER_ITEMS, rule(match={"podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}})),
    (r"withoutNodeLabels", OTHER_ITEMS, accelerator(nodeLabels={"a": "b"}, withoutNodeLabels=["a"])),
    (r"^no built-in MIG table for", "The built-in table is looked up by the document's name.", accelerator(mig={})),
    (r"^the model has no MIG profile", "The profiles depend on the model.", accelerator(mig={"model": "a100-80gb", "offered": ["9g.9gb"]})),
    (r"^with `strategy: single`", "The number of profiles depends on the model.", accelerator(mig={"model": "a100-80gb", "strategy": "single"})),
    (r"more slices than the device", OTHER_ITEMS, accelerator(mig={"profiles": [{"name": "1g.1gb", "computeSlices": 8, "memorySlices": 1}]})),
    (r"is a share of a MIG slice that", OTHER_ITEMS, accelerator(sharing={"resource": "nvidia.com/mig-1g.10gb", "replicas": 2})),
    (r"leads out of the policy folder", "A schema does not know where the document is.", accelerator(sharing={"devicePluginConfig": "../a.yaml"})),
    (r"matches .*, a resource of Accelerator", OTHER_DOCUMENTS, policy_document("Settings", "x", otherResources=["nvidia.com/*"])),
    (r"no offered profile of", OTHER_DOCUMENTS, rule({"toMig": {"accelerator": "base", "default": "41Gi"}})),
    (r"hostDeviceMounts of the same Guard refuses", "Which paths reach devices is a table of the program.",
     policy_document("Guard", "x", deny=["hostDeviceMounts"], hostPaths={"allow": ["/dev"]})),
    (r"says that devices of this class are slices", OTHER_ITEMS,
     accelerator(deviceClasses=["y"], mig={"model": "a100-80gb", "deviceClasses": {"y": "1g.10gb"}})),
    (r"^this class is in the list already", OTHER_ITEMS, accelerator(deviceClasses=["y", "y"])),
    (r"lists this class, too", OTHER_ITEMS, accelerator(deviceClasses=["y"], memory="8Gi", capacity={"deviceClasses": ["y"], "step": "1Gi"})),
    (r"is not known without the `memory` of the Accelerator", "A MIG table may say the memory.",
     accelerator(capacity={"deviceClasses": ["y"], "step": "1Gi"})),
    (r"is no multiple of this step", NUMBERS, accelerator(memory="8Gi", capacity={"deviceClasses": ["y"], "step": "3Gi"})),
    (r"more than 65536 such steps", NUMBERS, accelerator(memory="8Gi", capacity={"deviceClasses": ["y"], "step": "1Ki"})),
    (r"this is more than the memory of the Accelerator", NUMBERS,
     accelerator(memory="8Gi", capacity={"deviceClasses": ["y"], "step": "1Gi", "min": "9Gi"})),
    (r"is a slice of any profile for one Accelerator and something else", OTHER_DOCUMENTS,
     accelerator(mig={"model": "a100-80gb", "deviceClasses": {"base": "any"}})),
    (r"a device of this class is .* for Accelerator", OTHER_DOCUMENTS, accelerator(deviceClasses=["base"])),
    (r"is the `resource` of one Accelerator and a class of the other", OTHER_DOCUMENTS,
     accelerator(resource="deviceclass.resource.kubernetes.io/base")),
    (r"would be several values, and one is needed", "Where a path has wildcards is not part of its form.", workload(suspend=["spec.*.a"])),
    (r"must begin like", OTHER_ITEMS, workload({"template": "a.*.t", "replicas": ["b.*.n"]})),
    (r"^\"orTemplate\" cannot be used with", OTHER_ITEMS, workload({"template": "a.*.t", "orTemplate": "b"})),
    (r"is that of Kubernetes, whose kinds", "Which groups are those of Kubernetes is a table of the program.", workload(group="apps")),
    (r"is described at .* already", OTHER_DOCUMENTS, workload(kind="Base")),
    (r"^at most \d+ (paths|groups of Pods) can be listed", "The bounds of these lists are far above what any kind needs.", workload(suspend=["a", "b", "c", "d", "e"])),
    (r"is out of range", NUMBERS, tenant({"hard": "9Ei"})),
    (r"^a weight is more than 0 and at most 1000", NUMBERS, accelerator(weight="1001")),
    (r"is not the memory of a device", NUMBERS, accelerator(memory="33Ti")),
    (r"is memory in bytes; write a unit", NUMBERS, accelerator(memory="80")),
    (r"is an amount of memory, and this quota counts", NUMBERS, tenant({"hard": "80Gi"})),
    (r"cannot be a limit in this measure", NUMBERS, tenant({"hard": 1.5})),
    (r"have no common unit", NUMBERS, tenant({"measure": "gpus", "hard": "0.0000000001"})),
    (r"must be a whole number", "In JSON Schema 4.0 is an integer.", rule(order=4.0)),
    (r"at most 4096 bytes", BYTES, rule(match={"annotationSelector": {"matchLabels": {"a": "ü" * 4096}}})),
    (r"user or group name of at most 1024", BYTES, policy_document("Settings", "x", exempt={"users": ["ü" * 1024]})),
    (r"^a suite is no policy, ", "A schema does not know whether a file belongs to a policy.",
     policy_document("TestSuite", "x", steps=[{"wait": 1, "expect": {"usage": {"a/b": 1}}}])),
    (r"is not a host path", BYTES, policy_document("Guard", "x", hostPaths={"allow": ["/" + "ü" * 4095]})),
]


def printed(*kind):
    done = run("schema", *kind)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def whole():
    return printed()


# --- What is printed ---

def test_every_schema_is_one(whole):
    for kind in ALL_KINDS:
        schema = printed(kind)
        assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
        assert schema["$id"] == f"https://gpugate.io/schema/v1/{kind.lower()}.json"
        Draft202012Validator.check_schema(schema)
        own = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "title", "$defs")}
        assert own == whole["$defs"][kind]
        assert schema["$defs"] == {name: whole["$defs"][name] for name in schema["$defs"]}
    Draft202012Validator.check_schema(whole)
    assert whole["$id"] == "https://gpugate.io/schema/v1/policy.json"
    assert whole["properties"]["kind"]["enum"] == ALL_KINDS


def objects(schema):
    """Yields every object of a schema, the schemas themselves and what they are made of."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from objects(part)


def test_every_reference_and_pattern_is_for_all_validators(whole):
    """No pattern uses lookahead, which validators in Go lack. No definition is unused."""
    references = {part["$ref"] for part in objects(whole) if isinstance(part.get("$ref"), str)}
    assert references == {f"#/$defs/{name}" for name in whole["$defs"]}
    patterns = [part["pattern"] for part in objects(whole) if isinstance(part.get("pattern"), str)]
    assert len(patterns) > 10 and not [pattern for pattern in patterns if "(?" in pattern]


def test_every_key_is_described(whole):
    for kind in ALL_KINDS:
        for part in objects(whole["$defs"][kind]):
            for key, value in part.get("properties", {}).items():
                assert value is False or "description" in value or part.keys() <= {"properties", "required", "anyOf"}, (kind, key)
    assert "\n- `audit`: " in whole["$defs"]["Tenant"]["properties"]["spec"]["properties"]["enforcement"]["description"]


@pytest.mark.parametrize("kinds, sentence", [
    (["Tennant"], 'there is no kind "Tennant"; did you mean "Tenant"?'),
    (["tenant"], 'there is no kind "tenant"; did you mean "Tenant"?'),
    (["Deployment"], f'there is no kind "Deployment"; the kinds are {", ".join(ALL_KINDS[:-1])} and {ALL_KINDS[-1]}'),
    (["Tenant", "Rule"], '"Rule" is one kind too many; name one kind, or none for all'),
])
def test_unknown_kinds(kinds, sentence):
    done = run("schema", *kinds)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gpugate schema: {sentence}\n")


# --- Examples ---

EXAMPLES = sorted([*(ROOT / "deploy" / "policy").rglob("*.yaml"), *(ROOT / "deploy" / "examples").glob("*/policy/**/*.yaml")])
# Configurations of other programs, which an Accelerator names, are not policy documents.
EXAMPLES = [path for path in EXAMPLES if "apiVersion: gpugate.io/v1" in path.read_text() or path.name == "namespaces.yaml"]
EXAMPLES += sorted((ROOT / "deploy").rglob("*.suite.yaml"))
OTHERS = sorted([*(ROOT / "deploy" / "debian" / "policy").rglob("*.yaml"), *(ROOT / "deploy" / "helm" / "gpugate" / "files" / "policy").rglob("*.yaml")])


def test_the_committed_schema_is_what_is_printed():
    assert COMMITTED.read_text() == run("schema").stdout, "`make deploy` writes it"


@pytest.mark.parametrize("path", EXAMPLES + OTHERS, ids=lambda path: str(path.relative_to(ROOT / "deploy")))
def test_examples_are_valid(path, whole):
    documents = [document for document in yaml.safe_load_all(path.read_text()) if document is not None]
    assert documents
    for document in documents:
        assert [error.message for error in Draft202012Validator(whole).iter_errors(document)] == []
        assert Draft202012Validator(printed(document["kind"])).is_valid(document)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT / "deploy")))
def test_examples_name_the_schema_to_editors(path):
    first = path.read_text().partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == COMMITTED


# --- Lint and the schema agree ---

def sentences(documents):
    """Returns the messages of lint's errors for each document, in a policy of BASE and all the
    documents."""
    text = "\n---\n".join(json.dumps(document) for document in [*BASE, *documents])
    done = subprocess.run([BINARY, "lint", "-o", "json", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    found = [[] for _ in [*BASE, *documents]]
    for finding in json.loads(done.stdout)["findings"]:
        if finding["severity"] == "error":
            found[(finding["line"] - 1) // 2].append(finding["text"])
    assert not any(found[:len(BASE)]), found
    return found[len(BASE):]


def batches(documents, size):
    """Yields lists of indices. Each has at most one Settings document, because a policy may not
    have more."""
    settings = [i for i, document in enumerate(documents) if document.get("kind") == "Settings"]
    others = [i for i, document in enumerate(documents) if document.get("kind") != "Settings"]
    while settings or others:
        yield others[:size] + settings[:1]
        del others[:size], settings[:1]


def judged(documents, accepted):
    """Returns what lint says about each document alone. Lints several documents in one call where
    the result is the same.

    If no document of a call has an error, all are valid. A document that should be refused and has
    an error is also refused alone. The others are linted again, because lint checks the meaning of
    documents only if the form of all of them is correct."""
    found = [None] * len(documents)
    for batch in batches(documents, 15 if accepted else 10):
        while batch:
            said = dict(zip(batch, sentences([documents[i] for i in batch])))
            failed = [i for i in batch if said[i]]
            settled = failed or batch
            for i in settled:
                found[i] = sentences([documents[i]])[0] if accepted == bool(failed) else said[i]
            batch = [i for i in batch if i not in settled]
    return found


@pytest.fixture(scope="module")
def made(whole):
    """Many documents, the valid ones first, each with whether the schema accepts it."""
    maker, validator = Maker(whole, random.Random(14)), Draft202012Validator(whole)
    valid = [maker.valid(kind, number) for number, kind in enumerate(KINDS * scaled(80, 20))]
    wrong = [maker.mutated(valid[i % len(valid)]) for i in range(2 * len(valid))]
    full = [maker.valid(kind, len(valid) + number, chance=1) for number, kind in enumerate(KINDS * 2)]
    wrong += [changed for document in full for changed in maker.swept(document)][::scaled(1, 4)]
    wrong += list(at_the_edges(2 * len(valid)))[::scaled(1, 4)]
    return [(document, validator.is_valid(document)) for document in valid + wrong], len(valid)


def test_valid_documents_are_valid_to_both(made, whole):
    documents, count = made
    valid = [document for document, _ in documents[:count]]
    for document, accepted in documents[:count]:
        assert accepted, (document, [error.message for error in Draft202012Validator(whole).iter_errors(document)])
    for document, said in zip(valid, judged(valid, True)):
        assert not said, (document, said)


def test_what_the_schema_refuses_lint_refuses(made):
    refused = [document for document, accepted in made[0] if not accepted]
    assert len(refused) > len(made[0]) // 3
    for document, said in zip(refused, judged(refused, False)):
        assert said, document


def test_what_the_schema_accepts_lint_accepts_but_for_listed_reasons(made):
    accepted = [document for document, accepted in made[0][made[1]:] if accepted]
    assert len(accepted) > len(made[0]) // 8
    for document, said in zip(accepted, judged(accepted, True)):
        for sentence in said:
            assert any(re.search(pattern, sentence) for pattern, *_ in DIFFERENCES), (sentence, document)


@pytest.mark.parametrize("pattern, document", [(pattern, document) for pattern, _, document in DIFFERENCES])
def test_a_listed_difference_is_one(whole, pattern, document):
    assert Draft202012Validator(whole).is_valid(document), document
    assert any(re.search(pattern, sentence) for sentence in sentences([document])[0]), sentences([document])
