"""Borrowing: what the tenants of a cohort lend to each other, with the real binary."""

import random

from hypothesis import given, settings, strategies as st

from gpugate import Server, run, scaled, write_policy
from kube import GPU, doc, persisted, pod

MIG = "nvidia.com/mig-1g.10gb"
A100 = doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb"]})


def team(name, hard, *, borrow=None, lend=None, cohort="research", **more):
    """Returns a tenant with one quota, `whole`, and its own namespace."""
    terms = {key: value for key, value in (("borrowUpTo", borrow), ("lendUpTo", lend)) if value is not None}
    spec = {"namespaces": [name], "quotas": [{"name": "whole", "resources": [GPU], "hard": hard}]}
    if cohort:
        spec["cohort"] = cohort
    if terms:
        spec["borrowing"] = {"whole": terms}
    return doc("Tenant", name, **{**spec, **more})


def ask(server, namespace, count=1, resource=GPU, **how):
    """Returns a Pod of the namespace and the decision about it."""
    obj = persisted(pod({resource: count}, namespace=namespace))
    return obj, server.validate(obj, **how)


def fits(server, namespace, count=1, resource=GPU):
    return ask(server, namespace, count, resource)[1].allowed


def refusal(server, namespace, count=1, resource=GPU):
    decision = ask(server, namespace, count, resource, dry_run=True)[1]
    assert not decision.allowed and decision.code == 403
    return decision.message


def test_borrow_and_lend(serve):
    server = serve([team("team-a", 4), team("team-b", 4, borrow=2)])
    assert fits(server, "team-b", 6)
    assert refusal(server, "team-b") == ('exceeded quota: GPU quota "whole" of tenant "team-b": requested 1, used 6, limit 4 + up to 2 borrowed, '
                                         'over by 1; nothing is free')
    assert fits(server, "team-a", 2)
    assert refusal(server, "team-a", 2) == (
        'exceeded quota: GPU quota "whole" of tenant "team-a": requested 2, used 2, limit 4, but cohort "research" has too little left: '
        'tenant "team-b" uses 2 above its own limit; wait until Pods there end, or ask for some of it back; nothing is free')
    assert server.used("team-a", "whole") == 2 and server.used("team-b", "whole") == 6


def test_what_was_lent_comes_back(serve):
    server = serve([team("team-a", 2), team("team-b", 2, borrow=2)])
    borrowed, decision = ask(server, "team-b", 4)
    assert decision.allowed and not fits(server, "team-a", 1)
    assert server.delete(borrowed).allowed
    assert fits(server, "team-a", 2) and fits(server, "team-b", 2) and not fits(server, "team-b", 1)


def test_only_what_is_lent(serve):
    server = serve([team("team-a", 4, lend=1), team("team-b", 4, borrow=4)])
    message = refusal(server, "team-b", 6)
    assert message == ('can never fit: GPU quota "whole" of tenant "team-b": requested 6, used 0, limit 4 + up to 4 borrowed, of which cohort '
                       '"research" can lend at most 1; request at most 5, or ask the platform team to raise the limit; 5 are free')
    assert fits(server, "team-b", 5)
    assert fits(server, "team-a", 3), "what is kept is there"
    assert 'tenant "team-b" uses 1 above its own limit' in refusal(server, "team-a")


def test_nobody_borrows_unasked(serve):
    server = serve([team("team-a", 4), team("team-b", 4)])
    assert not fits(server, "team-b", 5) and fits(server, "team-b", 4)
    assert "limit 4, over by 1" in refusal(server, "team-b")


def test_cohorts_are_apart(serve):
    server = serve([team("team-a", 4, borrow=4), team("team-b", 4, cohort="other", borrow=4), team("team-c", 4, cohort=None),
                    team("team-d", 1)])
    assert fits(server, "team-a", 5)
    assert "has too little left; wait until Pods of the cohort end; nothing is free" in refusal(server, "team-a")
    assert not fits(server, "team-b", 5) and fits(server, "team-b", 4), "alone in its cohort"
    assert not fits(server, "team-c", 5) and fits(server, "team-c", 4)


def test_ancestors_still_bind(serve):
    above = doc("Tenant", "org", quotas=[{"name": "all", "resources": [GPU], "hard": 5}])
    server = serve([above, team("team-a", 4, parent="org"), team("team-b", 4, borrow=4, parent="org")])
    message = refusal(server, "team-b", 6)
    assert 'tenant "org": requested 6, used 0, limit 5; request at most 5' in message and "team-b" not in message, message
    assert fits(server, "team-b", 5)
    assert 'quota "all" of tenant "org"' in refusal(server, "team-a")


def test_the_largest_borrowers_are_named(serve):
    teams = [team(f"team-{i}", 1, borrow=9) for i in range(6)]
    server = serve([team("lender", 21), *teams])
    for i in range(6):
        assert fits(server, f"team-{i}", 2 + i)
    message = refusal(server, "lender", 1)
    assert "has too little left: " + ", ".join(f'tenant "team-{i}" uses {1 + i} above its own limit' for i in (5, 4, 3, 2)) in message
    assert "team-1" not in message


