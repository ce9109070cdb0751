"""Credentials are never used without TLS. Plug-ins (`exec`) only provide them to commands that a
user runs, never to the server. tests/cluster/test_credentials.py uses a real API server."""

import base64
import json
import os
import pty
import subprocess

import pytest
import yaml

from gpugate import BINARY, authority, run, write_policy
from kube import doc

V1 = "client.authentication.k8s.io/v1"
# Nothing listens there; what came before the connection has worked.
NOWHERE = "https://127.0.0.1:1"
TOKEN = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "S3CRET"}}
FAR = "cannot be reached: Connection refused"


def kubeconfig(folder, user, server=NOWHERE, **cluster):
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, **cluster}}], "users": [{"name": "u", "user": user}]}))
    return path


def script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def plugin(folder, text=f"echo '{json.dumps(TOKEN)}'\n", **more):
    """Returns a user with a plug-in of this text."""
    return {"exec": {"apiVersion": V1, "interactiveMode": "Never", "command": str(script(folder / "plugin", text)), **more}}


def quota(folder, user, *, server=NOWHERE, env=None, **cluster):
    return run("quota", "--kubeconfig", kubeconfig(folder, user, server, **cluster), env={**os.environ, **(env or {})}, cwd=folder)


def refused(folder, user, words, **more):
    done = quota(folder, user, **more)
    assert done.returncode == 2 and done.stdout == "" and words in done.stderr and "S3CRET" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("user", [{"token": "S3CRET"}, {"tokenFile": "token"}, {"client-certificate-data": "Y2VydA==", "client-key-data": "a2V5"},
                                  {"exec": {"apiVersion": V1, "command": "/bin/false", "interactiveMode": "Never"}}])
@pytest.mark.parametrize("command", ["quota", "serve"])
def test_no_credential_without_tls(tmp_path, user, command):
    (tmp_path / "token").write_text("S3CRET")
    path = kubeconfig(tmp_path, user, "http://127.0.0.1:1")
    args = [] if command == "quota" else ["--policy", write_policy(tmp_path / "policy", [doc("Tenant", "a", namespaces=["a"])]),
                                          "--listen", "127.0.0.1:0", "--ledger", "cluster", "--certs", "self-managed"]
    done = run(command, *args, "--kubeconfig", path)
    what = next(iter(user))
    assert done.returncode == 2 and (f"{what}: is a credential, and the server http://127.0.0.1:1 is reached without TLS; use https://, or a "
                                     "context without a user (kubectl proxy)\n") in done.stderr, done.stderr
    assert done.stderr.rpartition("\n")[0].rpartition("\n")[2].startswith(f"gpugate {command}: {path}:")


def test_the_server_runs_no_plugin(tmp_path):
    user = plugin(tmp_path, f"touch {tmp_path}/ran\n")
    done = run("serve", "--policy", write_policy(tmp_path / "policy", [doc("Tenant", "a", namespaces=["a"])]), "--listen", "127.0.0.1:0",
               "--ledger", "cluster", "--certs", "self-managed", "--kubeconfig", kubeconfig(tmp_path, user))
    assert done.returncode == 2 and not (tmp_path / "ran").exists()
    assert ("exec: runs a program, and the server starts none; use a service account's token (kubectl create token) in tokenFile, or a client "
            "certificate\n") in done.stderr


def test_a_plugin_gets_its_arguments_and_variables(tmp_path):
    """They are passed unchanged, without a shell. Given variables override existing ones. The
    cluster is described if that is requested."""
    ca = authority().pem
    user = plugin(tmp_path, f"printf '%s\\n' \"$@\" >{tmp_path}/args; env >{tmp_path}/env; cat >{tmp_path}/input; echo '{json.dumps(TOKEN)}'\n",
                  args=["get-token", "--cluster=$HOME; `id`", ""], env=[{"name": "AWS_PROFILE", "value": "prod"}, {"name": "EMPTY", "value": ""}],
                  provideClusterInfo=True)
    more = {"extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x", "n": 7, "deep": [True, None, "7"]}}],
            "certificate-authority-data": base64.b64encode(ca).decode(), "tls-server-name": "api.example"}
    refused(tmp_path, user, FAR, env={"AWS_PROFILE": "test", "KEPT": "yes"}, **more)
    assert (tmp_path / "args").read_text().split("\n") == ["get-token", "--cluster=$HOME; `id`", "", ""]
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert (env["AWS_PROFILE"], env["EMPTY"], env["KEPT"]) == ("prod", "", "yes")
    info = json.loads(env["KUBERNETES_EXEC_INFO"])
    assert base64.b64decode(info["spec"]["cluster"].pop("certificate-authority-data")) == ca
    assert info == {"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": False, "cluster": {
        "server": NOWHERE, "tls-server-name": "api.example", "config": {"audience": "x", "n": 7, "deep": [True, None, "7"]}}}}
    assert (tmp_path / "input").read_text() == ""

    refused(tmp_path, plugin(tmp_path, f"env >{tmp_path}/env; echo '{json.dumps(TOKEN)}'\n"), FAR)
    assert 'KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"%s","spec":{"interactive":false}}\n' % V1 in (tmp_path / "env").read_text()


