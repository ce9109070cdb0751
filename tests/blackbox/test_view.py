"""What the cluster ledger does with an API server that loses events or sends unreadable objects,
which no real one can be made to do."""

import copy

import pytest

from gpugate import Server, eventually
from kube import GPU, defaulted, doc, persisted, pod
from test_early_answers import ask, workload
from watching import api, serve

POLICY = [doc("Settings", "cluster", enforcement="deny"),
          doc("Accelerator", "a100", resource=GPU, memory="80Gi"),
          doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "gpus", "resources": [GPU], "hard": 100}])]


def value(server, name, **labels):
    return server.metrics().value(name, **labels)


def compared(server):
    return value(server, "gpugate_view_checks_total", outcome="compared")


def used(server):
    return value(server, "gpugate_quota_used", tenant="team-a", quota="gpus", measure="count")


def stored(api, name, gpus, **status):
    return api.put("pods", persisted(pod({GPU: gpus} if gpus else {}, name=name), name) | {"status": {"phase": "Running", **status}})


def test_lost_events_are_healed(api, serve):
    """No watch reports any of four changes. Each is found, logged and corrected, without listing
    anything again."""
    pods = {name: stored(api, name, gpus) for name, gpus in (("gone", 1), ("finished", 2), ("stays", 4), ("back", 8))}
    api.put("pods", pods["back"] | {"status": {"phase": "Failed"}})
    server = serve("--view-check-seconds", "1")
    eventually(lambda: used(server) == 7, what="what exists")
    lists = api.count("GET", "pods", sendInitialEvents="true")
    api.losing = True
    api.delete("pods", pods["gone"])
    api.put("pods", pods["finished"] | {"status": {"phase": "Succeeded"}})
    api.put("pods", pods["back"])
    stored(api, "new", 16)
    api.losing = False
    api.bookmark()
    eventually(lambda: used(server) == 28, what=lambda: f"what exists now: {used(server)}")
    eventually(lambda: value(server, "gpugate_view_healed_total") == 4, what="a count of what was healed")
    told = " ".join(line["message"] for line in server.wait_log("view_healed", 4))
    assert all(f"team-a/{name} " in told for name in ("finished", "back", "new")) and "do not exist any more: 1" in told, told
    before = compared(server)
    eventually(lambda: compared(server) > before + 1, what="another comparison")
    assert value(server, "gpugate_view_healed_total") == 4
    assert api.count("GET", "pods", sendInitialEvents="true") == lists


def test_a_comparison_disturbs_nothing(api, serve):
    """While its list is delayed, Pods are admitted, seen, finish and disappear. The comparison must
    not change any of that."""
    for n in range(1100):
        stored(api, f"other-{n}", 0)
    gone, finishes = stored(api, "gone", 1), stored(api, "finishes", 2)
    server = serve("--view-check-seconds", "1")
    eventually(lambda: compared(server) >= 1, what="a comparison")
    assert sum("continue" in query for _, _, query in api.asked) >= 2
    api.pages.clear()
    begun = api.count("GET", "pods", resourceVersionMatch="Exact")
    eventually(lambda: api.count("GET", "pods", resourceVersionMatch="Exact") > begun, what="another list")
    api.delete("pods", gone)
    api.put("pods", finishes | {"status": {"phase": "Succeeded"}})
    for n in range(5):
        decision, final = server.admit(pod({GPU: 4}, name=f"new-{n}"))
        assert decision.allowed, decision
        api.put("pods", final)
    eventually(lambda: used(server) == 20, what="the Pods of this moment")
    before = compared(server)
    api.pages.set()
    eventually(lambda: compared(server) > before + 1, what="a comparison")
    assert used(server) == 20
    assert value(server, "gpugate_view_healed_total") == 0
    assert value(server, "gpugate_ledger_undecided_total") == 0


def test_a_comparison_that_fails_is_tried_again(api, serve):
    pods = stored(api, "gone", 1)
    server = serve("--view-check-seconds", "1")
    eventually(lambda: compared(server) >= 1, what="a comparison")
    api.expired = True
    eventually(lambda: value(server, "gpugate_view_checks_total", outcome="failed") >= 1, what="a comparison that fails")
    assert "was not compared" in server.wait_log("view_unchecked")[0]["message"]
    api.losing = True
    api.delete("pods", pods)
    api.losing, api.expired = False, False
    api.bookmark()
    eventually(lambda: used(server) == 0, what="a comparison that finds what was lost")


BROKEN = {
    "containers": lambda obj: obj["spec"].update(containers="none"),
    "spec": lambda obj: obj.update(spec="none"),
    "labels": lambda obj: obj["metadata"].update(labels=["none"], annotations=7),
    "status": lambda obj: obj.update(status=[1]),
    "managedFields": lambda obj: obj["metadata"].update(managedFields={}),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_pod_that_cannot_be_read_counts_as_it_was_admitted(api, serve, how):
    """It is neither swept nor folded, while another Pod that was never stored is swept."""
    server = serve("--pending-seconds", "1", "--view-check-seconds", "1")
    decision, final = server.admit(pod({GPU: 3}, name="odd"))
    assert decision.allowed, decision
    assert server.admit(pod({GPU: 5}, name="never"))[0].allowed
    broken = copy.deepcopy(defaulted(final))
    BROKEN[how](broken)
    broken = api.put("pods", broken)
    eventually(lambda: api.bookmark() or value(server, "gpugate_ledger_expired_total") == 1, what="an entry that is swept")
    eventually(lambda: server.used("team-a", "gpus") == 3, what=lambda: f"what is held: {server.used('team-a', 'gpus')}")
    before = compared(server)
    eventually(lambda: compared(server) > before + 2, what="some comparisons")
    assert server.used("team-a", "gpus") == 3 and value(server, "gpugate_view_healed_total") == 0
    assert value(server, "gpugate_view_unreadable_total") >= 1
    assert "cannot be read" in server.wait_log("object_unreadable")[0]["message"]
    api.delete("pods", broken)
    eventually(lambda: server.used("team-a", "gpus") == 0, what="nothing that is held")


def test_no_early_answer_while_the_watch_is_interrupted(api, serve):
    """Pods may have ended since, so that nobody knows how many fit."""
    stored(api, "held", 40)
    server = serve()
    obj = workload("Job", pod({GPU: 1}), 99)
    said = "60 of 99 Pods fit now: exceeded quota: "
    eventually(lambda: ask(server, obj).warnings, what="an early answer")
    assert ask(server, obj).warnings[0].startswith(said)
    api.forbidden.add("pods")
    api.interrupt()
    eventually(lambda: not ask(server, obj).warnings, what="silence")
    assert ask(server, obj).allowed and used(server) == 40
    api.forbidden.clear()
    eventually(lambda: ask(server, obj).warnings, what="another early answer")
    assert ask(server, obj).warnings[0].startswith(said)
