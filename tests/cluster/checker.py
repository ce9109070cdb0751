"""Whether the Pods and claims of a history ever exceeded their quotas: an independent
implementation of quotas, fed with what etcd stored.

It shares only the policy's documents with gpugate: effective requests, measures, the
Accelerators that a Pod could land on or is bound to, device classes, parents, and cohorts.
Amounts are Fractions, and memory is in GiB.

The promise, checked at every version: **a write that raises what counts in a quota leaves it
within the largest limit in force**. Charges rise only when a Pod or claim is stored.
Deletions, ends and bindings lower them. Limits are those of any policy by which some replica
may have decided (during()).

A claim of devices counts, from its creation until it is gone, as the most expensive of the
alternatives that each of its requests offers. Pods count nothing for the claims that they name.

A namespace that changes its tenant takes its Pods along, whatever the new tenant's limit. The
former tenant may still decide admissions until all replicas know of the change and everything
admitted before is stored. Those may exceed the new tenant's quotas, but not those above both
(excuse()).
"""

import bisect
import fnmatch
import math
from collections import Counter, defaultdict, namedtuple
from fractions import Fraction

Violation = namedtuple("Violation", "revision object tenant quota used limit why")
CLASS = "deviceclass.resource.kubernetes.io/"
# The kinds of what counts, by the names in etcd.
KINDS = {"pods": "Pod", "resourceclaims": "ResourceClaim"}
_SUFFIXES = {"Ki": Fraction(1, 1 << 20), "Mi": Fraction(1, 1 << 10), "Gi": Fraction(1), "Ti": Fraction(1 << 10)}


def amount(text):
    """Parses a quantity. Bytes with a binary suffix become GiB."""
    text = str(text)
    return Fraction(text[:-2]) * _SUFFIXES[text[-2:]] if text[-2:] in _SUFFIXES else Fraction(text)


def effective(spec):
    """Returns resource -> what a Pod holds while it counts: either containers and sidecars
    together, or an init container and the sidecars started before it, whichever is more."""
    def asks(container):
        resources = container.get("resources") or {}
        found = {k: amount(v) for k, v in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items() if "/" in k}
        return defaultdict(Fraction, found)

    inits = [(c.get("restartPolicy") == "Always", asks(c)) for c in spec.get("initContainers") or ()]
    mains = [asks(c) for c in spec["containers"]]
    result = {}
    for name in {name for _, a in inits for name in a} | {name for a in mains for name in a}:
        beside, most = Fraction(0), Fraction(0)
        for sidecar, a in inits:
            most = max(most, beside + a[name])
            beside += a[name] if sidecar else 0
        total = max(most, beside + sum(a[name] for a in mains)) + amount((spec.get("overhead") or {}).get(name, 0))
        if total:
            result[name] = total
    return result


def requested(spec):
    """Returns the requests of a claim, each a list of alternatives: (name of the class, number)."""
    def option(asked):
        assert set(asked) <= {"name", "deviceClassName", "count", "allocationMode", "exactly"} and asked.get("allocationMode") in (None, "ExactCount"), asked
        return CLASS + asked["deviceClassName"], Fraction(asked.get("count", 1))

    # Before v1beta2, a request had the fields of `exactly` itself.
    return [[option(asked) for asked in request.get("firstAvailable") or [request.get("exactly") or request]]
            for request in spec["devices"].get("requests") or ()]


