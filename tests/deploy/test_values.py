"""The chart's values: the effect of each, which ones are refused, and with what message."""

import json
import re

import pytest
import yaml

from gpugate import run
from kube import doc
from manifests_of import CHART, PATH_SECRET, assert_same, bare, helm, merged, rendered, template

SECRET = {"pathSecret": {"value": PATH_SECRET}}
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def test_helm_lint_finds_nothing(tmp_path):
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(SECRET))
    for values in ((), ("-f", tmp_path / "values.yaml"), ("-f", CHART / "values-edge.yaml")):
        done = helm("lint", CHART, "--strict", *values)
        assert "[WARNING]" not in done.stdout and "[ERROR]" not in done.stdout, done.stdout


def test_the_first_policy_is_good_and_refuses_nothing():
    done = run("lint", CHART / "files" / "policy", "-o", "json")
    assert done.returncode == 0 and not json.loads(done.stdout).get("findings"), done.stdout
    settings = next(yaml.safe_load_all((CHART / "files" / "policy" / "first.yaml").read_text()))["spec"]
    assert settings["enforcement"] == "audit" and settings["onOutage"] == "allow"


def leaves(values, where=()):
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*where, key))
        else:
            yield (*where, key)


def test_every_value_is_in_the_schema_and_described_and_nothing_else():
    schema, values = json.loads((CHART / "values.schema.json").read_text()), yaml.safe_load((CHART / "values.yaml").read_text())

    def described(part, where):
        assert part.get("description"), where
        for name, below in part.get("properties", {}).items():
            if "resources" not in where:
                described(below, (*where, name))
        if part.get("properties"):
            assert part["additionalProperties"] is False, where
            for name in set(part["properties"]) - {"global"}:
                there = values
                for key in (*where, name):
                    if where[-1:] == ("imagePullSecrets",) or not isinstance(there, dict):
                        break
                    assert key in there, f"{'.'.join((*where, name))} is in the schema, not in values.yaml"
                    there = there[key]

    described(schema, ())
    for leaf in leaves(values):
        part = schema
        for key in leaf:
            part = part["properties"].get(key) if "properties" in part else part["additionalProperties"]
            assert part, f"{'.'.join(leaf)} is in values.yaml, not in the schema"


@pytest.mark.parametrize("given, said", [
    ({"replica": 2}, "replica"),
    ({"replicas": 0}, "replicas"),
    ({"image": {"digest": "sha256:1234"}}, "digest"),
    ({"image": {"tag": ""}}, "tag"),
    ({"certificates": {"mode": "magic"}}, "mode"),
    ({"certificates": {"caBundle": "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----"}}, "caBundle"),
    ({"pathSecret": {"value": "short"}}, "pathSecret"),
    ({"pathSecret": {"value": "with/a/slash/in/it/somewhere"}}, "pathSecret"),
    ({"pathSecret": {"value": "Upper-case-the-API-server-refuses"}}, "pathSecret"),
    ({"drainSeconds": 1}, "drainSeconds"),
    ({"record": {"size": "100MB"}}, "size"),
    ({"networkPolicy": {"apiServerCIDRs": ["10.0.0.1"]}}, "apiServerCIDRs"),
    ({"policy": {"gitSync": {"path": "../secrets"}}}, "path"),
    ({"policy": {"files": {"policy": "text"}}}, "ya?ml"),
    ({"policy": {"gitSync": {"period": "soon"}}}, "period"),
    ({"extraArgs": ["drain"]}, "extraArgs"),
    ({"resources": {"request": {}}}, "request"),
    ({"prometheusRule": {"runbookBase": "docs/"}}, "runbookBase"),
    ({"lint": {"deadlineSeconds": 1}}, "deadlineSeconds"),
    ({"podSecurity": {"runAsUser": 0}}, "runAsUser"),
    ({"policy": {"gitSync": {"runAsUser": 0}}}, "runAsUser"),
    ({"webhooks": {"failurePolicy": {"quota": "fail"}}}, "quota"),
    ({"webhooks": {"failurePolicy": {"mutate": "Fail"}}}, "mutate"),
    ({"viewers": [{"tenant": "a", "groups": ["b"], "quotas": []}]}, "quotas"),
    ({"viewers": [{"tenant": "a", "groups": ["b"], "quotas": ["with.dots"]}]}, "quotas"),
    ({"viewers": [{"tenant": "a", "groups": [], "quotas": ["c"]}]}, "groups"),
    ({"viewers": [{"tenant": "a", "groups": ["b"]}]}, "quotas"),
])
def test_the_schema_refuses(tmp_path, given, said):
    done = template(tmp_path, merged(SECRET, given), check=False)
    assert done.returncode != 0 and "schema" in done.stderr and said in done.stderr, done.stderr


