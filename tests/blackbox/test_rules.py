"""Rules: which Pods they leave alone, what contradicts them, what they report without enforcement,
and properties of all of them."""

import copy
import json

import pytest
from hypothesis import assume, given, settings, strategies as st

from gpugate import ROOT, Server, applied, run, scaled, write_policy
from kube import GPU, SHARED, container, doc, pod

MIG1, MIG3, AMD = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb", "amd.com/gpu"
KEY = "gpugate.io/gpu-memory"
A100 = doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"product": "a100"}, mig={"model": "a100-80gb", "offered": ["1g.10gb", "3g.40gb"]})
T4 = doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={"product": "t4"}, sharing={"resource": SHARED, "replicas": 4})
TEAM = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "hard": "unlimited"}])
TO_MIG = {"from": GPU, "toMig": {"accelerator": "a100", "memoryFrom": f"annotation:{KEY}", "default": "10Gi"}}
TO_SHARE = {"from": GPU, "to": SHARED}


def rule(name="r", **spec):
    return [A100, T4, TEAM, doc("Rule", name, **spec)]


def asks(obj):
    return [c["resources"].get("limits", {}) for c in obj["spec"]["containers"]]


def affinity(*terms):
    """Returns a required node affinity, with each term from a list of (key, operator, values)."""
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": k, "operator": op, **({"values": v} if v else {})} for k, op, v in term]} for term in terms]}}}


def lint(folder, policy):
    write_policy(folder, policy)
    done = run("lint", folder)
    return done.returncode, done.stdout + done.stderr


# --- A container that requests several devices ---

@pytest.mark.parametrize("rewrite,name", [(TO_MIG, MIG1), (TO_SHARE, SHARED)])
def test_several_gpus_do_not_become_several_parts(serve, rewrite, name):
    server = serve(rule(rewrite=[rewrite], inject={"nodeSelector": {"pool": "parts"}}, required=True))
    assert asks(server.mutated(pod({GPU: 1}))) == [{name: "1"}]
    for several in (pod({GPU: 2}), pod({GPU: 4}), pod(containers=[container({GPU: 1}), container({GPU: 4}, "b")]),
                    pod(init=[container({GPU: 2}, "i")], containers=[container({GPU: 1})])):
        assert server.mutate(several).patch == [], "a Rule applies whole or not at all"
        assert server.validate(several, dry_run=True).allowed, "what the Rule leaves alone is not refused for its sake"
    both = server.mutated(pod(containers=[container({GPU: 1}), container({GPU: 1}, "b"), container(None, "c")]))
    assert asks(both) == [{name: "1"}, {name: "1"}, {}]


def test_several_where_the_rule_says_so(serve):
    server = serve(rule(rewrite=[{**TO_SHARE, "maxPerContainer": 3}]))
    assert asks(server.mutated(pod({GPU: 3}))) == [{SHARED: "3"}]
    assert server.mutate(pod({GPU: 4})).patch == []


def test_whole_devices_are_renamed_whatever_their_number(serve):
    server = serve(rule(rewrite=[{"from": AMD, "to": "amd.com/mi300x"}]))
    assert asks(server.mutated(pod({AMD: 8}))) == [{"amd.com/mi300x": "8"}]
    server = serve(rule(rewrite=[{"from": AMD, "to": "amd.com/mi300x", "maxPerContainer": 4}]))
    assert server.mutate(pod({AMD: 8})).patch == []


def test_lint_warns_of_several_parts(tmp_path):
    def warned(rewrite, sharing=1):
        t4 = copy.deepcopy(T4)
        t4["spec"]["sharing"]["maxPerContainer"] = sharing
        status, out = lint(tmp_path, [A100, t4, TEAM, doc("Rule", "r", rewrite=[rewrite])])
        assert status == 0, out
        return "warning" in out and "maxPerContainer" in out

    assert not warned(TO_MIG) and not warned(TO_SHARE) and not warned({**TO_MIG, "maxPerContainer": 1})
    assert warned({**TO_MIG, "maxPerContainer": 2})
    assert warned({**TO_SHARE, "maxPerContainer": 2}) and not warned({**TO_SHARE, "maxPerContainer": 2}, sharing=2)
    assert not warned({"from": AMD, "to": "amd.com/mi300x", "maxPerContainer": 2})


# --- What contradicts a Rule ---

EDGE = {"nodeSelector": {"node-type": "edge"}, "tolerations": [{"key": "edge", "operator": "Exists"}]}
CONTRADICTIONS = [
    affinity([("node-type", "In", ["core", "cloud"])]), affinity([("node-type", "NotIn", ["edge"])]),
    affinity([("node-type", "DoesNotExist", [])]), affinity([("node-type", "In", ["core"])], [("x", "Exists", []), ("node-type", "NotIn", ["edge"])])]
