"""Compares README and docs/ with the program: it can print each sentence that they quote, and each
name, option and limit exists.

test_commands.py runs their commands. tests/observe compares metrics and alerts, and
tests/cluster what API servers say.
"""

import functools
import re

import pytest
import yaml

import command_table
from gpugate import ROOT
from kube import GPU, pod
from program_text import constant, functions_named, number, says, texts
from shell_commands import commands, readme_policy

DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "reference").glob("*.md"))]
INSTALL, OPERATE, TROUBLESHOOTING = DOCS / "install.md", DOCS / "operate.md", DOCS / "troubleshooting.md"
LOG, METRICS, COMMAND_LINE = DOCS / "reference" / "log.md", DOCS / "reference" / "metrics.md", DOCS / "reference" / "command-line.md"

# Sentences of other programs, by origin. tests/cluster/test_http_answers.py makes the API server
# print its own.
OF_OTHERS = {
    "x509: certificate has expired": "Go's crypto/x509",
    "x509: certificate signed by unknown authority": "Go's crypto/x509",
    "x509: certificate is valid for ..., not ...": "Go's crypto/x509",
    'The Pod "x" is invalid: spec: Forbidden: pod updates may not change fields ...': "API server",
    "the server rejected our request for an unknown reason": "API server",
    "the server could not find the requested resource": "API server",
    "the server does not allow this method on the requested resource": "API server",
    "the server responded with the status code 413 but did not return more information": "API server",
    "the server responded with the status code 431 but did not return more information": "API server",
}
# Text that is neither a sentence, a command nor an expression.
NOTATION = {"- . _ ~", "held(q) <= hard(q) + borrowUpTo(q)", "max(held, hard - lendUpTo)", "n u m k M G T P E", "Ki Mi Gi Ti Pi Ei",
            "nvidia.com/gpu: 1, nvidia.com/gpumem: 7000", "{name: gpu-memory, resources: [gpu.intel.com/memory.max], hard: 64Gi}"}
PROGRAMS = {"kubectl", "helm", "make", "openssl", "nsenter", "systemd-analyze"}
GPUGATE = {"gpugate", "render", "serve", "lint", "schema", "quota", "certs"}