def embedded():
    return run("render", "--policy", CHART / "files" / "policy", "-o", "json").stdout


def elsewhere():
    return run("render", "--policy", CHART / "files" / "policy", "--ledger", "cluster", "--namespace", "elsewhere", "-o", "json").stdout


@pytest.mark.parametrize("given, said", [
    ({"pathSecret": {"value": ""}}, "pathSecret.value is missing: without access to the cluster, Helm would make another path secret in every run; set it to what "
                                     "`openssl rand -hex 24` prints, or use helm install"),
    ({"pathSecret": {"value": "", "existingSecret": "mine"}}, "the Secret mine cannot be read here"),
    ({"policy": {"files": {"a.yaml": "x"}}}, "webhooks.rendered is missing: the webhook configurations depend on the policy, which Helm cannot read; run gpugate render "
                                              "--policy DIR --ledger cluster --namespace gpugate -o json > webhooks.json and give"),
    ({"policy": {"gitSync": {"repo": "https://git.example/p"}}}, "--set-file webhooks.rendered=webhooks.json"),
    ({"policy": {"existingConfigMap": "a", "gitSync": {"repo": "https://git.example/p"}}}, "a policy comes from one place"),
    ({"certificates": {"mode": "existing-secret"}}, "give the PEM of the authority"),
    ({"webhooks": {"rendered": "{}"}}, "has to be the JSON that `gpugate render --ledger cluster -o json` prints, not YAML"),
    ({"webhooks": {"rendered": "no: json: at all"}}, "has to be the JSON that `gpugate render --ledger cluster -o json` prints, not YAML"),
    ({"webhooks": {"rendered": embedded}}, "webhooks.rendered is for the embedded ledger; render it again with gpugate render --ledger cluster -o json"),
    ({"webhooks": {"rendered": elsewhere}}, "webhooks.rendered is for the namespace elsewhere, and this release is in gpugate; render it again with "
                                           "gpugate render --namespace gpugate --ledger cluster -o json"),
])
def test_what_cannot_work_is_refused_with_what_to_do(tmp_path, given, said):
    rendered = given.get("webhooks", {}).get("rendered")
    if callable(rendered):
        given = {"webhooks": {"rendered": rendered()}}
    done = template(tmp_path, merged(SECRET, given), check=False)
    assert done.returncode != 0 and said in done.stderr, done.stderr


