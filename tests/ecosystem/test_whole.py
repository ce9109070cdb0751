"""With a Rule that has `gangs`, what waits for quota holds none: neither a JobSet nor a replica of
a LeaderWorkerSet begins with a part of its Pods."""

import pytest

from control_plane import eventually
from kube import GPU, doc
from manifests import pod
from team import jobset as a_jobset, leader_worker_set, play_kubelet, pods, policy
from test_refused import BACKOFF_S

TWO_OF_TWO = ("workers", 1, {"parallelism": 2, "completions": 2}, {"replicas": 2})
WHOLE = doc("Rule", "whole", match={}, gangs="allOrNothing")


def names(plane, space, label):
    """Returns the values of the label of all Pods that have not ended."""
    return [one["metadata"]["labels"][label] for one in pods(plane, space) if label in one["metadata"].get("labels", {})]


def refusals(plane, space):
    return eventually(lambda: plane.events(space, reason="FailedCreate"), 60, "an Event about a refused Pod")


@pytest.mark.parametrize("alone", [True, False])
def test_a_jobset_of_which_only_a_half_fits(plane, jobset, gpugate, space, alone):
    """Without the Rule, each Job gets one of two Pods, or one Job gets both, and the rest waits."""
    gate = gpugate(policy(space, 2, *([] if alone else [WHOLE])))
    plane.kubectl("apply", "-f", "-", input=[a_jobset(space, TWO_OF_TWO)])
    said = refusals(plane, space)
    if alone:
        gate.wait_used("ml", "whole", 2)
        assert all("exceeded quota: " in message for message in said), said
    else:
        assert all("can never fit: " in message and "requested 4 (1 by this Pod, 3 by the Pods of its group" in message for message in said), said
        assert not pods(plane, space) and gate.used("ml", "whole") == 0


def test_two_jobsets_at_a_quota_for_one(plane, jobset, gpugate, space):
    gate = gpugate(policy(space, 5, WHOLE))
    label = "jobset.sigs.k8s.io/jobset-name"
    plane.kubectl("apply", "-f", "-", input=[a_jobset(space, TWO_OF_TWO, name=name) for name in ("one", "two")])
    first = eventually(lambda: len(pods(plane, space)) == 4 and names(plane, space, label), 60, "the Pods of one JobSet")
    assert len(set(first)) == 1, first
    said = refusals(plane, space)
    assert all("exceeded quota: " in message and 'Rule "whole" admits all or none' in message for message in said), said
    # What the other one could have had of the quota is free for others.
    plane.kubectl("apply", "-f", "-", input=[pod(space, "other", {GPU: 1})])
    gate.wait_used("ml", "whole", 5)
    assert sorted(names(plane, space, label)) == sorted(first)
    plane.admin.delete("Pod", "other", space, grace_s=0).must()

    def is_turn_of_the_other():
        if set(names(plane, space, label)) <= set(first):
            play_kubelet(plane, space, "Succeeded")
        assert gate.used("ml", "whole") <= 5
        there = names(plane, space, label)
        return len(there) == 4 and not set(there) & set(first)
    eventually(is_turn_of_the_other, BACKOFF_S, "the Pods of the other JobSet", pause=0.2)

    def finished():
        play_kubelet(plane, space, "Succeeded")
        return plane.kubectl("get", "jobsets", "-n", space, "-o", "jsonpath={.items[*].status.terminalState}").stdout == "Completed Completed"
    eventually(finished, BACKOFF_S, "the end of both JobSets", pause=0.2)
    gate.wait_used("ml", "whole", 0)


def test_each_replica_of_a_leader_worker_set(plane, lws, gpugate, space):
    """The first replica fits, and the leader of the second one does not hold a GPU for nothing."""
    gate = gpugate(policy(space, 5, WHOLE))
    label = "leaderworkerset.sigs.k8s.io/group-index"
    plane.kubectl("apply", "-f", "-", input=[leader_worker_set(space, None, 1, {"size": 3}, replicas=2)])

    def there(count):
        play_kubelet(plane, space)
        return len(pods(plane, space)) == count
    eventually(lambda: there(3), BACKOFF_S, "the Pods of one replica", pause=0.2)
    said = refusals(plane, space)
    assert any("requested 3 (1 by this Pod, 2 by the Pods of its group" in message for message in said), said
    assert len(set(names(plane, space, label))) == 1 and gate.used("ml", "whole") == 3
    gate.server.reload(policy(space, 6, WHOLE))
    eventually(lambda: there(6), BACKOFF_S, "the Pods of both replicas", pause=0.2)
    gate.wait_used("ml", "whole", 6)
