"""Rules with `gangs`: the Pods of a group are admitted only if what remains of the group fits
together. How many Pods it has is said by the Pod itself, or by the object that has the group."""

import copy
import threading

import pytest

import kube
from gpugate import eventually
from kube import GPU, doc, persisted, pod
from test_early_targets import api, gate

TRAINING = {"apiVersion": "gpugate.io/v1", "kind": "Workload", "metadata": {"name": "w"}, "spec": {
    "group": "example.com", "kind": "Training", "plural": "trainings",
    "pods": [{"template": "spec.roles[].template", "replicas": ["spec.roles[].count"]}]}}
LWS = "leaderworkerset.sigs.k8s.io/"
WHERE = ("the GPU quota check is temporarily unavailable: {}, which says how many Pods belong together, could not be read; retry")


def whole(**more):
    return doc("Rule", "whole-jobs", match={}, gangs="allOrNothing", **more)


def team(hard, name="team-a", **more):
    return doc("Tenant", name, namespaces=[name], quotas=[{"name": "q", "resources": [GPU], "hard": hard}], **more)


def kueue(name, count, gpus=1, **more):
    """A Pod of a group that has so many Pods."""
    return persisted(pod({GPU: gpus}, labels={"kueue.x-k8s.io/pod-group-name": name},
                         annotations={"kueue.x-k8s.io/pod-group-total-count": str(count)}, **more))


def replica(name, index, count, gpus=1):
    return persisted(pod({GPU: gpus}, labels={LWS + "name": name, LWS + "group-index": str(index)}, annotations={LWS + "size": str(count)}))


def owned(kind, name, version="batch/v1", gpus=1, **more):
    made = persisted(pod({GPU: gpus}, **more))
    made["metadata"]["ownerReferences"] = [{"apiVersion": version, "kind": kind, "name": name, "uid": "11", "controller": True}]
    return made


def job(name, parallelism, namespace="team-a", **spec):
    template = {"metadata": {}, "spec": {"containers": [kube.container({GPU: 1})], "restartPolicy": "Never"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace},
            "spec": {"parallelism": parallelism, "template": template, **spec}}


def training(name, **roles):
    """roles: name=(number of Pods, GPUs of each)."""
    return {"apiVersion": "example.com/v1", "kind": "Training", "metadata": {"name": name, "namespace": "team-a"}, "spec": {"roles": [
        {"count": count, "template": {"spec": {"containers": [kube.container({GPU: gpus} if gpus else None)]}}} for count, gpus in roles.values()]}}


def test_the_log_says_that_no_group_can_be_read(serve, gate):
    [line] = serve([whole(), team(4)]).wait_log("groups_unread")
    assert line["level"] == "warn" and "without --kubeconfig" in line["message"]
    for server in (serve([whole(enforcement="audit"), team(4)]), serve([team(4)]), gate([whole(), team(4)])):
        server.wait_log("listening")
        assert not server.log("groups_unread")


def is_refused(decision, *texts):
    assert not decision.allowed, decision
    for text in texts:
        assert text in decision.message, decision.message
    return True


# --- What the Pod says itself ---

def test_a_group_that_fits_is_admitted_and_holds_what_is_to_come(serve):
    server = serve([team(4), whole()])
    members = [kueue("train", 3) for _ in range(3)]
    assert server.validate(members[0]).allowed
    assert server.used("team-a", "q") == 3
    # Nobody else takes it, and the others of the group use it up.
    assert server.validate(pod({GPU: 1})).allowed
    assert is_refused(server.validate(pod({GPU: 1})), "exceeded quota: ")
    assert server.validate(members[1]).allowed and server.validate(members[2]).allowed
    assert server.used("team-a", "q") == 4


@pytest.mark.parametrize("first, rest", [(kueue("train", 3, 2), "requested 6 (2 by this Pod, 4 by the Pods of its group that are still to come"),
                                         (replica("serve", 0, 6), "requested 6 (1 by this Pod, 5 by the Pods of its group that are still to come")])
def test_a_group_that_can_never_fit(serve, first, rest):
    server = serve([team(5), whole()])
    assert is_refused(server.validate(first), "can never fit: ", rest, 'Rule "whole-jobs" admits all or none')
    assert server.used("team-a", "q") == 0


def test_two_groups_at_a_quota_for_one(serve):
    server = serve([team(2), whole()])
    one, two = [kueue("one", 2) for _ in range(2)], [kueue("two", 2) for _ in range(2)]
    assert server.validate(one[0]).allowed
    assert is_refused(server.validate(two[0]), "exceeded quota: ", "requested 2 (1 by this Pod, 1 by the Pods of its group")
    assert server.validate(one[1]).allowed
    assert is_refused(server.validate(two[1]), "exceeded quota: ")
    assert server.finish(one[0]).allowed
    assert is_refused(server.validate(two[0]), "exceeded quota: ")
    assert server.finish(one[1]).allowed and server.used("team-a", "q") == 0
    assert server.validate(two[0]).allowed and server.validate(two[1]).allowed
    assert server.used("team-a", "q") == 2


