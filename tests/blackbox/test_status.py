"""/status and /status.json on the admin listener: their content is correct whatever Pods are
called, and a browser may only display it."""

import base64
import hashlib
import json
import math
import os
import re
import threading
from datetime import datetime, timedelta, timezone

import pytest

from gpugate import BINARY, ROOT, eventually, run, scaled
from kube import GPU, doc, persisted, pod, review

KEPT = 64  # Number of refusals that are kept.
POD_SIZE = 128  # Bytes for its text, with the NUL.
MIG = "nvidia.com/mig-1g.10gb"
A100 = doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb"]})
POLICY = [A100,
          doc("Tenant", "org", quotas=[{"name": "compute", "measure": "gpus", "hard": 20}]),
          doc("Tenant", "group", parent="org"),
          doc("Tenant", "team-a", parent="group", namespaces=["team-a"], cohort="shared", borrowing={"whole": {"borrowUpTo": 2}},
              quotas=[{"name": "whole", "resources": [GPU], "hard": 4}, {"name": "memory", "measure": "memory", "hard": "1Ti"},
                      {"name": "slices", "resources": [MIG], "hard": "unlimited"}]),
          doc("Tenant", "team-b", parent="group", namespaces=["team-b"], cohort="shared", borrowing={"whole": {"lendUpTo": 3}},
              quotas=[{"name": "whole", "resources": [GPU], "hard": 4}, {"name": "nothing", "resources": [MIG], "hard": 0}]),
          doc("Tenant", "warned", namespaces=["warned"], enforcement="warn", quotas=[{"name": "whole", "hard": 1}]),
          doc("Tenant", "audited", namespaces=["audited"], enforcement="audit", quotas=[{"name": "whole", "hard": 1}]),
          doc("Guard", "g", deny=["privileged", "hostDeviceMounts", "visibleDevicesEnv"])]
BROKEN = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: broken}\nspec: {quotas: 7}\n"


@pytest.fixture
def server(serve):
    return serve(POLICY)


@pytest.fixture(scope="module")
def shared(serve_module):
    """A server for tests that need no fresh one."""
    return serve_module(POLICY)