class Policy:
    """What the documents define about tenants and Accelerators."""

    def __init__(self, documents):
        specs = defaultdict(dict)
        for document in documents:
            specs[document["kind"]][document["metadata"]["name"]] = document["spec"]
        self.tenants = specs["Tenant"]
        self.models = specs["Accelerator"]
        self.costs = {name: self._costs(spec) for name, spec in self.models.items()}
        self.quotas = {(tenant, quota["name"]): quota for tenant, spec in self.tenants.items() for quota in spec.get("quotas", ())}

    @staticmethod
    def _costs(spec):
        """Returns resource or device class -> (GPUs, GiB) of one unit, and the resource that it is
        one of. Knows the slices that tests use, on a GPU with seven compute and eight memory
        slices."""
        memory = amount(spec["memory"])
        mig = spec.get("mig", {})
        costs = {spec["resource"]: (Fraction(1), memory, spec["resource"])}
        for profile in mig.get("offered", ()):
            compute, gib = (int(part) for part in profile.removesuffix("gb").split("g."))
            slices = {10: 1, 20: 2, 40: 4, 80: 8}[gib]
            costs[f"nvidia.com/mig-{profile}"] = (max(Fraction(compute, 7), Fraction(slices, 8)), Fraction(gib), f"nvidia.com/mig-{profile}")
        costs |= {CLASS + name: costs[spec["resource"]] for name in spec.get("deviceClasses", ())}
        costs |= {CLASS + name: costs[f"nvidia.com/mig-{profile}"] for name, profile in mig.get("deviceClasses", {}).items()}
        return costs

    def tenant_of(self, namespace, labels):
        """Returns None if the namespace belongs to no tenant or to two."""
        for match in (lambda n: n == namespace, lambda n: fnmatch.fnmatchcase(namespace, n)):
            found = [t for t, spec in self.tenants.items() if any(match(n) for n in spec.get("namespaces", ()))]
            if found:
                return found[0]
        selected = [t for t, spec in self.tenants.items() if spec.get("namespaceSelector")
                    and spec["namespaceSelector"]["matchLabels"].items() <= labels.items()]
        return selected[0] if len(selected) == 1 else None

    def path(self, tenant):
        while tenant:
            yield tenant
            tenant = self.tenants[tenant].get("parent")

    def landing(self, spec, nodes):
        """Returns the Accelerators that a Pod is on or could land on."""
        node = nodes.get(spec.get("nodeName"), {})
        here = [m for m, s in self.models.items() if s.get("nodeLabels") and s["nodeLabels"].items() <= node.items()]
        wants = spec.get("nodeSelector") or {}
        return set(here or [m for m, s in self.models.items()
                            if all(wants.get(key, value) == value for key, value in s.get("nodeLabels", {}).items())])

    def needs(self, kind, spec, nodes):
        """Returns what decides about the charges of a Pod or claim: its requests, each a list of
        alternatives, and the Accelerators that it can get."""
        if kind == "ResourceClaim":
            return requested(spec), set(self.models)
        return [[ask] for ask in effective(spec).items()], self.landing(spec, nodes)

    def charges(self, requests, models, tenant):
        """Returns (tenant, quota) -> amount, along the path."""
        found = {}
        for level in self.path(tenant):
            for quota in self.tenants[level].get("quotas", ()):
                total = sum((max(n * self._cost(quota, name, models) for name, n in options) for options in requests), Fraction(0))
                if total:
                    found[level, quota["name"]] = total
        return found

    def _cost(self, quota, name, models):
        having = {m for m in self.models if name in self.costs[m]}
        if not any(fnmatch.fnmatchcase(self.costs[m][name][2], pattern) for m in having for pattern in quota.get("resources", "*")):
            return 0
        counted = [self.costs[m][name] for m in (models & having or having) if m in quota.get("accelerators", self.models)]
        measure = quota.get("measure", "count")
        return max((1 if measure == "count" else cost[measure == "memory"] for cost in counted), default=0)

    # --- Limits ---

    def limit(self, key):
        hard = self.quotas[key]["hard"]
        return math.inf if hard == "unlimited" else amount(hard) + self._borrowing(key, "borrowUpTo", 0, 0)

    def _borrowing(self, key, word, absent, without):
        """Returns what a member of a cohort may borrow or lends, or `without` outside of cohorts.
        """
        tenant, name = key
        if not self.pool(key):
            return without
        said = self.tenants[tenant].get("borrowing", {}).get(name, {})
        return amount(said[word]) if word in said else absent

    def pool(self, key):
        cohort = self.tenants[key[0]].get("cohort")
        return [k for k in self.quotas if k[1] == key[1] and self.tenants[k[0]].get("cohort") == cohort] if cohort else []

    def room(self, key, used):
        """Returns the maximum that the cohort allows a quota to hold now."""
        pool = self.pool(key)
        if len(pool) < 2:
            return math.inf
        keeps = {k: amount(self.quotas[k]["hard"]) - min(amount(self.quotas[k]["hard"]), self._borrowing(k, "lendUpTo", math.inf, 0)) for k in pool}
        others = sum(max(used[k], keeps[k]) for k in pool if k != key)
        return max(sum(amount(self.quotas[k]["hard"]) for k in pool) - others, keeps[key])


