"""The program keeps to its layers, and the check notices what does not."""

import subprocess

import pytest

import layers

TABLE = {"include": [], "lib/low": [], "lib/high": ["lib/low"]}
GOOD = {
    "include/gpugate/public.h": "int public_call(void);\n",
    "lib/low/low.h": "int low(void);\n",
    "lib/low/low.c": '#include "lib/low/low.h"\nint low(void)\n{\n\treturn 1;\n}\n',
    "lib/high/high.c": '#include "lib/low/low.h"\n#include "gpugate/public.h"\nint high(void)\n{\n\treturn low();\n}\n',
}


@pytest.fixture
def check(tmp_path):
    """Checks a tree of these files, after compiling it."""
    def run(files, table=None):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for name in files:
            if name.endswith(".c"):
                target = tmp_path / "out" / f"{name[:-2]}.o"
                target.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["gcc", "-I.", "-Iinclude", "-w", "-c", "-o", target, name], cwd=tmp_path, check=True)
        return layers.check(tmp_path, "out", table or TABLE)
    return run


def test_the_program():
    assert not layers.check(layers.ROOT, "build/release")


def test_what_is_allowed(check):
    assert check(GOOD) == []


def test_a_forbidden_include(check):
    assert check({**GOOD, "lib/high/high.h": "", "lib/low/low.c": '#include "lib/high/high.h"\nint low(void)\n{\n\treturn 1;\n}\n'}) == [
        "lib/low/low.c includes lib/high/high.h: lib/low may not use lib/high", "circle between folders: lib/high, lib/low"]


def test_a_forbidden_use_without_an_include(check):
    """As if the prototype had been written out, or declared in a header of a third folder."""
    assert check({**GOOD, "lib/low/low.c": "int high(void);\nint low(void)\n{\n\treturn high();\n}\n"}) == [
        "lib/low/low.c uses high of lib/high/high.c: lib/low may not use lib/high", "circle between folders: lib/high, lib/low",
        "circle between files: lib/high/high.c, lib/low/low.c"]


def test_a_folder_that_is_not_in_the_table(check):
    assert "lib/low/deep is not in the table" in check({**GOOD, "lib/low/deep/new.c": "int other;\n"})


CIRCLE = {**GOOD, "lib/low/a.c": "int b(void);\nint a(void)\n{\n\treturn b();\n}\n", "lib/low/b.c": "int c(void);\nint b(void)\n{\n\treturn c();\n}\n",
          "lib/low/c.c": "int a(void);\nint c(void)\n{\n\treturn a();\n}\n"}
FILES = ["lib/low/a.c", "lib/low/b.c", "lib/low/c.c"]


def test_a_circle_between_files(check):
    assert check(CIRCLE) == [f"circle between files: {', '.join(FILES)}"]


def test_a_circle_between_headers(check):
    headers = {"lib/low/x.h": '#ifndef X\n#define X\n#include "lib/low/y.h"\n#endif\n', "lib/low/y.h": '#ifndef Y\n#define Y\n#include "lib/low/x.h"\n#endif\n'}
    assert check({**GOOD, **headers}) == ["circle between files: lib/low/x.h, lib/low/y.h"]