def status(server):
    """Returns /status.json, parsed strictly: one object, no duplicate keys, no NaN."""
    def unique(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    def never(text):
        raise AssertionError(f"{text} is no JSON")

    answer = server.admin("/status.json")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.body.endswith(b"}\n")
    return json.loads(answer.body.decode("utf-8"), object_pairs_hook=unique, parse_constant=never)


def quota_of(told, tenant, quota):
    return next(q for t in told["tenants"] if t["name"] == tenant for q in t["quotas"] if q["name"] == quota)


def amount(text):
    """Returns the minimum and maximum that a displayed amount can stand for, in devices, GPUs or
    bytes."""
    if text == "<0.01":
        return 0, 0.01
    if text == "unlimited":
        return math.inf, math.inf
    number, suffix = re.fullmatch(r"(\d+(?:\.\d{1,2})?)(Ki|Mi|Gi)?", text).groups()
    scale = {None: 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}[suffix]
    return float(number) * scale, (float(number) + 0.01) * scale


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


# --- The structure ---

TEXT, MAYBE, FLAG, WHOLE, REAL = str, (str, type(None)), bool, int, float
QUOTA = {"name": TEXT, "measure": TEXT, "cohort": MAYBE, "used": TEXT, "pending": TEXT, "hard": TEXT, "borrowed": TEXT, "exceeded": FLAG,
         "usedShare": REAL, "pendingShare": REAL}
SHAPE = {"time": TEXT, "version": TEXT, "replica": MAYBE, "ready": FLAG, "unready": MAYBE,
         "policy": {"commit": MAYBE, "digest": TEXT, "dirty": TEXT, "loaded": TEXT, "generation": WHOLE, "rejected": FLAG, "rejection": MAYBE},
         "certificate": {"source": TEXT, "expires": MAYBE},
         "replicas": type(None),
         "ledger": {"kind": TEXT, "pods": WHOLE, "pendingPods": WHOLE},
         "registration": {"mutating": type(None), "validating": type(None)},
         "tenants": [{"name": TEXT, "parent": MAYBE, "enforcement": TEXT, "quotas": [QUOTA]}],
         "refusals": [{"time": TEXT, "outcome": TEXT, "dryRun": FLAG, "reason": TEXT, "namespace": TEXT, "pod": TEXT, "tenant": MAYBE,
                       "message": TEXT}]}


def check_shape(value, shape, where="status"):
    if isinstance(shape, dict):
        assert set(value) == set(shape), where
        for key, inner in shape.items():
            check_shape(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        for i, each in enumerate(value):
            check_shape(each, shape[0], f"{where}[{i}]")
    else:
        assert isinstance(value, shape) and (shape is bool or not isinstance(value, bool)), (where, value)


def test_the_shape_is_this_and_no_other(server):
    server.admit(pod({GPU: 1}))
    server.validate(pod({GPU: 9}))
    told = status(server)
    check_shape(told, SHAPE)
    assert told["tenants"] and told["refusals"], "the shapes of their rows were looked at"
    now = datetime.now(timezone.utc)
    assert now - timedelta(minutes=2) < moment(told["policy"]["loaded"]) <= moment(told["time"]) <= now
    assert told["certificate"]["source"] == "files" and moment(told["certificate"]["expires"]) > now
    assert moment(told["certificate"]["expires"]).timestamp() == server.metrics().value("gpugate_certificate_expiry_timestamp_seconds")
    assert (told["ready"], told["unready"], told["replica"], told["policy"]["commit"]) == (True, None, None, None)
    assert told["ledger"] == {"kind": "embedded", "pods": 1, "pendingPods": 0}
    assert told["version"] in run("version").stdout
    assert [t["name"] for t in told["tenants"]] == sorted(d["metadata"]["name"] for d in POLICY if d["kind"] == "Tenant")


def test_the_policy_in_force(server):
    assert status(server)["policy"]["generation"] == 1
    server.reload([*POLICY, doc("Tenant", "newcomer", namespaces=["n"], quotas=[{"name": "q", "hard": 7}])])
    told = status(server)
    assert told["policy"]["generation"] == server.generation() >= 2 and not told["policy"]["rejected"]
    assert quota_of(told, "newcomer", "q")["hard"] == "7"
    server.reload(BROKEN, rejected=True)
    refused = status(server)
    assert refused["policy"]["rejected"] and refused["ready"], "the policy before stays in force"
    assert re.fullmatch(r".*/policy\.yaml:4: .*quotas.*", refused["policy"]["rejection"]) and told["policy"]["rejection"] is None
    assert refused["tenants"] == told["tenants"] and refused["policy"]["generation"] == told["policy"]["generation"]


@pytest.mark.parametrize("shift", range(2))
def test_a_rejection_is_cut_between_characters(serve, shift):
    """A path in it may be longer than what is kept of it. Of two shifts by one byte, one would cut
    a character of two bytes."""
    server = serve(POLICY)
    server.reload({"/".join(["x" * shift + "\u00e9" * 110, *["\u00e9" * 120] * 3, "p.yaml"]): BROKEN}, rejected=True)
    rejection = status(server)["policy"]["rejection"]
    assert rejection.endswith("\u00e9") and 690 < len(rejection.encode()) < 700


def test_a_rejection_names_a_file_whose_name_is_not_utf8(serve):
    server = serve(POLICY)
    server.reload({os.fsdecode(b"\xc3\xa9\xff.yaml"): BROKEN}, rejected=True)
    rejection = status(server)["policy"]["rejection"]
    assert re.search("/\u00e9(\ufffd|[?]).yaml:4: .*quotas", rejection), rejection


# --- Tenants and quotas ---

def test_numbers_are_those_of_the_metrics(server):
    for namespace, resource, many in (("team-a", GPU, 3), ("team-a", GPU, 2), ("team-a", MIG, 5), ("team-b", GPU, 1), ("warned", GPU, 3)):
        assert server.admit(pod({resource: many}, namespace=namespace))[0].allowed
    told, metrics, seen = status(server), server.metrics(), set()
    for tenant in told["tenants"]:
        for quota in tenant["quotas"]:
            labels = {"tenant": tenant["name"], "quota": quota["name"], "measure": quota["measure"]}
            seen.add(frozenset(labels.items()))
            hard = metrics.value("gpugate_quota_hard", **labels)
            for key in ("used", "pending", "hard"):
                low, high = amount(quota[key])
                assert low <= metrics.value(f"gpugate_quota_{key}", **labels) <= high, (labels, key, quota)
            for key in ("used", "pending"):
                share = metrics.value(f"gpugate_quota_{key}", **labels) / hard if 0 < hard < math.inf else 0
                assert quota[f"{key}Share"] == pytest.approx(share, abs=1e-5), labels
    assert seen == set(metrics.series("gpugate_quota_hard")), "none is missing, none is too many"
    assert told["ledger"]["pods"] == metrics.value("gpugate_ledger_pods") == 5


def test_each_measure_in_its_words(server):
    server.admit(pod({GPU: 1}))
    server.admit(pod({MIG: 3}))
    told = status(server)
    assert {k: quota_of(told, "org", "compute")[k] for k in ("measure", "used", "hard", "usedShare")} == {
        "measure": "gpus", "used": "1.42", "hard": "20", "usedShare": pytest.approx((1 + 3 / 7) / 20, abs=1e-6)}
    memory = quota_of(told, "team-a", "memory")
    assert (memory["measure"], memory["used"], memory["hard"]) == ("memory", "110Gi", "1024Gi")
    assert memory["usedShare"] == pytest.approx(110 / 1024, abs=1e-6)
    slices = quota_of(told, "team-a", "slices")
    assert (slices["measure"], slices["used"], slices["hard"], slices["usedShare"], slices["exceeded"]) == ("count", "3", "unlimited", 0, False)


def test_the_tree(shared):
    parents = {t["name"]: t["parent"] for t in status(shared)["tenants"]}
    assert parents == {"org": None, "group": "org", "team-a": "group", "team-b": "group", "warned": None, "audited": None}
    quotas = {t["name"]: [q["name"] for q in t["quotas"]] for t in status(shared)["tenants"]}
    assert quotas["group"] == [] and sorted(quotas["team-a"]) == ["memory", "slices", "whole"]


def test_borrowing_is_told(server):
    def whole(tenant):
        told = quota_of(status(server), tenant, "whole")
        return told["used"], told["borrowed"], told["cohort"], told["exceeded"], told["usedShare"]

    assert whole("team-a") == ("0", "0", "shared", False, 0)
    stored = [server.admit(pod({GPU: 3}))[1] for _ in range(2)]
    assert whole("team-a") == ("6", "2", "shared", False, 1.5)
    assert whole("team-b") == ("0", "0", "shared", False, 0)
    assert quota_of(status(server), "org", "compute")["cohort"] is None
    assert server.delete(stored[0]).allowed
    assert whole("team-a") == ("3", "0", "shared", False, 0.75)


def test_what_is_exceeded_is_told(server):
    """A quota is exceeded by a warning that admitted more, or by a policy that allows less than is
    held. With a limit of 0, any usage is 100%."""
    server.admit(pod({GPU: 3}, namespace="warned"))
    assert {k: quota_of(status(server), "warned", "whole")[k] for k in ("used", "exceeded", "usedShare")} == {
        "used": "3", "exceeded": True, "usedShare": 3.0}
    server.reload([A100, doc("Tenant", "warned", namespaces=["warned"], quotas=[{"name": "whole", "hard": 0}])])
    assert {k: quota_of(status(server), "warned", "whole")[k] for k in ("used", "hard", "exceeded", "usedShare")} == {
        "used": "3", "hard": "0", "exceeded": True, "usedShare": 1.0}


def test_enforcement_is_capped_by_settings(server):
    def enforced():
        return {t["name"]: t["enforcement"] for t in status(server)["tenants"]}

    assert enforced() == {"org": "deny", "group": "deny", "team-a": "deny", "team-b": "deny", "warned": "warn", "audited": "audit"}
    server.reload([*POLICY, doc("Settings", "s", enforcement="warn")])
    assert enforced() == {"org": "warn", "group": "warn", "team-a": "warn", "team-b": "warn", "warned": "warn", "audited": "audit"}


def test_thousands_of_tenants(serve):
    many = scaled(4000, 1000)
    server = serve([A100, doc("Tenant", "root", quotas=[{"name": "all", "hard": 10 * many}]),
                    *(doc("Tenant", f"t{i:04}", parent="root", namespaces=[f"n{i:04}"], quotas=[{"name": "q", "hard": i}]) for i in range(many))])
    for i in (7, many - 1):
        assert server.admit(pod({GPU: 5}, namespace=f"n{i:04}"))[0].allowed
    told = status(server)
    assert len(told["tenants"]) == many + 1
    assert [quota_of(told, f"t{i:04}", "q")["used"] for i in (6, 7, 8, many - 1)] == ["0", "5", "0", "5"]
    assert {t["parent"] for t in told["tenants"]} == {"root", None}
    assert all(quota_of({"tenants": [t]}, t["name"], "q")["hard"] == str(int(t["name"][1:])) for t in told["tenants"] if t["parent"])


def test_a_policy_without_tenants(serve):
    told = status(serve([A100]))
    check_shape(told, SHAPE)
    assert (told["tenants"], told["refusals"]) == ([], [])


# --- Refusals ---

def test_a_refusal_says_what_the_api_server_was_told(server):
    obj = persisted(pod({GPU: 9}, name="greedy"))
    decision = server.validate(obj)
    told = status(server)["refusals"]
    assert [{**row, "time": None} for row in told] == [
        {"time": None, "outcome": "denied", "dryRun": False, "reason": "quota", "namespace": "team-a", "pod": "greedy", "tenant": "team-a",
         "message": decision.message}]
    assert abs(moment(told[0]["time"]) - datetime.now(timezone.utc)) < timedelta(minutes=2)


def test_each_objection_of_a_pod_is_a_row(server):
    """The latest comes first. For one Pod, the last message comes before the first, in which order
    they make up one message."""
    decision = server.validate(pod({GPU: 30}))
    rows = status(server)["refusals"]
    assert len(rows) >= 2 and {row["reason"] for row in rows} == {"quota"}
    assert "; ".join(row["message"] for row in reversed(rows)) == decision.message


def test_warnings_and_audits_and_dry_runs(server):
    warned = server.validate(pod({GPU: 2}, namespace="warned"))
    audited = server.validate(pod({GPU: 2}, namespace="audited"))
    dry = server.validate(pod({GPU: 9}, namespace="team-b", name="tried"), dry_run=True)
    stray = server.validate(pod({GPU: 1}, namespace="nowhere"))
    assert warned.allowed and audited.allowed and not dry.allowed and not stray.allowed
    rows = status(server)["refusals"]
    assert [(r["namespace"], r["outcome"], r["dryRun"], r["reason"], r["tenant"]) for r in rows] == [
        ("nowhere", "denied", False, "untenanted", None), ("team-b", "denied", True, "quota", "team-b"),
        ("audited", "audited", False, "quota", "audited"), ("warned", "warned", False, "quota", "warned")]
    assert rows[0]["message"] == stray.message and rows[1]["message"] == dry.message
    assert rows[2]["message"] in audited.audit["audit"] and rows[3]["message"] == warned.warnings[0]


def test_a_pod_without_a_name_yet_goes_by_what_it_will_be_called_after(serve):
    """/mutate is called before the name is generated."""
    server = serve([A100, doc("Tenant", "t", namespaces=["team-a"], quotas=[{"name": "q", "hard": 9}]),
                    doc("Rule", "edge", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={"nodeSelector": {"a": "b"}})])
    decision = server.mutate(pod({GPU: 1}, owner="trainer", labels={"tier": "edge"}, nodeSelector={"a": "c"}))
    assert not decision.allowed
    assert [(r["pod"], r["reason"], r["message"]) for r in status(server)["refusals"]] == [("trainer-", "rule", decision.message)]


def test_what_was_allowed_is_no_refusal(server):
    assert server.admit(pod({GPU: 1}))[0].allowed and server.admit(pod())[0].allowed
    assert status(server)["refusals"] == []


def test_the_latest_are_kept(server):
    for i in range(KEPT + 7):
        server.validate(pod({GPU: 9}, namespace="warned", name=f"p{i}"))
    assert [r["pod"] for r in status(server)["refusals"]] == [f"p{i}" for i in reversed(range(7, KEPT + 7))]


# --- Names of Pods ---

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><!--", "'\"\\/&amp;", "a\x00b", "\x01\x1f\x7f\x80\x9f",
           "line\nbreak\r\n\ttab", "\u2028\u2029", "\ufeff\ufffe\uffff", "\u202eright to left", "%s%n%d", "{{7*7}}${7*7}", "\U0001f600" * 9]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_text(shared, name):
    decision = shared.validate(pod({GPU: 9}, name=name))
    assert not decision.allowed
    row = status(shared)["refusals"][0]
    assert row["pod"] == name.partition("\x00")[0]
    assert row["message"] == decision.message


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_stays_a_text(server, name):
    """Tries namespaces, paths, quantities, and the names of containers and resources that messages
    quote."""
    asks = [pod({GPU: 1}, namespace=name), pod(volumes=[{"name": "d", "hostPath": {"path": f"/dev/nvidia0/{name}"}}]),
            pod({f"nvidia.com/{name}": 1}), pod({GPU: name})]
    asks.append(pod({GPU: 1}))
    asks[-1]["spec"]["containers"][0].update(name=name, securityContext={"privileged": True})
    for ask in asks:
        before = len(status(server)["refusals"])
        answer = server.post("/validate", review(persisted(ask)))
        if answer.status != 200:  # Not a valid resource name or quantity.
            assert answer.status == 400, answer.text
            continue
        response = json.loads(answer.body)["response"]
        rows = status(server)["refusals"]
        assert not response["allowed"] and len(rows) > before
        made = rows[:len(rows) - before]
        assert "; ".join(row["message"] for row in reversed(made)) == response["status"]["message"]
        assert all(c.isprintable() or ord(c) > 0x9f for row in made for c in row["message"])


@pytest.mark.parametrize("letter", ["x", "ä", "€", "\U0001f600"])
@pytest.mark.parametrize("shift", range(4))
def test_long_names_are_cut_between_letters(shared, letter, shift):
    """At any offset, the cut is never inside a character, and no character that fits is missing."""
    name = "." * shift + letter * (10240 // len(letter.encode()))
    decision = shared.validate(pod(name=name, volumes=[{"name": "d", "hostPath": {"path": "/dev/nvidia0/" + name[:3000 // len(letter.encode())]}}]))
    row = status(shared)["refusals"][0]
    assert name.startswith(row["pod"]) and len(name) > len(row["pod"])
    room = POD_SIZE - 1 - len(row["pod"].encode())
    assert 0 <= room < len(letter.encode()), (room, letter)
    assert row["message"] == decision.message, "it is short enough already"


def test_values_of_variables_are_not_quoted(shared):
    """The environment of a Pod may contain secrets."""
    obj = pod({GPU: 1}, containers=None)
    obj["spec"]["containers"][0]["env"] = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "hunter2"}, {"name": "TOKEN", "value": "hunter2"}]
    decision = shared.validate(obj)
    assert not decision.allowed and "NVIDIA_VISIBLE_DEVICES" in decision.message
    assert b"hunter2" not in shared.admin("/status.json").body


# --- The page, and what a browser may do ---

def inline(page, name):
    found = re.findall(rf"<{name}>(.*?)</{name}>", page, re.S)
    assert len(found) == 1, name
    return found[0]


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_page_is_the_file(shared):
    answer = shared.admin("/status")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.body == (ROOT / "webhook" / "server" / "status_page.html").read_bytes(), f"{BINARY} is older than its page"
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", answer.text), "it loads nothing from elsewhere"
    assert not re.search(r"\son\w+=|\sstyle=|javascript:", answer.text), "nothing in it that its policy forbids"


def test_the_pictures_in_the_documents_are_of_this_page():
    said, name = (ROOT / "docs" / "status.sha256").read_text().split()
    assert said == hashlib.sha256((ROOT / name).read_bytes()).hexdigest(), f"{name} has changed since docs/status.png; take it anew: make screenshot"
    for picture in ("status.png", "status-dark.png"):
        assert (ROOT / "docs" / picture).read_bytes().startswith(b"\x89PNG"), picture


def test_the_content_security_policy_names_what_stands_in_the_page(shared):
    answer = shared.admin("/status")
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert rules == {"default-src": "'none'", "style-src": f"'{digest(inline(answer.text, 'style'))}'",
                     "script-src": f"'{digest(inline(answer.text, 'script'))}'", "connect-src": "'self'", "base-uri": "'none'",
                     "form-action": "'none'", "frame-ancestors": "'none'"}


PATHS = ["/status", "/status.json", "/metrics", "/healthz", "/readyz"]


@pytest.mark.parametrize("path", [*PATHS, "/nowhere"])
def test_every_answer_is_guarded(shared, path):
    headers = shared.admin(path).headers
    assert {key: headers[key] for key in ("X-Content-Type-Options", "Referrer-Policy", "Cache-Control")} == {
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PATHS[:2])
def test_methods(shared, path):
    get, head = shared.admin(path), shared.admin(path, "HEAD")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Type"] == get.headers["Content-Type"]
    assert abs(int(head.headers["Content-Length"]) - len(get.body)) < 100, "of the same moment, but for ages"
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = shared.admin(path, method)
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"
        assert answer.sentence() == "this path takes only the methods GET and HEAD"


@pytest.mark.parametrize("path", ["/", "/status/", "/status.html", "/Status", "/status.json/x", "/status%2ejson2", "//status"])
def test_other_paths_say_what_is_there(shared, path):
    answer = shared.admin(path)
    assert answer.status == 404
    assert answer.sentence() == "there is nothing at this path; /healthz, /readyz, /metrics, /status and /status.json are here"


def test_a_query_changes_nothing(shared):
    assert shared.admin("/status?x=%3Cscript%3E").body == shared.admin("/status").body
    assert shared.admin("/status.json?x=1").status == 200


def test_it_is_not_on_the_admission_listener(shared):
    for path in PATHS[:2]:
        assert shared.request("GET", path).status in (404, 405)


# --- Concurrency ---

@pytest.mark.concurrent
def test_reading_while_pods_are_refused(server):
    """Every response is consistent: each row is of one refusal, numbers never decrease, and the
    latest come first."""
    threads, each, problems = 3, scaled(400, 60), []

    def ask(worker):
        try:
            for i in range(each):
                name = f"w{worker}-{i}"
                server.validate(pod({GPU: 9}, namespace="team-b", name=name, volumes=[
                    {"name": "d", "hostPath": {"path": f"/dev/nvidia0/{name}"}}]))
        except BaseException as problem:
            problems.append(problem)
            raise

    workers = [threading.Thread(target=ask, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    try:
        while any(worker.is_alive() for worker in workers):
            rows = status(server)["refusals"]
            assert len(rows) <= KEPT
            at = {}
            for row in rows:
                worker, number = row["pod"][1:].split("-")
                assert at.get(worker, math.inf) >= int(number), "the latest first"
                at[worker] = int(number)
                if row["reason"] == "guard":
                    assert f"/dev/nvidia0/{row['pod']} " in row["message"], row
    finally:
        for worker in workers:
            worker.join()
    assert not problems
    eventually(lambda: len(status(server)["refusals"]) == KEPT)
