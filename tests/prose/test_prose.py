"""The documents, comments and messages keep to the rules, and the check notices what does not."""

import pytest

import prose

LONG = " ".join(["word"] * 36) + "."
WIDE = "# " + "word " * 20 + "end"


def found(path, text, tmp_path):
    """(line, check) of what is wrong in a file of this text."""
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    return [(number, kind) for number, kind, _ in prose.check_file(tmp_path, path)]


def test_the_program():
    errors, _ = prose.check(prose.ROOT, prose.read_known())
    assert not errors, "\n".join(errors[:40])


def test_what_is_looked_at():
    names = prose.files(prose.ROOT)
    assert {"README.md", "docs/policy.md", "docs/hacking/testing.md", "webhook/main.c", "tests/run.py", "Makefile",
            "deploy/alerts/gpugate.rules.yaml"} <= set(names)
    assert not {"deploy/alerts/prometheusrule.yaml", "tests/prose/prose.py"} & set(names)


def test_a_page_that_is_fine(tmp_path):
    text = f"# Title\n\nA sentence. Another one.\n\n- An item, with `whoever ... anew` as code.\n\n    code {LONG} whoever\n\n```sh\nwhoever {LONG}\n```\n"
    assert found("docs/a.md", text, tmp_path) == []


@pytest.mark.parametrize("text", ["A page for\nwhoever reads.", "| a | for want\t of |", "- senseless", "## Anew", "1. He is no more"])
def test_words_of_a_document(tmp_path, text):
    assert [kind for _, kind in found("docs/a.md", text, tmp_path)] == ["words"]


@pytest.mark.parametrize("text", [LONG, f"Short. {LONG}", f"- {LONG}", f"| a | {LONG} |", f"> {LONG}", LONG.replace(" ", "\n"),
                                  LONG.replace("word.", "`code with many words` word.", 1).replace("word ", "", 1),
                                  LONG.replace("word ", "[word](https://example.com/a/b) ", 1)])
def test_a_long_sentence(tmp_path, text):
    assert [kind for _, kind in found("docs/a.md", text, tmp_path) if kind != "lines"] == ["sentences"]


@pytest.mark.parametrize("text", [LONG.replace("word ", "", 1), LONG.replace("word", "word.", 18), LONG.replace(" word", "\n- word", 18),
                                  LONG.replace(" word", " | word", 18).replace("word", "| word", 1), LONG.replace("word word", "`word word`")])
def test_a_sentence_that_is_not_long(tmp_path, text):
    assert not [kind for _, kind in found("docs/a.md", text, tmp_path) if kind != "lines"]


def test_lines_of_a_document(tmp_path):
    line = "word " * 20 + "x."
    assert found("docs/a.md", f"Fine.\n\n{line}\n", tmp_path) == [(3, "lines")]
    assert found("docs/a.md", f"- {line}\n", tmp_path) == [(1, "lines")]
    for text in (f"# {line}", f"| {line} |", f"Fine.\n\n    {line}", f"[{'x' * 30}](https://example.com/{'y' * 80})"):
        assert found("docs/a.md", text, tmp_path) == [], text


def test_words_of_c(tmp_path):
    text = '/* For\n * whoever reads. */\nconst char *a = "mend", *b = "mend it", *c = "as "\n\t"good as";\n// anew\n#define D "a`b mending"\n'
    assert found("policy/a.c", text, tmp_path) == [(1, "words"), (5, "words"), (3, "words"), (3, "words"), (6, "words")]
    assert found("tests/unit/a.c", text, tmp_path) == [(1, "words"), (5, "words")], "what tests print is not for users"


def test_lines_of_c(tmp_path):
    wide = "word " * 20
    text = f'/* {wide} */\nint a; /* {wide} */\nconst char *s = "{wide} {wide}";\n/* fine\n\t\t\t\t{wide[:72]}\n*/\n'
    assert found("webhook/a.h", text, tmp_path) == [(1, "lines"), (2, "lines"), (5, "lines")]


def test_python(tmp_path):
    wide = "word " * 20
    text = f'"""For whoever reads."""\nx = "anew {wide}"\n# anew\ndef f():\n    """One.\n\n    {wide}\n    """\n    return x  # {wide}\n'
    assert found("tests/a.py", text, tmp_path) == [(3, "words"), (1, "words"), (7, "lines"), (9, "lines")]


def test_yaml_and_makefiles(tmp_path):
    assert found("deploy/a.yaml", f"# anew\na: anew\n{WIDE}\n", tmp_path) == [(1, "words"), (3, "lines")]
    assert found("Makefile", f"a: b ## {WIDE}\n{WIDE}\n", tmp_path) == [(2, "lines")]


def test_generated_files_are_skipped(tmp_path):
    (tmp_path / ".gitattributes").write_text("deploy/made/** linguist-generated\ndocs/made.md linguist-generated\n")
    for name in ("deploy/made/a/b.yaml", "docs/made.md", "deploy/a.yaml"):
        found(name, "# anew\n", tmp_path)
    assert prose.files(tmp_path) == ["deploy/a.yaml", "docs/made.md"]


def test_the_list_only_shrinks(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Anew.\n")
    list_of = tmp_path / "known.txt"
    list_of.write_text("# why\nwords docs/a.md\nlines docs/a.md\nwords docs/gone.md\n")
    errors, unneeded = prose.check(tmp_path, prose.read_known(list_of))
    assert unneeded == {("lines", "docs/a.md"), ("words", "docs/gone.md")} and len(errors) == 2 and all("remove it" in error for error in errors)
    prose.shrink(list_of, unneeded)
    assert list_of.read_text() == "# why\nwords docs/a.md\n"
    assert prose.check(tmp_path, prose.read_known(list_of)) == ([], set())
    assert prose.check(tmp_path, set())[0] == ['docs/a.md:1: "Anew": write again, from the start']


def test_the_list_is_in_order():
    lines = [line for line in prose.KNOWN.read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines)) and all(line.split()[0] in ("words", "sentences", "lines") for line in lines)
