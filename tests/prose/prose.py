"""Checks the English of documents, comments, and messages, as CONTRIBUTING.md asks for it ("Sentences").

- words: no word of WORDS in a document, in a comment, or in a text that the program can print.
- sentences: no sentence of a document has more than 35 words.
- lines: no line of a document or of a comment has more than 100 columns, except tables, headings, code, and what
  cannot be broken.

Code, names in backticks, and generated files other than documents are not looked at. known.txt lists the files that are
not clean yet, with the check that they fail. It only gets shorter: a file that has become clean must be removed from it,
which --shrink does.

    tests/prose/prose.py [--root .] [--shrink] [FILE ...]
"""

import argparse
import ast
import fnmatch
import io
import pathlib
import re
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parents[2]
KNOWN = pathlib.Path(__file__).with_name("known.txt")
SENTENCE_WORDS, LINE_COLUMNS, TAB_COLUMNS = 35, 100, 8
# A line with a longer token (an address, an expression) may be longer than LINE_COLUMNS.
UNBREAKABLE = 60

# What English-speaking engineers do not write, and what they write instead. Regular expressions, without regard to case.
WORDS = {
    r"mend(?:s|ed|ing)?": "fix, correct, repair, restore",
    r"whoever": "anyone who, the caller that",
    r"anew": "again, from the start",
    r"for want of": "without, for lack of",
    r"as good as": "equivalent to, practically",
    r"besides": "also, in addition, other than",
    r"of late": "recent, recently",
    r"senseless": "invalid, meaningless",
    r"nobody wants to know": "may be NULL, optional",
    r"too dear": "too expensive",
    r"in company|for company": "to form a batch",
    r"in vain": "without effect",
    r"get(?:s|ting)? on|gets? to sign": "advance, continue, begin to sign",
    r"is no more": "no longer exists",
    r"wherefrom|whence|therein|thereof|hitherto|forthwith": "plain words",
    r"polite stop": "graceful shutdown",
    r"takes? apart": "shut down, split",
    r"has doubts?": "is uncertain",
    r"roll-back": "rollback",
    r"neighbour|behaviour|colour|favour|honour|licence|centre|catalogue|artefact|judgement|grey": "the American spelling",
}
_WORDS = [(re.compile(rf"\b(?:{pattern})\b", re.I), better) for pattern, better in WORDS.items()]

TOPS = ("*.md", "Makefile", "docs", "include", "policy", "certs", "webhook", "deploy", "tests")
PROGRAM = ("include/", "policy/", "certs/", "webhook/")
SKIPPED = ("tests/fuzz/corpus/*", "tests/reviews/*", "tests/prose/*", "*/__pycache__/*")


# --- Documents ---

def _is_table(line):
    return line.lstrip().startswith("|")


def document_lines(text):
    """(number, line) of what is prose: no code blocks, no comments of HTML."""
    text = re.sub(r"<!--.*?-->", lambda match: "\n" * match[0].count("\n"), text, flags=re.S)
    fence, blank, code = None, True, False
    for number, line in enumerate(text.split("\n"), 1):
        opens = re.match(r" *(```+)", line)
        if fence or opens:
            fence = (None if opens and opens[1] == fence else fence) if fence else opens[1]
            blank, code = True, False
            continue
        code = line.startswith("    ") and (code or blank) and bool(line.strip()) or (code and not line.strip())
        if not code:
            yield number, line
        blank = not line.strip()


def document_units(text):
    """(number of its first line, text) of paragraphs, list items, headings and cells of tables."""
    unit, begin = [], 0
    for number, line in [*document_lines(text), (0, "")]:
        new = not line.strip() or _is_table(line) or re.match(r"\s*(?:[-*+]|\d+\.)\s|\s*#+ |\s*<", line)
        if (new or (unit and number != begin + len(unit))) and unit:
            yield begin, " ".join(unit)
            unit = []
        if _is_table(line):
            yield from ((number, cell) for cell in re.split(r"(?<!\\)\|", line))
        elif line.strip() and not re.match(r"\s*<", line):
            begin = begin if unit else number
            unit.append(line.strip())
            if re.match(r"\s*#+ ", line):
                yield begin, unit.pop()


def plain(text):
    """Without code and markup: what stands in backticks is one word, and so is an address."""
    text = re.sub(r"(`+).+?\1", "CODE", text)
    text = re.sub(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?", r"\1", text)
    text = re.sub(r"https?://\S+", "ADDRESS", text)
    return re.sub(r"[*_]{1,2}(?=\S)|(?<=\S)\*{1,2}", "", text)


def sentences(text):
    return re.split(r"(?<=[.!?])[)\"'”]*\s+", text)


def words_of(text):
    return [word for word in text.split() if re.search(r"\w", word)]


def check_document(text):
    found = []
    for number, unit in document_units(text):
        unit = plain(unit)
        found += bad_words(number, unit)
        for sentence in sentences(unit):
            count = len(words_of(sentence))
            if count > SENTENCE_WORDS:
                found.append((number, "sentences", f'a sentence of {count} words: "{sentence[:60]}..."'))
    prose = [(number, line) for number, line in document_lines(text) if not _is_table(line) and not re.match(r"\s*(#|<)", line)]
    return found + long_lines(prose)


# --- Sources ---

_C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|\'(?:[^\'\\\n]|\\.)+\'|"(?:[^"\\\n]|\\.)*"', re.S)


