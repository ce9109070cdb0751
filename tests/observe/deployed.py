"""What deploy/ and docs/ have of observability, and what expressions ask for."""

import functools
import json
import re
import runpy
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "alerts" / "gpugate.rules.yaml"
RULES_TEST = RULES.with_name("gpugate.test.yaml")
RULES_OBJECT = RULES.with_name("prometheusrule.yaml")
DASHBOARD = ROOT / "deploy" / "dashboards" / "gpugate.json"
OPERATE, RUNBOOKS = ROOT / "docs" / "operate.md", ROOT / "docs" / "runbooks.md"

_WORDS = {"and", "or", "unless", "by", "on", "without", "ignoring", "group_left", "group_right", "offset", "bool", "Inf", "NaN"}
_LABELS = re.compile(r"\b(by|on|without|ignoring|group_left|group_right) *\([^)]*\)")


def built(path):
    """What the build.py beside a generated file would write."""
    return runpy.run_path(str(path.parent / "build.py"))["text"]()


@functools.cache
def groups():
    return yaml.safe_load(RULES.read_text())["groups"]


def rules():
    return [rule for group in groups() for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded():
    return {rule["record"] for rule in rules() if "record" in rule}


@functools.cache
def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    """All but the headings of rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions():
    """(panel's title, expression with Grafana's variables filled in) of the whole dashboard."""
    found = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    found += [(mark["name"], mark["expr"]) for mark in dashboard()["annotations"]["list"]]
    return [(title, _filled(expr)) for title, expr in found]


def _filled(expr):
    for name in ("tenant", "namespace", "instance"):
        expr = expr.replace(f"${name}", ".*")
    expr = expr.replace("$__rate_interval", "30s").replace("$__range", "5m")
    assert "$" not in expr, f"a variable that the dashboard does not have: {expr}"
    return expr


def asked(expr):
    """Names of the metrics that an expression reads: what is left without strings, labels, ranges, words and functions. A histogram's
    buckets go by the name of the histogram."""
    expr = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    expr = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", expr)
    expr = re.sub(r"\boffset +\w+", " ", _LABELS.sub(" ", expr))
    names = re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*\b(?! *\()", expr)
    return {name.removesuffix("_bucket") for name in names if name not in _WORDS}


def section(title, path=OPERATE):
    """A part of a document with all below its heading."""
    text = path.read_text()
    level = re.search(rf"^(#+) {re.escape(title)}$", text, re.M)
    assert level, f"{path.name} has no section {title}"
    rest = text[level.end():]
    end = re.search(rf"^#{{1,{len(level[1])}}} ", rest, re.M)
    return rest[:end.start()] if end else rest


@functools.cache
def documented():
    """(metrics of gpugate, metrics of others), as the tables name them."""
    ours, others = (set(), set())
    into = ours
    for line in section("Metrics").splitlines():
        if line.startswith("What others tell"):
            into = others
        if line.startswith("| `"):
            into.update(re.findall(r"`(\w+)(?:\{[^`]*\})?`", line.split(" | ")[0]))
    return ours, others


def documented_labels():
    """Metric of gpugate -> its labels, where the table names them."""
    rows = [line.split(" | ")[0] for line in section("Metrics").splitlines() if line.startswith("| `")]
    return {name: frozenset(labels.split(",")) for row in rows for name, labels in re.findall(r"`(gpugate_\w+)\{([\w,]+)\}`", row)}


def anchors(path):
    """Of a document, as GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