def prose(path):
    """Returns a document without its code blocks, fenced or indented after an empty line."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    return re.sub(r"(?<=\n\n)(?: {4}.*\n|\n)+", "\n", text)


def spans(path):
    """Returns the texts between backticks."""
    return [match[2].strip() for match in re.finditer(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.sub(r"\s+", " ", prose(path)))]


@functools.cache
def phrases():
    """Returns (file, text) of all texts with at least four words."""
    return [(path.name, text) for path in DOCUMENTS for text in spans(path) if text.count(" ") >= 3]


def kind(text):
    first = re.split(r"[ (]", text)[0]
    if text in OF_OTHERS:
        return "of others"
    if text in NOTATION:
        return "notation"
    if first in PROGRAMS or first in GPUGATE or text.startswith("--"):
        return "command"
    if "gpugate_" in text:
        return "expression"
    return "sentence"


def fragments(quote):
    """Returns the fixed parts of a quoted sentence. Left out are `...`, names in quotes, capitals
    that stand for names, and numbers."""
    quote = re.sub(r'"[\w.-]{1,4}"', '"\0"', quote)
    quote = re.sub(r"\b(?:[A-Z]\d?|KEY|VALUE|VARIABLE|\d[\d.,]*(?:Gi)?)(?!\w)", "\0", quote)
    return [part for part in re.split(r"\.\.\.|…|\0", quote) if re.search("[a-z]", part)]


def unsaid(quote):
    """Returns the parts of a quoted sentence that the program cannot print."""
    first = fragments(quote)[:1]
    return [part for part in fragments(quote) if not (says(part) or says(part.strip() if part in first else part.rstrip()))]


def sentences():
    return sorted({text for _, text in phrases() if kind(text) == "sentence"})


def test_sentences_are_found():
    assert len(sentences()) > 28 and sum(len(fragments(quote)) for quote in sentences()) > 50


@pytest.mark.parametrize("quote", sentences())
def test_a_quoted_sentence_is_one_of_the_program(quote):
    assert fragments(quote) and not unsaid(quote), unsaid(quote)


@pytest.mark.parametrize("quote", sentences())
def test_a_sentence_that_has_changed_is_noticed(quote):
    """With another word in its longest fixed part, the program cannot print it."""
    longest = max(fragments(quote), key=len)
    words = longest.split(" ")
    at = max(range(len(words)), key=lambda i: len(words[i]))
    changed = quote.replace(longest, " ".join([*words[:at], f"{words[at]}x", *words[at + 1:]]))
    assert unsaid(changed), changed


def test_lists_of_others_and_of_notation_are_current():
    texts_there = {text for _, text in phrases()}
    assert not (OF_OTHERS.keys() | NOTATION) - texts_there, (OF_OTHERS.keys() | NOTATION) - texts_there


def test_the_readmes_refusal_is_the_programs():
    """The block at its beginning, which a user should recognize."""
    refusal = re.search(r"denied the request: (.*?)\n\n", (ROOT / "README.md").read_text(), re.S)[1]
    refusal = re.sub(r"\s+", " ", refusal).replace('"compute"', '"Q"').replace('"team-a"', '"T"')
    refusal = re.sub(r"[\w./-]*mig-[\w.]+", "...", refusal)
    assert len(fragments(refusal)) > 5 and not unsaid(refusal), unsaid(refusal)


def test_the_readmes_refusal_is_that_of_its_policy(serve):
    """With the defaults for Settings: six GPUs are in use, and a seventh is requested."""
    policy = [dict(document, spec={}) if document["kind"] == "Settings" else document for document in yaml.safe_load_all(readme_policy()[1])]
    server = serve(policy)
    for i in range(6):
        assert server.admit(pod({GPU: 1}, namespace="team-a", name=f"p{i}"))[0].allowed
    decision, _ = server.admit(pod({GPU: 1}, namespace="team-a", name="p6"))
    refusal = re.search(r"denied the request: (.*?)\n\n", (ROOT / "README.md").read_text(), re.S)[1]
    assert decision.message == re.sub(r"\s+", " ", refusal)


# --- The README ---

README_LINES = range(110, 121)
RIVALS = ["ResourceQuota", "Kueue", "HAMi", "Capsule", "Kyverno"]
READERS = ["Install", "Operate", "Look up", "Write policy", "Understand", "Contribute"]


def readme_section(title):
    return re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", (ROOT / "README.md").read_text(), re.M | re.S)[1]


def test_the_readme_is_short_and_complete():
    """It is the first page for everybody, so everything that grows belongs in docs/."""
    assert len((ROOT / "README.md").read_text().splitlines()) in README_LINES
    rows = readme_section("When to use what").splitlines()[2:]
    assert [re.match(r"\| (\w+) \|.+\|.+\|$", row)[1] for row in rows if row] == RIVALS
    assert len(readme_section("Install with Helm").split("\n\n")[0].splitlines()) <= 6
    assert "gpugate serve" in readme_section("The path of a request")
    assert re.findall(r"^- \*\*(.+?)\*\*:", readme_section("Documents"), re.M) == READERS


def test_the_readme_leads_to_every_document():
    links = set(re.findall(r"\]\(docs/([\w./-]+)\)", readme_section("Documents")))
    there = {str(path.relative_to(DOCS)) for path in [*DOCS.glob("*.md"), *(DOCS / "reference").glob("*.md"), DOCS / "hacking"]}
    assert links == there, links ^ there


# --- Options and commands ---

# Options of other programs that the documents name.
OPTIONS_OF_OTHERS = {"--request-timeout", "--server-side", "--force-conflicts", "--show-labels", "--show-managed-fields", "--previous", "--set", "--wait",
                     "--no-hooks", "--reset-then-reuse-values", "--set-file", "--namespace", "--create-namespace", "--offline", "--dry-run",
                     "--validating-admission-policy", "--ignore-not-found", "--install", "--reset-values", "--bump-revision"}


@functools.cache
def options():
    """Returns the options of all commands, as in their help."""
    helps = {" ".join(words): command_table.help_of(*words) for words in command_table.commands()
             if not command_table.children(*words)}
    return {command: set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) for command, text in helps.items()}


def named_options():
    return {option for path in DOCUMENTS for text in spans(path) for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)}


def test_options_exist():
    ours = {"--version"}.union(*options().values())  # which is written instead of a command
    benchmarks = set(re.findall(r'"(--[a-z-]+)"', "".join(path.read_text() for path in (ROOT / "tests" / "bench").glob("*.py"))))
    named = named_options()
    assert len(named & ours) > 24
    assert not named - ours - OPTIONS_OF_OTHERS - benchmarks, named - ours - OPTIONS_OF_OTHERS - benchmarks


def test_options_of_a_command_are_its_own():
    """Checks every quoted gpugate command with options."""
    looked = 0
    written = [command for path in DOCUMENTS if path != COMMAND_LINE for command in commands(path)]
    for text in [*(text for _, text in phrases()), *(re.sub(r"\\\n *", "", command).removeprefix("build/") for command in written)]:
        for command, its in options().items():
            match = re.match(rf"(?:gpugate )?{command} (.*)", re.sub(r" [|>#].*", "", text, flags=re.S))
            if match:
                looked += 1
                assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", match[1])) <= its, text
    assert looked > 20


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = {match for path in DOCUMENTS for match in re.findall(r"`make ([\w./-]+)", path.read_text())}
    targets |= {match for path in DOCUMENTS for match in re.findall(r"^    make ([a-z-]+)", path.read_text(), re.M)}
    assert len(targets) > 10
    gone = {target for target in targets if not re.search(rf"^(?:[\w./-]+ )*{target}(?: [\w./-]+)*:", makefile, re.M)}
    assert not gone, gone


# --- Names, anywhere in the documents ---

def test_metrics_exist():
    """Those that the documents name, also in expressions, are on the reference page, which
    test_reference.py compares with the rows."""
    named = {name for path in DOCUMENTS for name in re.findall(r"\bgpugate_[a-z_]+[a-z]\b", path.read_text())}
    ours = set(re.findall(r"^\| `(gpugate_[a-z_]+)", METRICS.read_text(), re.M))
    assert len(named) > 40
    assert not named - ours, named - ours


def test_alerts_exist():
    named = {name for path in DOCUMENTS for name in re.findall(r"\bGpugate[A-Z]\w+", path.read_text())}
    ours = set(re.findall(r"alert: (\w+)", (ROOT / "deploy" / "alerts" / "gpugate.rules.yaml").read_text()))
    assert named == ours, named ^ ours


# --- Tables and lists of names ---

def section(title, path=OPERATE):
    text = path.read_text()
    begin = text.index(f"\n## {title}\n")
    return text[begin:text.find("\n## ", begin + 1)]


def rows(title):
    """Returns the cells of a section's tables, without their headers."""
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section(title).splitlines() if re.match(r"\| .*\|$", line)]
    assert found, title
    return found[1:]


