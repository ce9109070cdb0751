"""/status in a real browser: it shows what /status.json contains, refreshes itself, is accessible,
and runs no script but its own."""

import json
import re
import struct
import subprocess

import pytest

import screenshot
from browser import told
from gpugate import ROOT, eventually
from kube import GPU, doc, pod

PATIENCE_S = 30  # the page polls every 5 seconds
MIG = "nvidia.com/mig-1g.10gb"
POLICY = [doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb"]}),
          doc("Tenant", "org", quotas=[{"name": "compute", "measure": "gpus", "hard": 20}]),
          doc("Tenant", "team-a", parent="org", namespaces=["team-a"], cohort="shared", borrowing={"whole": {"borrowUpTo": 2}},
              quotas=[{"name": "whole", "resources": [GPU], "hard": 4}, {"name": "memory", "measure": "memory", "hard": "1Ti"},
                      {"name": "slices", "resources": [MIG], "hard": "unlimited"}]),
          doc("Tenant", "team-b", parent="org", namespaces=["team-b"], cohort="shared", borrowing={"whole": {"lendUpTo": 3}},
              quotas=[{"name": "whole", "resources": [GPU], "hard": 10}]),
          doc("Tenant", "warned", namespaces=["warned"], enforcement="warn", quotas=[{"name": "whole", "hard": 1}]),
          doc("Tenant", "empty", namespaces=["empty"]),
          doc("Guard", "g", deny=["privileged", "hostDeviceMounts"])]

# [name, indent in px, [[quota, text, label of the bar, widths of used and pending as fractions of
# the bar, class of used], ...]]
READ_TENANTS = """return [...document.querySelectorAll('#tenants > li')].map(li => [li.querySelector('.tenant').textContent,
  parseFloat(getComputedStyle(li).paddingLeft), [...li.querySelectorAll('.quota')].map(q => { const bar = q.querySelector('.bar'),
  whole = bar.getBoundingClientRect().width; return [q.querySelector('b').textContent, q.lastChild.textContent, bar.getAttribute('aria-label'),
  ...[...bar.children].map(i => i.getBoundingClientRect().width / whole), bar.firstChild.className]; })])"""


def show(browser, server):
    browser.open(f"http://{server.admin_host}:{server.admin_port}/status")
    eventually(lambda: browser.text("#ready") != "…", PATIENCE_S, "the page's first answer")


@pytest.fixture
def page(browser, serve):
    server = serve(POLICY)
    for namespace, resource, many in (("team-a", GPU, 3), ("team-a", GPU, 2), ("team-a", MIG, 5), ("team-b", GPU, 1), ("warned", GPU, 3)):
        assert server.admit(pod({resource: many}, namespace=namespace))[0].allowed
    server.validate(pod({GPU: 9}, name="greedy"))
    show(browser, server)
    return server


# What the page shows.

def test_its_head(browser, page):
    assert browser.text("#ready") == "ready" and "good" in browser.run("return document.getElementById('ready').className")
    assert browser.text("#replica") == f"this replica · version {told(page)['version']}"
    facts = dict(zip(browser.texts("dt"), browser.texts("dd")))
    assert set(facts) == {"Policy", "Certificate of this replica", "Ledger"}
    assert "5 Pods; forgotten at exit" in facts["Ledger"] and "loaded" in facts["Policy"]
    assert facts["Certificate of this replica"] == "valid\nfrom files; expires in 10 days"


def test_tenants_are_those_of_status_json(browser, page):
    shown = {name.split(" ")[0]: (indent, quotas) for name, indent, quotas in browser.run(READ_TENANTS)}
    tenants = {t["name"]: t for t in told(page)["tenants"]}
    assert set(shown) == set(tenants)
    for name, tenant in tenants.items():
        indent, quotas = shown[name]
        assert (indent > shown[tenant["parent"]][0]) if tenant["parent"] else indent == min(i for i, _ in shown.values())
        assert [row[0] for row in quotas] == [q["name"] for q in tenant["quotas"]]
        for (_, text, label, used, pending, _), quota in zip(quotas, tenant["quotas"]):
            share = quota["usedShare"] + quota["pendingShare"]
            assert text.startswith(quota["used"] + " ") and (quota["hard"] in text) == (quota["hard"] != "unlimited")
            assert label == ("no limit" if quota["hard"] == "unlimited" else f"{round(100 * share)} % of the limit")
            assert used == pytest.approx(quota["usedShare"] / max(1, share), abs=0.01)
            assert pending == pytest.approx(quota["pendingShare"] / max(1, share), abs=0.01)


