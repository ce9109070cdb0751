"""No device for free: 10,000 attempts to pass off claims as those that a scheduler creates for the
extended resources of Pods, which are not charged.

Everything in a claim is written by those who may create or update it: its name, owners and
annotations. Only the user is known from elsewhere. A model predicts each answer and what every
quota holds. SPOOF_SEED=N repeats a run.
"""

import copy
import itertools
import json
import os
import random
from collections import Counter

import kube
from gpugate import Decision, scaled
from kube import doc
from test_claim_quota import A100, NOT_THE_SCHEDULERS, T4
from test_claims import GROUP, MARK, OF_POD, SCHEDULER, VERSIONS, claim, exactly

ATTEMPTS = scaled(10000, 3000)
LIMITS = {"team-a": None, "team-b": 5}
NAME = SCHEDULER[0]
USERS = ["alice", "", "kube-scheduler", "system:kube-scheduler ", " system:kube-scheduler", "System:kube-scheduler", "system:kube-scheduler\n",
         "system:kube-scheduler\0", "system:kube-scheduler2", "system:kube-schedule", "system:kube-\u0455cheduler", "system:masters", "system:admin",
         "system:kube-controller-manager", "system:serviceaccount:kube-system:kube-scheduler", "system:serviceaccount:team-a:system:kube-scheduler",
         "system:serviceaccount:kube-system:resource-claim-controller", "system:serviceaccount:team-a:default", "system:node:kube-scheduler"]
GROUPS = ["system:masters", NAME, "system:kube-schedulers", "system:authenticated", "system:serviceaccounts", "system:nodes"]
MARKS = ["true", "false", "", "True", "1", "yes", "p", "p-extended-resources-x7k2p", "\u0442rue", "x" * 300, 'a"b', "a\\b"]
# Keys that are not the scheduler's. A claim with one of these is charged as any other.
OTHER_KEYS = [MARK.upper(), MARK + "s", MARK[:-1], MARK.replace("/", "."), f"{MARK}/", "x." + MARK, MARK.split("/", maxsplit=1)[1], MARK.replace("-", "_"),
              MARK.replace("c", "\u0441"), MARK.replace("k8s", "kubernetes") + " "]
# How the same key can be written in JSON.
SPELLINGS = [None, None, None, MARK.replace("/", "\\/"), "\\u0072" + MARK[1:], MARK.replace("-", "\\u002d")]

# What must have occurred, and nothing else: what was asked, with which mark, and whether it was
# admitted. A claim without the mark is refused if it does not fit, and the scheduler's if it is for
# no Pod. Everyone may leave a mark as it is.
EXPECTED = {
    ("create", "plain", True), ("create", "plain", False), ("create", "scheduler's", True), ("create", "scheduler's", False), ("create", "spoofed", False),
    ("update", "plain", True), ("update", "scheduler's", True), ("update", "spoofed", True), ("update", "spoofed", False)}


