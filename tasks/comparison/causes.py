"""Which differences a failing test speaks of: a ranking with reasons, not a proof."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .fingerprints import Difference
from .mentions import Mentions, TestSource
from .topics import TOPICS

_NAMED = 10
"""The failure's text names the row itself: a variable, a package, a host."""
_VALUE = 4
_BOTH_VALUES = 9
_TEXT = 6
_PLACES = ((6, "the test"), (3, "its file"), (2, "what it imports"))
_OWN_NAME = 1.5
_COMMON = 0.3
"""What so many tests use that it says little, beside what few do."""
_CASE = 12
_SLIGHT = 1
"""A `2` stands in many messages: it says something only where more speaks of the row."""
_ERROR_NUMBER = re.compile(r"\[(?:Errno|WinError) -?\d+\]")
_NO_SUCH_FILE = re.compile(r"No such file or directory|FileNotFoundError")
_SAYS_NOTHING = frozenset({"yes", "no", "none", "unknown", "missing", "no answer", "random", ""})
# Modules that Python had once: this interpreter's own list depends on how new it is.
_FORMER_MODULES = re.compile(
    "aifc|asynchat|asyncore|audioop|binhex|cgi|cgitb|chunk|crypt|distutils|formatter|imghdr|imp"
    "|lib2to3|mailcap|msilib|nis|nntplib|ossaudiodev|parser|pipes|smtpd|sndhdr|spwd|sunau|symbol"
    "|telnetlib|uu|xdrlib"
)
# Distributions that are imported by another name; all others by their own.
_IMPORTED_AS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "git": "gitpython",
    "jwt": "pyjwt",
    "openssl": "pyopenssl",
    "pil": "pillow",
    "pkg-resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


@dataclass(frozen=True)
class Cause:
    """One difference that the test speaks of."""

    difference: Difference
    score: float
    reasons: tuple[str, ...]
    """What speaks of it, the strongest first."""


Reason = tuple[float, str]


def rank(
    message: str,
    source: TestSource,
    differences: Sequence[Difference],
    *,
    case_twins: Sequence[tuple[str, str]] = (),
) -> tuple[Cause, ...]:
    """Return the differences that the test's failure or source speaks of, the likeliest first.

    `case_twins` are file names of the message with those of the same letters in another case
    that are on disk. What speaks of no difference is in no row: an empty answer is one too.
    """
    found = []
    # That the file is there in another case says why it is missing, and no folder is to blame.
    said = _NO_SUCH_FILE.sub("", message) if case_twins else message
    for difference in differences:
        reasons = [
            *_by_message(said, difference),
            *_by_values(message, difference),
            *_by_source(source, difference),
        ]
        if case_twins and difference.key.startswith("case_sensitive"):
            named, there = case_twins[0]
            reasons.append((_CASE, f"it asks for {named!r} and there is {there!r}"))
        if any(weight != _SLIGHT for weight, _ in reasons):
            reasons.sort(key=lambda it: -it[0])
            score = sum(weight for weight, _ in reasons) + difference.suspicion / 20
            found.append(Cause(difference, score, tuple(reason for _, reason in reasons)))
    return tuple(sorted(found, key=lambda it: (-it.score, it.difference.key)))


def _by_message(message: str, difference: Difference) -> Iterator[Reason]:
    key = difference.key
    kind, _, name = key.partition(":")
    if name and _word(name, message, ignore_case=kind in ("package", "dns")):
        # `postgres` is a package, a host and a word: only the last part of each says which.
        yield _NAMED, f"the failure names {name}"
    for module in re.findall(r"(?:[Mm]odule|from|named) '([\w.]+)'", message):
        top = module.split(".")[0]
        if kind == "package" and distribution_of(top) == name != top:
            yield _NAMED, f"the failure names the module {top}"
        own = top in sys.stdlib_module_names or _FORMER_MODULES.fullmatch(top)
        if key == "python" and own:
            yield _NAMED, f"the failure names {top}, a module of Python's own"
    for topic in TOPICS:
        words = topic.covers(key) and topic.in_text(message)
        if words:
            yield _TEXT, f"the failure says {words!r}"
            return


def _by_values(message: str, difference: Difference) -> Iterator[Reason]:
    shown = _ERROR_NUMBER.sub("", message)
    values = [
        value
        for value in (difference.baseline, difference.candidate)
        if value is not None and value not in _SAYS_NOTHING and _in_text(value, shown)
    ]
    if len(values) == 2:
        yield _BOTH_VALUES, f"the failure shows both values, {values[0]!r} and {values[1]!r}"
    elif values:
        # A name of a zone stands in few messages.
        yield _VALUE if len(values[0]) > 2 else _SLIGHT, f"the failure shows {values[0]!r}"


def _in_text(value: str, message: str) -> bool:
    return any(_word(part, message) for part in {value, *_parts(value)})


def _parts(value: str) -> list[str]:
    """Return the words of a value such as `+0100 +0200` or `UTC/UTC`."""
    return [
        part for part in re.split(r"[ /]", value) if re.fullmatch(r"[+-]\d{4}|[A-Z]{3,4}", part)
    ]


def _word(word: str, text: str, *, ignore_case: bool = False) -> bool:
    flags = re.IGNORECASE if ignore_case else 0
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w)", text, flags) is not None


def _by_source(source: TestSource, difference: Difference) -> Iterator[Reason]:
    """Yield the nearest place that speaks of it: the test, its file, what that imports."""
    for (weight, place), found in zip(
        _PLACES, (source.test, source.file, source.imported), strict=True
    ):
        factor, words = _spoken(found, difference.key)
        if words:
            yield weight * factor, f"{place} uses {words}"
            return


def _spoken(found: Mentions, key: str) -> tuple[float, str]:
    """Return how much to make of what is found about a row, and the words ("" for none)."""
    kind, _, name = key.partition(":")
    if kind == "env" and name in found.texts:
        return _OWN_NAME, f"the variable {name}"
    if kind == "package":
        modules = sorted(it for it in found.modules if distribution_of(it) == name)
        if modules:
            return _OWN_NAME, f"the module {modules[0].split('.')[0]}"
    if kind == "dns" and any(_word(name, text) for text in found.texts):
        return _OWN_NAME, f"the name {name}"
    topics = [topic for topic in TOPICS if topic.covers(key)]
    names = sorted(found.names | found.modules)
    for dotted in names:
        if any(topic.in_code(dotted) for topic in topics):
            return 1, dotted
    for dotted in names:
        if any(topic.in_common(dotted) for topic in topics):
            return _COMMON, dotted
    return 0, ""


def distribution_of(module: str) -> str:
    """Return the distribution that installs a module, by its name in lower case with dashes."""
    top = module.split(".")[0].lower().replace("_", "-")
    return _IMPORTED_AS.get(top, top)