AGREEMENTS = [
    affinity([("node-type", "In", ["edge", "core"])]), affinity([("node-type", "NotIn", ["core"])]), affinity([("node-type", "Exists", [])]),
    affinity([("x", "Exists", [])]), affinity([("node-type", "In", ["core"])], [("x", "Exists", [])])]


@pytest.mark.parametrize("choice", ["deny", "override"])
@pytest.mark.parametrize("own", CONTRADICTIONS)
def test_affinity_that_contradicts_is_refused(serve, choice, own):
    """A node selector cannot replace an affinity: the Pod would wait forever."""
    server = serve(rule("place", inject=EDGE, onConflict=choice))
    for decision in (server.mutate(pod(affinity=own)), server.validate(pod(affinity=own), dry_run=True)):
        assert not decision.allowed and decision.code == 403
        for word in ('Rule "place"', "node-type=edge", "node affinity requires node-type "):
            assert word in decision.message, decision.message
    first = own["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    assert first["operator"] in decision.message and all(v in decision.message for v in first.get("values", []))


@pytest.mark.parametrize("own", CONTRADICTIONS)
def test_affinity_that_contradicts_is_kept(serve, own):
    server = serve(rule(inject=EDGE, onConflict="keep"))
    after = server.mutated(pod(affinity=own))
    assert "nodeSelector" not in after["spec"] and {"key": "edge", "operator": "Exists"} in after["spec"]["tolerations"]
    assert server.mutate(after).patch == []


@pytest.mark.parametrize("choice", ["deny", "keep", "override"])
@pytest.mark.parametrize("own", AGREEMENTS)
def test_affinity_that_agrees(serve, choice, own):
    server = serve(rule(inject=EDGE, onConflict=choice))
    assert server.mutated(pod(affinity=own))["spec"]["nodeSelector"] == {"node-type": "edge"}


def test_labels_that_only_together_contradict(serve):
    """Each label leaves one term, and both leave none. The Pod's own node selector counts as well.
    """
    own = affinity([("zone", "NotIn", ["a"])], [("node-type", "NotIn", ["edge"])])
    both = {"nodeSelector": {"zone": "a", "node-type": "edge"}}
    assert not serve(rule(inject=both)).mutate(pod(affinity=own)).allowed
    assert serve(rule(inject=both, onConflict="keep")).mutated(pod(affinity=own))["spec"]["nodeSelector"] in ({"zone": "a"}, {"node-type": "edge"})
    one = serve(rule(inject={"nodeSelector": {"zone": "a"}}))
    assert one.mutate(pod(affinity=own)).allowed
    assert not one.mutate(pod(affinity=own, nodeSelector={"node-type": "edge"})).allowed


def test_affinity_of_an_earlier_rules_selector(serve):
    own = affinity([("zone", "NotIn", ["a"])], [("node-type", "NotIn", ["edge"])])
    server = serve([*rule("a", order=1, inject={"nodeSelector": {"zone": "a"}}), doc("Rule", "b", order=2, inject={"nodeSelector": {"node-type": "edge"}})])
    decision = server.mutate(pod(affinity=own))
    assert not decision.allowed and 'Rule "b"' in decision.message


@pytest.mark.parametrize("value,op,bound,fits", [
    ("0077", "Gt", "76", True), ("77", "Gt", "0077", False), ("80", "Lt", "81", True), ("80", "Lt", "x", False), ("x", "Gt", "1", False),
    ("9223372036854775808", "Gt", "1", False)])
def test_numbers_in_affinity(serve, value, op, bound, fits):
    server = serve(rule(inject={"nodeSelector": {"mem": value}}))
    assert server.mutate(pod(affinity=affinity([("mem", op, [bound])]))).allowed == fits


def test_a_long_affinity_costs_no_time(serve):
    """Real affinities are never that long. It is not searched, and the scheduler decides."""
    terms = [[("node-type", "NotIn", ["edge"])] * 50] * 400
    server = serve(rule(inject=EDGE))
    assert server.mutate(pod(affinity=affinity(*terms))).allowed


ELSEWHERE = [{"nodeSelector": {"product": "t4"}}, {"affinity": affinity([("product", "In", ["t4"])])},
             {"affinity": affinity([("product", "NotIn", ["a100"])])}, {"affinity": affinity([("product", "DoesNotExist", [])])},
             {"affinity": affinity([("product", "In", ["t4"]), ("x", "Exists", [])], [("product", "In", ["v100"])])}]


@pytest.mark.parametrize("pin", [True, False])
@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_pod_that_cannot_land_there_is_left_alone(serve, where, pin):
    """A Pod that selects a T4 does not become an A100 slice, whatever memory it requests, and the
    Rule refuses it nowhere."""
    to_mig = {**TO_MIG, "toMig": {**TO_MIG["toMig"], "pin": pin}}
    server = serve(rule(rewrite=[to_mig], inject={"runtimeClassName": "mig"}, required=True))
    for memory in ({}, {KEY: "10Gi"}, {KEY: "2Ti"}, {KEY: "junk"}):
        obj = pod({GPU: 1}, annotations=memory, **where)
        decision = server.mutate(obj)
        assert decision.allowed and not decision.patch, decision
        final = server.validate(obj, dry_run=True)
        assert final.allowed or "Rule" not in final.message, final
    here = server.mutated(pod({GPU: 1}, affinity=affinity([("product", "In", ["t4"])], [("product", "In", ["a100"])])))
    assert asks(here) == [{MIG1: "1"}]


def test_a_share_is_not_asked_for_where_there_is_none(serve):
    server = serve(rule(rewrite=[TO_SHARE], required=True))
    assert server.mutate(pod({GPU: 1}, nodeSelector={"product": "a100"})).patch == []
    assert server.mutate(pod(containers=[container({GPU: 1}), container({MIG1: 1}, "b")])).patch == [], "no node has shares and slices"
    assert asks(server.mutated(pod({GPU: 1}, nodeSelector={"product": "t4"}))) == [{SHARED: "1"}]


def test_the_rewrite_and_the_selector_together(serve):
    """The slice leaves only the first term, and the selector only the second."""
    own = affinity([("product", "In", ["a100"]), ("node-type", "In", ["core"])], [("product", "In", ["t4"])])
    decision = serve(rule(rewrite=[TO_MIG], inject=EDGE)).mutate(pod({GPU: 1}, affinity=own))
    assert not decision.allowed and "node-type" in decision.message
    after = serve(rule(rewrite=[TO_MIG], inject=EDGE, onConflict="keep")).mutated(pod({GPU: 1}, affinity=own))
    assert asks(after) == [{MIG1: "1"}] and "nodeSelector" not in after["spec"]


def test_a_selector_where_nothing_is(serve):
    decision = serve(rule("place", inject={"nodeSelector": {"product": "a100"}})).mutate(pod({SHARED: 1}))
    assert not decision.allowed and 'Rule "place"' in decision.message and SHARED in decision.message


def test_lint_finds_a_rule_that_sends_its_slices_away(tmp_path):
    status, out = lint(tmp_path, rule(rewrite=[TO_MIG], inject={"nodeSelector": {"product": "t4"}}))
    assert status == 1 and "no Pod can ever land there" in out and "product=a100" in out


# --- LimitRanger, which runs again after the webhooks (plugin/pkg/admission/limitranger in
# Kubernetes 1.37) ---

def limitranger(obj, default):
    """A default for limits only is also the default of requests."""
    obj = copy.deepcopy(obj)
    for kind in ("containers", "initContainers"):
        for c in obj["spec"].get(kind) or []:
            for part in ("limits", "requests"):
                for name, value in default.items():
                    c.setdefault("resources", {}).setdefault(part, {}).setdefault(name, value)
    return obj


def reinvoked(server, obj, default, times=3):
    """Returns what is stored, and the result of every call: in-tree plugins, the webhook, and both
    again if something changed."""
    seen = []
    for _ in range(times):
        decision = server.mutate(limitranger(obj, default))
        assert decision.allowed, decision
        obj = applied(limitranger(obj, default), decision.patch)
        seen.append(obj)
    return seen


def positive(obj):
    return [{part: {k: str(v) for k, v in (c["resources"].get(part) or {}).items() if str(v) != "0"} for part in ("limits", "requests")}
            for kind in ("initContainers", "containers") for c in obj["spec"].get(kind) or []]


@pytest.mark.parametrize("default", ["0", "1", "2", "5"])
@pytest.mark.parametrize("rewrite,name", [(TO_MIG, MIG1), (TO_SHARE, SHARED), ({**TO_SHARE, "maxPerContainer": 8}, SHARED)])
@pytest.mark.parametrize("requests", [None, {"max": 1}, {}])
def test_a_default_is_asked_for_once(serve, rewrite, name, default, requests):
    server = serve(rule(rewrite=[rewrite], required=True, **({} if requests is None else {"match": {"requests": {GPU: requests}}})))
    for obj in reinvoked(server, pod({GPU: 1}, name="p"), {GPU: default}):
        assert positive(obj) == [{"limits": {name: "1"}, "requests": {name: "1"}}]
    assert server.validate(obj, dry_run=True).allowed
    first, *rest = reinvoked(server, pod(name="p"), {GPU: default})
    assert all(positive(obj) == positive(first) for obj in rest)


def test_a_name_that_an_audited_rule_would_remove_stays(serve):
    server = serve(rule(rewrite=[TO_MIG], enforcement="audit"))
    decision = server.mutate(pod({GPU: 1, MIG1: 1}))
    assert not decision.patch and f"would remove {GPU}" in decision.audit["audit"]


# --- Memory without a unit ---

@pytest.mark.parametrize("said", ["24", "8192", "1e3", "0.5", "24000m", "1048575", "+40", "24u"])
def test_memory_without_a_unit(serve, tmp_path, said):
    from_label = rule(rewrite=[{"from": GPU, "toMig": {"accelerator": "a100", "memoryFrom": "label:memory"}}])
    meant = said if said in ("24", "0.5") else "40"
    for server, obj in ((serve(rule(rewrite=[TO_MIG])), pod({GPU: 1}, annotations={KEY: said})), (serve(from_label), pod({GPU: 1}, labels={"memory": said}))):
        for decision in (server.mutate(obj), server.validate(obj, dry_run=True)):
            assert not decision.allowed and f'"{said}"' in decision.message and decision.message.endswith(f"write a unit, such as {meant}Gi"), decision
    mark = f'"«{said}»"'
    own = f"mig: {{profiles: [{{name: 1g.10gb, computeSlices: 1, memorySlices: 1, memory: {mark}}}]}}"
    places = [
        [A100, "kind: Accelerator\nmetadata: {name: x}\nspec: {resource: nvidia.com/gpu, memory: " + mark + "}\n"],
        ["kind: Accelerator\nmetadata: {name: x}\nspec: {resource: nvidia.com/gpu, memory: 80Gi, " + own + "}\n"],
        [A100, "kind: Tenant\nmetadata: {name: x}\nspec: {namespaces: [x], quotas: [{name: q, measure: memory, accelerators: [a100], hard: " + mark + "}]}\n"],
        [A100, TEAM, "kind: Rule\nmetadata: {name: x}\nspec:\n  rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100, default: " + mark + "}}]\n"],
        *([A100, "kind: Tenant\nmetadata: {name: x}\nspec:\n  namespaces: [x]\n  cohort: c\n  quotas: [{name: q, measure: memory, accelerators: [a100], hard: 80Gi}]\n"
                 "  borrowing: {q: {" + key + ": " + mark + "}}\n"] for key in ("borrowUpTo", "lendUpTo"))]
    for i, (*docs, text) in enumerate(places):
        text = "apiVersion: gpugate.io/v1\n" + text
        before = text[:text.index("«")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
        write_policy(tmp_path / str(i), {"rest.yaml": docs, "x.yaml": text.replace("«", "").replace("»", "")})
        done = run("lint", tmp_path / str(i))
        out = done.stdout + done.stderr
        unit = {"24": "24Gi", "8192": "8192Mi"}.get(said, "40Gi")
        assert done.returncode == 1 and f"write a unit, such as {unit} [memory-without-unit]" in out, (text, out)
        assert f"x.yaml:{line}:{column}: error" in out, (text, out)


@pytest.mark.parametrize("said", ["500k", "1M", "1048576", "0.5Mi", "2e6", "1Ki"])
def test_memory_with_a_unit(serve, said):
    assert asks(serve(rule(rewrite=[TO_MIG])).mutated(pod({GPU: 1}, annotations={KEY: said}))) == [{MIG1: "1"}]


def test_a_limit_of_no_memory_needs_no_unit(tmp_path):
    status, out = lint(tmp_path, [A100, doc("Tenant", "x", namespaces=["x"], quotas=[{"name": "q", "measure": "memory", "accelerators": ["a100"], "hard": 0}])])
    assert status == 0, out


# --- Rules that only observe ---

def watched(server, obj):
    """Checks that nothing changes. Returns the decision and the Rule's log messages."""
    decision = server.mutate(obj)
    assert decision.allowed and not decision.patch, decision
    return decision, [line["message"] for line in server.log("audited") + server.log("warned")]


def test_audit(serve):
    server = serve([A100, T4, TEAM, doc("Rule", "mig", rewrite=[TO_MIG], enforcement="audit", required=True, inject={
        "nodeSelector": {"pool": "mig"}, "tolerations": [{"key": "mig", "operator": "Exists"}], "runtimeClassName": "nvidia"})])
    obj = pod({GPU: 1})
    decision, lines = watched(server, obj)
    sentence = (f'Rule "mig" would rewrite {GPU} to {MIG1} in container "main"; set node selector pool=mig; add a toleration; '
                "set runtimeClassName nvidia (enforcement: audit)")
    assert decision.audit["audit"] == sentence and not decision.warnings and server.wait_log("audited")[0]["message"] == sentence
    assert server.metrics().value("gpugate_audits_total", tenant="team-a", reason="rule", name="mig") == 1
    final = server.validate(obj, dry_run=True)
    assert final.allowed and "audit" not in final.audit, "it was said once, and nothing would be refused"
    assert "audit" not in server.mutate(pod({GPU: 2})).audit, "the Rule would leave it alone"
    three = server.mutate(pod(containers=[container({GPU: 1}, n) for n in "abc"]))
    assert f'rewrite {GPU} to {MIG1} in containers "a", "b" and 1 more' in three.audit["audit"]


def test_warn(serve):
    server = serve(rule("share", rewrite=[TO_SHARE], enforcement="warn"))
    decision, _ = watched(server, pod({GPU: 1}))
    assert decision.warnings == [f'Rule "share" would rewrite {GPU} to {SHARED} in container "main" (enforcement: warn)']
    assert server.metrics().value("gpugate_warnings_total", tenant="team-a", reason="rule", name="share") == 1


@pytest.mark.parametrize("choice", ["audit", "warn"])
def test_what_it_would_refuse(serve, choice):
    server = serve(rule("place", inject=EDGE, rewrite=[TO_MIG], enforcement=choice))
    for obj, word in ((pod({GPU: 1}, nodeSelector={"node-type": "core"}), '"core"'), (pod({GPU: 1}, affinity=CONTRADICTIONS[0]), "node affinity"),
                      (pod({GPU: 1}, annotations={KEY: "2Ti"}), "2Ti")):
        decision, _ = watched(server, obj)
        assert word in "".join(decision.warnings) + decision.audit.get("audit", "")
        assert server.validate(obj, dry_run=True).allowed


@pytest.mark.parametrize("cap", ["audit", "warn"])
def test_settings_cap_rules(serve, cap):
    server = serve([doc("Settings", "s", enforcement=cap), *rule("mig", rewrite=[TO_MIG], required=True)])
    decision, _ = watched(server, pod({GPU: 1}))
    assert f"(enforcement: {cap})" in "".join(decision.warnings) + decision.audit.get("audit", "")
    assert server.validate(pod({GPU: 1}), dry_run=True).allowed


def test_rules_act_while_quotas_are_watched(serve):
    """With `deny` in the Settings and `audit` in the Tenant, Rules act before quotas are enforced.
    """
    team = doc("Tenant", "team-a", namespaces=["team-a"], enforcement="audit", quotas=[{"name": "none", "hard": 0}])
    server = serve([A100, T4, team, doc("Rule", "mig", rewrite=[TO_MIG])])
    decision, stored = server.admit(pod({GPU: 1}))
    assert decision.allowed and asks(stored) == [{MIG1: "1"}] and "would never fit: " in decision.audit["audit"]


def test_later_rules_see_the_pod_unchanged(serve):
    server = serve([*rule("a", order=1, rewrite=[TO_MIG], enforcement="audit"), doc("Rule", "b", order=2, rewrite=[TO_SHARE]),
                    doc("Rule", "c", order=3, match={"requests": {MIG1: {}}}, inject={"nodeSelector": {"never": "x"}})])
    decision = server.mutate(pod({GPU: 1}, name="p"))
    after = applied(pod({GPU: 1}, name="p"), decision.patch)
    assert asks(after) == [{SHARED: "1"}] and "nodeSelector" not in after["spec"]
    assert 'Rule "a" would rewrite' in decision.audit["audit"] and decision.audit["rules"] == "b"


def test_a_watching_rule_sets_no_claim(serve):
    server = serve([*rule("a", order=1, inject={"nodeSelector": {"k": "a"}, "runtimeClassName": "a"}, enforcement="audit"),
                    doc("Rule", "b", order=2, inject={"nodeSelector": {"k": "b"}, "runtimeClassName": "b"})])
    after = server.mutated(pod())
    assert after["spec"]["nodeSelector"] == {"k": "b"} and after["spec"]["runtimeClassName"] == "b"


# --- Matching by annotation ---

@pytest.mark.parametrize("selector,annotations,hit", [
    ({"matchLabels": {"a/b": "c"}}, {"a/b": "c", "d": "e"}, True), ({"matchLabels": {"a/b": "c"}}, {"a/b": "d"}, False),
    ({"matchLabels": {"a/b": "c"}}, None, False), ({"matchLabels": {"note": "any text, ümlauts: too " * 9}}, {"note": "any text, ümlauts: too " * 9}, True),
    ({"matchLabels": {"empty": ""}}, {"empty": ""}, True), ({"matchLabels": {"empty": ""}}, None, False),
    ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c", "d"]}]}, {"a": "b c"}, True),
    ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b c"]}]}, {"a": "b c"}, False),
    ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b c"]}]}, None, True),
    ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
    ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False)])
def test_annotation_selector(serve, selector, annotations, hit):
    server = serve(rule(match={"annotationSelector": selector}, inject={"nodeSelector": {"hit": "yes"}}))
    assert ("nodeSelector" in server.mutated(pod(annotations=annotations))["spec"]) == hit
    assert not server.mutate(pod(labels={"a": "x"}, annotations={"z": "z"})).patch or "DoesNotExist" in str(selector) or "NotIn" in str(selector)


def test_lint_looks_at_annotation_selectors(tmp_path):
    def problems(selector):
        return lint(tmp_path, rule(match={"annotationSelector": selector}, inject={"nodeSelector": {"a": "b"}}))

    assert problems({"matchLabels": {"a": "x" * 4096}})[0] == 0
    for selector, word in (({"matchLabels": {"a": "x" * 4097}}, "4096"), ({"matchLabels": {"not a key": "x"}}, "qualified name"),
                           ({"matchExpressions": [{"key": "a", "operator": "In"}]}, "values"),
                           ({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, "contradicts itself")):
        status, out = problems(selector)
        assert status == 1 and word in out, out


# --- What is registered ---

def rendered(folder, *docs):
    """Returns the webhooks by name, as `gpugate render` prints them for the policy."""
    write_policy(folder, [TEAM, *docs])
    done = run("render", "--policy", folder, "--ledger", "cluster", "-o", "json")
    assert done.returncode == 0, done.stderr
    return {w["name"]: w for obj in json.loads(done.stdout)["items"] for w in obj.get("webhooks", [])}


@pytest.mark.parametrize("spec,policy", [({}, "Fail"), ({"quotaFailurePolicy": "Fail"}, "Fail"), ({"quotaFailurePolicy": "Ignore"}, "Ignore"),
                                         ({"guardFailurePolicy": "Ignore"}, "Fail"), ({"guardFailurePolicy": "Fail"}, "Fail")])
def test_quota_failure_policy(tmp_path, spec, policy):
    found = rendered(tmp_path, doc("Settings", "s", **spec), doc("Guard", "g", deny=["privileged"]))
    assert found["quota.gpugate.io"]["failurePolicy"] == policy
    assert found["guard.gpugate.io"]["failurePolicy"] == spec.get("guardFailurePolicy", "Ignore")


def test_the_first_policies_refuse_nothing(tmp_path):
    """The initial policies of the chart, of the overlays and of the Debian package."""
    for policy in ("deploy/helm/gpugate/files/policy", "deploy/kustomize/base/policy", "deploy/debian/policy"):
        done = run("render", "--policy", ROOT / policy, "--ledger", "cluster", "-o", "json")
        hooks = {w["name"]: w["failurePolicy"] for obj in json.loads(done.stdout)["items"] for w in obj.get("webhooks", [])}
        assert hooks == {"quota.gpugate.io": "Ignore"}, policy


def test_what_rules_that_watch_need(tmp_path):
    """They must see the same Pods as those that act. /validate need not see those Pods, because it
    reports nothing."""
    match = {"podSelector": {"matchLabels": {"tier": "edge"}}}
    acting = rendered(tmp_path / "a", doc("Rule", "r", match=match, inject=EDGE, required=True))
    for choice in ("audit", "warn"):
        watching = rendered(tmp_path / choice, doc("Rule", "r", match=match, inject=EDGE, required=True, enforcement=choice))
        assert watching["mutate.gpugate.io"] == acting["mutate.gpugate.io"]
        assert "tier" in str(acting["guard.gpugate.io"]) and "guard.gpugate.io" not in watching


def test_an_annotation_selector_shows_no_less(tmp_path):
    match = {"namespaces": ["team-a"]}
    plain = rendered(tmp_path / "a", doc("Rule", "r", match=match, inject=EDGE))
    selecting = rendered(tmp_path / "b", doc("Rule", "r", match={**match, "annotationSelector": {"matchLabels": {"a": "b"}}}, inject=EDGE))
    assert selecting == plain


def test_an_overriding_rule_is_shown_where_it_refuses(tmp_path):
    """A node selector that would override an affinity is refused by /validate as well."""
    found = rendered(tmp_path, doc("Rule", "r", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject=EDGE, onConflict="override"))
    assert "tier" in str(found["guard.gpugate.io"]["matchConditions"])


# --- A manifest that is applied again ---

def test_a_pod_that_limitranger_and_a_rule_have_made_is_applied_again(serve):
    """What was put back and removed again leaves nothing that an apply could not undo."""
    server = serve(rule(rewrite=[TO_MIG]))
    for manifest in (pod({GPU: 1}, name="p"), pod(name="p")):
        stored = reinvoked(server, manifest, {GPU: "1"})[-1]
        again = copy.deepcopy(stored)
        for part in ("limits", "requests"):
            again["spec"]["containers"][0]["resources"][part].update(manifest["spec"]["containers"][0]["resources"].get(part, {}))
        assert server.mutated(again, operation="UPDATE", old=stored) == stored
    audited = serve([doc("Settings", "s", enforcement="audit"), *rule(rewrite=[TO_MIG])])
    stored = reinvoked(server, pod({GPU: 1}, name="p"), {})[-1]
    again = copy.deepcopy(stored)
    again["spec"]["containers"][0]["resources"]["limits"][GPU] = "1"
    assert audited.mutated(again, operation="UPDATE", old=stored) == stored, "what is stored is kept, whatever the policy says today"


# --- Properties of all Rules and Pods, with a scheduler of our own ---

PRODUCTS = {"a100": (GPU, MIG1, MIG3), "t4": (GPU, SHARED), "mi300x": (AMD,)}
FLEET = [A100, T4, doc("Accelerator", "mi300x", resource=AMD, memory="192Gi", nodeLabels={"product": "mi300x"}), TEAM]
NODES = [({"product": product, **({"node-type": kind} if kind else {})}, names)
         for product, names in PRODUCTS.items() for kind in ("edge", "core", None)]
NAMES = [GPU, SHARED, MIG1, MIG3, AMD]
PARTS = (SHARED, MIG1, MIG3)
keys_values = st.sampled_from([("product", "a100"), ("product", "t4"), ("product", "mi300x"), ("node-type", "edge"), ("node-type", "core")])


def satisfies(labels, expression):
    key, op, values = expression["key"], expression["operator"], expression.get("values", [])
    if op in ("In", "NotIn"):
        return (key in labels and labels[key] in values) == (op == "In")
    return (key in labels) == (op == "Exists")


def can_land(obj):
    """Whether some node has everything that the Pod requests, and is selected by it."""
    spec = obj["spec"]
    wanted = {k for c in positive(obj) for part in c.values() for k in part}
    terms = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    for labels, names in NODES:
        if not wanted <= set(names) or any(labels.get(k) != v for k, v in (spec.get("nodeSelector") or {}).items()):
            continue
        if terms is None or any(all(satisfies(labels, x) for x in t["matchExpressions"]) for t in terms["nodeSelectorTerms"] if t["matchExpressions"]):
            return True
    return False


@st.composite
def rewrites(draw):
    choice = draw(st.integers(0, 3))
    if choice == 0:
        return {**TO_MIG, "toMig": {**TO_MIG["toMig"], "pin": draw(st.booleans())}}
    pair = {1: (GPU, SHARED), 2: (GPU, MIG3), 3: (SHARED, MIG1)}[choice]
    return {"from": pair[0], "to": pair[1]}


@st.composite
def some_rules(draw, ranges=True):
    out = []
    for i in range(draw(st.integers(1, 4))):
        spec = {"order": i, "onConflict": draw(st.sampled_from(["deny", "keep", "override"])), "required": draw(st.booleans())}
        wants = draw(st.integers(1, 3))
        if wants & 1:
            spec["rewrite"] = list({r["from"]: r for r in draw(st.lists(rewrites(), min_size=1, max_size=2))}.values())
            for r in spec["rewrite"]:
                r.update({"maxPerContainer": draw(st.integers(1, 3))} if draw(st.booleans()) else {})
        if wants & 2:
            spec["inject"] = {"nodeSelector": dict(draw(st.lists(keys_values, min_size=1, max_size=2)))}
        if ranges and draw(st.booleans()):
            spec["match"] = {"requests": {draw(st.sampled_from(NAMES)): draw(st.sampled_from([{}, {"max": 1}, {"min": 2}]))}}
        if draw(st.integers(0, 5)) == 0:
            spec["enforcement"] = draw(st.sampled_from(["audit", "warn"]))
        out.append(doc("Rule", f"rule-{i}", **spec))
    return out


@st.composite
def expressions(draw):
    op = draw(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]))
    key = draw(st.sampled_from(["product", "node-type"]))
    values = {"product": ["a100", "t4", "mi300x"], "node-type": ["edge", "core"]}[key]
    return (key, op, draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)) if op in ("In", "NotIn") else [])


