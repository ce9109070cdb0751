"""`gpugate schema TestSuite` agrees with what `gpugate test` reads, and with the suites of deploy/.
test_schema.py does the same for policy documents."""

import copy
import json
import random
import re

import pytest
from jsonschema import Draft202012Validator

import kube
from gpugate import run, scaled, write_policy
from kube import GPU, pod
from policy_documents import Maker
from test_suites import POLICY, small

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "team-a"},
              "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "c", "resources": {"limits": {GPU: 1}}}]}}}}
POD = {"name": "x", "namespace": "team-a"}
USAGE = {"expect": {"usage": {"team-a/gpus": 1, "org/all": "0.5"}}}
EXPECTED = {"allowed": True, "pods": 1, "message": "a", "warnings": ["a", {"exact": "a"}], "object": {"metadata": {"name": "x"}}, "patch": [], "charges": {},
            "usage": {"team-a/gpus": "40Gi"}}

# Every key is in one of these.
GIVEN = {
    "namespaces": [{"name": "b", "labels": {"t": "b"}}, {"name": "c"}],
    "nodes": [{"name": "n", "labels": {"model": "t4"}}],
    "held": [{"name": "h", "namespace": "team-a", "node": "n", "requests": {GPU: "1"}}, {"namespace": "team-a", "requests": {GPU: 1}}],
    "files": ["objects.yaml"],
    "usage": {"org/all": "0.5"},
    "time": "2030-01-31T12:00:00Z",
}
STEPS = [
    {"create": small(name="x"), "dryRun": False, "as": {"user": "u", "groups": ["g"]}, "expect": {"message": {"exact": "a", "contains": "a", "matches": "."}, "warnings": [{"exact": "a", "contains": "a", "matches": "a"}]}},
    {"create": DEPLOYMENT, "name": "a step", "namespace": "team-a", "at": "2030-01-31T12:00:00.5+00:00", "expect": EXPECTED},
    {"file": "objects.yaml", "dryRun": True, "namespace": "b", "as": {"user": "u"}, "expect": EXPECTED},
    {"scale": {"name": "d", "namespace": "team-a", "replicas": 3}, "dryRun": True, "expect": EXPECTED},
    {"bind": {**POD, "node": "n", "count": 1}, **USAGE},
    {"finish": {**POD, "count": 1}, "at": "2030-01-31T13:00:00Z", **USAGE},
    {"delete": {**POD, "count": 1}, "dryRun": False, **USAGE},
    {"create": small(name="x"), "stored": False, "expect": {"allowed": True}},
    {"wait": 60, **USAGE},
]

OTHER_VALUES = "A schema does not compare values, or know what an earlier step has done."
POLICY_KNOWN = "A schema does not know the policy."
OBJECTS = "The schema of suites has not those of Kubernetes objects."
FORMS = "No pattern says this."
NUMBERS = "A schema does not know the ranges of numbers with suffixes, or within objects."


