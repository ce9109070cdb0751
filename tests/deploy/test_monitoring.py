"""PodMonitor, alerts and dashboard: the chart and the kustomize component contain exactly what
deploy/alerts and deploy/dashboards do."""

import pytest
import yaml

from manifests_of import DEPLOY, KUSTOMIZE_VALUES, assert_same, bare, helm, kustomize, merged, readme_line, template, with_component

RULES, DASHBOARD = DEPLOY / "alerts" / "gpugate.rules.yaml", DEPLOY / "dashboards" / "gpugate.json"
ALL = {name: {"create": True} for name in ("podMonitor", "prometheusRule", "dashboard")}
KEYS = {("PodMonitor", "gpugate"), ("PrometheusRule", "gpugate"), ("ConfigMap", "gpugate-dashboard")}


@pytest.fixture
def chart(tmp_path):
    return template(tmp_path, merged(KUSTOMIZE_VALUES, ALL))


@pytest.fixture
def component(tmp_path):
    return kustomize(tmp_path, "self-managed", with_component("monitoring"))


@pytest.mark.parametrize("way", ["chart", "component"])
def test_rules_and_dashboard_are_as_in_deploy(request, way):
    made = request.getfixturevalue(way)
    assert made["PrometheusRule", "gpugate"]["spec"] == yaml.safe_load(RULES.read_text())
    assert made["ConfigMap", "gpugate-dashboard"]["data"] == {"gpugate.json": DASHBOARD.read_text()}
    assert made["ConfigMap", "gpugate-dashboard"]["metadata"]["labels"]["grafana_dashboard"] == "1"
    container = made["Deployment", "gpugate"]["spec"]["template"]["spec"]["containers"][0]
    (endpoint,) = made["PodMonitor", "gpugate"]["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in [port["name"] for port in container["ports"]] and endpoint["path"] == "/metrics"


def test_chart_and_component_are_equal(chart, component):
    for key in KEYS:
        assert_same(bare(chart[key]), bare(component[key]))


def test_helm_prints_the_rules_line_by_line(tmp_path):
    """Comments are kept as well, and text in braces is left to Prometheus."""
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(merged(KUSTOMIZE_VALUES, ALL)))
    done = helm("template", "gpugate", DEPLOY / "helm" / "gpugate", "-f", tmp_path / "values.yaml", "-s", "templates/prometheusrule.yaml")
    (lines,) = [part.rstrip("\n").splitlines() for part in done.stdout.split("\nspec:\n")[1:]]
    assert [line[2:] for line in lines] == RULES.read_text().splitlines() and "{{ $labels.instance }}" in done.stdout


@pytest.mark.parametrize("name", ALL)
def test_each_is_there_only_when_wanted(tmp_path, name):
    made = template(tmp_path, merged(KUSTOMIZE_VALUES, {name: {"create": True}}))
    assert len(KEYS & made.keys()) == 1 and not KEYS & template(tmp_path, KUSTOMIZE_VALUES).keys()


def test_labels_and_runbooks_are_settable(tmp_path, chart):
    base = "https://git.example/gpugate/"
    values = {"podMonitor": {"labels": {"release": "p"}}, "prometheusRule": {"labels": {"release": "p"}, "runbookBase": base},
              "dashboard": {"labels": {"grafana_dashboard": None, "dashboards": "yes"}}}
    made = template(tmp_path, merged(KUSTOMIZE_VALUES, ALL, values))
    for key, (name, text) in zip(sorted(KEYS), (("dashboards", "yes"), ("release", "p"), ("release", "p")), strict=True):
        assert made[key]["metadata"]["labels"][name] == text
    assert "grafana_dashboard" not in made["ConfigMap", "gpugate-dashboard"]["metadata"]["labels"]
    before, after = (annotations(of) for of in (chart, made))
    assert len(before) > 30
    for plain, linked in zip(before, after, strict=True):
        assert linked.pop("runbook_url") == base + plain.pop("runbook") and linked == plain


def annotations(made):
    return [rule["annotations"] for group in made["PrometheusRule", "gpugate"]["spec"]["groups"] for rule in group["rules"] if "alert" in rule]


def test_the_readmes_line_links_the_runbooks(tmp_path, component):
    def linked(copy):
        with_component("monitoring")(copy)
        readme_line(copy, "runbook_url")

    for plain, changed in zip(annotations(component), annotations(kustomize(tmp_path / "linked", "self-managed", linked)), strict=True):
        assert changed.pop("runbook_url") == "https://git.example/gpugate/" + plain.pop("runbook") and changed == plain
