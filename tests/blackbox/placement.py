"""Where Pods can land, determined by trying every node: generated fleets and Pods, and what gpugate
must report for them.

Three label keys with a few values each make a set of nodes that is small enough to try them all.
A node belongs to the model whose conditions it meets and that no other matching model refines.
Nodes that match no model, or two that do not refine each other, are not allowed by the policy
and are left out.
"""

import itertools
import re

from hypothesis import strategies as st

from kube import GPU, doc, pod

KEYS = ["product", "tier", "gb"]
VALUES = {"product": ["a", "b"], "tier": ["x", "y"], "gb": ["10", "0070"]}
NODES = [{k: v for k, v in zip(KEYS, chosen) if v is not None}
         # "z" belongs to no model.
         for chosen in itertools.product(*([None, *VALUES[k], "z"] for k in KEYS))]
NUMBERS = ["9", "10", "0010", "+10", "69", "70", "000000000000000000000000000070", "-1", "9223372036854775807", "9223372036854775808",
           "x", "1_0", ""]


# --- What Kubernetes does: labels.Requirement, and nodeaffinity in the scheduler ---

def integer(text):
    """Returns strconv.ParseInt(text, 10, 64), or None."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    value = int(text)
    return value if -2**63 <= value < 2**63 else None


def satisfies(labels, expression):
    key, op, values = expression["key"], expression["operator"], expression.get("values", [])
    if op == "In":
        return key in labels and labels[key] in values
    if op == "NotIn":
        return key not in labels or labels[key] not in values
    if op == "Exists":
        return key in labels
    if op == "DoesNotExist":
        return key not in labels
    if key not in labels or len(values) != 1:
        return False
    have, bound = integer(labels[key]), integer(values[0])
    return have is not None and bound is not None and (have > bound if op == "Gt" else have < bound)


def terms_of(spec):
    affinity = spec.get("affinity")
    return affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] if affinity else None


def is_broken(expression):
    """Whether the scheduler cannot parse it, because a value is not a label value or not a number.
    Its term then matches nothing."""
    values = expression.get("values", [])
    return (not all(re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", value) for value in values) or
            (expression["operator"] in ("Gt", "Lt") and integer(values[0]) is None))


def matches(spec, labels):
    """Whether the scheduler would allow the Pod on a node with these labels."""
    if any(labels.get(k) != v for k, v in spec.get("nodeSelector", {}).items()):
        return False
    terms = terms_of(spec)
    return terms is None or any(term.get("matchExpressions") and not any(map(is_broken, term["matchExpressions"])) and
                                all(satisfies(labels, e) for e in term["matchExpressions"]) for term in terms)


# --- What the policy means ---

def meets(model, labels):
    return (all(labels.get(k) == v for k, v in model.get("nodeLabels", {}).items()) and
            not any(k in labels for k in model.get("withoutNodeLabels", [])))


def refines(narrow, wide):
    """Whether `narrow` requires everything of its nodes that `wide` requires, and more."""
    def conditions(model):
        return set(model.get("nodeLabels", {}).items()) | {(k, None) for k in model.get("withoutNodeLabels", [])}
    return conditions(narrow) > conditions(wide)


def model_of(fleet, labels):
    met = [name for name, model in fleet.items() if meets(model, labels)]
    last = [n for n in met if not any(refines(fleet[m], fleet[n]) for m in met)]
    return last[0] if len(last) == 1 else None


def partitions(fleet):
    """Whether no node could belong to two models, as `lint` demands."""
    return all(model_of(fleet, labels) or not any(meets(model, labels) for model in fleet.values()) for labels in NODES)


def reached(fleet, spec, match=matches):
    """Returns the models on which the Pod could land."""
    return {model for labels in NODES if (model := model_of(fleet, labels)) and match(spec, labels)}


# --- Generators ---

@st.composite
def fleets(draw):
    """Maps names to what an Accelerator requires of its nodes. No two require the same."""
    models = draw(st.lists(st.fixed_dictionaries({
        "nodeLabels": st.lists(st.sampled_from(KEYS), max_size=2, unique=True).flatmap(
            lambda keys: st.fixed_dictionaries({k: st.sampled_from(VALUES[k]) for k in keys})),
        "withoutNodeLabels": st.one_of(st.just([]), st.lists(st.sampled_from(KEYS), max_size=1))}),
        min_size=1, max_size=4, unique_by=lambda m: (tuple(sorted(m["nodeLabels"].items())), tuple(m["withoutNodeLabels"]))))
    fleet = {}
    for i, model in enumerate(models):
        without = [k for k in model["withoutNodeLabels"] if k not in model["nodeLabels"]]
        said = {k: v for k, v in (("nodeLabels", model["nodeLabels"]), ("withoutNodeLabels", without)) if v}
        if said not in fleet.values():
            fleet[f"m{i}"] = said
    return fleet


@st.composite
def expressions(draw):
    key = draw(st.sampled_from([*KEYS, "other"]))
    op = draw(st.sampled_from(["In", "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]))
    if op in ("Gt", "Lt"):
        return {"key": key, "operator": op, "values": [draw(st.sampled_from(NUMBERS))]}
    known = [*VALUES.get(key, []), "z"]
    return {"key": key, "operator": op, **({"values": draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))} if op.endswith("In") else {})}


@st.composite
def requirements(draw):
    """Returns what a Pod requires of its node, as fields of its spec."""
    spec = {}
    if draw(st.booleans()):
        spec["nodeSelector"] = {k: draw(st.sampled_from([*VALUES[k], "z"])) for k in draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2))}
    if draw(st.integers(0, 2)):
        terms = draw(st.lists(st.lists(expressions(), max_size=3), min_size=1, max_size=3))
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}}}
    return spec


# --- What gpugate reports ---

def policy_of(fleet, **settings):
    """All models share one resource, and each has its own quota, which shows whether a Pod is
    counted as that model."""
    return [doc("Settings", "cluster", **settings),
            *(doc("Accelerator", name, resource=GPU, memory="10Gi", **model) for name, model in fleet.items()),
            doc("Tenant", "team-a", namespaces=["team-a"],
                quotas=[{"name": name, "accelerators": [name], "hard": "unlimited"} for name in fleet])]


def counted(server, spec):
    """Returns the models as which gpugate counts the Pod, and whether it could land on one that the
    policy does not know."""
    decision = server.validate(pod({GPU: 1}, **spec), dry_run=True)
    said = decision.message + " ".join(decision.warnings) + decision.audit.get("audit", "")
    return set(re.findall(r"team-a/(\w+)=1", decision.audit.get("charge", ""))), "no Accelerator of the policy" in said


def advised(message):
    """Returns what a refusal advises the Pod to require, as fields of its spec, or None if it gives
    no advice."""
    found = re.search(r'require nodes of "\w+" \((?:nodeSelector (?P<labels>[^)]*?))?(?:,? ?(?:and )?required node affinity (?P<without>[^)]*))?\)', message)
    if not found:
        return None
    spec = {}
    if found["labels"]:
        spec["nodeSelector"] = dict(part.split(": ") for part in found["labels"].split(", "))
    if found["without"]:
        keys = [part.removesuffix(" DoesNotExist") for part in found["without"].split(", ")]
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": key, "operator": "DoesNotExist"} for key in keys]}]}}}
    return spec


def alternatives(spec):
    """Yields the same Pod with one of its terms at a time."""
    terms = terms_of(spec)
    for term in terms if terms is not None else [None]:
        one = {k: v for k, v in spec.items() if k == "nodeSelector"}
        if term is not None:
            one["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
        yield one


def is_plain(spec):
    """Whether the Pod states its requirements by values alone. Then gpugate must know exactly where
    it could land."""
    return terms_of(spec) is None


def check(server, fleet, spec, match=matches):
    models, unknown = counted(server, spec)
    true = reached(fleet, spec, match)
    assert true <= models, f"it could land on {true - models} and is not counted there"
    each = [reached(fleet, one, match) for one in alternatives(spec)]
    if unknown:
        assert not all(each), "every alternative reaches a model that the policy knows"
    if is_plain(spec) and partitions(fleet):
        assert models == true or (unknown and not true), (models, true)
        assert unknown == (not true)