def test_measures(serve):
    """One cohort has several pools: GPU equivalents and bytes are lent as exactly as devices."""
    def both(name, borrowing):
        return doc("Tenant", name, namespaces=[name], cohort="research", borrowing=borrowing,
                   quotas=[{"name": "compute", "measure": "gpus", "hard": 1}, {"name": "memory", "measure": "memory", "hard": "80Gi"}])
    server = serve([A100, both("team-a", {"compute": {"lendUpTo": "500m"}, "memory": {}}),
                    both("team-b", {"compute": {"borrowUpTo": "0.5"}, "memory": {"borrowUpTo": "40Gi"}})])
    assert fits(server, "team-b", 10, MIG)  # 10/7 of 1.5 GPUs, and 100 of 120 GiB.
    message = refusal(server, "team-b", 1, MIG)
    assert 'quota "compute"' in message and "limit 1 + up to 0.5 borrowed, over by 0.07" in message and "memory" not in message, message
    assert fits(server, "team-a", 3, MIG)
    # 7/7 of its own, of which 3/7 are lent.
    message = refusal(server, "team-a", 4, MIG)
    assert 'tenant "team-b" uses 0.42 above its own limit' in message and "0.14 GPU is free; fits: 1 x nvidia.com/mig-1g.10gb (0.14)" in message
    message = refusal(server, "team-a", 5, MIG)
    assert message.count('exceeded quota: GPU quota "compute"') == 2 and "over by 0.14" in message, message
    assert 'tenant "team-b" uses 20Gi above its own limit' in message and "30Gi is free" in message, message
    assert fits(server, "team-a", 1, MIG) and not fits(server, "team-a", 1, MIG)


def test_a_reload_evicts_nothing(serve):
    server = serve([team("team-a", 4), team("team-b", 4, borrow=4)])
    held, decision = ask(server, "team-b", 8)
    assert decision.allowed
    server.reload([team("team-a", 4, lend=2), team("team-b", 4, borrow=1)])
    assert server.used("team-b", "whole") == 8
    assert server.validate(held).allowed is False, "decided anew, without itself"
    assert "over by 4" in refusal(server, "team-b")
    assert 'tenant "team-b" uses 4 above its own limit' in refusal(server, "team-a", 3)
    assert fits(server, "team-a", 2), "what it keeps back is its own"
    assert server.used("team-b", "whole") == 8, "a refusal changes nothing"
    server.delete(held)
    assert fits(server, "team-b", 5) and fits(server, "team-a", 1) and not fits(server, "team-a", 1)


def test_a_tenant_that_only_warns(serve):
    server = serve([team("team-a", 4), team("team-b", 4, enforcement="warn")])
    obj, decision = ask(server, "team-b", 6)
    assert decision.allowed and "limit 4; request at most 4" in decision.warnings[0]
    assert 'tenant "team-b" uses 2 above its own limit' in refusal(server, "team-a", 3)
    assert fits(server, "team-a", 2)


def test_lint_tells_who_lends(tmp_path):
    done = run("lint", write_policy(tmp_path / "a", [team("team-a", 4, cohort=None, borrow=1), team("team-b", "unlimited"),
                                                     team("team-c", 4)]))
    assert done.returncode == 1
    assert "`borrowing` needs a `cohort`" in done.stdout + done.stderr
    assert "`unlimited` cannot be lent" in done.stdout + done.stderr
    done = run("lint", write_policy(tmp_path / "b", [team("team-a", 4, borrow=1)]))
    assert done.returncode == 0 and 'no other Tenant is in cohort "research"' in done.stdout + done.stderr


# --- Against a model ---

class Model:
    """A plain implementation of the formulas."""

    def __init__(self, org, teams):
        self.org, self.teams, self.held = org, teams, {}

    def used(self, name):
        return sum(count for owner, count in self.held.values() if owner == name)

    def fits(self, name, count):
        used = {other: self.used(other) + (count if other == name else 0) for other in self.teams}
        if sum(used.values()) > self.org:
            return False
        hard, borrow, _, cohort = self.teams[name]
        pool = {other: terms for other, terms in self.teams.items() if cohort and terms[3] == cohort}
        if len(pool) < 2:
            return used[name] <= hard
        kept = {other: terms[0] - (terms[0] if terms[2] is None else terms[2]) for other, terms in pool.items()}
        if used[name] <= kept[name]:
            return True
        return (used[name] <= hard + (borrow or 0) and
                sum(max(used[other], kept[other]) for other in pool) <= sum(terms[0] for terms in pool.values()))


@st.composite
def clusters(draw):
    def terms():
        hard = draw(st.integers(0, 6))
        cohort = draw(st.sampled_from([None, "x", "x", "y"]))
        return (hard, draw(st.one_of(st.none(), st.integers(0, 5))) if cohort else None,
                draw(st.one_of(st.none(), st.integers(0, hard))) if cohort else None, cohort)
    return draw(st.integers(4, 30)), {f"team-{i}": terms() for i in range(draw(st.integers(2, 5)))}


@settings(max_examples=scaled(25, 5))
@given(clusters(), st.randoms(use_true_random=False))
def test_never_above_and_never_needlessly_refused(cluster, chance):
    org, teams = cluster
    model = Model(org, teams)
    server = Server([doc("Tenant", "org", quotas=[{"name": "all", "resources": [GPU], "hard": org}])] +
                    [team(name, hard, borrow=borrow, lend=lend, cohort=cohort, parent="org")
                     for name, (hard, borrow, lend, cohort) in teams.items()])
    try:
        sequence(server, model, random.Random(chance.getrandbits(32)))
    finally:
        server.stop()


def sequence(server, model, chance):
    pods = {}
    for _ in range(60):
        if pods and chance.random() < 0.3:
            uid = chance.choice(sorted(pods))
            assert server.delete(pods.pop(uid)).allowed
            del model.held[uid]
            continue
        name, count = chance.choice(sorted(model.teams)), chance.randint(1, 3)
        dry = chance.random() < 0.2
        obj, decision = ask(server, name, count, dry_run=dry)
        assert decision.allowed == model.fits(name, count), (model.teams, model.org, model.held, name, count, decision)
        if decision.allowed and not dry:
            pods[obj["metadata"]["uid"]] = obj
            model.held[obj["metadata"]["uid"]] = (name, count)
    for name in model.teams:
        assert server.used(name, "whole") == model.used(name)
