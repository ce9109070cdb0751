"""`gpugate lint -o`: the five forms tell the same findings, places, and words."""

import json
import re
import urllib.parse
import xml.etree.ElementTree as ET

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lint_cases
from gpugate import ROOT, run, scaled, write_policy

FORMS = ("text", "json", "junit", "sarif", "github")
BROKEN = lint_cases.HEAD.format("Tenant", "a") + "  namespaces: [a]\n  quotas: [{name: q, hrad: 4}]\n"
ILL = "invalid-policy"

# What is relied on, closed: a member that is not listed here has to be one of the standard first.
TEXT = {"type": "object", "required": ["text"], "additionalProperties": False, "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["error", "warning"]}
POSITIVE = {"type": "integer", "minimum": 1}


def closed(**properties):
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}


def several(items):
    return {"type": "array", "items": items}


URI = {"type": "string", "pattern": r"^(file:///)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+$"}
ARTIFACT = {**closed(uri=URI, uriBaseId={"const": "%SRCROOT%"}), "required": ["uri"]}
HELP = closed(text={"type": "string", "minLength": 1}, markdown={"type": "string", "minLength": 1})
RULE = closed(id={"type": "string", "pattern": "^[a-z-]+$"}, shortDescription=TEXT, fullDescription=TEXT, help=HELP,
              defaultConfiguration=closed(level=LEVEL))
REGION = closed(startLine=POSITIVE, startColumn=POSITIVE, endColumn=POSITIVE)
FIX = closed(description=TEXT, artifactChanges={**several(closed(artifactLocation=ARTIFACT, replacements={**several(closed(
    deletedRegion=REGION, insertedContent=closed(text={"type": "string"}))), "minItems": 1})), "minItems": 1})
RESULT = {**closed(ruleId={"type": "string"}, ruleIndex={"type": "integer", "minimum": 0}, level=LEVEL, message=TEXT,
                   locations=several(closed(physicalLocation=closed(artifactLocation=ARTIFACT, region=REGION))),
                   fixes={**several(FIX), "minItems": 1}), "required": ["ruleId", "ruleIndex", "level", "message", "locations"]}
RUN = closed(tool=closed(driver=closed(name={"const": "gpugate"}, version={"type": "string", "pattern": r"^\d+\.\d+\.\d+"}, rules=several(RULE))),
             invocations=several(closed(executionSuccessful={"const": True}, exitCode={"enum": [0, 1]},
                                        toolExecutionNotifications=several(closed(level=LEVEL, message=TEXT)))),
             originalUriBaseIds={"type": "object", "required": ["%SRCROOT%"]}, columnKind={"const": "utf16CodeUnits"}, results=several(RESULT))
SARIF = closed(**{"$schema": {"type": "string", "pattern": "^https://docs.oasis-open.org/.*/sarif-schema-2.1.0.json$"},
                  "version": {"const": "2.1.0"}, "runs": {**several(RUN), "minItems": 1, "maxItems": 1}})


def sarif_of(*args, **kwargs):
    """Returns the only run, checked."""
    done = run("lint", "-o", "sarif", *args, **kwargs)
    log = json.loads(done.stdout)
    jsonschema.validate(log, SARIF)
    (only,) = log["runs"]
    assert only["invocations"][0]["exitCode"] == done.returncode
    return only


def unescaped(message):
    return message.replace("{{", "{").replace("}}", "}").replace("\\](", "](")


def by_sarif(only, line_of):
    found = []
    for result in only["results"]:
        rule = only["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] and rule["defaultConfiguration"]["level"] == result["level"]
        (location,) = (each["physicalLocation"] for each in result["locations"])
        region, line = location["region"], line_of(location["region"]["startLine"])
        before = line.encode("utf-16-le")[:2 * (region["startColumn"] - 1)].decode("utf-16-le")
        found.append((urllib.parse.unquote(location["artifactLocation"]["uri"]), region["startLine"], len(before) + 1, result["level"],
                      result["ruleId"], unescaped(result["message"]["text"])))
    return found


def by_github(text):
    def plain(value):
        return urllib.parse.unquote(value)
    found = []
    for line in text.splitlines():
        level, properties, sentence = re.fullmatch(r"::(error|warning) ([^:]*)::(.*)", line).groups()
        at = dict(part.split("=", 1) for part in properties.split(","))
        found.append((plain(at["file"]), int(at.get("line", 1)), int(at.get("col", 1)), level, plain(at["title"]), plain(sentence)))
    return found


def by_junit(text):
    found = []
    for case in ET.fromstring(text).iter("testcase"):
        if case.get("name") == "policy":
            continue
        line, column, sentence, name = re.fullmatch(r"(?:(\d+):(\d+) )?(.*) \[([a-z-]+)\]", case.get("name"), re.S).groups()
        level = "warning" if case.find("failure") is None else "error"
        found.append((case.get("file"), int(line or 1), int(column or 1), level, name, sentence))
    return found


def by_text(text):
    found = []
    for file, line, column, level, sentence, name in re.findall(
            r"^(\S+\.yaml)(?::(\d+):(\d+))?: (error|warning): (.*?)(?: \[([a-z-]+)\])?$", text, re.M):
        found.append((file, int(line or 1), int(column or 1), level, name or ILL, sentence))
    return found


def by_json(text):
    return [(each["file"], each["line"] or 1, each["column"] or 1, each["severity"], each["id"] or ILL, each["text"])
            for each in json.loads(text)["findings"]]


CASES = [text.replace("«", "").replace("»", "") for cases in lint_cases.MISTAKES.values() for text, _ in cases]


@st.composite
def broken(draw):
    """A policy with a mistake of meaning, in which some characters are replaced."""
    text = draw(st.sampled_from(CASES))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text) - 1))
        text = text[:at] + draw(st.sampled_from(["", "😀", "é", "%", ":", ",", "{0}", "[a](1)", "::", "&<\"'", "\x01", "\u202e", "\ufffe", "]]>", "\t", "7"])) \
            + text[at + draw(st.integers(0, 1)):]
    return text