def test_each_state_of_a_quota_in_words_and_colour(browser, page):
    shown = {(name.split(" ")[0], row[0]): (row[1], row[-1]) for name, _, quotas in browser.run(READ_TENANTS) for row in quotas}
    assert shown == {("org", "compute"): ("6.71 of 20 GPUs", ""), ("team-a", "whole"): ("5 of 4 devices, 1 borrowed", "full"),
                     ("team-a", "memory"): ("450Gi of 1024Gi", ""), ("team-a", "slices"): ("5 devices, no limit", ""),
                     ("team-b", "whole"): ("1 of 10 devices", ""), ("warned", "whole"): ("3 of 1 devices, exceeded", "past")}
    names = [name for name, _, _ in browser.run(READ_TENANTS)]
    assert "warned warn" in names and "team-a" in names
    assert "no quota of its own" in browser.text("#tenants")
    assert names.index("team-a") == names.index("org") + 1 and names.index("team-b") == names.index("org") + 2


def test_refusals_are_those_of_status_json(browser, page):
    for row, cells in zip(told(page)["refusals"], browser.run(
            "return [...document.querySelectorAll('#refusals tr')].map(tr => [...tr.cells].map(td => td.innerText))"), strict=True):
        assert cells[1:] == [row["outcome"], f"{row['namespace']}/{row['pod']}\ntenant {row['tenant']}", row["message"]]
        assert re.fullmatch(r"\d+ s ago", cells[0])
    assert browser.run("return document.getElementById('none').hidden")


def test_it_refreshes_itself(browser, page):
    """It refreshes without a reload: what a script has put into the page is still there."""
    browser.run("window.stays = 1; window.scrollTo(0, 40)")
    assert page.admit(pod({GPU: 4}, namespace="team-b"))[0].allowed
    refused = page.validate(pod({GPU: 19}, namespace="team-b", name="another"), dry_run=True)
    assert not refused.allowed
    eventually(lambda: "5 of 10 devices" in browser.text("#tenants"), PATIENCE_S, "the new number")
    eventually(lambda: "team-b/another" in browser.text("#refusals tr"), PATIENCE_S, "the new refusal, first")
    assert "denied (dry run)" in browser.text("#refusals tr") and refused.message.split("; ", 1)[0] in browser.text("#refusals")
    assert browser.run("return window.stays") == 1


def test_a_server_that_is_gone_is_told_and_so_is_its_return(browser, serve):
    server = serve(POLICY)
    show(browser, server)
    address = f"{server.admin_host}:{server.admin_port}"
    server.kill()
    eventually(lambda: browser.text("#ready") == "no answer", PATIENCE_S, "the news")
    assert browser.text("#replica") == "what is shown is old" and "team-a" in browser.text("#tenants"), "and it stays readable"
    server.args[server.args.index("--admin") + 1] = address
    server.start()
    eventually(lambda: browser.text("#ready") == "ready", PATIENCE_S, "the return")
    assert browser.console(), "the console tells about the failed requests; it is taken off here"


# Overlays what another replica might report on the status of this one.
OVER = """const ask = window.fetch; const merge = (to, from) => { for (const [key, value] of Object.entries(from))
  if (value && to[key] && typeof value === 'object') merge(to[key], value); else to[key] = value; return to; };
window.fetch = async (...how) => { const answer = await (await ask(...how)).json(); return { json: async () => merge(answer, %s) }; };"""
CLUSTER = {"kind": "cluster", "state": "open", "pods": 1, "pendingPods": 2, "silentSeconds": 3.4, "behindSeconds": 0}

OWN = {"source": "self-managed", "expires": "2030-01-06T00:00:00Z", "authorityExpires": "2030-02-01T00:00:00Z",
       "authorities": {"next": 0, "signing": 1, "retired": 2}}
REPLICAS = [{"name": "gpugate-7f9" + end, "ready": ready, "stopping": end == "e"} for end, ready in (("a", True), ("c", True), ("d", False), ("e", False))]


