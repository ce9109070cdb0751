"""The shell commands of README.md, docs/ and the pages for contributors, as they are written and in
their order, and where each of them is run.

A command that is run belongs to stories. "here" needs no cluster (test_commands.py in this
folder). The others need a real control plane (tests/deploy/test_commands.py). A command that is
not run has a reason.
"""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from gpugate import ROOT

HERE = "here"
# Run by test_first_policy.py, with the files that the page tells the reader to save.
FIRST_POLICY = "first policy"


class NotRun(str):
    """Why a command is not run."""


LONG = NotRun("a step of the whole test run, or one that takes much longer than it; that the target exists is tested")
REGISTRY = NotRun("it needs a registry; tests/package has skopeo read the archive")
IMAGES = NotRun("it needs containerd; tests/package reads and runs the image")
PART = NotRun("it builds or runs a part of the tests, which `make test` runs as a whole; that all it names exists is tested")
EXAMPLE = NotRun("it is about the example of its page, which is not in the program")
ONES_OWN = NotRun("it is about a file or a failure of the reader's own")
OUTLINE = NotRun("an outline with ... in it, of commands that are run in full")

# Document -> (beginning of a command, stories or a reason), one for each command, in order. A story
# goes through the documents in order of their names.
PLAN = {
    "README.md": [
        ("sudo apt-get install -y make git", NotRun("it changes the machine")),
        ("make demo", NotRun("the same program is run by test_demo.py")),
        ("make test", LONG),
        ("make image", LONG),
        ("skopeo copy", REGISTRY),
        ("helm install gpugate", ["readme, chart"]),
        ("build/gpugate lint my-policy/", [HERE]),
    ],
    "CONTRIBUTING.md": [
        ("sudo apt-get install -y make git", NotRun("it changes the machine")),
        ("make  ", PART),
        ("make test-basic", LONG),
    ],
    "tests/README.md": [
        ("make test ", LONG),
        ("make test-basic", LONG),
        ("/usr/bin/python3 tests/run.py fuzz", LONG),
        ("/usr/bin/python3 -m pytest", PART),
        ("/usr/bin/python3 -m pytest", PART),
        ("make -j2 units", PART),
        ("make control-plane", LONG),
        ("make test-cluster", LONG),
        ("make soak", LONG),
        ("make test-deploy", LONG),
        ("make test-browser", LONG),
        ("make test-ecosystem", LONG),
        ("make test-package", LONG),
        ("make test-other-release", LONG),
        ("make demo-cluster", NotRun("the same program is run by tests/cluster")),
        ("/usr/bin/python3 tests/ecosystem/controllers.py", LONG),
        ("/usr/bin/python3 tests/run.py ecosystem", LONG),
        ("make test-ecosystem", LONG),
    ],
    "ci.md": [
        ("gpugate lint --strict my-policy/", [HERE]),
        ("gpugate lint --strict -o sarif", [HERE]),
        ("gpugate lint --strict -o junit", [HERE]),
        ("gpugate lint --strict -o github", [HERE]),
        ("gpugate lint --strict -o json", [HERE]),
        ("gpugate test --policy my-policy/ --require-coverage 100 my-tests/", [HERE]),
        ("gpugate test --policy my-policy/ --require-coverage 100 -o junit", [HERE]),
        ("kubectl kustomize policy |", NotRun("it needs a folder of the reader's own; test_lint.py reads standard input")),
        ("gpugate lint --strict --policy my-policy/ apps/", NotRun("it needs a folder of the reader's own; test_lint_manifests.py has both")),
        ("helm template charts/app |", NotRun("it needs a chart of the reader's own; test_lint_manifests.py reads such an output")),
        ("gpugate replay --policy my-policy", NotRun("it needs a recording of the reader's own; test_replay.py has such files")),
    ],
    "docs/hacking/add-a-command.md": [
        ("make", PART),
        ("build/gpugate models --help", EXAMPLE),
        ("build/gpugate models", EXAMPLE),
        ("build/gpugate model ", EXAMPLE),
        ("build/gpugate man models | man -l -", EXAMPLE),
        ("make docs/reference/command-line.md", PART),
        ("make layers", LONG),
        ("/usr/bin/python3 -m pytest", EXAMPLE),
        ("/usr/bin/python3 -m pytest", PART),
        ("/usr/bin/python3 -m pytest", PART),
        ("make -j2 units && build/release/unit/", PART),
    ],
    "docs/hacking/add-a-metric.md": [
        ("make -j2 && make -j2 build/release/unit/", PART),
        ("build/release/unit/webhook/server/test_policy_store", PART),
        ("build/release/unit/webhook/server/test_metric_sets", PART),
        ("make run", EXAMPLE),
        ("curl -s http://127.0.0.1:8080/metrics | grep reloads", EXAMPLE),
        ("/usr/bin/python3 -m pytest", PART),
        ("/usr/bin/python3 -m pytest", PART),
    ],
    "docs/hacking/add-a-policy-key.md": [
        ("make -j2 && make -j2 build/release/unit/", PART),
        ("build/release/unit/policy/document/test_documents", PART),
        ("build/release/unit/policy/evaluate/test_evaluate", PART),
        ("make docs/policy.md build/release/reference", PART),
        ("/usr/bin/python3 -m pytest", PART),
        ("/usr/bin/python3 -m pytest", PART),
        ("/usr/bin/python3 -m pytest", PART),
    ],
    "docs/hacking/add-a-vendor.md": [
        ("make -j2 && make -j2 build/release/unit/", PART),
        ("build/release/unit/policy/model/test_catalog", PART),
        ("make docs/policy.md build/release/reference", PART),
        ("git diff --stat docs/policy.md", ONES_OWN),
        ("/usr/bin/python3 -m pytest", PART),
        ("/usr/bin/python3 -m pytest", PART),
    ],
    "docs/hacking/add-a-watch.md": [
        ("make -j2 build/release/unit/", PART),
        ("build/release/unit/webhook/ledger/test_view", PART),
        ("make && make deploy docs/reference/metrics.md && git diff", ONES_OWN),
        ("make -j2 && make -j2 units", PART),
        ("build/release/unit/webhook/ledger/test_memory", PART),
        ("/usr/bin/python3 -m pytest", PART),
        ("make test-cluster", LONG),
    ],
    "docs/hacking/charge-a-new-object.md": [
        ("make -j2 units", PART),
        ("build/release/unit/webhook/object/test_claim", PART),
        ("build/release/unit/policy/evaluate/test_claims", PART),
        ("/usr/bin/python3 tests/run.py fuzz", LONG),
        ("/usr/bin/python3 -m pytest", PART),
        ("make model", LONG),
        ("build/release/unit/webhook/ledger/test_codec", PART),
        ("build/release/unit/webhook/ledger/test_view", PART),
        ("build/release/unit/webhook/ledger/test_replicas", PART),
        ("make test-cluster", LONG),
    ],
    "docs/hacking/debugging.md": [
        ("make run", PART),
        ("/usr/bin/python3 -m pytest", EXAMPLE),
        ("make -j2 SAN=address,undefined build/san-address-undefined/gpugate", LONG),
        ("GPUGATE=build/san-address-undefined/gpugate /usr/bin/python3 -m pytest", PART),
        ("make -j2 SAN=thread build/san-thread/gpugate", LONG),
        ("TSAN_OPTIONS=", PART),
        ("gdb --args build/gpugate lint my-policy/", NotRun("it waits for the reader")),
    ],
    "docs/hacking/testing.md": [
        ("make -j2 build/release/unit/", PART),
        ("/usr/bin/python3 -m pytest", PART),
    ],
    "by-hand.md": [
        ("make run", [HERE]),
        ("curl --cacert build/demo/certs/ca.crt", [HERE]),
        ("curl http://127.0.0.1:8080/metrics", [HERE]),
        ("curl --cacert build/demo/certs/ca.crt", [HERE]),
        ("build/gpugate certs create", [HERE, "by hand, from the beginning"]),
        ("(umask 077; openssl rand", [HERE, "by hand, from the beginning"]),
        ("build/gpugate serve", [HERE]),
        ("curl --cacert pki/ca.crt", [HERE]),
        ("build/gpugate render", ["by hand, from the beginning"]),
        ("build/gpugate render", ["by hand, from the beginning"]),
        ("kubectl get gpuquotas", ["by hand, from the beginning"]),
        ("build/gpugate quota", ["by hand, from the beginning"]),
    ],
    "install.md": [
        ("gpugate certs create", [HERE]),
        ("(umask 077; openssl rand", [HERE]),
        ("gpugate lint my-policy/", [HERE]),
        ("gpugate serve", [HERE]),
        ("skopeo copy", REGISTRY),
        ("ctr -n k8s.io images import", IMAGES),
        ("kubectl create namespace gpugate", ["chart"]),
        ("kubectl label namespace gpugate", ["chart"]),
        ("helm install gpugate", ["chart"]),
        ('echo "secret=', ["kustomize"]),
        ("(cd base && kustomize edit set image", NotRun("kubectl has all of kustomize but `edit`, which is a program of its own")),
        ("kubectl apply --server-side -k overlays/self-managed", ["kustomize"]),
        ("gpugate lint my-policy/", ["chart"]),
        ("gpugate render", ["chart"]),
        ("helm upgrade gpugate", ["chart"]),
        ("kubectl create configmap gpu-policy", ["chart"]),
        ("helm upgrade gpugate", ["chart"]),
        ("kubectl rollout status deployment/gpugate", ["chart"]),
        ("helm upgrade gpugate", ["chart"]),
        ("helm upgrade gpugate", ["chart"]),
        ("helm rollback gpugate", ["chart"]),
        ("helm uninstall gpugate", ["chart"]),
        ("kubectl delete crd", ["chart"]),
        ("kubectl delete namespace gpugate", ["chart"]),
        ("kubectl delete validatingwebhookconfiguration,mutatingwebhookconfiguration", ["kustomize"]),
        ("kubectl delete -k overlays/self-managed", ["kustomize"]),
        ("make image", LONG),
        ("make deb", LONG),
        ("gpugate render", NotRun("the Deployment is the reader's; tests/cluster/test_first_registration.py applies both parts")),
        ("kubectl get secret gpugate-path", ["by hand"]),
        ("gpugate render", ["by hand"]),
    ],
    "operate.md": [
        ("gpugate render", OUTLINE),
        ("gpugate serve", OUTLINE),
        ("gpugate certs create", [HERE]),
        ("gpugate certs inspect --dir", [HERE]),
        ("gpugate certs inspect --connect", [HERE]),
        ("gpugate certs verify", [HERE]),
        ("openssl rand -hex 24", ["by hand"]),
        ("kubectl create secret generic gpugate-path", ["by hand"]),
        ("kubectl get gpuquotas", ["by hand"]),
        ("gpugate quota", ["by hand"]),
        ("gpugate quota -o json", ["by hand"]),
        ("gpugate render", ["by hand"]),
        ("kubectl -n gpugate port-forward", NotRun("it needs a kubelet")),
    ],
    "recording.md": [("gpugate serve", OUTLINE)],
    "policy-as-code.md": [
        ("kubectl get nodes,resourcequotas", NotRun("it needs a cluster with GPUs; test_init.py has such lists")),
        ("gpugate init --from-cluster", NotRun("it needs a cluster with GPUs; test_init.py has an API server")),
        ("gpugate lint --strict first-policy", NotRun("it needs what the commands before it write; test_init.py does that")),
        ("gpugate init --template list", [HERE]),
        ("gpugate init --template mig-mixed", [HERE]),
        ("gpugate test from-template", [HERE]),
        ("gpugate explain -f deploy/examples", [HERE]),
        ("gpugate explain -f deploy/examples", NotRun("it needs a cluster; test_explain_live.py has one")),
        ("kubectl apply --dry-run=server", NotRun("it needs a cluster")),
        ("kubectl get namespaces,nodes,pods", NotRun("it needs a cluster with something in it; test_explain.py has such a file")),
        ("gpugate explain -f deploy/examples", NotRun("it needs the file that the command before it writes")),
        ("gpugate lint --strict --policy deploy/examples/tenants/policy", [HERE]),
        ("gpugate test --coverage deploy/examples", [HERE]),
        ("gpugate test --watch", NotRun("it ends with Ctrl+C; test_suites_run.py watches")),
        ("gpugate test --require-coverage 100", [HERE]),
        ("cp -r deploy/examples/mig-mixed/policy new", [HERE]),
        ("gpugate replay --policy new", [HERE]),
    ],
    "first-policy.md": [(begins, [FIRST_POLICY]) for begins in (
        "git init", "gpugate schema", "gpugate lint", "sed -i", "gpugate lint", "gpugate explain", "gpugate explain", "gpugate explain",
        "gpugate test --coverage .", "gpugate test --require-coverage", "git add", "git commit", "git switch", "sed -i", "gpugate lint",
        "gpugate test .", "sed -i", "gpugate test --require-coverage", "git commit", "git diff", "git switch", "git merge")],
    "policy.md": [("gpugate schema > policy.schema.json", [HERE])],
    "performance.md": [("make bench ", LONG), ("make bench-cluster ", LONG), ("make bench-cluster BENCH_ARGS", LONG),
                       ("/usr/bin/python3 tests/bench/init.py", LONG)],
    "troubleshooting.md": [
        ("kubectl patch validatingwebhookconfiguration gpugate", ["by hand"]),
        ("kubectl delete validatingwebhookconfiguration gpugate", ["by hand"]),
    ],
}