def first_cells(title):
    return {name for row in rows(title) for name in re.findall(r"`([\w-]+)`", row[0])}


def test_log_events():
    """The events in the table are those that the sources log."""
    by_name = {word for word in functions_named(r"log_event|log_message|log_decision|cluster_log|note_settling|log_text") if re.fullmatch(r"[a-z]+(_[a-z]+)*", word)}
    # Event names that come from a table.
    in_tables = {"authority_created", "authority_added", "authority_rotated", "authority_dropped", "warned", "audited"}
    # Written without the usual log functions.
    on_its_own = {"log_lines_dropped"}
    assert in_tables <= set(texts()) and any("log_lines_dropped" in text for text in texts())
    assert len(by_name) > 35
    events = by_name | in_tables | on_its_own
    documented = [name for item in re.findall(r"^- ((?:`\w+`(?:, )?)+) \(", LOG.read_text(), re.M) for name in re.findall(r"`(\w+)`", item)]
    assert len(documented) == len(set(documented)) and set(documented) == events, set(documented) ^ events


def test_levels_of_log_events():
    """As many as events, or one for all, or all of one event's; and no level is left out."""
    items = re.findall(r"^- ((?:`\w+`(?:, )?)+) \(([^)]*)\):", LOG.read_text(), re.M)
    assert len(items) > 35 and len(items) == len(re.findall(r"^- ", LOG.read_text(), re.M))
    for names, levels in items:
        words = levels.split(", ")
        assert set(words) <= {"info", "warn", "error"} and (len(words) in (1, names.count("`") // 2) or names.count("`") == 2), names


NAME_OF_AN_EVENT = r"^(?:CAB|[A-Z])[a-z]+[A-Z][a-z]+$"


def test_events():
    told = {word for text in texts() for word in re.findall(NAME_OF_AN_EVENT, text)}
    named = first_cells("Events")
    assert len(named) > 8 and named <= told, named - told
    handed = {word for word in functions_named(r"kube_events_emit|tell") if re.fullmatch(NAME_OF_AN_EVENT, word)}
    assert len(handed) > 4 and handed <= named, handed - named


def test_reasons():
    """The reasons of refusals in the table are those of the program."""
    names = re.search(r"reason_names\[REASONS\] = \{(.*?)\};", (ROOT / "policy" / "evaluate" / "violation.c").read_text(), re.S)[1]
    reasons = set(re.findall(r'"([a-z-]+)"', names)) - {"none"}
    documented = re.findall(r"^### `([a-z-]+)`$", section("Refusals", TROUBLESHOOTING), re.M)
    assert len(reasons) > 8 and len(documented) == len(set(documented)) and set(documented) == reasons


def amounts(text):
    """Returns the numbers in a text: bytes if followed by KiB or MiB, milliseconds if followed by
    s."""
    unit = {"KiB": 1 << 10, "MiB": 1 << 20, "s": 1000}
    return [round(float(match[1].replace(",", "")) * unit.get(match[2], 1))
            for match in re.finditer(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?!\w)(?: (KiB|MiB|s)\b)?", text)]


# Maps the beginning of a row's first cell to the numbers of its first two cells, in order. The
# third cell describes the effect.
BODY, FLIGHT = constant("webhook/http/server.h", "HTTP_BODY_MAX"), constant("webhook/http/server.h", "HTTP_FLIGHT_MAX")
SERVER, ADMIN = "webhook/http/server.c", "webhook/http/admin.c"
CONNECTIONS = number(SERVER, r"options->connections \? options->connections : (\d+)")
QUARTERS = CONNECTIONS // 4 * 3
LIMITS = {
    "body of a request": [BODY],
    "bodies of all requests": [constant("webhook/http/conn.c", "KEEP_BYTES"), FLIGHT],
    "request line and headers": [constant(SERVER, "CONNECTION_BYTES")],
    "JSON objects and lists": [constant("webhook/json/scan.h", "SCAN_DEPTH_MAX")],
    "memory to decide": [constant(SERVER, "ARENA_BYTES_MAX"), constant(SERVER, "ANSWER_BYTES_MAX")],
    "connections; of one": [CONNECTIONS, QUARTERS],
    "TLS handshake": [number(SERVER, r"options->handshake_ms : (\d+)")],
    "headers, and body": [number(SERVER, r"options->header_ms : (\d+)")],
    "idle connection": [number(SERVER, r"options->idle_ms : (\d+)")],
    "connection that has had": [QUARTERS, constant(SERVER, "PROOF_MS")],
    "answer to be taken": [constant(SERVER, "ANSWER_MS")],
    "admin listener": [constant(ADMIN, "CONNECTIONS"), constant(ADMIN, "CONNECTIONS_PER_ADDRESS"), constant(ADMIN, "REQUEST_MS")],
    "... that has asked": [constant(ADMIN, "CONNECTIONS") // 4 * 3, constant(ADMIN, "PROOF_MS")],
    "... answers of more": [64 << 10, constant(ADMIN, "METRICS_BYTES_MAX")],
    "cluster ledger": [constant("webhook/ledger/ledger.h", "LEDGER_PENDING_MAX"), constant("webhook/ledger/codec.h", "LEDGER_TEXT_MAX")],
    "Pods in the embedded": [constant("webhook/server/embedded_store.h", "LEDGER_EMBEDDED_PODS_MAX")],
    "devices that one Pod": [constant("include/gpugate/consumer.h", "RESOURCE_REQUEST_MAX"), constant("policy/evaluate/working_pod.h", "WORKING_POD_RESOURCES_MAX")],
    "of other resources that a quota": [constant("include/gpugate/consumer.h", "COMPANION_MAX"), constant("policy/evaluate/companions.h", "COMPANIONS_MAX")],
    "policy files": [constant("policy/document/source.h", "SOURCES_MAX"), constant("policy/document/source.h", "SOURCE_BYTES_MAX"),
                     constant("policy/document/source.h", "SOURCES_BYTES_MAX"), constant("policy/document/find_files.c", "DEPTH_MAX")],
    "findings that are shown": [constant("include/gpugate/report.h", "REPORT_ERRORS_MAX"), constant("include/gpugate/report.h", "REPORT_WARNINGS_MAX")],
    "PEM file": [constant("include/gpugate/certs.h", "CERTS_PEM_MAX"), constant("webhook/http/tls_identity.h", "HTTP_CHAIN_MAX")],
    "workloads that are read": [constant("webhook/server/target_reader.h", "TARGET_READS_MAX"),
                                constant("webhook/server/target_reader.h", "TARGET_READ_MS"), constant("webhook/server/target_reader.h", "TARGET_BYTES_MAX")],
    "objects that have groups": [constant("webhook/server/target_reader.h", "TARGET_READ_MS"), constant("webhook/server/target_reader.h", "TARGET_BYTES_MAX")],
    "log lines that wait": [constant("webhook/base/log.h", "LOG_RING_BYTES")],
}


def test_limits():
    """Each row of the table states what the sources define, and no other number."""
    left = dict(LIMITS)
    for row in rows("Limits"):
        begin = next((begin for begin in left if row[0].startswith(begin)), None)
        assert begin, f"no constant is known for: {row[0]}"
        assert amounts(f"{row[0]} ; {row[1]}") == left.pop(begin), row
    assert not left, f"rows that are gone: {left}"


def test_twins_of_limits():
    """Constants with the same meaning in two places are equal."""
    assert constant("webhook/http/tls_file.h", "TLS_FILE_BYTES_MAX") == constant("include/gpugate/certs.h", "CERTS_PEM_MAX")
    assert constant("include/gpugate/certs_inspect.h", "CERTS_CHAIN_MAX") == constant("webhook/http/tls_identity.h", "HTTP_CHAIN_MAX")
    assert constant("webhook/base/file_scan.c", "DEPTH_MAX") == constant("policy/document/find_files.c", "DEPTH_MAX")


# Numbers in sentences: the text, with {} for the number in the unit that follows, and its value.
IN_SENTENCES = [
    ("the view is more than {} seconds behind", constant("webhook/cluster/store.c", "BEHIND_MS") // 1000),
    ("when nothing has been heard of the Pods for {} seconds", constant("webhook/cluster/store.c", "SILENT_MS") // 1000),
    ("makes no replica unready for {} seconds", constant("webhook/cluster/store.c", "SILENT_MS") // 1000),
    ("A text longer than {} bytes is cut", constant("webhook/base/log.h", "LOG_TEXT_MAX")),
    ("Up to {} KiB of lines wait", constant("webhook/base/log.h", "LOG_RING_BYTES") >> 10),
    ("Beyond {} rows the tenant is `other`", constant("webhook/metrics/violations.h", "METRICS_DENIALS_MAX")),
    ("The {} largest namespaces of a quota have rows", constant("webhook/usage/namespaces.h", "LEDGER_NAMESPACES_MAX")),
    ("At most {} sentences of one Pod are kept", constant("include/gpugate/decision.h", "DECISION_VIOLATIONS_MAX")),
    ("| At most {}, the latest first", constant("webhook/server/recent_denials.h", "RECENT_DENIALS_MAX")),
    ("Every {} seconds it looks anyway", constant("webhook/base/file_watch.h", "WATCH_POLL_MS") // 1000),
    ("it looks every {} seconds instead", constant("webhook/base/file_watch.h", "WATCH_POLL_DEGRADED_MS") // 1000),
    ("(at most {} second)", constant("webhook/base/file_watch.h", "WATCH_PATIENCE_MS") // 1000),
    ("One line of 1 to {} letters, digits", constant("webhook/base/path_secret.h", "PATH_SECRET_MAX")),
    ("The review is larger than {} MiB", BODY >> 20),
    ("Too many bytes of request bodies are in flight ({} MiB", FLIGHT >> 20),
    ("comes for {} seconds, since nothing changes", number("webhook/kube/watch.c", r"\.silence_ms = (\d+)") // 1000),
    ("more than 384 Pods are admitted and have not been seen; at {} of all no more are admitted", constant("webhook/ledger/ledger.h", "LEDGER_PENDING_MAX")),
    ("more than 768 of its {} connections open", CONNECTIONS),
    ("own soft limit of descriptors to {} if", CONNECTIONS + constant(SERVER, "DESCRIPTORS_BESIDES")),
    ("The embedded one holds at most {} Pods", constant("webhook/server/embedded_store.h", "LEDGER_EMBEDDED_PODS_MAX")),
    ("The replicas write at most {} objects a second", 1000 // constant("webhook/cluster/publisher.c", "SLICE_MS")),
]


@pytest.mark.parametrize("sentence,value", IN_SENTENCES)
def test_numbers_in_sentences(sentence, value):
    text = re.sub(r"\s+", " ", " ".join(path.read_text() for path in DOCUMENTS)).lower()
    before, after = (re.escape(part.lower()) for part in sentence.split("{}"))
    found = [int(number.replace(",", "")) for number in re.findall(rf"{before}(\d[\d,]*){after}", text)]
    assert found and set(found) == {value}, f"{found}, and it is {value}"


# --- decisions.md ---

def test_decisions_have_a_date_and_a_status():
    heads = re.findall(r"^## (.*)\n\n(.*)\n", (DOCS / "decisions.md").read_text(), re.M)
    assert len(heads) > 100 and len({title for title, _ in heads}) == len(heads)
    for title, line in heads:
        assert re.fullmatch(r"\*20\d\d-\d\d-\d\d, (?:proposed|accepted|superseded by .+)\*", line), title