def deployment(made):
    return made["Deployment", "gpugate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("mode", ["self-managed", "cert-manager", "existing-secret"])
@pytest.mark.parametrize("policy", ["default", "files", "configmap", "https", "ssh"])
@pytest.mark.parametrize("register", [True, False])
def test_the_matrix_gives_a_pod_that_is_whole(tmp_path, mode, policy, register):
    """Whatever the values, each mounted volume exists, each argument names a mounted path, and
    serve knows each option."""
    sources = {"default": {}, "files": {"files": {"a.yaml": "one", "b.yaml": "two"}}, "configmap": {"existingConfigMap": "mine"},
               "https": {"gitSync": {"repo": "https://git.example/p.git", "path": "gpu/prod/"}},
               "ssh": {"gitSync": {"repo": "git@git.example:p.git", "secret": "key", "port": 22}}}
    values = merged(SECRET, {"policy": sources[policy], "certificates": {"mode": mode}, "webhooks": {"create": register}})
    if mode == "existing-secret":
        values["certificates"]["caBundle"] = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    if policy != "default":
        values["webhooks"]["rendered"] = (CHART / "files" / "rendered" / "files.json").read_text().replace("release-namespace", "gpugate")
    made = template(tmp_path, values)
    assert all(((kind, "gpugate") in made) == register for kind in WEBHOOKS)
    pod = deployment(made)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    containers = pod["containers"] + pod.get("initContainers", [])
    assert volumes.keys() == {mount["name"] for container in containers for mount in container["volumeMounts"]}
    main = containers[0]
    mounts = [mount["mountPath"] for mount in main["volumeMounts"]]
    options = dict(arg.split("=", 1) for arg in main["args"])
    for value in options.values():
        assert not value.startswith("/") or any(value == mount or value.startswith(mount + "/") for mount in mounts), value
    known = run("serve", "--help").stdout
    assert all(re.search(rf"^  {option} ", known, re.M) for option in options), options
    assert options["--policy"] == {"https": "/git/policy/gpu/prod", "ssh": "/git/policy"}.get(policy, "/etc/gpugate/policy")
    assert ("--certs" in options) == (mode == "self-managed") != ("--tls-cert" in options)
    assert (len(containers) == 3) == (policy in ("https", "ssh"))
    if policy == "files":
        assert made["ConfigMap", "gpugate-policy"]["data"] == {"a.yaml": "one", "b.yaml": "two"}
    if policy == "ssh":
        assert "--ssh-key-file=/etc/git-secret/ssh" in containers[1]["args"] and not [a for a in containers[1]["args"] if "password" in a]
    if policy in ("https", "ssh"):
        assert "--one-time" in containers[2]["args"] and "--one-time" not in containers[1]["args"]
    bundles = [w["clientConfig"].get("caBundle") for kind in WEBHOOKS for w in made.get((kind, "gpugate"), {}).get("webhooks", [])]
    assert all(bundles) if mode == "existing-secret" else not any(bundles)


def test_no_empty_webhooks_are_among_printed_manifests(tmp_path):
    """The hooks that empty the webhooks before an uninstall would undo the registration if a user
    applied them."""
    hooks = {key for key, obj in template(tmp_path, SECRET).items() if "helm.sh/hook" in obj["metadata"].get("annotations", {})}
    assert hooks == LINT
    assert not LINT & template(tmp_path, SECRET, "--no-hooks").keys()  # as the chart's README says


LINT = {("Job", "gpugate-lint"), ("ConfigMap", "gpugate-lint")}


@pytest.mark.parametrize("source", [{}, {"files": {"a.yaml": "one"}}, {"existingConfigMap": "mine"}, {"gitSync": {"repo": "https://git.example/p.git", "secret": "token"}}])
def test_the_check_reads_what_serve_will_read(tmp_path, source):
    """It has the same image, nodes and files, so it finds what serve would find."""
    values = merged(SECRET, {"policy": source, "image": {"tag": "other"}, "imagePullSecrets": [{"name": "pull"}], "nodeSelector": {"a": "b"},
                             "tolerations": [TOLERATION], "affinity": AFFINITY, "webhooks": {"create": False}, "podSecurity": {"runAsUser": 7}})
    made = template(tmp_path, values)
    job, serve = made["Job", "gpugate-lint"]["spec"], deployment(made)
    pod = job["template"]["spec"]
    for field in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "securityContext"):
        assert pod[field] == serve[field], field
    (lint,) = pod["containers"]
    assert lint["image"] == serve["containers"][0]["image"] and lint["command"][1] == "lint"
    assert [f"--policy={path}" for path in lint["args"]] == serve["containers"][0]["args"][:1]
    assert pod.get("initContainers") == serve.get("initContainers")
    mounted = {mount["name"] for container in [lint, *pod.get("initContainers", [])] for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == mounted
    theirs = {volume["name"]: volume for volume in serve["volumes"]}
    for volume in pod["volumes"]:
        # The ConfigMap of the release does not exist yet.
        if volume.get("configMap", {}).get("name") == "gpugate-lint":
            assert made["ConfigMap", "gpugate-lint"]["data"] == made["ConfigMap", "gpugate-policy"]["data"]
        else:
            assert volume == theirs[volume["name"]]
    # No Service selects it, it has no rights, and it is not retried.
    labels = job["template"]["metadata"]["labels"]
    assert not made["Service", "gpugate"]["spec"]["selector"].items() <= labels.items()
    assert pod["automountServiceAccountToken"] is False and "serviceAccountName" not in pod
    assert job["backoffLimit"] == 0 and pod["restartPolicy"] == "Never" and job["activeDeadlineSeconds"] == 180


def test_users_may_be_left_to_the_cluster(tmp_path):
    users = ("runAsUser", "runAsGroup", "fsGroup")
    git = {"policy": {"gitSync": {"repo": "https://git.example/p.git"}}, "webhooks": {"create": False}}

    def contexts(values):
        made = template(tmp_path, merged(SECRET, git, values))
        pods = deployment(made), made["Job", "gpugate-lint"]["spec"]["template"]["spec"]
        for pod in pods:
            yield pod["securityContext"]
            yield from (container["securityContext"] for container in pod.get("initContainers", []) + pod["containers"])

    left = {"podSecurity": dict.fromkeys(users), "policy": {"gitSync": {"runAsUser": None, "runAsGroup": None}}}
    for context in contexts(left):
        assert not set(users) & context.keys(), context
    large = {"podSecurity": dict.fromkeys(users, 1000650000), "policy": {"gitSync": {"runAsUser": 1000650000, "runAsGroup": 1000650000}}}
    found = [context[user] for context in contexts(large) for user in users if user in context]
    assert found and set(found) == {1000650000}


def test_viewers_are_as_render_prints_them(tmp_path):
    (tmp_path / "policy").mkdir()
    tenants = [doc("Tenant", name, namespaces=[name], quotas=[{"name": "compute", "hard": 1}, {"name": "whole", "hard": 1}]) for name in ("team-a", "team-b")]
    # YAML would read these as numbers.
    tenants.append(doc("Tenant", "1", namespaces=["one"], quotas=[{"name": "5", "hard": 1}, {"name": "e5", "hard": 1}]))
    (tmp_path / "policy" / "policy.yaml").write_text(yaml.safe_dump_all(tenants))
    printed = rendered(tmp_path / "policy", "--viewers", "team-a=cn=a,dc=example", "--viewers", "team-a=b", "--viewers", "team-b=b", "--viewers", "1=2")
    made = template(tmp_path, merged(SECRET, {"viewers": [
        {"tenant": "team-a", "groups": ["cn=a,dc=example", "b"], "quotas": ["compute", "whole"]}, {"tenant": "team-b", "groups": ["b"], "quotas": ["compute", "whole"]},
        {"tenant": "1", "groups": ["2"], "quotas": ["5", "e5"]}]}))
    keys = {key for key in printed if key[1].startswith("gpugate-viewers")}
    assert len(keys) == 6 and keys == {key for key in made if key[1].startswith("gpugate-viewers")}
    for key in keys:
        assert_same(bare(made[key], labels=None), bare(printed[key]))


def test_the_readme_speaks_of_values_that_exist():
    """Another test compares the table, which `make deploy` writes. This one checks the values in
    the text, in install.md and in operate.md."""
    schema, seen = json.loads((CHART / "values.schema.json").read_text()), set()
    docs = CHART.parents[2] / "docs"
    for path in (CHART / "README.md", docs / "install.md", docs / "operate.md", CHART.parents[2] / "README.md"):
        seen |= set(re.findall(r"--set(?:-file)?\s+'?([A-Za-z.]+)", path.read_text()))
    assert len(seen) > 10
    for name in seen:
        part = schema
        for key in name.split("."):
            part = part["properties"].get(key) if "properties" in part else part["additionalProperties"]
            assert part, name


def test_the_path_secret_is_given_or_kept_and_restarts_replicas(tmp_path):
    one, two = (template(tmp_path, {"pathSecret": {"value": value}}) for value in (PATH_SECRET, PATH_SECRET[::-1]))
    assert one["Secret", "gpugate-path"] != two["Secret", "gpugate-path"]
    marks = [made["Deployment", "gpugate"]["spec"]["template"]["metadata"]["annotations"]["gpugate.io/path-secret"] for made in (one, two)]
    assert marks[0] != marks[1] and PATH_SECRET not in marks[0]
    own = template(tmp_path, {"pathSecret": {"value": PATH_SECRET, "existingSecret": "mine"}})
    assert ("Secret", "gpugate-path") not in own and {"mine"} == {v["secret"]["secretName"] for v in deployment(own)["volumes"] if "secret" in v}


DIGEST = "sha256:" + "0" * 64
AFFINITY = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
    {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}}