# Beginnings of indented blocks that are not commands.
NOT_SHELL = ("admission webhook ", "+-----", "include/gpugate/ ", "Pods that exist ")
_PROGRAMS = (r"(?:sudo|make|curl|skopeo|ctr|helm|kubectl|kustomize|openssl|echo|cp|git|gdb|grep|sed|clang-format|(?:build/)?gpugate|\(umask|\(cd|"
             r"(?:/usr/bin/)?python3|build/(?:release|fuzz|san)[\w/-]*|[A-Z]+_?[A-Z]*=(?:\"[^\"]*\"|\S+) .*)\b")

# A command, with the lines on which it goes on.
_LINES = re.compile(r"(?:.*(?:[\\|]|&&) *\n)*.+")


def documents():
    """The documents for users and for contributors. The command-line reference is not among them:
    it has only the examples of `--help`."""
    docs = ROOT / "docs"
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "tests" / "README.md", *sorted(docs.glob("*.md")),
            *(path for path in sorted((docs / "reference").glob("*.md")) if path.name != "command-line.md"), *sorted((docs / "hacking").glob("*.md"))]


def key(path):
    """Returns what PLAN calls a document: its path, or just its name if it is in the root or in
    docs/."""
    return path.name if path.parent in (ROOT, ROOT / "docs") else str(path.relative_to(ROOT))


