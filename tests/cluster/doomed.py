"""Pods and claims that gpugate admits and that are never stored, because a native ResourceQuota
refuses them later."""

import itertools
import math
import threading
import time

from kube import GPU
from manifests import pod

DOOM = "example.com/doom"  # No namespace with refuse_later() may have any.
DOOM_CLASS = "doom.example.com"  # Nor devices of this class.


def refuse_later(cluster, space):
    """Makes a native quota that refuses DOOM and DOOM_CLASS in a namespace. It needs no controller.
    """
    hard = {f"requests.{DOOM}": "0", f"{DOOM_CLASS}.deviceclass.resource.k8s.io/devices": "0"}
    cluster.admin.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "doom", "namespace": space}, "spec": {"hard": hard}}).must()
    cluster.admin.patch("ResourceQuota", "doom", {"status": {"hard": hard, "used": hard}}, space, "status").must()


def doomed(client, space, number):
    """Returns the answer to a create that gpugate admits and the native quota refuses."""
    return client.create(pod(space, f"doomed-{number}", {GPU: 1, DOOM: 1}))


def flood(cluster, spaces, count, seconds=math.inf, clients=16):
    """Creates `count` such Pods, in turn in each namespace, or fewer if that takes longer than
    `seconds`. Returns how many, and the messages of those that the native quota did not refuse."""
    others, made, numbers, end = [], [], itertools.count(), time.monotonic() + seconds

    def work():
        client = cluster.client()
        while time.monotonic() < end and (number := next(numbers)) < count:
            reply = doomed(client, spaces[number % len(spaces)], number)
            made.append(number)
            if reply.status != 403 or "exceeded quota: doom" not in reply.message:
                others.append(reply.message)
        client.close()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(made), others


class Traffic(threading.Thread):
    """Writes Pods that do not concern quotas, as in any cluster. Views advance by them."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.stopping = cluster, threading.Event()
        self.start()

    def run(self):
        client = self.cluster.client()
        for number in itertools.count():
            client.create(pod("default", f"plain-{number}")).must()
            client.delete("Pod", f"plain-{number}", "default", grace_s=0).must()
            if self.stopping.wait(0.2):
                break
        client.close()

    def stop(self):
        self.stopping.set()
        self.join(60)