def terms():
    """Generates terms that do not contradict themselves, because only the scheduler looks for that.
    """
    return st.lists(expressions(), min_size=1, max_size=2).filter(lambda term: any(
        all(satisfies(labels, {"key": k, "operator": op, "values": v}) for k, op, v in term) for labels, _ in NODES))


@st.composite
def some_pods(draw, names=tuple(NAMES)):
    spec = {}
    if draw(st.integers(0, 2)) == 0:
        spec["nodeSelector"] = dict(draw(st.lists(keys_values, max_size=2)))
    if draw(st.booleans()):
        spec["affinity"] = affinity(*draw(st.lists(terms(), min_size=1, max_size=3)))
    one = st.dictionaries(st.sampled_from(names), st.integers(0, 3), max_size=2)
    init = [container(draw(one), f"i{i}") for i in range(draw(st.integers(0, 1)))]
    return pod(name="p", containers=[container(draw(one), f"c{i}") for i in range(draw(st.integers(1, 2)))], init=init,
               annotations=draw(st.sampled_from([None, {KEY: "30Gi"}, {KEY: "5Gi"}])), **spec)


def brief(obj):
    """Returns what matters of a Pod, for the message of a failed test."""
    terms = ((obj["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    return [obj["spec"].get("nodeSelector"), terms and terms["nodeSelectorTerms"], obj["metadata"].get("annotations"), positive(obj)]


def started(policy):
    server = Server(policy, start=False)
    assume(run("lint", server.policy).returncode == 0)
    server.start()
    return server


def parts(amounts):
    return sum(int(v) for k, v in amounts.items() if k in PARTS)


@settings(max_examples=scaled(60, 6))
@given(some_rules(), st.lists(some_pods(), min_size=scaled(25, 6), max_size=scaled(25, 6)))
def test_what_mutate_returns_can_land(rules, pods):
    """The mutated Pod can land somewhere, and does not change when it is evaluated again. No Pod
    gets more than it requested, or several parts for several devices. A required Rule accepts
    what /mutate returned."""
    server = started(FLEET + rules)
    most = {r["from"]: max(r2.get("maxPerContainer", 1) for d in rules for r2 in d["spec"].get("rewrite", []) if r2["from"] == r["from"])
            for d in rules for r in d["spec"].get("rewrite", [])}
    try:
        for obj in pods:
            first = server.mutate(obj)
            if not first.allowed:
                continue
            after = applied(obj, first.patch)
            assert can_land(after) or not can_land(obj), (brief(obj), brief(after))
            second = server.mutate(after)
            assert second.allowed and not second.patch, (brief(obj), first.patch, second)
            for was, now in zip(positive(obj), positive(after)):
                for part in ("limits", "requests"):
                    assert sum(map(int, now[part].values())) <= sum(map(int, was[part].values())), (brief(obj), brief(after))
                    if parts(now[part]) > parts(was[part]):
                        assert max(int(was[part].get(name, 0)) <= most[name] for name in most), (brief(obj), brief(after))
            final = server.validate(after, dry_run=True)
            assert final.allowed or "Rule" not in final.message, (brief(obj), first.patch, final)
    finally:
        server.stop()


@settings(max_examples=scaled(50, 6))
@given(some_rules(ranges=False), st.lists(some_pods(), min_size=scaled(15, 5), max_size=scaled(15, 5)),
       st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["0", "1", "2"]), min_size=1, max_size=2))
def test_what_limitranger_adds_is_asked_for_once(rules, pods, default):
    """The first call decides: whatever LimitRanger puts back, later calls lead to the same
    requests."""
    server = started(FLEET + rules)
    try:
        for obj in pods:
            if not server.mutate(limitranger(obj, default)).allowed:
                continue
            first, *rest = reinvoked(server, obj, default)
            if any(name in PARTS and value != "0" for name, value in default.items()):
                # Then a rewritten container requests a part, and gets another one by default.
                continue
            assert all(positive(now) == positive(first) for now in rest), (brief(obj), default, brief(first), [brief(now) for now in rest])
            final = server.validate(rest[-1], dry_run=True)
            assert final.allowed or "Rule" not in final.message, (brief(obj), default, final)
    finally:
        server.stop()


def test_what_another_rule_made_of_a_name_is_known_again(serve):
    """The first call makes slices of one kind, by way of a share. A name that LimitRanger puts back
    does not become a slice of another kind."""
    server = serve(FLEET + [doc("Rule", "a", order=0, rewrite=[{"from": GPU, "to": MIG3}, {"from": SHARED, "to": MIG1}]),
                            doc("Rule", "b", order=1, rewrite=[{"from": GPU, "to": SHARED}])])
    first, *rest = reinvoked(server, pod({GPU: 2, SHARED: 1}), {GPU: "1"})
    assert positive(first)[0]["limits"] == {MIG1: "1"} and all(positive(now) == positive(first) for now in rest)
