"""What the program can say: the texts in its sources, as they come out of the compiler."""

import functools
import re

from gpugate import ROOT

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|\'(?:[^\'\\]|\\.)+\'|"(?:[^"\\]|\\.)*"', re.S)
_ESCAPE = {"n": "\n", "t": "\t", "0": "\0", '"': '"', "\\": "\\", "'": "'", "r": "\r"}
_FORMAT = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z%]")

GAP = "\x00"  # what is filled in


def _unescape(text):
    return re.sub(r"\\(.)", lambda match: _ESCAPE.get(match[1], match[1]), text)


def _texts(source):
    """Strings that stand next to each other, or with a macro between that is part of a format, are one."""
    texts, end = [], None
    for token in _TOKEN.finditer(source):
        if not token[0].startswith('"'):
            continue
        between = source[end:token.start()] if end is not None else "x;"
        piece = _unescape(token[0][1:-1])
        if re.fullmatch(r"\s*(PRI\w+|STR_ARG\w*|SHOW)?\s*", between):
            texts[-1] += (GAP if "SHOW" in between else "") + piece
        else:
            texts.append(piece)
        end = token.end()
    return texts


@functools.cache
def texts():
    """All of them, each with GAP for what printf fills in."""
    files = [path for folder in ("policy", "webhook", "certs", "include/gpugate") for path in sorted((ROOT / folder).rglob("*.[ch]"))]
    found = [text for path in files for text in _texts(path.read_text())]
    assert len(files) > 100 and len(found) > 2000
    return [_FORMAT.sub(lambda match: "%" if match[0] == "%%" else GAP, text) for text in found]


@functools.cache
def _pieces():
    """What stands between gaps: whatever the program prints is made of these."""
    return frozenset(piece for text in texts() for piece in text.split(GAP) if piece)


@functools.cache
def _everything():
    return "\x01".join(_pieces())


def _joined(fragment, first=True):
    """Whether a fragment is the end of one piece, whole pieces, and the beginning of another: printed one after the other. A part with letters
    has to be long enough to be no accident."""
    for at in range(len(fragment), 0, -1):
        part, rest = fragment[:at], fragment[at:]
        if re.search("[a-z]", part) and len(part) < 8 and part not in _pieces():
            continue
        fits = any((piece.endswith(part) if first and rest else piece.startswith(part) if not rest else piece == part) for piece in _pieces())
        if fits and (not rest or _joined(rest, False)):
            return True
    return False


def says(fragment):
    """Whether the program can print this: it stands in one piece of its texts, or in several that follow each other."""
    return fragment in _everything() or _joined(fragment)


def functions_named(pattern):
    """Strings among the arguments of calls whose function's name matches, but for the names of a line's fields."""
    words = set()
    for path in sorted((ROOT / "webhook").rglob("*.c")):
        for call in re.finditer(rf"\b(?:{pattern})\(([^;]*);", path.read_text()):
            arguments = re.sub(r'\.key = "\w+"|log_number\("\w+"', "", call[1])
            words |= set(re.findall(r'"((?:[^"\\]|\\.)*)"', arguments))
    return words


def constant(file, name):
    """The value of a macro of one file that is a number or an expression of numbers."""
    found = re.findall(rf"^#define {name} (.+?)(?:\s*/\*.*)?$", (ROOT / file).read_text(), re.M)
    assert len(found) == 1, f"{file} defines {name} {len(found)} times"
    expression = re.sub(r"\(size_t\)|U?INT64_C|(?<=\d)[uUlL]+\b", "", found[0])
    expression = re.sub(r"\b[A-Z][A-Z0-9_]+\b", lambda match: str(constant(file, match[0])), expression)
    assert re.fullmatch(r"[\d\sx()<>*/+-]+", expression), f"{file}: {name} is {expression}"
    return int(eval(expression.replace("/", "//")))  # numbers and operators only, of our own sources


def number(file, pattern):
    """A number that has no name: the group of a pattern that the file has once."""
    found = re.findall(pattern, (ROOT / file).read_text())
    assert len(found) == 1, f"{file}: {pattern} is there {len(found)} times"
    return int(found[0])
