"""`gpugate explain` says what becomes of a workload, and what of its Pods: the API server accepts
most workloads whose Pods are refused. The server gives the same answer."""

import json

import pytest

import kube
from gpugate import Server, run, write_policy
from kube import GPU, doc, pod
from test_early_answers import KINDS, ask, workload

GUARD = doc("Guard", "g", deny=["privileged"])
PRIVILEGED = pod(containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])
PLAIN = pod(containers=[kube.container(securityContext={"privileged": True})])


def tell(folder, policy, *objects, text=False):
    (folder / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    done = run("explain", "-f", folder / "objects.json", "--policy", policy, *(() if text else ("-o", "json")))
    assert done.returncode in (0, 1), done
    return done.stdout if text else json.loads(done.stdout)["objects"]


@pytest.mark.parametrize("answer", [None, "warn", "deny", "off"])
def test_the_server_answers_so(tmp_path, answer):
    """For each kind of workload, whether its Pods fit now, later, or never."""
    spec = {"earlyAnswer": answer} if answer else {}
    documents = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 4}], **spec), GUARD]
    server, seen = Server(documents), set()
    try:
        for kind in KINDS:
            for template, count in ((pod({GPU: 1}), 3), (pod({GPU: 3}), 3), (pod({GPU: 5}), 2), (PRIVILEGED, 1), (PLAIN, 1), (pod({GPU: 5}), 0)):
                for namespace in ("team-a", "nowhere"):
                    obj = workload(kind, template, count, namespace=namespace)
                    del obj["status"]
                    # The API server does not ask about a workload whose Pods request no device.
                    decision = ask(server, obj) if template is not PLAIN else None
                    told, = tell(tmp_path, server.policy, obj)
                    refused = decision is not None and not decision.allowed
                    assert told["workload"] == {
                        "verdict": "refused" if refused else "accepted", "warned": decision is not None and bool(decision.warnings),
                        "earlyAnswer": answer or "warn" if namespace == "team-a" else "warn", "controller": f"{KINDS[kind][4]}-controller"}, (obj, decision)
                    assert not refused or told["verdict"] == "refused"
                    seen.add((told["verdict"], told["workload"]["verdict"], told["workload"]["warned"]))
    finally:
        server.stop()
    assert {("admitted", "accepted", False), ("refused", "accepted", True), ("refused", "accepted", False)} <= seen
    assert (("refused", "refused", False) in seen) == (answer == "deny")


@pytest.mark.parametrize("answer, template, said", [
    ("warn", pod({GPU: 3}), "  The API server accepts the Deployment with a warning (earlyAnswer: warn). The replicaset-controller creates the Pods that "
                            "are admitted, and tries the others again until they are.\n"),
    ("off", pod({GPU: 3}), "  The API server accepts the Deployment without a warning (earlyAnswer: off). The replicaset-controller creates the Pods that "
                           "are admitted, and tries the others again until they are.\n"),
    ("deny", pod({GPU: 3}), "  The API server accepts the Deployment with a warning (earlyAnswer: deny). The replicaset-controller creates "),
    ("deny", pod({GPU: 5}), "  The Deployment itself is refused, since no such Pod can ever be admitted and earlyAnswer is deny.\n"),
])
def test_the_text(tmp_path, answer, template, said):
    policy = write_policy(tmp_path / "policy", [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 4}], earlyAnswer=answer)])
    text = tell(tmp_path, policy, workload("Deployment", template, 2), text=True)
    itself = "itself is refused" in said
    assert said in text and (": refused;" in text) == itself and (": its Pods are refused; " in text) != itself, text


@pytest.mark.parametrize("gpus", [1, 9])
def test_a_workload_without_pods_for_now(tmp_path, gpus):
    """No controller tries to create what is not there yet."""
    policy = write_policy(tmp_path / "policy", [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 4}])])
    held = pod({GPU: 4}, name="held") | {"apiVersion": "v1", "kind": "Pod"}
    job = workload("Job", pod({GPU: gpus}), 2)
    job["spec"]["suspend"] = True
    text = tell(tmp_path, policy, held, job, text=True)
    assert ': its Pods would be refused; there are none now\n' in text and " (earlyAnswer: warn). It has no Pods now; the first one would be refused.\n" in text, text
    assert "tries the others" not in text and "0 of 0" not in text


@pytest.mark.parametrize("template", [pod({GPU: 5}), PRIVILEGED])
def test_pods_that_are_never_admitted_are_not_tried_until_they_are(tmp_path, template):
    policy = write_policy(tmp_path / "policy", [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 4}]), GUARD])
    text = tell(tmp_path, policy, workload("Deployment", template, 2), text=True)
    assert " (earlyAnswer: warn). The replicaset-controller cannot create these Pods.\n" in text and "tries the others" not in text, text


def test_what_is_no_workload(tmp_path):
    """A Pod is asked about itself. A workload whose Pods are all admitted needs no sentence."""
    policy = write_policy(tmp_path / "policy", [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 4}])])
    one = pod({GPU: 5}, name="p") | {"apiVersion": "v1", "kind": "Pod"}
    refused, admitted = tell(tmp_path, policy, one, workload("Job", pod({GPU: 1}), 4))
    assert "workload" not in refused and admitted["workload"]["verdict"] == "accepted"
    assert ': Pod "p" in namespace "team-a": refused\n' in tell(tmp_path, policy, one, text=True)
    assert "accepts the" not in tell(tmp_path, policy, workload("Job", pod({GPU: 1}), 4), text=True)
