"""`gpugate lint` reads plain Kubernetes manifests: it finds each mistake at its line and column,
and says nothing about the same manifest without it."""

import json
import re
import subprocess
import xml.etree.ElementTree as ET

import jsonschema
import pytest
import yaml

import manifest_cases
from examples import EXAMPLES
from gpugate import BINARY, ROOT, SANITIZED, run, run_measured
from lint_cases import A100, TEAM, document, policy
from manifest_cases import ERRORS, MISTAKES, QUIET, bad, good, pod
from test_lint_outputs import SARIF

CASES = [pytest.param(name, text, id=f"{name}-{i}") for name, cases in MISTAKES.items() for i, text in enumerate(cases)]
GUARDED = policy(A100, TEAM, document("Guard", "devices", "  deny: [hostDeviceMounts, visibleDevicesEnv, privileged]\n"))


def lint(*args, stdin=None, cwd=None):
    """Returns the exit status and the findings: id, line, column."""
    done = subprocess.run([str(BINARY), "lint", "-o", "json", *map(str, args)], input=stdin, capture_output=True, text=True, check=False, cwd=cwd)
    assert not done.stderr, done.stderr
    report = json.loads(done.stdout)
    return done.returncode, [(each["id"], each["line"], each["column"]) for each in report["findings"]], report


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


# --- Rules ---


@pytest.mark.parametrize("name, text", CASES)
def test_found_and_not_in_the_twin(tmp_path, name, text):
    broken, place = bad(text)
    file = tmp_path / "app.yaml"
    file.write_text(broken)
    status, found, report = lint(file)
    assert found == [(name, *place)] or (name == "manifest-unreadable" and [each[0] for each in found] == [name]), report["findings"]
    assert status == (1 if name in ERRORS else 0)
    assert report["findings"][0]["severity"] == ("error" if name in ERRORS else "warning")
    file.write_text(good(text))
    assert lint("--strict", file)[:2] == (0, [])


@pytest.mark.parametrize("name", QUIET)
def test_quiet(tmp_path, name):
    (tmp_path / "app.yaml").write_text(QUIET[name])
    status, found, report = lint("--strict", tmp_path)
    assert (status, found) == (0, []) and report["manifests"] == 1, report


@pytest.mark.parametrize("name, text", [case for case in CASES if case.values[0] not in ERRORS])
def test_every_warning_can_be_allowed(tmp_path, name, text):
    (tmp_path / "app.yaml").write_text(bad(text)[0])
    status, found, report = lint("--strict", "--allow", name, tmp_path)
    assert (status, found, report["allowed"]) == (0, [], 1)


def test_templates_of_other_kinds(tmp_path):
    """Every kind that has Pods somewhere, also one that is not built in."""
    text = ("apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: tune}\nspec:\n  pytorchReplicaSpecs:\n    Worker:\n      replicas: 2\n      template:\n"
            "        spec:\n          initContainers:\n          - {name: warm, image: a, resources: {limits: {nvidia.com/gpus: 1}}}\n"
            "          containers:\n          - {name: pytorch, image: a, resources: {limits: {nvidia.com/gpu: 1}}}\n")
    (tmp_path / "job.yaml").write_text(text)
    assert lint(tmp_path)[1] == [("resource-misspelled", 11, 57)]


def test_examples_and_what_the_policy_says(tmp_path):
    """Manifests that are meant to be admitted have no findings but what the example is about."""
    meant = {"mig-single/manifests/classroom.yaml": "replicas-above-quota", "inference-deployment/manifests/llm-inference.yaml": "replicas-above-quota",
             "elastic-inference/manifests/hpa.yaml": "autoscaler-above-quota", "mps/manifests/embedding.yaml": "surge-above-quota", "whole-gpu-training/manifests/preprocessing-pod.yaml": "visible-devices",
             "gpu-operator/manifests/node-check.yaml": "visible-devices"}
    for path in (ROOT / "deploy" / "examples" / "custom-resources" / "manifests").glob("[a-z]*.yaml"):
        never = path.stem in ("notebook", "workflow")
        meant[f"custom-resources/manifests/{path.name}"] = "policy-refuses" if never else "replicas-above-quota"
    found = {}
    for example in EXAMPLES:
        folder = example.dir / "manifests"
        if folder.exists():
            for each in lint("--policy", example.dir / "policy", folder)[2]["findings"]:
                found[each["file"].split("/examples/")[1]] = each["id"]
    assert found == meant


