"""What a series is known by: its name, the names of its labels, and those values of labels that are words of the program."""

import re

import yaml

from deployed import RULES_TEST, documented_labels

# Shown only when an API server has answered: test_live_cluster.py looks at these.
WITH_AN_API_SERVER = {"gpugate_registration_stale", "gpugate_registration_installed", "gpugate_certificate_authority_expiry_timestamp_seconds",
                      "gpugate_certificate_untrusted"}

# Labels whose values tenants, files or the scraper choose. Those of all others are words of the program.
CHOSEN = {"instance", "job", "tenant", "quota", "measure", "namespace", "exported_namespace", "name", "commit", "version", "digest", "dirty"}


def words(labels):
    """The part of a series' labels that the program chooses."""
    return frozenset((key, value) for key, value in labels if key not in CHOSEN)


def shown(*all_metrics):
    """(name, the names of all labels, the words among their values) of each series."""
    return {(name, frozenset(key for key, _ in labels), words(labels)) for metrics in all_metrics for name, labels in metrics.samples}


def of_examples():
    """(name, names of labels, words, first value) of our series in gpugate.test.yaml."""
    for test in yaml.safe_load(RULES_TEST.read_text())["tests"]:
        for one in test["input_series"]:
            name, _, inside = one["series"].partition("{")
            labels = re.findall(r'(\w+)="([^"]*)"', inside)
            if name.startswith("gpugate_"):
                keys = frozenset(key for key, _ in labels) - {"instance", "job", "exported_namespace"}
                yield name, keys, words(labels), re.match(r"[^x+ ]+", one["values"])[0]


def wrong_labels(series, of):
    """What the reference page says otherwise than the series: metric -> its labels there. of: which metrics to look at."""
    known = {}
    for name, keys, _ in series:
        known.setdefault(re.sub("(?<=_seconds)_(bucket|sum|count)$", "", name), set()).add(keys - {"le"})
    return {name: sorted(keys) for name, keys in documented_labels().items() if of(name) and known.get(name) != {keys}}
