"""The released program contains the mitigations that make a bug harder to exploit. Reads the
binary, not the Makefile."""

import platform
import re

import pytest

from making import BINARY, ROOT, command, fine, make

CONTROL_FLOW = {"x86_64": "-fcf-protection=full", "aarch64": "-mbranch-protection=standard"}.get(platform.machine())


@pytest.fixture(scope="module", autouse=True)
def built():
    make("build/release/gpugate")


def readelf(*options):
    return fine("readelf", "--wide", *options, BINARY)


def test_position_independent():
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", readelf("--file-header"))
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", readelf("--dynamic"))


def test_all_relocations_are_done_at_start_and_then_read_only():
    assert re.search(r"^\s+GNU_RELRO\s", readelf("--program-headers"), re.M)
    assert re.search(r"\(FLAGS\).*\bBIND_NOW\b", readelf("--dynamic"))
    assert "(TEXTREL)" not in readelf("--dynamic")


def test_nothing_is_writable_and_executable():
    segments = re.findall(r"^\s+(LOAD|GNU_STACK|GNU_RELRO)\s+(?:0x\w+\s+){5}([RWE ]{3})\s", readelf("--program-headers"), re.M)
    assert {kind for kind, _ in segments} == {"LOAD", "GNU_STACK", "GNU_RELRO"}
    assert not [segment for segment in segments if "W" in segment[1] and "E" in segment[1]]
    assert [flags for kind, flags in segments if kind == "LOAD" and "E" in flags] == ["R E"], "code alone is executable, apart from constants"


def test_no_library_is_looked_for_in_places_of_our_own():
    assert not re.search(r"\((RPATH|RUNPATH)\)", readelf("--dynamic"))


def test_stack_and_buffers_are_guarded():
    asked = set(re.findall(r"UND (\w+)@GLIBC", readelf("--dyn-syms")))
    assert "__stack_chk_fail" in asked
    assert {"__memcpy_chk", "__snprintf_chk", "__printf_chk"} <= asked, "-D_FORTIFY_SOURCE"


def test_every_file_was_compiled_with_every_guard():
    """gcc records its command line in the debug information, but not macros such as
    _FORTIFY_SOURCE."""
    compiled = re.findall(r"DW_AT_producer\s*:.*?(GNU C\S* .*)", fine("readelf", "--debug-dump=info", "--dwarf-depth=1", BINARY))
    sources = [path for folder in ("policy", "certs", "webhook") for path in (ROOT / folder).rglob("*.c")]
    assert len(compiled) == len(sources)
    for flag in ("-O2", "-fPIE", "-fstack-protector-strong", "-fstack-clash-protection", *filter(None, [CONTROL_FLOW])):
        assert not [how for how in compiled if flag not in how.split()], flag


@pytest.mark.skipif(platform.machine() != "x86_64", reason="landing pads are looked for on x86-64 only")
def test_functions_begin_with_landing_pads():
    """An indirect call can only reach the beginning of a function. gcc's own start files are
    exempt."""
    code = fine("objdump", "--disassemble", "--no-show-raw-insn", BINARY)
    begins = dict(re.findall(r"^\w+ <(\w+)>:\n\s+\w+:\s+(\w+)", code, re.M))
    assert {begins[name] for name in ("main", "command_run", "policy_load", "queue_admit")} == {"endbr64"}


def how_main_is_compiled(folder, *variables):
    said = command("make", "--no-print-directory", "--dry-run", "V=1", "--what-if=webhook/main.c", *variables, f"{folder}/gpugate", cwd=ROOT).stdout
    (line,) = [line for line in said.replace("\\\n", " ").splitlines() if f"-c -o {folder}/webhook/main.o" in line]
    return line


def test_fortify_is_given_to_the_release_only():
    """Sanitizers check the same calls themselves, and report more without the fortified
    versions."""
    assert "-D_FORTIFY_SOURCE=3" in how_main_is_compiled("build/release")
    for variant in ("address,undefined", "thread"):
        line = how_main_is_compiled("build/san-" + variant.replace(",", "-"), f"SAN={variant}")
        assert f"-fsanitize={variant}" in line and "-fstack-protector-strong" in line
        assert "_FORTIFY_SOURCE" not in line
