"""The retired words of the lexicon in docs/design.md, which must not come back."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent
TEXT = {".py", ".md", ".yml", ".toml", ".css"}
LEXICON = re.compile(r"^## Lexicon$.*", re.MULTILINE | re.DOTALL)

# What to write, and the pattern of what it replaces. A space may also be a line break.
RETIRED = {
    "distribution, check or property": r"(?<!Kepler's\x20)(?<![a-z])laws?(?![a-z])|BrokenLaw",
    "copy": r"\btwins?\b",
    "fix": r"\bmend(s|ed|ing)?\b",
    "per": r"\bnats an?\b|\bone (of each kind )?an? (entry|label|event|row|example)\b"
    r"|\b(seconds|figures|steps|batches|images|minute|ms|samples|draws) an? "
    r"(example|epoch|entry|row|image|step|check|pixel)\b",
    "inside, outside": r"(in|out)side(_| )of(?![a-z])",
    "parameterized": r"(?<!mark\.)(?<!metafunc\.)parametri[sz]",
    "your own": r"\bone's own\b|of_ones_own",
    "alternately": r"\bby turns\b",
    "after, before, trailing, leading": r"\b(behind|in front of)\b",
    "package": r"(?<![a-z])rooms?(?![a-z])",
    "is not a": r"(?<!there) is no (?!longer\b|more\b|less\b|better\b|larger\b|smaller\b)\w+",
    "is not": r"\bif `\w+` is none\b",
    "dynamic_shape": r"\bsizes\(\)",
    "maximum, minimum": r"\bat_(least|most)\(",
    "broadcast_tensors": r"\balike\(",
    "fold_in": r"\banother\((?=seed|\w*_seed)",
    "stirling_error, expm1mx": r"\b(stirling|expm1|digamma)_rest\b",
    "jit_call, eval_shape, tree_roundtrip": r"\b(kept|forget|fused|outline|rebuild|said)\(",
    "is_meta": r"\bis_probe\b",
    "not_applicable": r"(?<!it_)does_not_apply|DoesNotApply",
    "distribution_for": r"\blaw_at\b",
    "a descriptive name": r"\b_(Box|made|mend)\b",
}
PATTERNS = {
    better: re.compile(pattern.replace(" ", r"[\s#]+"), re.IGNORECASE)
    for better, pattern in RETIRED.items()
}


def tracked_files():
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / name for name in names if pathlib.Path(name).suffix in TEXT]


def retired_words(text):
    """Pairs of a line number and what to write instead."""
    return [
        (text.count("\n", 0, match.start()) + 1, f"{match.group()!r}: write {better!r}")
        for better, pattern in PATTERNS.items()
        for match in pattern.finditer(text)
    ]


def test_retired_words_do_not_come_back():
    found = []
    for path in tracked_files():
        if path == pathlib.Path(__file__) or not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        if path.name == "design.md":
            text = LEXICON.sub("", text)
        found += [f"{path.relative_to(ROOT)}:{line}: {what}" for line, what in retired_words(text)]
    assert not found, "\n".join(["Retired words:", *found])


@pytest.mark.parametrize(
    "text",
    [
        *("a law of large", "two laws", "distribution_laws", "law_of", "its twin", "mended"),
        *("nats an example", "nats an\n    # example", "one an entry", "seconds an epoch"),
        *("inside of", "Parametrized", "x.sizes()", "it is no Distribution", "_Box"),
        *("axes behind the batch", "in front of it", "if `function` is none", "one's own"),
        *("another(seed)", "fused(f)", "by turns", "ROOMS"),
    ],
)
def test_retired_words_are_found(text):
    assert retired_words(text)


@pytest.mark.parametrize(
    "text",
    [
        *("powerlaw", "Kepler's law", "drawn, a flaw", "is no longer used", "there is no mean"),
        *("nats per example", "one entry", "parameterized", "pytest.mark.parametrize"),
        *("another(name)", "amended", "a bathroom"),
    ],
)
def test_other_words_are_not_found(text):
    assert not retired_words(text)
