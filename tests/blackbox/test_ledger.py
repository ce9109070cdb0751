"""The embedded ledger never exceeds a limit and never leaks, in any interleaving. Also tests an
outage of the cluster's ledger."""

import os
import random
import threading
import uuid
from fractions import Fraction

import pytest

from gpugate import scaled
from kube import GPU, SHARED, doc, persisted, pod
from race import race

MIG1 = "nvidia.com/mig-1g.10gb"
GIB = 1 << 30
POLICY = [
    doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb"]}, sharing={"resource": SHARED, "replicas": 4}),
    doc("Tenant", "root", quotas=[{"name": "gpus", "measure": "gpus", "hard": "6.5"}]),
    doc("Tenant", "team-a", parent="root", namespaces=["team-a"], quotas=[
        {"name": "whole", "resources": [GPU], "hard": 3}, {"name": "parts", "resources": [SHARED, "nvidia.com/mig-*"], "hard": 9},
        {"name": "memory", "measure": "memory", "hard": "300Gi"}]),
    doc("Tenant", "team-b", parent="root", namespaces=["team-b"], quotas=[{"name": "all", "hard": 5}]),
]
GPUS = {GPU: Fraction(1), SHARED: Fraction(1, 4), MIG1: Fraction(1, 7)}
MEMORY = {GPU: 80 * GIB, SHARED: 20 * GIB, MIG1: 10 * GIB}


class Model:
    """The same quotas in a few lines."""

    QUOTAS = {("root", "gpus", "gpus"): (None, GPUS, Fraction(13, 2)),
              ("team-a", "whole", "count"): ("team-a", {GPU: 1}, 3),
              ("team-a", "parts", "count"): ("team-a", {SHARED: 1, MIG1: 1}, 9),
              ("team-a", "memory", "memory"): ("team-a", MEMORY, 300 * GIB),
              ("team-b", "all", "count"): ("team-b", {GPU: 1, SHARED: 1, MIG1: 1}, 5)}

    def __init__(self):
        self.held = {}

    def used(self, quota):
        namespace, costs, _ = self.QUOTAS[quota]
        return sum(self._cost(costs, namespace, *pod) for pod in self.held.values())

    @staticmethod
    def _cost(costs, namespace, where, asks):
        if namespace not in (None, where):
            return 0
        return sum(costs.get(name, 0) * many for name, many in asks.items())

    def fits(self, where, asks):
        return all(self.used(q) + self._cost(costs, namespace, where, asks) <= hard or not self._cost(costs, namespace, where, asks)
                   for q, (namespace, costs, hard) in self.QUOTAS.items())


def random_asks(chance):
    return {name: chance.randrange(1, 4) for name in chance.sample([GPU, SHARED, MIG1], chance.choice((1, 1, 1, 2)))}