def test_each_replica_of_a_leader_worker_set_is_a_group(serve):
    server = serve([team(3), whole()])
    assert server.validate(replica("serve", 0, 2)).allowed
    assert is_refused(server.validate(replica("serve", 1, 2)), "exceeded quota: ")
    assert server.validate(replica("serve", 0, 2)).allowed and server.used("team-a", "q") == 2


def test_a_group_is_one_of_its_namespace(serve):
    server = serve([doc("Tenant", "t", namespaces=["team-a", "team-b"], quotas=[{"name": "q", "resources": [GPU], "hard": 3}]), whole()])
    assert server.validate(kueue("train", 2)).allowed
    assert is_refused(server.validate(kueue("train", 2, namespace="team-b")), "exceeded quota: ")


@pytest.mark.parametrize("more", [{"match": {"podSelector": {"matchLabels": {"a": "b"}}}}, {"enforcement": "audit"}, {"enforcement": "warn"}])
def test_without_a_rule_that_acts_each_pod_is_decided_alone(serve, more):
    server = serve([team(2), doc("Rule", "r", **{"match": {}, "gangs": "allOrNothing", **more})])
    assert server.validate(kueue("train", 9)).allowed and server.validate(kueue("train", 9)).allowed
    assert is_refused(server.validate(kueue("train", 9)), "requested 1, used 2")


@pytest.mark.parametrize("count", ["1", "0", "-4", "4.0", "many", "9" * 30, ""])
def test_a_size_that_is_none(serve, count):
    server = serve([team(1), whole()])
    assert server.validate(kueue("train", count)).allowed and server.used("team-a", "q") == 1


def test_a_dry_run_reserves_nothing(serve):
    server = serve([team(2), whole()])
    assert server.validate(kueue("train", 2), dry_run=True).allowed and server.used("team-a", "q") == 0
    assert is_refused(server.validate(kueue("train", 3), dry_run=True), "can never fit: ")
    assert server.validate(kueue("other", 2)).allowed and server.used("team-a", "q") == 2


def test_a_reservation_ends_after_its_time(serve):
    server = serve([team(2), whole(gangSeconds=10)])
    first = kueue("train", 2)
    assert server.validate(first).allowed and server.used("team-a", "q") == 2
    eventually(lambda: server.used("team-a", "q") == 1, 60, "the end of the reservation", pause=0.2)
    assert server.validate(pod({GPU: 1})).allowed
    # The next one of the group finds no room.
    assert is_refused(server.validate(kueue("train", 2)), "exceeded quota: ")


# --- What the object says ---

def test_a_job_is_read_once_for_each_pod(gate, api):
    server = gate([team(4), whole()])
    api.put("jobs", job("train", 3))
    api.put("jobs", job("other", 2))
    assert server.validate(owned("Job", "train")).allowed and api.count("GET", "jobs") == 1
    assert is_refused(server.validate(owned("Job", "other")), "requested 2 (1 by this Pod, 1 by the Pods of its group")
    assert server.validate(owned("Job", "train")).allowed and server.validate(owned("Job", "train")).allowed
    assert api.count("GET", "jobs") == 4 and server.used("team-a", "q") == 3
    # A fourth Pod is one more than the Job says, and is decided alone.
    assert server.validate(owned("Job", "train")).allowed and server.used("team-a", "q") == 4


def test_the_parts_of_a_custom_resource(gate, api):
    server = gate([team(8), whole(), TRAINING])
    api.put("trainings", training("large", leader=(1, 1), workers=(2, 4)))
    api.put("trainings", training("train", leader=(1, 0), workers=(2, 4)))
    leader, worker = owned("Training", "large", "example.com/v1"), owned("Training", "large", "example.com/v1", gpus=4)
    assert is_refused(server.validate(leader), "can never fit: ", "requested 9 (1 by this Pod, 8 by the Pods")
    assert is_refused(server.validate(worker), "can never fit: ", "requested 9 (4 by this Pod, 5 by the Pods")
    assert server.validate(owned("Training", "train", "example.com/v1", gpus=4)).allowed and server.used("team-a", "q") == 8


def test_a_group_without_an_object_is_no_group(gate, api):
    """Not even if its names make no path, or the policy does not say where the kind keeps Pods."""
    server = gate([team(9), whole()])
    api.put("trainings", training("train", workers=(99, 9)))
    for member in (owned("Job", "gone"), owned("Job", ".."), owned("Training", "train", "example.com/v1"), owned("Job", "a" * 600), pod({GPU: 1})):
        assert server.validate(member).allowed, member["metadata"]
    assert server.used("team-a", "q") == 5
    assert api.count("GET", "jobs") == 1 and api.count("GET", "trainings") == 0