@settings(max_examples=scaled(120, 25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(broken(), st.sampled_from(["policy.yaml", "a,b%3A.yaml", "ä😀.yaml", "x&amp;.yaml"]))
def test_all_forms_tell_the_same(tmp_path, text, name):
    file = tmp_path / name
    file.write_bytes(text.encode())
    done = {form: run("lint", "-o", form, name, cwd=tmp_path) for form in FORMS}
    file.unlink()
    assert len({each.returncode for each in done.values()}) == 1 and not any(each.stderr for each in done.values())
    lines = re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)
    log = json.loads(done["sarif"].stdout)
    jsonschema.validate(log, SARIF)
    expected = by_json(done["json"].stdout)
    assert sorted(by_text(done["text"].stdout)) == sorted(expected)
    assert by_github(done["github"].stdout) == expected
    assert by_junit(done["junit"].stdout) == expected
    assert by_sarif(log["runs"][0], lambda number: lines[number - 1] if number <= len(lines) else "") == expected


def test_columns_of_sarif_are_utf16(tmp_path):
    """Behind two characters of two units each, and with such characters in what is underlined."""
    write_policy(tmp_path, lint_cases.HEAD.format("Tenant", "a") + '  namespaces: ["😀😀"] # "é"\n  quotas: [{name: q, "😀é": 1, hrad: 4, hard: 1}]\n')
    only = sarif_of(tmp_path)
    places = [(region["startLine"], region["startColumn"], region["endColumn"]) for region in
              (result["locations"][0]["physicalLocation"]["region"] for result in only["results"])]
    line = '  quotas: [{name: q, "😀é": 1, hrad: 4, hard: 1}]'.encode("utf-16-le")
    units = [line.index(word.encode("utf-16-le")) // 2 + 1 for word in ('"😀é"', "hrad")]
    assert (6, units[0], units[0] + 5) in places and (6, units[1], units[1] + 4) in places


def test_far_columns_of_sarif(tmp_path):
    """The quote of a long line is cut; columns are those of the whole line."""
    line = "  quotas: [{name: q, hard: 1}, " + '{name: "' + "😀" * 200 + '", hard: 1}, {name: z, hrad: 1}]\n'
    write_policy(tmp_path, lint_cases.HEAD.format("Tenant", "a") + "  namespaces: [a]\n" + line)
    region = next(result["locations"][0]["physicalLocation"]["region"] for result in sarif_of(tmp_path)["results"] if "hrad" in result["message"]["text"])
    assert region["startColumn"] == line.encode("utf-16-le").index("hrad".encode("utf-16-le")) // 2 + 1


def test_rules_are_stable(tmp_path):
    """All ids are rules, also of a policy that is clean; errors without an id have a rule."""
    write_policy(tmp_path, lint_cases.policy(lint_cases.A100, lint_cases.TEAM))
    only = sarif_of(tmp_path)
    assert only["results"] == [] and only["invocations"][0]["toolExecutionNotifications"] == []
    rules = only["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == re.findall(r"^### (.*)$", (ROOT / "docs" / "reference" / "lint.md").read_text(), re.M)
    for rule in rules:
        short, full = rule["shortDescription"]["text"], rule["fullDescription"]["text"]
        assert full.startswith(short) and short.endswith(".") and not re.search(r"\{|\}|\]\(", full + rule["help"]["text"])
    write_policy(tmp_path, BROKEN)
    assert {result["ruleId"] for result in sarif_of(tmp_path)["results"]} == {ILL}


@pytest.mark.parametrize("given_as, uri", [
    ("team a/policy.yaml", "team%20a/policy.yaml"), ("./team a//policy.yaml", "team%20a/policy.yaml"), ("{cwd}/team a/policy.yaml", "team%20a/policy.yaml"),
    ("team a/../team a/policy.yaml", "team%20a/policy.yaml")])
def test_files_below_the_working_directory(tmp_path, given_as, uri):
    write_policy(tmp_path / "team a", BROKEN)
    path = given_as.format(cwd=tmp_path)
    (artifact,) = {json.dumps(result["locations"][0]["physicalLocation"]["artifactLocation"]) for result in sarif_of(path, cwd=tmp_path)["results"]}
    assert json.loads(artifact) == {"uri": uri, "uriBaseId": "%SRCROOT%"}
    assert f"file={urllib.parse.unquote(uri)}," in run("lint", "-o", "github", path, cwd=tmp_path).stdout
    assert ET.fromstring(run("lint", "-o", "junit", path, cwd=tmp_path).stdout).find(".//testcase").get("file") == urllib.parse.unquote(uri)


def test_a_file_outside_the_working_directory(tmp_path):
    write_policy(tmp_path / "policy", BROKEN)
    (tmp_path / "policy-2").mkdir()  # whose name begins as that of the folder
    artifact = sarif_of("../policy", cwd=tmp_path / "policy-2")["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": f"file://{urllib.parse.quote(str(tmp_path))}/policy/policy.yaml"}
    assert f"file={tmp_path}/policy/policy.yaml," in run("lint", "-o", "github", "../policy", cwd=tmp_path / "policy-2").stdout


def test_a_file_that_cannot_be_read_has_a_region(tmp_path):
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "loop.yaml").symlink_to("loop.yaml")
    results = sarif_of("policy", cwd=tmp_path)["results"]
    assert results and all(result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1, "endColumn": 2} for result in results)
    assert "line=" not in run("lint", "-o", "github", "policy", cwd=tmp_path).stdout


def test_github_escapes(tmp_path):
    """Properties end at colons and commas, and a percent sign begins an escape."""
    write_policy(tmp_path, {"a,b:100%.yaml": BROKEN.replace("hrad", '"50%: x"')})
    out = run("lint", "-o", "github", ".", cwd=tmp_path).stdout
    assert out.startswith("::error file=a%2Cb%3A100%25.yaml,line=6,col=") and '::unknown key "50%25: x"; ' in out, out


def test_findings_that_are_only_counted(tmp_path):
    text = "---\n".join(lint_cases.HEAD.format("Tenant", f"t{i}") + f"  nonsense{i}: 1\n" for i in range(50))
    write_policy(tmp_path, text)
    assert sarif_of(tmp_path)["invocations"][0]["toolExecutionNotifications"] == [{"level": "error", "message": {"text": "and 30 more errors"}}]
    assert run("lint", "-o", "github", tmp_path).stdout.splitlines()[-1] == "::error title=gpugate lint::and 30 more errors"
    suites = ET.fromstring(run("lint", "-o", "junit", tmp_path).stdout)
    assert suites.get("tests") == suites.get("failures") == "21" and suites.findall(".//testcase")[-1].get("name") == "and 30 more errors"


def test_warnings_of_junit(tmp_path):
    """They fail as the command does."""
    write_policy(tmp_path, lint_cases.policy(lint_cases.A100, lint_cases.document("Tenant", "a", "  namespaces: [a]\n")))
    for option, failures in ((), "0"), (("--strict",), "1"):
        done = run("lint", "-o", "junit", *option, tmp_path)
        suites = ET.fromstring(done.stdout)
        assert (suites.get("tests"), suites.get("failures"), str(done.returncode)) == ("1", failures, failures)
        assert "[tenant-without-quota]" in suites.find(".//testcase").get("name")


def test_a_clean_policy(tmp_path):
    write_policy(tmp_path, lint_cases.policy(lint_cases.A100, lint_cases.TEAM))
    assert run("lint", "-o", "github", tmp_path).stdout == ""
    (case,) = ET.fromstring(run("lint", "-o", "junit", tmp_path).stdout).iter("testcase")
    assert list(case) == []


def test_the_reference_has_the_members_of_json(tmp_path):
    write_policy(tmp_path, BROKEN)
    report = json.loads(run("lint", "-o", "json", tmp_path).stdout)
    page = (ROOT / "docs" / "reference" / "lint.md").read_text()
    section = page[page.index("\n## JSON\n"):page.index("\n## Findings by id\n")]
    first, second, third = ([name for row in re.findall(r"^\| (`.*?) \| ", part, re.M) for name in re.findall(r"`(\w+)`", row)]
                            for part in re.split("Each of `findings` has:|Each of `fixes` has", section))
    assert sorted(first) == sorted(report) and sorted(second) == sorted(report["findings"][0])
    (tmp_path / "fixed").mkdir()
    (tmp_path / "fixed" / "monitor.yaml").write_text("apiVersion: v1\nkind: ServiceMonitor\nmetadata: {name: a}\n")
    (change,) = json.loads(run("lint", "--fix", "-o", "json", tmp_path / "fixed").stdout)["fixes"]
    assert sorted(third + ["id", "file", "line", "column"]) == sorted(change)
    assert f"| `formatVersion` | {report['formatVersion']} |" in section