@pytest.mark.parametrize("seed", [*range(scaled(4, 1)), "time"])
def test_any_interleaving(serve, seed):
    """Compares admissions, retries, deletions, ends, dry runs and policy reloads with the model,
    decision by decision."""
    seed = int.from_bytes(os.urandom(4), "big") if seed == "time" else seed
    print("seed", seed)
    chance, server, model = random.Random(seed), serve(POLICY), Model()
    known, gone = {}, []
    for step in range(scaled(500, 120)):
        what = chance.choices(("create", "retry", "delete", "finish", "run", "dry create", "dry delete", "dry finish", "delete again",
                               "stranger", "reload"), (30, 12, 10, 8, 6, 10, 5, 5, 4, 3, 0.4))[0]
        held = [known[u] for u in model.held]
        if what in ("create", "dry create"):
            where, asks = chance.choice(("team-a", "team-b")), random_asks(chance)
            obj = persisted(pod(asks, namespace=where))
            decision = server.validate(obj, dry_run=what != "create")
            assert decision.allowed == model.fits(where, asks), (seed, step, where, asks, model.held, decision)
            if what == "create":
                known[obj["metadata"]["uid"]] = obj
                if decision.allowed:
                    model.held[obj["metadata"]["uid"]] = (where, asks)
        elif what == "retry" and known:
            obj = known[chance.choice([u for u in known if u not in gone] or [None])] if set(known) - set(gone) else None
            if obj is None:
                continue
            where = obj["metadata"]["namespace"]
            asks = {k: int(v) for k, v in obj["spec"]["containers"][0]["resources"]["limits"].items()}
            uid = obj["metadata"]["uid"]
            decision = server.validate(obj)
            assert decision.allowed == (uid in model.held or model.fits(where, asks)), (seed, step, decision)
            if decision.allowed:
                model.held[uid] = (where, asks)
        elif what == "stranger":
            assert server.delete(persisted(pod({GPU: 1}))).allowed
        elif what == "delete again" and gone:
            assert server.delete(known[chance.choice(gone)]).allowed
        elif what == "reload":
            server.reload(POLICY + [doc("Guard", f"g{step}", deny=["privileged"])])
        elif held and what not in ("create", "retry", "delete again"):
            obj = chance.choice(held)
            end = {"delete": server.delete, "dry delete": server.delete}.get(what)
            if end:
                assert end(obj, dry_run=what.startswith("dry")).allowed
            else:
                phase = "Running" if what == "run" else chance.choice(("Succeeded", "Failed"))
                assert server.finish(obj, phase, dry_run=what.startswith("dry")).allowed
            if what in ("delete", "finish"):
                del model.held[obj["metadata"]["uid"]]
                gone.append(obj["metadata"]["uid"])
        if step % 10 == 0:
            check(server, model, (seed, step, what))
    check(server, model, seed)
    for uid in list(model.held):
        server.delete(known[uid])
    model.held.clear()
    check(server, model, seed)


def check(server, model, where):
    metrics = server.metrics()
    for tenant, name, measure in model.QUOTAS:
        labels = {"tenant": tenant, "quota": name, "measure": measure}
        got = metrics.value("gpugate_quota_used", **labels) + metrics.value("gpugate_quota_pending", **labels)
        want = float(model.used((tenant, name, measure)))
        assert abs(got - want) <= 1e-6 * max(1.0, want), (where, labels, got, want)
        assert metrics.value("gpugate_quota_hard", **labels) == float(model.QUOTAS[tenant, name, measure][2])