def test_an_object_that_cannot_be_read(gate, api):
    server = gate([team(4), whole()])
    api.put("jobs", job("train", 2))
    api.put("jobs", job("odd", "two"))
    api.forbidden.add("jobs")
    assert server.validate(owned("Job", "train")).message == WHERE.format("Job.batch/train")
    assert server.wait_log("workload_unread")[0]["object"] == "/apis/batch/v1/namespaces/team-a/jobs/train"
    api.forbidden.clear()
    api.broken.add("jobs")
    assert is_refused(server.validate(owned("Job", "train")), WHERE.format("Job.batch/train"))
    # What says it itself, and Pods that are in no group, need nothing of that.
    assert server.validate(kueue("train", 2)).allowed and server.validate(pod({GPU: 1})).allowed
    api.broken.clear()
    # Trying again does not help here.
    leave = 'or ask the platform team to leave its Pods out of Rule "whole-jobs"'
    odd = server.validate(owned("Job", "odd"))
    assert odd.code == 403 and odd.message == (
        f"the GPU quota cannot be checked: Job.batch/odd does not say in a known way how many Pods belong together; correct it, {leave}")
    api.put("jobs", {**job("large", 2), "data": "x" * (512 << 10)})
    large = server.validate(owned("Job", "large"))
    assert large.code == 403 and large.message == (
        "the GPU quota cannot be checked: Job.batch/large, which says how many Pods belong together, is larger than 512 KiB; make it smaller, " + leave)
    used = server.used("team-a", "q")
    server.reload([team(5), whole(), doc("Settings", "s", onOutage="allow")])
    assert server.validate(owned("Job", "odd")).allowed and server.used("team-a", "q") == used + 1
    assert server.validate(owned("Job", "large")).allowed and server.used("team-a", "q") == used + 2


def test_what_is_refused_anyway_is_not_read(gate, api):
    server = gate([team(4), whole(), doc("Guard", "g", deny=["privileged"]), doc("Rule", "m", match={"namespaces": ["none"]}, gangs="allOrNothing")])
    api.put("jobs", job("train", 2))
    privileged = owned("Job", "train", containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])
    assert is_refused(server.validate(privileged), "privileged")
    # Nor what requests nothing, or what no Rule is for.
    assert server.validate(owned("Job", "train", containers=[kube.container()])).allowed
    server.reload([team(4), doc("Rule", "m", match={"namespaces": ["none"]}, gangs="allOrNothing")])
    assert server.validate(owned("Job", "train")).allowed
    assert api.count("GET", "jobs") == 0


def test_without_an_api_server_only_pods_say_it(serve):
    server = serve([team(2), whole()])
    assert server.validate(owned("Job", "train")).allowed and server.used("team-a", "q") == 1
    assert is_refused(server.validate(kueue("train", 2)), "exceeded quota: ")


def test_a_burst_of_one_job(gate, api):
    """More Pods wait for the same answer than gpugate would read objects at a time."""
    server = gate([team(100), whole()])
    api.put("jobs", job("train", 100))
    api.objects.clear()
    decisions, threads = [], []

    def ask():
        decision = server.validate(owned("Job", "train"))
        # A busy machine starts so many threads in more than the second for which a read waits.
        while decision.message == WHERE.format("Job.batch/train"):
            decision = server.validate(owned("Job", "train"))
        decisions.append(decision)

    for _ in range(100):
        threads.append(threading.Thread(target=ask))
        threads[-1].start()
    eventually(lambda: api.count("GET", "jobs") > 0, what="a read")
    api.objects.set()
    for thread in threads:
        thread.join()
    assert len(decisions) == 100 and all(decision.allowed for decision in decisions), decisions[:3]
    assert server.used("team-a", "q") == 100


def test_an_api_server_that_does_not_answer(gate, api):
    server = gate([team(4), whole()])
    api.put("jobs", job("train", 2))
    api.objects.clear()
    assert is_refused(server.validate(owned("Job", "train")), WHERE.format("Job.batch/train"))
    api.objects.set()
    assert server.validate(owned("Job", "train")).allowed and server.used("team-a", "q") == 2


def test_a_pod_of_kubernetes_own_group(gate, api):
    """spec.schedulingGroup precedes the owner. The API of the group need not be served."""
    server = gate([team(4), whole()])
    api.put("jobs", job("train", 2))
    member = owned("Job", "train")
    member["spec"]["schedulingGroup"] = {"podGroupName": "gone"}
    assert server.validate(member).allowed and api.count("GET", "jobs") == 0 and api.count("GET", "podgroups") == 1
    assert server.used("team-a", "q") == 1
    again = copy.deepcopy(member)
    again["spec"]["schedulingGroup"] = {"podGroupName": 3}
    assert server.post("/validate", kube.review(again)).status == 415
