"""The Pods of a DaemonSet. Its controller replaces what the affinity of the template requires by
the name of one node, so they are judged with that wherever somebody asks about the workload."""

import pytest

from kube import GPU, doc, pod
from test_early_answers import ask, create, workload
from test_explain import explain

FLEET = [doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"}),
         doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={"model": "t4"})]


def required(**term):
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def model(name):
    return required(matchExpressions=[{"key": "model", "operator": "In", "values": [name]}])


def team(hard):
    return doc("Tenant", "team-a", namespaces=["team-a"], earlyAnswer="deny", quotas=[{"name": "q", "measure": "memory", "hard": hard}])


@pytest.mark.parametrize(("hard", "placement", "admitted"), [
    # No Accelerator has this label, which does not matter.
    ("640Gi", {"affinity": model("l40")}, True),
    # The template requires t4, and its Pods do not: they count as the model that costs most.
    ("70Gi", {"affinity": model("t4")}, False),
    ("80Gi", {"affinity": model("t4")}, True),
    # The nodeSelector stays.
    ("70Gi", {"nodeSelector": {"model": "t4"}}, True),
    ("70Gi", {"nodeSelector": {"model": "t4"}, "affinity": model("a100")}, True),
    ("640Gi", {"nodeSelector": {"model": "l40"}}, False),
])
def test_required_terms_are_replaced(serve, tmp_path, hard, placement, admitted):
    policy = [*FLEET, team(hard)]
    server = serve(policy)
    obj = workload("DaemonSet", pod({GPU: 1}, **placement))
    told, explained, made = ask(server, obj), explain(policy, [obj], tmp_path=tmp_path)[0], create(server, obj)
    assert made.allowed == admitted, made
    assert (told.allowed, told.message) == (made.allowed, made.message) and told.warnings == [], told
    assert explained["verdict"] == ("admitted" if admitted else "refused") and (admitted or explained["message"] == made.message), explained


def test_others_keep_their_terms(serve):
    server = serve([*FLEET, team("70Gi")])
    assert ask(server, workload("Deployment", pod({GPU: 1}, affinity=model("t4")))).allowed
    assert not ask(server, workload("Deployment", pod({GPU: 1}, affinity=model("l40")))).allowed
