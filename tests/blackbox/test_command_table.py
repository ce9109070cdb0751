"""Help, manual pages, completions and reference say the same, since all are made from one table of
commands."""

import os
import re
import shutil
import subprocess

import pytest

from command_table import choices, commands, help_of, options
from gpugate import ROOT, run

REFERENCE = ROOT / "docs" / "reference" / "command-line.md"
DATED = {**os.environ, "SOURCE_DATE_EPOCH": "86400"}


def called(words):
    return " ".join(words) or "gpugate"


everywhere = pytest.mark.parametrize("words", commands(), ids=called)


def test_all_commands_are_listed():
    assert {("serve",), ("lint",), ("render",), ("quota",), ("certs", "create"), ("certs", "inspect"), ("certs", "verify"), ("help",),
            ("man",), ("completion", "bash"), ("completion", "zsh"), ("completion", "fish"), ("version",)} <= set(commands())
    assert choices("version") == {"-o": ["text", "json"]} and "--policy" in options("serve")


@everywhere
def test_help(words):
    text = help_of(*words)
    assert text.startswith(" ".join(["Usage: gpugate", *words]))
    assert run(*words, "-h").stdout == run("help", *words).stdout == text
    assert options(*words)[-1] == "--help" and "\nExit status:\n  0  " in text and "\n  2  " in text
    assert not re.search(r"[ \t]$", text, re.M)


@pytest.mark.parametrize("args,sentence", [
    (["help", "lnt"], 'gpugate help: unknown command "lnt"; did you mean "lint"?\nTry `gpugate help --help`.\n'),
    (["help", "lint", "x"], 'gpugate help: "x" is not a command; gpugate lint has no commands of its own\nTry `gpugate help --help`.\n'),
    (["man", "--dir", "x", "lint"], 'gpugate man: --dir writes the pages of all commands; leave out "lint"\nTry `gpugate man --help`.\n'),
    (["--verison"], "gpugate: unknown option --verison; did you mean --version?\nTry `gpugate --help`.\n"),
    (["certs", "--dir", "x"], "gpugate certs: unknown option --dir\nTry `gpugate certs --help`.\n"),
    (["completion", "tcsh"], 'gpugate completion: unknown command "tcsh"; the commands are bash, zsh and fish\nTry `gpugate completion --help`.\n'),
])
def test_what_is_not_there(args, sentence):
    done = run(*args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


@pytest.mark.parametrize("words", [(), ("certs",), ("completion",)], ids=called)
def test_a_command_is_missing(words):
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", help_of(*words))


# --- Manual pages ---

def page_name(words):
    return "-".join(["gpugate", *words]) + ".1"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    done = run("man", "--dir", folder, env=DATED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_a_page_for_each_command(pages):
    assert {path.name for path in pages.iterdir()} == {page_name(words) for words in commands()}
    for words in commands():
        assert run("man", *words, env=DATED).stdout == (pages / page_name(words)).read_text()
        assert (pages / page_name(words)).read_text().startswith(".Dd January 2, 1970\n")


# mandoc says this about every page, because the style guide of one system asks for it. It also
# looks for referenced pages on this machine, where these are not installed.
NO_OBJECTION = "STYLE: operating system explicitly specified: Os gpugate (NetBSD)"


@everywhere
def test_mandoc_has_no_objections(pages, words):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", pages / page_name(words)], capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.endswith(NO_OBJECTION) and "not found: Xr gpugate" not in line]
    assert not said, said


def told(text):
    """Words only, so that line breaks and indentation make no difference."""
    return " ".join(text.replace("\u2010", "-").split())


@everywhere
def test_the_page_tells_what_help_tells(pages, words):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=1000", pages / page_name(words)], capture_output=True, text=True, check=True)
    page = told(re.sub(".\b", "", done.stdout))
    text = help_of(*words)
    rows = re.split(r"\n  (?=-)", text.partition("\nOptions:\n")[2].partition("\n\nExit status:\n")[0])
    for row in [row.strip() for row in rows]:
        term, _, sentences = row.partition("  ")
        assert told(sentences) in page, (term, sentences)
        assert told(term).split()[0] in page, term
    statuses = re.findall(r"^  \d  ((?:.|\n {5})*)", text.partition("\nExit status:\n")[2].partition("\nExamples:")[0], re.M)
    assert statuses and all(told(status) in page for status in statuses), statuses
    for line in text.partition("\nExamples:\n")[2].splitlines():
        assert told(line) in page, line


@everywhere
def test_a_page_is_found_by_its_own_name(words):
    """Pages refer to each other by these names, such as gpugate-certs-create(1)."""
    page = run("man", *words, env=DATED).stdout
    whole = page_name(words).removesuffix(".1")
    for name in {whole, whole.removeprefix("gpugate-")}:
        done = run("man", name, env=DATED)
        assert (done.returncode, done.stdout, done.stderr) == (0, page, "") and page.startswith(".Dd")


def test_a_part_of_a_pages_name_is_none():
    for name in ("create", "certs-creat", "-serve", "pugate-serve", "gpugate-"):
        done = run("man", name)
        assert (done.returncode, done.stdout) == (2, "") and "gpugate man: " in done.stderr, name


@pytest.mark.parametrize("value", ["yesterday", "-1", "1x"])
def test_a_date_that_is_none(value):
    done = run("man", env={**os.environ, "SOURCE_DATE_EPOCH": value})
    assert (done.returncode, done.stdout) == (2, "")
    assert f'SOURCE_DATE_EPOCH is "{value}"; set it to seconds since 1970' in done.stderr


def test_a_folder_that_is_not_there(tmp_path):
    done = run("man", "--dir", tmp_path / "none")
    assert done.returncode == 2 and f"{tmp_path}/none/gpugate.1 cannot be written: No such file or directory; name a folder that" in done.stderr


# --- The reference ---

@everywhere
def test_the_reference_tells_what_help_tells(words):
    section = re.search(rf"^## {' '.join(['gpugate', *words])}\n(.*?)(?=^## |\Z)", REFERENCE.read_text(), re.M | re.S)[1]
    text = help_of(*words)
    assert text.splitlines()[0].removeprefix("Usage: ") in section
    assert re.findall(r"^- \*\*`(--?[\w-]+)", section, re.M) == options(*words)
    assert re.findall(r"^- \*\*`(\d)`", section, re.M) == re.findall(r"^  (\d)  ", text.partition("\nExit status:\n")[2], re.M)
    for row in re.split(r"\n  (?=-)", text.partition("\nOptions:\n")[2].partition("\n\nExit status:\n")[0]):
        assert told(row.strip().partition("  ")[2]) in told(section), row
    assert text.partition("\nExamples:\n")[2] in section
