"""Groups of Pods that are admitted as a whole or not at all, as a controller creates them: one Pod
after another. The group and its size are said by the label and the annotation of Kueue, for which
no controller is needed."""

import time

from manifests import pod

GROUP, TOTAL = "kueue.x-k8s.io/pod-group-name", "kueue.x-k8s.io/pod-group-total-count"

# What becomes of a group. TORN: a later Pod was refused for lack of quota for as long as was tried,
# although all of them have been promised to fit.
WHOLE, REFUSED, TORN, STOPPED = "whole", "refused", "torn", "stopped"


def members(space, group, size, asks, labels=None):
    """Returns the Pods of a group, which are alike."""
    pods = [pod(space, "", asks, {GROUP: group, **(labels or {})}, {TOTAL: str(size)}) for _ in range(size)]
    for number, obj in enumerate(pods):
        del obj["metadata"]["name"]
        obj["metadata"]["generateName"] = f"{group}-{number}-"
    return pods


def create(send, pods, patience_s=0, pause=time.sleep, clock=time.monotonic):
    """Creates the Pods. send(pod) returns the status of the answer, and whether that is a refusal
    for lack of quota. A later Pod is tried again for patience_s: a replica that lags may refuse it.
    pause(seconds) returns whether to stop. Returns what became of the group."""
    status, full = send(pods[0])
    if status != 201:
        return REFUSED if full else STOPPED
    for obj in pods[1:]:
        begin = clock()
        status, full = send(obj)
        while full and clock() - begin < patience_s:
            if pause(0.2):
                return STOPPED
            status, full = send(obj)
        if status != 201:
            return TORN if full else STOPPED
    return WHOLE
