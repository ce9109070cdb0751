"""Reads the Prometheus text format 0.0.4 strictly: what this accepts, promtool's linter accepts
too."""

import math
import re

_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
_UNITS = {"milliseconds", "microseconds", "minutes", "hours", "kilobytes", "mebibytes", "megabytes", "percent"}


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"bad labels: {text!r}"
        assert match[1] not in labels, f"label twice: {text!r}"
        labels[match[1]] = match[2].replace('\\n', '\n').replace('\\"', '"').replace('\\\\', '\\')
        at = match.end()
    return labels


class Metrics:
    """The samples of one rendering. value() returns one of them, and total() the sum over all that
    have the labels."""

    def __init__(self, text):
        self.samples = {}
        self.types = {}
        self.helps = {}
        self._read(text)
        self._check_families()

    def value(self, name, /, **labels):
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def total(self, name, /, **labels):
        wanted = set(labels.items())
        return sum(v for (n, have), v in self.samples.items() if n == name and wanted <= have)

    def series(self, name):
        return {have: v for (n, have), v in self.samples.items() if n == name}

    def family(self, name):
        for suffix in ("_bucket", "_sum", "_count"):
            base = name[:-len(suffix)] if name.endswith(suffix) else None
            if base and self.types.get(base) in ("histogram", "summary"):
                return base
        return name

    def _read(self, text):
        assert text.endswith("\n"), "the last line must end"
        seen, current = set(), None
        for line in text.split("\n")[:-1]:
            if line.startswith("# HELP "):
                name, _, sentence = line[7:].partition(" ")
                assert name not in self.helps, f"HELP twice: {name}"
                assert sentence.strip(), f"no help: {name}"
                self.helps[name] = sentence
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name not in self.types and kind in _TYPES, line
                assert name not in seen, f"TYPE after samples: {name}"
                self.types[name] = kind
            elif line.startswith("#"):
                continue
            else:
                current = self._sample(line, seen, current)

    def _sample(self, line, seen, current):
        match = _SAMPLE.match(line)
        assert match, f"bad line: {line!r}"
        labels = _labels(match[2] or "")
        value = float(match[3].replace("Inf", "inf"))
        family = self.family(match[1])
        assert family == current or family not in seen, f"family {family} is not in one piece"
        seen.add(family)
        key = (match[1], frozenset(labels.items()))
        assert key not in self.samples, f"sample twice: {line}"
        self.samples[key] = value
        assert family in self.types, f"no TYPE: {family}"
        assert family in self.helps, f"no HELP: {family}"
        return family

    def _check_families(self):
        for name, kind in self.types.items():
            assert name.startswith(("gpugate_", "process_")), name
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            assert not _UNITS & set(name.split("_")), f"{name}: not a base unit"
            if kind == "histogram":
                self._check_histogram(name)
            if kind == "counter":
                assert all(v >= 0 and math.isfinite(v) for v in self.series(name).values()), name

    def _check_histogram(self, name):
        groups = {}
        for labels, value in self.series(name + "_bucket").items():
            rest = frozenset((k, v) for k, v in labels if k != "le")
            groups.setdefault(rest, []).append((float(dict(labels)["le"].replace("Inf", "inf")), value))
        for rest, buckets in groups.items():
            buckets.sort()
            counts = [v for _, v in buckets]
            assert counts == sorted(counts), f"{name}: buckets fall"
            assert buckets[-1][0] == math.inf, f"{name}: no +Inf"
            assert self.samples[(name + "_count", rest)] == counts[-1], f"{name}: count"
            assert (name + "_sum", rest) in self.samples