def c_tokens(text):
    """(line, comment) and (line, string literal); literals that follow each other are one."""
    comments, literals, end = [], [], None
    for token in _C_TOKEN.finditer(text):
        line = text.count("\n", 0, token.start()) + 1
        if token[0].startswith("/"):
            comments.append((line, token[0]))
        elif token[0].startswith('"'):
            if end is not None and not text[end:token.start()].strip():
                literals[-1] = (literals[-1][0], literals[-1][1] + token[0][1:-1])
            else:
                literals.append((line, token[0][1:-1]))
            end = token.end()
    return comments, literals


def check_c(text, messages):
    """messages: string literals are texts that the program can print. A literal without a blank is a name."""
    comments, literals = c_tokens(text)
    lines = text.split("\n")
    found = [error for line, comment in comments for error in bad_words(line, re.sub(r"(`+).+?\1", "CODE", comment))]
    if messages:
        found += [error for line, literal in literals if " " in literal for error in bad_words(line, re.sub(r"\\.", " ", literal))]
    numbers = {line + i for line, comment in comments for i in range(comment.count("\n") + 1)}
    return found + long_lines((number, lines[number - 1]) for number in sorted(numbers))


def check_python(text):
    comments, lines = [], text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            comments.append((token.start[0], token.start[0], token.string))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False):
            comments.append((node.body[0].lineno, node.body[0].end_lineno, ast.get_docstring(node, clean=False)))
    found = [error for begin, _, comment in comments for error in bad_words(begin, re.sub(r"(`+).+?\1", "CODE", comment))]
    numbers = {number for begin, end, _ in comments for number in range(begin, end + 1)}
    return found + long_lines((number, lines[number - 1]) for number in sorted(numbers))


def check_hashed(text):
    """Makefiles and YAML: lines that are comments."""
    comments = [(number, line) for number, line in enumerate(text.split("\n"), 1) if re.match(r"\s*#(?!!)", line)]
    return [error for number, line in comments for error in bad_words(number, re.sub(r"(`+).+?\1", "CODE", line))] + long_lines(comments)


# --- Checks ---

def bad_words(number, text):
    """Words are looked for in the whole text, where a line may end between two of them."""
    text = re.sub(r"\s+(?:\*(?!/) )?", " ", text)
    return [(number, "words", f'"{match[0]}": write {better}') for pattern, better in _WORDS for match in pattern.finditer(text)]


def long_lines(lines):
    return [(number, "lines", f"{len(line.expandtabs(TAB_COLUMNS))} columns")
            for number, line in lines
            if len(line.expandtabs(TAB_COLUMNS)) > LINE_COLUMNS and max(map(len, line.split())) < UNBREAKABLE]


def check_file(root, path):
    """[(line, check, sentence)]"""
    text = (root / path).read_text()
    if path.endswith(".md"):
        return check_document(text)
    if path.endswith((".c", ".h")):
        return check_c(text, path.startswith(PROGRAM))
    if path.endswith(".py"):
        return check_python(text)
    return check_hashed(text)


def generated(root):
    """Patterns of .gitattributes, but for documents, whose sources are texts as well."""
    file = root / ".gitattributes"
    rows = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [row[0].replace("**", "*") for row in rows if "linguist-generated" in row and not row[0].endswith(".md")]


def files(root):
    skipped = [*SKIPPED, *generated(root)]
    found = set()
    for top in TOPS:
        for path in root.glob(top):
            for file in path.rglob("*") if path.is_dir() else [path]:
                name = str(file.relative_to(root))
                looked_at = name == "Makefile" or name.endswith((".md", ".c", ".h", ".py")) or (name.startswith("deploy/") and name.endswith(".yaml"))
                if looked_at and file.is_file() and not any(fnmatch.fnmatch(name, pattern) for pattern in skipped):
                    found.add(name)
    return sorted(found)


def read_known(path=KNOWN):
    """{(check, file)}"""
    lines = path.read_text().splitlines() if path.exists() else []
    return {tuple(line.split()) for line in lines if line and not line.startswith("#")}


def check(root, known, only=None):
    """(errors as sentences, entries of known that are no longer needed). only: these files."""
    errors, needed = [], set()
    names = files(root)
    for name in names:
        if only and name not in only:
            continue
        for number, kind, sentence in sorted(check_file(root, name)):
            if (kind, name) in known:
                needed.add((kind, name))
            else:
                errors.append(f"{name}:{number}: {sentence}")
    unneeded = {entry for entry in known if entry not in needed and (not only or entry[1] in only)}
    errors += [f"{name} is clean ({kind}), remove it from known.txt (prose.py --shrink does)" for kind, name in sorted(unneeded)]
    return errors, unneeded


def shrink(path, unneeded):
    gone = {" ".join(entry) for entry in unneeded}
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if line.strip() not in gone))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("--shrink", action="store_true", help="remove from known.txt what has become clean")
    parser.add_argument("files", nargs="*", metavar="FILE", help="only these, known.txt aside")
    options = parser.parse_args()
    if options.files:
        errors, _ = check(options.root, set(), set(options.files))
    else:
        errors, unneeded = check(options.root, read_known())
        if options.shrink:
            shrink(KNOWN, unneeded)
            errors, _ = check(options.root, read_known())
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