# --- Configurations in ConfigMaps ---


def test_a_folded_configuration(tmp_path):
    """Its lines are not those of the manifest, so the key is the place of all mistakes."""
    entry = "      - {name: nvidia.com/gpu, replicas: x}\n"
    folded = "version: v1\n\nsharing:\n  mps:\n    resources:\n" + entry * 3
    (tmp_path / "app.yaml").write_text(manifest_cases.plugin(folded, key="any: >\n"))
    assert {each[:2] for each in lint(tmp_path)[1]} == {("device-plugin-config", 5)}
    (tmp_path / "app.yaml").write_text(manifest_cases.plugin(folded, key="any: |\n"))
    assert [each[1] for each in lint(tmp_path)[1]] == [11, 12, 13]


@pytest.mark.parametrize("count", [20, 21, 30])
def test_more_mistakes_than_are_named(tmp_path, count):
    text = "version: v1\nsharing:\n  mps:\n    resources:\n" + "    - {name: gpu, replicas: x}\n" * count
    (tmp_path / "app.yaml").write_text(manifest_cases.plugin(text))
    found = lint(tmp_path)[2]["findings"]
    more = [each for each in found if "not named here" in each["text"]]
    assert len(found) == 20 + (count > 20) and [each["line"] for each in more] == [5] * (count > 20)
    assert all(f"mistakes that are not named here ({count - 20});" in each["text"] for each in more)


UNUSED = [("plugin-config-unused", 3, 18)]


def test_a_configuration_that_no_cluster_policy_names(tmp_path):
    """The ClusterPolicy may be in another file."""
    config, operator = manifest_cases.config_map(manifest_cases.SLICED), manifest_cases.OPERATOR
    for text, expected in ((operator, []), (operator.replace("name: device-plugin", "name: other"), UNUSED),
                           (operator[:operator.index("  devicePlugin")], UNUSED), (operator.replace("name: device-plugin", "name: '${CONFIG}'"), []),
                           (operator.replace("devicePlugin:", "migManager:"), UNUSED),
                           (operator.replace("name: device-plugin", "name: other") + "---\n" + operator, [])):
        write(tmp_path, a__config_yaml=config, b__operator_yaml=text)
        _, found, report = lint(tmp_path)
        assert found == expected and all(each["text"].startswith("no ClusterPolicy here names the ConfigMap \"device-plugin\"") for each in report["findings"]), text
    write(tmp_path, a__kustomization_yaml="resources: [config.yaml]\n", b__operator_yaml=operator.replace("name: device-plugin", "name: other"))
    assert lint(tmp_path)[1] == []


ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: gpus}\nspec:\n  source:\n    chart: gpu-operator\n    helm:\n"


