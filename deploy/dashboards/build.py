#!/usr/bin/python3
"""Writes gpugate.json, the Grafana dashboard, from the rows below. Panels flow from left to right
across 24 columns.

All replicas are scraped. Gauges that all of them report equally are shown once, with max; counters
are summed. Only panels that come with Grafana are used. tests/observe runs every expression in a
real Prometheus."""

import json
from pathlib import Path

TARGET = Path(__file__).resolve().parent / "gpugate.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24

# --- Expressions ---

REPLICA = 'instance=~"$instance"'
TENANT = f'{REPLICA},tenant=~"$tenant"'
DEVICES = f'{TENANT},measure!="memory"'
MEMORIES = f'{TENANT},measure="memory"'
QUOTA = "tenant, quota, measure"


def once(metric, by=QUOTA, where=TENANT):
    """Selects a gauge that all replicas report equally."""
    return f"max by ({by}) ({metric}{{{where}}})"


def rate(metric, by, where=REPLICA):
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def grown(metric, by, where=REPLICA):
    return f"sum by ({by}) (increase({metric}{{{where}}}[$__rate_interval]))"


def quantile(q):
    return f"histogram_quantile({q}, {rate('gpugate_admission_duration_seconds_bucket', 'le, path')})"


def of_ours(expr):
    """Selects only gpugate's processes: every program has metrics with these names."""
    return f"{expr} and on (instance) gpugate_build_info"


# deploy/alerts/gpugate.rules.yaml records these, once for all replicas.
HELD = 'namespace:gpugate_held:max{namespace=~"$namespace",tenant=~"$tenant",measure=~"count|gpus"}'
HELD_MEMORY = 'namespace:gpugate_held:max{namespace=~"$namespace",tenant=~"$tenant",measure="memory"}'
ACTIVE = 'namespace:dcgm_active:avg{namespace=~"$namespace"}'
MEMORY = 'namespace:dcgm_memory_used_bytes:sum{namespace=~"$namespace"}'


def beside_held(expr):
    """Returns a number for each namespace, with the labels of what it holds."""
    return f"0 * {HELD} + on (namespace) group_left () {expr}"


# --- Panels ---

def target(expr, legend="", **more):
    return {"expr": expr, "legendFormat": legend, **more}


def panel(kind, title, width, height, targets, description="", unit="short", options=None, overrides=(), **defaults):
    return {"type": kind, "title": title, "description": description, "datasource": SOURCE, "gridPos": {"w": width, "h": height},
            "targets": [{"refId": chr(ord("A") + i), "datasource": SOURCE, **one} for i, one in enumerate(targets)],
            "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": list(overrides)}, "options": options or {}}


def steps(*colours):
    """steps("green", (1, "red")): green below 1, red from there."""
    first, *others = colours
    return {"mode": "absolute", "steps": [{"color": first, "value": None}, *({"color": colour, "value": value} for value, colour in others)]}


def words(**texts):
    """words(_0="no", _1="yes") shows numbers as words."""
    return [{"type": "value", "options": {key[1:]: {"text": text, "index": i} for i, (key, text) in enumerate(texts.items())}}]


def stat(title, expr, description="", unit="short", thresholds=None, mappings=(), **defaults):
    return panel("stat", title, 3, 4, [target(expr, instant=True)], description, unit,
                 {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"},
                 thresholds=thresholds or steps("text"), mappings=list(mappings), **defaults)


def series(title, *targets, width=12, description="", unit="short", stack=False, overrides=(), **defaults):
    custom = {"lineWidth": 1, "fillOpacity": 20 if stack else 5, "stacking": {"mode": "normal" if stack else "none"}, "showPoints": "never"}
    return panel("timeseries", title, width, 8, targets, description, unit,
                 {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}, overrides,
                 custom=custom, min=0, **defaults)


def bars(title, *targets, width=12, description="", unit="percentunit", thresholds=None, **defaults):
    return panel("bargauge", title, width, 8, targets, description, unit,
                 {"orientation": "horizontal", "displayMode": "gradient", "reduceOptions": {"calcs": ["lastNotNull"]}},
                 thresholds=thresholds, min=0, **defaults)


def table(title, columns, width=24, description="", hidden=(), overrides=()):
    """columns: name -> expression. All have the same labels, so that the rows can be merged."""
    targets = [target(expr, format="table", instant=True) for expr in columns.values()]
    names = {"Value" if len(columns) == 1 else f"Value #{chr(ord('A') + i)}": name for i, name in enumerate(columns)}
    made = panel("table", title, width, 8, targets, description, overrides=overrides)
    made["transformations"] = [{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {name: True for name in ("Time", *hidden)}, "renameByName": names}}]
    return made


