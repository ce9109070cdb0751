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
RUNBOOKS = ROOT / "docs" / "runbooks.md"
METRICS = ROOT / "docs" / "reference" / "metrics.md"

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


def section(title, path):
    """A part of a document with all below its heading."""
    text = path.read_text()
    level = re.search(rf"^(#+) {re.escape(title)}$", text, re.M)
    assert level, f"{path.name} has no section {title}"
    rest = text[level.end():]
    end = re.search(rf"^#{{1,{len(level[1])}}} ", rest, re.M)
    return rest[:end.start()] if end else rest


def _rows(text):
    """First cells of the tables' rows."""
    return [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]


@functools.cache
def documented():
    """(metrics of gpugate, metrics of others), as the tables of the reference page name them."""
    parts = METRICS.read_text().split("\n## Metrics of other programs\n")
    assert len(parts) == 2
    return tuple({name for row in _rows(part) for name in re.findall(r"`(\w+)(?:\{[^`]*\})?`", row)} for part in parts)


@functools.cache
def documented_labels():
    """Metric of gpugate -> its labels."""
    cells = [re.fullmatch(r"\| `(gpugate_\w+)(?:\{([\w,]+)\})?`", row) for row in _rows(METRICS.read_text())]
    return {cell[1]: frozenset(cell[2].split(",")) if cell[2] else frozenset() for cell in cells if cell}


@functools.cache
def documented_alerts():
    """Metric -> names of the alerts that the reference page has for it."""
    text = METRICS.read_text()
    notes = re.findall(r"^- \*\*`(\w+)`\*\*:(.*?)(?=^- |^$)", text, re.M | re.S)
    rows = [(name, line) for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split(" | ")[0])]
    return {name: set(re.findall(r"\[(Gpugate\w+)\]", note)) for name, note in [*rows, *notes]}


def anchors(path):
    """Of a document, as GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