def blocks(path):
    """Yields code blocks without a language: indented by four spaces after an empty line, or fenced
    as sh or without a language."""
    text, fence = path.read_text(), re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
    fenced = [textwrap.dedent(body).strip("\n") for _, language, body in fence.findall(text) if language in ("", "sh", "bash", "console")]
    text = fence.sub("", text)
    return [textwrap.dedent(block).strip("\n") for block in re.findall(r"(?<=\n\n)((?: {4}.*\n)+)", text)] + fenced


def commands(path):
    """Returns each command with the lines that belong to it. A block must be recognized either as
    commands or as something else."""
    found = []
    for block in blocks(path):
        if block.lstrip().startswith(NOT_SHELL):
            continue
        for command in _LINES.findall(re.sub(r"^# .*\n|^\n", "", block, flags=re.M)):
            assert re.match(_PROGRAMS, command), f"{path.name}: is this a command? {command}"
            found.append(command)
    return found


class Step(NamedTuple):
    """A file that a page asks its reader to save, or a command that it asks to run."""
    file: str | None = None
    text: str = ""
    command: str | None = None
    output: str | None = None
    status: int = 0


# A file to save; a block of commands, which the output of the last one may follow; a sentence about
# the exit status of the last one.
_STEP = re.compile(r"save\s+this\s+as\s+`(?P<file>[^`]+)`:\n\n```yaml\n(?P<text>.*?)^```$"
                   r"|(?<=\n\n)(?P<commands>(?: {4}[^\n]*\n)+)(?:\n```(?:text|diff)\n(?P<output>.*?)^```$)?"
                   r"|exit status is (?P<status>\d)", re.M | re.S | re.I)