class Attempts:
    """Makes attempts, and knows what each must lead to."""

    def __init__(self, server, seed):
        self.server, self.random, self.seed = server, random.Random(seed), seed
        self.serial = itertools.count(1)
        self.live = []  # (claim, its cost or 0)
        self.held = dict.fromkeys(LIMITS, 0)
        self.outcomes = Counter()

    # --- What a claim says of itself ---

    def _user(self):
        if self.random.random() < 0.2:
            return SCHEDULER
        return self.random.choice(USERS), self.random.sample(GROUPS, self.random.randrange(4))

    def _owner(self):
        owner = copy.deepcopy(OF_POD)
        owner.update(self.random.choice(({}, {}, {"kind": "pod"}, {"kind": "PodGroup", "apiVersion": "scheduling.k8s.io/v1alpha2"}, {"kind": "Job"},
                                         {"apiVersion": "apps/v1"}, {"apiVersion": ""}, {"controller": False}, {"uid": ""}, {"name": NAME})))
        if self.random.random() < 0.1:
            del owner["controller"]
        return owner

    def _owners(self):
        return [self._owner() for _ in range(self.random.choice((0, 1, 1, 1, 2)))]

    def _requests(self, version):
        """Returns requests, and how many devices they hold."""
        requests, cost = [], 0
        for n in range(self.random.choice((1, 1, 1, 2))):
            device, count = self.random.choice(("a100", "gpu", "t4")), self.random.choice((1, 1, 2, 3))
            how = self.random.random()
            if how < 0.1:
                requests.append({"name": f"r{n}", **exactly(device, version, allocationMode="All")})
                count = 32
            elif how < 0.3:
                requests.append({"name": f"r{n}", "firstAvailable": [{"name": "a", "deviceClassName": "t4"},
                                                                     {"name": "b", "deviceClassName": device, "count": count}]})
            else:
                requests.append({"name": f"r{n}", **exactly(device, version, **({"count": count} if count > 1 else {}))})
            cost += count
        return requests, cost

    def _annotations(self, marked):
        annotations = {"example.com/note": self.random.choice(MARKS)} if self.random.random() < 0.3 else {}
        if marked:
            annotations[MARK] = self.random.choice(MARKS)
        if self.random.random() < 0.3:
            annotations[self.random.choice(OTHER_KEYS)] = "true"
        return annotations

    def _claim(self):
        """Returns a claim of a name that is new, and how many devices it holds."""
        version, number = self.random.choice(VERSIONS), next(self.serial)
        requests, cost = self._requests(version)
        name = self.random.choice((f"c{number}", f"p-extended-resources-{number}"))
        obj = claim(*requests, version=version, namespace=self.random.choice(list(LIMITS)), name=name, uid=f"claim-{number}",
                    annotations=self._annotations(self.random.random() < 0.8), ownerReferences=self._owners())
        metadata = obj["metadata"]
        if self.random.random() < 0.3:
            metadata["generateName"] = "p-extended-resources-"
        if self.random.random() < 0.2:
            metadata["labels"] = {MARK: "true"}
        if self.random.random() < 0.2:
            obj["status"] = {"allocation": {"devices": {"results": []}}, "reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]}
        for key in ("annotations", "ownerReferences"):
            if not metadata[key] and self.random.random() < 0.5:
                del metadata[key]
        return obj, cost

    # --- Attempts ---

    def _send(self, operation, obj, old, user, dry_run=False, subresource=None):
        kind = (GROUP, (obj or old)["apiVersion"].rpartition("/")[2])
        review = kube.review(obj, operation=operation, old=old, user=user, dry_run=dry_run, subresource=subresource,
                             kind=(*kind, "ResourceClaim"), resource=(*kind, "resourceclaims"))
        body = json.dumps(review, ensure_ascii=self.random.random() < 0.5)
        spelling = self.random.choice(SPELLINGS)
        if spelling:
            body = body.replace(f'"{MARK}"', f'"{spelling}"')
        return Decision(self.server.post("/validate", body), review, "validate")

    def create(self):
        obj, cost = self._claim()
        user, dry_run, tenant = self._user(), self.random.random() < 0.1, obj["metadata"]["namespace"]
        marked = MARK in obj["metadata"].get("annotations", {})
        controllers = [owner for owner in obj["metadata"].get("ownerReferences", ()) if owner.get("controller")]
        of_pod = controllers and (controllers[0]["apiVersion"], controllers[0]["kind"]) == ("v1", "Pod")
        genuine = marked and user is SCHEDULER and of_pod
        fits = LIMITS[tenant] is None or self.held[tenant] + cost <= LIMITS[tenant]
        decision = self._send("CREATE", obj, None, user, dry_run)
        seen = f"seed {self.seed}: {user} creates {obj}: {decision}"
        assert decision.allowed == bool(genuine or (not marked and fits)), seen
        assert decision.audit.get("charge") == (f"{tenant}/devices={cost}" if decision.allowed and not genuine else None), seen
        assert (NOT_THE_SCHEDULERS in decision.message) == bool(marked and not genuine), seen
        self._note("create", decision, marked, user)
        if decision.allowed and not dry_run:
            self._take(obj, 0 if genuine else cost)

    def update(self):
        at = self.random.randrange(len(self.live))
        old, cost = self.live[at]
        user, subresource = self._user(), "status" if self.random.random() < 0.1 else None
        obj = copy.deepcopy(old)
        if self.random.random() < 0.8:
            obj["metadata"]["annotations"] = self._annotations(self.random.random() < 0.8)
        if self.random.random() < 0.5:
            obj["metadata"]["ownerReferences"] = self._owners()
        was, now = (each["metadata"].get("annotations", {}).get(MARK) for each in (old, obj))
        decision = self._send("UPDATE", obj, old, user, subresource=subresource)
        seen = f"seed {self.seed}: {user} changes {old} to {obj}: {decision}"
        assert decision.allowed == (now is None or now == was or user is SCHEDULER), seen
        assert decision.allowed or decision.message == NOT_THE_SCHEDULERS, seen
        self._note("update", decision, now is not None, user)
        if decision.allowed:
            self.live[at] = (obj, cost)

    def delete(self):
        """A claim that ends frees what it was charged, whatever its annotations are by then."""
        obj, cost = self.live.pop(self.random.randrange(len(self.live)))
        assert self._send("DELETE", None, obj, self._user()).allowed
        self.held[obj["metadata"]["namespace"]] -= cost

    def _take(self, obj, cost):
        self.live.append((obj, cost))
        self.held[obj["metadata"]["namespace"]] += cost

    def _note(self, what, decision, marked, user):
        self.outcomes[what, "plain" if not marked else "scheduler's" if user is SCHEDULER else "spoofed", decision.allowed] += 1

    def step(self):
        dice = self.random.random()
        if not self.live or dice < 0.6:
            self.create()
        elif dice < 0.9 and len(self.live) < 200:
            self.update()
        else:
            self.delete()

    def check_held(self):
        metrics = self.server.metrics()
        used = {tenant: self.server.used(tenant, "devices", metrics=metrics) for tenant in LIMITS}
        assert used == self.held, f"seed {self.seed}"
        assert used["team-b"] <= LIMITS["team-b"]


def test_no_device_for_free(serve):
    """Everyone but the scheduler is refused with the mark and charged without it, however the
    request spells anything, and the sums of the quotas are exact all the time."""
    tenants = [doc("Tenant", name, namespaces=[name], quotas=[{"name": "devices", "hard": "unlimited" if limit is None else limit}])
               for name, limit in LIMITS.items()]
    attempts = Attempts(serve([A100, T4, *tenants]), int(os.environ.get("SPOOF_SEED") or random.randrange(1 << 30)))
    while sum(attempts.outcomes.values()) < ATTEMPTS:
        for _ in range(50):
            attempts.step()
        attempts.check_held()
    while attempts.live:
        attempts.delete()
    attempts.check_held()
    assert not any(attempts.held.values())
    assert attempts.outcomes.keys() == EXPECTED, (EXPECTED ^ attempts.outcomes.keys(), attempts.seed)
