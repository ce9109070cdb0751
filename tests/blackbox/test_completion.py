"""The scripts of `gpugate completion` in the real shells: the offers of each, and the Tab key
itself."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from command_table import children, choices, commands, help_of, options
from gpugate import BINARY, DEADLINE_S, run

PATH = f"{BINARY.parent}:{os.environ['PATH']}"

# How to ask each shell for its offers. $1 is the script; the other arguments are the words of the
# line, the last of them unfinished.
BASH = """
source "$1"; shift
COMP_WORDS=(gpugate "$@"); COMP_CWORD=$#
COMPREPLY=(); _gpugate; printf '%s\\n' "${COMPREPLY[@]}"
"""
# This skips what the completion system of zsh does with the offers. The tests below press the Tab
# key for that.
ZSH = """
compdef() {}
compset() {}
compadd() { shift; print -l -- "$@" }
_describe() { local rows=${@[-1]}; print -l -- ${${(P)rows}%%:*} }
_files() { local name; for name in *(N); do [[ $1 == -/ && ! -d $name ]] || print -- $name; done }
_message() {}
source "$1"; shift
words=(gpugate "$@") CURRENT=$(($# + 1))
_gpugate
"""
FISH = 'source $argv[1]; complete -C "gpugate $argv[2..-1]"'
SHELLS = {"bash": ["bash", "--norc", "-c", BASH, "bash"], "zsh": ["zsh", "-f", "-c", ZSH, "zsh"], "fish": ["fish", "--no-config", "-c", FISH]}

every_shell = pytest.mark.parametrize("shell", SHELLS)


def needs(shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The scripts, and a folder `here` with something to complete."""
    path = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        done = run("completion", shell)
        assert done.returncode == 0 and not done.stderr
        (path / shell).write_text(done.stdout)
    (path / "here" / "policies").mkdir(parents=True)
    (path / "here" / "policy.yaml").touch()
    (path / "home").mkdir()
    (path / "fpath").mkdir()
    (path / "fpath" / "_gpugate").symlink_to(path / "zsh")
    return path


def offered(shell, folder, *words):
    """What the shell offers for the last word, which begins with what stands there."""
    needs(shell)
    done = subprocess.run([*SHELLS[shell], folder / shell, *words], cwd=folder / "here", capture_output=True, text=True, check=False,
                          timeout=DEADLINE_S, env={**os.environ, "PATH": PATH, "HOME": str(folder / "home")})
    assert not done.stderr, done.stderr
    found = [line.partition("\t")[0].rstrip("/") for line in done.stdout.splitlines() if line]
    start = words[-1].rpartition("=")[2] if words[-1].startswith("--") and shell == "zsh" else words[-1]
    return sorted(word for word in found if word.startswith(start))


@every_shell
def test_script_is_well_formed(shell, folder):
    needs(shell)
    done = subprocess.run([shell, "-n", folder / shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


CASES = {
    "a command": (["se"], ["serve"]),
    "a child": (["certs", ""], ["create", "inspect", "verify"]),
    "a choice": (["version", "-o", ""], ["json", "text"]),
    "a choice that has begun": (["serve", "--certs", "self"], ["self-managed"]),
    "a choice after other options": (["render", "--policy", "p", "--ledger", "c"], ["cluster"]),
    "an option": (["certs", "create", "--cli"], ["--client"]),
    "the files of an option": (["serve", "--policy", "pol"], ["policies", "policy.yaml"]),
    "the folders of an option": (["certs", "create", "--dir", "pol"], ["policies"]),
    "the files of an operand": (["lint", "--strict", "pol"], ["policies", "policy.yaml"]),
    "nothing for an address": (["serve", "--listen", ""], []),
    "a command to help with": (["help", "ser"], ["serve"]),
    "a child to help with": (["help", "certs", "cr"], ["create"]),
    "a command whose page is wanted": (["man", "lin"], ["lint"]),
    "a value that is called as a command": (["certs", "create", "--name", "serve", "--for"], ["--force"]),
    "a shell": (["completion", ""], ["bash", "fish", "zsh"]),
}


@every_shell
@pytest.mark.parametrize("case", CASES)
def test_offers(shell, folder, case):
    words, expected = CASES[case]
    assert offered(shell, folder, *words) == expected


def test_bash_splits_at_equals_signs(folder):
    assert offered("bash", folder, "lint", "-o", "=", "te") == ["text"]
    assert offered("bash", folder, "serve", "--policy", "=", "pol") == ["policies", "policy.yaml"]


def test_zsh_and_fish_do_not(folder):
    assert offered("zsh", folder, "serve", "--certs=self") == ["self-managed"]
    assert offered("fish", folder, "serve", "--certs=self") == ["--certs=self-managed"]


@every_shell
@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words) or "gpugate")
def test_all_that_help_lists(shell, folder, words):
    long = [option for option in options(*words) if option.startswith("--")]
    assert offered(shell, folder, *words, "--") == sorted(long)
    assert set(options(*words)) - set(long) <= {"-f", "-n", "-o"} and ("-o" not in options(*words) or choices(*words)["-o"])
    for option, expected in choices(*words).items():
        assert offered(shell, folder, *words, option, "") == sorted(expected), option
    if children(*words):
        assert offered(shell, folder, *words, "") == sorted(children(*words))


def test_short_options(folder):
    assert "-o" in offered("bash", folder, "lint", "-") and "-o" in offered("zsh", folder, "lint", "-")
    assert "-o" in offered("fish", folder, "lint", "-")


def test_a_description_is_the_first_sentence(folder):
    """In zsh and fish, which show some."""
    for shell in ("zsh", "fish"):
        text = (folder / shell).read_text()
        assert "answer the API server" in text and "A folder of policy files, or one file." in text and "Watched" not in text
    assert "A folder of policy files, or one file. Watched" in " ".join(help_of("serve").split())


# --- The Tab key ---

class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, argv, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder / "here")
            os.execvpe(argv[0], argv, {"PATH": PATH, "HOME": str(folder / "home"), "TERM": "dumb", "LC_ALL": "C", "PS1": "ready> "})
        self.text = ""

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def wait_for(self, pattern):
        """Reads on until what was printed since the last call has the pattern."""
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.text, re.S):
            assert time.monotonic() < end and select.select([self.fd], [], [], DEADLINE_S)[0], self.text
            self.text += os.read(self.fd, 4096).decode(errors="replace").replace("\r", "")
        self.text = ""

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


# How an interactive shell loads a script from a folder. zsh also finds it by its name, as the
# Debian package installs it.
LOADED = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {}/bash; bind 'set show-all-if-ambiguous on'"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -D -u; source {}/zsh"),
    "zsh, by name": (["zsh", "-f", "-i"], "fpath=({}/fpath $fpath); autoload -Uz compinit; compinit -D -u"),
}


@pytest.mark.parametrize("way", LOADED)
def test_the_tab_key(way, folder):
    argv, prelude = LOADED[way]
    needs(argv[0])
    terminal = Terminal(argv, folder)
    try:
        terminal.wait_for("ready> ")
        terminal.type(f"{prelude.format(folder)}; echo prepa''red\n")
        terminal.wait_for("\nprepared\n.*ready> ")
        terminal.type("gpugate se\t")
        terminal.wait_for("gpugate serve ")
        terminal.type("\x15gpugate certs \t")
        terminal.wait_for("create.*inspect.*verify")
        terminal.type("\x15gpugate lint -o \t")
        terminal.wait_for("json.*text|text.*json")
        terminal.type("\x15gpugate serve --policy policy.\t")
        terminal.wait_for("--policy policy.yaml ")
    finally:
        terminal.close()
