"""The bounds of `toClaim`: how many claims a Pod may have with those of all rewrites, and how many
ways there may be from a resource to a claim."""

import copy

import pytest

from gpugate import run, write_policy
from kube import GPU, container, doc, pod
from test_to_claim import A100, AMD, OTHER, TEAM, claims, rule, settled, uses

INTEL = "gpu.intel.com/i915"
NAMES = [GPU, OTHER, INTEL]
FLEET = [A100, AMD, doc("Accelerator", "arc", resource=INTEL, deviceClasses=["gpu.intel.com"]), TEAM]
REWRITES = [{"from": name, "toClaim": {"template": f"t{n}"}} for n, name in enumerate(NAMES)]


def asking(count, names):
    return pod(containers=[container({name: 1 for name in names}, f"c{n}") for n in range(count)], name="p")


@pytest.fixture(scope="module", params=["one Rule", "several Rules"])
def server(request, serve_module):
    rules = [rule("r", *REWRITES)] if request.param == "one Rule" else [rule(f"r{n}", rewrite) for n, rewrite in enumerate(REWRITES)]
    return serve_module([*FLEET, *rules])


# --- Claims of one Pod ---

@pytest.mark.parametrize("count,names", [(32, NAMES[:2]), (21, NAMES)])
def test_the_rewrites_share_the_bound(server, count, names):
    """A Pod at the bound is stable, also where its requests are put back, and restored by an
    update. The next larger one is refused as a whole."""
    before = asking(count, names)
    after = settled(server, before)
    assert len(claims(after)) == count * len(names) and all(len(used) == len(names) for used in uses(after).values())
    back = copy.deepcopy(after)
    for now, was in zip(back["spec"]["containers"], before["spec"]["containers"], strict=True):
        now["resources"] = {**was["resources"], "claims": now["resources"]["claims"]}
    assert server.mutated(back)["spec"]["containers"] == after["spec"]["containers"]
    assert server.mutated(before, operation="UPDATE", old=after)["spec"] == after["spec"]
    refused = server.mutate(asking(count + 1, names))
    assert not refused.allowed and "more than 64 claims" in refused.message
    assert f"claims of devices for {names[-1]}, and with them it would have more than 64 claims with names such as gpugate-0; " \
           "request devices in fewer containers" in refused.message


@pytest.mark.parametrize("count", [43, 50, 64, 65, 200])
def test_any_number_of_containers_may_request_everything(server, count):
    for decide in (server.mutate, server.validate):
        assert not decide(asking(count, NAMES)).allowed
    assert server.process.poll() is None and server.mutate(asking(1, NAMES)).allowed


# --- Ways from a resource to a claim ---

def chain(names, templates):
    """Rules by which every name leads to the first one, and others that turn that into claims."""
    return [*[doc("Accelerator", f"z{n}", resource=f"e.x/a{n}", deviceClasses=[f"c{n}"]) for n in range(names)],
            *[rule(f"e{n}", {"from": f"e.x/a{n}", "to": f"e.x/a{n - 1}"}) for n in range(1, names)],
            *[rule(f"t{n}", {"from": "e.x/a0", "toClaim": {"template": f"t{n}"}}) for n in range(templates)]]


def lint(folder, policy):
    write_policy(folder, policy)
    done = run("lint", folder)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("names,templates", [(256, 256), (64, 1024)])
def test_as_many_ways_as_there_may_be(tmp_path, names, templates):
    code, text = lint(tmp_path / "most", chain(names, templates))
    assert code == 0 and "ways" not in text, text
    code, text = lint(tmp_path / "more", chain(names + 1, templates))
    assert code == 1 and text.count("error") == 2, text
    assert "with this rewrite, Rules turn resources into claims in more than 65536 ways, because each resource that is rewritten to " \
           '"e.x/a0" counts once for each template; use fewer templates for it, or rewrite fewer resources to it' in text


def test_the_same_way_counts_once(tmp_path):
    """Rules for different Pods may turn the same resource into a claim from the same template."""
    same = [rule(f"s{n}", {"from": "e.x/a0", "toClaim": {"template": "t0"}}) for n in range(300)]
    code, text = lint(tmp_path, [*chain(256, 256), *same])
    assert code == 0, text
