"""What identifies a series: its name, the names of its labels, and label values that the program
chooses."""

import re

import yaml

from deployed import RULES_TEST, documented_labels

# Shown only after an API server has answered; test_live_cluster.py checks these.
WITH_AN_API_SERVER = {"gpugate_registration_stale", "gpugate_registration_installed", "gpugate_certificate_authority_expiry_timestamp_seconds",
                      "gpugate_certificate_untrusted"}

# Labels whose values are chosen by tenants, files or the scraper. The program chooses those of all
# others.
CHOSEN = {"instance", "job", "tenant", "quota", "measure", "namespace", "exported_namespace", "name", "commit", "version", "digest", "dirty"}


def words(labels):
    """The labels of a series whose values the program chooses."""
    return frozenset((key, value) for key, value in labels if key not in CHOSEN)


def shown(*all_metrics):
    """(name, the names of all labels, words() of the labels) of each series."""
    return {(name, frozenset(key for key, _ in labels), words(labels)) for metrics in all_metrics for name, labels in metrics.samples}


def of_examples():
    """(name, names of labels, words() of the labels, first value) of gpugate's series in
    gpugate.test.yaml."""
    for test in yaml.safe_load(RULES_TEST.read_text())["tests"]:
        for one in test["input_series"]:
            name, _, inside = one["series"].partition("{")
            labels = re.findall(r'(\w+)="([^"]*)"', inside)
            if name.startswith("gpugate_"):
                keys = frozenset(key for key, _ in labels) - {"instance", "job", "exported_namespace"}
                yield name, keys, words(labels), re.match(r"[^x+ ]+", one["values"])[0]


def wrong_labels(series, of):
    """Where the reference page contradicts the series: metric -> its labels there. of: which
    metrics to check."""
    known = {}
    for name, keys, _ in series:
        known.setdefault(re.sub("(?<=_seconds)_(bucket|sum|count)$", "", name), set()).add(keys - {"le"})
    return {name: sorted(keys) for name, keys in documented_labels().items() if of(name) and known.get(name) != {keys}}