def field(name, **properties):
    """Returns how to show the column or the series with this name."""
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": key, "value": value} for key, value in properties.items()]}


DASHED = {"matcher": {"id": "byFrameRefID", "options": "B"},
          "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}}, {"id": "custom.fillOpacity", "value": 0}]}
QUOTA_LEGEND = "{{tenant}}/{{quota}}"
NO_YES = words(_0="no", _1="yes")

# --- The dashboard ---

ROWS = {
    "Now": [
        stat("Replicas that answer", f"count(gpugate_build_info{{{REPLICA}}})", "Of those that are scraped.", thresholds=steps("red", (1, "green"))),
        stat("Ledger open", f'max(gpugate_ledger_state{{{REPLICA},state="open"}})', "Cluster ledger only: whether any replica can admit by it.",
             mappings=NO_YES, thresholds=steps("red", (1, "green"))),
        stat("Registration stale", f"max(min by (configuration) (gpugate_registration_stale{{{REPLICA}}}))",
             "Whether the webhook configurations are not what the policy needs.", mappings=NO_YES, thresholds=steps("green", (1, "red"))),
        stat("Policy refused", f"max(gpugate_policy_rejected{{{REPLICA}}})", "Whether the files have errors, and an older policy decides.",
             mappings=NO_YES, thresholds=steps("green", (1, "red"))),
        stat("Policy age", f"time() - max(gpugate_policy_loaded_timestamp_seconds{{{REPLICA}}})", "Since the last change that was taken.", "s"),
        stat("Certificate ends in", f"min(gpugate_certificate_expiry_timestamp_seconds{{{REPLICA}}} > 0) - time()",
             "The first of all replicas.", "s", thresholds=steps("red", (86400, "orange"), (7 * 86400, "green"))),
        stat("Quotas exceeded", f"sum({once('gpugate_quota_exceeded')})", "More is held than the limits allow, borrowing included.",
             thresholds=steps("green", (1, "orange"))),
        stat("Refused in an hour", f"sum(increase(gpugate_denials_total{{{TENANT}}}[1h]))",
             "Sentences of refusals: a Pod that is refused for two reasons counts twice.", decimals=0),
    ],
    "Quotas": [
        series("Used against hard: devices and GPUs",
               target(once("gpugate_quota_used", where=DEVICES), f"{QUOTA_LEGEND} used"),
               target(f'{once("gpugate_quota_hard", where=DEVICES)} < Inf', f"{QUOTA_LEGEND} hard"),
               overrides=[DASHED], description="A line above its dashed one is borrowed, or exceeded."),
        series("Used against hard: memory",
               target(once("gpugate_quota_used", where=MEMORIES), f"{QUOTA_LEGEND} used"),
               target(f'{once("gpugate_quota_hard", where=MEMORIES)} < Inf', f"{QUOTA_LEGEND} hard"),
               unit="bytes", overrides=[DASHED]),
        bars("Share of hard in use",
             target(f"sort_desc({once('gpugate_quota_used')} / ({once('gpugate_quota_hard')} > 0))", QUOTA_LEGEND, instant=True),
             thresholds=steps("green", (0.9, "orange"), (1, "red")), max=1, description="Unlimited quotas show 0."),
        series("Pending", target(f"{once('gpugate_quota_pending')} > 0", QUOTA_LEGEND),
               description="Admitted and not yet seen as Pods. For minutes above 0: others refuse what gpugate has admitted."),
    ],
    "Refusals": [
        series("Refusals by reason", target(rate("gpugate_denials_total", "reason", TENANT), "{{reason}}"), unit="ops", stack=True),
        series("Refusals by tenant, and what refused",
               target(f"topk(10, {rate('gpugate_denials_total', 'tenant, reason, name', TENANT)})", "{{tenant}}: {{reason}} {{name}}"), unit="ops"),
        series("Would be refused: warn and audit",
               target(rate("gpugate_warnings_total", "tenant, reason, name", TENANT), "warn {{tenant}}: {{reason}} {{name}}"),
               target(rate("gpugate_audits_total", "tenant, reason, name", TENANT), "audit {{tenant}}: {{reason}} {{name}}"), unit="ops",
               description="What to look at before enforcement is made stricter."),
        series("Refusals held for a moment", target(rate("gpugate_ledger_held_total", "outcome"), "{{outcome}}"), unit="ops",
               description="Cluster ledger: of all that waited for something to become free, those that became admissions are `admitted`."),
    ],
    "Admission": [
        series("Reviews by endpoint and outcome", target(rate("gpugate_admission_requests_total", "path, outcome"), "{{path}} {{outcome}}"),
               unit="reqps", stack=True),
        series("Time to answer", *(target(quantile(q), f"{{{{path}}}} p{name}") for q, name in ((0.5, "50"), (0.9, "90"), (0.99, "99"))), unit="s",
               description="From the last byte of a review to its answer. The cluster ledger holds refusals for up to 250 ms."),
        series("Errors and HTTP rejections",
               target(rate("gpugate_admission_requests_total", "path", REPLICA + ',outcome="error"'), "{{path}} error"),
               target(rate("gpugate_http_rejected_total", "code"), "HTTP {{code}}"), unit="reqps",
               description="Requests that were not decided. 403 and 404 may be strangers."),
        series("Connections and requests in flight", target(once("gpugate_http_connections", "instance", REPLICA), "{{instance}} connections"),
               target(once("gpugate_http_in_flight_requests", "instance", REPLICA), "{{instance}} in flight"),
               description="At most 1024 connections."),
    ],
    "Policy, certificates, registration": [
        table("Policy in force", {"Loaded": f"max by (instance, commit, digest, dirty) (gpugate_policy_info{{{REPLICA}}} * on (instance) group_left () "
                                            f"gpugate_policy_loaded_timestamp_seconds{{{REPLICA}}} * 1000)"}, width=12,
              description="Which replica decides by which commit and files, since when, and whether the files differ from the commit (dirty).", overrides=[field("Loaded", unit="dateTimeFromNow")]),
        series("Policy age and certificate's rest", target(f"time() - {once('gpugate_policy_loaded_timestamp_seconds', 'instance', REPLICA)}",
                                                           "{{instance}} policy age"),
               target(f"{once('gpugate_certificate_expiry_timestamp_seconds', 'instance', REPLICA)} - time()", "{{instance}} certificate ends in"),
               unit="s"),
        series("Reloads that were refused", target(grown("gpugate_policy_reload_failures_total", "instance"), "{{instance}} policy"),
               target(grown("gpugate_certificate_reload_failures_total", "instance"), "{{instance}} certificate"), width=8),
        series("Registration", target(f"min by (configuration) (gpugate_registration_stale{{{REPLICA}}})", "{{configuration}} stale"),
               target(once("gpugate_registration_installed", "configuration", REPLICA), "{{configuration}} installed"),
               target(once("gpugate_certificate_untrusted", "configuration", REPLICA), "{{configuration}} does not accept the certificate"), width=8,
               description="Needs an API server to ask."),
        series("Log lines dropped", target(grown("gpugate_log_lines_dropped_total", "instance"), "{{instance}}"), width=8),
        series("Self-managed authorities", target(once("gpugate_certificate_authorities", "state", REPLICA), "{{state}}"), width=8, stack=True,
               description="A new one is trusted first, then signs, and is trusted on until what it has signed has ended."),
        series("Self-managed certificates", target(grown("gpugate_certificate_issued_total", "job"), "certificates made"),
               target(grown("gpugate_certificate_authorities_created_total", "job"), "authorities created"),
               target(grown("gpugate_certificate_rotations_total", "job"), "rotations"),
               target(grown("gpugate_certificate_bundles_written_total", "reason"), "caBundle {{reason}}"),
               target(grown("gpugate_certificate_failures_total", "what"), "failed: {{what}}"), width=8),
        series("Self-managed authority ends in",
               target(f"{once('gpugate_certificate_authority_expiry_timestamp_seconds', 'instance', REPLICA)} - time()", "{{instance}}"),
               width=8, unit="s"),
    ],
    "Cluster ledger": [
        series("Replicas by state", target(f"sum by (state) (gpugate_ledger_state{{{REPLICA}}})", "{{state}}"), width=8, stack=True),
        series("Writes", target(rate("gpugate_ledger_writes_total", "outcome"), "{{outcome}}"), width=8, unit="wps",
               description="conflict: another replica was faster. unknown: no answer."),
        series("Pods", target(once("gpugate_ledger_pods", "instance", REPLICA), "{{instance}} counted"),
               target(once("gpugate_ledger_pending", "instance", REPLICA), "{{instance}} pending"), width=8),
        series("Silence of the view", target(once("gpugate_view_silence_seconds", "instance, watch", REPLICA), "{{instance}} {{watch}}"),
               width=8, unit="s",
               description="A bookmark comes every minute. Not ready after 150 seconds without news of the Pods."),
        series("View behind the ledger", target(once("gpugate_view_behind_seconds", "instance", REPLICA), "{{instance}}"), width=8, unit="s"),
        series("What should not happen", target(grown("gpugate_ledger_undecided_total", "reason"), "undecided: {{reason}}"), width=8, *(
            target(grown(f"gpugate_{name}_total", "job"), legend) for name, legend in
            (("ledger_expired", "never stored"), ("ledger_late_pods", "stored too late"),
             ("ledger_resettled", "resettled"), ("view_unreadable", "unreadable"), ("view_healed", "lost events")))),
        series("Objects and Events for people", target(rate("gpugate_quota_writes_total", "outcome"), "gpuquotas {{outcome}}"),
               target(rate("gpugate_events_total", "outcome"), "Events {{outcome}}"), unit="wps"),
        series("Watches opened", target(grown("gpugate_view_streams_total", "watch"), "{{watch}}")),
    ],
    "Held beside what GPUs do": [
        table("Who holds, and who uses", {"Held": HELD, "Busy": beside_held(f"avg_over_time({ACTIVE}[$__range])"),
                                          "Held and idle": f"{HELD} * on (namespace) group_left () (1 - avg_over_time({ACTIVE}[$__range]))",
                                          "Memory used": beside_held(MEMORY)},
              description="Needs dcgm-exporter and the recording rules of deploy/alerts. Busy: mean over the time that is shown of "
                          "DCGM_FI_PROF_GR_ENGINE_ACTIVE, or of DCGM_FI_DEV_GPU_UTIL where there is no other. GPUs that DCGM ascribes to "
                          "no Pod are missing.",
              hidden=("__name__",),
              overrides=[field("Busy", unit="percentunit"), field("Memory used", unit="bytes"), field("Held and idle", decimals=2)]),
        series("Held", target(HELD, "{{namespace}}: {{tenant}}/{{quota}}")),
        series("Held and idle", target(f"{HELD} * on (namespace) group_left () (1 - {ACTIVE})", "{{namespace}}: {{tenant}}/{{quota}}"),
               description="What is held, less the part of the time that its GPUs are busy."),
        series("GPUs busy", target(ACTIVE, "{{namespace}}"), unit="percentunit", max=1),
        series("GPU memory: used, and held by quotas of memory", target(MEMORY, "{{namespace}} used"),
               target(HELD_MEMORY, "{{namespace}}: {{tenant}}/{{quota}} held"), unit="bytes", overrides=[DASHED]),
    ],
    "Processes": [
        series("CPU", target(of_ours(f"rate(process_cpu_seconds_total{{{REPLICA}}}[$__rate_interval])"), "{{instance}}"), width=6),
        series("Memory", target(of_ours(f"process_resident_memory_bytes{{{REPLICA}}}"), "{{instance}}"), width=6, unit="bytes"),
        series("File descriptors", target(of_ours(f"process_open_fds{{{REPLICA}}} / process_max_fds"), "{{instance}}"), width=6, unit="percentunit",
               max=1),
        series("Running for", target(of_ours(f"time() - process_start_time_seconds{{{REPLICA}}}"), "{{instance}}"), width=6, unit="s"),
    ],
}


def variable(name, label, query):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE, "query": {"query": query, "refId": name},
            "includeAll": True, "multi": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "refresh": 2, "sort": 1}


