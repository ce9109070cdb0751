"""A real Prometheus that scrapes every second, and a client of its HTTP API."""

import atexit
import functools
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

import gpugate
from deployed import RULES


# Prometheus scrapes every second, and each look is a query.
eventually = functools.partial(gpugate.eventually, seconds=60.0, pause=0.1)


def hasty(groups):
    """The rules without delays: evaluated every second, and an alert fires as soon as its
    expression is true."""
    return [{**group, "interval": "1s", "rules": [{key: value for key, value in rule.items() if key != "for"} for rule in group["rules"]]}
            for group in groups]


class Prometheus:
    """jobs: scrape_configs. The rules are those of deploy/alerts, without delays."""

    def __init__(self, binary, jobs):
        self.dir = Path(tempfile.mkdtemp(prefix="gpugate-prometheus-"))
        atexit.register(self.stop)
        rules = yaml.safe_load(RULES.read_text())
        (self.dir / "rules.yaml").write_text(yaml.safe_dump({"groups": hasty(rules["groups"])}))
        (self.dir / "prometheus.yaml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"], "scrape_configs": jobs}))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(
                [binary, f"--config.file={self.dir}/prometheus.yaml", f"--storage.tsdb.path={self.dir}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir)
        eventually(self._ready, what=f"a ready Prometheus ({self.dir}/log)")

    def _ready(self):
        assert self.process.poll() is None, (self.dir / "log").read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query or path}: {json.load(error).get('error')}") from None

    def query(self, expr):
        """The samples of an instant vector as a list of (labels, value). A scalar has no labels."""
        data = self._get("query", query=expr)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def targets(self):
        """Scrape address -> up, down or unknown."""
        return {target["scrapeUrl"]: target["health"] for target in self._get("targets")["activeTargets"]}

    def firing(self):
        """The names of the firing alerts."""
        return {alert["labels"]["alertname"]: alert for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"}

    def problems(self):
        """Rules that could not be evaluated, with their errors."""
        return {rule["name"]: rule["lastError"] for group in self._get("rules")["groups"] for rule in group["rules"] if rule.get("lastError")}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(gpugate.DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def job(name, *addresses, **more):
    return {"job_name": name, "static_configs": [{"targets": list(addresses), "labels": more.pop("labels", {})}], **more}
