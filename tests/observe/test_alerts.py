"""The alert rules: promtool accepts them, each fires when it should, and each is explained where
its runbook link leads."""

import functools
import json
import re
import runpy
import subprocess

import pytest
import yaml

from deployed import METRICS, RULES, RULES_OBJECT, RULES_TEST, RUNBOOKS, alerts, anchors, asked, built, documented, documented_alerts, groups, recorded, rules, section


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules(promtool):
    assert f"{len(rules())} rules found" in run(promtool, "check", "rules", str(RULES))


def test_alerts_fire_when_they_should(promtool):
    run(promtool, "test", "rules", str(RULES_TEST))


def asked_of_metrics(name):
    """The metrics that an alert reads, with recording rules resolved. Of alternatives (`or`), the
    first is enough."""
    by_recorded = {rule["record"]: rule["expr"].split(" or ")[0] for rule in rules() if "record" in rule}
    expr = re.split(r"\bor\b|\bunless\b", alerts()[name]["expr"])[0]
    return {source for metric in asked(expr) for source in (asked(by_recorded[metric]) if metric in by_recorded else {metric})}


@functools.cache
def all_examples():
    return yaml.safe_load(RULES_TEST.read_text())


def examples(name):
    """Returns the tests of RULES_TEST in which an alert is expected to fire, and the labels that it
    has there."""
    whole = all_examples()
    fires = [(test, sample["labels"]) for test in whole["tests"] for moment in test["promql_expr_test"] for sample in moment["exp_samples"]
             if f'alertname="{name}"' in sample["labels"]]
    tests = [test for i, (test, _) in enumerate(fires) if test not in [other for other, _ in fires[:i]]]
    return {**whole, "tests": tests}, [labels for _, labels in fires]


@pytest.mark.parametrize("name", alerts())
def test_an_alert_that_is_gone_or_hasty_is_noticed(promtool, tmp_path, name):
    """Its examples fail without the alert, and with one that fires all the time."""
    wanted, _ = examples(name)
    assert wanted["tests"], "gpugate.test.yaml does not say when it fires"
    (tmp_path / RULES_TEST.name).write_text(json.dumps(wanted))
    for expr in ("vector(1) > 1", "vector(1)"):
        changed = [{**group, "rules": [{"alert": name, "expr": expr, "labels": rule["labels"]} if rule.get("alert") == name else rule
                                       for rule in group["rules"]]} for group in groups()]
        (tmp_path / RULES.name).write_text(json.dumps({"groups": changed}))
        done = subprocess.run([promtool, "test", "rules", str(tmp_path / RULES_TEST.name)], capture_output=True, text=True, check=False, timeout=120)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and "got:" in said and name in said, (expr, done)


@pytest.mark.parametrize("name", alerts())
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_stays_silent(name):
    """It is silent although everything that it reads is present: without its series, any alert is
    silent."""
    reads = asked_of_metrics(name)
    fires = silent = 0
    for test in all_examples()["tests"]:
        given = {re.sub("_bucket$", "", one["series"].partition("{")[0]) for one in test["input_series"]}
        for moment in test["promql_expr_test"]:
            if any(f'alertname="{name}"' in sample["labels"] for sample in moment["exp_samples"]):
                fires += 1
            elif reads <= given:
                silent += 1
    assert fires and silent, f"fires {fires} times, is silent {silent} times"


def test_the_operators_object_is_current():
    assert RULES_OBJECT.read_text() == built(RULES_OBJECT), "run deploy/alerts/build.py"
    made = yaml.safe_load(RULES_OBJECT.read_text())
    assert (made["apiVersion"], made["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert made["spec"] == {"groups": groups()}


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_is_wrong(name):
    alert = alerts()[name]
    assert set(alert["labels"]) == {"severity"} and alert["labels"]["severity"] in ("critical", "warning", "info")
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    for sentence in (alert["annotations"]["summary"], alert["annotations"]["description"]):
        assert sentence.endswith(".") and "\n" not in sentence
    _, fires = examples(name)
    for label in re.findall(r"\$labels\.(\w+)", str(alert["annotations"])):
        assert all(f'{label}="' in labels for labels in fires), f"the alert has no label {label}"


@pytest.mark.parametrize("name", alerts())
def test_an_alert_has_a_runbook(name):
    alert = alerts()[name]
    file, anchor = alert["annotations"]["runbook"].split("#")
    assert file == "docs/runbooks.md" and anchor == name.lower() and anchor in anchors(RUNBOOKS)
    text = section(name, RUNBOOKS)
    assert f"*{alert['labels']['severity']}*" in text
    for part in ("Means", "Users see", "Check", "Do"):
        assert re.search(rf"^- \*\*{part}\*\*: .+[.?]$", re.sub(r"\n  +", " ", text), re.M), part


def test_page_runbooks_and_rules_know_the_same_alerts():
    linked = re.findall(r"\[(Gpugate\w+)\]\(\.\./runbooks\.md#(\w+)\)", METRICS.read_text())
    assert all(anchor == name.lower() for name, anchor in linked)
    assert {name for name, _ in linked} == set(alerts())
    assert re.findall(r"^### (\w+)$", RUNBOOKS.read_text(), re.M) == list(alerts())


def test_runbooks_are_current():
    made = runpy.run_path(str(RULES.with_name("runbooks.py")))
    assert RUNBOOKS.read_text() == made["text"](), "run `make docs/runbooks.md`"


def test_an_entry_without_its_alert_is_noticed(tmp_path):
    """The same for an alert without an entry."""
    text = runpy.run_path(str(RULES.with_name("runbooks.py")))["text"]
    entries = yaml.safe_load(RULES.with_name("runbooks.yaml").read_text())
    changed = tmp_path / "runbooks.yaml"
    changed.write_text(yaml.safe_dump({**entries, "GpugateNothing": entries["GpugateDown"]}))
    with pytest.raises(ValueError, match="GpugateNothing"):
        text(entries=changed)
    changed.write_text(yaml.safe_dump({name: entry for name, entry in entries.items() if name != "GpugateDown"}))
    with pytest.raises(KeyError, match="GpugateDown"):
        text(entries=changed)


def test_links_of_the_documents_lead_somewhere():
    for path, text in ((path, path.read_text()) for path in (METRICS, RUNBOOKS)):
        links = re.findall(r"\]\(([\w./]*)#([^)]+)\)", text)
        assert len(links) > 30
        strange = {(file, anchor) for file, anchor in links if anchor not in anchors((path.parent / (file or path.name)).resolve())}
        assert not strange, strange


def test_rules_ask_for_metrics_that_exist():
    ours, others = documented()
    for rule in rules():
        names = asked(rule["expr"])
        assert names and names <= ours | others | recorded(), (rule.get("alert"), names - ours - others - recorded())


def test_every_alert_stands_beside_its_metric():
    """The reference page lists each alert with a metric that it reads, and with no other."""
    by_recorded = {rule["record"]: asked(rule["expr"]) for rule in rules() if "record" in rule}
    for name, alert in alerts().items():
        names = {source for metric in asked(alert["expr"]) for source in by_recorded.get(metric, {metric})}
        linked = {metric for metric, beside in documented_alerts().items() if name in beside}
        assert linked and linked <= names, (name, linked - names)