COMMIT = {"commit": "0123456789abcdef", "loaded": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize("over, fact, says, colour", [
    ({"ledger": CLUSTER}, "Ledger", "open\n1 Pod, 2 pending; heard of Pods 3 s ago", ""),
    ({"ledger": {**CLUSTER, "state": "settling", "silentSeconds": None}}, "Ledger", "settling\n1 Pod, 2 pending; heard of Pods never", "near"),
    ({"ledger": {**CLUSTER, "behindSeconds": 41}}, "Ledger", "open\n1 Pod, 2 pending; heard of Pods 3 s ago; behind for 41 s", ""),
    ({"registration": {"mutating": {"installed": True, "stale": False}}}, "Registered, mutating", "current", ""),
    ({"registration": {"validating": {"installed": True, "stale": True}}}, "Registered, validating", "stale\nrender and apply again", "near"),
    ({"registration": {"validating": {"installed": False, "stale": True}}}, "Registered, validating", "missing\nrender and apply again", "near"),
    ({"policy": {"commit": "0123456789abcdef"}, "time": "2030-01-01T00:02:00Z", "certificate": {"expires": "2030-01-01T00:00:00Z"}},
     "Certificate of this replica", "expired\nfrom files; 2 min ago", "over"),
    ({"time": "2030-01-01T00:00:00Z", "certificate": {"expires": "2030-01-03T00:00:00Z"}}, "Certificate of this replica",
     "valid\nfrom files; expires in 2 days", "near"),
    ({"certificate": {"expires": None}}, "Certificate of this replica", "not known\nfrom files", ""),
    ({"time": "2030-01-01T00:00:00Z", "certificate": OWN}, "Certificate of this replica", "valid\nself-managed; expires in 5 days", ""),
    ({"time": "2030-01-01T00:00:00Z", "certificate": OWN}, "Authority", "expires in 31 days\n0 next, 1 signing, 2 retired", ""),
    ({"certificate": {**OWN, "expires": None, "authorityExpires": None}}, "Certificate of this replica", "not known\nself-managed", ""),
    ({"certificate": {**OWN, "authorityExpires": None}}, "Authority", "none signs\n0 next, 1 signing, 2 retired", "near"),
    ({"replicas": REPLICAS[:2]}, "Replicas", "2 of 2 ready\ngpugate-7f9a, gpugate-7f9c (this one)", ""),
    ({"replicas": REPLICAS}, "Replicas", "2 of 4 ready\ngpugate-7f9a, gpugate-7f9c (this one), gpugate-7f9d is not ready, gpugate-7f9e stops", "near"),
    ({"replicas": []}, "Replicas", "none is seen as a Pod", ""),
    ({"policy": {**COMMIT, "dirty": "false"}, "time": "2030-01-01T03:00:00Z"}, "Policy", "0123456789ab\nloaded 3 h ago", ""),
    ({"policy": {**COMMIT, "dirty": "true"}, "time": "2030-01-01T03:00:00Z"}, "Policy", "0123456789ab, changed since\nloaded 3 h ago", ""),
    ({"policy": {**COMMIT, "rejected": True, "rejection": "team.yaml:7: write true"}, "time": "2030-01-01T03:00:00Z"}, "Policy",
     "new files rejected\nteam.yaml:7: write true; the policy before (0123456789ab) stays in force", "over"),
    ({"policy": {"commit": None, "loaded": "2030-01-01T00:00:00Z", "rejected": True, "rejection": "team.yaml:7: write true"},
      "time": "2030-01-01T03:00:00Z"}, "Policy", "new files rejected\nteam.yaml:7: write true; the policy before stays in force", "over")])
def test_what_another_replica_could_say(browser, serve, over, fact, says, colour):
    script = browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=OVER % json.dumps({**over, "replica": "gpugate-7f9c"}))
    try:
        show(browser, serve(POLICY))
    finally:
        browser.cdp("Page.removeScriptToEvaluateOnNewDocument", **script)
    assert dict(zip(browser.texts("dt"), browser.texts("dd")))[fact].strip() == says
    assert colour in dict(zip(browser.texts("dt"), browser.run("return [...document.querySelectorAll('dd')].map(e => e.className)")))[fact].split(" ")
    assert browser.text("#replica").startswith("this replica is gpugate-7f9c · version ")


def test_a_replica_that_is_not_ready_says_why(browser, serve):
    script = browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=OVER % json.dumps({"ready": False, "unready": "draining"}))
    try:
        show(browser, serve(POLICY))
    finally:
        browser.cdp("Page.removeScriptToEvaluateOnNewDocument", **script)
    assert browser.text("#ready") == "not ready" and browser.text("#replica").endswith(" · draining")


def test_nothing_was_refused(browser, serve):
    show(browser, serve(POLICY))
    assert browser.texts("#none") == ["Nothing has been denied since this replica started."]


def test_a_large_policy_is_cut_and_can_be_searched(browser, serve):
    many = 1000
    show(browser, serve([doc("Tenant", f"t{i:04}", namespaces=[f"n{i}"], quotas=[{"name": "q", "hard": 1}]) for i in range(many)]))
    assert len(browser.texts("#tenants > li")) == 300
    assert browser.text("#more") == f"300 of {many} tenants are shown; filter for the others."
    browser.run("document.getElementById('filter').focus()")
    browser.keys("0999")
    assert browser.texts(".tenant") == ["t0999"] and browser.text("#more") == ""


# Accessibility.

