"""Checks that arrows between folders go one way, and that files do not depend on each other in a
circle.

An arrow is an include, or a symbol that one object file uses and another defines. ARROWS lists the
folders that a folder may use. Any other arrow is an error, and so is a circle between folders or
between files.

    tests/layers/layers.py [--objects build/release] [--root .]
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# From bottom to top. A folder may also use its own files, include/, and through include/ the other
# parts of the program.
ARROWS = {
    "include": [],
    "policy/base": [],
    "policy/model": ["policy/base"],
    "policy/document": ["policy/base"],
    "policy/manifest": ["policy/base", "policy/model", "policy/document"],
    "policy/evaluate": ["policy/base", "policy/model"],
    "policy/compile": ["policy/base", "policy/model", "policy/document"],
    "certs": [],
    "webhook/json": [],
    "webhook/metrics": [],
    "webhook/cli": ["webhook/json"],
    "webhook/base": ["webhook/json"],
    "webhook/object": ["webhook/json"],
    "webhook/ledger": [],
    "webhook/admission": ["webhook/json", "webhook/object", "webhook/ledger"],
    "webhook/usage": ["webhook/ledger", "webhook/metrics", "webhook/base"],
    # simulate decides the same without a cluster, a clock, or a log. It must not use kube, http,
    # server, metrics, or base.
    "webhook/simulate": ["webhook/admission", "webhook/object", "webhook/ledger", "webhook/json"],
    # init makes a policy of objects, without a cluster, a clock, or a log.
    "webhook/init": ["webhook/object", "webhook/json"],
    "webhook/http": ["webhook/base"],
    "webhook/kube": ["webhook/base", "webhook/json", "webhook/metrics"],
    "webhook/quota": ["webhook/usage", "webhook/ledger", "webhook/json"],
    "webhook/cert_controller": ["webhook/kube", "certs", "webhook/base", "webhook/json", "webhook/metrics"],
    # registration uses quota for the names of gpuquotas objects, which `render --viewers` grants
    # access to.
    "webhook/registration": ["webhook/kube", "webhook/quota", "webhook/ledger", "webhook/base", "webhook/json", "webhook/metrics"],
    "webhook/cluster": ["webhook/kube", "webhook/ledger", "webhook/usage", "webhook/quota", "webhook/object", "webhook/base",
                        "webhook/json", "webhook/metrics"],
    "webhook/server": ["webhook/admission", "webhook/usage", "webhook/http", "webhook/kube", "webhook/quota", "webhook/cert_controller",
                       "webhook/registration", "webhook/cluster", "webhook/object", "webhook/ledger", "webhook/base", "webhook/json",
                       "webhook/metrics", "webhook/cli"],
    "webhook/cmd": ["webhook/server", "webhook/simulate", "webhook/init", "webhook/registration", "webhook/quota", "webhook/kube", "webhook/object",
                    "webhook/cli", "webhook/json", "webhook/base"],
    "webhook": ["webhook/cmd", "webhook/cli", "webhook/base"],
}

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def folder_of(path):
    return "include" if path.startswith("include/") else str(pathlib.PurePosixPath(path).parent)


def includes(root, files):
    """{(from, to)}, between files."""
    arrows = set()
    for path in files:
        for name in INCLUDE.findall((root / path).read_text()):
            target = f"include/{name}" if name.startswith("gpugate/") else name
            arrows.add((path, target))
    return arrows


def symbols(root, objects, sources):
    """{(from, to): a symbol}, between source files, by what their objects use and define."""
    defined, used = {}, {}
    by_object = {f"{path[:-2]}.o": path for path in sources}
    missing = [name for name in by_object if not (root / objects / name).exists()]
    if missing:
        sys.exit(f"{objects} lacks {len(missing)} objects, {missing[0]} first: run `make` before this check")
    listing = subprocess.run(["nm", "-A", "-g", *by_object], cwd=root / objects, text=True, stdout=subprocess.PIPE, check=True).stdout
    for line in listing.splitlines():
        file, _, symbol = line.partition(":")
        *_, kind, name = symbol.split()
        if kind in "Uw":
            used.setdefault(by_object[file], set()).add(name)
        else:
            defined[name] = by_object[file]
    return {(path, defined[name]): name for path, names in used.items() for name in names if defined.get(name, path) != path}


def circles(arrows):
    """Returns the strongly connected components of more than one node, each sorted (Tarjan,
    iteratively)."""
    graph = {}
    for begin, end in arrows:
        graph.setdefault(begin, set()).add(end)
        graph.setdefault(end, set())
    number, low, on, stack, found = {}, {}, set(), [], []
    for start in sorted(graph):
        if start in number:
            continue
        work = [(start, iter(sorted(graph[start])))]
        number[start] = low[start] = len(number)
        stack.append(start)
        on.add(start)
        while work:
            node, successors = work[-1]
            for successor in successors:
                if successor not in number:
                    number[successor] = low[successor] = len(number)
                    stack.append(successor)
                    on.add(successor)
                    work.append((successor, iter(sorted(graph[successor]))))
                    break
                if successor in on:
                    low[node] = min(low[node], number[successor])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    component = set(stack[stack.index(node):])
                    del stack[stack.index(node):]
                    on -= component
                    if len(component) > 1:
                        found.append(sorted(component))
    return found


def through_the_public_interface(source, target):
    """Whether a use crosses from one part of the program to another. Then include/ declares the
    symbol, or it would not compile."""
    return source.split("/")[0] != target.split("/")[0]


def check(root, objects, table=ARROWS):
    """Returns the errors, as sentences. The table says which folders a folder may use."""
    tops = sorted({folder.split("/")[0] for folder in table})
    files = sorted(str(path.relative_to(root)) for top in tops for path in (root / top).rglob("*.[ch]"))
    errors = [f"{folder} is not in the table" for folder in sorted({folder_of(path) for path in files} - set(table))]
    included, used = includes(root, files), symbols(root, objects, [path for path in files if path.endswith(".c")])
    arrows = [(begin, end, f"{begin} includes {end}") for begin, end in sorted(included)]
    arrows += [(begin, end, f"{begin} uses {name} of {end}") for (begin, end), name in sorted(used.items())
               if not through_the_public_interface(folder_of(begin), folder_of(end))]
    between = set()
    for begin, end, sentence in arrows:
        source, target = folder_of(begin), folder_of(end)
        if target not in (source, "include"):
            between.add((source, target))
            if target not in table.get(source, []):
                errors.append(f"{sentence}: {source} may not use {target}")
    errors += [f"circle between folders: {', '.join(circle)}" for circle in circles(between)]
    errors += [f"circle between files: {', '.join(circle)}" for circle in circles(used) + circles(included)]
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("--objects", default="build/release")
    options = parser.parse_args()
    errors = check(options.root, options.objects)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