@pytest.mark.concurrent
def test_many_at_once(serve):
    """Threads create, retry, delete and finish Pods. The gauges never show more than `hard`, and
    nothing is left at the end."""
    server = serve(POLICY)
    stop, problems, alive = threading.Event(), [], []

    def work(seed):
        chance, mine = random.Random(seed), []
        try:
            for _ in range(scaled(120, 30)):
                if mine and chance.random() < 0.45:
                    obj = mine.pop(chance.randrange(len(mine)))
                    assert (server.delete(obj) if chance.random() < 0.5 else server.finish(obj)).allowed
                else:
                    obj = persisted(pod(random_asks(chance), namespace=chance.choice(("team-a", "team-b"))))
                    if server.validate(obj).allowed:
                        mine.append(obj)
                        assert server.validate(obj).allowed, "a retry of what was admitted"
                if chance.random() < 0.1:
                    server.validate(persisted(pod({GPU: 1})), dry_run=True)
            alive.extend(mine)
        except BaseException as problem:
            problems.append((seed, repr(problem)))

    def watch():
        while not stop.is_set():
            metrics = server.metrics()
            for tenant, name, measure in Model.QUOTAS:
                labels = {"tenant": tenant, "quota": name, "measure": measure}
                used = metrics.value("gpugate_quota_used", **labels) + metrics.value("gpugate_quota_pending", **labels)
                if used > metrics.value("gpugate_quota_hard", **labels) * (1 + 1e-9):
                    problems.append((labels, used))
            stop.wait(0.02)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    watcher = threading.Thread(target=watch)
    for thread in [watcher, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()
    assert not problems, problems[:3]
    model = Model()
    for obj in alive:
        asks = {k: int(v) for k, v in obj["spec"]["containers"][0]["resources"]["limits"].items()}
        model.held[obj["metadata"]["uid"]] = (obj["metadata"]["namespace"], asks)
    check(server, model, "end")
    for obj in alive:
        server.delete(obj)
    check(server, Model(), "empty")


@pytest.mark.concurrent
@pytest.mark.parametrize("hard,clients,each", [(1000, 64, scaled(2000, 60)), (1, 64, 20), (777, 16, 100)])
def test_race(serve, hard, clients, each):
    """64 clients, each with 2,000 Pods, against a quota of 1,000: exactly 1,000 Pods are admitted.
    """
    server = serve([doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": hard}])])
    admitted, answered = race(server, clients, each)
    assert answered == clients * each
    assert admitted == min(hard, answered)
    assert server.used("team-a", "q") == admitted


@pytest.mark.concurrent
def test_race_for_several_quotas(serve):
    """Each Pod is charged to three quotas. The tightest one decides, and the others hold exactly as
    much."""
    server = serve([doc("Tenant", "root", quotas=[{"name": "g", "measure": "gpus", "hard": 200}]),
                    doc("Tenant", "team-a", parent="root", namespaces=["team-a"], quotas=[{"name": "q", "hard": 150}, {"name": "r", "hard": 151}])])
    admitted, _ = race(server, 32, scaled(50, 10))
    assert admitted == 150
    assert server.used("team-a", "q") == server.used("team-a", "r") == server.used("root", "g", "gpus") == 150


@pytest.mark.concurrent
def test_the_same_pod_from_everywhere(serve):
    """Many concurrent calls for one uid charge it once."""
    server = serve(POLICY)
    for _ in range(scaled(20, 4)):
        obj, answers = persisted(pod({GPU: 3}), str(uuid.uuid4())), []
        threads = [threading.Thread(target=lambda o=obj: answers.append(server.validate(o).allowed)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [True] * 8
        assert server.used("team-a", "whole") == 3
        server.delete(obj)
        assert server.used("team-a", "whole") == 0


def test_thousands_of_pods(serve):
    """Memory and time stay reasonable with many Pods, and all of it is returned."""
    server = serve([doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 100000}])])
    stored = []
    for _ in range(scaled(3000, 300)):
        obj = persisted(pod({GPU: 1}))
        assert server.validate(obj).allowed
        stored.append(obj)
    assert server.used("team-a", "q") == len(stored)
    random.Random(3).shuffle(stored)
    for obj in stored:
        server.delete(obj)
    assert server.used("team-a", "q") == 0


NOBODY_LISTENS = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
"""


@pytest.mark.parametrize("settings, tenant, code", [
    ({}, {}, 429),
    ({}, {"enforcement": "audit"}, 429),
    ({"onOutage": "allow"}, {}, None),
    ({"enforcement": "warn"}, {}, None),
    ({"enforcement": "audit"}, {}, None),
], ids=["deny", "a Tenant on audit", "onOutage: allow", "Settings on warn", "Settings on audit"])
def test_what_refuses_in_an_outage(serve, tmp_path, settings, tenant, code):
    """onOutage, capped by Settings.enforcement and not by a Tenant's. lint, README and docs/ rely
    on it."""
    (tmp_path / "kubeconfig").write_text(NOBODY_LISTENS)
    server = serve([doc("Settings", "s", **settings), doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 1}], **tenant)],
                   "--ledger", "cluster", "--kubeconfig", tmp_path / "kubeconfig")
    decision = server.validate(pod({GPU: 1}))
    assert (decision.allowed, decision.code) == (code is None, code), decision.raw
    assert "temporarily unavailable" in decision.message + "".join(decision.warnings) + decision.audit.get("audit", "") or settings.get("onOutage")
