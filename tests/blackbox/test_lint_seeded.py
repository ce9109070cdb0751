"""Mistakes that are seeded at random places into manifests and policies without any, and into
manifests that a policy judges: lint finds all of them at their lines, and nothing in the
originals."""

import random

import pytest

import lint_cases
from gpugate import scaled
from manifest_cases import JUDGE, JUDGED, MISTAKES, QUIET, bad, good
from test_lint_manifests import lint

RUNS = scaled(45, 10)
SEEDED = 12  # In each run; a report keeps 20 errors.

MANIFESTS = [(name, text) for name, cases in MISTAKES.items() for text in cases if name != "manifest-unreadable"]
JUDGED_MANIFESTS = [(name, text) for name, cases in JUDGED.items() for text in cases]
POLICIES = [(name, text) for name, cases in lint_cases.MISTAKES.items() for text, _ in cases]
assert RUNS * SEEDED >= scaled(500, 100), "lint has to find at least 500 mistakes in manifests, and those of all policies as well"


def commented(rng, text):
    """Adds comments and empty lines between the lines of a document, but not within a block of
    text, which they would end."""
    lines = text.splitlines(keepends=True)
    data = next((i for i, line in enumerate(lines) if line.rstrip() == "data:"), len(lines))
    for _ in range(rng.randrange(4)):
        lines.insert(rng.randrange(data + 1), rng.choice(["# nvidia.com/gpus: 1\n", "      # 😀\n", "\n", "# limits.nvidia.com/gpu: «4¦5»\n".replace("«4¦5»", "4")]))
    return "".join(lines)


def stream(rng, documents):
    """Joins documents, and returns the text and the places of their mistakes."""
    text, places = "", []
    for name, document in documents:
        text += rng.choice(["---\n", "---\n# Source: chart/templates/app.yaml\n", "\n--- # next\n"])
        if name:
            document, (line, column) = bad(document)
            places.append((name, text.count("\n") + line, column))
        text += document
    return text, places


@pytest.mark.parametrize("seed", range(RUNS))
def test_manifests(tmp_path, seed):
    rng = random.Random(seed)
    wrong = [(name, commented(rng, text)) for name, text in rng.choices(MANIFESTS, k=SEEDED)]
    clean = [(None, good(commented(rng, text))) for _, text in rng.choices(MANIFESTS, k=20)] + [(None, rng.choice(list(QUIET.values()))) for _ in range(5)]
    documents = wrong + clean
    rng.shuffle(documents)
    half = rng.randrange(len(documents))
    expected = []
    for file, part in ("a.yaml", documents[:half]), ("b/c.yml", documents[half:]):
        text, places = stream(rng, part)
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
        expected += places
    assert sorted(lint(tmp_path)[1]) == sorted(expected) and len(expected) == SEEDED
    originals = tmp_path / "originals"
    originals.mkdir()
    (originals / "a.yaml").write_text(stream(rng, [(None, good(document)) for _, document in documents])[0])
    assert lint("--strict", originals)[:2] == (0, [])


@pytest.mark.parametrize("seed", range(scaled(12, 4)))
def test_manifests_that_a_policy_judges(tmp_path, seed):
    """Each has objects of its own names. Rules without a policy may say something at the same
    place as well, and nothing elsewhere."""
    rng = random.Random(seed)
    texts = [(name, commented(rng, text.replace("NAME", f"llm-{number}"))) for number, (name, text) in enumerate(rng.choices(JUDGED_MANIFESTS, k=SEEDED))]
    documents = texts + [(None, good(text.replace("llm-", "fine-"))) for _, text in texts]
    rng.shuffle(documents)
    half = rng.randrange(len(documents))
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy/policy.yaml").write_text(JUDGE)
    (tmp_path / "apps").mkdir()
    expected = []
    for file, part in ("a.yaml", documents[:half]), ("b.yaml", documents[half:]):
        text, places = stream(rng, part)
        (tmp_path / "apps" / file).write_text(text)
        expected += [(str(tmp_path / "apps" / file), *place) for place in places]
    report = lint("--policy", tmp_path / "policy", tmp_path / "apps")[2]
    found = [(each["file"], each["id"], each["line"], each["column"]) for each in report["findings"]]
    judged = sorted(each for each in found if each[1] in JUDGED)
    assert judged == sorted(expected) and len(expected) == SEEDED
    assert {(each[0], *each[2:]) for each in found} == {(each[0], *each[2:]) for each in expected}


@pytest.mark.parametrize("part", range(8))
def test_policies(tmp_path, part):
    """Each with one mistake, beside manifests that have some of their own."""
    rng = random.Random(part)
    for number, (name, text) in enumerate(POLICIES[part::8]):
        folder = tmp_path / str(number)
        (folder / "policy").mkdir(parents=True)
        lines = rng.randrange(5)
        plain = "# a comment\n" * lines + text.replace("«", "").replace("»", "")
        start = text.index("«")
        (folder / "policy/policy.yaml").write_text(plain)
        app, (line, column) = bad(rng.choice(MANIFESTS)[1])
        (folder / "app.yaml").write_text(app)
        found = [each for each in lint(folder)[1] if each[0] == name]
        assert (name, text.count("\n", 0, start) + 1 + lines, start - text.rfind("\n", 0, start)) in found, (name, found)
        assert (line, column) in [each[1:] for each in lint(folder)[1]]