def test_the_filter(browser, page):
    browser.run("document.getElementById('filter').focus()")
    browser.keys("TEAM")
    assert browser.texts(".tenant") == ["team-a", "team-b"]
    assert page.admit(pod({GPU: 4}, namespace="team-b"))[0].allowed
    eventually(lambda: "5 of 10 devices" in browser.text("#tenants"), PATIENCE_S, "the next answer")
    assert browser.texts(".tenant") == ["team-a", "team-b"], "it outlives a refresh"
    assert browser.run("return [document.activeElement.id, document.activeElement.value]") == ["filter", "TEAM"], "so does what is typed"
    browser.keys("-b")
    assert browser.texts(".tenant") == ["team-b"]


def test_the_keyboard_reaches_the_filter_and_shows_where_it_is(browser, page):
    from selenium.webdriver.common.keys import Keys
    browser.keys(Keys.TAB)
    assert browser.run("return document.activeElement.id") == "filter"
    assert browser.run("const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0")
    assert browser.run("return document.activeElement.getAttribute('aria-label')") == "Filter tenants"


# Returns the least contrast of all visible text by WCAG 2, with that text.
CONTRAST = """
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
  return [255, 255, 255]; };
let least = [99, 'nothing'];
for (const e of document.querySelectorAll('main *')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.offsetParent) continue;
  const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e)), c = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (c < least[0]) least = [c, e.textContent];
}
return [...least, light(ground(document.body))]"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(browser, page, scheme):
    page.validate(pod({GPU: 9}, namespace="warned"))
    browser.scheme(scheme)
    eventually(lambda: "warned/" in browser.text("#refusals"), PATIENCE_S, "a warning")
    least, text, ground = browser.run(CONTRAST)
    assert least >= 4.5, f"{least:.2f}: {text}"
    assert (ground < 0.1) if scheme == "dark" else (ground > 0.8)


@pytest.mark.parametrize("width", [360, 720, 1920])
def test_nothing_hangs_out_at_the_side(browser, page, width):
    long = "x" * 250
    page.validate(pod({GPU: 9}, name=long))
    page.validate(pod(volumes=[{"name": "d", "hostPath": {"path": f"/dev/nvidia0/{long}"}}], name="path"))
    browser.size(width, 800)
    eventually(lambda: "team-a/path" in browser.text("#refusals"), PATIENCE_S, "the long ones")
    assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]
    inner = browser.run("""return [...document.querySelectorAll('main *')].filter(e => e.getClientRects().length &&
      (e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0)).map(e => e.outerHTML)""")
    assert inner == []


# Its images.

def test_the_pictures_of_the_documents(tmp_path):
    """The images of `make screenshot`: the whole page with the policy of the demo, light and
    dark."""
    screenshot.take(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"status.png", "status-dark.png", "status.sha256"}
    light, dark = ((tmp_path / name).read_bytes() for name in ("status.png", "status-dark.png"))
    for picture in (light, dark):
        assert picture[:16] == b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" and struct.unpack(">II", picture[16:24]) == (1120, 1000)
        assert len(picture) > 30000, "an empty page is smaller"
    assert light != dark
    assert subprocess.run(["sha256sum", "--check", "--status", tmp_path / "status.sha256"], cwd=ROOT, check=False).returncode == 0


# What runs in it.

@pytest.mark.parametrize("name", ["<script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 1'>",
                                  "<svg onload=window.hacked=1>", "</td></tr></table><h1>hacked</h1>", "javascript:window.hacked=1"])
def test_hostile_names_are_text(browser, page, name):
    refused = page.validate(pod({GPU: 1}, namespace=name, name=name))
    show(browser, page)
    row = browser.run("return [...document.querySelector('#refusals tr').cells].map(td => td.textContent)")
    assert row[2:] == [f"{name}/{name}no tenant", refused.message]
    assert browser.run("return window.hacked === undefined && document.querySelectorAll('script').length === 1 && document.images.length === 0 "
                       "&& document.querySelectorAll('h1').length === 1")


def test_the_policy_of_the_page_holds(browser, page):
    """Even if a name reached the page as markup, it would load and run nothing."""
    browser.run("""window.broken = []; document.addEventListener('securitypolicyviolation', e => window.broken.push(e.effectiveDirective));
      const put = document.createElement('div'); document.querySelector('main').append(put);
      put.innerHTML = '<img src=x onerror="window.hacked = 1"><p onclick="window.hacked = 1">x</p>'; put.lastChild.click();
      const script = document.createElement('script'); script.textContent = 'window.hacked = 1'; put.append(script);""")
    eventually(lambda: {"img-src", "script-src-attr", "script-src-elem"} <= set(browser.run("return window.broken")), 10, "three violations")
    assert browser.run("return window.hacked === undefined")
    assert all("Content Security Policy" in said for said in browser.console())