def suite(*steps, given=None):
    spec = {"steps": list(steps), **({"given": given} if given is not None else {})}
    return {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"}, "spec": spec}


def created(thing, **how):
    return suite({"create": thing, "expect": {"allowed": True}, **how})


def waited(**how):
    return suite({"wait": 1, **USAGE, **how})


# What `gpugate test` refuses and a schema cannot say: its sentence, why not, and an example.
DIFFERENCES = [
    (r"there is no node", OTHER_VALUES, suite(*STEPS[:1], STEPS[4])),
    (r"(scale|bind|finish|delete): no step before creates", OTHER_VALUES, suite(STEPS[3])),
    (r'(scale|bind|finish|delete): ".*" is not in namespace', OTHER_VALUES, suite(STEPS[0], {"delete": {"name": "x", "namespace": "team-b"}, **USAGE})),
    (r"the suite does not say when it begins", OTHER_VALUES, suite(STEPS[1])),
    (r"has already reached", OTHER_VALUES, suite({**STEPS[1], "at": "2029-01-31T12:00:00Z"}, given={"time": "2030-01-31T12:00:00Z"})),
    (r"given.usage: the policy has no quota", POLICY_KNOWN, suite(STEPS[0], given={"usage": {"org/none": 1}})),
    (r"expect.(usage|charges): the policy has no quota", POLICY_KNOWN, waited(expect={"usage": {"org/none": 1}})),
    (r"given.held: no tenant has the namespace", POLICY_KNOWN, suite(STEPS[0], given={"held": [{"namespace": "team-c", "requests": {GPU: 1}}]})),
    (r"is memory in bytes; write a unit", POLICY_KNOWN, suite(STEPS[0], given={"usage": {"org/memory": 1}})),
    (r"the policy .* has errors|no policy is named|: no documents", POLICY_KNOWN, {**waited(), "spec": {**waited()["spec"], "policy": "nowhere"}}),
    (r"no Pods or claims come from what this step creates", OBJECTS, created({"apiVersion": "v1", "kind": "ConfigMap"})),
    (r'(Pod|Deployment) "|^\S+ (apiVersion|kind|metadata)[.\w]*: ', OBJECTS, created({**small(), "spec": {"containers": 1}})),
    (r"a step of a test makes at most 1000 Pods", OBJECTS, created({**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 1001}})),
    (r"AdmissionReview says itself", OBJECTS, created(kube.review(pod({GPU: 1})), namespace="a")),
    (r"No such file|Is a directory|Not a directory|File name too long", "A schema does not know which files exist.", suite({"file": "nowhere.yaml", "expect": {"allowed": True}})),
    (r"is not a time of RFC 3339", FORMS, suite(STEPS[1], given={"time": "2030-02-31T12:00:00Z"})),
    (r"is not after 1970", FORMS, suite(STEPS[1], given={"time": "1970-01-01T00:00:00Z"})),
    (r"not an extended regular expression|the regular expression has more than 1023 bytes|the regular expression has a NUL", FORMS, suite({**STEPS[0], "expect": {"message": {"matches": "("}}})),
    (r"this cannot be compared: too big integer", NUMBERS, created(small(), expect={"object": {"spec": {"x": 2**64}}})),
    (r"is out of range", NUMBERS, suite({"wait": 1, "expect": {"usage": {"team-a/gpus": "9Ei"}}})),
]


@pytest.fixture(scope="module")
def schema():
    done = run("schema", "TestSuite")
    assert done.returncode == 0 and not done.stderr
    return json.loads(done.stdout)


def validates(schema, document):
    return Draft202012Validator(schema).is_valid(document)


@pytest.fixture(scope="module", name="judge")
def _judge(tmp_path_factory):
    """A function that returns the errors of `gpugate test` for each suite. Differences from what is
    expected are none."""
    folder = tmp_path_factory.mktemp("suites")
    memory = {"apiVersion": "gpugate.io/v1", "kind": "Tenant", "metadata": {"name": "org"},
              "spec": {"quotas": [{"name": "all", "measure": "gpus", "hard": 6}, {"name": "memory", "measure": "memory", "hard": "400Gi"}]}}
    write_policy(folder / "policy", [memory if doc["metadata"]["name"] == "org" else doc for doc in POLICY])
    (folder / "objects.yaml").write_text(json.dumps(small()))

    def judge(documents):
        for old in folder.glob("*.suite.json"):
            old.unlink()
        for i, document in enumerate(documents):
            (folder / f"{i:06}.suite.json").write_text(json.dumps(document))
        done = run("test", "-o", "json", "--policy", "policy", ".", cwd=folder)
        found = [[] for _ in documents]
        for result in json.loads(done.stdout)["suites"]:
            found[int(re.search(r"(\d{6})\.suite", result["file"])[1])] += [step["message"] for step in result["steps"] if step["result"] == "error"]
        assert not done.stderr
        return found
    return judge


# --- Suites ---

def keys(schema, path=""):
    """Yields the path of each key that the schema has."""
    for key, part in schema.get("properties", {}).items():
        yield f"{path}.{key}"
        yield from keys(part, f"{path}.{key}")
    for part in [schema[word] for word in ("items",) if isinstance(schema.get(word), dict)] + schema.get("anyOf", []):
        yield from keys(part, path)


def used(node, path=""):
    for key, value in node.items() if isinstance(node, dict) else ():
        yield f"{path}.{key}"
        yield from used(value, f"{path}.{key}")
    for value in node if isinstance(node, list) else ():
        yield from used(value, path)