def tutorial(path):
    """Returns the steps of a page that is followed from its beginning to its end."""
    steps = []
    for found in _STEP.finditer(path.read_text()):
        if found["file"]:
            steps.append(Step(found["file"], found["text"]))
        elif found["commands"]:
            steps += [Step(command=command) for command in _LINES.findall(textwrap.dedent(found["commands"]))]
            steps[-1] = steps[-1]._replace(output=found["output"])
        else:
            steps[-1] = steps[-1]._replace(status=int(found["status"]))
    return steps


def story(name):
    """(document, command) of all that belong to a story, in order."""
    return [(key(path), command) for path in documents() for command, (_, where) in zip(commands(path), PLAN.get(key(path), []), strict=False)
            if not isinstance(where, NotRun) and name in where]


def stories():
    return {name for rows in PLAN.values() for _, where in rows if not isinstance(where, NotRun) for name in where}


def readme_policy():
    """Returns the policy that the README asks the reader to write, and its file name."""
    text = re.search(r"^Save this as `(\S+)`:\n\n```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    return text[1], text[2]


def workplace(folder):
    """Makes a folder that looks like a checkout with the reader's policy in it. Files that commands
    create stay there."""
    for entry in ROOT.iterdir():
        (folder / entry.name).symlink_to(entry)
    name, text = readme_policy()
    (folder / name).parent.mkdir()
    (folder / name).write_text(text)
    (folder / "my-tests").symlink_to(Path(__file__).with_name("readme_suites"))
    return folder
