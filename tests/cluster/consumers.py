"""What the clients of load.py create: Pods that request GPUs in every way that the quota's
arithmetic must follow, claims of devices, and Pods that name claims.

A claim counts from its creation until it is gone. A Pod that names one, or a template, counts
nothing for that: the claim of a template is a consumer of its own, which the claim controller
creates.
"""

import gangs
from doomed import DOOM, DOOM_CLASS
from kube import GPU
from manifests import container, pod
from slow_webhook import LABEL

MIG = "nvidia.com/mig-1g.10gb"
# Each class with the attribute `kind` of its devices; no attribute: of any.
CLASSES = {"a100.example.com": "a100", "t4.example.com": "t4", "gpu.example.com": None, "mig.example.com": "mig"}
DRIVER = "gpus.example.com"
# As many as one ResourceSlice can have.
DEVICES = {"a100": 48, "t4": 48, "mig": 32}
TEMPLATES = {"one": [[("gpu.example.com", 1)]], "two": [[("a100.example.com", 1)], [("mig.example.com", 1)]],
             "any": [[("t4.example.com", 3), ("mig.example.com", 1)]]}

# How often a client creates what: a Maker's methods and their weights.
PODS = {"pod": 1}
PODS_AND_CLAIMS = {"pod": 0.6, "claim": 0.4}
ALL = {"pod": 0.55, "claim": 0.33, "of_template": 0.08, "of_claim": 0.04}


def request(name, options):
    """Options are pairs of a class and a number of devices, of which the first that is available is
    allocated."""
    if len(options) == 1:
        return {"name": name, "exactly": {"deviceClassName": options[0][0], "count": options[0][1]}}
    return {"name": name, "firstAvailable": [{"name": f"o{n}", "deviceClassName": device, "count": count} for n, (device, count) in enumerate(options)]}


def claim_spec(requests):
    return {"devices": {"requests": [request(f"r{n}", options) for n, options in enumerate(requests)]}}


def furnish(plane, spaces):
    """Makes the device classes, a node that has such devices, and in each namespace the templates.
    """
    for name, kind in CLASSES.items():
        expression = f"device.driver == '{DRIVER}'" + (f" && device.attributes['{DRIVER}'].kind == '{kind}'" if kind else "")
        plane.admin.create({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name},
                            "spec": {"selectors": [{"cel": {"expression": expression}}]}}).must()
    plane.node("devices")
    names = [(kind, n) for kind, count in DEVICES.items() for n in range(count)]
    plane.admin.create({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "devices"}, "spec": {
        "driver": DRIVER, "nodeName": "devices", "pool": {"name": "devices", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": f"{kind}-{n}", "attributes": {"kind": {"string": kind}}} for kind, n in names]}}).must()
    for space in spaces:
        for name, requests in TEMPLATES.items():
            plane.admin.create({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": name, "namespace": space},
                                "spec": {"spec": claim_spec(requests)}}).must()


class Maker:
    """Makes objects for one client, at random.

    doomed: how often one is admitted and never stored. Without, no name is taken and nothing is
    admitted slowly.
    """

    def __init__(self, number, random, doomed):
        self.number, self.random, self.doomed = number, random, doomed

    def make(self, mix, space, claims):
        """Returns what of the mix it is, and the object. `claims` are the names of those in the
        namespace that the client has."""
        [what] = self.random.choices(list(mix), mix.values())
        obj = getattr(self, what)(space, claims)
        metadata = obj["metadata"]
        metadata["labels"] = {"client": str(self.number), **(LABEL if self.doomed and self.random.random() < 0.05 else {})}
        if self.random.random() < 0.8:
            metadata["generateName"] = "g-"
            del metadata["name"]
        return what, obj

    def _name(self):
        return f"n{self.random.randrange(40 if self.doomed else 1 << 30)}"

    def _is_doomed(self):
        return self.random.random() < self.doomed

    def pod(self, space, _):
        """Returns a Pod that requests GPUs by their names."""
        dice = self.random.random()
        gpus = self.random.choice((1, 1, 1, 2, 3))
        fields = {}
        if dice < 0.2:
            asks = {MIG: self.random.randint(1, 4)}
        elif dice < 0.3:
            asks = {GPU: 1, MIG: 1}
        else:
            asks = {GPU: gpus}
        if self.random.random() < 0.15:
            fields["initContainers"] = [container({GPU: 1}, "first"), container({GPU: 1}, "side", restartPolicy="Always"),
                                        container({GPU: self.random.randint(1, 3)}, "second")]
        if MIG not in asks and self.random.random() < 0.5:
            fields["nodeSelector"] = {"gpu": self.random.choice(("a100", "t4"))}
        if self.random.random() < 0.3:
            fields["schedulerName"] = "nobody"
        if self._is_doomed():
            asks[DOOM] = 1
        return pod(space, self._name(), asks, **fields)

    def gang(self, space):
        """Returns the Pods of a new group, which say themselves how many they are."""
        asks = self.random.choice(({GPU: 1}, {GPU: 1}, {GPU: 2}, {MIG: 2}))
        size = self.random.choice((2, 2, 3))
        return gangs.members(space, f"g{self.number}-{self.random.randrange(1 << 30)}", size, asks, {"client": str(self.number)})

    def claim(self, space, _):
        def option():
            return self.random.choice(list(CLASSES)), self.random.choice((1, 1, 1, 2, 3))

        requests = [[option() for _ in range(self.random.choice((1, 1, 1, 2)))] for _ in range(self.random.choice((1, 1, 1, 2)))]
        if self._is_doomed():
            requests.append([(DOOM_CLASS, 1)])
        return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": self._name(), "namespace": space},
                "spec": claim_spec(requests)}

    def of_template(self, space, _):
        """Returns a Pod with a claim that is made for it. It may request a GPU by name, too."""
        asks = {GPU: 1} if self.random.random() < 0.1 else None
        return pod(space, self._name(), asks, resourceClaims=[{"name": "d", "resourceClaimTemplateName": self.random.choice(list(TEMPLATES))}])

    def of_claim(self, space, claims):
        """Returns a Pod that shares a claim with others, or one without if there is none."""
        named = [{"name": "d", "resourceClaimName": self.random.choice(claims)}] if claims else []
        return pod(space, self._name(), **({"resourceClaims": named} if named else {}))
