"""What the program can print: the strings in its sources, as the compiler sees them."""

import bisect
import functools
import re

from gpugate import ROOT

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|\'(?:[^\'\\]|\\.)+\'|"(?:[^"\\]|\\.)*"', re.S)
_ESCAPE = {"n": "\n", "t": "\t", "0": "\0", '"': '"', "\\": "\\", "'": "'", "r": "\r"}
_FORMAT = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z%]")

GAP = "\x00"  # Marks what is filled in.


def _unescape(text):
    return re.sub(r"\\(.)", lambda match: _ESCAPE.get(match[1], match[1]), text)


def _texts(source):
    """Returns the strings. Adjacent ones are one string, even with a macro between them that is
    part of a format."""
    texts, end = [], None
    for token in _TOKEN.finditer(source):
        if not token[0].startswith('"'):
            continue
        between = source[end:token.start()] if end is not None else "x;"
        piece = _unescape(token[0][1:-1])
        if re.fullmatch(r"\s*(PRI\w+|STR_ARG\w*|SHOW|LINT_NAME)?\s*", between):
            texts[-1] += (GAP if between.strip() in ("SHOW", "LINT_NAME") else "") + piece
        else:
            texts.append(piece)
        end = token.end()
    return texts


@functools.cache
def texts():
    """Returns all strings, each with GAP for what printf fills in."""
    files = [path for folder in ("policy", "webhook", "certs", "include/gpugate") for path in sorted((ROOT / folder).rglob("*.[ch]"))]
    found = [text for path in files for text in _texts(path.read_text())]
    assert len(files) > 100 and len(found) > 2000
    return [_FORMAT.sub(lambda match: "%" if match[0] == "%%" else GAP, text) for text in found]


@functools.cache
def _pieces():
    """Returns the parts between gaps. Everything that the program prints is made of these."""
    return frozenset(piece for text in texts() for piece in text.split(GAP) if piece)


@functools.cache
def _everything():
    return "\x01".join(_pieces())


@functools.cache
def _sorted_pieces():
    """Returns the pieces in order, and the reversed pieces in order, for searches by beginning and
    by end."""
    return sorted(_pieces()), sorted(piece[::-1] for piece in _pieces())


def _some_begins(ordered, part):
    at = bisect.bisect_left(ordered, part)
    return at < len(ordered) and ordered[at].startswith(part)


def _joined(fragment):
    """Whether a fragment is the end of one piece, then whole pieces, then the beginning of another,
    as if they were printed one after the other. A part with letters must be long enough not to
    match by accident."""
    forward, backward = _sorted_pieces()
    reached = {0}  # The places at which a piece can begin. From each one, all ends are tried once.
    for start in range(len(fragment)):
        if start not in reached:
            continue
        for end in range(start + 1, len(fragment) + 1):
            part = fragment[start:end]
            if len(part) < 8 and part not in _pieces() and re.search("[a-z]", part):
                continue
            if end == len(fragment):
                if _some_begins(forward, part):
                    return True
            elif _some_begins(backward, part[::-1]) if start == 0 else part in _pieces():
                reached.add(end)
    return False


def says(fragment):
    """Whether the program can print this: it is in one piece of its strings, or in several that
    follow each other."""
    return fragment in _everything() or _joined(fragment)


def functions_named(pattern):
    """Returns the strings in the arguments of calls of functions whose name matches, except the
    names of a log line's fields."""
    words = set()
    for path in sorted((ROOT / "webhook").rglob("*.c")):
        for call in re.finditer(rf"\b(?:{pattern})\(([^;]*);", path.read_text()):
            arguments = re.sub(r'\.key = "\w+"|log_number\("\w+"', "", call[1])
            words |= set(re.findall(r'"((?:[^"\\]|\\.)*)"', arguments))
    return words


def constant(file, name):
    """Returns the value of a macro of one file that is a number or an expression of numbers."""
    found = re.findall(rf"^#define {name} (.+?)(?:\s*/\*.*)?$", (ROOT / file).read_text(), re.M)
    assert len(found) == 1, f"{file} defines {name} {len(found)} times"
    expression = re.sub(r"\(size_t\)|U?INT64_C|(?<=\d)[uUlL]+\b", "", found[0])
    expression = re.sub(r"\b[A-Z][A-Z0-9_]+\b", lambda match: str(constant(file, match[0])), expression)
    assert re.fullmatch(r"[\d\sx()<>*/+-]+", expression), f"{file}: {name} is {expression}"
    # Only numbers and operators, from our own sources.
    return int(eval(expression.replace("/", "//")))


def number(file, pattern):
    """Returns a number that has no name: the group of a pattern that the file contains once."""
    found = re.findall(pattern, (ROOT / file).read_text())
    assert len(found) == 1, f"{file}: {pattern} is there {len(found)} times"
    return int(found[0])