@pytest.mark.parametrize("name, text", [
    ("values.yaml", "devicePlugin:\n  config:\n    name: device-plugin   # which is applied by hand\n"), ("values.json", '{"devicePlugin": {"config": {"name": "device-plugin"}}}'),
    ("values.yaml", "gpu-operator: {devicePlugin: {config: {name: device-plugin}}}\n"), ("values.yaml", "config: {name: 'device-plugin'}\n"),
    ("templates/policy.yaml", manifest_cases.OPERATOR + "{{- if .Values.more }}\n{{- end }}\n"), ("app.yaml", manifest_cases.DEVICE_PLUGIN.replace("shared-gpus", "device-plugin")),
    ("app.yaml", manifest_cases.DEVICE_PLUGIN.replace("configMap: {name: shared-gpus}", "projected: {sources: [{configMap: {name: device-plugin}}]}")),
    ("app.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: gpus}\nspec: {values: {devicePlugin: {config: {name: device-plugin}}}}\n"),
    ("app.yaml", ARGO + "      values: |\n        devicePlugin:\n          config: {name: device-plugin}\n"), ("app.yaml", ARGO + "      valuesObject: {devicePlugin: {config: {name: device-plugin}}}\n"),
    ("app.yaml", ARGO + "      parameters: [{name: devicePlugin.config.name, value: device-plugin}]\n"),
])
@pytest.mark.parametrize("first", [False, True])
def test_what_refers_to_a_configuration(tmp_path, name, text, first):
    """Values of Helm, a template, the Pods of the device plugin; without it, nothing does."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b/config.yaml").write_text(manifest_cases.config_map(manifest_cases.SLICED))
    file = tmp_path / ("a" if first else "c") / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert lint("--strict", tmp_path)[:2] == (0, [])
    file.write_text(text.replace("device-plugin", "device-plugin-2").replace("nvidia-device-plugin-2", "nvidia-device-plugin"))
    assert lint(tmp_path)[1] == UNUSED


@pytest.mark.parametrize("text", [
    None, "# kubectl apply -f device-plugin\na: b # device-plugin\n", "resources: [device-plugin.yaml, my-device-plugin]\n", "apiVersion: v1\nkind: Service\nmetadata: {name: device-plugin}\n",
    manifest_cases.config_map(manifest_cases.SLICED.replace("v1", "v1 # device-plugin")),
])
def test_a_configuration_to_which_nothing_refers(tmp_path, text):
    """A comment, another name, and an object of the same name are no references."""
    write(tmp_path, b__config_yaml=manifest_cases.config_map(manifest_cases.SLICED), a_yaml=text or "a: b\n")
    _, found, report = lint(tmp_path)
    assert set(found) == set(UNUSED) and report["findings"][0]["text"] == (
        'nothing that was linted refers to the ConfigMap "device-plugin", and the device plugin does not read it by itself; '
        "write spec.devicePlugin.config.name: device-plugin in the ClusterPolicy, or suppress this if the ClusterPolicy is elsewhere")
    (tmp_path / ".gpugate-lint.yaml").write_text("suppressions: [{id: plugin-config-unused, object: device-plugin, reason: It is named by the cluster's repository.}]\n")
    assert lint("--strict", tmp_path)[:2] == (0, [])


def test_many_configurations_and_references(tmp_path):
    """Each is looked up by its name."""
    config, plugin_of = manifest_cases.config_map(manifest_cases.SLICED), manifest_cases.DEVICE_PLUGIN
    texts = [config.replace("name: device-plugin", f"name: config-{n}") for n in range(900)] + [plugin_of.replace("shared-gpus", f"config-{n}") for n in range(3000) if n != 7]
    (tmp_path / "a.yaml").write_text("---\n".join(texts))
    assert [each[0] for each in lint(tmp_path)[1]] == ["plugin-config-unused"]


# --- Forms of the input ---


def test_json_kyaml_and_lists(tmp_path):
    objects = [yaml.safe_load(pod(limits="nvidia.com/gpu: 0.5")), yaml.safe_load(pod())]
    write(tmp_path, a_json=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent="\t"),
          b_yaml='---\n{\n  apiVersion: "v1",\n  kind: "Pod",\n  metadata: {\n    name: "a",\n  },\n  spec: {\n    containers: [{\n      name: "a",\n      image: "a",\n'
                 '      resources: {\n        limits: {\n          "nvidia.com/gpus": "1", # one\n        },\n      },\n    }],\n  },\n}\n',
          c_json='{"name": "package", "version": "1.0.0"}\n')
    status, found, report = lint(tmp_path)
    assert status == 1 and [each[0] for each in found] == ["request-not-integer", "resource-misspelled"] and found[1][1:] == (14, 11)
    assert (report["manifests"], report["objects"]) == (2, 3)


def test_helm(tmp_path):
    """A template is named and not judged; what Helm renders is."""
    write(tmp_path, chart__Chart_yaml="apiVersion: v2\nname: app\nversion: 1.0.0\n", chart__values_yaml="gpus: 1\n",
          chart__templates__pod_yaml=pod(limits="nvidia.com/gpu: {{ .Values.gpus }}") + "{{- if .Values.more }}\n{{- end }}\n", app_yaml=pod())
    status, found, report = lint("--strict", tmp_path)
    assert (status, found) == (0, []) and report["templates"] == [str(tmp_path / "chart/templates/pod.yaml")] and report["templateCount"] == 1
    assert "templates, which `helm template CHART | gpugate lint -` checks: " in run("lint", tmp_path).stdout
    status, _, report = lint(tmp_path / "chart/templates")
    assert status == 1 and "only templates here" in report["findings"][0]["text"]
    rendered = "---\n# Source: app/templates/pod.yaml\n" + pod(limits="nvidia.com/gpu: 0.5")
    status, found, report = lint("-", stdin=rendered)
    assert status == 1 and found == [("request-not-integer", 12, 32)] and report["findings"][0]["file"] == "standard input"


def test_charts_beside_a_policy(tmp_path):
    """A Chart.yaml and a kustomization are read if they want the GPU Operator."""
    chart, kustomization = (text.replace("VERSION", "2.0.0") for text in (manifest_cases.CHART, manifest_cases.KUSTOMIZATION))
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), chart__Chart_yaml=chart, charts__kustomization_yaml=kustomization, apps__app_yaml=pod(),
          other__Chart_yaml=chart.replace("gpu-operator", "redis"))
    _, found, report = lint(tmp_path)
    assert [each[0] for each in found] == ["gpu-operator-version"] * 2 and (report["manifests"], report["objects"], report["tenants"]) == (3, 3, 1)
    assert lint("--policy", tmp_path / "policy", tmp_path / "chart")[1] == lint(tmp_path / "chart/Chart.yaml")[1] == lint("-", stdin=chart)[1] == [("gpu-operator-version", 6, 33)]
    assert lint(tmp_path / "charts")[1] == [("gpu-operator-version", 2, kustomization.splitlines()[1].index("2.0.0") + 1)]


def test_kustomize(tmp_path):
    """In a folder of Kustomize, something else may complete an object; its output is complete."""
    patch = manifest_cases.requests("requests: {nvidia.com/gpu: 1}\n")
    write(tmp_path, overlay__kustomization_yaml="apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n",
          overlay__patch_yaml=patch, base__app_yaml=pod())
    assert lint("--strict", tmp_path)[:2] == (0, [])
    assert [each[0] for each in lint("-", stdin=patch)[1]] == ["request-without-limit"]


def test_standard_input_is_a_policy_or_manifests(tmp_path):
    assert lint("-", stdin=policy(A100, TEAM))[2]["tenants"] == 1
    assert lint("-", stdin=pod())[2]["objects"] == 1
    # What serve refuses stays an error, where both are in one file.
    assert lint("-", stdin=policy(A100, TEAM, pod()))[0] == 1


# --- Mixed repositories ---


def test_a_mixed_repository(tmp_path):
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), policy_suite_yaml="apiVersion: gpugate.io/v1\nkind: TestSuite\nmetadata: {name: a}\nspec: {}\n",
          apps__app_yaml=pod(limits="nvidia.com/gpus: 1"), ci__values_yaml="a: *b\n", apps__namespace_yaml="apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n")
    (tmp_path / "policy.suite.yaml").write_text("apiVersion: gpugate.io/v1\nkind: TestSuite\nmetadata: {name: a}\nspec: {}\n")
    (tmp_path / "policy_suite.yaml").unlink(missing_ok=True)
    status, found, report = lint(tmp_path)
    assert status == 0 and [each[0] for each in found] == ["resource-misspelled"]
    assert report["tenants"] == 1 and report["manifests"] == 1


SUITE = "apiVersion: gpugate.io/v1\nkind: TestSuite\nmetadata: {name: a}\nspec: {}\n"


@pytest.mark.parametrize("manifest", [False, True])
def test_suites_are_passed_over_and_named(tmp_path, manifest):
    """Whether or not there are manifests. `gpugate test` checks them."""
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), tests__a_yaml=SUITE, **({"apps__app_yaml": pod()} if manifest else {}))
    (tmp_path / "b.suite.json").write_text('{"apiVersion": "gpugate.io/v1", "kind": "TestSuite"}')
    for args in (["."], ["--policy", "policy", "."], ["policy", "tests", "b.suite.json"]):
        status, found, report = lint("--strict", *args, cwd=tmp_path)
        assert (status, found, report["suiteCount"]) == (0, [], 2)
        assert [name.removeprefix("./") for name in report["suites"]] == ["b.suite.json", "tests/a.yaml"]
    text = run("lint", ".", cwd=tmp_path).stdout
    assert text.endswith("\nsuites, which `gpugate test` checks: ./b.suite.json, ./tests/a.yaml\n")


def test_suites_alone_are_not_fine(tmp_path):
    """What is not looked at must not seem to have nothing wrong."""
    write(tmp_path, a_yaml=SUITE)
    for args, stdin in ((["."], None), (["a.yaml"], None), (["-"], SUITE)):
        status, _, report = lint(*args, stdin=stdin, cwd=tmp_path)
        assert status == 1
        assert [each["text"] for each in report["findings"]] == ["there are only suites here, which `gpugate test` reads; name a policy or manifests as well"]


def test_a_suite_in_a_policy_folder_is_an_error(tmp_path):
    """`gpugate serve` refuses the folder."""
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), policy__more__a_yaml=SUITE, tests__a_yaml=SUITE)
    for path in (".", "policy"):
        status, _, report = lint(path, cwd=tmp_path)
        assert status == 1 and [each["file"].removeprefix("./") for each in report["findings"]] == ["policy/more/a.yaml"]
        assert report["findings"][0]["text"] == "a suite is no policy, and `gpugate serve` refuses it; move it out of the policy folder"


def test_a_schema_beside_the_policy_is_not_taken_for_one(tmp_path):
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM))
    (tmp_path / "policy.schema.json").write_text(run("schema").stdout)
    assert lint("--strict", ".", cwd=tmp_path)[:2] == (0, [])


def test_what_serve_refuses_stays_an_error(tmp_path):
    """In a policy folder, and below it, a manifest is an error as it is for serve."""
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), policy__more__app_yaml=pod(), apps__app_yaml=pod())
    status, _, report = lint(tmp_path)
    assert status == 1 and [each["file"] for each in report["findings"]] == [str(tmp_path / "policy/more/app.yaml")]
    assert "a policy folder holds only gpugate.io/v1 documents" in report["findings"][0]["text"]
    alone = lint(tmp_path / "policy")
    assert alone[0] == 1 and alone[1] == lint(tmp_path)[1]


def test_the_policy_judges(tmp_path):
    write(tmp_path, policy__policy_yaml=GUARDED, other__policy_yaml=GUARDED,
          apps__app_yaml="---\n".join([pod(metadata="  namespace: team-a\n", spec="  volumes: [{name: p, hostPath: {path: /proc}}]\n"), pod(metadata="  namespace: team-a\n", limits="nvidia.com/gpu: 5")]))
    status, found, report = lint("--policy", tmp_path / "policy", tmp_path / "apps")
    assert status == 1 and [(each["id"], each["line"]) for each in report["findings"]] == [("policy-refuses", 7), ("policy-refuses", 24)]
    assert 'Pod "train": the policy refuses its Pods: hostPath volume /proc' in report["findings"][0]["text"]
    assert "can never fit" in report["findings"][1]["text"]
    # Other policies in the PATHs are not read then.
    assert lint("--policy", tmp_path / "policy", tmp_path)[1] == found
    # The namespace of objects that name none.
    write(tmp_path, apps__app_yaml=pod(limits="nvidia.com/gpu: 5"))
    assert lint("--policy", tmp_path / "policy", tmp_path / "apps")[1] == []
    assert [each[0] for each in lint("--policy", tmp_path / "policy", "-n", "team-a", tmp_path / "apps")[1]] == ["policy-refuses"]


NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: lab, labels: {team: %s}}\n"


def test_labels_of_namespaces_in_other_files(tmp_path):
    """A Tenant may select namespaces by labels, which are in a file of their own. Where they are in
    none, a Pod may belong to that Tenant."""
    selected = document("Tenant", "a", "  namespaceSelector: {matchLabels: {team: a}}\n  quotas: [{name: all, hard: 4}]\n")
    write(tmp_path, policy__policy_yaml=policy(A100, selected), apps__app_yaml=pod(metadata="  namespace: lab\n"))
    assert lint(tmp_path)[:2] == (0, [])
    # A Guard refuses it whatever the labels are.
    write(tmp_path, policy__guard_yaml=document("Guard", "g", "  hostPaths: {allow: []}\n"),
          apps__app_yaml=pod(metadata="  namespace: lab\n", spec="  volumes: [{name: p, hostPath: {path: /proc}}]\n"))
    assert [each[0] for each in lint(tmp_path)[1]] == ["policy-refuses"]
    (tmp_path / "policy" / "guard.yaml").unlink()
    write(tmp_path, apps__app_yaml=pod(metadata="  namespace: lab\n"), teams__lab_yaml=NAMESPACE % "b")
    assert [each[0] for each in lint(tmp_path)[1]] == ["policy-refuses"]
    # A Namespace of the policy itself is known as well.
    (tmp_path / "teams" / "lab.yaml").unlink()
    write(tmp_path, policy__lab_yaml=NAMESPACE % "b")
    assert [each[0] for each in lint(tmp_path)[1]] == ["policy-refuses"]
    (tmp_path / "policy" / "lab.yaml").unlink()
    write(tmp_path, teams__lab_yaml=NAMESPACE % "a")
    assert lint(tmp_path)[:2] == (0, [])
    assert lint("--policy", tmp_path / "policy", tmp_path / "apps", tmp_path / "teams")[:2] == (0, [])
    # What another file has does not replace what the same file has.
    write(tmp_path, apps__app_yaml=NAMESPACE % "b" + "---\n" + pod(metadata="  namespace: lab\n"))
    assert [each[0] for each in lint(tmp_path)[1]] == ["policy-refuses"]


def test_labels_that_only_a_rule_reads(tmp_path):
    """They do not decide whose namespace it is, so a Pod of no tenant is refused."""
    rule = document("Rule", "r", "  match: {namespaceSelector: {matchLabels: {a: b}}}\n  inject: {runtimeClassName: nvidia}\n")
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM, rule), apps__app_yaml=pod(metadata="  namespace: lab\n"))
    (finding,) = lint(tmp_path)[2]["findings"]
    assert finding["id"] == "policy-refuses" and "belongs to no tenant" in finding["text"]


@pytest.mark.parametrize("known", [False, True])
def test_a_refusal_says_what_is_known(tmp_path, known):
    """A Guard refuses it whatever the labels are. The tenant is mentioned if they are known."""
    selected = document("Tenant", "a", "  namespaceSelector: {matchLabels: {team: a}}\n  quotas: [{name: all, hard: 4}]\n")
    guard = document("Guard", "g", "  hostPaths: {allow: []}\n")
    write(tmp_path, policy__policy_yaml=policy(A100, selected, guard), **({"teams__lab_yaml": NAMESPACE % "b"} if known else {}),
          apps__app_yaml=pod(metadata="  namespace: lab\n", spec="  volumes: [{name: p, hostPath: {path: /proc}}]\n"))
    (finding,) = lint(tmp_path)[2]["findings"]
    assert "hostPath volume /proc" in finding["text"] and ("belongs to no tenant" in finding["text"]) == known


def test_labels_that_are_none(tmp_path):
    """They are a finding, and other files are judged all the same."""
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM), apps__a_yaml=NAMESPACE % "true" + "---\n" + pod(metadata="  namespace: team-a\n"),
          apps__b_yaml=pod(metadata="  namespace: team-a\n", limits="nvidia.com/gpu: 5000"), apps__c_yaml=NAMESPACE % "1")
    status, found, report = lint(tmp_path)
    assert status == 1 and sorted(each[0] for each in found) == ["manifest-unreadable", "policy-refuses"]
    assert any('metadata.labels["team"]: expected a string, found a boolean' in each["text"] for each in report["findings"])


@pytest.mark.parametrize("replicas, strategy, expected", [
    (4, "", None), (4, "  strategy: {rollingUpdate: {maxUnavailable: 20%}}\n", "surge-above-quota"), (5, "", "replicas-above-quota"), (3, "", None), (4, "  strategy: {type: Recreate}\n", None),
    (4, "  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}\n", None), (4, "  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n", "surge-above-quota"),
    (4, "  strategy: {rollingUpdate: {maxUnavailable: 50%}}\n", None)])
def test_replicas_and_rolling_updates(tmp_path, replicas, strategy, expected):
    app = (f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: llm, namespace: team-a}}\nspec:\n  replicas: {replicas}\n{strategy}"
           "  selector: {matchLabels: {app: llm}}\n  template:\n    metadata: {labels: {app: llm}}\n    spec:\n"
           "      containers: [{name: server, image: a, resources: {limits: {nvidia.com/gpu: 1}}}]\n")
    quota = document("Tenant", "team-a", "  namespaces: [team-a]\n  quotas: [{name: all, hard: 4}]\n")
    write(tmp_path, policy__policy_yaml=policy(A100, quota), apps__app_yaml=app)
    assert [each[0] for each in lint(tmp_path)[1]] == ([expected] if expected else [])


def test_more_replicas_than_are_tried(tmp_path):
    app = ("apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: llm, namespace: team-a}\nspec:\n  replicas: 5000\n"
           "  selector: {matchLabels: {app: llm}}\n  template:\n    metadata: {labels: {app: llm}}\n    spec:\n"
           "      containers: [{name: server, image: a, resources: {limits: {nvidia.com/gpu: 1}}}]\n")
    quota = document("Tenant", "team-a", "  namespaces: [team-a]\n  quotas: [{name: all, hard: 4}]\n")
    write(tmp_path, policy__policy_yaml=policy(A100, quota), apps__app_yaml=app)
    (finding,) = lint(tmp_path)[2]["findings"]
    assert "only 4 of 5000 Pods fit" in finding["text"]


# --- Many documents ---


def test_many_documents_in_little_memory(tmp_path):
    """One document is in memory at a time, beside the bytes of its file. All are read."""
    file = tmp_path / "apps.yaml"
    file.write_text("---\n".join([pod()] * 9999 + [pod(limits="nvidia.com/gpus: 1")]))
    done, kilobytes = run_measured("lint", "-o", "json", file)
    report = json.loads(done.stdout)
    assert report["objects"] == 10000 and [each["id"] for each in report["findings"]] == ["resource-misspelled"]
    assert SANITIZED or kilobytes < 64 << 10


def test_a_finding_in_each_of_many(tmp_path):
    """All are counted, and as many are printed as a report keeps."""
    (tmp_path / "apps.yaml").write_text("---\n".join([pod(limits="nvidia.com/gpus: 1")] * 3000))
    status, found, report = lint(tmp_path)
    assert (status, report["warnings"], len(found)) == (0, 3000, 100) and found[0][1] < found[-1][1] < 1200


# --- Forms of the output ---


@pytest.mark.parametrize("name, text", [CASES[0], CASES[5]])
def test_outputs(tmp_path, name, text):
    broken, (line, column) = bad(text)
    (tmp_path / "app.yaml").write_text(broken)
    level = "error" if name in ERRORS else "warning"
    out = {form: run("lint", "-o", form, "app.yaml", cwd=tmp_path).stdout for form in ("text", "sarif", "junit", "github")}
    assert re.match(rf"app.yaml:{line}:{column}: {level}: .* \[{name}\]\n", out["text"])
    log = json.loads(out["sarif"])
    jsonschema.validate(log, SARIF)
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == name and result["locations"][0]["physicalLocation"]["region"]["startLine"] == line
    (case,) = ET.fromstring(out["junit"]).iter("testcase")
    assert case.get("file") == "app.yaml" and f"[{name}]" in case.get("name") and (case.find("failure") is not None) == (level == "error")
    assert out["github"].startswith(f"::{level} file=app.yaml,line={line},col={column},")


def test_the_summary(tmp_path):
    (tmp_path / "app.yaml").write_text(pod() + "---\n" + pod())
    assert run("lint", tmp_path).stdout == "no errors (manifests: 2 objects in 1 file)\n"


# --- NUL in texts ---

NUL_POD = '''apiVersion: v1
kind: Pod
metadata: {name: "train\\0hidden", namespace: "team\\0a"}
spec:
  containers:
  - {name: "main\\0hidden", image: i, resources: {limits: {nvidia.com/gpu: "1\\0hidden"}}}
'''


@pytest.mark.parametrize("name, text", [("app.yaml", NUL_POD), ("app.json", json.dumps(yaml.safe_load(NUL_POD)))])
def test_a_nul_hides_nothing_of_a_manifest(tmp_path, name, text):
    """Messages show what follows it."""
    write(tmp_path, policy__policy_yaml=policy(A100, TEAM))
    (tmp_path / name).write_text(text)
    _, _, report = lint(name, cwd=tmp_path)
    assert [each["text"] for each in report["findings"] if "hidden" in each["text"]] and '"1\ufffdhidden" of nvidia.com/gpu' in report["findings"][0]["text"]
    text = run("explain", "-f", name, "--policy", "policy", cwd=tmp_path).stdout
    assert text.startswith(f'{name}:1: Pod "train\ufffdhidden" in namespace "team\ufffda": refused\n  container "main\ufffdhidden" requests nvidia.com/gpu: "1\ufffdhidden"')


@pytest.mark.parametrize("text, place", [
    ('metadata: {name: "a\\0b"}', "3:18"), ('"metadata\\0": {name: a}', "3:1"), ("metadata: {name: a}\nspec: {namespaces: [\"a\\x00\"]}", "4:21"),
    ('metadata: {name: a}\nspec: {"quotas\\u0000": []}', "4:8"),
])
def test_a_nul_in_a_policy_is_an_error(tmp_path, text, place):
    write(tmp_path, a_yaml=f"apiVersion: gpugate.io/v1\nkind: Tenant\n{text}\n")
    status, _, report = lint("a.yaml", cwd=tmp_path)
    found = [f'{each["line"]}:{each["column"]}' for each in report["findings"]
             if each["text"] == 'a text cannot have a NUL ("\\0"), which would hide what follows it; remove it']
    assert status == 1 and found == [place]
