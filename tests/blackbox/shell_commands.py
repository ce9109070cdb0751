"""The shell commands of README.md and docs/, as they are written and in their order, and where each
of them is run.

A command that is run belongs to stories. "here" needs no cluster (test_commands.py in this
folder). The others need a real control plane (tests/deploy/test_commands.py). A command that is
not run has a reason.
"""

import re
import textwrap

from gpugate import ROOT

HERE = "here"


class NotRun(str):
    """Why a command is not run."""


LONG = NotRun("a step of the whole test run, or one that takes much longer than it; that the target exists is tested")
REGISTRY = NotRun("it needs a registry; tests/package has skopeo read the archive")
IMAGES = NotRun("it needs containerd; tests/package reads and runs the image")
OUTLINE = NotRun("an outline with ... in it, of commands that are run in full")

# Document -> (beginning of a command, stories or a reason), one for each command, in order.
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
    "by-hand.md": [
        ("make run", [HERE]),
        ("curl --cacert build/demo/certs/ca.crt", [HERE]),
        ("curl http://127.0.0.1:8080/metrics", [HERE]),
        ("build/gpugate certs create", [HERE, "by hand, from the beginning"]),
        ("(umask 077; openssl rand", [HERE, "by hand, from the beginning"]),
        ("build/gpugate serve", [HERE]),
        ("curl --cacert pki/ca.crt", [HERE]),
        ("build/gpugate render", ["by hand, from the beginning"]),
        ("build/gpugate render", ["by hand, from the beginning"]),
        ("kubectl get gpuquotas", ["by hand, from the beginning"]),
        ("build/gpugate quota", ["by hand, from the beginning"]),
    ],
    "operations.md": [
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
        ("gpugate render", OUTLINE),
        ("gpugate serve", OUTLINE),
        ("gpugate certs create", [HERE]),
        ("gpugate certs inspect --dir", [HERE]),
        ("gpugate certs inspect --connect", [HERE]),
        ("gpugate certs verify", [HERE]),
        ("openssl rand -hex 24", ["by hand"]),
        ("kubectl create secret generic gpugate-path", ["by hand"]),
        ("kubectl delete validatingwebhookconfiguration gpugate", ["by hand"]),
        ("kubectl get gpuquotas", ["by hand"]),
        ("gpugate quota", ["by hand"]),
        ("gpugate quota -o json", ["by hand"]),
        ("gpugate render", ["by hand"]),
        ("kubectl -n gpugate port-forward", NotRun("it needs a kubelet")),
    ],
    "recording.md": [("gpugate serve", OUTLINE)],
    "performance.md": [("make bench ", LONG), ("make bench-cluster ", LONG), ("make bench-cluster BENCH_ARGS", LONG)],
}

# Beginnings of indented blocks that are not commands.
NOT_SHELL = ("admission webhook ", "+-----", "include/gpugate/ ", "Pods that exist ")
_PROGRAMS = r"(?:sudo|make|curl|skopeo|ctr|helm|kubectl|kustomize|openssl|echo|(?:build/)?gpugate|\(umask|\(cd)\b"


def documents():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path):
    """Returns code blocks without a language: indented by four spaces after an empty line, or
    fenced as sh or without a name."""
    text = path.read_text()
    fenced = [body.strip("\n") for language, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if language in ("", "sh", "bash", "console")]
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return [textwrap.dedent(block).strip("\n") for block in re.findall(r"(?<=\n\n)((?: {4}.*\n)+)", text)] + fenced


def commands(path):
    """Returns each command with the lines that belong to it. A block must be recognized either as
    commands or as something else."""
    found = []
    for block in blocks(path):
        if block.lstrip().startswith(NOT_SHELL):
            continue
        for command in re.findall(r"(?:.*(?:[\\|]|&&) *\n)*.+", block):
            assert re.match(_PROGRAMS, command), f"{path.name}: is this a command? {command}"
            found.append(command)
    return found


def story(name):
    """Returns (document, command) for all commands of a story, in order."""
    return [(path.name, command) for path in documents() for command, (_, where) in zip(commands(path), PLAN.get(path.name, []), strict=False)
            if not isinstance(where, NotRun) and name in where]


def stories():
    return {name for rows in PLAN.values() for _, where in rows if not isinstance(where, NotRun) for name in where}


def readme_policy():
    """Returns the policy that the README asks the reader to write, and its file name."""
    text = re.search(r"^```yaml\n# (\S+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    return text[1], text[2]


def workplace(folder):
    """Makes a folder that looks like a checkout with the reader's policy in it. Files that commands
    create stay there."""
    for entry in ROOT.iterdir():
        (folder / entry.name).symlink_to(entry)
    name, text = readme_policy()
    (folder / name).parent.mkdir()
    (folder / name).write_text(text)
    return folder