def test_where_a_plugin_is_looked_for(tmp_path):
    """A relative path is relative to the kubeconfig's folder. A bare name is looked up in PATH, and
    never in the current folder."""
    script(tmp_path / "bin" / "my-plugin", f"echo '{json.dumps(TOKEN)}'\n")
    how = {"apiVersion": V1, "interactiveMode": "Never"}
    refused(tmp_path, {"exec": {**how, "command": "bin/my-plugin"}}, FAR)
    refused(tmp_path, {"exec": {**how, "command": "./bin/my-plugin"}}, FAR)
    refused(tmp_path, {"exec": {**how, "command": "my-plugin"}}, FAR, env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    script(tmp_path / "my-plugin", f"touch {tmp_path}/ran\n")
    refused(tmp_path, {"exec": {**how, "command": "my-plugin", "installHint": "curl it\nfrom \x1b[31mhere"}},
            'exec: the program "my-plugin" was not found in PATH; install it: curl it\nfrom  [31mhere\n')
    assert not (tmp_path / "ran").exists()


FAILURES = {
    "its own message": (dict(text="echo 'ExpiredToken: log in' >&2; exit 255\n"), "ExpiredToken: log in\ngpugate quota: "),
    "status": (dict(text="exit 255\n"), 'plugin" failed with exit status 255; its own message is above'),
    "no output": (dict(text="true\n"), "its output is not JSON: it is empty"),
    "text": (dict(text="echo S3CRET\n"), "its output is not JSON: "),
    "other version": (dict(apiVersion=V1 + "beta1"), f'has the apiVersion "{V1}", and the kubeconfig says "{V1}beta1"'),
    "too old": (dict(apiVersion=V1 + "alpha1"), "its apiVersion has to be client.authentication.k8s.io/v1 or …/v1beta1; update the plug-in"),
    "no mode": (dict(interactiveMode=None), "its interactiveMode has to be Never, IfAvailable or Always"),
    "no terminal": (dict(interactiveMode="Always"), "its interactiveMode is Always, and standard input is not a terminal"),
    "no command": (dict(command=None), "has no command; give the program that prints the credential"),
    "args": (dict(args="text"), "args: has to be a list"),
    "arg": (dict(args=[{}]), "args: has to be a list of texts"),
    "env": (dict(env=[{"value": "x"}]), "env: has to be a list of name and value"),
    "env name": (dict(env=[{"name": "A=B", "value": "x"}]), "env: has to be a list of name and value"),
    "not executable": (dict(command="/etc/passwd"), 'the program "/etc/passwd" cannot be started: Permission denied'),
    "missing": (dict(command="/none/x"), 'the program "/none/x" was not found; install it, or correct `command`'),
}


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_a_plugin_that_fails(tmp_path, name):
    how, words = FAILURES[name]
    assert f"{tmp_path}/kubeconfig:" in refused(tmp_path, plugin(tmp_path, **how), words)


def test_several_kubeconfigs(tmp_path):
    """kubectl would merge them. A file with the combined name is not looked for."""
    done = run("quota", env={**os.environ, "KUBECONFIG": f"{kubeconfig(tmp_path, {})}:{tmp_path}/other"})
    assert done.returncode == 2 and done.stderr == (
        "gpugate quota: KUBECONFIG names several files, which are not merged here; name one with --kubeconfig "
        "(`kubectl config view --flatten --minify` writes it)\n")


def test_one_credential_only(tmp_path):
    refused(tmp_path, {**plugin(tmp_path), "token": "S3CRET"}, "exec: is given next to another credential; remove one")


def test_a_plugin_of_v1beta1_needs_no_mode(tmp_path):
    token = {**TOKEN, "apiVersion": V1 + "beta1"}
    refused(tmp_path, plugin(tmp_path, f"echo '{json.dumps(token)}'\n", apiVersion=V1 + "beta1", interactiveMode=None), FAR)


@pytest.mark.parametrize("mode,shared", [("Never", False), ("IfAvailable", True), ("Always", True)])
def test_a_plugin_and_the_terminal(tmp_path, mode, shared):
    """A user at a terminal can be asked for a password, if the kubeconfig allows it."""
    user = plugin(tmp_path, f"if test -t 0; then read line; fi; echo \"$KUBERNETES_EXEC_INFO $line\" >{tmp_path}/got; echo '{json.dumps(TOKEN)}'\n",
                  interactiveMode=mode)
    ours, theirs = pty.openpty()
    os.write(ours, b"typed\n")
    done = subprocess.run([BINARY, "quota", "--kubeconfig", kubeconfig(tmp_path, user)], stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2 and FAR in done.stderr, done.stderr
    got = (tmp_path / "got").read_text()
    assert f'"interactive":{str(shared).lower()}' in got and got.endswith("typed\n" if shared else "}} \n")
