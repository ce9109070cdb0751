"""The dashboard as a file: errors that Grafana would find, and gaps that readers would notice."""

import json
import re
import subprocess
import sys

import pytest

import pypi
from deployed import DASHBOARD, ROOT, asked, built, dashboard, documented, expressions, panels, recorded

BUILD = ROOT / "build" / "tools"

GRAFANAS_OWN = {"row", "stat", "timeseries", "bargauge", "table"}
UNITS = {"short", "s", "ops", "reqps", "wps", "bytes", "percentunit", "dateTimeFromNow"}


def test_it_is_current():
    assert DASHBOARD.read_text() == built(DASHBOARD), "run deploy/dashboards/build.py"


def test_whole():
    whole = dashboard()
    assert whole["uid"] == whole["title"] == "gpugate" and whole["schemaVersion"] >= 38
    assert "id" not in whole, "Grafana gives it"
    ids = [panel["id"] for panel in whole["panels"]]
    assert len(ids) == len(set(ids)) and all(isinstance(one, int) and one > 0 for one in ids)
    assert {panel["type"] for panel in whole["panels"]} <= GRAFANAS_OWN
    titles = [panel["title"] for panel in whole["panels"]]
    assert len(titles) == len(set(titles))


def test_panels_do_not_overlap():
    taken = {}
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert set(at) == {"x", "y", "w", "h"} and at["x"] >= 0 and at["w"] > 0 and at["h"] > 0 and at["x"] + at["w"] <= 24, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


@pytest.mark.parametrize("title", [panel["title"] for panel in panels()])
def test_panel(title):
    panel = next(panel for panel in panels() if panel["title"] == title)
    refs = [target["refId"] for target in panel["targets"]]
    assert refs and len(refs) == len(set(refs))
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for target in panel["targets"]:
        if panel["type"] == "table":
            assert target["format"] == "table" and target["instant"]
        elif panel["type"] != "stat":
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert labels or len(panel["targets"]) > 1, "series without a name"
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        assert matcher["id"] in ("byName", "byFrameRefID") and override["properties"]
        known = refs if matcher["id"] == "byFrameRefID" else panel["transformations"][1]["options"]["renameByName"].values()
        assert matcher["options"] in known


def test_variables():
    variables = {one["name"]: one for one in dashboard()["templating"]["list"]}
    assert list(variables) == ["datasource", "tenant", "namespace", "instance"]
    assert variables.pop("datasource")["type"] == "datasource"
    text = DASHBOARD.read_text()
    for name, variable in variables.items():
        assert variable["type"] == "query" and variable["datasource"]["uid"] == "${datasource}" and f"=~\\\"${name}\\\"" in text
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        assert label in (name, "instance") and asked(metric) <= documented()[0] | recorded()


def test_it_asks_for_metrics_that_exist():
    ours, others = documented()
    for title, expr in expressions():
        assert asked(expr) and asked(expr) <= ours | others | recorded(), title


# Grafana's own reading of its schema, in these versions: files of the PyPI package
# grafana-foundation-sdk.
GRAFANA = {"10.1": "d131ffe49057fb669ba31ce7e28a303c96b3aecf4332b20de33cfa55110d498c",
           "11.6": "92d7a8144eba0fa802e728fb70e63d74b056fb1195ff116d812ad7a4ccfa5eca"}

ROUND_TRIP = """
import json, sys
from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard
plugins.register_default_plugins()
print(json.dumps(dashboard.Dashboard.from_json(json.load(sys.stdin)), cls=encoder.JSONEncoder))
"""


def lost(ours, theirs, where=""):
    """Returns the parts of `ours` that `theirs` lacks."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [problem for key, value in ours.items() for problem in lost(value, theirs.get(key), f"{where}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [problem for i, value in enumerate(ours) for problem in lost(value, theirs[i], f"{where}[{i}]")]
    return [] if ours == theirs else [f"{where}: {ours!r}, read as {theirs!r}"]


@pytest.mark.parametrize("version", GRAFANA)
def test_grafana_reads_all_of_it(version):
    """What Grafana's schema does not know, or knows in another form, would be lost here."""
    wheel = BUILD / f"grafana-foundation-sdk-{version}.whl"
    if not wheel.exists():
        try:
            content = pypi.fetch("grafana-foundation-sdk", GRAFANA[version])
        except LookupError as reason:
            pytest.skip(str(reason))
        wheel.parent.mkdir(parents=True, exist_ok=True)
        wheel.with_suffix(".new").write_bytes(content)
        wheel.with_suffix(".new").rename(wheel)
    done = subprocess.run([sys.executable, "-c", ROUND_TRIP], input=DASHBOARD.read_text(), env={"PYTHONPATH": str(wheel)},
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert lost(dashboard(), json.loads(done.stdout)) == []