TOLERATION = {"key": "a", "operator": "Exists"}
TEMPLATE = ("Deployment", "spec", "template")
POD = (*TEMPLATE, "spec")
MAIN = (*POD, "containers", 0)
SIGNED = {"certificates": {"mode": "cert-manager"}}
MONITOR = {"podMonitor": {"create": True}}
RECORD, CLAIM = {"record": {"enabled": True}}, {"record": {"existingClaim": "reviews"}}
BLOCKS = [{"ipBlock": {"cidr": "10.0.0.0/28"}}]
CIDRS = {"networkPolicy": {"apiServerCIDRs": ["10.0.0.0/28"]}}


@pytest.mark.parametrize("given, place, wanted", [
    ({"replicas": 5}, ("Deployment", "spec", "replicas"), 5),
    ({"image": {"repository": "registry.example/gpugate"}}, (*MAIN, "image"), "registry.example/gpugate:0.2.0"),
    ({"image": {"tag": "other"}}, (*MAIN, "image"), "gpugate:other"),
    ({"image": {"digest": DIGEST}}, (*MAIN, "image"), f"gpugate@{DIGEST}"),
    ({"image": {"pullPolicy": "Always"}}, (*MAIN, "imagePullPolicy"), "Always"),
    ({"imagePullSecrets": [{"name": "pull"}]}, (*POD, "imagePullSecrets"), [{"name": "pull"}]),
    ({"drainSeconds": 30}, (*POD, "terminationGracePeriodSeconds"), 75),
    ({"drainSeconds": 30}, (*MAIN, "args", 5), "--drain-seconds=30"),
    (RECORD, (*MAIN, "args", 6), "--record=/var/lib/gpugate/recording"),
    (RECORD, (*MAIN, "args", 7), "--record-max=100Mi"),
    (RECORD, (*MAIN, "volumeMounts", 2), {"name": "recording", "mountPath": "/var/lib/gpugate/recording"}),
    (RECORD, (*POD, "volumes", 2), {"name": "recording", "emptyDir": {}}),
    (merged(RECORD, {"record": {"size": "2Gi"}}), (*MAIN, "args", 7), "--record-max=2Gi"),
    (merged(RECORD, CLAIM), (*MAIN, "volumeMounts", 2),
     {"name": "recording", "mountPath": "/var/lib/gpugate/recording", "subPathExpr": "$(POD_NAME)"}),
    (merged(RECORD, CLAIM), (*MAIN, "env"), [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
    (merged(RECORD, CLAIM), (*POD, "volumes", 2), {"name": "recording", "persistentVolumeClaim": {"claimName": "reviews"}}),
    ({"extraArgs": ["--pending-seconds=90"]}, (*MAIN, "args", -1), "--pending-seconds=90"),
    ({"resources": {"requests": {"cpu": "2"}}}, (*MAIN, "resources", "requests", "cpu"), "2"),
    ({"webhooks": {"failurePolicy": {"quota": "Fail"}}}, ("ValidatingWebhookConfiguration", "webhooks", 0, "failurePolicy"), "Fail"),
    ({"webhooks": {"failurePolicy": {"quota": "Fail"}}}, (*MAIN, "args", -1), "--quota-failure-policy=Fail"),
    ({"webhooks": {"failurePolicy": {"guard": "Fail"}}}, (*MAIN, "args", -1), "--guard-failure-policy=Fail"),
    ({"podSecurity": {"fsGroup": 5}}, (*POD, "securityContext", "fsGroup"), 5),
    ({"priorityClassName": "system-cluster-critical"}, (*POD, "priorityClassName"), "system-cluster-critical"),
    ({"nodeSelector": {"a": "b"}}, (*POD, "nodeSelector"), {"a": "b"}),
    ({"affinity": AFFINITY}, (*POD, "affinity"), AFFINITY),
    ({"tolerations": [TOLERATION]}, (*POD, "tolerations"), [TOLERATION]),
    ({"podLabels": {"c": "d"}}, (*TEMPLATE, "metadata", "labels", "c"), "d"),
    ({"podAnnotations": {"e": "f"}}, (*TEMPLATE, "metadata", "annotations", "e"), "f"),
    (CIDRS, ("NetworkPolicy", "spec", "ingress", 0, "from"), BLOCKS),
    (CIDRS, ("NetworkPolicy", "spec", "egress", 0, "to"), BLOCKS),
    ({"networkPolicy": {"apiServerPorts": [16443]}}, ("NetworkPolicy", "spec", "egress", 0, "ports"), [{"port": 16443, "protocol": "TCP"}]),
    ({"networkPolicy": {"monitoringNamespace": "metrics"}}, ("NetworkPolicy", "spec", "ingress", 1, "from", 0, "namespaceSelector", "matchLabels"),
     {"kubernetes.io/metadata.name": "metrics"}),
    (merged(MONITOR, {"podMonitor": {"interval": "45s"}}), ("PodMonitor", "spec", "podMetricsEndpoints", 0, "interval"), "45s"),
    (merged(MONITOR, {"podMonitor": {"labels": {"release": "p"}}}), ("PodMonitor", "metadata", "labels", "release"), "p"),
    (SIGNED, ("Certificate", "spec", "issuerRef"), {"name": "gpugate", "kind": "Issuer"}),
    (merged(SIGNED, {"certificates": {"certManager": {"issuer": {"name": "company", "kind": "ClusterIssuer"}}}}),
     ("Certificate", "spec", "issuerRef"), {"name": "company", "kind": "ClusterIssuer"}),
    (merged(SIGNED, {"certificates": {"certManager": {"duration": "48h"}}}), ("Certificate", "spec", "duration"), "48h"),
    (merged(SIGNED, {"certificates": {"certManager": {"renewBefore": "12h"}}}), ("Certificate", "spec", "renewBefore"), "12h"),
])
def test_a_value_arrives_where_it_belongs(tmp_path, given, place, wanted):
    made = template(tmp_path, merged(SECRET, given))
    kind, *keys = place
    found = made[kind, "gpugate"]
    for key in keys:
        found = found[key]
    assert found == wanted


def test_a_value_can_take_an_object_away(tmp_path):
    def kinds(values):
        return template(tmp_path, merged(SECRET, values)).keys()

    whole, own = kinds(SIGNED), {("Issuer", "gpugate-self-signed"), ("Certificate", "gpugate-authority"), ("Issuer", "gpugate")}
    assert whole - kinds(merged(SIGNED, {"certificates": {"certManager": {"issuer": {"name": "company"}}}})) == own
    assert whole - kinds(merged(SIGNED, {"networkPolicy": {"create": False}})) == {("NetworkPolicy", "gpugate")}
    assert whole - kinds(merged(SIGNED, {"priorityClassName": "mine"})) == {("PriorityClass", "gpugate")}
    assert whole - kinds(merged(SIGNED, {"lint": {"create": False}})) == whole - kinds(merged(SIGNED, {"namespace": {"create": True}})) == LINT
