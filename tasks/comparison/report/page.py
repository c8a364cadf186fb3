"""report.html: one file that asks no network, and whose policy lets no other script run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

from ...errors import ExitCode
from ..diff import Comparison
from ..verdict import sentence
from . import sections
from .costs import gates, services
from .elements import Ink, section
from .gantt import startup_chart
from .latency import latency_chart
from .lines import resource_charts
from .testlist import tests

_VERDICTS = {
    ExitCode.TESTS_DIFFER: ("bad", "\N{BALLOT X} Tests differ or fail"),
    ExitCode.GATE_FAILED: ("bad", "\N{BALLOT X} A performance target is missed"),
    ExitCode.ENVIRONMENT: ("bad", "\N{BALLOT X} A mode failed: little is known"),
    ExitCode.INCONCLUSIVE: ("doubt", "? Inconclusive"),
}
_PARTS = (
    ("summary", "Summary", sections.summary),
    ("tests", "Tests", tests),
    ("gates", "Gates", gates),
    ("services", "Services", services),
    ("start-up", "Start-up", startup_chart),
    ("resources", "Latency, memory and CPU while the suite ran", resource_charts),
    ("latency", "Latency", latency_chart),
    ("fingerprint", "What the suite saw differently", sections.fingerprint),
)
_CHARTS = frozenset({"start-up", "resources", "latency"})


def headline(code: ExitCode, comparison: Comparison) -> tuple[str, str]:
    """Return the kind (good, bad, doubt) and the words of a comparison that ended so.

    A missed target that is not enforced ends with 0, which is no praise.
    """
    if code != ExitCode.SAME:
        return _VERDICTS[code]
    judged = comparison.judged
    if any(row.missed for row in judged):
        return "doubt", "! No test differs; performance targets are missed"
    if not judged or any(row.unknown for row in judged):
        return "good", "\N{CHECK MARK} No test differs; not every target could be judged"
    return "good", "\N{CHECK MARK} No test differs, and every target is met"


def page(
    comparison: Comparison,
    code: ExitCode,
    *,
    enforce: bool = False,
    mask: Callable[[str], str] = str,
) -> str:
    """Return the page as HTML."""
    ink = Ink(mask)
    style, script = _resource("page.css"), _resource("page.js")
    baseline, candidate = (ink(side.name) for side in comparison.sides)
    kind, words = headline(code, comparison)
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in _PARTS)
    runs = sections.each_run(comparison)
    body = "".join(
        section(name, title, runs if name in _CHARTS else "", part(comparison, ink))
        for name, title, part in _PARTS
    )
    # The hashes let our own style and script in, and nothing that text could smuggle in.
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{baseline} and {candidate}: {words}</title><style>{style}</style></head>"
        f"<body><header><h1>{baseline} and {candidate}, side by side</h1>"
        f'<p class="about">Baseline: {baseline}. Candidate: {candidate}. '
        "A ratio is the candidate by the baseline.</p>"
        f'<div class="verdict {kind}" role="status"><strong>{words}</strong>'
        f"<p>{ink(sentence(comparison, enforce=enforce))}</p></div>"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f"<main>{body}</main><footer><p>Times, memory and CPU as docs/comparing.md of Tranship "
        f"explains them. Exit code {int(code)}.</p></footer>"
        f"<script>{script}</script></body></html>\n"
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the source expression of an inline element (CSP level 2, 4.2.5)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