def thinned(random_, node, required=("apiVersion", "kind", "metadata", "spec", "steps", "name", "requests", "namespace", "node", "user", "replicas", "expect",
                                     "containers", "template", "limits", *(key for step in STEPS for key in step))):
    """A copy without some of the optional keys."""
    if isinstance(node, list):
        return [thinned(random_, item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: thinned(random_, value) for key, value in node.items() if key in required or random_.random() < 0.7}
    return kept or node


def is_safe(document):
    """A policy must not be the whole disk."""
    policy = document.get("spec") and isinstance(document["spec"], dict) and document["spec"].get("policy")
    return not isinstance(policy, str) or policy in ("policy", "-")


@pytest.fixture(scope="module")
def made(schema):
    """Valid suites, and suites with one mutation."""
    chance = random.Random(14)
    maker = Maker(schema, chance)
    whole = suite(*STEPS, given=GIVEN)
    whole["spec"]["policy"] = "policy"
    valid = [whole] + [thinned(chance, whole) for _ in range(scaled(60, 10))]
    for document in valid[1:]:
        document["spec"]["given"] = {**document["spec"].get("given", {}), "time": GIVEN["time"], "nodes": GIVEN["nodes"]}
    wrong = [maker.mutated(chance.choice(valid)) for _ in range(scaled(1200, 200))]
    wrong += [changed for document in valid[:2] for changed in maker.swept(copy.deepcopy(document))][::scaled(2, 8)]
    return valid, [document for document in wrong if is_safe(document)]


def test_every_key_is_in_a_suite(schema):
    whole = {**suite(*STEPS, given=GIVEN), "spec": {"policy": "policy", **suite(*STEPS, given=GIVEN)["spec"]}}
    assert sorted(set(keys(schema)) - set(used(whole))) == []


def test_valid_suites_are_valid_to_both(schema, made, judge):
    valid, _ = made
    for document, errors in zip(valid, judge(valid)):
        assert not errors and validates(schema, document), (document, errors)


def test_what_the_schema_refuses_is_an_error(schema, made, judge):
    refused = [document for document in made[1] if not validates(schema, document)]
    assert len(refused) > len(made[1]) // 3
    for document, errors in zip(refused, judge(refused)):
        assert errors, document


def test_what_the_schema_accepts_is_read_but_for_listed_reasons(schema, made, judge):
    accepted = [document for document in made[1] if validates(schema, document)]
    assert len(accepted) > len(made[1]) // 8
    for document, errors in zip(accepted, judge(accepted)):
        for sentence in errors:
            assert any(re.search(pattern, sentence) for pattern, *_ in DIFFERENCES), (sentence, json.dumps(document))


@pytest.mark.parametrize("pattern, document", [(pattern, document) for pattern, _, document in DIFFERENCES])
def test_a_listed_difference_is_one(schema, judge, pattern, document):
    assert validates(schema, document), document
    (errors,) = judge([document])
    assert any(re.search(pattern, sentence) for sentence in errors), errors


@pytest.mark.parametrize("document", [
    suite(),
    suite({"expect": {"allowed": True}}),
    suite({"wait": 1, "create": small(), "expect": {"allowed": True}}),
    suite({"create": small()}),
    created(small(), expect={}),
    created(small(), expect={"message": {}}),
    created({**small(), "dryRun": True}),
    created({**small(), "name": "x"}),
    created({**small(), "metadata": {"name": "x", "as": {"user": "u"}}}),
    created({**small(), "spec": {**small()["spec"], "namespace": "team-a"}}),
    created(small(), expect={"object": {"spec": {}, "allowed": True}}),
    suite(STEPS[0], given={"held": [{"namespace": "team-a", "requests": {GPU: 1, "name": 1}}]}),
    waited(dryRun=True),
    waited(stored=True),
    created(small(), dryRun=True, stored=False),
    waited(namespace="a"),
    waited(at="2030-01-31T12:00:00Z"),
    waited(expect={"allowed": True}),
    suite({"scale": {"name": "d", "replicas": 1}, "as": {"user": "u"}, "expect": {"allowed": True}}),
    suite({"bind": {"name": "x"}, **USAGE}),
    suite({"finish": {"name": "x", "node": "n"}, **USAGE}),
], ids=lambda document: json.dumps(document["spec"])[:60])
def test_conditions_between_keys(schema, judge, document):
    assert not validates(schema, document)
    assert judge([document])[0]
