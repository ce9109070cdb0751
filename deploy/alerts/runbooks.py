#!/usr/bin/python3
"""Writes docs/runbooks.md (`make docs/runbooks.md`): a section for each alert.

Each section combines the rule in gpugate.rules.yaml with its entry in runbooks.yaml. A test fails
if running this would change the file."""

import re
import textwrap
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
RULES, ENTRIES, TARGET = HERE / "gpugate.rules.yaml", HERE / "runbooks.yaml", HERE.parents[1] / "docs" / "runbooks.md"
COLUMNS = 100

HEAD = """\
<!-- Written by `make docs/runbooks.md` from deploy/alerts/gpugate.rules.yaml and runbooks.yaml. -->

# Runbooks of the alerts

The rules are in `deploy/alerts`: `gpugate.rules.yaml` for Prometheus, and `prometheusrule.yaml` for
its operator. `gpugate.test.yaml` shows by examples when each alert fires. The annotation `runbook`
of an alert leads to its section here. **critical**: someone should look now; **warning**: today;
**info**: worth knowing. If you do not know the alert, begin with
[troubleshooting.md](troubleshooting.md).
"""
GROUPS = {"availability": "Availability", "admission": "Admission", "policy": "Policy", "certificates": "Certificates",
          "ledger": "Ledger", "tenants": "Tenants"}
PARTS = {"users-see": "Users see", "check": "Check", "do": "Do"}
UNITS = {"s": "second", "m": "minute", "h": "hour"}
# Replacements for the values of templates. Labels are replaced by their names in capitals.
VALUES = {"$value": "N", "$value | humanize": "N", "$value | humanizePercentage": "N %", "$value | humanizeDuration": "TIME"}


def plain(text):
    """Returns an annotation without its templates."""
    def value(match):
        label = re.fullmatch(r"\$labels\.(\w+)", match[1])
        return label[1].upper() if label else VALUES[match[1]]
    return re.sub(r"\{\{ (.*?) \}\}", value, text)


def coded(text):
    """Adds to an annotation, which is plain text, links to alerts, and marks options, names and
    commands as code."""
    text = re.sub(r"\b(Gpugate\w+)", lambda match: f"[{match[1]}](#{match[1].lower()})", text)
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]+|[a-z]+[A-Z]\w+|Settings\.\w+|gpugate-ca|kubectl get gpuquotas|gpugate quota)(?![\w`])", r"`\1`", text)


def duration(text):
    number, unit = int(text[:-1]), UNITS[text[-1]]
    return f"{number} {unit}{'s' if number > 1 else ''}"


def wrapped(text):
    """Returns a list item. Code and links are not broken if they fit on a line."""
    def whole(match):
        return match[0].replace(" ", "\0") if len(match[0]) < COLUMNS - 2 else match[0]
    text = re.sub(r"`[^`]+`|\[[^\]]+\]\([^)]+\)", whole, text)
    lines = textwrap.wrap(text, COLUMNS, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def section(rule, entry):
    severity = rule["labels"]["severity"]
    after = f", after {duration(rule['for'])}" if "for" in rule else ""
    means = coded(f"{plain(rule['annotations']['summary'])} {plain(rule['annotations']['description'])}")
    items = [f"**Means**: {means}", *(f"**{PARTS[part]}**: {entry[part]}" for part in PARTS)]
    return f"### {rule['alert']}\n\n*{severity}*{after}\n\n" + "\n".join(map(wrapped, items)) + "\n"


def listed(title, alerts):
    """Returns the list item of a group, with a link to each of its alerts."""
    links = ", ".join(f"[{rule['alert']}](#{rule['alert'].lower()})" for rule in alerts)
    return wrapped(f"**{title}**: {links}")


def alerts_by_group(rules):
    """Returns the alerts of each group that has any, by the title of its section."""
    groups = {GROUPS[group["name"].removeprefix("gpugate.")]: [rule for rule in group["rules"] if "alert" in rule]
              for group in rules["groups"] if any("alert" in rule for rule in group["rules"])}
    return groups.items()


def text(rules=RULES, entries=ENTRIES):
    groups, entries = alerts_by_group(yaml.safe_load(rules.read_text())), yaml.safe_load(entries.read_text())
    parts = [HEAD, "\n".join(listed(title, alerts) for title, alerts in groups) + "\n"]
    for title, alerts in groups:
        parts.append(f"## {title}\n")
        parts += [section(rule, entries.pop(rule["alert"])) for rule in alerts]
    if entries:
        raise ValueError(f"runbooks.yaml has entries without an alert: {', '.join(entries)}")
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(text())