class Checker:
    """Checks all changes of Pods, claims and Namespaces, which must be fed oldest first. nodes
    maps names to labels, which do not change."""

    def __init__(self, policy, nodes):
        self.policy, self.nodes = policy, nodes
        self.others = []  # (from, to, Policy)
        self.excuses = []  # (from, to, {tenants})
        self.labels, self.members = {}, defaultdict(set)
        self.facts, self.charged = {}, {}
        self.used = defaultdict(Fraction)
        # quota -> revisions, and what was held from each on
        self.series = defaultdict(lambda: ([0], [Fraction(0)]))
        self.violations = []
        self.excused = self.peak = 0
        # How many were stored: Pods, claims, and of these the generated ones.
        self.stored = Counter()

    def during(self, start, end, policy):
        """Some replica may also have decided by this policy what was stored in these revisions."""
        self.others.append((start, end, policy))

    def excuse(self, start, end, tenants):
        """Admissions that were stored in these revisions may exceed the quotas of these tenants
        themselves."""
        self.excuses.append((start, end, set(tenants)))

    def feed(self, change):
        if change.kind == "namespaces":
            self.labels[change.name] = (change.pod or {}).get("metadata", {}).get("labels") or {}
            for key in list(self.members[change.name]):
                self._charge(key, change.revision, checked=False)
            return
        key = (change.namespace, change.name, KINDS[change.kind])
        if change.before is None:
            self.stored[change.kind] += 1
            self.stored["generated"] += change.kind == "resourceclaims" and bool(change.pod["metadata"].get("ownerReferences"))
        facts = self._facts(key[2], change.pod)
        if facts == self.facts.get(key):
            return
        if facts is None:
            self.facts.pop(key, None)
            self.members[change.namespace].discard(key)
        else:
            self.facts[key] = facts
            self.members[change.namespace].add(key)
        self._charge(key, change.revision, checked=True)

    @property
    def created(self):
        """How many Pods and claims were stored."""
        return self.stored["pods"] + self.stored["resourceclaims"]

    def _facts(self, kind, obj):
        """Returns what matters of a Pod or claim, or None if it does not count."""
        if obj is None or (kind == "Pod" and obj.get("status", {}).get("phase") in ("Succeeded", "Failed")):
            return None
        return obj["metadata"]["uid"], *self.policy.needs(kind, obj["spec"], self.nodes)

    def _charge(self, key, revision, checked):
        facts = self.facts.get(key)
        tenant = self.policy.tenant_of(key[0], self.labels.get(key[0], {})) if facts else None
        fresh = self.policy.charges(facts[1], facts[2], tenant) if tenant else {}
        old = self.charged.pop(key, {})
        if fresh:
            self.charged[key] = fresh
        raised = []
        for quota in {*fresh, *old}:
            change = fresh.get(quota, 0) - old.get(quota, 0)
            if not change:
                continue
            self.used[quota] += change
            revisions, values = self.series[quota]
            revisions.append(revision)
            values.append(self.used[quota])
            if change > 0:
                raised.append(quota)
        for quota in raised if checked else ():
            self._check(quota, key, revision)

    def in_force(self, revision):
        return [self.policy, *(policy for start, end, policy in self.others if start <= revision <= end)]

    def _check(self, quota, key, revision):
        used, policies = self.used[quota], self.in_force(revision)
        limit = max(policy.limit(quota) for policy in policies)
        room = max(policy.room(quota, self.used) for policy in policies)
        self.peak += used == limit
        if used <= limit and used <= room:
            return
        if any(start <= revision <= end and quota[0] in tenants for start, end, tenants in self.excuses):
            self.excused += 1
            return
        self.violations.append(Violation(revision, f"{key[2]} {key[0]}/{key[1]}", *quota, used, limit if used > limit else room,
                                         "its limit" if used > limit else "what its cohort leaves"))

    def disagreement(self, servers):
        """Returns one place where a replica's report differs from what is stored, in words, or
        None."""
        for server in servers:
            metrics = server.metrics()
            for (tenant, name), spec in self.policy.quotas.items():
                measure = spec.get("measure", "count")
                said = metrics.value("gpugate_quota_used", tenant=tenant, quota=name, measure=measure)
                held = float(self.used[tenant, name]) * ((1 << 30) if measure == "memory" else 1)
                if abs(said - held) > 1e-5 * max(1, held):
                    return f"{server.port} says that {tenant}/{name} is at {said}, the Pods and claims hold {held}"
        return None

    def most(self, quota, low, high):
        """Returns the maximum that a quota held from one revision to another."""
        revisions, values = self.series[quota]
        first = bisect.bisect_right(revisions, low) - 1
        return max(values[first:bisect.bisect_right(revisions, high)])

    def versions(self, quota, low, high):
        """Returns what a quota held from one revision to another: (revision, the following one,
        amount)."""
        revisions, values = self.series[quota]
        first, last = bisect.bisect_right(revisions, low) - 1, bisect.bisect_right(revisions, high)
        return zip(revisions[first:last], [*revisions[first + 1:last], high + 1], values[first:last])

    def assert_never_over(self):
        told = "\n".join(f"revision {v.revision}: {v.object} made {v.tenant}/{v.quota} {float(v.used):g}, above {v.why}, {float(v.limit):g}"
                         for v in self.violations[:20])
        assert not self.violations, f"{len(self.violations)} times over:\n{told}"