VARIABLES = [
    {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "current": {}, "refresh": 1},
    variable("tenant", "Tenant", "label_values(gpugate_quota_hard, tenant)"),
    variable("namespace", "Namespace", 'label_values(namespace:gpugate_held:max{tenant=~"$tenant"}, namespace)'),
    variable("instance", "Replica", "label_values(gpugate_build_info, instance)"),
]

MARKS = [{"name": "Another policy", "enable": True, "iconColor": "blue", "datasource": SOURCE,
          "expr": f"max(changes(gpugate_policy_generation{{{REPLICA}}}[2m])) > 0"}]


def laid_out():
    """Yields all panels, with a heading above each row."""
    panels, top = [], 0
    for title, members in ROWS.items():
        panels.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}})
        left, top, height = 0, top + 1, 0
        for member in members:
            width = member["gridPos"]["w"]
            if left + width > WIDTH:
                left, top, height = 0, top + height, 0
            member["gridPos"] = {"x": left, "y": top, "w": width, "h": member["gridPos"]["h"]}
            left, height = left + width, max(height, member["gridPos"]["h"])
            panels.append(member)
        top += height
    return [{"id": i, **made} for i, made in enumerate(panels, 1)]


def text():
    dashboard = {"uid": "gpugate", "title": "gpugate", "description": "GPU quotas: who holds what, who is refused, and how gpugate itself is.",
                 "tags": ["gpugate", "gpu", "quota"], "schemaVersion": 38, "version": 1, "editable": True, "graphTooltip": 1, "refresh": "1m",
                 "time": {"from": "now-6h", "to": "now"}, "timezone": "", "templating": {"list": VARIABLES}, "annotations": {"list": MARKS},
                 "links": [], "panels": laid_out()}
    return json.dumps(dashboard, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
